"""What many scenes are read with at once: tables for the path index, both servers, the time.

A worker is one; a preview has one of its own, so that both read by the same code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from plex.client import PlexClient
    from store.tables import Tables
    from sync.reconcile import Reconciler
    from sync.stash_session import StashSession


class Workplace(Protocol):
    """Where batches are read; asked anew each time, for settings and servers may change."""

    @property
    def store(self) -> Tables:
        """Where the path index is kept."""

    @property
    def stash(self) -> StashSession:
        """The way to Stash."""

    @property
    def plex(self) -> PlexClient:
        """Plex."""

    @property
    def clock(self) -> Callable[[], float]:
        """Gives Unix seconds."""

    @property
    def reconciler(self) -> Reconciler:
        """What knows the items of scenes, by the ledger and by the index."""
