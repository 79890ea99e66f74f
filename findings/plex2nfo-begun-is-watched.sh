#!/usr/bin/env bash
# plex2nfo 1.0.4: a film that was only begun is written down as watched.
#
# An item that was stopped halfway has a time at which it was last viewed and no count of views.
# Either of them alone writes <watched>, and without a count no <playcount> stands beside it.
# The date of release goes out as <premiereda>, where Kodi reads <premiered>. Needs Python 3.11.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check plex2nfo==1.0.4 PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import pathlib
import threading

from plex2nfo.updater import PlexServerUpdater

HOME = '<MediaContainer machineIdentifier="m" version="1.40"/>'
here = pathlib.Path.cwd()
FILM = f"""<MediaContainer size="1" totalSize="1"><Video ratingKey="7" key="/library/metadata/7"
 type="movie" title="A film" originallyAvailableAt="2019-05-24" lastViewedAt="1700000000"
 viewOffset="60000"><Media id="1"><Part id="1" file="{here}/film/film.mkv"/></Media>
</Video></MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (HOME if self.path == "/" else FILM).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


(here / "film").mkdir()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
writer = PlexServerUpdater(f"http://127.0.0.1:{server.server_port}", "none", [], quiet=True)
writer.update_movie(writer.fetchItem("/library/metadata/7"))
for line in (here / "film" / "movie.nfo").read_text().splitlines():
    if any(word in line for word in ("watched", "playcount", "release", "premiere", "lastplayed")):
        print(line.strip())
PY
cat > expected.txt <<'TXT'
<lastplayed>2023-11-14 22:13:20</lastplayed>
<watched>true</watched>
<releasedate>2019-05-24</releasedate>
<premiereda>2019-05-24</premiereda>
TXT
diff expected.txt seen.txt && cat seen.txt
