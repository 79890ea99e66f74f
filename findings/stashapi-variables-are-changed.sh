#!/usr/bin/env bash
# stashapp-tools 0.2.59: a query changes the caller's variables.
#
# Paths and enumerations are turned into text in place, in the caller's own dictionary and in
# those inside it, before the request is sent. A template that is used again is another one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from pathlib import Path

from stashapi.classes import serialize_dict
from stashapi.stash_types import CriterionModifier

mine = {"path": Path("a") / "b", "filter": [{"modifier": CriterionModifier.EQUALS}]}
serialize_dict(mine)
print(type(mine["path"]).__name__, type(mine["filter"][0]["modifier"]).__name__)
PY
cat > expected.txt <<'TXT'
str str
TXT
diff expected.txt seen.txt && cat seen.txt
