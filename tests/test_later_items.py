"""Items that appear after a scene was synced: an edit and a Sync all reach all of them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from store import meta
from store.enqueue import TASK
from tests.bulk_town import BulkHand, bulk_hand, key_of, writes
from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCENES = 40
ALL = range(1, SCENES + 1)
#: Plex has two folders for what Stash has in two.
PATH_MAP = "/stash => /plex"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module."""
    with installation(tmp_path_factory.mktemp("later"), SCENES) as made:
        yield made


@pytest.fixture
def hand(town: Installation) -> Iterator[BulkHand]:
    """Its worker in hand; all scenes are in step, and scene 1 has more files."""
    with bulk_hand(town, sync_fields="title", path_map=PATH_MAP) as made:
        made.late = 60.0
        if len(town.stash.scene(1)["files"]) == 1:
            town.stash.set_scene(1, add_file={"path": "/stash/copies/One.mp4"})
            town.stash.set_scene(1, add_file={"path": "/stash/media/Versions/One.mp4"})
        made.task(ALL)
        made.drain()
        made.late += 60.0
        made.forget_requests()
        yield made


def second_library(town: Installation) -> int:
    """A copy of scene 1's second file, in a library that is new."""
    section = town.plex.add_section("other", "Copies", ["/plex/copies"])
    return int(town.plex.add_item("/plex/copies/One.mp4", section=section)["ratingKey"])


def overlapping_library(town: Installation) -> int:
    """The very file, in a second library with the same folder."""
    section = town.plex.add_section("other", "Again", ["/plex/media"])
    path = catalogue_file(1).plex_path
    return int(town.plex.add_item(path, section=section)["ratingKey"])


def listed_twice(town: Installation) -> int:
    """The very file, as a second item of its library."""
    return int(town.plex.add_item(catalogue_file(1).plex_path)["ratingKey"])


def split_in_two(town: Installation) -> int:
    """Two versions in one item, which a person splits."""
    file, other = catalogue_file(1).plex_path, "/plex/media/Versions/One.mp4"
    town.plex.person_sets(key_of(town, 1), files=[{"path": file}, {"path": other}])
    town.plex.person_sets(key_of(town, 1), files=[{"path": file}])
    return int(town.plex.add_item(other)["ratingKey"])


WAYS: dict[str, Callable[[Installation], int]] = {
    one.__name__: one for one in (second_library, overlapping_library, listed_twice, split_in_two)
}


def sync_all(hand: BulkHand) -> None:
    """Sync all as a task that is started now."""
    with hand.resident.store.transaction() as connection:
        meta.put(connection, meta.TASK_BEGAN, hand.clock())
    hand.mark_as(TASK, ALL)
    hand.drain()
    hand.late += 60.0


def title(hand: BulkHand, key: int) -> str:
    """What Plex shows."""
    return str(hand.town.plex.item(key)["fields"].get("title"))


@pytest.mark.parametrize("way", WAYS)
def test_sync_all_reaches_items_that_came_later(hand: BulkHand, way: str) -> None:
    """Although neither the scene nor its first item changed, and the next one writes nothing."""
    town = hand.town
    new = WAYS[way](town)
    sync_all(hand)
    assert [keys for keys, _ in writes(town)] == [[new]]
    assert title(hand, new) == town.stash.scene(1)["title"]
    hand.forget_requests()
    sync_all(hand)
    assert writes(town) == []
    assert hand.plex_counts()["total"] <= SCENES / 200 + 10


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_reaches_items_that_came_later(hand: BulkHand, way: str) -> None:
    """The first save after they came, by asking each library that can hold a file of it."""
    new = WAYS[way](hand.town)
    old = key_of(hand.town, 1) if way != "listed_twice" else new
    hand.town.stash.set_scene(1, title=f"Edited, {way}")
    hand.resident.worker.context.plex.libraries.read_again()
    hand.hook(1)
    hand.drain()
    assert {title(hand, new), title(hand, old)} == {f"Edited, {way}"}


@pytest.mark.parametrize("way", WAYS)
def test_a_preview_sees_items_that_came_later(hand: BulkHand, way: str) -> None:
    """It names the one change that a Sync all would make."""
    WAYS[way](hand.town)
    answer = hand.town.run(mode="preview")
    assert f"1 of {SCENES} scenes would change" in answer["output"]
    assert hand.plex_counts()["total"] <= SCENES / 200 + 10


def test_an_edit_costs_a_read_a_write_and_a_question_a_library(hand: BulkHand) -> None:
    """Of a scene with one file in one of two libraries that may hold it."""
    town = hand.town
    town.plex.add_section("other", "Again", ["/plex/media"])
    hand.resident.worker.context.plex.libraries.read_again()
    hand.hook(2)
    hand.drain()
    hand.forget_requests()
    town.stash.set_scene(2, title="Edited once more")
    hand.hook(2)
    hand.drain()
    targets = [one["target"] for one in town.plex.requests(headers=False)]
    assert len([one for one in targets if "file=" in one]) == 2
    assert len([one for one in targets if "/library/metadata/" in one]) == 1
    assert len(writes(town)) == 1
    assert len(targets) == 4
