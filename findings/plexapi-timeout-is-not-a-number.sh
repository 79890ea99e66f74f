#!/usr/bin/env bash
# PlexAPI 4.18.3: a timeout with a unit becomes NaN, not the default.
#
# Where a switch that cannot be read falls back (plexapi-off-is-on), a number that cannot be
# read is NaN. So is a year or a count that a server sends with a decimal point.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import os

os.environ["PLEXAPI_PLEXAPI_TIMEOUT"] = "45s"
import plexapi
from plexapi.utils import cast

print(plexapi.TIMEOUT, cast(int, "2024.0"), cast(float, "2024.0"))
PY
cat > expected.txt <<'TXT'
nan nan 2024.0
TXT
diff expected.txt seen.txt && cat seen.txt
