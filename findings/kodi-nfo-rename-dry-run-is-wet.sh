#!/usr/bin/env bash
# kodi-nfo-generator 0.1.1: a dry run of kodi-nfo-rename renames the files.
#
# --dry_run is taken, described in the help and handed on, and the function that renames never
# looks at it; nor does it say what it did, unless asked to. One would run it first, to see what
# the two expressions make of a library. What it prints is nothing, and the names are new.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check kodi-nfo-generator==0.1.1
cd "$work"
mkdir show
touch "show/1x02.mkv" "show/A show 1x03.mkv"
"$work/venv/bin/kodi-nfo-rename" --dir show --dry_run > seen.txt 2>&1
ls show >> seen.txt
cat > expected.txt <<'TXT'
A show 1x03.mkv
S1E02.mkv
TXT
diff expected.txt seen.txt && cat seen.txt
