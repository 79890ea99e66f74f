"""Many scenes at once: both sides read in batches, compared here, only differences written.

A batch is a few hundred scenes: one cheap page from Stash says which of them
changed there, Plex's items come in full by lists of rating keys, and what is to
be written is committed as intended at one go. Then it goes scene by scene, and
towards the end the next batch is planned while Plex is at work on an edit. Where
something more urgent waits, or it takes too long, the rest of the batch and the next
one are put back, for what was read before may be old by now; a scene that was marked
again is never written.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import NextStep, SyncError
from store import queue
from sync import intent
from sync.alike import write_together
from sync.bulk_lookup import BulkLookup
from sync.bulk_reader import BulkReader
from sync.comparison import Comparison
from sync.planning import GOOD_FOR, Planning

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from store.queue import QueueRow
    from sync.plan import ScenePlan
    from worker.processor import SyncWorker

#: Rows of one batch at most; the fewest that are worth one; the fewest a slow Plex leaves of it.
BATCH = 500
FEWEST = 4
SLOWEST = 10
#: Scenes ended in one transaction, and seconds after which fewer are. A worker that is
#: killed before repeats no write: each of them finds Plex as it shall be.
COMMIT = 250
COMMIT_AFTER = 0.5
#: Seconds before its turn at which a batch is begun to be planned, by the pace of the one before.
AHEAD = 2.0
#: What ends a batch: the gate decides whether the next one may begin.
FAILING = (NextStep.RETRY, NextStep.PAUSE)


class Bulk:
    """Works on batches of scenes for a worker.

    Args:
        worker: The worker whose store, servers and verdict are used.
        interrupted: Says whether something more urgent waits, or the rows may
            no longer be looked at; asked between two scenes and two requests.
    """

    def __init__(self, worker: SyncWorker, interrupted: Callable[[], bool]) -> None:
        self._worker = worker
        self._interrupted = interrupted
        self._lookup = BulkLookup(worker, interrupted)
        self._reader = BulkReader(worker, interrupted)
        #: The batch whose turn it is.
        self.at_hand: list[QueueRow] = []
        #: So many scenes are looked at each by itself, because their batch failed.
        self.one_by_one = 0
        self._pace = 0.0

    @property
    def most(self) -> int:
        """Rows that are done before what was read for them is old, by the last batch's pace."""
        return max(SLOWEST, int(GOOD_FOR / self._pace)) if self._pace else BATCH

    def run(
        self, rows: list[QueueRow], following: Callable[[list[QueueRow]], list[QueueRow]]
    ) -> None:
        """Look at batch after batch; what was not finished stays marked. Raises no SyncError.

        Args:
            rows: The first batch.
            following: Gives the batch to look at after another one, which is planned
                meanwhile; empty when something else comes next.
        """
        planning = self._planning(rows)
        try:
            while planning.rows:
                self.at_hand = planning.rows
                # They may have changed since the last scene that was read with them.
                if not self._worker.accept_settings(self._worker.stash.settings()):
                    return
                if not planning.is_good():
                    planning.close()
                    planning = self._planning(self.at_hand)
                planned = planning.finish()
                if planned is None:
                    return
                planning = self._planning(following(self.at_hand))
                if not self._write(planned, planning.step if planning.rows else _nothing):
                    return
        except SyncError as fault:
            # Nobody knows yet whose fault it is, and it may be one scene's own.
            self.one_by_one = len(self.at_hand)
            self._worker.verdict.settle_batch(fault)
        finally:
            planning.close()

    def _planning(self, rows: list[QueueRow]) -> Planning:
        comparison = Comparison(self._worker, self._lookup, self._reader, rows)
        return Planning(self._worker, comparison)

    def _write(
        self, planned: list[tuple[QueueRow, ScenePlan]], meanwhile: Callable[[], object]
    ) -> bool:
        """Commit what is intended, then write and end scene by scene; say whether to go on."""
        store, looks = self._worker.store, [look for _, look in planned]
        intent.commit(store, looks, now=self._worker.clock())
        row_of = {id(look): row for row, look in planned}

        def may_write(look: ScenePlan) -> bool:
            return self._is_current(row_of[id(look)]) and not self._interrupted()

        try:
            write_together(self._worker.plex, looks, may_write)
            in_order = sorted(planned, key=lambda one: not one[1].is_written)
            return self._carry_out(in_order, meanwhile)
        finally:
            intent.withdraw(store, looks)

    def _carry_out(
        self, planned: Sequence[tuple[QueueRow, ScenePlan]], meanwhile: Callable[[], object]
    ) -> bool:
        """Write and end scene by scene, in short transactions; say whether nothing stopped it.

        What went out together with others is noted all the same: that costs no request.
        """
        ended: list[tuple[QueueRow, ScenePlan]] = []
        began = time.monotonic()
        took, committed_at, carried, stopped = 0.0, 0.0, 0, False
        try:
            for number, (row, look) in enumerate(planned):
                stopped = stopped or took > GOOD_FOR or self._interrupted()
                if stopped and not (look.is_written and not any(o.pictures for o in look.planned)):
                    continue
                if not look.is_written and not self._is_current(row):
                    continue
                is_near = carried and took / carried * (len(planned) - number) < AHEAD
                self._worker.reconciler.carry_out(look, meanwhile if is_near else _nothing)
                ended.append((row, look))
                carried, took = carried + 1, time.monotonic() - began
                stopped = stopped or (look.fault is not None and look.fault.next_step in FAILING)
                if len(ended) >= COMMIT or took - committed_at >= COMMIT_AFTER:
                    self._worker.record(ended)
                    ended, committed_at = [], took
        finally:
            if ended:
                self._worker.record(ended)
        share = len(planned) / len(self.at_hand)  # the others cost Plex no edit
        self._pace = took / carried * share if carried else 0.0
        return not stopped

    def _is_current(self, row: QueueRow) -> bool:
        return queue.is_current(self._worker.store.connection, row)


def _nothing() -> None:
    """Do nothing."""
