"""Which libraries are searched, as they are now: chosen by title, deleted, made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plex.client import PlexClient
from plex.exceptions import LibraryNotFound
from plex.libraries import Libraries
from store import meta
from tests.bulk_town import BulkHand, bulk_hand, writes
from tests.installation import Installation, installation
from worker.new_in_plex import EVERY

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 8


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module."""
    with installation(tmp_path_factory.mktemp("libraries"), SCENES) as made:
        yield made


@pytest.fixture
def hand(town: Installation) -> Iterator[BulkHand]:
    """Its worker in hand."""
    with bulk_hand(town, sync_fields="title", path_map="/stash => /plex") as made:
        made.late = 60.0
        yield made


def chosen(town: Installation, *names: str) -> list[int]:
    """The sections that names in plex_libraries stand for."""
    with PlexClient(town.plex.url, town.plex.token) as client:
        return Libraries(client, names, clock=lambda: 0.0).keys()


@pytest.mark.usefixtures("hand")
def test_libraries_are_chosen_by_their_very_title(town: Installation) -> None:
    """All of that title; one in another case only where there is no such; never another one."""
    clips = town.plex.add_section("other", "Clips", ["/plex/clips"])
    lower = town.plex.add_section("other", "clips", ["/plex/lower"])
    twin = town.plex.add_section("movie", "Clips", ["/plex/twin"])
    photos = town.plex.add_section("photo", "Clips", ["/plex/photos"])
    music = town.plex.add_section("music", "Scenes", ["/plex/music"])
    assert chosen(town, "Clips") == [clips, twin]
    assert chosen(town, "clips") == [lower]
    assert chosen(town, "CLIPS") == [clips, lower, twin]
    assert chosen(town, "Scenes", "clips") == [1, lower]
    assert not {photos, music} & set(chosen(town))
    with pytest.raises(LibraryNotFound) as refusal:
        chosen(town, "Clips", "None of them")
    assert refusal.value.setting == "plex_libraries"
    assert "'None of them'" in refusal.value.message


@pytest.mark.usefixtures("hand")
def test_a_photo_library_is_named_as_what_it_is(town: Installation) -> None:
    """It may well hold videos; what is said is that it cannot be synced."""
    town.plex.add_section("photo", "Holidays", ["/plex/photos"])
    with pytest.raises(LibraryNotFound) as refusal:
        chosen(town, "Holidays")
    assert "'Holidays' in Plex is a photo library" in refusal.value.message
    assert "no videos" not in refusal.value.message


def add_to(town: Installation, section: int, name: str, title: str) -> int:
    """A file in a library, and its scene; gives the scene."""
    town.plex.add_item(f"/plex/clips/{name}", section=section)
    return town.stash.add_scene(f"/stash/clips/{name}", title=title)


def title(town: Installation, name: str) -> str:
    """What Plex shows of a file in that library."""
    return str(town.plex.item_at(f"/plex/clips/{name}")["fields"].get("title"))


