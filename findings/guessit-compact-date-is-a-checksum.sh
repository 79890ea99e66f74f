#!/usr/bin/env bash
# guessit 4.4.0: a date of eight digits is taken for a CRC32.
#
# Many downloaders name files studio_20240517_title.mp4. Eight digits are eight digits of
# hexadecimal, too, so the date is lost and a checksum appears; with hyphens it is a date.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0 rebulk==6.0.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from guessit import guessit

for name in ("studio_20240517_title.mp4", "studio_2024-05-17_title.mp4"):
    found = guessit(name)
    print(name, "| date:", found.get("date"), "| crc32:", found.get("crc32"))
PY
cat > expected.txt <<'TXT'
studio_20240517_title.mp4 | date: None | crc32: 20240517
studio_2024-05-17_title.mp4 | date: 2024-05-17 | crc32: None
TXT
diff expected.txt seen.txt && cat seen.txt
