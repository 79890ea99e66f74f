"""Run the Plex stand-in as a process; its options are those of ``PlexServer``."""

from __future__ import annotations

from simulator.plex.server import PlexServer
from simulator.server import run

if __name__ == "__main__":
    run(PlexServer)
