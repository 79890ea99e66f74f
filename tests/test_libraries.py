"""Which libraries are searched, as they are now: chosen by title, deleted, made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plex.client import PlexClient
from plex.error_types import LibraryNotFound
from plex.libraries import Libraries
from store import meta
from tests.bulk_worker import BulkWorker, stepped_bulk, writes
from tests.installation import Installation, shared_installation
from worker.new_in_plex import EVERY

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 8


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test."""
    with stepped_bulk(env, sync_fields="title", path_map="/stash => /plex") as made:
        made.late = 60.0
        yield made


def chosen(env: Installation, *names: str) -> list[int]:
    """The sections that names in plex_libraries stand for."""
    with PlexClient(env.plex.url, env.plex.token) as client:
        return Libraries(client, names, clock=lambda: 0.0).keys()


@pytest.mark.usefixtures("stepped")
def test_libraries_are_chosen_by_their_very_title(env: Installation) -> None:
    """All of that title; one in another case only where there is no such; never another one."""
    clips = env.plex.add_section("other", "Clips", ["/plex/clips"])
    lower = env.plex.add_section("other", "clips", ["/plex/lower"])
    twin = env.plex.add_section("movie", "Clips", ["/plex/twin"])
    photos = env.plex.add_section("photo", "Clips", ["/plex/photos"])
    music = env.plex.add_section("music", "Scenes", ["/plex/music"])
    assert chosen(env, "Clips") == [clips, twin]
    assert chosen(env, "clips") == [lower]
    assert chosen(env, "CLIPS") == [clips, lower, twin]
    assert chosen(env, "Scenes", "clips") == [1, lower]
    assert not {photos, music} & set(chosen(env))
    with pytest.raises(LibraryNotFound) as refusal:
        chosen(env, "Clips", "None of them")
    assert refusal.value.setting == "plex_libraries"
    assert "'None of them'" in refusal.value.message


@pytest.mark.usefixtures("stepped")
def test_a_photo_library_is_named_as_what_it_is(env: Installation) -> None:
    """It may well hold videos; what is said is that it cannot be synced."""
    env.plex.add_section("photo", "Holidays", ["/plex/photos"])
    with pytest.raises(LibraryNotFound) as refusal:
        chosen(env, "Holidays")
    assert "'Holidays' in Plex is a photo library" in refusal.value.message
    assert "no videos" not in refusal.value.message


def add_to(env: Installation, section: int, name: str, title: str) -> int:
    """A file in a library, and its scene; gives the scene."""
    env.plex.add_item(f"/plex/clips/{name}", section=section)
    return env.stash.add_scene(f"/stash/clips/{name}", title=title)


def title(env: Installation, name: str) -> str:
    """What Plex shows of a file in that library."""
    return str(env.plex.item_at(f"/plex/clips/{name}")["fields"].get("title"))


