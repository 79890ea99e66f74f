#!/usr/bin/env bash
# webvtt-python, pywebvtt and whisper-vtt2srt: the name of a cue goes to its neighbours.
#
# In WebVTT a cue may have a name, on the line above its times, and settings behind them. In
# pywebvtt 0.2.0 and whisper-vtt2srt 0.1.2 a name is the last thing that the cue before it says;
# in the former, a line of times with settings is said as well, so that two cues are one.
# webvtt-python 0.2.0 has a field for the name and never fills it: the first is a comment of the
# file's head, where it writes it again, and the others are nowhere.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    webvtt-python==0.2.0 pywebvtt==0.2.0 whisper-vtt2srt==0.1.2
cd "$work"
cat > film.vtt <<'TXT'
WEBVTT

00:00:01.000 --> 00:00:03.000
Hello.

the reply
00:00:04.000 --> 00:00:05.000
Who is it?

the door
00:00:06.000 --> 00:00:07.000 align:start
It opens.
TXT
cat > run.py <<'PY'
import pywebvtt
from webvtt_python.parser import WebVTTParser
from whisper_vtt2srt import Pipeline

with open("film.vtt") as file:
    film = file.read()
named = film.replace("\n\n", "\n\nthe start\n", 1)
found = WebVTTParser().parse(named)
print("webvtt-python", found.header_comments, [(cue.identifier, cue.text) for cue in found.cues])
print("pywebvtt", [scene.transcript for scene in pywebvtt.ParseFile("film.vtt")])
blocks = Pipeline().convert(film).strip().split("\n\n")
print("whisper-vtt2srt", [block.split("\n")[2:] for block in blocks])
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
webvtt-python ['the start'] [(None, 'Hello.'), (None, 'Who is it?'), (None, 'It opens.')]
pywebvtt [['Hello.', 'the reply'], ['Who is it?', 'the door', '00:00:06.000 --> 00:00:07.000 align:start', 'It opens.']]
whisper-vtt2srt [['Hello. the reply'], ['Who is it? the door'], ['It opens.']]
TXT
diff expected.txt seen.txt && cat seen.txt
