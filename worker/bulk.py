"""Many scenes at once: both sides read in batches, compared here, only differences written.

A batch is a few hundred scenes: one cheap page from Stash says which of them
changed there, Plex's items come in full by lists of rating keys, and what is to
be written is committed as intended at one go. Then it goes scene by scene, and
an edit by hand is served in between: the rest of the batch is put back, for
what was read before that edit may be old by now.

A scene that did not change in Stash is compared with what the ledger says it
held, so it costs Stash nothing; once a day it is read in full all the same.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from faults import NextStep, Scope, SyncError
from plex.exceptions import ItemGone
from plex.item import PlexItem, read_items
from store import dirty, history, ledger
from store.mark import TASK
from worker.alike import write_together
from worker.path_index import PathIndex
from worker.selection import why_not
from worker.steady import is_as_read, is_in_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from stash.scene import Scene
    from stash.stamp import SceneStamp
    from store.dirty import DirtyRow
    from worker.look import Look
    from worker.processor import SyncWorker
    from worker.reconcile import Reconciler

#: Rows of one batch, and the fewest that are worth one.
BATCH = 400
FEWEST = 4
#: Full items asked for with one request; Plex has a single writer and likes few readers.
ITEMS = 250
READERS = 4
#: Scenes ended in one transaction.
COMMIT = 50
#: What ends a batch: the gate decides whether the next one may begin.
FAILING = (NextStep.RETRY, NextStep.PAUSE)
#: Seconds an index is trusted, and a scene's details.
INDEX_AGE = 300.0
DETAILS_AGE = 86400.0


class Bulk:
    """Works on batches of scenes for a worker.

    Args:
        worker: The worker whose store, servers and verdict are used.
        interrupted: Says whether something more urgent waits, or the rows may
            no longer be looked at; asked between two scenes.
    """

    def __init__(self, worker: SyncWorker, interrupted: Callable[[], bool]) -> None:
        self._worker = worker
        self._interrupted = interrupted
        self._index: PathIndex | None = None
        self._index_at = 0.0
        self._index_for: Reconciler | None = None
        self._refreshing: Iterator[None] | None = None
        #: So many scenes are looked at each by itself, because their batch failed.
        self.one_by_one = 0

    def run(self, rows: list[DirtyRow]) -> None:
        """Look at a batch of scenes; what was not finished stays marked. Raises no SyncError."""
        try:
            self._run(rows)
        except SyncError as fault:
            # Nobody knows yet whose fault it is, and it may be one scene's own.
            self.one_by_one = len(rows)
            self._worker.verdict.settle_batch(fault)

    def _run(self, rows: list[DirtyRow]) -> None:
        worker, reconciler = self._worker, self._worker.reconciler
        records = {
            row.id: record
            for row in rows
            if (record := ledger.scene_record(self._worker.store.connection, row.id))
        }
        stamps = self._stamps(rows)
        unresolved = [row for row in rows if not reconciler.remembered(row.id)]
        if not self._index_is_ready(reconciler, len(unresolved), len(rows)):
            return
        # Background rows are there because something else than the scene changed.
        same = [
            row
            for row in rows
            if row.urgency == TASK
            and is_as_read(worker, records.get(row.id), stamps.get(row.id))
        ]
        held = {row.id for row in same}
        scenes = self._worker.stash.ask(
            lambda client: client.read_scenes(row.id for row in rows if row.id not in held)
        )
        items = self._read_items(reconciler, rows, scenes)
        moved = {row.id for row in same if not is_in_step(worker, records[row.id], items)}
        if moved:
            scenes |= self._worker.stash.ask(lambda client: client.read_scenes(moved))
        self._end_unchanged([row for row in same if row.id not in moved])
        rest = [row for row in rows if row.id not in held or row.id in moved]
        self._look_at([(row, scenes.get(row.id)) for row in rest], items)

    def _stamps(self, rows: list[DirtyRow]) -> Mapping[int, SceneStamp]:
        """Read id, updated_at and paths of the rows' scenes, if their ids lie close enough."""
        first, last = min(row.id for row in rows), max(row.id for row in rows)
        if last - first >= 4 * len(rows):
            return {}
        page = self._worker.stash.ask(
            lambda client: client.scene_ids_after(first - 1, last - first + 1)
        )
        return {stamp.id: stamp for stamp in page}

    def _index_is_ready(self, reconciler: Reconciler, unresolved: int, batch: int) -> bool:
        """Refresh the path index if that is cheaper; say whether work can go on at once."""
        now = self._worker.clock()
        if self._index_for is not reconciler:
            self._index = self._refreshing = None
        if self._index is None or not 0 <= now - self._index_at < INDEX_AGE:
            index = PathIndex(
                self._worker.store,
                self._worker.plex,
                reconciler.libraries.keys(),
                clock=self._worker.clock,
            )
            waiting = dirty.background_waiting(self._worker.store.connection)
            if unresolved * max(waiting, batch) <= index.cost() * batch:
                return True
            self._index, self._index_for, self._index_at = index, reconciler, now
            self._refreshing = index.refreshing()
        for _ in self._refreshing or ():
            if self._interrupted():
                return False
        self._refreshing = None
        reconciler.index = self._index
        return True

    def _read_items(
        self, reconciler: Reconciler, rows: list[DirtyRow], scenes: Mapping[int, Scene]
    ) -> dict[int, PlexItem]:
        """Read all the rows' items in full, a few requests at a time."""
        keys: dict[int, None] = {}
        for row in rows:
            known = reconciler.remembered(row.id)
            if not known and row.id in scenes:
                known = reconciler.indexed(scenes[row.id])
            keys.update(dict.fromkeys(known))
        wanted = list(keys)
        chunks = [wanted[start : start + ITEMS] for start in range(0, len(wanted), ITEMS)]
        items: dict[int, PlexItem] = {}
        with ThreadPoolExecutor(READERS) as readers:
            for found in readers.map(self._read_chunk, chunks):
                items |= found
        return items

    def _read_chunk(self, keys: list[int]) -> dict[int, PlexItem]:
        try:
            return read_items(self._worker.plex, keys)
        except ItemGone:  # each look finds out for itself
            return {}

    def _end_unchanged(self, rows: Iterable[DirtyRow]) -> None:
        with self._worker.store.transaction() as connection:
            for row in rows:
                dirty.done(connection, row)
                if row.urgency == TASK:
                    history.count(connection, "unchanged")

    def _look_at(
        self, todo: list[tuple[DirtyRow, Scene | None]], items: Mapping[int, PlexItem]
    ) -> None:
        """Plan all, commit what is intended, then write and end scene by scene."""
        planned: list[tuple[DirtyRow, Look]] = []
        for row, scene in todo:
            look = self._plan(row, scene, items)
            if look is not None:
                planned.append((row, look))
        reconciler = self._worker.reconciler
        reconciler.intend([entry for _, look in planned for entry in look.intents])
        write_together(self._worker.plex, [look for _, look in planned])
        ended: list[tuple[DirtyRow, Look]] = []
        try:
            for row, look in planned:
                reconciler.carry_out(look)
                ended.append((row, look))
                failed = look.fault is not None and look.fault.next_step in FAILING
                if failed or self._interrupted():
                    return
                if len(ended) >= COMMIT:
                    self._worker.record(ended)
                    ended = []
        finally:
            self._worker.record(ended)

    def _plan(
        self, row: DirtyRow, scene: Scene | None, items: Mapping[int, PlexItem]
    ) -> Look | None:
        """Plan one scene, or end its row at once where nothing is to be planned."""
        config = self._worker.config
        if scene is None or (config and why_not(scene, config)):
            self._worker.work_on(row)
            return None
        try:
            return self._worker.reconciler.plan(scene, items)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            self._worker.verdict.settle(row, fault)
            return None
