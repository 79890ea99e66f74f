"""When the path index is worth its requests, and how long it is believed.

It is kept from batch to batch, but nothing else uses it: a miss in an index of
some minutes ago would tell a single new scene that Plex does not have its file.
Nor does a task believe one from before it was started: whoever starts it may just
have let Plex scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import SyncError
from matching.path_index import PathIndex
from store import meta

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from sync.reconcile import Reconciler
    from sync.workplace import Workplace

#: Seconds an index is believed; fewer for scenes that Plex did not have a minute ago.
INDEX_AGE = 300.0
AGE_FOR_WAITING = 30.0
#: Searches that are never worth an index.
FEW = 3


class BulkLookup:
    """Prepares the index for batches of one worker.

    Args:
        worker: Whose store, Plex and clock are used: a worker, or who reads like one.
        interrupted: Says whether something more urgent waits; asked between two requests.
    """

    def __init__(self, worker: Workplace, interrupted: Callable[[], bool]) -> None:
        self._worker = worker
        self._interrupted = interrupted
        self._index: PathIndex | None = None
        self._for: Reconciler | None = None
        self._at: float | None = None
        self._refreshing: Iterator[None] | None = None

    def prepare(
        self, reconciler: Reconciler, searches: float, *, waited: bool = False
    ) -> Generator[bool, None, bool]:
        """Give the reconciler an index if that is cheaper; say whether work can go on at once.

        Yields True before it lists a library, which may take long, and nothing otherwise.

        Args:
            reconciler: The one that is to ask the index.
            searches: How many searches the work ahead would cost without one.
            waited: Its scenes are looked at again because Plex did not have them.

        Raises:
            faults.SyncError: Plex failed.
        """
        index = self._index
        if index is None or self._for is not reconciler:
            self._for, self._at, self._refreshing = reconciler, None, None
            store, plex, clock = self._worker.store, self._worker.plex, self._worker.clock
            index = PathIndex(store, plex, reconciler.libraries.keys(), clock=clock)
            self._index = index
        if not self._is_believed(AGE_FOR_WAITING if waited else INDEX_AGE):
            if searches <= FEW or searches <= index.cost():
                return True
            yield True
            if self._refreshing is None:
                self._refreshing = index.refreshing()
            if not self._refresh(self._refreshing):
                return False
        reconciler.index = index
        return True

    def _is_believed(self, age: float) -> bool:
        began = meta.get(self._worker.store.connection, meta.TASK_BEGAN) or 0.0
        at = self._at
        return at is not None and at >= began and 0 <= self._worker.clock() - at < age

    def _refresh(self, steps: Iterator[None]) -> bool:
        """Go on with a refresh; say whether it came to its end."""
        try:
            for _ in steps:
                if self._interrupted():
                    return False
        except SyncError:
            self._refreshing = None
            raise
        self._refreshing = None
        self._at = self._worker.clock()
        return True
