#!/usr/bin/env bash
# PlexTraktSync 0.35.21: 9.9 of 10 in Plex is 9 on Trakt, and two ratings are equal and unequal.
#
# A rating that was brought to Plex from a scale of 100, as Stash has it, has a tenth. It is cut
# off and not rounded, and 0.9 is no rating at all. Ratings are equal where their numbers are;
# "!=" is the tuple's own, and compares the time at which each was given as well.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexTraktSync==0.35.21
cd "$work"
HOME=$work "$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from plextraktsync.util.Rating import Rating

early, late = "2024-05-17T10:00:00.000+00:00", "2024-05-18T10:00:00.000+00:00"
for number in (9.9, 8.5, 0.9):
    found = Rating.create(number, early)
    print(number, "->", found and found.rating)
one, other = Rating.create(8, early), Rating.create(8, late)
print("equal:", one == other, "unequal:", one != other)
PY
cat > expected.txt <<'TXT'
9.9 -> 9
8.5 -> 8
0.9 -> None
equal: True unequal: True
TXT
diff expected.txt seen.txt && cat seen.txt