@pytest.mark.parametrize("names", ["", "Scenes, Clips"])
@pytest.mark.parametrize("bulk", [False, True])
def test_a_library_that_was_deleted_and_made_again_is_used_at_once(
    env: Installation, stepped: BulkWorker, names: str, bulk: bool
) -> None:
    """Its new key is found by the very next edit or task, and nothing waits for a setting."""
    env.settings(sync_fields="title", path_map="/stash => /plex", plex_libraries=names)
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(env, section, f"{n}.mp4", f"Before {n}") for n in range(6)]
    stepped.hook(*scenes[:2])
    stepped.drain()
    assert title(env, "1.mp4") == "Before 1"
    env.plex.delete_section(section)
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    for number in range(6):
        env.plex.add_item(f"/plex/clips/{number}.mp4", section=section)
    if bulk:
        stepped.task([*range(1, SCENES + 1), *scenes])
    else:
        stepped.hook(*scenes)
    stepped.drain()
    assert stepped.holds() == {}
    assert stepped.rows() == {}
    assert [title(env, f"{n}.mp4") for n in range(6)] == [f"Before {n}" for n in range(6)]
    for scene in scenes:
        env.stash.delete_scene(scene)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_new_library_is_used_at_once(env: Installation, stepped: BulkWorker, bulk: bool) -> None:
    """A library made after the list was read is searched by the next edit that needs it."""
    stepped.hook(1)
    stepped.drain()
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(env, section, f"{n}.mp4", f"New {n}") for n in range(6)]
    stepped.resident.worker.context.plex.libraries._read_at = -10.0  # read some seconds ago
    if bulk:
        stepped.task(scenes)
        with stepped.resident.store.transaction() as connection:
            meta.put(connection, meta.TASK_BEGAN, stepped.clock())
    else:
        stepped.hook(*scenes)
    stepped.drain()
    assert [title(env, f"{n}.mp4") for n in range(6)] == [f"New {n}" for n in range(6)]
    for scene in scenes:
        env.stash.delete_scene(scene)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_library_that_is_gone_makes_only_its_own_scenes_wait(
    env: Installation, stepped: BulkWorker, bulk: bool
) -> None:
    """Deleted, or listed and missing: the others are synced, and no setting is blamed."""
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    scenes = [add_to(env, section, f"{n}.mp4", f"Clip {n}") for n in range(4)]
    fault = env.plex.fault("status", status=404, path=f"/sections/{section}/", times=None)
    everything = [*range(1, SCENES + 1), *scenes]
    if bulk:
        stepped.task(everything)
    else:
        stepped.hook(*everything)
    stepped.drain()
    assert stepped.holds() == {}
    assert {row.reason for row in stepped.rows().values()} == {"NotInPlexYet"}
    assert sorted(stepped.rows()) == scenes
    assert len(writes(env)) == SCENES
    env.plex.clear_faults(fault)
    stepped.late += EVERY + 600.0
    stepped.settle()
    assert [title(env, f"{n}.mp4") for n in range(4)] == [f"Clip {n}" for n in range(4)]
    env.plex.delete_section(section)
    stepped.hook(*everything)
    stepped.drain()
    assert stepped.holds() == {}
    assert sorted(stepped.rows()) == scenes
    for scene in scenes:
        env.stash.delete_scene(scene)


@pytest.mark.parametrize("listed", [False, True])
def test_a_library_that_is_gone_is_no_obstacle_to_a_search_by_name(
    env: Installation, stepped: BulkWorker, listed: bool
) -> None:
    """A file that only its hash tells is found in the others, and nobody waits for a setting."""
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    stepped.hook(1)
    stepped.drain()
    if listed:
        env.plex.fault("status", status=404, path=f"/sections/{section}/", times=None)
    else:
        env.plex.delete_section(section)
    oshash = "ab" * 8
    env.plex.add_item("/plex/media/Else/One.mp4", oshash=oshash)
    scene = env.stash.add_scene({"path": "/else/Else/One.mp4", "oshash": oshash}, title="Found")
    stepped.hook(scene)
    stepped.drain()
    assert stepped.holds() == {}
    assert env.plex.item_at("/plex/media/Else/One.mp4")["fields"]["title"] == "Found"
    env.stash.delete_scene(scene)


def test_a_name_that_is_missing_holds_the_queue_and_is_named(
    env: Installation, stepped: BulkWorker
) -> None:
    """Of two libraries that are named one is deleted: the setting is wrong, and says so."""
    section = env.plex.add_section("other", "Clips", ["/plex/clips"])
    env.settings(sync_fields="title", path_map="/stash => /plex", plex_libraries="Scenes, Clips")
    stepped.hook(1)
    stepped.drain()
    env.plex.delete_section(section)
    stepped.task(range(1, SCENES + 1))
    with stepped.resident.store.transaction() as connection:
        meta.put(connection, meta.TASK_BEGAN, stepped.clock())
    stepped.drain()
    (hold,) = stepped.holds().values()
    assert "'Clips'" in hold.message
    assert "Plex Libraries" in hold.message


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
    env: Installation, stepped: BulkWorker, name: str, reason: str
) -> None:
    """Once Plex has had its time, and it goes on being looked for."""
    env.plex.add_section("movie", "Films", ["/plex/films"])
    scene = env.stash.add_scene(f"/stash/films/{name}")
    stepped.hook(scene)
    stepped.drain()
    assert "once Plex has scanned it" in stepped.rows()[scene].message
    for _ in range(4):
        stepped.wait()
        stepped.drain()
    row = stepped.rows()[scene]
    assert row.due_at
    assert reason in row.message
    assert ("once Plex has scanned it" in row.message) == (not reason)
    env.stash.delete_scene(scene)
