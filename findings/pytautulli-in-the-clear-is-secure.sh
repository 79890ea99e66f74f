#!/usr/bin/env bash
# pytautulli 23.1.1: a stream in the clear is a secure one.
#
# Switches are turned into True and False by whether there is anything at all. Tautulli hands
# "secure" on as the text that Plex wrote, "0" or "1", as its source of June 2026 has it (it was
# not run here), and "0" is something. What Tautulli writes as a number is right, as most of it is.
# async-timeout, which pytautulli imports and does not ask for, is put beside it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check \
    pytautulli==23.1.1 async-timeout==5.0.1
cd "$work"
"$work/venv/bin/python" - > seen.txt 2> errors.txt <<'PY' || { cat errors.txt; exit 1; }
import asyncio
import http.server
import json
import threading

from pytautulli import PyTautulli

SESSION = {"session_key": "7", "title": "A film", "is_admin": 0, "optimized_version": 0}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        sessions = [{**SESSION, "secure": secure} for secure in ("0", "1")]
        data = {"stream_count": "2", "sessions": sessions}
        body = json.dumps({"response": {"result": "success", "message": None, "data": data}})
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


async def main(port):
    url = f"http://127.0.0.1:{port}"
    async with PyTautulli(api_token="none", url=url) as client:
        for sent, session in zip("01", (await client.async_get_activity()).sessions):
            print("sent:", repr(sent), "| secure:", session.secure, "admin:", session.is_admin)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
asyncio.run(main(server.server_port))
PY
cat > expected.txt <<'TXT'
sent: '0' | secure: True admin: False
sent: '1' | secure: True admin: False
TXT
diff expected.txt seen.txt && cat seen.txt
