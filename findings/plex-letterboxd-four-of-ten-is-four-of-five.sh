#!/usr/bin/env bash
# plex-letterboxd 0.8: 4 of 10 in Plex is four stars on Letterboxd, and 6 of 10 is three.
#
# Plex counts a user's rating to 10, which are five stars. What is above 5 is halved; what is not
# is taken for stars already. The worst films go over with twice their stars, 5 of 10 is as good
# as 10 of 10, and the better one of two films becomes the worse one.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    plex-letterboxd==0.8 PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import threading

from plex_letterboxd.client import get_watch_history
from plex_letterboxd.config import CsvConfig
from plex_letterboxd.csv import transform_history
from plexapi.server import PlexServer

RATINGS = ("2.0", "4.0", "5.0", "6.0", "8.0", "10.0")
SEEN = """<Video ratingKey="{0}" key="/library/metadata/{0}" type="movie" title="Film {0}"
 year="2019" viewedAt="1700000000" accountID="1" historyKey="/status/sessions/history/{0}"/>"""
FILM = """<MediaContainer size="1"><Video ratingKey="{0}" key="/library/metadata/{0}" type="movie"
 title="Film {0}" year="2019" userRating="{1}"/></MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path = self.path.partition("?")[0]
        body = '<MediaContainer machineIdentifier="m" version="1.43"/>'
        if path.startswith("/library/metadata/"):
            number = path.rpartition("/")[2]
            body = FILM.format(number, RATINGS[int(number)])
        elif path.startswith("/status/sessions/history"):
            count = len(RATINGS)
            seen = "".join(SEEN.format(number) for number in range(count))
            body = f'<MediaContainer size="{count}" totalSize="{count}">{seen}</MediaContainer>'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class Section:
    key = 1


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "none")
rows = sorted(get_watch_history(plex, Section), key=lambda row: row["Title"])
rows = transform_history(rows, CsvConfig(rating=True))
print("columns:", "Plex, of 10 | Letterboxd, of 5")
for rating, row in zip(RATINGS, rows):
    print(rating, "|", row["Rating"])
PY
cat > expected.txt <<'TXT'
columns: Plex, of 10 | Letterboxd, of 5
2.0 | 2
4.0 | 4
5.0 | 5
6.0 | 3
8.0 | 4
10.0 | 5
TXT
sed '/^Getting\|^Found\|^Processing/d' seen.txt | diff expected.txt - && cat expected.txt
