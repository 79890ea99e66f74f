from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from store import ledger, queue
from store.enqueue import BACKGROUND, enqueue
from tests.bulk_worker import key_of, stepped_bulk
from tests.installation import installation
from tests.stash_stand_in import serving
from tests.swept_stash import SCENES, SweptStash
from worker import moved_files
from worker.moved_files import MovedFiles
from worker.sweep import Sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400.0
STEP = 600.0


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SweptStash]:
    """A Stash of its own, all of whose scenes were looked at, and one sweep done."""
    with serving(SCENES) as stash:
        made = SweptStash(stash, tmp_path / "data")
        made.swept()
        for scene in range(1, SCENES + 1):
            made.looked_at(scene)
        made.later()
        yield made
        made.close()


def scenes_below(world: SweptStash, folder: str) -> list[int]:
    """The scenes with a file in a folder."""
    numbers = range(1, SCENES + 1)
    return [one for one in numbers if catalogue_file(one).stash_path.startswith(folder + "/")]


def folder_of(scene: int) -> str:
    """The folder of a scene's file, as Stash names it."""
    return catalogue_file(scene).stash_path.rpartition("/")[0]


def test_a_renamed_folder_is_found(world: SweptStash) -> None:
    """No time in Stash moves, but the files of all scenes below lie elsewhere."""
    folder = folder_of(5)
    below = scenes_below(world, folder)
    assert world.stash.move_folder(folder, "/stash/media/Renamed") == below
    assert 1 < len(below) < SCENES
    assert world.swept() == [("scene", scene) for scene in below]
    for scene in below:
        world.looked_at(scene)
    world.later()
    assert world.swept() == []


def test_a_scene_whose_deletion_was_not_heard_of_is_found(world: SweptStash) -> None:
    """What the ledger has and Stash no longer, in the middle and at either end, is marked."""
    gone = [1, 60, SCENES]
    for scene in gone:
        world.stash.delete_scene(scene)
    assert world.swept() == [("scene", scene) for scene in gone]


def test_a_change_that_no_look_saw_is_found(world: SweptStash) -> None:
    """Whatever the reason was: the time in the ledger is not that of the scene."""
    world.stash.options(advance_seconds=-3 * DAY)
    world.stash.set_scene(7, title="By a clock that was behind")
    world.stash.options(advance_seconds=3 * DAY)
    assert world.swept() == [("scene", 7)]


def test_what_was_never_looked_at_is_left_alone(world: SweptStash) -> None:
    """A library that nobody asked to sync is not synced by comparing it."""
    with world.store.transaction() as connection:
        for scene in range(11, SCENES + 1):
            ledger.forget_scene(connection, scene)
    assert world.swept() == []


def test_a_stash_without_any_scene_takes_nothing_away(world: SweptStash) -> None:
    """A database that is not there, or not yet, is no reason to forget a whole ledger."""
    for scene in range(1, SCENES + 1):
        world.stash.delete_scene(scene)
    assert world.swept() == []


def test_a_parked_scene_is_not_tried_again_with_each_comparison(world: SweptStash) -> None:
    """It was tried since it changed; the next edit or a person releases it."""
    world.stash.move_folder(folder_of(5), "/stash/media/Renamed")
    connection = world.store.connection
    with world.store.transaction():
        enqueue(connection, "scene", [5], now=0.0, urgency=BACKGROUND)
        marked = queue.get(connection, "scene", 5)
        assert marked is not None
        queue.postpone(connection, marked, due_at=None, reason="RejectedEdit", message="m")
    world.sweep.run()
    row = queue.get(connection, "scene", 5)
    assert row is not None
    assert row.due_at is None


def test_the_comparison_takes_turns_and_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page with each sweep, also in an old Stash that cannot tell of files; then again."""
    monkeypatch.setattr(moved_files, "LARGE", 50)
    with serving(SCENES, version="0.27") as stash:
        world = SweptStash(stash, tmp_path / "data")
        world.swept()
        moved = [11, 60, 111]
        for scene in moved:
            world.looked_at(scene)
            stash.set_scene(scene, touch=False, move=f"/stash/media/Moved/{scene}.mp4")
        for turn in (0, 1):
            for scene in moved:
                world.later()
                assert world.swept() == [("scene", scene)]
                assert world.requests() <= 3 - turn
        world.close()


def test_a_comparison_takes_a_day_whatever_the_size(
    world: SweptStash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages go by the time since the last ones, and are never more than a few."""
    monkeypatch.setattr(moved_files, "LARGE", 1)
    compare_next = MovedFiles(world.store, world.link, world.sweep._clock).compare_next

    def pages(scenes: int, seconds: float) -> int:
        world.late += seconds
        world.stash.clear_requests()
        assert compare_next(scenes) == 0
        return world.requests()

    assert pages(SCENES, 0.0) == 1
    assert pages(SCENES, STEP) == 1
    assert pages(200, STEP) == 2
    assert pages(500, STEP) == 4
    assert pages(SCENES, 20 * DAY) == 4
    assert pages(SCENES, -DAY) == 1


def test_more_than_a_chunk_of_lost_scenes_is_found_in_parts(
    world: SweptStash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many are gone at once, what is marked at one go is bounded."""
    monkeypatch.setattr(moved_files, "RECORDS_AT_ONCE", 30)
    for scene in range(21, SCENES + 1):
        world.stash.delete_scene(scene)
    found: list[tuple[str, int]] = []
    for turn in range(1, 5):
        found += world.swept()
        assert len(found) == min(30 * turn - 20, SCENES - 20)
        world.later()
    assert found == [("scene", scene) for scene in range(21, SCENES + 1)]


def test_what_the_comparison_finds_is_mended(tmp_path: Path) -> None:
    """The items below the new name are written anew, and what is gone is forgotten."""
    with installation(tmp_path, 20) as env, stepped_bulk(env) as stepped:
        stepped.task(range(1, 21))
        stepped.drain()
        stepped.resident.task_lock.release()
        worker = stepped.resident
        sweep = Sweep(worker.store, worker.stash, worker.log, stepped.clock)
        stepped.late += 60.0
        sweep.run()
        stepped.drain()
        lost = next(one for one in range(1, 21) if folder_of(one) != folder_of(5))
        env.stash.delete_scene(lost)
        moved = env.stash.move_folder(folder_of(5), "/stash/media/Folder moved")
        fresh = {}
        for scene in moved:
            env.plex.delete_item(key_of(env, scene))
            fresh[scene] = f"/plex/media/Folder moved/{catalogue_file(scene).name}"
            env.plex.add_item(fresh[scene])
        stepped.late += STEP
        assert sweep.run() == len(moved) + 1
        stepped.drain()
        for scene, path in fresh.items():
            wanted = env.stash.scene(scene)["title"]
            assert env.plex.item_at(path)["fields"]["title"] == wanted
        assert ledger.scene_record(worker.store.connection, lost) is None
        assert stepped.rows() == {}
