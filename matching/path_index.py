"""Keeps the path index of the searched libraries in step with Plex, for bulk work.

One request tells whether any library changed; then only what is newer than the
last look is listed. A full sweep follows when the numbers disagree (deletions
are invisible otherwise), when a server ignored the filter, or after a day.

A file that was replaced inside an item moves nothing that could be listed. So once
a library has changed since its last sweep, a file that is missing here is asked for
at Plex, until that has cost about as much as the sweep that comes then.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import TYPE_CHECKING

from plex.error_types import LibraryNotFound
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.listing import PAGE, ListedItem, count, pages
from store import path_index
from store.path_index import Cursor
from validation.media_path import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from plex.client import PlexClient, SectionInfo
    from store.store import Tables

#: Seconds after which a full sweep is due although nothing seems to have changed.
SWEEP_AGAIN = 86400.0
#: Sweeps in a row of a library that changes its size meanwhile.
MOST_SWEEPS = 3
#: Seconds after which the index of another server is thrown away.
FORGET = 30 * 86400.0
#: Missing files that may be asked for at Plex beside the number of a sweep's pages.
DOUBT = 8
#: Answers that are kept: those of two batches.
KEPT = 2048


class PathIndex:
    """The index of some sections of one server; the clock gives Unix seconds."""

    def __init__(
        self,
        store: Tables,
        client: PlexClient,
        sections: Iterable[int],
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._client = client
        self._sections = frozenset(sections)
        self._clock = clock
        self._fresh = False
        self._sizes: dict[int, int] = {}
        # What Plex itself said of files of which the index was wrong.
        self._corrected: dict[str, list[int]] = {}
        #: Sections that Plex lists and does not have when they are asked for.
        self.absent: set[int] = set()
        # Files that are missing while in doubt, and how many may be asked for at Plex.
        self._doubted: set[str] = set()
        self._most_doubted = 0
        # A batch asks for each file twice: which items to read, and which of them it is.
        self._kept = lru_cache(KEPT)(self._items_at)

    def refreshing(self, infos: list[SectionInfo]) -> Iterator[None]:
        """Bring the index in step, a request at a time, so that an edit can be served between.

        Once it is exhausted, a miss means that Plex does not have the file. ``infos`` are all
        libraries of the server as they were just read. If Plex fails, what was indexed so far
        stays.
        """
        self._fresh = False
        self._kept.cache_clear()
        self._corrected.clear()
        too_many = bool(self._doubted) and len(self._doubted) >= self._most_doubted
        self._doubted, self._most_doubted = set(), 0
        yield
        self.absent.clear()
        for info in infos:
            if info.key in self._sections:
                try:
                    yield from self._refresh_section(info, sweep=too_many)
                except LibraryNotFound:
                    self.absent.add(info.key)
        self._fresh = True
        yield from self._clean_up(infos)

    def cost(self) -> int:
        """Give the number of requests that a refresh may take, roughly.

        The size of a library that was never listed is asked for, once.
        """
        server = self._client.machine_identifier
        now, cost = self._clock(), 3
        unknown = []
        for section in self._sections:
            known = path_index.cursor(self._store.connection, server, section)
            if known is None and section not in self._sizes:
                unknown.append(section)
            elif known is None or not 0 <= now - known.swept_at < SWEEP_AGAIN:
                cost += (known.items if known else self._sizes[section]) // PAGE
        if unknown:
            types = {info.key: info.type for info in self._client.section_infos()}
            for section in unknown:
                item_type = LEAF_TYPE_OF_SECTION.get(types.get(section, ""), 1)
                try:
                    self._sizes[section] = count(self._client, section, item_type)
                except LibraryNotFound:
                    self._sizes[section] = 0
                cost += self._sizes[section] // PAGE
        return cost

    def items_holding(self, path: str) -> list[int] | None:
        """Give the rating keys of the items that hold a file as Plex names it.

        Returns None while the index cannot say: it was not refreshed yet, or the file
        is missing and may lie in an item that changed unseen, or in a library that Plex
        would not list.
        """
        if not self._fresh:
            return None
        key = path_key(path)
        if key in self._corrected:
            return self._corrected[key]
        found = list(self._kept(key))
        if not found and self.absent:
            return None
        if not found and len(self._doubted) < self._most_doubted:
            self._doubted.add(key)
        return None if key in self._doubted else found

    def correct(self, path: str, rating_keys: Iterable[int]) -> None:
        """Take Plex's own answer for a file until the next refresh: the index was wrong."""
        self._corrected[path_key(path)] = list(rating_keys)

    def _items_at(self, key: str) -> tuple[int, ...]:
        server = self._client.machine_identifier
        found = path_index.items_with(self._store.connection, server, key)
        return tuple(rating_key for section, rating_key in found if section in self._sections)

    def _refresh_section(self, info: SectionInfo, *, sweep: bool) -> Iterator[None]:
        server = self._client.machine_identifier
        item_type = LEAF_TYPE_OF_SECTION.get(info.type, 1)
        known = path_index.cursor(self._store.connection, server, info.key)
        now = self._clock()
        if (
            known is None
            or not 0 <= now - known.swept_at < SWEEP_AGAIN
            or (sweep and known.in_doubt)
        ):
            yield from self._sweep(info, item_type, known)
        elif info.content_changed_at and (info.content_changed_at, info.scanned_at) == (
            known.content_changed_at,
            known.scanned_at,
        ):
            self._most_doubted += known.in_doubt * (known.items // PAGE + DOUBT)
        elif not (yield from self._catch_up(info, item_type, known)):
            yield from self._sweep(info, item_type, known)

    def _catch_up(
        self, info: SectionInfo, item_type: int, known: Cursor
    ) -> Generator[None, None, bool]:
        """List what is newer than the last look; say whether that explains the total."""
        total = count(self._client, info.key, item_type)
        newest, items = known.newest, known.items
        # The filter is strictly greater, and the name must not carry a "=".
        newer = (("updatedAt>>", str(known.newest - 1)),)
        for page in pages(self._client, info.key, item_type, newer):
            if page.total >= total:
                return False  # everything came: the filter was ignored, or a sweep costs the same
            items += self._count_new(info.key, page.items, known.newest)
            newest = max([newest, *(item.updated_at for item in page.items)])
            self._keep(info.key, known.generation, page.items)
            yield
        if items != total:
            return False  # something was deleted, or re-keyed
        self._conclude(known._replace(items=total, newest=newest, in_doubt=True), info)
        self._most_doubted += total // PAGE + DOUBT
        return True

    def _sweep(self, info: SectionInfo, item_type: int, known: Cursor | None) -> Iterator[None]:
        """List the whole library, again if it changed its size: its pages shifted then."""
        server = self._client.machine_identifier
        generation = known.generation if known else 0
        totals: set[int] = set()
        newest = 0
        for _ in range(MOST_SWEEPS):
            totals.clear()
            generation += 1
            for page in pages(self._client, info.key, item_type):
                totals.add(page.total)
                newest = max([newest, *(item.updated_at for item in page.items)])
                self._keep(info.key, generation, page.items)
                yield
            if len(totals) == 1:
                break
        # A library that never rests keeps its older rows: they are verified when used.
        more = len(totals) == 1
        while more:
            with self._store.transaction() as connection:
                more = path_index.drop_older(connection, server, info.key, generation)
            yield
        swept = Cursor(server, info.key, generation, max(totals), 0, 0, newest, self._clock())
        self._conclude(swept, info)

    def _count_new(self, section: int, items: tuple[ListedItem, ...], since: int) -> int:
        """Count the items that came to the library since the last look.

        One without files has no rows, so only when it was added can tell.
        """
        server = self._client.machine_identifier
        known = path_index.known_items(
            self._store.connection, server, section, [item.rating_key for item in items]
        )
        return sum(
            item.rating_key not in known and bool(item.files or item.added_at >= since)
            for item in items
        )

    def _keep(self, section: int, generation: int, items: tuple[ListedItem, ...]) -> None:
        server = self._client.machine_identifier
        rows = [(item.rating_key, {path_key(file) for file in item.files}) for item in items]
        with self._store.transaction() as connection:
            path_index.replace_items(connection, server, section, generation, rows)

    def _conclude(self, cursor: Cursor, info: SectionInfo) -> None:
        """Keep how far a section is, as of the answer that told whether it changed."""
        changed = info.content_changed_at
        cursor = cursor._replace(content_changed_at=changed, scanned_at=info.scanned_at)
        with self._store.transaction() as connection:
            path_index.put_cursor(connection, cursor)

    def _clean_up(self, infos: list[SectionInfo]) -> Iterator[None]:
        """Forget libraries that are gone, and servers not seen for long."""
        connection = self._store.connection
        here = [info.key for info in infos]
        server, before = self._client.machine_identifier, self._clock() - FORGET
        for cursor in path_index.abandoned(connection, server, here, before=before):
            more = True
            while more:
                with self._store.transaction():
                    more = path_index.forget(connection, cursor)
                yield