@pytest.mark.parametrize("names", ["", "Scenes, Clips"])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_library_that_was_deleted_and_made_again_is_used_at_once(
    town: Installation, hand: BulkHand, names: str, bulk: bool
) -> None:
    """Its new key is found by the very next edit or task, and nothing waits for a setting."""
    town.settings(sync_fields="title", path_map="/stash => /plex", plex_libraries=names)
    section = town.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(town, section, f"{n}.mp4", f"Before {n}") for n in range(6)]
    hand.hook(*scenes[:2])
    hand.drain()
    assert title(town, "1.mp4") == "Before 1"
    town.plex.delete_section(section)
    section = town.plex.add_section("other", "Clips", ["/plex/clips"])
    for number in range(6):
        town.plex.add_item(f"/plex/clips/{number}.mp4", section=section)
    if bulk:
        hand.task([*range(1, SCENES + 1), *scenes])
    else:
        hand.hook(*scenes)
    hand.drain()
    assert hand.holds() == {}
    assert hand.rows() == {}
    assert [title(town, f"{n}.mp4") for n in range(6)] == [f"Before {n}" for n in range(6)]
    for scene in scenes:
        town.stash.delete_scene(scene)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_new_library_is_used_at_once(town: Installation, hand: BulkHand, bulk: bool) -> None:
    """A library made after the list was read is searched by the next edit that needs it."""
    hand.hook(1)
    hand.drain()
    section = town.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(town, section, f"{n}.mp4", f"New {n}") for n in range(6)]
    hand.resident.worker.context.plex.libraries._read_at = -10.0  # read some seconds ago
    if bulk:
        hand.task(scenes)
        with hand.resident.store.transaction() as connection:
            meta.put(connection, meta.TASK_BEGAN, hand.clock())
    else:
        hand.hook(*scenes)
    hand.drain()
    assert [title(town, f"{n}.mp4") for n in range(6)] == [f"New {n}" for n in range(6)]
    for scene in scenes:
        town.stash.delete_scene(scene)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_library_that_is_gone_makes_only_its_own_scenes_wait(
    town: Installation, hand: BulkHand, bulk: bool
) -> None:
    """Deleted, or listed and missing: the others are synced, and no setting is blamed."""
    section = town.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(town, section, f"{n}.mp4", f"Clip {n}") for n in range(4)]
    fault = town.plex.fault("status", status=404, path=f"/sections/{section}/", times=None)
    everything = [*range(1, SCENES + 1), *scenes]
    if bulk:
        hand.task(everything)
    else:
        hand.hook(*everything)
    hand.drain()
    assert hand.holds() == {}
    assert {row.reason for row in hand.rows().values()} == {"NotInPlexYet"}
    assert sorted(hand.rows()) == scenes
    assert len(writes(town)) == SCENES
    town.plex.clear_faults(fault)
    hand.late += EVERY + 600.0
    hand.settle()
    assert [title(town, f"{n}.mp4") for n in range(4)] == [f"Clip {n}" for n in range(4)]
    town.plex.delete_section(section)
    hand.hook(*everything)
    hand.drain()
    assert hand.holds() == {}
    assert sorted(hand.rows()) == scenes
    for scene in scenes:
        town.stash.delete_scene(scene)


def test_a_name_that_is_missing_holds_the_queue_and_is_named(
    town: Installation, hand: BulkHand
) -> None:
    """Of two libraries that are named one is deleted: the setting is wrong, and says so."""
    section = town.plex.add_section("other", "Clips", ["/plex/clips"])
    town.settings(sync_fields="title", path_map="/stash => /plex", plex_libraries="Scenes, Clips")
    hand.hook(1)
    hand.drain()
    town.plex.delete_section(section)
    hand.task(range(1, SCENES + 1))
    with hand.resident.store.transaction() as connection:
        meta.put(connection, meta.TASK_BEGAN, hand.clock())
    hand.drain()
    (hold,) = hand.holds().values()
    assert "'Clips'" in hold.message
    assert "plex_libraries" in hold.message


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Show S01E02.mp4", "named like an episode, and 'Films' is a movie library"),
        ("Film-trailer.mp4", "named like an extra"),
        ("Scenes/Film.mp4", "named like an extra"),
        ("Just late.mp4", ""),
    ],
)
def test_a_file_that_plex_never_lists_is_told_why(
    town: Installation, hand: BulkHand, name: str, reason: str
) -> None:
    """Once Plex has had its time, and it goes on being looked for."""
    town.plex.add_section("movie", "Films", ["/plex/films"])
    scene = town.stash.add_scene(f"/stash/films/{name}")
    hand.hook(scene)
    hand.drain()
    assert "once Plex has scanned it" in hand.rows()[scene].message
    for _ in range(4):
        hand.wait()
        hand.drain()
    row = hand.rows()[scene]
    assert row.due_at
    assert reason in row.message
    assert ("once Plex has scanned it" in row.message) == (not reason)
    town.stash.delete_scene(scene)
