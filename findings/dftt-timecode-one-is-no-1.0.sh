#!/usr/bin/env bash
# dftt-timecode 1.0.0: 90 are nearly four seconds, and 90.0 are a minute and a half.
#
# A whole number is a count of frames and any other number one of seconds, by its type alone. A
# marker's time that came through JSON is either, as it happens to fall: 90.5 and 90 are 87 seconds
# apart. So is what is added. And a difference below zero is counted from midnight back: five
# seconds less ten are 23:59:55, unless strict is told to be off.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check dftt-timecode==1.0.0
cd "$work"
cat > run.py <<'PY'
import json

from dftt_timecode import DfttTimecode


def smpte(code):
    return code.timecode_output("smpte")


for text in ("90.5", "90.0", "90"):
    print(text, smpte(DfttTimecode(json.loads(text), "auto", 24)))
five, ten = (DfttTimecode(f"00:00:{n}:00", "auto", 24) for n in ("05", "10"))
print("plus 1 and 1.0:", smpte(five + 1), smpte(five + 1.0))
print("less ten:", smpte(five - ten))
lax = [DfttTimecode(f"00:00:{n}:00", "auto", 24, strict=False) for n in ("05", "10")]
print("not strict:", smpte(lax[0] - lax[1]))
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
90.5 00:01:30:12
90.0 00:01:30:00
90 00:00:03:18
plus 1 and 1.0: 00:00:05:01 00:00:06:00
less ten: 23:59:55:00
not strict: -00:00:05:00
TXT
diff expected.txt seen.txt && cat seen.txt
