"""Run the Stash stand-in as a process; its options are those of ``StashApp``, and ``port``."""

from __future__ import annotations

import sys

from simulator.server import run
from simulator.stash.schema import SchemaMissingError
from simulator.stash.server import StashServer

if __name__ == "__main__":
    try:
        run(StashServer)
    except SchemaMissingError as error:
        sys.exit(str(error))
