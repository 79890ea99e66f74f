#!/usr/bin/env bash
# PlexAPI 4.18.3: a tag to be removed is percent-encoded twice, one to be added once.
#
# The names to remove travel in one parameter, each encoded before the parameter is, so that a
# comma in a name is told from the one between two names; names to add are encoded once. A
# client that treats both alike sends something else. And to add one tag sends all that the
# item had. What PMS makes of it is not shown here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import http.server
import threading

from plexapi.server import PlexServer

asked = []
VIDEO = """<MediaContainer size="1" librarySectionID="1"><Video ratingKey="7"
 key="/library/metadata/7" type="movie" title="A film" librarySectionID="1"{more}>{tags}</Video></MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked.append(self.command + " " + self.path)
        body = PAGES(self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_PUT = do_GET

    def log_message(self, *_):
        pass


def PAGES(path):
    if path == "/":
        return '<MediaContainer machineIdentifier="m" version="1.40"/>'
    if path.startswith("/library/sections"):
        return '<MediaContainer><Directory key="1" type="movie" title="Films" uuid="u"/></MediaContainer>'
    return VIDEO.format(more="", tags='<Genre tag="Day, Night"/>')


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "none")
film = plex.fetchItem(7)
film.addGenre("Dusk & Dawn")
film.removeGenre("Day, Night")
for line in asked:
    if line.startswith("PUT"):
        print(*[part for part in line.partition("?")[2].split("&") if part.startswith("genre%5B")])
PY
cat > expected.txt <<'TXT'
genre%5B0%5D.tag.tag=Day%2C%20Night genre%5B1%5D.tag.tag=Dusk%20%26%20Dawn
genre%5B%5D.tag.tag-=Day%252C%2520Night
TXT
diff expected.txt seen.txt && cat seen.txt
