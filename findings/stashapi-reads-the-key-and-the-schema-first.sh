#!/usr/bin/env bash
# stashapp-tools 0.2.59: making a StashInterface asks three things before the first of one's own.
#
# The version; the server's API key, whether or not it is to be used; and the whole schema by
# introspection, out of which it makes its fragments. A plugin's hook that starts anew with each
# save pays for all three each time, and every hook fetches the key.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2>&1 <<'PY'
import http.server
import json
import threading

asked = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["query"]
        for word, answer in (
            ("apiKey", {"configuration": {"general": {"apiKey": "a key"}}}),
            ("__schema", {"__schema": {"types": []}}),
            ("version", {"version": {"version": "v0.30.0", "hash": "0123abcd"}}),
        ):
            if word in query:
                break
        asked.append(word)
        body = json.dumps({"data": answer}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
import stashapi.log
from stashapi.stashapp import StashInterface

stashapi.log.sl.setLevel("ERROR")
StashInterface({"Scheme": "http", "Host": "127.0.0.1", "Port": server.server_port})
print(*asked)
PY
cat > expected.txt <<'TXT'
version apiKey __schema
TXT
diff expected.txt seen.txt && cat seen.txt
