"""Where a task or an operation of the page runs: the store, the way to Stash, its arguments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.log import Log
from worker.stash_link import StashLink

if TYPE_CHECKING:
    from store.store import Store


class Task:
    """Where a task runs: the open store, the way to Stash, our entry script.

    Args:
        store: The open data directory.
        entry: Path of plexsync.py.
        arguments: The task's arguments, as Stash gave them.
    """

    def __init__(self, store: Store, entry: str, arguments: dict[str, Any]) -> None:
        self.store = store
        self.entry = entry
        self.arguments = arguments
        self.log = Log(store.directory)
        self.stash = StashLink(store, self.log)

    def close(self) -> None:
        """Close everything that is open."""
        self.stash.close()
        self.log.close()
        self.store.close()
