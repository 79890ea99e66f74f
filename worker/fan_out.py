"""From a studio, performer, tag or group to the scenes that carry it.

Stash knows who carries it now; the ledger knows who carried it when we last
looked, which is all that is left after a deletion or a merge. A tag may have a
hundred thousand scenes, so they are marked a chunk at a time, an edit by hand
is served in between, and the row itself ends last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stash import changes
from store import ledger, queue
from store.enqueue import BACKGROUND, enqueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from stash.client import RefKind
    from store.queue import QueueRow
    from store.store import Store
    from sync.stash_session import StashSession

#: Scenes marked in one transaction, and read from Stash with one request.
SCENES_AT_ONCE = 500


class FanOut:
    """Marks the scenes of one thing after another.

    Args:
        store: Where rows and ledger are.
        stash: The way to Stash.
        clock: Gives Unix seconds.
    """

    def __init__(self, store: Store, stash: StashSession, clock: Callable[[], float]) -> None:
        self._store = store
        self._stash = stash
        self._clock = clock
        self._row: QueueRow | None = None
        self._marked: set[int] = set()

    def run(self, row: QueueRow) -> int | None:
        """Mark all scenes that carry, or carried, what a row is about; the caller ends the row.

        Returns:
            How many there are, or None when a newer edit by hand came first: the row
            stays, and the next call for it goes on where this one was.

        Raises:
            errors.SyncError: Stash could not be asked.
        """
        if self._row is None or self._row[:3] != row[:3]:
            self._row, self._marked = row, set()
        kind = cast("RefKind", row.kind)
        while True:
            page = self._carrying(kind, row.id, max(self._marked, default=0))
            if not page:
                break
            self._mark(page)
            if queue.edit_waits(self._store.connection, after=row.revision):
                return None
        before = ledger.scenes_carrying(self._store.connection, row.kind, row.id)
        left = [scene for scene in before if scene not in self._marked]
        for start in range(0, len(left), SCENES_AT_ONCE):
            self._mark(left[start : start + SCENES_AT_ONCE])
        count = len(self._marked)
        self._row, self._marked = None, set()
        return count

    def _carrying(self, kind: RefKind, number: int, last: int) -> list[int]:
        of = (kind, number)
        return self._stash.ask(lambda client: changes.scene_ids(client, last, SCENES_AT_ONCE, of))

    def _mark(self, scenes: list[int]) -> None:
        with self._store.transaction() as connection:
            enqueue(connection, "scene", scenes, now=self._clock(), urgency=BACKGROUND)
        self._marked.update(scenes)
