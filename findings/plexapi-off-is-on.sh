#!/usr/bin/env bash
# PlexAPI 4.18.3: autoreload=False in the environment or config.ini leaves it on.
#
# A switch is read as "1", "true", "0" or "false", in lower case. Anything else, Python's own
# "False" among it, raises inside and is swallowed, and the default is used without a word.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import os

for word in ("False", "no", "off", "false"):
    os.environ["PLEXAPI_PLEXAPI_AUTORELOAD"] = word
    import plexapi

    print(word, "->", plexapi.CONFIG.get("plexapi.autoreload", True, bool))
PY
cat > expected.txt <<'TXT'
False -> True
no -> True
off -> True
false -> False
TXT
diff expected.txt seen.txt && cat seen.txt
