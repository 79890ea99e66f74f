"""Stash's job queue: one job at a time, first come first served, in memory only."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone

# Finished jobs that findJob still knows.
REMEMBERED = 10


class JobError(Exception):
    """The job could not do its work: it ends FAILED with this text."""


@dataclass(slots=True)
class Job:
    """One job, with the attribute names of its GraphQL type."""

    id: str
    description: str
    work: Callable[[Job], None] = field(repr=False)
    addTime: str  # noqa: N815 - Stash's own name
    status: str = "READY"
    progress: float | None = 0.0
    startTime: str | None = None  # noqa: N815 - Stash's own name
    endTime: str | None = None  # noqa: N815 - Stash's own name
    error: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event, repr=False)
    over: threading.Event = field(default_factory=threading.Event, repr=False)


class JobQueue:
    """Runs jobs in a thread of its own, which starts with the first job."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._running: Job | None = None
        self._done: deque[Job] = deque(maxlen=REMEMBERED)
        self._count = 0

    def add(self, description: str, work: Callable[[Job], None]) -> Job:
        """Queue a job; equal ones are not merged."""
        with self._lock:
            self._count += 1
            job = Job(str(self._count), description, work, _now())
            self._waiting.append(job)
            if self._count == 1:
                threading.Thread(target=self._serve, name="jobs", daemon=True).start()
            self._lock.notify_all()
            return job

    def queue(self) -> list[Job] | None:
        """The running job and those that wait; None (not an empty list) when there is none."""
        with self._lock:
            return [*([self._running] if self._running else []), *self._waiting] or None

    def find(self, number: str) -> Job | None:
        """A job that waits, runs or ended lately; None for any other."""
        known = [*(self.queue() or []), *self._done]
        return next((job for job in known if job.id == number), None)

    def stop(self, number: str) -> None:
        """Stop a job; an unknown one is nothing to complain about."""
        job = self.find(number)
        with self._lock:
            if job is None or job.endTime is not None:
                return
            job.cancel.set()
            if job in self._waiting:
                self._waiting.remove(job)
                self._end(job, "CANCELLED")
            else:
                job.status = "STOPPING"
        job.over.wait(0.1)  # a plugin's process is killed at once: CANCELLED follows in no time

    def _end(self, job: Job, status: str) -> None:
        job.status, job.endTime = status, _now()
        self._done.append(job)
        job.over.set()

    def _serve(self) -> None:
        while True:
            with self._lock:
                while not self._waiting:
                    self._lock.wait()
                job = self._running = self._waiting.popleft()
                job.status, job.startTime, job.progress = "RUNNING", _now(), None
            status = "FINISHED"
            try:
                job.work(job)
            except JobError as error:
                status, job.error = "FAILED", str(error)
            with self._lock:
                self._running = None
                self._end(job, "CANCELLED" if job.cancel.is_set() else status)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
