"""A Stash and a store with no worker between them: what is marked is looked at."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from log import Log
from store import ledger, meta
from store.enqueue import BACKGROUND
from store.store import Store
from sync.plan import record_of
from sync.stash_session import StashSession
from worker.sweep import Sweep

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.control import StashControl

SCENES = 120


class StashAndStore:
    """A Stash and a store, and the way from the one to the other."""

    def __init__(self, stash: StashControl, folder: Path) -> None:
        self.stash = stash
        self.store = Store(str(folder))
        self.log = Log(str(folder))
        meta.put_connection(self.store.connection, stash.link())
        self.link = StashSession(self.store, self.log)

    def close(self) -> None:
        """Close everything."""
        self.link.close()
        self.log.close()
        self.store.close()


class SweptStash(StashAndStore):
    """They, with a sweep whose clock goes along with Stash's."""

    def __init__(self, stash: StashControl, folder: Path) -> None:
        super().__init__(stash, folder)
        self.late = 0.0
        self.sweep = self.new_sweep()

    def new_sweep(self) -> Sweep:
        """A sweep that knows nothing but what the store knows, as after a restart."""
        return Sweep(self.store, self.link, self.log, lambda: time.time() + self.late)

    def later(self, seconds: float = 600.0) -> None:
        """Let time go by, on both clocks."""
        self.late += seconds
        self.stash.options(advance_seconds=seconds)

    def swept(self, *, at_once: bool = False) -> list[tuple[str, int]]:
        """Sweep, and give what was marked; the marks are gone afterwards.

        A little later than the last change, unless ``at_once``: what changed just
        now is looked at twice, for it may change again in the same second.
        """
        if not at_once:
            self.later(5)
        self.stash.clear_requests()
        self.sweep.run()
        connection = self.store.connection
        rows = connection.execute("SELECT kind, id, urgency FROM dirty ORDER BY 1, 2").fetchall()
        assert {urgency for _, _, urgency in rows} <= {BACKGROUND}
        connection.execute("DELETE FROM dirty")
        return [(kind, number) for kind, number, _ in rows]

    def requests(self) -> int:
        """What the last sweep asked of Stash."""
        return self.stash.counts()["total"]

    def looked_at(self, scene: int, *carried: tuple[str, int]) -> None:
        """Record that a scene was looked at just now, as a batch does, and what it carried then."""
        found = self.link.read_scene(scene)
        assert found is not None
        with self.store.transaction() as connection:
            record = record_of(found, "", time.time() + self.late)
            ledger.record_scene(connection, record, carried)
