"""The books of the queue: a row ends in the transaction that records what came of it.

A row that was marked again meanwhile stays, and is counted when it ends in turn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import history, ledger, meta, queue
from store.ledger import SKIPPED
from sync.plan import carried_by, record_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from log import Log
    from stash.scene import Scene
    from store.queue import QueueRow
    from store.store import Store
    from sync.plan import ScenePlan


class Recorder:
    """Records and ends.

    Args:
        store: Where it is recorded.
        log: Told of what needs no look.
        clock: Gives Unix seconds.
        fingerprint: Gives the fingerprint of the settings in use.
    """

    def __init__(
        self, store: Store, log: Log, clock: Callable[[], float], *, fingerprint: Callable[[], str]
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._fingerprint = fingerprint

    def record(self, look: ScenePlan, row: QueueRow | None, server: str) -> None:
        """Record a look inside the running transaction, and end its row unless it failed.

        Args:
            look: What was found and done.
            row: The row to end, None when there is none.
            server: The machine identifier of its Plex.
        """
        connection, now, scene = self._store.connection, self._clock(), look.scene
        # Read in vain, not listed either, and another item holds the file: re-created, so
        # its old key means nothing any more. Plex gives none a second time.
        for rating_key in look.gone:
            ledger.forget_item(connection, server, rating_key)
        for entry in look.acknowledged:
            ledger.acknowledge(connection, entry, now=now)
        for written in look.written:
            history.add(
                connection,
                at=now,
                scene=scene.id,
                rating_key=written.rating_key,
                title=scene.title,
                changes=written.changes,
            )
        ledger.record_scene(connection, look.record, look.carried)
        if look.fault is None:
            self.end(row, look.outcome)

    def note_time(self) -> None:
        """Note inside the running transaction that a scene was looked at just now."""
        meta.put(self._store.connection, "last_look", self._clock())

    def end(self, row: QueueRow | None, outcome: str, reason: str = "") -> None:
        """End a row inside the running transaction, and count it for the task it belongs to."""
        if row is None:
            return
        connection = self._store.connection
        counts = queue.is_in_run(connection, row)
        queue.done(connection, row)
        if counts:
            history.count(connection, outcome, reason)

    def forget(self, row: QueueRow) -> None:
        """Forget a scene that Stash no longer has, and end its row."""
        with self._store.transaction() as connection:
            ledger.forget_scene(connection, row.id)
            self.end(row, "gone")
        self._log.info(f"scene {row.id} is not in Stash any more; Plex is left as it is")

    def skip(self, row: QueueRow, scene: Scene, reason: str, asked_at: float | None = None) -> None:
        """Leave a scene as it is in Plex, and end its row; who it carries is remembered.

        ``asked_at``: when Stash was asked for it, None for just now.
        """
        record = record_of(
            scene,
            self._fingerprint(),
            self._clock() if asked_at is None else asked_at,
            outcome=SKIPPED,
            note=reason if scene.files else "no file",
        )
        with self._store.transaction() as connection:
            ledger.record_scene(connection, record, carried_by(scene))
            self.end(row, SKIPPED, record.note)
        self._log.info(f"scene {scene.id} {scene.title!r}: left as it is, {reason}")
