"""What comes next: the most urgent row by itself, or many in the background together.

A defect of ours is never more than one scene's: it parks that scene and the
others go on.
"""

from __future__ import annotations

import sqlite3
import sys
import time
import traceback
from typing import TYPE_CHECKING

from errors import PermanentError, SyncError, TransientError, half_updated, is_half_updated
from plex.error_types import NotInPlexYet
from store import holds, queue
from store.enqueue import EDIT, TASK
from worker import batch_run
from worker.batch_run import BatchRun, BatchSize

if TYPE_CHECKING:
    from collections.abc import Callable, Sized

    from store.queue import QueueRow
    from worker.launcher import ProcessLock
    from worker.processor import SyncWorker
    from worker.reload import PluginFiles

#: Seconds between two looks at whether something more urgent waits.
LOOK_UP = 0.01
#: The same for what takes a look at the disk: Stash's Stop, an update of the plugin.
LOOK_AROUND = 0.05
#: The fewest rows that are worth a batch.
FEWEST = 4


class Dispatcher:
    """Takes what is ready from the queue and has it worked on.

    Args:
        worker: Who works.
        task_lock: Held while a task lives; its rows are taken only then.
        files: Ends a batch when the plugin was updated.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        worker: SyncWorker,
        task_lock: ProcessLock,
        files: PluginFiles,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._worker = worker
        self._store = worker.store
        self._task_lock = task_lock
        self._files = files
        self._clock = clock
        self._at_work_for = EDIT
        self._undisturbed_at = self._looked_around_at = -LOOK_AROUND
        worker.context.interrupted = self.is_interrupted
        #: So many scenes are worked on each by itself, because their batch failed.
        self.one_by_one = 0
        self._size = BatchSize()

    def take(self) -> bool:
        """Work on the most urgent row, or on a batch from it on; say whether there was any.

        What scenes carry comes right after the edits of scenes: what it marks joins the
        scenes in the background, so that each of them is looked at once.
        """
        edit = queue.edited_scene(self._store.connection)
        things = [] if edit else queue.carried(self._store.connection, now=self._clock())
        if things:
            self._mark_scenes_of(things)
            return True
        rows = [edit] if edit else self._ready(1, with_task=self._task_lock.is_held())
        is_in_between = not rows or rows[0].urgency == TASK
        if is_in_between and self._worker.brake.decide(at_rest=not rows):
            return True
        if not rows:
            return False
        batch = self._batch(rows[0])
        if batch:
            self._work_on_all(batch)
        else:
            self._at_work_for = rows[0].urgency
            self._work_on(rows[0])
        return True

    def is_interrupted(self) -> bool:
        """Say whether a batch has to give way: to an edit, a hold, Stash's Stop, an update.

        Asked for every scene and every request; what was true a few milliseconds
        ago is near enough.
        """
        now = time.monotonic()
        if not 0 <= now - self._undisturbed_at < LOOK_UP:
            if (
                self._store.edit_waits(of_scene=True)  # the others have their turn between batches
                or holds.all_holds(self._store.connection)  # the breaker decides when it goes on
                or self._is_stopped(now)
            ):
                return True
            self._undisturbed_at = now
        return False

    def _is_stopped(self, now: float) -> bool:
        if 0 <= now - self._looked_around_at < LOOK_AROUND:
            return False
        if self._at_work_for == TASK and not self._task_lock.is_held():
            return True
        if self._files.changed():
            return True
        self._looked_around_at = now
        return False

    def _batch(self, first: QueueRow) -> list[QueueRow]:
        """Give the scenes that can be worked on together with the first, none if it goes alone."""
        if first.urgency == EDIT or first.kind != "scene":
            return []
        if first.due_at and first.reason != NotInPlexYet.__name__:
            return []  # something of its own failed, and may again
        if self.one_by_one:
            self.one_by_one -= 1
            return []
        self._at_work_for = first.urgency
        return self._alike(first, self._ready(batch_run.BATCH, with_task=first.urgency == TASK))

    def _following(self, rows: list[QueueRow]) -> list[QueueRow]:
        """Give the batch that comes after another, none where something else is next."""
        if queue.carried(self._store.connection, now=self._clock()):
            return []
        taken = {row.id for row in rows}
        ready = [
            row
            for row in self._ready(len(rows) + batch_run.BATCH, with_task=self._at_work_for == TASK)
            if row.kind != "scene" or row.id not in taken
        ]
        if not ready or _likeness(ready[0]) != _likeness(rows[0]):
            return []
        return self._alike(ready[0], ready)

    def _ready(self, limit: int, *, with_task: bool) -> list[QueueRow]:
        return queue.ready(
            self._store.connection, now=self._clock(), limit=limit, with_task=with_task
        )

    def _alike(self, first: QueueRow, rows: list[QueueRow]) -> list[QueueRow]:
        """Give those that can be worked on together with the first, none if they are too few."""
        alike = [row for row in rows if _likeness(row) == _likeness(first)]
        return alike[: self._size.most] if len(alike) >= FEWEST else []

    def _mark_scenes_of(self, things: list[QueueRow]) -> None:
        """Mark the scenes of many things; after a fault or a defect, of one thing at a time."""
        if self.one_by_one:
            self.one_by_one -= 1
            self._work_on(things[0])
            return
        self._work_together(
            lambda: self._worker.mark_scenes_of(things), lambda: things, "the scenes of {} things"
        )

    def _work_on_all(self, rows: list[QueueRow]) -> None:
        """Work on batch after batch; after a fault or a defect its scenes come one by one."""
        run = BatchRun(self._worker, rows, self._following, self._size)
        self._work_together(run.work, lambda: run.rows, "a batch of {} scenes")

    def _work_together(
        self, work: Callable[[], None], rows: Callable[[], Sized], what: str
    ) -> None:
        """Work on many rows; what fails is looked for one by one, which shows whose fault it is.

        ``rows`` gives those that were at work then, and ``what`` names so many of them.
        """
        try:
            try:
                work()
            except SyncError as fault:
                self.one_by_one = len(rows())
                self._worker.retry_policy.retry_batch(fault)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001 - see above
            self.one_by_one = len(rows())
            self._note_defect(what.format(self.one_by_one))

    def _work_on(self, row: QueueRow) -> None:
        """Work on one row; a defect of ours parks it, so that it cannot stop the others."""
        try:
            self._worker.work_on(row)
        except sqlite3.Error:
            raise  # the disk, not the scene: whoever is started next tries again
        except Exception as error:  # noqa: BLE001 - see above
            if is_half_updated(error):
                what = f"{row.kind.capitalize()} {row.id}: {half_updated(error)}."
                self._worker.settle(row, TransientError(f"{what} PlexSync tries again by itself."))
                return
            self._note_defect(f"{row.kind} {row.id}")
            self._worker.settle(
                row,
                PermanentError(
                    f"{row.kind.capitalize()} {row.id}: PlexSync failed in an unforeseen way "
                    f"({type(error).__name__}). It tries again when this is edited; please "
                    "report it with the lines of plexsync.log."
                ),
            )

    def _note_defect(self, what: str) -> None:
        error, _, steps = sys.exc_info()
        said = traceback.format_exc()
        if self._worker.log.is_redacted:  # what an exception says may quote the scene
            said = "".join(traceback.format_tb(steps)) + (error.__name__ if error else "")
        self._worker.log.error(f"{what}: {' '.join(said.split())}")


def _likeness(row: QueueRow) -> tuple[object, ...]:
    """Give what rows of one batch have in common."""
    return row.kind, row.urgency, row.due_at and row.reason
