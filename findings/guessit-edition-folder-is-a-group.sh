#!/usr/bin/env bash
# guessit 4.4.0: a folder with an edition as Plex names it becomes the release group.
#
# Plex takes an edition from {edition-NAME}. On the file guessit reads it as meant. On the folder,
# where a film in a folder of its own carries it as well or alone, the braces with all that is
# in them are the group that released the film; alone there, the edition is lost with it. An id
# in braces, {imdb-...}, does no such thing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check guessit==4.4.0
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
from guessit import guessit

PLAIN = "A Film (2019)"
EDITION, NUMBER = f"{PLAIN} {{edition-Extended}}", f"{PLAIN} {{imdb-tt1234567}}"
for path in (
    f"{EDITION}.mkv",
    f"{EDITION}/{EDITION}.mkv",
    f"{EDITION}/{PLAIN}.mkv",
    f"{NUMBER}/{NUMBER}.mkv",
):
    found = guessit(path)
    print(path, "| edition:", found.get("edition"), "| group:", found.get("release_group"))
PY
cat > expected.txt <<'TXT'
A Film (2019) {edition-Extended}.mkv | edition: Extended | group: None
A Film (2019) {edition-Extended}/A Film (2019) {edition-Extended}.mkv | edition: Extended | group: edition-Extended
A Film (2019) {edition-Extended}/A Film (2019).mkv | edition: None | group: edition-Extended
A Film (2019) {imdb-tt1234567}/A Film (2019) {imdb-tt1234567}.mkv | edition: None | group: None
TXT
diff expected.txt seen.txt && cat seen.txt
