"""Run the Stash stand-in as a process; its options are ``Options`` and ``port``."""

from __future__ import annotations

import sys
from typing import Any

from simulator.server import run
from simulator.stash.app import Options, StashApp
from simulator.stash.schema import SchemaMissingError
from simulator.stash.server import StashServer


def make(port: int = 0, **options: Any) -> StashServer:
    """Give a Stash that listens on loopback; port 0 takes a free one."""
    try:
        return StashServer(StashApp(Options(**options)), ("127.0.0.1", port))
    except SchemaMissingError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    run(make)
