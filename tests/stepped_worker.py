"""A worker stepped by the test: real store and servers, but its clock is ours."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import pytest

from store import holds, meta, queue
from store.enqueue import enqueue
from tests.installation import wait_for
from worker.launcher import WORKER_LOCK, ProcessLock
from worker.process import Resident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.installation import Installation


class SteppedWorker:
    """Steps a worker through its work, without ever waiting for a schedule.

    Attributes:
        late: Seconds that the worker's clock is ahead of the real one.
        resident: The worker.
    """

    def __init__(self, env: Installation) -> None:
        self.late = 0.0
        self.lock = ProcessLock(str(env.data), WORKER_LOCK)
        env.data.mkdir(mode=0o700, exist_ok=True)
        # So that hooks start no other worker; a killed one holds it for an instant longer.
        wait_for(self.lock.acquire)
        self.resident = Resident(str(env.data), stays=True, clock=self.clock)
        self.env = env
        with self.resident.store.transaction() as connection:
            meta.put_connection(connection, self.link())

    def link(self) -> dict[str, Any]:
        """A fresh way to Stash, as a hook brings it."""
        return {**self.env.stash.link(), "Dir": str(self.env.config_dir)}

    def clock(self) -> float:
        """The worker's Unix time."""
        return time.time() + self.late

    def hook(self, *scenes: int) -> None:
        """Mark scenes as a hook does, with a fresh connection."""
        with self.resident.store.transaction() as connection:
            enqueue(connection, "scene", scenes, now=self.clock())
            meta.put_connection(connection, self.link())

    def mark(self, *scenes: int) -> None:
        """Mark scenes without the fresh connection that a hook brings."""
        with self.resident.store.transaction() as connection:
            enqueue(connection, "scene", scenes, now=self.clock())

    def drain(self) -> int:
        """Do all that can be done now; give how many looks it took."""
        looks = 0
        while self.resident.step():
            looks += 1
            assert looks < 1000
        return looks

    def wait(self) -> float:
        """Let the clock jump to when the worker would look again; give the seconds."""
        connection = self.resident.store.connection
        due = [hold.until for hold in holds.all_holds(connection)]
        if not due:
            next_due = queue.next_due(connection)
            due = [] if next_due is None else [next_due]
        assert due, "nothing waits for anything"
        seconds = max(min(due) - self.clock(), 0.0) + 0.01
        self.late += seconds
        return seconds

    def settle(self, rounds: int = 30) -> None:
        """Go on until nothing is dirty any more, however long that takes on the clock."""
        for _ in range(rounds):
            self.drain()
            if queue.next_due(self.resident.store.connection) is None:
                return
            self.wait()
        raise AssertionError(f"not settled: {self.env.rows()} {self.holds()}")

    def rows(self) -> dict[int, queue.QueueRow]:
        """The dirty scenes."""
        connection = self.resident.store.connection
        ids = connection.execute("SELECT id FROM dirty WHERE kind = 'scene'").fetchall()
        found = {number: queue.get(connection, "scene", number) for (number,) in ids}
        return {number: row for number, row in found.items() if row}

    def holds(self) -> dict[str, holds.Hold]:
        """The holds by lane."""
        return {hold.lane: hold for hold in holds.all_holds(self.resident.store.connection)}

    def notice(self) -> str:
        """The line that the next hook would say."""
        return meta.notice(self.resident.store.connection)[0]

    def close(self) -> None:
        """End the worker."""
        self.resident.close()
        self.lock.release()


@contextlib.contextmanager
def step(env: Installation) -> Iterator[SteppedWorker]:
    """Take an installation's worker, stepped by the test for one block."""
    env.kill_workers()
    stepped = SteppedWorker(env)
    try:
        yield stepped
    finally:
        stepped.close()


@pytest.fixture
def settled_worker(env: Installation) -> Iterator[SteppedWorker]:
    """The installation's worker, stepped by the test, with nothing to do and no faults in force."""
    env.settings()
    with step(env) as found:
        found.settle()
        yield found
    env.plex.clear_faults()
    env.stash.clear_faults()
