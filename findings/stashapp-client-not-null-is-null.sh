#!/usr/bin/env bash
# stashapp-client 0.2.1: not_null() asks Stash for what is null.
#
# It builds IS_NULL with the value false. Stash has a modifier NOT_NULL of its own and reads no
# value beside IS_NULL, as its source of January 2026 has it (pkg/sqlite; it was not run here),
# so that a list of the scenes that have a title is the list of those that have none.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-client==0.2.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from stashapp_client import criteria

print("not_null:", criteria.not_null())
print("is_null:", criteria.is_null())
PY
cat > expected.txt <<'TXT'
not_null: {'modifier': 'IS_NULL', 'value': False}
is_null: {'modifier': 'IS_NULL', 'value': True}
TXT
diff expected.txt seen.txt && cat seen.txt
