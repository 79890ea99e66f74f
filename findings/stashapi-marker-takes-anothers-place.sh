#!/usr/bin/env bash
# stashapp-tools 0.2.59: importing markers writes over a marker of one's own that has another tag.
#
# import_scene_markers says that two markers are the same if they have the same primary tag and
# are at most 15 seconds apart. The tag is not looked at. What is near a marker of the scene, be
# it of what it may, takes its title, its time, its primary tag and all of its tags. And of two
# new ones near one another the second is a tag of the first, and its own time is lost.
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

TAGS = [{"id": str(number), "name": name, "aliases": []} for number, name in enumerate(
    ("Kitchen", "Favourite", "Garden", "Stairs", "Cellar"), 1
)]
MINE = {
    "id": "7", "title": "The scene I like", "scene": {"id": "1"}, "seconds": 100.0,
    "end_seconds": None, "primary_tag": {"id": "1", "name": "Kitchen"},
    "tags": [{"id": "2", "name": "Favourite"}],
}


def answer(query, variables):
    if "__schema" in query:
        return {"__schema": {"types": []}}
    if "apiKey" in query:
        return {"configuration": {"general": {"apiKey": "a key"}}}
    if "findTag(" in query:
        return {"findTag": TAGS[int(variables["id"]) - 1]}
    if "findTags" in query:
        return {"findTags": {"count": len(TAGS), "tags": TAGS}}
    if "sceneMarkerUpdate" in query or "sceneMarkerCreate" in query:
        (sent,) = variables.values()
        print("changed:" if "id" in sent else "new:", json.dumps(sent), flush=True)
        name = "sceneMarkerUpdate" if "id" in sent else "sceneMarkerCreate"
        return {name: MINE}
    if "scene_markers" in query:
        return {"findScene": {"scene_markers": [MINE]}}
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
from stashapi.marker_parse import import_scene_markers
from stashapi.stashapp import StashInterface

stashapi.log.sl.setLevel("ERROR")
stash = StashInterface({"Scheme": "http", "Host": "127.0.0.1", "Port": server.server_port})
for name in ("Tag", "SceneMarker"):
    stash.fragments[name] = f"fragment {name} on {name} {{ id }}"
mine = ("title", "seconds", "primary_tag", "tags")
print("mine:", json.dumps({name: MINE[name] for name in mine}))
import_scene_markers(stash, [
    {"seconds": 112, "title": "In the garden", "primary_tag": {"name": "Garden"}},
    {"seconds": 300, "title": "On the stairs", "primary_tag": {"name": "Stairs"}},
    {"seconds": 310, "title": "In the cellar", "primary_tag": {"name": "Cellar"}},
], 1)
PY
cat > expected.txt <<'TXT'
mine: {"title": "The scene I like", "seconds": 100.0, "primary_tag": {"id": "1", "name": "Kitchen"}, "tags": [{"id": "2", "name": "Favourite"}]}
changed: {"scene_id": 1, "title": "In the garden", "seconds": 112.0, "end_seconds": null, "tag_ids": [], "primary_tag_id": "3", "id": "7"}
new: {"scene_id": 1, "title": "On the stairs", "seconds": 300.0, "end_seconds": null, "tag_ids": ["5"], "primary_tag_id": "4"}
TXT
diff expected.txt seen.txt && cat seen.txt
