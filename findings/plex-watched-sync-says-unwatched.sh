#!/usr/bin/env bash
# plex-watched-sync 0.1.1: "Marked as unwatched" marks nothing, and home videos are mixed up.
#
# A film that is watched on the target alone is reported as unwatched now, at each run, and no
# request is made for it. Films are matched by Plex's guid. One that no agent matched has
# local://NUMBER, which each server counts for itself: two different films of two servers that
# have the same number are one to it, and the other one is marked as watched.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check plex-watched-sync==0.1.1 PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import threading

from plex_watched_sync.log import ClickLogger
from plex_watched_sync.sync import sync_sections
from plexapi.server import PlexServer

SECTIONS = """<MediaContainer size="1"><Directory key="1" type="movie" title="Films"
 uuid="u"/></MediaContainer>"""
FILM = """<Video ratingKey="{0}" key="/library/metadata/{0}" guid="{1}" type="movie"
 title="{2}" {3}/>"""
WATCHED = 'viewCount="1" lastViewedAt="1700000000"'


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        body = '<MediaContainer machineIdentifier="m" version="1.43"/>'
        if path == "/library/sections":
            body = SECTIONS
        elif path.startswith("/library/sections/1"):
            films = "".join(FILM.format(*film) for film in self.server.films)
            count = len(self.server.films)
            body = f'<MediaContainer size="{count}" totalSize="{count}">{films}</MediaContainer>'
        elif "scrobble" in path:
            number = query.partition("key=")[2].partition("&")[0]
            print("asked of the target:", path, "of film", number, flush=True)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_PUT = do_GET

    def log_message(self, *_):
        pass


def films(*them):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.films = them
    threading.Thread(target=server.serve_forever, daemon=True).start()
    plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "none")
    return plex.library.sectionByID(1)


source = films((1, "plex://movie/a", "Known", ""), (7, "local://7", "Our wedding", WATCHED))
target = films((3, "plex://movie/a", "Known", WATCHED), (7, "local://7", "Holiday in Rome", ""))
sync_sections(source, target, ClickLogger())
PY
cat > expected.txt <<'TXT'
Marked Known as unwatched.
asked of the target: /:/scrobble of film 7
Marked Holiday in Rome as watched.
TXT
diff expected.txt seen.txt && cat seen.txt
