#!/usr/bin/env bash
# namer 1.19.20: an NFO that it wrote itself ends in an IndexError, and if not, in one tag for all.
#
# An element without text is written where something is not known, which some never are, and it
# cannot be read: the first text of each is taken without a look whether there is one. With words
# put into all of them the NFO is read. But tags are written as <tag>, as the settings come, and
# read from <genre> alone, which has the word "Adult". The guid of ThePornDB does not come back.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check namer==1.19.20
cd "$work"
HOME=$work "$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import re
from pathlib import Path

from namer.comparison_results import LookedUpFileInfo, Performer
from namer.configuration import NamerConfig
from namer.moviexml import parse_movie_xml_file, write_movie_xml_file

scene = LookedUpFileInfo()
scene.name, scene.site, scene.date, scene.description = "A title", "A studio", "2024-05-17", "Words"
scene.uuid, scene.guid = "scenes/7", "0123abcd"
scene.poster_url, scene.tags = "https://example.org/poster.jpg", ["Outdoor", "Two scenes"]
scene.performers = [Performer("Jane Doe")]
written = write_movie_xml_file(scene, NamerConfig())
nfo = Path("scene.nfo")
nfo.write_text(written)
try:
    parse_movie_xml_file(nfo)
except IndexError as error:
    print("as it was written: IndexError,", error)
nfo.write_text(re.sub(r"<(\w+)/>", r"<\1>words</\1>", written))
read = parse_movie_xml_file(nfo)
for name in ("name", "site", "uuid", "guid", "tags"):
    print(name, "|", getattr(scene, name), "|", getattr(read, name))
PY
cat > expected.txt <<'TXT'
as it was written: IndexError, list index out of range
name | A title | A title
site | A studio | A studio
uuid | scenes/7 | scenes/7
guid | 0123abcd | None
tags | ['Outdoor', 'Two scenes'] | ['Adult']
TXT
diff expected.txt seen.txt && cat seen.txt
