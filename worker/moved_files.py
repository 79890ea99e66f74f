"""Scenes whose files lie elsewhere than when we last looked, which moves no scene's updated_at.

A file's own time moves, and since 0.30 Stash can be asked for that. But a scan that finds a
renamed folder changes the path in Stash's row of the folder and nothing else: the times of the
files, of the scenes and of the folder itself stand still, and no hook runs (handleFolderRename
in Stash's pkg/file/scan.go), so no filter finds the scenes below. A lost Scene.Destroy leaves
nothing to filter by, either. Therefore every scene that we ever looked at is compared with
what Stash has now, calmly: a page or a few with each sweep, all of them about once a day.
Before Stash 0.30 this is how single moved files are found, too.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from stash import changes
from stash.changes import LARGE
from stash.exceptions import StashQueryRefused
from store import LARGEST_ID, ledger, meta, queue
from store.enqueue import BACKGROUND, enqueue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stash.scene import SceneStamp
    from store.store import Store
    from sync.stash_session import StashSession

#: Seconds in which all scenes are compared once, if Stash has no more than about
#: 250,000 and the worker lives that long.
FULL_COMPARISON = 86400.0
#: Pages of scenes compared by one sweep at most.
MOST_PAGES = 4
#: Scenes of the ledger that are compared, and marked, at one go.
RECORDS_AT_ONCE = 1000


class MovedFiles:
    """Compares the files of scenes with what the ledger has of them."""

    def __init__(
        self, store: Store, stash: StashSession, clock: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._stash = stash
        self._clock = clock
        self._can_tell_files = True

    def since(self, local_time: str) -> list[int]:
        """Give the moved scenes of files that were touched since a time, as Stash writes it.

        There are none where Stash is too old to tell, which is asked once.
        """
        try:
            return self._since(local_time) if self._can_tell_files else []
        except StashQueryRefused:
            self._can_tell_files = False
            return []

    def _since(self, local_time: str) -> list[int]:
        moved: list[int] = []
        last = 0
        while True:
            page = self._stash.ask(lambda client: changes.touched(client, local_time, last))  # noqa: B023
            records = ledger.scene_records(self._store.connection, [stamp.id for stamp in page])
            moved += [
                stamp.id
                for stamp in page
                if stamp.id in records and not records[stamp.id].has_files_at(stamp.paths)
            ]
            if len(page) < LARGE:
                return moved
            last = page[-1].id

    def compare_next(self, scenes: int) -> int:
        """Mark those of the next few scenes that are not as the ledger has them; give how many.

        ``scenes`` is how many Stash has. Nothing is compared with a Stash that has none at
        all: its database is not there, or not yet.

        Raises:
            errors.SyncError: Stash failed; the page is compared again next time.
        """
        now = self._clock()
        state = meta.get(self._store.connection, meta.FULL_COMPARISON) or {"place": 0, "at": now}
        place, marked = state["place"], 0
        for _ in range(_pages(scenes, now - state["at"])):
            ids, place = self._compare(place)
            with self._store.transaction() as connection:
                enqueue(connection, "scene", ids, now=now, urgency=BACKGROUND)
                meta.put(connection, meta.FULL_COMPARISON, {"place": place, "at": now})
            marked += len(ids)
            if not place:
                break
        return marked

    def _compare(self, place: int) -> tuple[list[int], int]:
        """Give what is to be marked of the scenes above an id, and how far that was; 0: all."""
        page = self._stash.ask(lambda client: client.stamps_after(place, LARGE))
        end = page[-1].id if len(page) >= LARGE else LARGEST_ID
        # Read after the page: what is missing there was not made in between.
        known = ledger.records_between(self._store.connection, place, end, RECORDS_AT_ONCE)
        if len(known) == RECORDS_AT_ONCE:
            end = known[-1].id
        return self._to_mark(page, known), end if end != LARGEST_ID else 0

    def _to_mark(
        self, page: Sequence[SceneStamp], known: Sequence[ledger.SceneRecord]
    ) -> list[int]:
        there = {stamp.id: stamp for stamp in page}
        connection = self._store.connection
        found = []
        for record in known:
            stamp = there.get(record.id)
            if stamp is None:
                found.append(record.id)  # gone from Stash: whoever looks at it forgets it
            elif record.updated_at == stamp.updated_at and record.has_files_at(stamp.paths):
                continue
            elif not queue.get(connection, "scene", record.id):
                # One that is marked already is looked at anyway; one that is parked is not
                # tried again with each comparison, but when it changes or somebody asks for it.
                found.append(record.id)
        return found


def _pages(scenes: int, seconds: float) -> int:
    """Give how many pages are due after some seconds, so that a full comparison takes a day."""
    if not scenes:
        return 0
    share = math.ceil(scenes / LARGE) * seconds / FULL_COMPARISON
    return min(max(math.ceil(share), 1), MOST_PAGES)
