#!/usr/bin/env bash
# pylrctool 0.2.0: a line of lyrics that is sung twice is not among the subtitles made of them.
#
# In LRC a line that comes again has both its times in front of it. One subtitle is made, put in
# the list, given the second time, and put in once more, so that both are the same one. It ends
# where the line after the first time begins, that is before it begins, and so it is left out.
# The count of lines is off from there on: each subtitle after it stays until the next but one
# begins, or for five seconds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check pylrctool==0.2.0
cd "$work"
cat > song.lrc <<'TXT'
[00:01.00]First verse
[00:03.00][00:07.00]Chorus
[00:05.00]Second verse
[00:09.00]Bridge
[00:11.00]End
TXT
cat > run.py <<'PY'
from pylrctool import LRCFile

song = LRCFile()
song.from_file("song.lrc")
print(song.dumps().splitlines()[1])
song.dump_to_srt("song.srt")
with open("song.srt") as file:
    for subtitle in file.read().strip().split("\n\n"):
        print(*subtitle.split("\n")[1:], sep=" | ")
PY
venv/bin/python run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
[00:03.00][00:07.00]Chorus
00:00:01,000 --> 00:00:03,000 | First verse
00:00:05,000 --> 00:00:11,000 | Second verse
00:00:09,000 --> 00:00:14,000 | Bridge
00:00:11,000 --> 00:00:16,000 | End
TXT
diff expected.txt seen.txt && cat seen.txt
