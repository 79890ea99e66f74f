"""Is anybody there? The cheapest question to the server that a lane waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import holds

if TYPE_CHECKING:
    from collections.abc import Callable

    from plex.client import PlexClient
    from sync.stash_session import StashSession


def ask(lane: str, stash: StashSession, plex: Callable[[], PlexClient]) -> None:
    """Ask the server of a lane (store/holds.py) for a sign of life.

    Plex is asked who it is, which needs no token, and for SETTINGS also for its
    libraries, which does.

    Raises:
        faults.SyncError: There is none, or the token opens nothing.
    """
    if lane == holds.STASH:
        stash.settings()
        return
    client = plex()
    client.probe()
    if lane == holds.SETTINGS:
        client.section_infos()
