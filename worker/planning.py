"""A batch before anything is written: both sides read, compared, each scene planned, in steps.

The steps are small, so that a batch can be planned while Plex is at work on the
edits of the one before. A scene that did not change in Stash is compared with what
the ledger says it held, so it costs Stash nothing; once a day it is read in full
all the same.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from faults import Scope, SyncError
from matching.resolve import RESOLVE_AGAIN
from store import dirty, ledger
from store.ledger import SKIPPED
from store.mark import TASK
from worker.selection import why_not
from worker.steady import is_as_read, is_in_step

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

    from plex.item import PlexItem
    from stash.scene import Scene
    from store.dirty import DirtyRow
    from store.ledger import SceneRecord
    from worker.bulk_lookup import BulkLookup
    from worker.bulk_reader import BulkReader
    from worker.look import Look
    from worker.processor import SyncWorker

#: Seconds for which a plan that was made ahead is still good when its turn comes.
GOOD_FOR = 30.0


class Planning:
    """Plans one batch of scenes; ends the rows of those that need nothing.

    Args:
        worker: The worker whose store, servers and verdict are used.
        lookup: Prepares the path index.
        reader: Reads both sides; its ``interrupted`` ends the planning.
        rows: The batch.
    """

    def __init__(
        self,
        worker: SyncWorker,
        lookup: BulkLookup,
        reader: BulkReader,
        rows: list[DirtyRow],
    ) -> None:
        self._worker = worker
        self._lookup = lookup
        self._reader = reader
        self.rows = rows
        self._fingerprint = worker.fingerprint
        self._planned: list[tuple[DirtyRow, Look]] = []
        self._ended_at: float | None = None
        self._is_whole = False
        self._fault: Exception | None = None
        self._steps = self._run()

    def step(self) -> None:
        """Go on by one step. Raises nothing: what failed is raised by ``finish``."""
        if self._ended_at is not None:
            return
        try:
            next(self._steps)
        except StopIteration as end:
            self._is_whole = end.value
            self._ended_at = time.monotonic()
        except Exception as fault:  # noqa: BLE001 - it is raised where it belongs
            self._fault = fault
            self._ended_at = time.monotonic()

    def finish(self) -> list[tuple[DirtyRow, Look]] | None:
        """Go on to the end and give what is to be written, None when something more urgent came.

        Raises:
            faults.SyncError: A server failed.
        """
        while self._ended_at is None:
            self.step()
        if self._fault is not None:
            raise self._fault
        return self._planned if self._is_whole else None

    def is_good(self) -> bool:
        """Say whether the plan is recent, and was made with the settings in use."""
        young = self._ended_at is None or time.monotonic() - self._ended_at < GOOD_FOR
        return young and self._fingerprint == self._worker.fingerprint

    def close(self) -> None:
        """Give up what was not finished."""
        self._steps.close()

    def _run(self) -> Generator[None, None, bool]:
        reconciler = self._worker.reconciler
        try:
            return (yield from self._compare())
        finally:
            reconciler.index = None  # by the next scene that comes alone it may be old

    def _compare(self) -> Generator[None, None, bool]:
        """Read and plan; say whether it came to its end."""
        rows, connection = self.rows, self._worker.store.connection
        records = ledger.scene_records(connection, _ids(rows))
        yield
        if not self._look_up(records):
            return False
        steady = self._steady(records)
        details: dict[int, Scene] = {}
        if not (yield from self._reader.scenes(_ids(rows, but=steady), details)):
            return False
        items = self._reader.items(_ids(rows), details)
        yield
        moved = {one for one in steady if not is_in_step(self._worker, records[one], items)}
        if not (yield from self._reader.scenes(sorted(moved), details)):
            return False
        unchanged = steady - moved
        self._end_unchanged([row for row in rows if row.id in unchanged], records)
        for row in rows:
            if row.id in unchanged:
                continue
            yield
            if self._reader.interrupted():
                return False
            look = self._plan(row, details.get(row.id), records.get(row.id), items)
            if look is not None:
                self._planned.append((row, look))
        return True

    def _look_up(self, records: Mapping[int, SceneRecord]) -> bool:
        """Let the index be prepared if many scenes have to be searched; say whether to go on."""
        rows = self.rows
        resolved = [number for number, record in records.items() if self._is_resolved(record)]
        searched = len(rows) - len(self._worker.reconciler.remembered(resolved))
        waiting = dirty.waiting_with(self._worker.store.connection, rows[0].urgency)
        ahead = searched * max(waiting, len(rows)) / len(rows)
        waited = bool(rows[0].due_at)
        return self._lookup.prepare(self._worker.reconciler, ahead, waited=waited)

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

    def _end_unchanged(self, rows: Iterable[DirtyRow], records: Mapping[int, SceneRecord]) -> None:
        with self._worker.store.transaction():
            for row in rows:
                record = records[row.id]
                if record.outcome == SKIPPED:
                    self._worker.books.end(row, SKIPPED, record.note)
                else:
                    self._worker.books.end(row, "unchanged")

    def _plan(
        self,
        row: DirtyRow,
        scene: Scene | None,
        record: SceneRecord | None,
        items: Mapping[int, PlexItem],
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
            return self._worker.reconciler.plan(scene, record, items)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            self._worker.verdict.settle(row, fault)
            return None


def _ids(rows: Sequence[DirtyRow], *, but: Iterable[int] = ()) -> list[int]:
    left_out = set(but)
    return [row.id for row in rows if row.id not in left_out]
