#!/usr/bin/env bash
# PlexAPI 4.18.3: of two tags added in one batch, the last alone is sent.
#
# An addition numbers the tags that the item had when it was read, and its own behind them. Two
# additions number theirs alike, so that in a batch the later one takes the other's place in the
# request, and nobody is told. Without a batch there are two requests, and the second is without
# the first one's tag as long as the item is not read anew. A list given to one addition, and
# additions of two kinds of tag, are whole.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import http.server
import threading
import urllib.parse

from plexapi.server import PlexServer

FILM = """<MediaContainer size="1" librarySectionID="1"><Video ratingKey="7"
 key="/library/metadata/7" type="movie" title="A film" summary="Words" librarySectionID="1">
<Genre tag="Drama"/></Video></MediaContainer>"""
SECTIONS = """<MediaContainer size="1"><Directory key="1" type="movie" title="Films"
 uuid="u"/></MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        path, _, query = self.path.partition("?")
        if self.command == "PUT":
            sent = urllib.parse.parse_qsl(query)
            print("  ", *sorted(f"{name}={value}" for name, value in sent if ".tag" in name))
        body = '<MediaContainer machineIdentifier="m" version="1.43"/>'
        if path.startswith("/library/metadata"):
            body = FILM
        elif path == "/library/sections":
            body = SECTIONS
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_PUT = do_GET

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
film = PlexServer(f"http://127.0.0.1:{server.server_port}", "none").fetchItem(7)
print("one by one:", flush=True)
film.addGenre("Comedy").addGenre("Western")
print("in a batch:", flush=True)
film.batchEdits().addGenre("Comedy").addGenre("Western").addLabel("Mine").saveEdits()
print("in a batch, as a list:", flush=True)
film.batchEdits().addGenre(["Comedy", "Western"]).saveEdits()
PY
cat > expected.txt <<'TXT'
one by one:
   genre[0].tag.tag=Drama genre[1].tag.tag=Comedy
   genre[0].tag.tag=Drama genre[1].tag.tag=Western
in a batch:
   genre[0].tag.tag=Drama genre[1].tag.tag=Western label[0].tag.tag=Mine
in a batch, as a list:
   genre[0].tag.tag=Drama genre[1].tag.tag=Comedy genre[2].tag.tag=Western
TXT
diff expected.txt seen.txt && cat seen.txt
