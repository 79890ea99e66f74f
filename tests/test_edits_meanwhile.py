"""Somebody saves scene after scene while many others are looked at in the background."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from stash.scene import Scene
from store import queue
from sync.look_up import finish
from tests.bulk_worker import BulkWorker, bulk_worker, synced, writes
from tests.installation import shared_installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

SCENES = 300
ALL = range(1, SCENES + 1)

env = shared_installation(SCENES)
stepped = bulk_worker()


def saving(
    stepped: BulkWorker,
    monkeypatch: pytest.MonkeyPatch,
    is_time: Callable[[int], bool],
    *,
    most: int = 1000,
) -> list[int]:
    """Let scene after scene be saved while others are looked at; give those that were.

    Args:
        stepped: The worker.
        monkeypatch: Lets them be saved just when it looks.
        is_time: Says at which of the looks for something more urgent another one was saved.
        most: How many are saved.
    """
    store, saved, looks = stepped.resident.store, list[int](), 0
    take_in = store.take_in

    def look() -> None:
        nonlocal looks
        looks += 1
        if is_time(looks) and len(saved) < most and not waits(stepped):
            saved.append(len(saved) % 10 + 1)
            stepped.hook(saved[-1])
        take_in()

    monkeypatch.setattr(store, "take_in", look)
    return saved


def waits(stepped: BulkWorker) -> bool:
    """Whether the edit of a scene waits."""
    return queue.edited_scene(stepped.resident.store.connection) is not None


def test_however_often_somebody_saves_the_others_get_on(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that never comes to its end is taken in halves, until some scenes get through."""
    monkeypatch.setattr("worker.dispatch.LOOK_UP", 0.0)
    stepped.task(ALL)
    saved = saving(stepped, monkeypatch, lambda look: look % 200 == 0)
    turns = 0
    while stepped.rows():
        stepped.resident.step()
        turns += 1
        assert turns < 200, f"{len(stepped.rows())} scenes still wait"
    assert len(saved) > 2
    assert {key for keys, _ in writes(stepped.env) for key in keys} >= set(
        stepped.env.plex.rating_keys()
    )


@pytest.mark.parametrize(
    ("kind", "operation", "delayed"),
    [("tag", "SceneIds", "stash"), ("scene", "ScenesById", "stash"), ("scene", "", "plex")],
)
def test_what_was_asked_and_is_not_answered_is_not_asked_again_and_again(
    stepped: BulkWorker,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    operation: str,
    delayed: str,
) -> None:
    """Whoever saves twenty scenes in a second would have each server answer as many pages."""
    synced(stepped, ALL)
    server = stepped.env.plex if delayed == "plex" else stepped.env.stash
    pages = "" if operation else r"/library/metadata/[0-9]+(,|%2C)"
    server.fault("delay", operation=operation, path=pages, seconds=0.3, times=None)
    stepped.late = 60.0
    stepped.mark_as(1, range(1, 6) if kind == "tag" else ALL, kind)
    saved = saving(stepped, monkeypatch, lambda look: look % 5 == 0, most=20)
    stepped.drain()
    assert len(saved) == 20
    spans = [
        (one["at"], one["at"] + one["seconds"])
        for one in server.requests(headers=False)
        if one["operation"] == operation and re.search(pages, one["target"])
    ]
    at_once = [sum(begin <= at < end for begin, end in spans) for at, _ in spans]
    assert max(at_once) <= 2


def test_an_answer_that_nobody_waits_for_any_more_is_not_taken_apart(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hundreds of scenes would take the processor from the edit for which they were given up."""
    read, taken_apart = Scene.from_graphql, list[object]()

    def counted(raw: object) -> Scene:
        taken_apart.append(raw)
        return read(raw)

    monkeypatch.setattr(Scene, "from_graphql", counted)
    session = stepped.resident.stash
    assert len(finish(session.reading_scenes(ALL, lambda: None))) == len(taken_apart) == SCENES
    stepped.env.stash.fault("delay", operation="ScenesById", seconds=0.2)
    reading = session.reading_scenes(ALL, lambda: None)
    (asked,) = next(reading)._asked
    wait_for(asked.running)
    reading.close()
    session._readers.shutdown(wait=True)
    assert len(taken_apart) == SCENES
