#!/usr/bin/env bash
# stashapp-tools 0.2.59: a released version of Stash is not equal to itself, and loses its hash.
#
# Equality compares hashes alone, and gives "" instead of False without one. The hash of a
# release (version and hash, as Stash's own query answers) is not found by the pattern, which
# wants a count of commits before it. So "is this the version I know" is never true.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from stashapi.classes import StashVersion

one, other = StashVersion("v0.27.2"), StashVersion("v0.27.2")
print("equal:", repr(one == other), "greater:", one > other)
release = StashVersion({"version": "v0.27.2", "hash": "76648fee"})
print("hash of a release:", repr(release.hash), "equal to itself:", repr(release == release))
PY
cat > expected.txt <<'TXT'
equal: '' greater: False
hash of a release: '' equal to itself: ''
TXT
diff expected.txt seen.txt && cat seen.txt
