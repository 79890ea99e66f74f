"""Whose turn it is: the most urgent thing by itself, or background scenes by the batch.

A defect of ours is never more than one scene's: it parks that scene and the
others go on.
"""

from __future__ import annotations

import sqlite3
import sys
import time
import traceback
from typing import TYPE_CHECKING

from errors import PermanentError
from plex.exceptions import NotInPlexYet
from store import holds, queue
from store.enqueue import EDIT, TASK
from sync.bulk import BATCH, FEWEST, Bulk

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.queue import QueueRow
    from worker.launcher import ProcessLock
    from worker.processor import SyncWorker
    from worker.reload import PluginFiles

#: Seconds between two looks at whether something more urgent waits.
LOOK_UP = 0.005


class Dispatcher:
    """Takes what is ready from the dirty set and has it looked at.

    Args:
        worker: Who looks.
        task_lock: Held while a task lives; its rows are taken only then.
        release: Ends a batch when the plugin was updated.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        worker: SyncWorker,
        task_lock: ProcessLock,
        release: PluginFiles,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._worker = worker
        self._store = worker.store
        self._task_lock = task_lock
        self._release = release
        self._clock = clock
        self._at_work_for = EDIT
        self._undisturbed_at = -LOOK_UP
        self.bulk = Bulk(worker, self.is_interrupted)

    def take(self) -> bool:
        """Look at the most urgent thing; say whether there was any."""
        rows = queue.ready(
            self._store.connection,
            now=self._clock(),
            limit=1,
            with_task=self._task_lock.is_held(),
        )
        if not rows:
            return False
        batch = self._batch(rows[0])
        if batch:
            self._work_on_all(batch)
        else:
            self._work_on(rows[0])
        return True

    def _batch(self, first: QueueRow) -> list[QueueRow]:
        """Give the scenes that can be looked at together with the first, none if it goes alone."""
        if first.urgency == EDIT or first.kind != "scene":
            return []
        if first.due_at and first.reason != NotInPlexYet.__name__:
            return []  # something of its own failed, and may again
        if self.bulk.one_by_one:
            self.bulk.one_by_one -= 1
            return []
        self._at_work_for = first.urgency
        return self._alike(first, self._ready(BATCH))

    def _following(self, batch: list[QueueRow]) -> list[QueueRow]:
        """Give the batch that comes after another, none where something else is next."""
        taken = {row.id for row in batch}
        rows = [
            row
            for row in self._ready(len(batch) + BATCH)
            if row.kind != "scene" or row.id not in taken
        ]
        if not rows or _likeness(rows[0]) != _likeness(batch[0]):
            return []
        return self._alike(rows[0], rows)

    def _ready(self, limit: int) -> list[QueueRow]:
        return queue.ready(
            self._store.connection,
            now=self._clock(),
            limit=limit,
            with_task=self._at_work_for == TASK,
        )

    def _alike(self, first: QueueRow, rows: list[QueueRow]) -> list[QueueRow]:
        """Give those that can be looked at together with the first, none if they are too few."""
        alike = [row for row in rows if _likeness(row) == _likeness(first)]
        return alike[: min(BATCH, self.bulk.most)] if len(alike) >= FEWEST else []

    def is_interrupted(self) -> bool:
        """Say whether a batch has to give way: to an edit, a hold, Stash's Stop, an update.

        Asked for every scene and every request; what was true a few milliseconds
        ago is near enough.
        """
        now = time.monotonic()
        if not 0 <= now - self._undisturbed_at < LOOK_UP:
            if (
                queue.edit_waits(self._store.connection)
                or holds.all_holds(self._store.connection)  # the gate decides when it goes on
                or (self._at_work_for == TASK and not self._task_lock.is_held())
                or self._release.changed()
            ):
                return True
            self._undisturbed_at = now
        return False

    def _work_on_all(self, batch: list[QueueRow]) -> None:
        """Look at a batch; after a defect of ours its scenes are looked at one by one."""
        try:
            self.bulk.run(batch, self._following)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001 - one by one it shows whose fault it is
            self.bulk.one_by_one = len(self.bulk.at_hand)
            self._note_defect(f"a batch of {self.bulk.one_by_one} scenes")

    def _note_defect(self, what: str) -> None:
        kind, _, steps = sys.exc_info()
        said = traceback.format_exc()
        if self._worker.log.is_redacted:  # what an exception says may quote the scene
            said = "".join(traceback.format_tb(steps)) + (kind.__name__ if kind else "")
        self._worker.log.error(f"{what}: {' '.join(said.split())}")

    def _work_on(self, row: QueueRow) -> None:
        """Look at one thing; a defect of ours parks it, so that it cannot stop the others."""
        try:
            self._worker.work_on(row)
        except sqlite3.Error:
            raise  # the disk, not the scene: whoever is started next tries again
        except Exception as error:  # noqa: BLE001 - see above
            self._note_defect(f"{row.kind} {row.id}")
            self._worker.verdict.settle(
                row,
                PermanentError(
                    f"{row.kind.capitalize()} {row.id}: PlexSync failed in an unforeseen way "
                    f"({type(error).__name__}). It tries again when this is edited; please "
                    "report it with the lines of plexsync.log."
                ),
            )


def _likeness(row: QueueRow) -> tuple[object, ...]:
    """Give what rows of one batch have in common."""
    return row.kind, row.urgency, row.due_at and row.reason
