#!/usr/bin/env bash
# timecode 1.5.1: a timecode plus 00:00:00:00 is one frame later, and a second ends at frame 23.
#
# A timecode here is a count of frames that begins with 1, so that 00:00:00:00 is one frame long:
# adding it adds one, a marker less itself is an error, and the second from 0 to 1, asked for by
# start_seconds, is 00:00:00:23. float, which looks like the seconds that a marker of Stash or of
# a chapter wants, has the frame in it as well: 00:00:01:00 is 1.0417.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check timecode==1.5.1
cd "$work"
cat > run.py <<'PY'
from timecode import Timecode

hour = Timecode("24", "01:00:00:00")
print("plus nothing:", hour + Timecode("24", "00:00:00:00"))
try:
    print(hour - hour)
except ValueError as error:
    print("less itself:", error)
print("start_seconds 1 and 3600:", *(Timecode("24", start_seconds=n) for n in (1, 3600)))
second = Timecode("24", "00:00:01:00")
print(second, "as float:", round(second.float, 4))
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
plus nothing: 01:00:00:01
less itself: Timecode.frames should be a positive integer bigger than zero, not 0
start_seconds 1 and 3600: 00:00:00:23 00:59:59:23
00:00:01:00 as float: 1.0417
TXT
diff expected.txt seen.txt && cat seen.txt
