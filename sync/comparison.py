"""A batch of scenes: both sides read, compared, each scene planned, in steps.

The steps are short, so that they fit between an edit and Plex's answer to it; the
path index, which is not, is announced. Nothing is settled on the way: what comes
of the scenes that need no write is kept until ``settle``, for by then it is this
batch's turn. A scene that did not change in Stash is compared with what the ledger
says it held, so it costs Stash nothing; once a day it is read in full all the same.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.found import RESOLVE_AGAIN
from store import ledger, queue
from store.enqueue import TASK
from store.ledger import SKIPPED
from sync.scene_filter import why_not
from sync.unchanged import is_as_read, is_in_step

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence

    from plex.item import PlexItem
    from stash.scene import Scene
    from store.ledger import SceneRecord
    from store.queue import QueueRow
    from sync.bulk_lookup import BulkLookup
    from sync.bulk_reader import BulkReader
    from sync.plan import ScenePlan
    from worker.processor import SyncWorker


class Comparison:
    """Compares one batch.

    Args:
        worker: The worker whose store, servers and verdict are used.
        lookup: Prepares the path index.
        reader: Reads both sides; its ``interrupted`` ends the comparison.
        rows: The batch.
    """

    def __init__(
        self,
        worker: SyncWorker,
        lookup: BulkLookup,
        reader: BulkReader,
        rows: list[QueueRow],
    ) -> None:
        self._worker = worker
        self._lookup = lookup
        self._reader = reader
        self.rows = rows
        self._asked_at = 0.0
        self._ends: list[tuple[Scene | None, Callable[[], None]]] = []
        self._at: Scene | None = None
        #: What is to be written or recorded, in the order of the rows.
        self.planned: list[tuple[QueueRow, ScenePlan]] = []
        #: Monotonic seconds before anything was read, None until then.
        self.began_at: float | None = None

    def steps(self) -> Generator[bool, None, bool]:
        """Read and plan; yield whether the step that comes next may take long.

        Returns whether it came to its end: not if something more urgent waits.

        Raises:
            faults.SyncError: A server failed.
        """
        # Before the first question: whatever changes after it has to look newer.
        self.began_at, self._asked_at = time.monotonic(), self._worker.clock()
        reconciler = self._worker.reconciler
        try:
            return (yield from self._compare())
        finally:
            reconciler.index = None  # by the next scene that comes alone it may be old

    def settle(self) -> None:
        """End or postpone the rows of those scenes that turned out to need no write."""
        ends, self._ends = self._ends, []
        for scene, end in ends:
            self._keep_private(scene)
            end()
        self._keep_private(self._at)  # a fault that is raised next may be about it

    def _compare(self) -> Generator[bool, None, bool]:
        rows, connection = self.rows, self._worker.store.connection
        records = ledger.scene_records(connection, _ids(rows))
        yield False
        if not (yield from self._look_up(records)):
            return False
        steady = self._steady(records)
        details: dict[int, Scene] = {}
        if not (yield from self._reader.scenes(_ids(rows, but=steady), details)):
            return False
        items = self._reader.items(_ids(rows), details)
        yield False
        moved = {one for one in steady if not is_in_step(self._worker, records[one], items)}
        if not (yield from self._reader.scenes(sorted(moved), details)):
            return False
        unchanged = [row for row in rows if row.id in steady and row.id not in moved]
        self._ends.append((None, partial(self._end_unchanged, unchanged, records)))
        for row in rows:
            if row.id in steady and row.id not in moved:
                continue
            yield False
            if self._reader.interrupted():
                return False
            look = self._plan(row, details.get(row.id), records.get(row.id), items)
            if look is not None:
                self.planned.append((row, look))
        return True

    def _look_up(self, records: Mapping[int, SceneRecord]) -> Generator[bool, None, bool]:
        """Let the index be prepared if many scenes have to be searched; say whether to go on."""
        rows = self.rows
        resolved = [number for number, record in records.items() if self._is_resolved(record)]
        searched = len(rows) - len(self._worker.reconciler.remembered(resolved))
        waiting = queue.waiting_with(self._worker.store.connection, rows[0].urgency)
        ahead = searched * max(waiting, len(rows)) / len(rows)
        waited = bool(rows[0].due_at)
        return (yield from self._lookup.prepare(self._worker.reconciler, ahead, waited=waited))

    def _is_resolved(self, record: SceneRecord) -> bool:
        """Say whether the ledger's items will do, if there are any."""
        return (
            record.fingerprint == self._worker.fingerprint
            and 0 <= self._worker.clock() - record.resolved_at < RESOLVE_AGAIN
        )

    def _steady(self, records: Mapping[int, SceneRecord]) -> set[int]:
        """Give the scenes that Stash has as they were when last read.

        Only of a task's: others were marked because something else than the scene changed.
        """
        if self.rows[0].urgency != TASK or not records:
            return set()
        stamps = self._reader.stamps(_ids(self.rows))
        return {
            number
            for number, record in records.items()
            if is_as_read(self._worker, record, stamps.get(number))
        }

    def _end_unchanged(self, rows: Iterable[QueueRow], records: Mapping[int, SceneRecord]) -> None:
        with self._worker.store.transaction():
            for row in rows:
                record = records[row.id]
                if record.outcome == SKIPPED:
                    self._worker.books.end(row, SKIPPED, record.note)
                else:
                    self._worker.books.end(row, "unchanged")

    def _plan(
        self,
        row: QueueRow,
        scene: Scene | None,
        record: SceneRecord | None,
        items: Mapping[int, PlexItem],
    ) -> ScenePlan | None:
        """Plan one scene, or keep how its row will end where nothing is to be planned."""
        worker = self._worker
        if scene is None:
            self._ends.append((None, partial(worker.books.forget, row)))
            return None
        self._at = scene
        self._keep_private(scene)
        if worker.config and (reason := why_not(scene, worker.config)):
            skip = partial(worker.books.skip, row, scene, reason, self._asked_at)
            self._ends.append((scene, skip))
            return None
        try:
            return worker.reconciler.plan(scene, record, items, asked_at=self._asked_at)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            self._ends.append((scene, partial(worker.verdict.settle, row, fault)))
            return None

    def _keep_private(self, scene: Scene | None) -> None:
        """Keep a scene's words out of what is said next: those of one scene are kept at a time."""
        if scene is not None:
            self._worker.keep_private(scene)


def _ids(rows: Sequence[QueueRow], *, but: Iterable[int] = ()) -> list[int]:
    left_out = set(but)
    return [row.id for row in rows if row.id not in left_out]
