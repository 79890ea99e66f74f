#!/usr/bin/env bash
# TMDBTraktSyncer 2.3.0: a film that was watched takes a series off the watchlists.
#
# TMDb numbers films, series and episodes each for itself, and here a number goes without its kind.
# Film 1396 was watched, so that series 1396 goes from the list of what is yet to be seen, on both
# sites. A rating of series 550 is not brought over, since a film 550 has one there already. One
# would guess that kind and number make an item, as they do where its own requests are written.
# Only the two functions that talk to the sites, and the questions at the start, are replaced.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check TMDBTraktSyncer==2.3.0
cd "$work"
cat > run.py <<'PY'
import json
import re
from types import SimpleNamespace

from TMDBTraktSyncer import checkVersion, errorHandling, verifyCredentials
from TMDBTraktSyncer.TMDBTraktSyncer import main


def item(kind, tmdb, trakt, **more):
    ids = {"tmdb": tmdb, "trakt": trakt}
    return {"type": kind, kind: {"title": f"A {kind}", "year": 2024, "ids": ids}, **more}


SEEN_FILM = item("movie", 1396, 1, watched_at="2024-05-17T20:00:00.000Z")
WANTED_SHOW = item("show", 1396, 2, listed_at="2024-05-01T20:00:00.000Z")
RATED_FILM = item("movie", 550, 3, rating=9, rated_at="2024-05-17T20:00:00.000Z")
TRAKT = {"me": {"ids": {"slug": "jane"}}, "watchlist": [WANTED_SHOW], "ratings": [RATED_FILM],
         "history": [SEEN_FILM]}
SHOW = {"name": "A show", "first_air_date": "2024-01-01"}
TMDB = {"account": {"id": 1}, "watchlist/tv": [{**SHOW, "id": 1396}],
        "rated/tv": [{**SHOW, "id": 550, "rating": 4}]}


def answer(data):
    return SimpleNamespace(text=json.dumps(data), status_code=201,
                           headers={"X-Pagination-Page-Count": "1"})


def asked(site, known, listed):
    def request(url, headers=None, params=None, payload=None):
        if payload is not None:
            print(site, re.sub(r"https://[^/]+/", "", url), json.dumps(payload))
            return answer({})
        path = url.split("?")[0]
        found = next((known[end] for end in known if path.endswith("/" + end)), [])
        if not listed or isinstance(found, dict):
            return answer(found)
        return answer({"results": found, "total_pages": 1, "page": 1})

    return request


errorHandling.make_trakt_request = asked("Trakt", TRAKT, listed=False)
errorHandling.make_tmdb_request = asked("TMDb", TMDB, listed=True)
checkVersion.checkVersion = lambda: None
verifyCredentials.print_directory = lambda where: None
verifyCredentials.prompt_get_credentials = lambda: ("none",) * 5
verifyCredentials.prompt_sync_ratings = lambda: True
verifyCredentials.prompt_sync_watchlist = lambda: True
verifyCredentials.prompt_remove_watched_from_watchlists = lambda: True
main()
PY
"$work/venv/bin/python" run.py > all.txt 2> errors.txt || { cat all.txt errors.txt; exit 1; }
grep -E '^(Trakt|TMDb) |No .* Ratings To Set' all.txt > seen.txt
cat > expected.txt <<'TXT'
No TMDB Ratings To Set
No Trakt Ratings To Set
Trakt sync/watchlist/remove {"shows": [{"ids": {"trakt": 2}}]}
TMDb 3/account/1/watchlist {"media_type": "tv", "media_id": 1396, "watchlist": false}
TXT
diff expected.txt seen.txt && cat seen.txt
