#!/usr/bin/env bash
# stashapp-tools 0.2.59: of all the scenes that have a hash, find_scenes_by_hash finds one.
#
# It promises a list. The answer to its SQL has one row a scene, and the first row is taken for the
# list. Whoever looks for copies by their phash finds that there are none. The SQL was run by
# SQLite, on the two tables that it names; Stash was not run here.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check stashapp-tools==0.2.59
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import json
import sqlite3
import threading

PHASH = 0x7123456789ABCDEF
database = sqlite3.connect(":memory:", check_same_thread=False)
database.executescript(
    "CREATE TABLE scenes_files (scene_id, file_id);"
    "CREATE TABLE files_fingerprints (file_id, type, fingerprint);"
)
for scene in (1, 2, 3):
    database.execute("INSERT INTO scenes_files VALUES (?, ?)", (scene, scene + 10))
    database.execute("INSERT INTO files_fingerprints VALUES (?, 'phash', ?)", (scene + 10, PHASH))
FIELDS = [
    {"name": name, "args": [], "type": {"kind": "SCALAR", "name": "String", "ofType": None}}
    for name in ("columns", "rows")
]
RESULT = {"kind": "OBJECT", "name": "SQLQueryResult", "fields": FIELDS}


def answer(query, variables):
    if "__schema" in query:
        return {"__schema": {"types": [RESULT]}}
    if "apiKey" in query:
        return {"configuration": {"general": {"apiKey": "a key"}}}
    if "querySQL" in query:
        rows = database.execute(variables["sql_query"], variables["sql_args"]).fetchall()
        print("rows:", json.dumps(rows), flush=True)
        return {"querySQL": {"columns": ["scene_id"], "rows": rows}}
    return {"version": {"version": "v0.30.0", "hash": "0123abcd"}}


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
from stashapi.stashapp import StashInterface

stashapi.log.sl.setLevel("ERROR")
stash = StashInterface({"Scheme": "http", "Host": "127.0.0.1", "Port": server.server_port})
print("found:", stash.find_scenes_by_hash("phash", f"{PHASH:x}", ids_only=True))
PY
cat > expected.txt <<'TXT'
rows: [[1], [2], [3]]
found: [1]
TXT
diff expected.txt seen.txt && cat seen.txt
