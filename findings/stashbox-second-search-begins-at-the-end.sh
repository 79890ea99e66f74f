#!/usr/bin/env bash
# stashapp-tools 0.2.59: the second search of a StashBox finds the last page of the first.
#
# The number of the page is counted up in the dictionary of the search itself. Used again it
# begins where it ended, and without one of one's own it is the same for all: find_scenes() finds
# 100 scenes, and from then on 20. Nothing tells these from all there are. The size of a page that
# was asked for is replaced, too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import json
import threading

COUNT = 100


def answer(query, variables):
    if "__schema" in query:
        return {"__schema": {"types": []}}
    if "queryScenes" not in query:
        return {"me": {"name": "none", "email": "none"}}
    page, size = variables["input"]["page"], variables["input"]["per_page"]
    scenes = [{"id": str(number)} for number in range((page - 1) * size, min(page * size, COUNT))]
    return {"queryScenes": {"count": COUNT, "scenes": scenes}}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        data = answer(asked["query"], asked.get("variables"))
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
import stashapi.log
from stashapi.stashbox import StashBoxInterface

stashapi.log.sl.setLevel("ERROR")
box = StashBoxInterface({"endpoint": f"http://127.0.0.1:{server.server_port}", "api_key": "none"})
mine = {"text": "garden", "per_page": 25}
for what, search in (("without a search", []), ("with mine", [mine])):
    print(what, [len(box.find_scenes(*search, fragment="id")) for _ in range(3)])
print("mine:", mine)
PY
cat > expected.txt <<'TXT'
without a search [100, 20, 20]
with mine [100, 20, 20]
mine: {'text': 'garden', 'per_page': 40, 'page': 3}
TXT
diff expected.txt seen.txt && cat seen.txt
