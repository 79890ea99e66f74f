"""An installation whose worker is stepped by the test, for bulk work: marks, drains, looks on.

The two servers are real processes and live as long as the module; each test
begins with an empty store and a Plex as it was.
"""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from simulator.library import catalogue_file
from store import history
from store.enqueue import BACKGROUND, TASK, enqueue
from tests.stepped_worker import SteppedWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.installation import Installation

#: Texts only: pictures have requests of their own.
FIELDS = "title,summary,studio,performers,tags,date"


class BulkWorker(SteppedWorker):
    """A worker, stepped by the test, with the means of a task.

    The worker works on a task's rows while the task's lock is held, here by itself.
    """

    def task(self, scenes: Iterable[int]) -> None:
        """Mark scenes as "Sync all" does, and be that task."""
        self.mark_as(TASK, scenes)
        assert self.resident.task_lock.acquire()

    def background(self, scenes: Iterable[int]) -> None:
        """Mark scenes as a sweep does."""
        self.mark_as(BACKGROUND, scenes)

    def mark_as(self, urgency: int, ids: Iterable[int], kind: str = "scene") -> None:
        """Mark things with an urgency."""
        with self.resident.store.transaction() as connection:
            enqueue(connection, kind, ids, now=self.clock(), urgency=urgency)

    def tally(self) -> dict[str, int]:
        """What the task's scenes came to."""
        counted: dict[str, int] = {}
        for outcome, _, scenes in history.tally(self.resident.store.connection):
            counted[outcome] = counted.get(outcome, 0) + scenes
        return counted

    def forget_requests(self) -> None:
        """Count requests from zero."""
        self.env.plex.clear_requests()
        self.env.stash.clear_requests()

    def close(self) -> None:
        """End the worker, and the task."""
        super().close()
        self.resident.task_lock.release()

    def plex_counts(self) -> dict[str, int]:
        """Plex's requests by kind."""
        return self.env.plex.counts()

    def asked_stash(self, operation: str) -> int:
        """How often Stash was asked something."""
        return self.env.stash.counts().get(operation, 0)


def writes(env: Installation) -> list[tuple[list[int], dict[str, str]]]:
    """Every PUT so far: its rating keys and its parameters."""
    found = []
    for request in env.plex.requests(headers=False):
        if request["method"] == "PUT":
            params = dict(parse_qsl(urlsplit(request["target"]).query, keep_blank_values=True))
            found.append(([int(key) for key in params["id"].split(",")], params))
    return found


def key_of(env: Installation, scene: int) -> int:
    """The rating key of a catalogue scene's item."""
    return env.plex.key_of(catalogue_file(scene).plex_path)


@contextlib.contextmanager
def stepped_bulk(env: Installation, **settings: Any) -> Iterator[BulkWorker]:
    """A worker with an empty store; Plex is as it was when it started."""
    env.kill_workers()
    shutil.rmtree(env.data, ignore_errors=True)
    env.plex.reset()
    env.stash.clear_faults()
    env.settings(**{"sync_fields": FIELDS, **settings})
    stepped = BulkWorker(env)
    try:
        stepped.forget_requests()
        yield stepped
    finally:
        stepped.close()
        env.stash.clear_faults()


def synced(stepped: BulkWorker, scenes: Iterable[int]) -> None:
    """Bring scenes in step by a task, and count from zero."""
    stepped.task(scenes)
    stepped.drain()
    stepped.forget_requests()


def after(stepped: BulkWorker, *, edits: int, then: Callable[[], object]) -> None:
    """Do something once, when Plex has seen so many edits."""
    dispatcher = stepped.resident.dispatcher
    context = stepped.resident.worker.context
    interrupted = context.interrupted
    done: list[object] = []

    def between() -> bool:
        if not done and len(writes(stepped.env)) >= edits:
            done.append(then())
            dispatcher._undisturbed_at = dispatcher._looked_around_at = -1.0
        return interrupted()

    context.interrupted = between


def bulk_worker(**settings: Any) -> Any:
    """Give the fixture of a file that steps the worker of its ``env``: ``stepped`` is its name."""

    @pytest.fixture
    def stepped(env: Installation) -> Iterator[BulkWorker]:
        with stepped_bulk(env, **settings) as made:
            yield made

    return stepped
