#!/usr/bin/env bash
# comicbox 5.4.0 and comicapi 3.2.0: 10 of 100 is five stars, and 80 of 100 is 80 of 5.
#
# ComicBookInfo has a rating without a scale, and ComicInfo's CommunityRating goes from 0 to 5.
# comicbox guesses the scale from the number: up to 10 it is of 10, above that of 100, so that
# 11 is worse than 10. comicapi, which ComicTagger was built on, copies the number as it is.
# One file gets two ratings, by which of the two has turned it into ComicInfo.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for package in comicbox==5.4.0 comicapi==3.2.0; do
    python3 -m venv "$work/${package%%=*}"
    "$work/${package%%=*}/bin/pip" install --quiet --disable-pip-version-check "$package"
done
cd "$work"
cat > comics.py <<'PY'
import json
import zipfile

for rating in (8, 80, 10, 11):
    book = {"series": "A series", "title": "A title", "rating": rating, "credits": []}
    comment = {"appID": "none/1", "lastModified": "2024-05-17", "ComicBookInfo/1.0": book}
    with zipfile.ZipFile(f"{rating}.cbz", "w") as comic:
        comic.writestr("001.jpg", b"none")
        comic.comment = json.dumps(comment).encode()
PY
cat > copied.py <<'PY'
import sys
import zipfile
from xml.etree import ElementTree

from comicapi.comicbookinfo import ComicBookInfo
from comicapi.comicinfoxml import ComicInfoXml

with zipfile.ZipFile(sys.argv[1]) as comic:
    read = ComicBookInfo().metadata_from_string(comic.comment.decode())
xml = ElementTree.fromstring(ComicInfoXml().string_from_metadata(read))
print("comicapi:", xml.findtext("CommunityRating"))
PY
python3 comics.py
for rating in 8 80 10 11; do
    guessed=$(HOME=$work comicbox/bin/comicbox -p "$rating.cbz" 2> errors.txt | grep average_rating)
    echo "$rating | comicbox: ${guessed##*: } | $(comicapi/bin/python copied.py "$rating.cbz")"
done > seen.txt
cat > expected.txt <<'TXT'
8 | comicbox: 4.00 | comicapi: 8
80 | comicbox: 4.00 | comicapi: 80
10 | comicbox: 5.00 | comicapi: 10
11 | comicbox: 0.60 | comicapi: 11
TXT
diff expected.txt seen.txt && cat seen.txt
