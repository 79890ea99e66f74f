#!/usr/bin/env bash
# stashapp-tools 0.2.59: human_bytes says "1000.0 B", "1000.0kB" and "1000.0MB".
#
# The power of ten is math.log(value, 10) cut to an integer, and for 1,000 that logarithm is
# 2.9999999999999996. 999,999 is rounded up without a new unit, and below 1,000 there is a blank
# before the B that is missing above.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from stashapi.tools import human_bytes

print([human_bytes(number) for number in (999, 1000, 1500, 999_999, 1_000_000, 1_000_000_000)])
PY
cat > expected.txt <<'TXT'
['999.0 B', '1000.0 B', '1.5kB', '1000.0kB', '1000.0kB', '1000.0MB']
TXT
diff expected.txt seen.txt && cat seen.txt
