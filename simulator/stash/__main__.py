"""Run the Stash stand-in: ``python -m simulator.stash --port 0 --scenes 10``.

One JSON line on stdout, ``{"url", "port", "pid"}``, says that it is listening.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import ssl
import sys
import threading
from pathlib import Path

from simulator.stash.app import Options, StashApp
from simulator.stash.schema import DEFAULT_DIR, SchemaMissingError
from simulator.stash.server import StashServer
from simulator.stash.versions import VERSIONS


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator.stash", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--scenes", type=int, default=10, help="files of the shared catalogue")
    parser.add_argument("--api-key", default="", help="the API key that was generated")
    parser.add_argument("--username", default="", help="with one, everybody has to log in")
    parser.add_argument("--password", default="")
    parser.add_argument("--max-session-age", type=int, default=3600, help="seconds")
    parser.add_argument("--stash-version", choices=VERSIONS, default="0.30")
    parser.add_argument("--schema-dir", type=Path, default=DEFAULT_DIR)
    parser.add_argument("--offset-minutes", type=int, default=0, help="UTC offset of its clock")
    parser.add_argument("--plugin-dir", type=Path, help="folder of the plugins; none: no hooks")
    parser.add_argument("--config-dir", type=Path, help="what plugins are told as Dir")
    parser.add_argument("--python", help="interpreter of plugins; the running one if not given")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin closes")
    return parser


def main() -> int:
    """Build the library, listen, say so, serve for ever."""
    given = arguments().parse_args()
    options = Options(
        scenes=given.scenes,
        api_key=given.api_key,
        username=given.username,
        password=given.password,
        schema_dir=given.schema_dir,
        version=given.stash_version,
        offset_minutes=given.offset_minutes,
        plugin_dir=given.plugin_dir,
        config_dir=given.config_dir,
        python=given.python,
    )
    tls = None
    if given.tls_cert:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.tls_cert, given.tls_key)
    try:
        app = StashApp(options)
    except SchemaMissingError as error:
        print(error, file=sys.stderr)
        return 1
    app.sessions.max_age = given.max_session_age
    with StashServer(app, (given.host, given.port), tls, given.latency_ms / 1000) as server:
        # The schema is for ever; do not look through it for rubbish again and again.
        gc.collect()
        gc.freeze()
        sys.setswitchinterval(0.001)
        ready = {"url": server.url, "port": server.server_address[1], "pid": os.getpid()}
        print(json.dumps(ready), flush=True)
        if given.exit_with_parent:
            threading.Thread(target=_exit_with_parent, daemon=True).start()
        server.serve_forever()
    return 0


def _exit_with_parent() -> None:
    """End the process once whoever started it has closed our stdin, which dying does too."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
