#!/usr/bin/env bash
# stashapp-tools 0.2.59: clean_dict drops what is false, not only what is None.
#
# Its own comment speaks of None. An update that goes through it can never set organized to
# false, a rating to 0, or empty a title or a list of tags: those keys are not sent at all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from stashapi.tools import clean_dict

print(clean_dict({"id": "1", "organized": False, "rating100": 0, "title": "", "tag_ids": []}))
PY
cat > expected.txt <<'TXT'
{'id': '1'}
TXT
diff expected.txt seen.txt && cat seen.txt
