#!/usr/bin/env bash
# traktexport 0.1.10: of two exports merged, the longer one is the later one.
#
# Ratings, watchlist and the rest are to come from the most recent full export. What is most
# recent is told by how many entries its history has, as no date is in the file. Who took plays
# back on Trakt after the first export, as one does with doubles, has the ratings of before, and
# the plays, too, since those of all files are put together. Their order decides among equals.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check traktexport==0.1.10
cd "$work"
cat > run.py <<'PY'
import json

from traktexport.merge import read_and_merge_exports

FILM = {"title": "A film", "year": 2024, "ids": {"trakt": 1}}


def write(name, rating, plays):
    export = {
        "type": "full", "username": "jane", "settings": {}, "stats": {},
        **{part: [] for part in ("followers", "following", "likes", "watchlist")},
        "ratings": [{"type": "movie", "movie": FILM, "rating": rating,
                     "rated_at": "2024-05-17T20:00:00.000Z"}],
        "history": [{"type": "movie", "movie": FILM, "id": play, "action": "watch",
                     "watched_at": "2024-05-17T20:00:00.000Z"} for play in plays],
    }
    with open(name, "w") as file:
        json.dump(export, file)
    return name


before = write("2024-06.json", 4, [1, 2])
after = write("2024-07.json", 9, [1])
for files in ([before, after], [after, before]):
    merged = read_and_merge_exports(files)
    print([rating.rating for rating in merged.ratings], len(merged.history), "plays")
PY
"$work/venv/bin/python" run.py > seen.txt 2> errors.txt || { cat errors.txt; exit 1; }
cat > expected.txt <<'TXT'
[4] 2 plays
[4] 2 plays
TXT
diff expected.txt seen.txt && cat seen.txt
