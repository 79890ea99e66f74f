#!/usr/bin/env bash
# PlexAPI 4.18.3: reading an attribute that an item of a list lacks asks the server.
#
# A film of a listing is partial. Reading a text that it has costs nothing; one that is missing
# makes a request for the whole film, by way of __getattribute__: hasattr, getattr and a
# debugger's display do it, too. A loop that prints the tagline of 1,000 films, most of which
# have none, makes 1,000 requests more than its one.
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
    return VIDEO.format(more=' summary="Words"', tags="")


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
plex = PlexServer(f"http://127.0.0.1:{server.server_port}", "none")
(film,) = plex.fetchItems("/library/sections/1/all")
del asked[:]
print("summary:", film.summary, "| requests:", len(asked))
print("has a tagline:", hasattr(film, "tagline"), film.tagline, "| requests:", len(asked))
print(asked[0].partition("?")[0])
PY
cat > expected.txt <<'TXT'
summary: Words | requests: 0
has a tagline: True None | requests: 1
GET /library/metadata/7
TXT
diff expected.txt seen.txt && cat seen.txt
