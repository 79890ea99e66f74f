#!/usr/bin/env bash
# Seven readers of LRC (PyPI, npm): one time is 1.5 s, 1.05 s, 1.005 s or none, another is a tag.
#
# A time in a file of lyrics has one to three digits after the point, or no point at all. Four
# of the readers take 00:01.5 for a second and a half. For pylrctool 0.2.0 the digit is a
# hundredth part, for lrc-file-parser 2.4.2 (npm) a thousandth as soon as any other line of the
# file has thousandths, and for clrc 3.1.4 (npm) it is no line of lyrics. Without a point the line
# is gone in lrc-file-parser, and in lrctoolbox 1.3.0 it is a tag of the song, of the name 01.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pylrc==0.1.2 lrcparser==0.2.0 pylrctool==0.2.0 lrctoolbox==1.3.0
cd "$work"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lrc-kit@1.2.1 clrc@3.1.4 lrc-file-parser@2.4.2 > /dev/null
cat > song.lrc <<'TXT'
[ti:Song]
[00:01.5]one
[00:02.50]two
[01:00]three
TXT
cat > run.py <<'PY'
import lrctoolbox
import pylrc
from lrcparser import LrcParser
from pylrctool import LRCFile

with open("song.lrc") as file:
    song = file.read()
print("pylrc", [line.time for line in pylrc.parse(song)])
starts = [line.start_time for line in LrcParser.parse(song)["lrc_lines"]]
print("lrcparser", [(time.minutes, time.seconds, time.microseconds) for time in starts])
lines = LRCFile()
lines.from_string(song)
print("pylrctool", [line.time.total_seconds() for line in lines if line.is_lyric])
found = lrctoolbox.SyncedLyrics.load_from_lines(song.splitlines())
print("lrctoolbox", [line.timestamp for line in found.synced_lines], "tag 01:", vars(found)["01"])
PY
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import kit from 'lrc-kit';
import clrc from 'clrc';
import Lyric from 'lrc-file-parser';

const song = readFileSync('song.lrc', 'utf8');
const show = (name, times) => console.log(name, JSON.stringify(times));
show('lrc-kit', kit.Lrc.parse(song).lyrics.map((line) => line.timestamp));
show('clrc', clrc.parse(song).filter((line) => line.type === 'lyric').map((line) => line.startMillisecond));
for (const lyric of [song, song.replace('02.50', '02.500')]) {
  new Lyric({ lyric, onSetLyric: (lines) => show('lrc-file-parser', lines.map((line) => line.time)) });
}
JS
{ venv/bin/python run.py && node run.mjs; } > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
pylrc [1.5, 2.5, 60.0]
lrcparser [(0, 1, 500000), (0, 2, 500000), (1, 0, 0)]
pylrctool [1.05, 2.5, 60.0]
lrctoolbox [1500, 2500] tag 01: 00
lrc-kit [1.5,2.5,60]
clrc [2500,60000]
lrc-file-parser [1500,2500]
lrc-file-parser [1005,2500]
TXT
diff expected.txt seen.txt && cat seen.txt
