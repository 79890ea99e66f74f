"""Keeps the path index of the searched libraries in step with Plex, for bulk work.

One request tells whether any library changed; then only what is newer than the
last look is listed. A full sweep follows when the numbers disagree (deletions
are invisible otherwise), when a server ignored the filter, or after a day.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plex.fields import LEAF_TYPE_OF_SECTION
from plex.listing import PAGE, ListedItem, count, pages
from store import parts
from store.parts import Cursor
from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    from plex.client import PlexClient
    from plex.sections import SectionInfo
    from store.store import Store

#: Seconds after which a full sweep is due although nothing seems to have changed.
SWEEP_AGAIN = 86400.0
#: Items a library is taken to have before it was ever listed.
UNKNOWN_SIZE = 20_000


class PathIndex:
    """The index of some sections of one server.

    Args:
        store: Where it is kept.
        client: Plex.
        sections: The sections to index.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
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

    def refresh(self) -> None:
        """Bring the index in step at one go; see ``refreshing``."""
        for _ in self.refreshing():
            pass

    def refreshing(self) -> Iterator[None]:
        """Bring the index in step, a request at a time, so that an edit can be served between.

        Once it is exhausted, a miss means that Plex does not have the file.

        Raises:
            faults.SyncError: Plex failed; what was indexed so far stays.
        """
        self._fresh = False
        for info in self._client.section_infos():
            if info.key in self._sections:
                yield from self._refresh_section(info)
        self._fresh = True

    def cost(self) -> int:
        """Give the number of requests that a refresh may take, roughly."""
        server = self._client.machine_identifier
        known = [
            parts.cursor(self._store.connection, server, section) for section in self._sections
        ]
        if all(one and self._clock() - one.swept_at < SWEEP_AGAIN for one in known):
            return 3
        return 3 + sum(one.items // PAGE if one else UNKNOWN_SIZE // PAGE for one in known)

    def items_holding(self, path: str) -> list[int] | None:
        """Give the rating keys of the items that hold a file as Plex names it.

        Returns None while the index cannot say: it was not refreshed yet.
        """
        if not self._fresh:
            return None
        found = parts.items_with(
            self._store.connection, self._client.machine_identifier, path_key(path)
        )
        return [rating_key for section, rating_key in found if section in self._sections]

    def _refresh_section(self, info: SectionInfo) -> Iterator[None]:
        server = self._client.machine_identifier
        item_type = LEAF_TYPE_OF_SECTION.get(info.type, 1)
        known = parts.cursor(self._store.connection, server, info.key)
        now = self._clock()
        if known is None or not 0 <= now - known.swept_at < SWEEP_AGAIN:
            yield from self._sweep(info, item_type, known)
        elif (info.content_changed_at, info.scanned_at) == (
            known.content_changed_at,
            known.scanned_at,
        ):
            return
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
        self._conclude(known._replace(items=total, newest=newest), info)
        return True

    def _sweep(self, info: SectionInfo, item_type: int, known: Cursor | None) -> Iterator[None]:
        server = self._client.machine_identifier
        generation = known.generation + 1 if known else 1
        newest = items = 0
        for page in pages(self._client, info.key, item_type):
            newest = max([newest, *(item.updated_at for item in page.items)])
            items += len(page.items)
            self._keep(info.key, generation, page.items)
            yield
        more = True
        while more:
            with self._store.transaction() as connection:
                more = parts.drop_older(connection, server, info.key, generation)
            yield
        swept = Cursor(server, info.key, generation, items, 0, 0, newest, self._clock())
        self._conclude(swept, info)

    def _count_new(self, section: int, items: tuple[ListedItem, ...], since: int) -> int:
        server = self._client.machine_identifier
        known = parts.known_items(
            self._store.connection, server, section, [item.rating_key for item in items]
        )
        return sum(
            item.rating_key not in known and bool(item.files or item.added_at >= since)
            for item in items
        )

    def _keep(self, section: int, generation: int, items: tuple[ListedItem, ...]) -> None:
        server = self._client.machine_identifier
        with self._store.transaction() as connection:
            parts.replace_items(
                connection,
                server,
                section,
                generation,
                [(item.rating_key, {path_key(file) for file in item.files}) for item in items],
            )

    def _conclude(self, cursor: Cursor, info: SectionInfo) -> None:
        with self._store.transaction() as connection:
            parts.put_cursor(
                connection,
                cursor._replace(
                    content_changed_at=info.content_changed_at, scanned_at=info.scanned_at
                ),
            )
