"""Catching up without being asked: what changed in Stash without a hook that reached us.

A closed tab kills the hook and the rest of a bulk edit; auto-tag, merges and
moved files fire none at all. So now and then everything that moved since a
watermark is marked, for two requests when nothing happened.

The watermark is an instant, not Stash's text, so it survives a change of time
zone; entries of its very second are looked at again unless the ledger shows
that they were seen since.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stash import changes
from stash.changes import KINDS, LARGE, Changed
from stash.exceptions import StashQueryRefused
from store import ledger, meta
from store.backup import LOOK_SINCE
from store.mark import BACKGROUND, mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from stash.stamp import SceneStamp
    from store.store import Store
    from worker.log import Log
    from worker.stash_link import StashLink

#: Seconds between two sweeps while nothing else happens.
CALM = 600.0
#: Stash sorts by local time, and 12 hours is the most that a clock is behind UTC.
FURTHEST_WEST = 12 * 3600.0
#: Seconds by which a filter on local time reaches back: a changed summer time; any change.
SUMMER_TIME, ANY_ZONE = 2 * 3600.0, 26 * 3600.0
#: Seconds between two looks at files that reach back as far as that.
WIDE_LOOK = 86400.0
#: An update this close to the moment of our look may have come after it.
SAME_SECOND = 2.0
#: A time further ahead than this comes from a clock that was wrong.
AHEAD = 86400.0
#: Large pages of one kind that one sweep reads at most.
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

    def run(self, kinds: tuple[str, ...] = KINDS) -> int:
        """Mark what changed; give the number of marks.

        The first sweep of a kind only sets the watermark; of scenes it looks
        at those that changed since the store was begun.

        Args:
            kinds: What to look at; the watermarks of all else stay where they are.

        Raises:
            faults.SyncError: Stash failed; the watermark stays where it was.
        """
        before: dict[str, Any] = meta.get(self._store.connection, "sweep") or {}
        after = dict(before)
        now = self._clock()
        newest = self._stash.ask(lambda client: changes.newest(client, kinds))
        marked = 0
        for kind in kinds:
            known = before.get(kind)
            entries, count = newest[kind].entries, newest[kind].count
            if known is None and kind == "scene":
                known = self._beginning()
            if known is None:
                after[kind] = _watermark(None, entries, count, now)
                continue
            # The second of the watermark is over if we looked well after it.
            over = known["looked_at"] - known["at"] >= SAME_SECOND
            changed = self._since(kind, known["at"] + 0.5 * over, known["offset"], entries)
            after[kind] = _watermark(known, changed, count, now)
            marked += self._mark(kind, [one.id for one in changed if self._is_news(kind, one)])
            added = sum(one.id > known["last"] for one in changed)
            if kind != "scene" and count != known["count"] + added:
                marked += self._mark(kind, self._vanished(kind))
        if "scene" in kinds:
            marked += self._mark("scene", self._moved(before, after))
        with self._store.transaction() as connection:
            meta.put(connection, "sweep", after)
        if marked:
            self._log.info(f"sweep: {marked} changes found that no hook told of")
        return marked

    def _beginning(self) -> dict[str, Any] | None:
        """Give the first watermark: when the store was begun, or long ago if one was lost."""
        since = meta.get(self._store.connection, LOOK_SINCE)
        if since is None:
            return None
        return {"at": since, "offset": 0.0, "last": 0, "count": 0, "looked_at": since}

    def _since(
        self, kind: str, since: float, offset: float, entries: Sequence[Changed]
    ) -> list[Changed]:
        """Give the entries at or after an instant, page by page until the rest must be older.

        Args:
            kind: Their kind.
            since: The instant.
            offset: What the server's clock was ahead of UTC when we last looked.
            entries: The first page.
        """
        found: dict[int, Changed] = {}
        oldest, page = since + offset, 0
        horizon = self._clock() + AHEAD
        while entries:
            for entry in entries:
                if since <= entry.at <= horizon:
                    found[entry.id] = entry
                    if entry.offset != offset:  # the time zone changed: new may sort below old
                        oldest = since - FURTHEST_WEST
            if min(entry.local for entry in entries) < oldest or page >= MOST_PAGES:
                break
            page += 1
            entries = self._page(kind, page)
        return list(found.values())

    def _page(self, kind: str, page: int) -> tuple[Changed, ...]:
        found = self._stash.ask(
            lambda client: changes.newest(client, (kind,), page=page, size=LARGE)
        )
        return found[kind].entries

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
        there = self._stash.ask(lambda client: changes.ids_of_kind(client, kind))
        return sorted(carried - there)

    def _moved(self, before: dict[str, Any], after: dict[str, Any]) -> list[int]:
        """Give the scenes whose files lie elsewhere than when we last looked."""
        then, now = before.get("scene"), after["scene"]
        wide_at, looked_at = float(before.get("wide_at", 0.0)), now["looked_at"]
        if then is None:
            after["wide_at"] = looked_at
            return []
        if not self._can_see_files:
            return self._moved_here(after)
        since = then["looked_at"] - (SUMMER_TIME if then["offset"] == now["offset"] else ANY_ZONE)
        if not 0 <= looked_at - wide_at < WIDE_LOOK:
            since, after["wide_at"] = min(since, wide_at - ANY_ZONE), looked_at
        try:
            return self._touched(changes.text(since, now["offset"]))
        except StashQueryRefused:
            self._can_see_files = False
            return self._moved_here(after)

    def _touched(self, since: str) -> list[int]:
        """Ask Stash for the scenes whose files it touched, and compare their paths."""
        moved: list[int] = []
        page: list[SceneStamp] = []
        while True:
            last = page[-1].id if page else 0
            page = self._stash.ask(lambda client: changes.touched(client, since, last))  # noqa: B023
            moved += self._elsewhere(page)
            if len(page) < LARGE:
                return moved

    def _moved_here(self, after: dict[str, Any]) -> list[int]:
        """Compare the paths of a few scenes, the next few with each sweep (before Stash 0.30)."""
        place = after.get("place", 0)
        page = self._stash.ask(lambda client: client.scene_ids_after(place, LARGE))
        after["place"] = page[-1].id if len(page) == LARGE else 0
        return self._elsewhere(page)

    def _elsewhere(self, stamps: Iterable[SceneStamp]) -> list[int]:
        connection = self._store.connection
        return [
            stamp.id
            for stamp in stamps
            if (known := ledger.scene_paths(connection, stamp.id)) is not None
            and known != sorted(set(stamp.paths))
        ]

    def _mark(self, kind: str, ids: list[int]) -> int:
        for start in range(0, len(ids), CHUNK):
            with self._store.transaction() as connection:
                chunk = ids[start : start + CHUNK]
                mark(connection, kind, chunk, now=self._clock(), urgency=BACKGROUND)
        return len(ids)


def _watermark(
    known: dict[str, Any] | None, entries: Iterable[Changed], count: int, now: float
) -> dict[str, Any]:
    """Give what to remember of a kind: its newest's instant and offset, highest id, how many."""
    known = known or {"at": 0.0, "offset": 0.0, "last": 0}
    known = {**known, "count": count, "looked_at": now}
    credible = [entry for entry in entries if entry.at <= now + AHEAD]
    newest = max(credible, key=lambda entry: entry.at, default=None)
    if newest is not None and newest.at >= known["at"]:
        known.update(at=newest.at, offset=newest.offset)
    return {**known, "last": max([known["last"], *(entry.id for entry in credible)])}
