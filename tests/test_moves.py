from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stash_stand_in import serving
from tests.swept_stash import SCENES, SweptStash
from worker import moved_files, sweep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400


@pytest.fixture(autouse=True)
def _library_too_large_for_one_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """One comparison takes many sweeps: what is found at once is found by the file's time."""
    monkeypatch.setattr(moved_files, "LARGE", 1)


@pytest.fixture
def offset() -> int:
    """Minutes that the server's clock is ahead of UTC."""
    return 0


@pytest.fixture
def world(tmp_path: Path, offset: int) -> Iterator[SweptStash]:
    """A Stash of its own, all of whose scenes were looked at, and one sweep done."""
    with serving(SCENES, offset_minutes=offset) as stash:
        made = SweptStash(stash, tmp_path / "data")
        made.swept()
        for scene in range(1, SCENES + 1):
            made.looked_at(scene)
        made.later()
        assert made.swept() == []
        made.later()
        yield made
        made.close()


def move(world: SweptStash, scene: int) -> None:
    """Let a scan find a scene's file elsewhere."""
    world.stash.set_scene(scene, touch=False, move=f"/stash/media/Moved/{scene}.mp4")


@pytest.mark.parametrize("offset", [0, -600, 600])
def test_a_moved_file_is_found(world: SweptStash) -> None:
    """A file that a scan found elsewhere marks its scene, which stands still, in any zone."""
    world.stash.set_scene(12, title="So that the server's zone is known")
    world.swept()
    world.looked_at(12)
    world.later(3 * 3600)
    world.swept()
    world.later()
    move(world, 111)
    assert world.swept() == [("scene", 111)]


def test_moved_files_are_found_over_several_pages(
    world: SweptStash, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that moved more than a page of files is found whole."""
    monkeypatch.setattr(sweep, "LARGE", 4)
    scenes = [*range(101, 110)]
    for scene in scenes:
        move(world, scene)
    assert world.swept() == [("scene", scene) for scene in scenes]


def test_a_file_moved_right_after_the_clocks_went_back_is_found(world: SweptStash) -> None:
    """Its time sorts an hour before our last look, and no scene knows the new offset yet."""
    world.stash.options(offset_minutes=-60)
    move(world, 111)
    assert world.swept() == [("scene", 111)]


def test_a_file_moved_right_before_the_zone_changed_is_found(world: SweptStash) -> None:
    """Its time is in the offset of before, hours below what we ask for in the new one."""
    move(world, 111)
    world.stash.options(offset_minutes=330)
    world.stash.set_scene(12, title="In the new zone")
    assert world.swept() == [("scene", 12), ("scene", 111)]


def test_a_file_moved_far_in_the_west_is_found_within_a_day(world: SweptStash) -> None:
    """While no scene tells of the zone its time is too old to be asked for, but once a day."""
    world.stash.options(offset_minutes=-300)
    move(world, 111)
    found = world.swept()
    for _ in range(4):
        world.later(DAY / 4)
        found += world.swept()
    assert ("scene", 111) in found
    world.looked_at(111)
    world.later()
    assert world.swept() == []
