"""When the path index is worth its requests, and how long it is believed.

It is kept from batch to batch, but nothing else uses it: a miss in an index of
some minutes ago would tell a single new scene that Plex does not have its file.
Nor does a task believe one from before it was started: whoever starts it may just
have let Plex scan.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from errors import SyncError
from matching.path_index import PathIndex
from store import meta

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from plex.client import PlexClient
    from plex.libraries import Libraries
    from store.store import Tables

#: Seconds an index is believed; fewer for scenes that Plex did not have a minute ago.
INDEX_AGE = 300.0
AGE_FOR_WAITING = 30.0
#: Searches that are never worth an index.
FEW = 3


class IndexPolicy:
    """Prepares the path index of one server, kept in ``tables``, for batches of scenes.

    ``libraries`` are those that are searched; the clock gives Unix seconds.
    """

    def __init__(
        self,
        tables: Tables,
        client: PlexClient,
        libraries: Libraries,
        clock: Callable[[], float],
    ) -> None:
        self._tables = tables
        self._client = client
        self._libraries = libraries
        self._clock = clock
        self._index: PathIndex | None = None
        self._of: list[int] = []
        self._at: float | None = None
        self._refreshing: Iterator[None] | None = None

    def prepare(self, searches: float, *, waited: bool = False) -> Iterator[PathIndex | None]:
        """Bring the index in step if that is cheaper than searches; yield it when it is good.

        Yields None before each request of a refresh, of which there may be many; ends
        without an index where the searches that the work ahead would cost are cheaper.
        ``waited`` says that its scenes are looked at again because Plex did not have them.

        Raises:
            errors.SyncError: Plex failed.
        """
        index = self._index_of(self._libraries.keys())
        if not self._is_believed(AGE_FOR_WAITING if waited else INDEX_AGE):
            if searches <= FEW or searches <= index.cost():
                return
            yield None
            if self._refreshing is None:
                infos = self._libraries.read_again()
                index = self._index_of(self._libraries.keys())
                self._refreshing = index.refreshing(infos)
            try:
                for _ in self._refreshing:
                    yield None
            except SyncError:
                self._refreshing = None
                raise
            self._refreshing = None
            self._at = self._clock()
        yield index

    def now(self) -> PathIndex:
        """Give the index as of now, whatever it costs: for what no search can find.

        Raises:
            errors.SyncError: Plex failed.
        """
        self._at = None
        (index,) = (found for found in self.prepare(math.inf) if found is not None)
        return index

    def _index_of(self, sections: list[int]) -> PathIndex:
        """Give the index of these sections, which changes with the libraries."""
        if self._index is None or sections != self._of:
            self._of, self._at, self._refreshing = sections, None, None
            self._index = PathIndex(self._tables, self._client, sections, clock=self._clock)
        return self._index

    def _is_believed(self, age: float) -> bool:
        began = meta.get(self._tables.connection, meta.TASK_BEGAN) or 0.0
        return self._at is not None and self._at >= began and 0 <= self._clock() - self._at < age
