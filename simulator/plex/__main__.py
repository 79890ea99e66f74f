"""Run the Plex stand-in: ``python -m simulator.plex --port 0 --scenes 10``.

One JSON line on stdout, ``{"url", "token", "pid"}``, says that it is listening.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import json
import os
import sys
import threading
import time

from simulator.plex.library import Library
from simulator.plex.sections import STYLES
from simulator.plex.server import PlexStandIn
from simulator.plex.server_page import ServerPage
from simulator.plex.switches import Switches


def arguments() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m simulator.plex", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--scenes", type=int, default=10, help="files of the shared catalogue")
    parser.add_argument("--token", default="sim-plex-owner-token")
    parser.add_argument("--shared-token", default="sim-plex-shared-token", help="may only read")
    parser.add_argument("--section-type", choices=sorted(STYLES), default="other")
    parser.add_argument("--section-title", default="")
    parser.add_argument("--matched", action="store_true", help="items an agent has filled in")
    parser.add_argument("--windows-paths", action="store_true", help=r"files below D:\Media")
    parser.add_argument("--name", default="Plex stand-in", help="friendly name")
    parser.add_argument("--machine-id", default="", help="40 hex digits; made from the name")
    parser.add_argument("--tls-cert", default="")
    parser.add_argument("--tls-key", default="")
    parser.add_argument("--latency-ms", type=float, default=0.0)
    parser.add_argument("--switches", type=json.loads, default={}, help="JSON, see switches.py")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when stdin closes")
    return parser


def main() -> None:
    """Build the library, listen, say so, serve for ever."""
    options = arguments().parse_args()
    switches = Switches()
    switches.update(options.switches)
    library = Library(switches)
    machine_id = (
        options.machine_id or hashlib.sha1(options.name.encode(), usedforsecurity=False).hexdigest()
    )
    page = ServerPage(options.name, machine_id, int(time.time()))
    tls = None
    if options.tls_cert:
        import ssl  # noqa: PLC0415 -- costs more than the rest of the start, and is rarely wanted

        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.tls_cert, options.tls_key or None)

    def fill() -> None:
        section = library.add_section(options.section_type, options.section_title)
        library.fill(
            section, options.scenes, matched=options.matched, windows=options.windows_paths
        )

    stand_in = PlexStandIn(
        library, page, options.token, options.shared_token, options.latency_ms, tls, fill
    )
    url = stand_in.listen(options.host, options.port)
    # The library is for ever; do not look through it for rubbish again and again.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.001)
    print(json.dumps({"url": url, "token": options.token, "pid": os.getpid()}), flush=True)
    if options.exit_with_parent:
        threading.Thread(target=_exit_with_parent, daemon=True).start()
    stand_in.serve()


def _exit_with_parent() -> None:
    """End the process once whoever started it has closed our stdin, which dying does too."""
    while os.read(0, 4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
