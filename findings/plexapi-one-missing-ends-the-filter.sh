#!/usr/bin/env bash
# PlexAPI 4.18.3: asked for what was never played, fetchItems forgets all other conditions.
#
# Conditions on attributes are checked by the client, and Plex leaves viewCount out of an item
# that nobody watched. A condition such as viewCount=0 takes the missing attribute for 0, and
# with that the item is let through at once, whatever else was asked for and in whichever order.
# viewCount__lt=1, which says the same, takes a missing attribute for a mismatch.
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

HOME = '<MediaContainer machineIdentifier="m" version="1.40"/>'
FILMS = """<MediaContainer size="3" totalSize="3">
<Video ratingKey="1" key="/library/metadata/1" type="movie" title="Alpha" viewCount="2"/>
<Video ratingKey="2" key="/library/metadata/2" type="movie" title="Beta"/>
<Video ratingKey="3" key="/library/metadata/3" type="movie" title="Gamma"/>
</MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (HOME if self.path == "/" else FILMS).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "none")


def titles(**conditions):
    return [film.title for film in plex.fetchItems("/library/sections/1/all", **conditions)]


print("title:", titles(title="Beta"))
print("title, never played:", titles(title="Beta", viewCount=0))
print("never played, no such title:", titles(viewCount=0, title="Delta"))
print("played less than once:", titles(viewCount__lt=1))
PY
cat > expected.txt <<'TXT'
title: ['Beta']
title, never played: ['Beta', 'Gamma']
never played, no such title: ['Beta', 'Gamma']
played less than once: []
TXT
diff expected.txt seen.txt && cat seen.txt
