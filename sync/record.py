"""The stage that records: a row of the queue ends in the transaction that keeps what came of it.

A row that was marked again meanwhile stays, and is counted when it ends in turn.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from matching import identity
from store import differences, history, ledger, meta, queue
from store.braked import RELEASED
from store.enqueue import BACKGROUND, enqueue
from store.ledger import SKIPPED
from sync import brake, collections, scan_missing, server_seen, unchanged
from sync.plan import carried_by, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from errors import SyncError
    from stash.scene import Scene
    from store.history import NewChange
    from store.queue import QueueRow
    from sync.batch import Batch
    from sync.context import Context
    from sync.plan import ScenePlan

#: Scenes recorded in one transaction, and seconds after which fewer are. A worker that is
#: killed before repeats no write: each of them finds Plex as it shall be.
COMMIT = 250
COMMIT_AFTER = 0.5
#: Seconds after which it is done while Plex is at work on the next edit, which costs less.
COMMIT_MEANWHILE = 0.2


class _Carried(NamedTuple):
    """A plan that was carried out, with what is kept of it besides its ledger entries."""

    plan: ScenePlan
    changes: list[NewChange]
    carried: list[tuple[str, int]]
    line: str


def _moves_collections(plan: ScenePlan) -> bool:
    """Say whether an item came into a collection or left one, now or with an earlier try."""
    return any("collections" in written.changes for written in plan.written) or any(
        item.before is not None and '"collections"' in item.before.pending for item in plan.planned
    )


class Recorder:
    """Keeps what came of scenes, and ends their rows.

    Args:
        context: Where and with which settings they were synced.
        settle: Decides what a fault means for a row (worker/processor.py).
        succeeded: Told that a scene went through.
    """

    def __init__(
        self,
        context: Context,
        settle: Callable[[QueueRow, SyncError], None],
        succeeded: Callable[[], None],
    ) -> None:
        self._context = context
        self._store = context.store
        self._settle = settle
        self._succeeded = succeeded
        # Carried out and not recorded yet: as they came, and made ready.
        self._open: list[ScenePlan] = []
        self._ready: list[_Carried] = []
        self._since = 0.0

    def settle(self, batch: Batch) -> None:
        """End or postpone the rows of the scenes that turned out to need no write, or no write yet.

        What the match left to do for them is done now: rows of the ledger to untie, rules
        learnt for path_map, folders for Plex to scan.

        Raises:
            errors.SyncError: Plex as a whole failed when it was asked to scan.
        """
        self._context.namesakes.commit()
        self._mark_heirs(batch)
        self._keep_matches(batch.plans)
        brake.hold_back(self._context, batch)
        self._end_unchanged(batch)
        for number, reason in batch.left_out.items():
            self._end_left_out(batch, number, reason)
        for plan in batch.plans:
            if plan.fault is None or plan.found:
                continue
            self._context.keep_private(plan.scene)
            row = batch.rows.get(plan.scene.id)
            if plan.missing:
                asked = bool(plan.missing.scans) and scan_missing.ask(self._context, plan)
                looks = row.attempts if row else 0
                plan.fault = plan.missing.fault(asked=asked, looks=looks)
            if row:
                self._settle(row, plan.fault)
        self._context.keep_private(batch.current)  # a fault that is raised next may be about it

    def record(self, batch: Batch, carried_out: Iterable[ScenePlan]) -> None:
        """Keep what came of plans as they are carried out, in short transactions."""
        self._open.clear()
        self._ready.clear()
        self._since = time.monotonic()
        try:
            for plan in carried_out:
                self._open.append(plan)
                count = len(self._open) + len(self._ready)
                if count >= COMMIT or time.monotonic() - self._since >= COMMIT_AFTER:
                    self._record(batch)
        finally:
            if self._open or self._ready:
                self._record(batch)

    def make_ready(self) -> bool:
        """Make ready what is kept of one more plan; say whether there was one.

        It is done while Plex is at work on the next, so that little is left for the transaction.
        """
        if not self._open:
            return False
        self._ready.append(self._made_ready(self._open[0]))
        del self._open[0]
        return True

    def record_meanwhile(self, batch: Batch) -> bool:
        """Record what is ready while Plex is at work, now and then; say whether it was done."""
        is_time = time.monotonic() - self._since >= COMMIT_MEANWHILE
        # What a fault means is settled when nothing is under way: it may close the client.
        if not self._ready or not is_time or any(one.plan.fault for one in self._ready):
            return False
        self._record(batch)
        return True

    def _made_ready(self, plan: ScenePlan) -> _Carried:
        context, scene = self._context, plan.scene
        now, server = context.clock(), context.server
        changes = [written.as_change(scene, server, now) for written in plan.written]
        line = ""
        if plan.fault is None:
            context.keep_private(scene)
            line = context.log.clean(self._told(plan))
        return _Carried(plan, changes, carried_by(scene, parents=self._parents), line)

    def _end(self, row: QueueRow | None, outcome: str, reason: str = "") -> None:
        """End a row inside the running transaction, and count it for the task it belongs to."""
        connection = self._store.connection
        if row is not None and queue.done_all(connection, [row]):
            history.count(connection, outcome, reason)

    def _record(self, batch: Batch) -> None:
        """Keep what was carried out in one transaction, then settle what failed of it."""
        while self.make_ready():
            pass
        ready = self._ready
        plans = [one.plan for one in ready]
        context = self._context
        server = context.server  # no question within the transaction
        with self._store.transaction() as connection:
            started = float((meta.get(connection, meta.SYNC_ALL) or {}).get("started") or 0)
            rows = {
                plan.scene.id: batch.rows[plan.scene.id]
                for plan in plans
                if plan.scene.id in batch.rows
            }
            in_run = queue.in_run(connection, list(rows.values()))
            # What a person let go is a run of its own, that it can be undone.
            gone_on = (meta.get(connection, meta.GONE_ON) or [0.0])[-1]
            let_go = {one.id for one in rows.values() if one.brake == RELEASED}
            runs = {**dict.fromkeys(let_go, gone_on), **dict.fromkeys(in_run, started)}
            self._keep(ready, server, runs, in_run if started else set())
            for plan in plans:
                if plan.fault is None:
                    as_is = [one.item.rating_key for one in plan.planned if one.is_in_step]
                    unchanged.note_seen(context, batch, plan.record, as_is)
            outcomes = {plan.scene.id: plan.outcome for plan in plans if plan.fault is None}
            done = queue.done_all(
                connection, [row for number, row in rows.items() if number in outcomes]
            )
            for outcome, scenes in Counter(outcomes[number] for number in done).items():
                history.count(connection, outcome, scenes=scenes)
            ledger.put_seen(connection, server, batch.seen)
            batch.seen.clear()
            meta.put(connection, meta.LAST_LOOK, context.clock())
        self._ready, self._since = [], time.monotonic()
        server_seen.note(context)
        lines = []
        for plan, _, _, line in ready:
            if plan.fault is None:
                lines.append(line)
                self._succeeded()
            elif row := batch.rows.get(plan.scene.id):
                context.keep_private(plan.scene)
                self._settle(row, plan.fault)
        context.log.info_all(lines)

    def _keep(
        self,
        ready: Sequence[_Carried],
        server: str,
        runs: Mapping[int, float],
        in_run: Collection[int],
    ) -> None:
        """Keep plans inside the running transaction.

        Args:
            ready: What was carried out.
            server: Plex's machine identifier.
            runs: As for ``history.append``.
            in_run: Those that the running task marked.
        """
        connection, now = self._store.connection, self._context.clock()
        # Read in vain, not listed either, and another item holds the file: re-created. Its old
        # key comes back only with a database of Plex's that is put back.
        for rating_key in {key for one in ready for key in one.plan.gone}:
            ledger.note_gone(connection, server, rating_key, now=now)
            differences.forget_open(connection, server, rating_key)
        acknowledged = [entry for one in ready for entry in one.plan.acknowledged]
        ledger.acknowledge(connection, *acknowledged, now=now)
        ledger.record_scenes(connection, [(one.plan.record, one.carried) for one in ready])
        history.append(connection, *(change for one in ready for change in one.changes), runs=runs)
        keys = [item.after.rating_key for one in ready for item in one.plan.planned]
        differing = differences.items_with_any(connection, server, keys)
        for one in ready:
            self._keep_rest(one.plan, server, differing, in_run=one.plan.scene.id in in_run)

    def _keep_rest(
        self, plan: ScenePlan, server: str, differing: set[int], *, in_run: bool
    ) -> None:
        """Keep what only few plans leave; ``differing`` are items that had differences so far."""
        connection, now, scene = self._store.connection, self._context.clock(), plan.scene
        for item in plan.planned:
            if item.before and item.before.scene not in (0, scene.id):
                ledger.cede(connection, server, item.before.scene, scene.id)
            key = item.after.rating_key
            if plan.fault is None and (item.kept or key in differing):
                differences.keep(connection, server, key, scene.id, item.kept, now=now)
        if not in_run and _moves_collections(plan):
            collections.mark(connection, self._context.config, now=now)
        for number, why in plan.refused.items():
            differences.refuse(connection, number, why)
        if plan.taken:  # so that the ledger learns what Stash has now
            enqueue(connection, "scene", [scene.id], now=now, urgency=BACKGROUND)

    @property
    def _parents(self) -> bool:
        config = self._context.config
        return config is not None and config.shows_parents

    def _mark_heirs(self, batch: Batch) -> None:
        """Let the scenes be looked at whose turn it is to say what an item shall be.

        They are those that shared an item of a scene that is left out now, that holds its
        file no more or is silent, or that Stash no longer has.
        """
        connection = self._store.connection
        former = ledger.owners(connection, tuple(batch.left_out))
        former |= {plan.scene.id for plan in batch.plans if plan.untied}
        heirs = set(ledger.sharers(connection, former)) if former else set()
        heirs |= {scene for plan in batch.plans for scene in plan.ceded}
        self._store.mark("scene", sorted(heirs), now=self._context.clock())

    def _keep_matches(self, plans: Iterable[ScenePlan]) -> None:
        untied = [entry for plan in plans for entry in plan.untied]
        if untied:
            with self._store.transaction() as connection:
                for entry in untied:
                    ledger.intend(connection, entry._replace(scene=0), now=self._context.clock())
                    differences.forget_open(connection, entry.server, entry.rating_key)
        if plans:
            self._context.plex.resolver.advice.keep(self._store)

    def _end_unchanged(self, batch: Batch) -> None:
        if not batch.unchanged:
            return
        server = self._context.server  # no question within the transaction
        rows = [batch.rows[number] for number in batch.unchanged if number in batch.rows]
        with self._store.transaction() as connection:
            ended: Counter[tuple[str, str]] = Counter()
            for number in queue.done_all(connection, rows):
                record = batch.records[number]
                skipped = record.outcome == SKIPPED
                ended[(SKIPPED, record.note) if skipped else ("unchanged", "")] += 1
            for (outcome, note), scenes in ended.items():
                history.count(connection, outcome, note, scenes=scenes)
            ledger.put_seen(connection, server, batch.seen)
            batch.seen.clear()

    def _end_left_out(self, batch: Batch, number: int, reason: str) -> None:
        scene, row = batch.scenes.get(number), batch.rows.get(number)
        self._context.keep_private(scene)
        if scene is None:
            self._forget(number, row)
        else:
            self._skip(scene, row, reason, batch.asked_at)

    def _forget(self, number: int, row: QueueRow | None) -> None:
        """Forget a scene that Stash no longer has, and end its row.

        Another scene that holds a file of its items may own them now, so it is looked at.

        Raises:
            errors.SyncError: Stash could not be asked who that is; nothing is forgotten yet.
        """
        entries = ledger.entries_for(self._store.connection, number)
        files = {file for entry in entries for file in identity.files_of(entry)}
        heirs: set[int] = set()
        if self._context.config is not None:
            heirs = {scene for file in files for scene in self._context.scenes_at(file)}
        with self._store.transaction() as connection:
            ledger.forget_scene(connection, number)
            differences.forget_scene(connection, number)
            now, others = self._context.clock(), sorted(heirs - {number})
            enqueue(connection, "scene", others, now=now, urgency=BACKGROUND)
            self._end(row, "gone")
        self._context.log.info(f"scene {number} is not in Stash any more; Plex is left as it is")

    def _skip(self, scene: Scene, row: QueueRow | None, reason: str, asked_at: float) -> None:
        """Leave a scene as it is in Plex, and end its row; who it carries is remembered."""
        record = record_of(
            scene,
            self._context.fingerprint,
            asked_at,
            outcome=SKIPPED,
            note=reason if scene.files else ledger.NO_FILE,
        )
        with self._store.transaction() as connection:
            ledger.record_scene(connection, record, carried_by(scene, parents=self._parents))
            differences.forget_scene(connection, scene.id)
            self._end(row, SKIPPED, record.note)
        self._context.log.info(f"scene {scene.id} {scene.title!r}: left as it is, {reason}")

    def _told(self, plan: ScenePlan) -> str:
        """Give the log's one line about a plan that was carried out."""
        fields = ", ".join(dict.fromkeys(name for one in plan.written for name in one.changes))
        items = ", ".join(f"item {key}" for key in plan.items)
        what = f"{plan.outcome} {fields}".strip()
        notes = "".join(f"; {note}" for note in self._context.log.notes(plan.notes))
        return f"scene {plan.scene.id} {plan.scene.title!r}: {what} ({items or 'no item'}){notes}"
