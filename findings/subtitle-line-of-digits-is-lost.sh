#!/usr/bin/env bash
# srt-to-vtt 1.4.0, vtt_to_srt3 0.2.0.4, whisper-vtt2srt 0.1.2: what is said in digits is lost.
#
# A subtitle may have a number in front of it, which WebVTT does not need. The first drops each
# line that is all digits, wherever it stands; the other two drop one that stands before a line
# of times, for the blank lines are gone by then. "1984", alone on the screen as the answer to a
# question, is silence, and the third leaves no gap either: subtitles 1 and 3 are 1 and 2.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    srt-to-vtt==1.4.0 vtt_to_srt3==0.2.0.4 whisper-vtt2srt==0.1.2
cd "$work"
cat > film.srt <<'TXT'
1
00:00:01,000 --> 00:00:03,000
Which year?

2
00:00:04,000 --> 00:00:05,000
1984

3
00:00:06,000 --> 00:00:07,000
Ah.
TXT
cat > run.py <<'PY'
from srt_to_vtt import srt_to_vtt
from vtt_to_srt.vtt_to_srt import VttToStr
from whisper_vtt2srt import Pipeline

with open("film.srt") as file:
    blocks = file.read().replace(",", ".").split("\n\n")
film = "\n\n".join(["WEBVTT", *(block.split("\n", 1)[1] for block in blocks)])
srt_to_vtt("film.srt", "film.vtt")
with open("film.vtt") as file:
    by_first = file.read()
for name, text in (
    ("srt-to-vtt", by_first),
    ("vtt_to_srt3", VttToStr().convert_content(film)),
    ("whisper-vtt2srt", Pipeline().convert(film)),
):
    print(name, text.strip().replace("00:00:", "").split("\n\n"))
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
srt-to-vtt ['WEBVTT', '01.000 --> 03.000\nWhich year?', '04.000 --> 05.000', '06.000 --> 07.000\nAh.']
vtt_to_srt3 ['1\n01,000 --> 03,000\nWhich year?', '2\n04,000 --> 05,000', '3\n06,000 --> 07,000\nAh.']
whisper-vtt2srt ['1\n01,000 --> 03,000\nWhich year?', '2\n06,000 --> 07,000\nAh.']
TXT
diff expected.txt seen.txt && cat seen.txt
