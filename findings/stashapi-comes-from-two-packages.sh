#!/usr/bin/env bash
# stashapp-tools 0.2.59 and stashapi 0.1.5 on PyPI are both the module stashapi.
#
# The later one is written over the other's files, and pip finds nothing wrong with that. Taking
# either out again takes the module from both: what is still listed as installed cannot be
# imported. Two plugins of one Stash share an environment, so that each may have asked for one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import importlib.util
import subprocess
import sys


def pip(*words):
    return subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True, text=True,
    ).stdout


pip("install", "--quiet", "stashapi==0.1.5")
print(pip("check").strip())
pip("uninstall", "--yes", "stashapi")
print(*sorted(line.split()[0] for line in pip("list").splitlines() if line.startswith("stash")))
importlib.invalidate_caches()
print("importable:", importlib.util.find_spec("stashapi") is not None)
PY
cat > expected.txt <<'TXT'
No broken requirements found.
stashapp-tools
importable: False
TXT
diff expected.txt seen.txt && cat seen.txt
