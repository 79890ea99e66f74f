#!/usr/bin/env bash
# PlexAPI 4.18.3: titles in Japanese are downloaded under one name.
#
# download() makes a file's name with cleanFilename, which keeps ASCII and drops the rest before
# it could be replaced by "_". Two films whose titles have no Latin letter get the same name,
# nothing but the ending.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from plexapi.utils import cleanFilename

for title in ("\u590f\u306e\u601d\u3044\u51fa.mp4", "\u51ac\u306e\u591c.mp4", "Caf\u00e9: one.mp4"):
    print(ascii(title), "->", cleanFilename(title))
PY
cat > expected.txt <<'TXT'
'\u590f\u306e\u601d\u3044\u51fa.mp4' -> .mp4
'\u51ac\u306e\u591c.mp4' -> .mp4
'Caf\xe9: one.mp4' -> Cafe_ one.mp4
TXT
diff expected.txt seen.txt && cat seen.txt
