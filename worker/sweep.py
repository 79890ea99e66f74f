"""Catching up without being asked: what changed in Stash without a hook that reached us.

A closed tab kills the hook and the rest of a bulk edit; auto-tag, merges and
moved files fire none at all. So now and then everything that moved since a
watermark is marked, for three requests when nothing happened: the newest of
each kind, the files that were touched, and a page of what is compared anyway
(worker/moved_files.py).

The watermark is an instant, not Stash's text, so it survives a change of time
zone; entries of its very second are looked at again unless the ledger shows
that they were seen since. Where what was newest is so no more and nothing is
gone, Stash's database was put back: no time tells what that changed, so all
scenes are looked at. What was written while the server's clock was behind
where it is now, and has sorted below older entries ever since, is found by a
look that reaches further back once a day; so is a file that was moved while the
clock was more than two hours behind that of any scene we know of.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from errors import counted
from stash import changes
from stash.changes import KINDS, LARGE, SAME_SECOND, Changed, Newest
from store import ledger, meta
from worker.moved_files import MovedFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from log import Log
    from store.store import Store
    from sync.stash_session import StashSession

#: Seconds between two sweeps while nothing else happens.
CALM = 600.0
#: Seconds after which a scene that is new to us brings a sweep forward. Stash fires its hook
#: before a scan has made its cover, and none afterwards (pkg/scene/scan.go; updated_at moves).
COVER_MADE = (15.0, 45.0)
#: Stash sorts by local time, and 12 hours is the most that a clock is behind UTC.
FURTHEST_WEST = 12 * 3600.0
#: Seconds by which a filter on local time reaches back: a changed summer time; any change.
SUMMER_TIME, ANY_ZONE = 2 * 3600.0, 26 * 3600.0
#: Seconds between two looks that reach back to the one before.
WIDE_LOOK = 86400.0
#: A time further ahead than this comes from a clock that was wrong.
AHEAD = 86400.0
#: Large pages of one kind that one sweep asks for at most.
MOST_PAGES = 500


class Sweep:
    """Finds and marks what changed since the last sweep, whose watermark is in the store."""

    def __init__(
        self, store: Store, stash: StashSession, log: Log, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._stash = stash
        self._log = log
        self._clock = clock
        self._moved_files = MovedFiles(store, stash, clock)
        self._due_at = 0.0  # the first one as soon as there is a moment
        self._newest_scene = ledger.newest_scene(store.connection)
        self._early: list[float] = []

    def run_if_due(self) -> int:
        """Sweep at a calm rhythm; give the number of marks, errors as ``run``.

        It comes early, and once more, where a scene was looked at that is newer than all others.
        """
        now = self._clock()
        newest = ledger.newest_scene(self._store.connection)
        if newest > self._newest_scene:
            self._newest_scene = newest
            self._early = [now + seconds for seconds in COVER_MADE]
        if self._early and not 0 < self._early[0] - now <= COVER_MADE[-1]:
            self._early.pop(0)
        elif 0 < self._due_at - now <= CALM:
            return 0
        self._due_at = now + CALM
        return self.run()

    def run(self, kinds: tuple[str, ...] = KINDS) -> int:
        """Mark what changed; give the number of marks.

        The first sweep of a kind only sets the watermark; of scenes it looks
        at those that changed since the store was begun. The watermarks of other
        kinds than ``kinds`` stay where they are.

        Raises:
            errors.SyncError: Stash failed; what it failed at is looked at again next time.
        """
        before: dict[str, Any] = meta.get(self._store.connection, meta.SWEEP) or {}
        after = dict(before)
        now = self._clock()
        before |= {kind: _set_back(before[kind], now) for kind in kinds if kind in before}
        wide = _wide(after, now) if "scene" in kinds else None
        newest = self._stash.ask(lambda client: changes.newest(client, kinds))
        if any(_is_older(newest[kind], before[kind]) for kind in kinds if kind in before):
            self._log.warning(
                "Stash's database is older than it was, as after a backup was put back: every "
                "scene is looked at once"
            )
            with self._store.transaction() as connection:
                ledger.forget_looks(connection)
            before, after = {}, {}
        marked = 0
        for kind in kinds:
            known, count = before.get(kind), newest[kind].count
            if known is None and kind == "scene":
                known = self._beginning()
            if known is None:
                after[kind] = _watermark(None, newest[kind].entries, newest[kind], now)
                continue
            changed = self._since(kind, known, newest[kind], wide)
            after[kind] = _watermark(known, changed, newest[kind], now)
            news = changed if kind != "scene" else filter(self._is_news, changed)
            marked += self._mark(kind, [one.id for one in news])
            added = sum(one.id > known["last"] for one in changed)
            if kind != "scene" and count != known["count"] + added:
                marked += self._mark(kind, self._vanished(kind))
        then = before.get("scene") if "scene" in kinds else None
        if then:
            reach = SUMMER_TIME if then["offset"] == after["scene"]["offset"] else ANY_ZONE
            since = then["looked_at"] - reach
            if wide is not None:
                since = min(since, wide - ANY_ZONE)
            moved = self._moved_files.since(changes.text(since, after["scene"]["offset"]))
            marked += self._mark("scene", moved)
        meta.put(self._store.connection, meta.SWEEP, after)
        if then:  # last, so that a page that Stash cannot give holds up no watermark
            marked += self._moved_files.compare_next(newest["scene"].count)
        if marked:
            self._log.info(f"sweep: {counted(marked, 'change')} found that no hook told of")
        return marked

    def _beginning(self) -> dict[str, Any] | None:
        """Give the first watermark: when the store was begun, or long ago if one was lost."""
        since = meta.get(self._store.connection, meta.SWEEP_SINCE)
        if since is None:
            return None
        return {"at": since, "offset": 0.0, "last": 0, "count": 0, "looked_at": since}

    def _since(
        self, kind: str, known: dict[str, Any], first: Newest, wide: float | None
    ) -> list[Changed]:
        """Give what changed at or after the watermark, until all that follows must be older.

        ``known`` is the watermark, with what the server's clock was ahead of UTC then; ``wide``
        reaches back to an instant for what was hidden until now, None for not.
        """
        found: dict[int, Changed] = {}
        # The second of the watermark is over if we looked well after it.
        since = known["at"] + 0.5 * (known["looked_at"] - known["at"] >= SAME_SECOND)
        offset = known["offset"]
        oldest = since + offset if wide is None else min(since + offset, wide - FURTHEST_WEST)
        horizon = self._clock() + AHEAD
        for entries in self._pages(kind, first):
            for entry in entries:
                if since <= entry.at <= horizon:
                    found[entry.id] = entry
                    if entry.offset != offset:  # the time zone changed: new may sort below old
                        oldest = min(oldest, since - FURTHEST_WEST)
                elif wide is not None and wide <= entry.at < since and entry.offset < offset:
                    found[entry.id] = entry  # it sorted below what was older when it was new
            if not entries or min(entry.local for entry in entries) < oldest:
                break
        return list(found.values())

    def _pages(self, kind: str, first: Newest) -> Iterator[tuple[Changed, ...]]:
        """Give page after page. What is deleted meanwhile moves the rest up: then step back."""
        yield first.entries
        page, count = 1, first.count
        for _ in range(MOST_PAGES):
            found = self._page(kind, page)
            fewer, count = count - found.count, found.count
            if fewer > 0 and page > 1:
                page = max(page - math.ceil(fewer / LARGE), 1)
                continue
            yield found.entries
            page += 1

    def _page(self, kind: str, page: int) -> Newest:
        found = self._stash.ask(
            lambda client: changes.newest(client, (kind,), page=page, size=LARGE)
        )
        return found[kind]

    def _is_news(self, entry: Changed) -> bool:
        """Say whether a scene may have changed since we last looked at it."""
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

    def _mark(self, kind: str, ids: list[int]) -> int:
        self._store.mark(kind, ids, now=self._clock())
        return len(ids)


def _wide(state: dict[str, Any], now: float) -> float | None:
    """Give the instant of the last wide look if another one is due, and note this one."""
    last = float(state.setdefault("wide_at", now))
    if 0 <= now - last < WIDE_LOOK:
        return None
    state["wide_at"] = now
    return last


def _is_older(found: Newest, known: dict[str, Any]) -> bool:
    """Say whether what was newest of all is there no more, though nothing is gone."""
    return found.count >= int(known["count"]) and _top(found) < float(known.get("top", 0.0))


def _top(found: Newest) -> float:
    return max((entry.at for entry in found.entries), default=0.0)


def _set_back(known: dict[str, Any], now: float) -> dict[str, Any]:
    """Give a watermark from before the clock was set back as one of a day ago.

    By the time of then nothing that comes would be newer.
    """
    if known["looked_at"] - now < SAME_SECOND:
        return known
    then = {name: min(known[name], now - AHEAD) for name in ("at", "looked_at")}
    return {**known, **then, "top": 0.0}


def _watermark(
    known: dict[str, Any] | None, entries: Iterable[Changed], found: Newest, now: float
) -> dict[str, Any]:
    """Give what to remember of a kind.

    That is its newest's instant and offset, the highest id, how many there are, and the instant
    of the newest that is listed first (``top``).
    """
    known = known or {"at": 0.0, "offset": 0.0, "last": 0}
    known = {**known, "count": found.count, "top": _top(found), "looked_at": now}
    credible = [entry for entry in entries if entry.at <= now + AHEAD]
    newest = max(credible, key=lambda entry: entry.at, default=None)
    if newest is not None and newest.at >= known["at"]:
        # What is from later than now hides nothing that comes until then.
        known.update(at=min(newest.at, now), offset=newest.offset)
    return {**known, "last": max([known["last"], *(entry.id for entry in credible)])}
