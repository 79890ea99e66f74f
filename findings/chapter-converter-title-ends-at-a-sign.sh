#!/usr/bin/env bash
# chapter-converter 1.2.1: a chapter called "E = mc2" is "E", and "M*A*S*H" is "M" on the way back.
#
# In the chapters of OGM each title stands behind a sign of equality, and one within the title
# ends it, in whatever format is written. In the bookmarks of PotPlayer a star ends it: such a
# title is written whole, and read by the same program up to its first star. Of a plain list of
# times and titles the sign of equality comes through, to the bookmarks and back, the star not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check chapter-converter==1.2.1
cd "$work"
cat > ogm.txt <<'TXT'
CHAPTER01=00:00:00.000
CHAPTER01NAME=E = mc2
CHAPTER02=00:05:00.500
CHAPTER02NAME=M*A*S*H
TXT
cat > list.txt <<'TXT'
00:00:00.000,E = mc2
00:05:00.500,M*A*S*H
TXT
convert() { venv/bin/python -m chapter_converter "$1" -f "$2" -o "$3" --charset utf-8 --yes >> log.txt; }
for name in ogm list; do
    convert "$name.txt" simple "$name-simple.txt"
    convert "$name.txt" pot "$name.pbf"
    convert "$name.pbf" simple "$name-back.txt"
    for made in "$name-simple.txt" "$name.pbf" "$name-back.txt"; do
        echo "$made:" && cat "$made"
    done
done > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
ogm-simple.txt:
00:00:00.000,E 
00:05:00.500,M*A*S*H
ogm.pbf:
[Bookmark]
0=0*E *
1=300500*M*A*S*H*
ogm-back.txt:
0:00:00.000,E 
0:05:00.500,M
list-simple.txt:
0:00:00.000,E = mc2
0:05:00.500,M*A*S*H
list.pbf:
[Bookmark]
0=0*E = mc2*
1=300500*M*A*S*H*
list-back.txt:
0:00:00.000,E = mc2
0:05:00.500,M
TXT
diff expected.txt seen.txt && cat seen.txt
