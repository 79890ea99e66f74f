"""Many scenes at once: both sides read in batches, compared here, only differences written.

A batch is a few hundred scenes: one cheap page from Stash says which of them
changed there, Plex's items come in full by lists of rating keys, and what is to
be written is committed as intended at one go. Then it goes scene by scene. Where
something more urgent waits the rest of the batch is put back, for what was read
before that may be old by now; a scene that was marked again is never written.

A scene that did not change in Stash is compared with what the ledger says it
held, so it costs Stash nothing; once a day it is read in full all the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faults import NextStep, Scope, SyncError
from matching.resolve import RESOLVE_AGAIN
from store import dirty, ledger
from store.ledger import SKIPPED
from store.mark import TASK
from worker.alike import write_together
from worker.bulk_lookup import BulkLookup
from worker.bulk_reader import BulkReader
from worker.selection import why_not
from worker.steady import is_as_read, is_in_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from plex.item import PlexItem
    from stash.scene import Scene
    from store.dirty import DirtyRow
    from store.ledger import SceneRecord
    from worker.look import Look
    from worker.processor import SyncWorker

#: Rows of one batch, and the fewest that are worth one.
BATCH = 500
FEWEST = 4
#: Scenes ended in one transaction, and seconds after which fewer are. A worker that is
#: killed before repeats no write: each of them finds Plex as it shall be.
COMMIT = 250
COMMIT_AFTER = 0.5
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
        #: So many scenes are looked at each by itself, because their batch failed.
        self.one_by_one = 0

    def run(self, rows: list[DirtyRow]) -> None:
        """Look at a batch of scenes; what was not finished stays marked. Raises no SyncError."""
        try:
            # The settings may have changed since the last scene that was read with them.
            if self._worker.accept_settings(self._worker.stash.settings()):
                self._run(rows)
        except SyncError as fault:
            # Nobody knows yet whose fault it is, and it may be one scene's own.
            self.one_by_one = len(rows)
            self._worker.verdict.settle_batch(fault)

    def _run(self, rows: list[DirtyRow]) -> None:
        reconciler = self._worker.reconciler
        try:
            self._compare(rows)
        finally:
            reconciler.index = None  # by the next scene that comes alone it may be old

    def _compare(self, rows: list[DirtyRow]) -> None:
        connection = self._worker.store.connection
        known = {row.id: ledger.scene_record(connection, row.id) for row in rows}
        records = {number: record for number, record in known.items() if record}
        if not self._look_up(rows, records):
            return
        steady = self._steady(rows, records)
        details = self._reader.scenes([row.id for row in rows if row.id not in steady])
        if details is None:
            return
        items = self._reader.items([row.id for row in rows], details)
        moved = [one for one in steady if not is_in_step(self._worker, records[one], items)]
        more = self._reader.scenes(moved)
        if more is None:
            return
        unchanged = steady.difference(moved)
        self._end_unchanged([row for row in rows if row.id in unchanged], records)
        rest = [row for row in rows if row.id not in unchanged]
        scenes = {**details, **more}
        self._look_at([(row, scenes.get(row.id)) for row in rest], items)

    def _look_up(self, rows: Sequence[DirtyRow], records: Mapping[int, SceneRecord]) -> bool:
        """Let the index be prepared if many scenes have to be searched; say whether to go on."""
        searched = sum(not self._is_resolved(records.get(row.id)) for row in rows)
        waiting = dirty.waiting_with(self._worker.store.connection, rows[0].urgency)
        ahead = searched * max(waiting, len(rows)) / len(rows)
        waited = bool(rows[0].due_at)
        return self._lookup.prepare(self._worker.reconciler, ahead, waited=waited)

    def _is_resolved(self, record: SceneRecord | None) -> bool:
        """Say whether the ledger's items will do, as far as a record can tell."""
        return (
            record is not None
            and record.fingerprint == self._worker.fingerprint
            and 0 <= self._worker.clock() - record.resolved_at < RESOLVE_AGAIN
            and bool(self._worker.reconciler.remembered(record.id))
        )

    def _steady(self, rows: Sequence[DirtyRow], records: Mapping[int, SceneRecord]) -> set[int]:
        """Give the scenes that Stash has as they were when last read.

        Only of a task's: others were marked because something else than the scene changed.
        """
        if rows[0].urgency != TASK or not records:
            return set()
        stamps = self._reader.stamps([row.id for row in rows])
        return {
            number
            for number, record in records.items()
            if is_as_read(self._worker, record, stamps.get(number))
        }

    def _end_unchanged(self, rows: Iterable[DirtyRow], records: Mapping[int, SceneRecord]) -> None:
        with self._worker.store.transaction():
            for row in rows:
                record = records[row.id]
                if record.outcome == SKIPPED:
                    self._worker.books.end(row, SKIPPED, record.note)
                else:
                    self._worker.books.end(row, "unchanged")

    def _look_at(
        self, todo: list[tuple[DirtyRow, Scene | None]], items: Mapping[int, PlexItem]
    ) -> None:
        """Plan all, commit what is intended, then write and end scene by scene."""
        planned: list[tuple[DirtyRow, Look]] = []
        for row, scene in todo:
            if self._interrupted():
                return
            look = self._plan(row, scene, items)
            if look is not None:
                planned.append((row, look))
        self._worker.reconciler.intend([one for _, look in planned for one in look.intents])
        row_of = {id(look): row for row, look in planned}

        def may_write(look: Look) -> bool:
            return self._is_current(row_of[id(look)]) and not self._interrupted()

        write_together(self._worker.plex, (look for _, look in planned), may_write)
        self._carry_out(sorted(planned, key=lambda one: not one[1].is_written))

    def _carry_out(self, planned: Sequence[tuple[DirtyRow, Look]]) -> None:
        """Write and end scene by scene, in short transactions; stop where something waits.

        What went out together with others is noted all the same: that costs no request.
        """
        ended: list[tuple[DirtyRow, Look]] = []
        since, stopped = time.monotonic(), False
        try:
            for row, look in planned:
                stopped = stopped or self._interrupted()
                if stopped and not (look.is_written and not any(o.pictures for o in look.planned)):
                    continue
                if not look.is_written and not self._is_current(row):
                    continue
                self._worker.reconciler.carry_out(look)
                ended.append((row, look))
                stopped = stopped or (look.fault is not None and look.fault.next_step in FAILING)
                if len(ended) >= COMMIT or time.monotonic() - since >= COMMIT_AFTER:
                    self._worker.record(ended)
                    ended, since = [], time.monotonic()
        finally:
            if ended:
                self._worker.record(ended)

    def _is_current(self, row: DirtyRow) -> bool:
        return dirty.is_current(self._worker.store.connection, row)

    def _plan(
        self, row: DirtyRow, scene: Scene | None, items: Mapping[int, PlexItem]
    ) -> Look | None:
        """Plan one scene, or end its row at once where nothing is to be planned."""
        if scene is None:
            self._worker.books.forget(row)
            return None
        self._worker.keep_private(scene)
        config = self._worker.config
        if config and (reason := why_not(scene, config)):
            self._worker.books.skip(row, scene, reason)
            return None
        try:
            return self._worker.reconciler.plan(scene, items)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            self._worker.verdict.settle(row, fault)
            return None
