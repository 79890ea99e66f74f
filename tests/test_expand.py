from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from errors import SyncError
from log import Log
from stash.scene import Scene
from store import ledger, meta, queue
from store.enqueue import BACKGROUND, EDIT, enqueue
from store.store import Store
from sync.plan import record_of
from sync.stash_session import StashSession
from tests.stash_stand_in import serving
from worker import fan_out
from worker.fan_out import FanOut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator.control_stash import StashControl
    from store.queue import QueueRow

SCENES = 60


class World:
    """A Stash, a store, and the expansion between them."""

    def __init__(self, stash: StashControl, folder: Path) -> None:
        self.stash = stash
        self.store = Store(str(folder))
        self.log = Log(str(folder))
        cookie = {"Name": "session", "Value": stash.cookie()}
        given = {"Scheme": "http", "Host": "127.0.0.1", "Port": stash.port}
        meta.put_connection(self.store.connection, {**given, "SessionCookie": cookie})
        self.link = StashSession(self.store, self.log)
        self.expansion = FanOut(self.store, self.link, time.time)

    def row(self, kind: str, number: int, urgency: int = EDIT) -> QueueRow:
        """Mark a thing, and give its row."""
        with self.store.transaction() as connection:
            enqueue(connection, kind, [number], now=time.time(), urgency=urgency)
        found = queue.get(self.store.connection, kind, number)
        assert found
        return found

    def marked(self) -> list[int]:
        """The scenes that are marked, all in the background."""
        rows = self.store.connection.execute(
            "SELECT id, urgency FROM dirty WHERE kind = 'scene' ORDER BY id"
        ).fetchall()
        return [number for number, urgency in rows if urgency == BACKGROUND]

    def carried(self, scene: int, *things: tuple[str, int]) -> None:
        """Record who a scene carried when it was last looked at."""
        record = record_of(Scene(id=scene), "", 0.0)
        with self.store.transaction() as connection:
            ledger.record_scene(connection, record, things)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own for each test."""
    with serving(SCENES) as stash:
        made = World(stash, tmp_path / "data")
        yield made
        made.link.close()
        made.log.close()
        made.store.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of seven, so that a few scenes make several."""
    monkeypatch.setattr(fan_out, "SCENES_AT_ONCE", 7)


@pytest.mark.parametrize("kind", ["studio", "performer", "tag", "group"])
def test_who_carries_it_now_and_who_carried_it_before_are_marked(world: World, kind: str) -> None:
    """The scenes of Stash and those of the ledger, each once."""
    number = world.stash.add_entity(kind, "Thing")
    values: dict[str, dict[str, Any]] = {
        "studio": {"studio_id": number},
        "performer": {"performer_ids": [number]},
        "tag": {"tag_ids": [number]},
        "group": {"groups": [{"group_id": number}]},
    }
    for scene in (4, 9):
        world.stash.set_scene(scene, **values[kind])
    world.carried(9, (kind, number))
    world.carried(30, (kind, number))
    assert world.expansion.run(world.row(kind, number)) == 3
    assert world.marked() == [4, 9, 30]


def test_a_deleted_tag_leads_to_the_scenes_that_carried_it(world: World) -> None:
    """After a deletion only the ledger knows."""
    for scene in range(1, 11):
        world.carried(scene, ("tag", 4711))
    assert world.expansion.run(world.row("tag", 4711)) == 10
    assert world.marked() == list(range(1, 11))


@pytest.mark.usefixtures("small_chunks")
def test_many_scenes_are_marked_in_short_transactions(world: World) -> None:
    """No transaction marks more than a chunk, and each page of Stash's is one."""
    tag = world.stash.add_entity("tag", "Everywhere")
    for scene in range(1, SCENES + 1):
        world.stash.set_scene(scene, tag_ids=[tag])
    row = world.row("tag", tag)
    said: list[str] = []
    world.store.connection.set_trace_callback(said.append)
    assert world.expansion.run(row) == SCENES
    world.store.connection.set_trace_callback(None)
    marks = [0]
    for statement in said:
        if statement.startswith("INSERT INTO dirty"):
            marks[-1] += 1
        elif statement == "COMMIT":
            marks.append(0)
    assert sum(marks) == SCENES
    assert max(marks) == 7


@pytest.mark.usefixtures("small_chunks")
def test_an_edit_by_hand_comes_first_and_the_rest_follows(world: World) -> None:
    """A newer edit interrupts; going on marks the rest and asks for no page twice."""
    tag = world.stash.add_entity("tag", "Everywhere")
    for scene in range(1, 22):
        world.stash.set_scene(scene, tag_ids=[tag])
    row = world.row("tag", tag)
    edit = world.row("scene", 50)
    world.stash.clear_requests()
    assert world.expansion.run(row) is None
    assert world.marked() == list(range(1, 8))
    assert queue.is_current(world.store.connection, row)
    with world.store.transaction() as connection:
        queue.done(connection, edit)
    assert world.expansion.run(row) == 21
    assert world.marked() == list(range(1, 22))
    assert world.stash.counts()["SceneIds"] == 4


def test_an_older_edit_does_not_hold_it_up(world: World) -> None:
    """What waited before the row itself is no interruption, nor is the row."""
    tag = world.stash.add_entity("tag", "Few")
    world.stash.set_scene(5, tag_ids=[tag])
    world.row("scene", 50)
    assert world.expansion.run(world.row("tag", tag)) == 1


@pytest.mark.usefixtures("small_chunks")
def test_what_was_marked_before_a_failure_stays(world: World) -> None:
    """Stash failing in the middle loses no mark; doing it again completes it."""
    tag = world.stash.add_entity("tag", "Everywhere")
    for scene in range(1, 22):
        world.stash.set_scene(scene, tag_ids=[tag])
    row = world.row("tag", tag)
    world.stash.fault("graphql_error", operation="SceneIds", nth=2, message="broken")
    with pytest.raises(SyncError):
        world.expansion.run(row)
    assert world.marked() == list(range(1, 8))
    assert FanOut(world.store, world.link, time.time).run(row) == 21


def test_a_new_mark_of_the_thing_begins_anew(world: World) -> None:
    """A tag that changes again while it is expanded is expanded from the start."""
    tag = world.stash.add_entity("tag", "Twice")
    world.stash.set_scene(2, tag_ids=[tag])
    assert world.expansion.run(world.row("tag", tag)) == 1
    world.stash.set_scene(1, tag_ids=[tag])
    assert world.expansion.run(world.row("tag", tag)) == 2
