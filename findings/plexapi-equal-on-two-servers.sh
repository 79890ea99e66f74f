#!/usr/bin/env bash
# PlexAPI 4.18.3: two films of two servers are equal, and one film is twice in a set.
#
# Items are compared by their key alone, /library/metadata/7, which each server counts from 1
# for itself. But they are hashed by what they print, and that has the title in it: read before
# and after a change of title, one film is equal to itself and yet has two places in a set or a
# dictionary. Whoever copies from one server to another compares more than the items.
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


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = f'<MediaContainer machineIdentifier="m{self.server.server_port}" version="1.43"/>'
        if self.path != "/":
            body = f"""<MediaContainer size="1"><Video ratingKey="7" key="/library/metadata/7"
 guid="local://{self.server.server_port}" type="movie" title="{self.server.title}"/>
</MediaContainer>"""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


def start(title):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.title = title
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, PlexServer(f"http://127.0.0.1:{server.server_port}", "none")


(here, first), (_, second) = start("A film"), start("Another film")
one, other = first.fetchItem(7), second.fetchItem(7)
print(one.title, "==", other.title, one == other, "| in a list:", [one].index(other) == 0)
here.title = "A film, renamed"
again = first.fetchItem(7)
print("renamed:", one == again, "| in a set:", len({one, again}), again in {one})
PY
cat > expected.txt <<'TXT'
A film == Another film True | in a list: True
renamed: True | in a set: 2 False
TXT
diff expected.txt seen.txt && cat seen.txt
