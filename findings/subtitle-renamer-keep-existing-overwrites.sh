#!/usr/bin/env bash
# subtitle-renamer 0.1.2: --keep-existing writes over what is there, and "The 100" is episode 100.
#
# The switch is to skip a subtitle whose new name is taken. It does the reverse: without it what is
# there is kept, and with it the file is written over. Episodes are told by the first "E" with
# digits behind it, in either case and with blanks between, so that the end of "The" counts: all
# subtitles of a series called "The 100" are for one of its videos, whichever is listed last.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check subtitle-renamer==0.1.2
cd "$work"
cat > run.py <<'PY'
import re

from subtitle_renamer import SubtitleRenamer, get_episode_number

patterns = [re.compile(one, re.IGNORECASE) for one in SubtitleRenamer.DEFAULT_VIDEO_PATTERNS]
for name in ("A Show S01E02.mkv", "The 100 S01E02.mkv", "The 100 S01E03.mkv"):
    print(name, get_episode_number(name, patterns))
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
for switch in "" --keep-existing; do
    rm -rf videos subtitles
    mkdir videos subtitles
    touch "videos/A Show S01E02.mkv"
    echo "made by hand" > "subtitles/A Show S01E02.srt"
    echo "downloaded" > "subtitles/other.E02.srt"
    "$work/venv/bin/subtitle-renamer" -v videos -s subtitles $switch > /dev/null 2>&1
    echo "${switch:-no switch}: $(cat 'subtitles/A Show S01E02.srt')"
done >> seen.txt
cat > expected.txt <<'TXT'
A Show S01E02.mkv 2
The 100 S01E02.mkv 100
The 100 S01E03.mkv 100
no switch: made by hand
--keep-existing: downloaded
TXT
diff expected.txt seen.txt && cat seen.txt
