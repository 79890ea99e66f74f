"""Stash's job queue: one job at a time, first come first served, in memory only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timezone


class JobError(Exception):
    """The job could not do its work: it ends FAILED with this text."""


@dataclass(slots=True)
class Job:
    """One job, with the attribute names of its GraphQL type."""

    id: str
    description: str
    work: Callable[[Job], None]
    addTime: str  # noqa: N815 - Stash's own name
    status: str = "READY"
    progress: float | None = 0.0
    startTime: str | None = None  # noqa: N815 - Stash's own name
    endTime: str | None = None  # noqa: N815 - Stash's own name
    error: str | None = None
    cancel: threading.Event = field(default_factory=threading.Event)


class JobQueue:
    """Runs jobs in a thread of its own, which starts with the first job."""

    def __init__(self) -> None:
        self._lock = threading.Condition(threading.RLock())
        self._jobs: list[Job] = []

    def add(self, description: str, work: Callable[[Job], None]) -> Job:
        """Queue a job; equal ones are not merged."""
        with self._lock:
            job = Job(str(len(self._jobs) + 1), description, work, _now())
            self._jobs.append(job)
            if len(self._jobs) == 1:
                threading.Thread(target=self._serve, name="jobs", daemon=True).start()
            self._lock.notify_all()
            return job

    def find(self, number: str) -> Job | None:
        """A job; None for one that never was."""
        return next((job for job in self._jobs if job.id == number), None)

    def stop(self, number: str) -> bool:
        """Stop a job; True, for an unknown one is nothing to complain about."""
        with self._lock:
            job = self.find(number)
            if job is None or job.endTime is not None:
                return True
            job.cancel.set()
            if job.status == "READY":
                job.status, job.endTime = "CANCELLED", _now()
            else:
                job.status = "STOPPING"
                # Its process is killed at once: CANCELLED follows in no time.
                self._lock.wait_for(lambda: job.endTime is not None, 0.1)
        return True

    def _first_ready(self) -> Job | None:
        return next((job for job in self._jobs if job.status == "READY"), None)

    def _serve(self) -> None:
        while True:
            with self._lock:
                job = self._lock.wait_for(self._first_ready)
                assert job is not None
                job.status, job.startTime, job.progress = "RUNNING", _now(), None
            status = "FINISHED"
            try:
                job.work(job)
            except JobError as error:
                status, job.error = "FAILED", str(error)
            with self._lock:
                job.status = "CANCELLED" if job.cancel.is_set() else status
                job.endTime = _now()
                self._lock.notify_all()


def _now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")
