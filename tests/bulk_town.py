"""An installation whose worker is in the test's hand, for bulk work: marks, drains, looks at wires.

The two servers are real processes and live as long as the module; each test
begins with an empty store and a Plex as it was.
"""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from simulator.library import catalogue_file
from store import history
from store.enqueue import BACKGROUND, TASK, enqueue
from tests.hand import Hand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tests.installation import Installation

#: Texts only: pictures have requests of their own.
FIELDS = "title,summary,studio,performers,tags,date"


class BulkHand(Hand):
    """A worker in hand, with the means of a task.

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
        self.town.plex.clear_requests()
        self.town.stash.clear_requests()

    def close(self) -> None:
        """End the worker, and the task."""
        super().close()
        self.resident.task_lock.release()

    def plex_counts(self) -> dict[str, int]:
        """Plex's requests by kind."""
        return self.town.plex.counts()

    def asked_stash(self, operation: str) -> int:
        """How often Stash was asked something."""
        return self.town.stash.counts().get(operation, 0)


def writes(town: Installation) -> list[tuple[list[int], dict[str, str]]]:
    """Every PUT so far: its rating keys and its parameters."""
    found = []
    for request in town.plex.requests(headers=False):
        if request["method"] == "PUT":
            params = dict(parse_qsl(urlsplit(request["target"]).query, keep_blank_values=True))
            found.append(([int(key) for key in params["id"].split(",")], params))
    return found


def key_of(town: Installation, scene: int) -> int:
    """The rating key of a catalogue scene's item."""
    return town.plex.key_of(catalogue_file(scene).plex_path)


@contextlib.contextmanager
def bulk_hand(town: Installation, **settings: Any) -> Iterator[BulkHand]:
    """A worker with an empty store; Plex is as it was when it started."""
    town.kill_workers()
    shutil.rmtree(town.data, ignore_errors=True)
    town.plex.reset()
    town.stash.clear_faults()
    town.settings(**{"sync_fields": FIELDS, **settings})
    hand = BulkHand(town)
    try:
        hand.forget_requests()
        yield hand
    finally:
        hand.close()
        town.stash.clear_faults()


def synced(hand: BulkHand, scenes: Iterable[int]) -> None:
    """Bring scenes in step by a task, and count from zero."""
    hand.task(scenes)
    hand.drain()
    hand.forget_requests()


def after(hand: BulkHand, *, edits: int, then: Callable[[], object]) -> None:
    """Do something once, when Plex has seen so many edits."""
    dispatcher = hand.resident.dispatcher
    context = hand.resident.worker.context
    interrupted = context.interrupted
    done: list[object] = []

    def between() -> bool:
        if not done and len(writes(hand.town)) >= edits:
            done.append(then())
            dispatcher._undisturbed_at = -1.0
        return interrupted()

    context.interrupted = between
