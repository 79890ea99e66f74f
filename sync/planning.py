"""The plan of a batch: made while Plex is at work on the edits of the one before, or at its turn.

docs/adr/0009 says why that is so, and what it must not do.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store import holds

if TYPE_CHECKING:
    from store.queue import QueueRow
    from sync.comparison import Comparison
    from sync.plan import ScenePlan
    from worker.processor import SyncWorker

#: Seconds after which what was read of Plex is too old to decide over a person's edit.
GOOD_FOR = 10.0


class Planning:
    """Makes one batch's plan.

    Args:
        worker: The worker whose store and settings are used.
        comparison: Makes the plan of its batch, in steps.
    """

    def __init__(self, worker: SyncWorker, comparison: Comparison) -> None:
        self._worker = worker
        self._comparison = comparison
        self.rows = comparison.rows
        self._fingerprint = worker.fingerprint
        self._steps = comparison.steps()
        self._is_long = self._is_over = self._is_whole = False
        self._fault: Exception | None = None

    def step(self) -> None:
        """Go on by one step, unless that may take long. Raises nothing and settles nothing."""
        if not self._is_long:
            self._advance()

    def finish(self) -> list[tuple[QueueRow, ScenePlan]] | None:
        """Go on to the end, settle what needs no write, and give the rest.

        Returns None when something more urgent came, or the whole queue has to wait.

        Raises:
            faults.SyncError: A server failed, now or in an earlier step.
        """
        while not self._is_over:
            self._advance()
        self._comparison.settle()
        if self._fault is not None:
            raise self._fault
        if not self._is_whole or holds.all_holds(self._worker.store.connection):
            return None
        return self._comparison.planned

    def is_good(self) -> bool:
        """Say whether what was read is recent, and was read with the settings in use."""
        began = self._comparison.began_at
        young = began is None or time.monotonic() - began < GOOD_FOR
        return young and self._fingerprint == self._worker.fingerprint

    def close(self) -> None:
        """Give up what was not finished."""
        self._steps.close()

    def _advance(self) -> None:
        if self._is_over:
            return
        try:
            self._is_long = next(self._steps)
        except StopIteration as end:
            self._is_over, self._is_whole = True, end.value
        except Exception as fault:  # noqa: BLE001 - it is raised where it belongs
            self._is_over, self._fault = True, fault
