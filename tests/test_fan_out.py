from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from errors import SyncError
from stash.scene import Scene
from store import inbox, ledger, meta, queue
from store.enqueue import BACKGROUND, EDIT, enqueue
from sync.plan import record_of
from tests.installation import wait_for
from tests.stash_stand_in import serving
from tests.swept_stash import StashAndStore
from worker import fan_out
from worker.fan_out import FanOut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulator.control import StashControl
    from store.queue import QueueRow

SCENES = 60


class Expanded(StashAndStore):
    """A Stash, a store, and the expansion between them."""

    def __init__(self, stash: StashControl, folder: Path) -> None:
        super().__init__(stash, folder)
        self.expansion = FanOut(self.store, self.link, time.time)

    def row(self, kind: str, number: int, urgency: int = EDIT) -> QueueRow:
        """Mark a thing, and give its row."""
        with self.store.transaction() as connection:
            enqueue(connection, kind, [number], now=time.time(), urgency=urgency)
        found = queue.get(self.store.connection, kind, number)
        assert found
        return found

    def everywhere(self, last: int) -> QueueRow:
        """Give the scenes from 1 to ``last`` a tag, and give that tag's row."""
        tag = self.stash.add_entity("tag", "Everywhere")
        for scene in range(1, last + 1):
            self.stash.set_scene(scene, tag_ids=[tag])
        return self.row("tag", tag)

    def expand(self, row: QueueRow, fan_out: FanOut | None = None) -> int | None:
        """Mark the scenes of one thing; give how many there are, None if that was interrupted."""
        done = list((fan_out or self.expansion).run([row]))
        assert [rows for rows, _ in done] in ([], [[row]])
        return done[0][1] if done else None

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
def world(tmp_path: Path) -> Iterator[Expanded]:
    """A world of its own for each test."""
    with serving(SCENES) as stash:
        made = Expanded(stash, tmp_path / "data")
        yield made
        made.close()


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages and chunks of seven, so that a few scenes make several."""
    monkeypatch.setattr(fan_out, "SCENES_AT_ONCE", 7)
    monkeypatch.setattr(fan_out, "SCENES_A_PAGE", 7)


@pytest.mark.parametrize("kind", ["studio", "performer", "tag", "group"])
def test_who_carries_it_now_and_who_carried_it_before_are_marked(
    world: Expanded, kind: str
) -> None:
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
    assert world.expand(world.row(kind, number)) == 3
    assert world.marked() == [4, 9, 30]


def test_a_deleted_tag_leads_to_the_scenes_that_carried_it(world: Expanded) -> None:
    """After a deletion only the ledger knows."""
    for scene in range(1, 11):
        world.carried(scene, ("tag", 4711))
    assert world.expand(world.row("tag", 4711)) == 10
    assert world.marked() == list(range(1, 11))


@pytest.mark.usefixtures("small_chunks")
def test_many_scenes_are_marked_in_short_transactions(world: Expanded) -> None:
    """No transaction marks more than a chunk, and each page of Stash's is one."""
    row = world.everywhere(SCENES)
    said: list[str] = []
    world.store.connection.set_trace_callback(said.append)
    assert world.expand(row) == SCENES
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
def test_an_edit_by_hand_comes_first_and_the_rest_follows(world: Expanded) -> None:
    """An edit interrupts, answer or not; going on marks the rest and nothing twice."""
    row = world.everywhere(21)
    world.stash.clear_requests()
    world.stash.fault("delay", operation="SceneIds", nth=2, seconds=1.0)
    inbox.offer(world.store.directory, inbox.FOR_EVER)
    given = json.dumps(meta.get(world.store.connection, meta.CONNECTION))

    def edit() -> None:
        wait_for(lambda: world.stash.counts().get("SceneIds", 0) == 2)
        record = f'{{"kind":"scene","ids":[50],"at":{time.time()!r},"connection":{given}}}'
        assert inbox.append(world.store.directory, record.encode(), now=time.time())

    editing = threading.Thread(target=edit)
    editing.start()
    assert world.expand(row) is None
    editing.join()
    assert world.marked() == list(range(1, 8))
    assert queue.is_current(world.store.connection, row)
    found = queue.edited_scene(world.store.connection)
    assert found
    assert found.id == 50
    with world.store.transaction() as connection:
        queue.done(connection, found)
    assert world.expand(row) == 14
    assert world.marked() == list(range(1, 22))
    # Two, of which one was in vain, and the rest: two pages and the end.
    assert world.stash.counts()["SceneIds"] == 5


def test_many_things_are_asked_for_together_and_a_scene_is_marked_once(world: Expanded) -> None:
    """One question for a hundred of a kind; who carries several of them is marked once."""
    tags = [world.stash.add_entity("tag", f"Tag {number}") for number in range(150)]
    for scene in range(1, SCENES + 1):
        world.stash.set_scene(scene, tag_ids=[tags[scene], tags[scene + 80]])
    with world.store.transaction() as connection:
        enqueue(connection, "tag", tags, now=time.time(), urgency=BACKGROUND)
    world.carried(SCENES + 1, ("tag", tags[0]), ("tag", tags[149]))
    rows = queue.carried(world.store.connection, now=time.time())
    before = queue.newest_revision(world.store.connection)
    world.stash.clear_requests()
    done = list(world.expansion.run(rows))
    assert [len(group) for group, _ in done] == [100, 50]
    assert sum(scenes for _, scenes in done) == SCENES + 1
    assert world.marked() == list(range(1, SCENES + 2))
    assert queue.newest_revision(world.store.connection) == before + SCENES + 1
    assert world.stash.counts()["SceneIds"] == 2


@pytest.mark.usefixtures("small_chunks")
def test_what_was_marked_before_a_failure_stays(world: Expanded) -> None:
    """Stash failing in the middle loses no mark; doing it again completes it."""
    row = world.everywhere(21)
    world.stash.fault("graphql_error", operation="SceneIds", nth=2, message="broken")
    with pytest.raises(SyncError):
        world.expand(row)
    assert world.marked() == list(range(1, 8))
    assert world.expand(row, FanOut(world.store, world.link, time.time)) == 21


def test_a_new_mark_of_the_thing_begins_anew(world: Expanded) -> None:
    """A tag that changes again while it is expanded is expanded from the start."""
    tag = world.stash.add_entity("tag", "Twice")
    world.stash.set_scene(2, tag_ids=[tag])
    assert world.expand(world.row("tag", tag)) == 1
    world.stash.set_scene(1, tag_ids=[tag])
    assert world.expand(world.row("tag", tag)) == 2
