#!/usr/bin/env bash
# trakt-to-letterboxd 0.1.0: a film that IMDb does not list was never watched.
#
# The history is sorted into films by their id of IMDb. Trakt has null for one that has none, and
# pandas leaves rows with no key out of its groups: the film is fetched, and is gone from what is
# written, without a word. Letterboxd would take it by title and year, which stand beside. Where
# the id is an empty text instead, all such films are one, and the second was watched again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    trakt-to-letterboxd==0.1.0 pandas==3.1.1 pytrakt==4.4.6
cd "$work"
cat > run.py <<'PY'
from types import SimpleNamespace

import pandas
from trakt import core
from trakt_to_letterboxd.export import get_all_watched, merge_ratings_and_watched


def play(title, imdb, day):
    film = {"title": title, "year": 2024, "ids": {"trakt": day, "imdb": imdb}}
    return {"movie": film, "watched_at": f"2024-05-{day}T20:00:00.000Z"}


for imdb in (None, ""):
    pages = [[play("One", "tt1234567", 17), play("Two", imdb, 18), play("Three", imdb, 19)], []]
    core.api = lambda: SimpleNamespace(get=lambda path: pages.pop(0))
    watched = get_all_watched()
    merged = merge_ratings_and_watched(pandas.DataFrame(), watched)
    again = [(row.Title, bool(row.Rewatch)) for row in merged.itertuples()]
    print(repr(imdb), "fetched:", len(watched), "written:", again)
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
None fetched: 3 written: [('One', False)]
'' fetched: 3 written: [('Three', True), ('Two', False), ('One', False)]
TXT
diff expected.txt seen.txt && cat seen.txt
