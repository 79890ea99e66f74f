#!/usr/bin/env bash
# kintro 0.0.1rc7: of two intros of an episode the last one alone is in the EDL file.
#
# Plex can mark more than one, and kintro goes through all of them; but it opens the file anew for
# each. It names the file twice in what it says it has changed. An episode in two parts has the
# same times beside each part.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check kintro==0.0.1rc7 PlexAPI==4.18.3
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import http.server
import logging
import pathlib
import threading
import types

from kintro.decisions import DECISION_TYPES
from kintro.plex import Analyze, handle_episode
from plexapi.server import PlexServer

EPISODE = """<MediaContainer size="1"><Video ratingKey="7" key="/library/metadata/7" type="episode"
 title="An episode" grandparentTitle="A series" parentIndex="1" index="2"><Media id="1">
<Part id="1" file="pt1.mkv"/><Part id="2" file="pt2.mkv"/></Media>
<Marker id="1" type="intro" startTimeOffset="2000" endTimeOffset="32000">
<Attributes version="5"/></Marker>
<Marker id="2" type="intro" startTimeOffset="2400000" endTimeOffset="2430000">
<Attributes version="5"/></Marker>
</Video></MediaContainer>"""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = '<MediaContainer machineIdentifier="m" version="1.43"/>'
        if self.path.startswith("/library/metadata/7"):
            body = EPISODE
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
episode = PlexServer(f"http://127.0.0.1:{server.server_port}", "none").fetchItem(7)
changed = handle_episode(
    app_obj={"logger": logging.getLogger("kintro")}, episode=episode,
    edit=DECISION_TYPES.commercial, find_path=None, replace_path=None, dry_run=False,
    pbar=types.SimpleNamespace(update=lambda: None), should_analyze=Analyze.NoAnalyze,
)
print("changed:", changed)
for name in ("pt1.edl", "pt2.edl"):
    print(name, pathlib.Path(name).read_text().splitlines())
PY
cat > expected.txt <<'TXT'
changed: ['pt1.edl', 'pt2.edl', 'pt1.edl', 'pt2.edl']
pt1.edl ['2400.0 2430.0 3']
pt2.edl ['2400.0 2430.0 3']
TXT
diff expected.txt seen.txt && cat seen.txt
