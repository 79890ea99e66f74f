"""Batch after batch of scenes that are alike, the next one planned while Plex is at work on one.

Where something more urgent waits, or a batch takes too long, its rest and the next one are
put back, for what was read before may be old by now (docs/adr/0009). A batch after one that came
to nothing is half as large, and one after that is as large as before: however often somebody
saves, some scenes get through in between.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store import queue
from store.enqueue import TASK
from sync import pipeline, write
from sync.batch import Batch
from sync.pipeline import Planning

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.queue import QueueRow
    from worker.processor import SyncWorker

#: Rows of one batch at most, and the fewest that a slow Plex, or who saves again and again,
#: leaves of it.
BATCH = 500
SLOWEST = 10
#: Seconds that an edit is thought to take before one was seen.
SLOW_EDIT = 0.05


class BatchSize:
    """How large the next batch may be, by how those before it went."""

    def __init__(self) -> None:
        self._pace = 0.0  # seconds that a scene of the last one took
        self._part = 1  # of how many of a whole batch the next one is

    @property
    def most(self) -> int:
        """Rows of the next batch: done before what was read for them is old, by the last one."""
        by_pace = int(write.GOOD_FOR / self._pace) if self._pace else BATCH
        return max(SLOWEST, min(by_pace, BATCH // self._part))

    def halve(self) -> None:
        """Let less be lost, should the next one come to nothing, too."""
        self._part = min(2 * self._part, BATCH)

    def double(self) -> None:
        """Go back towards a whole batch, for one got as far as being written."""
        self._part = max(1, self._part // 2)

    def keep_pace(self, batch: Batch) -> None:
        """Learn how long a scene takes from a batch that was written."""
        written = sum(bool(plan.found) for plan in batch.plans)
        share = written / len(batch.ids)  # the others cost Plex no edit
        self._pace = batch.took / batch.carried * share if batch.carried else 0.0


class BatchRun:
    """Works on a batch, and on those that follow it; ``rows`` are those whose turn it is.

    ``following`` gives the rows that come after some, none where something else is next;
    ``size`` learns how the batches go.
    """

    def __init__(
        self,
        worker: SyncWorker,
        rows: list[QueueRow],
        following: Callable[[list[QueueRow]], list[QueueRow]],
        size: BatchSize,
    ) -> None:
        self.rows = rows
        self._worker = worker
        self._store = worker.store
        self._following = following
        self._size = size
        # The batch whose turn it is, and the one after it once anything was read for that.
        self._planning: Planning | None = None
        self._next: Planning | None = None
        # Of an earlier run nothing is known by now.
        self._was_quick, self._edit_takes = False, SLOW_EDIT

    def work(self) -> None:
        """Sync batch after batch; what was not finished stays in the queue.

        Raises:
            errors.SyncError: A batch failed, and nobody knows yet whose fault it is.
        """
        worker = self._worker
        if not worker.breaker.adopt(worker.stash.settings()):
            return
        self._planning = self._plan(self.rows)
        try:
            while self._take_turn():
                pass
        finally:
            for one in (self._planning, self._next):
                if one is not None:
                    one.close()

    def _take_turn(self) -> bool:
        """Plan one batch to its end and write it; say whether there may be another turn."""
        worker, turn, planning = self._worker, time.monotonic(), self._planning
        if planning is None:
            return False
        self.rows = list(planning.batch.rows.values())
        if planning.is_old():
            planning.close()
            self._planning = planning = self._plan(self.rows)
        if self._complete(planning):
            # They may have changed since the batch before. With scenes they come along.
            if not worker.breaker.adopt(worker.stash.settings(since=turn)):
                return False
            if planning.is_outdated():
                self._drop_next()
                self._planning = self._plan(self.rows)
                return True
        if not planning.settle(worker.recorder):
            if queue.edited_scene(self._store.connection):
                self._size.halve()
            return False
        self._size.double()
        self._write(planning.batch)
        return not planning.batch.stopped

    def _complete(self, planning: Planning) -> bool:
        """Plan one batch to its end; say whether nothing came in between."""
        # What is read of the next one is good only if this one does not take long. Nobody
        # waits for the background: there a processor stays free for an edit by hand.
        if self._was_quick and self.rows[0].urgency == TASK:
            self._next = self._plan_after(planning.batch)
        return planning.complete(self._next.read_ahead if self._next else write.nothing)

    def _write(self, batch: Batch) -> None:
        """Write what was planned for one batch, and plan the next one meanwhile."""
        if _edits(batch) * self._edit_takes >= write.AHEAD:
            self._drop_next()
        self._planning, self._next = self._next or self._plan_after(batch), None
        ahead = self._planning.step if self._planning else write.nothing
        pipeline.apply(self._worker.context, self._worker.recorder, batch, ahead)
        self._size.keep_pace(batch)
        self._was_quick = batch.took < write.AHEAD
        if batch.carried:
            self._edit_takes = batch.took / batch.carried

    def _drop_next(self) -> None:
        if self._next:
            self._next.close()
            self._next = None

    def _plan_after(self, batch: Batch) -> Planning | None:
        rows = self._following(list(batch.rows.values()))
        return self._plan(rows, batch) if rows else None

    def _plan(self, rows: list[QueueRow], before: Batch | None = None) -> Planning:
        batch = Batch(
            tuple(row.id for row in rows),
            {row.id: row for row in rows},
            waiting=queue.waiting_with(self._store.connection, rows[0].urgency),
            # Others were marked because something else than the scene changed.
            unread=rows[0].urgency == TASK,
            before=before,
        )
        return Planning(self._worker.context, batch)


def _edits(batch: Batch) -> int:
    """Count the scenes of a batch for which something will be sent."""
    return sum(any(item.is_intended for item in plan.planned) for plan in batch.plans)
