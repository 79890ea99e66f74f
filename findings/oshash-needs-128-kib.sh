#!/usr/bin/env bash
# oshash 0.1.1 from PyPI: no hash below 128 KiB.
#
# The format sums the file's size with its first and last 64 KiB, and the two may overlap in a
# smaller file. This library refuses instead; whoever matches by OSHash gets no answer for clips
# and test files. What Stash does with such files was not run here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check oshash==0.1.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import oshash

for size in (65_536, 131_071, 131_072):
    with open("clip.bin", "wb") as clip:
        clip.write(bytes(place * 7 % 251 for place in range(size)))
    try:
        print(size, oshash.oshash("clip.bin"))
    except ValueError as error:
        print(size, "ValueError:", error)
PY
cat > expected.txt <<'TXT'
65536 ValueError: File size must be at least 128 KB
131071 ValueError: File size must be at least 128 KB
131072 e6f40a2838423716
TXT
diff expected.txt seen.txt && cat seen.txt
