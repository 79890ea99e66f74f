"""Catching up without being asked: what changed in Stash without a hook that reached us.

A closed tab kills the hook and the rest of a bulk edit; auto-tag, merges and
moved files fire none at all. So now and then everything that moved since a
watermark is marked, for one request when nothing happened.

The watermark is an instant, not Stash's text, so it survives a change of time
zone; entries of its very second are looked at again unless the ledger shows
that they were seen since.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stash.changes import KINDS, Changed
from stash.exceptions import StashQueryRefused
from store import ledger, meta
from store.mark import BACKGROUND, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stash.stamp import SceneStamp
    from store.store import Store
    from worker.log import Log
    from worker.stash_link import StashLink

#: Seconds between two sweeps while nothing else happens.
CALM = 600.0
#: Text order and time order may differ for as long as offsets do (14 + 12 hours).
OFFSETS = 26 * 3600.0
#: An update this close to the moment of our look may have come after it.
SAME_SECOND = 2.0
#: Pages of one kind after which the whole kind is marked rather than listed.
MOST_PAGES = 500
#: Ids marked in one transaction.
CHUNK = 1000


class Sweep:
    """Finds and marks what changed since the last sweep.

    Args:
        store: Where the watermark is.
        stash: The way to Stash.
        log: The worker's log.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        stash: StashLink,
        log: Log,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._stash = stash
        self._log = log
        self._clock = clock
        self._can_see_files = True

    def run(self) -> int:
        """Mark what changed; give the number of marks. The first sweep only sets the watermark.

        Raises:
            faults.SyncError: Stash failed; the watermark stays where it was.
        """
        before = meta.get(self._store.connection, "sweep") or {}
        now = self._clock()
        newest = self._stash.ask(lambda client: client.newest())
        after: dict[str, Any] = {"at": now, "marks": {}, "counts": {}}
        marked = 0
        for kind in KINDS:
            mark_ = (before.get("marks") or {}).get(kind)
            found = newest[kind]
            after["counts"][kind] = found.count
            if mark_ is None:
                after["marks"][kind] = max((entry.at for entry in found.entries), default=0.0)
                continue
            # The second of the watermark is over if we looked well after it.
            over = float(before["at"]) - mark_ >= SAME_SECOND
            changed = self._since(kind, mark_ + 0.5 if over else mark_, found.entries)
            after["marks"][kind] = max([mark_, *(entry.at for entry in changed)])
            marked += self._mark(kind, [e.id for e in changed if self._is_news(kind, e)])
            if kind != "scene" and found.count != (before.get("counts") or {}).get(kind):
                marked += self._mark(kind, self._vanished(kind))
        if before:
            marked += self._mark("scene", self._moved(float(before["at"])))
        with self._store.transaction() as connection:
            meta.put(connection, "sweep", after)
        if marked:
            self._log.info(f"sweep: {marked} changes found that no hook told of")
        return marked

    def _since(self, kind: str, since: float, first: Iterable[Changed]) -> list[Changed]:
        """Give the entries at or after the watermark, page by page until a whole page is old."""
        found: dict[int, Changed] = {}
        entries = list(first)
        page = 1
        while entries:
            for entry in entries:
                if entry.at >= since:
                    found[entry.id] = entry
            if max(entry.at for entry in entries) < since - (OFFSETS if page == 1 else 0):
                break
            if min(entry.at for entry in entries) < since and _one_offset(entries):
                break
            page += 1
            if page > MOST_PAGES:
                break
            number = page
            entries = list(
                self._stash.ask(lambda client: client.newest((kind,), number))[kind].entries  # noqa: B023
            )
        return list(found.values())

    def _is_news(self, kind: str, entry: Changed) -> bool:
        """Say whether an entry may have changed since we last looked at it."""
        if kind != "scene":
            return True
        record = ledger.scene_record(self._store.connection, entry.id)
        if record is None or record.updated_at != entry.updated_at:
            return True
        return record.looked_at - entry.at < SAME_SECOND

    def _vanished(self, kind: str) -> list[int]:
        """Give the entries that scenes carried and Stash no longer has."""
        carried = set(ledger.carried_ids(self._store.connection, kind))
        if not carried:
            return []
        there = set(self._stash.ask(lambda client: list(client.ids_of_kind(kind))))
        return sorted(carried - there)

    def _moved(self, since: float) -> list[int]:
        """Give the scenes whose files lie elsewhere than when we last looked."""
        if not self._can_see_files:
            return []
        moved: list[int] = []
        last = 0
        try:
            while True:
                page = self._touched(since, last)
                moved += [stamp.id for stamp in page if self._lies_elsewhere(stamp)]
                if not page:
                    return moved
                last = page[-1].id
        except StashQueryRefused:
            # Before Stash 0.30; a "Sync all" compares the paths of all scenes.
            self._can_see_files = False
            return []

    def _touched(self, since: float, last: int) -> list[SceneStamp]:
        return self._stash.ask(lambda client: client.scenes_with_touched_files(since, last))

    def _lies_elsewhere(self, stamp: SceneStamp) -> bool:
        known = ledger.scene_paths(self._store.connection, stamp.id)
        return known is not None and known != sorted(set(stamp.paths))

    def _mark(self, kind: str, ids: list[int]) -> int:
        for start in range(0, len(ids), CHUNK):
            with self._store.transaction() as connection:
                chunk = ids[start : start + CHUNK]
                mark(connection, kind, chunk, now=self._clock(), urgency=BACKGROUND)
        return len(ids)


def _one_offset(entries: list[Changed]) -> bool:
    """Say whether all entries carry the same offset, so that text order is time order."""
    return len({entry.updated_at[19:] for entry in entries}) == 1
