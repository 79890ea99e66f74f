"""What must be read again by "Sync all" although Stash shows a scene as it was, and what not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import catalogue_file
from stash.changes import instant
from store.enqueue import EDIT
from tests.bulk_town import BulkHand, bulk_hand, key_of, synced, writes
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 12
ALL = range(1, SCENES + 1)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


@pytest.fixture
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation of its own for each test: what one does to Stash stays there."""
    with installation(tmp_path_factory.mktemp("steady"), SCENES) as made:
        yield made


@pytest.fixture
def hand(town: Installation) -> Iterator[BulkHand]:
    """Its worker in hand."""
    with bulk_hand(town) as made:
        yield made


def sync_all(hand: BulkHand, late: float) -> set[int]:
    """Sync all once more, so many seconds late; give the scenes that were read in full."""
    hand.late = late
    hand.forget_requests()
    hand.task(ALL)
    hand.drain()
    assert hand.rows() == {}
    asked = [one["variables"] or {} for one in hand.town.stash.requests(headers=False)]
    return {int(scene) for one in asked for scene in one.get("ids", [one.get("id")]) if scene}


def tags_of(town: Installation, scene: int) -> list[str]:
    """The tags that Plex shows."""
    return list(town.item(scene)["tags"]["genre"])


def tagged(hand: BulkHand, *names: str) -> list[int]:
    """Bring all in step while scene 4 carries new tags; give their ids."""
    tags = [hand.town.stash.add_entity("tag", name) for name in names]
    hand.town.stash.set_scene(4, tag_ids=tags)
    hand.late += MINUTE
    synced(hand, ALL)
    return tags


def test_a_field_that_the_settings_add_reaches_scenes_that_stood_still(hand: BulkHand) -> None:
    """What was read under other settings says nothing about these: all is read, once."""
    hand.town.settings(sync_fields="title")
    synced(hand, ALL)
    assert "studio" not in hand.town.item(2)["fields"]
    hand.town.settings(sync_fields="title,studio")
    assert sync_all(hand, MINUTE) == set(ALL)
    assert hand.town.item(2)["fields"]["studio"]
    assert sync_all(hand, 2 * MINUTE) == set()


def test_a_file_that_moved_is_looked_up_where_it_lies_now(hand: BulkHand) -> None:
    """A move leaves the scene's time alone; the item of the new place is written all the same."""
    town = hand.town
    synced(hand, ALL)
    town.stash.set_scene(3, touch=False, move="/stash/media/Moved/Three.mp4")
    town.plex.add_item("/plex/media/Moved/Three.mp4")
    assert sync_all(hand, 10 * MINUTE) == {3}
    there = town.plex.item_at("/plex/media/Moved/Three.mp4")
    assert there["fields"]["title"] == town.stash.scene(3)["title"]


def test_what_a_scene_carries_is_read_again_once_a_day(hand: BulkHand) -> None:
    """A tag that was renamed without a hook is found after a day, though no scene's time moved."""
    (tag,) = tagged(hand, "Old name")
    hand.town.stash.rename("tag", tag, "New name")
    assert sync_all(hand, 23 * HOUR) == set()
    assert sync_all(hand, 25 * HOUR) == set(ALL)
    assert tags_of(hand.town, 4) == ["New name"]
    assert sync_all(hand, 26 * HOUR) == set()


def test_a_tag_that_a_hook_tells_of_is_read_at_once(hand: BulkHand) -> None:
    """Its scenes' times stand still, too: only a task may go by them."""
    town = hand.town
    tag = town.stash.add_entity("tag", "Old name")
    for scene in ALL:
        town.stash.set_scene(scene, tag_ids=[tag])
    hand.late = MINUTE
    synced(hand, ALL)
    town.stash.rename("tag", tag, "New name")
    hand.mark_as(EDIT, [tag], "tag")
    hand.drain()
    assert [tags_of(town, scene) for scene in ALL] == [["New name"]] * SCENES


def test_what_was_read_in_the_future_is_not_trusted(hand: BulkHand) -> None:
    """A clock that was a year ahead, and is right again, hides nothing for a year."""
    hand.late = 365 * DAY
    (tag,) = tagged(hand, "Old name")
    hand.town.stash.rename("tag", tag, "New name")
    assert sync_all(hand, 0.0) == set(ALL)
    assert tags_of(hand.town, 4) == ["New name"]


def test_a_second_save_within_the_same_second_is_not_missed(hand: BulkHand) -> None:
    """Stash gives both the same time, so a scene that was read within it is read once more."""
    stash = hand.town.stash
    stash.set_scene(5, title="First")
    saved = instant(stash.scene(5)["updated_at"])
    hand.late = saved - 5 - time.time()  # so that a slow machine is in that second, too
    synced(hand, ALL)
    assert hand.town.item(5)["fields"]["title"] == "First"
    stash.set_scene(5, touch=False, title="Second")
    assert instant(stash.scene(5)["updated_at"]) == saved
    assert sync_all(hand, MINUTE) == {5}
    assert hand.town.item(5)["fields"]["title"] == "Second"
    assert sync_all(hand, 2 * MINUTE) == set()


def test_an_edit_that_a_killed_worker_could_not_note_is_noted_by_the_next(
    town: Installation,
) -> None:
    """Plex and Stash stand as agreed, but something is pending: nobody knows, so all is read."""
    with bulk_hand(town) as hand:
        synced(hand, ALL)
    for scene in ALL:
        town.plex.person_sets(key_of(town, scene), fields={"title": "Lost"}, unlock=["title"])
    town.plex.fault("hang_headers", method="PUT", apply=True)
    task = threading.Thread(target=town.run, kwargs={"mode": "sync_all"})
    task.start()
    wait_for(lambda: town.item(1)["fields"]["title"] != "Lost")
    town.kill_workers()
    assert len(pending(town)) == SCENES
    task.join(60)  # it starts another worker
    assert not task.is_alive()
    assert pending(town) == []


def pending(town: Installation) -> list[dict[str, Any]]:
    """The items of which nobody knows what was written to them."""
    return town.query("SELECT rating_key FROM item WHERE pending <> ''")


def test_an_item_that_got_another_file_is_not_taken_for_the_scene_s(hand: BulkHand) -> None:
    """Its texts are as agreed, but the scene's file is elsewhere: that item is written."""
    town = hand.town
    synced(hand, ALL)
    path, title = catalogue_file(7).plex_path, town.stash.scene(7)["title"]
    town.plex.person_sets(key_of(town, 7), files=[{"path": "/plex/media/Other/Other.mp4"}])
    town.plex.add_item(path)
    assert sync_all(hand, MINUTE) == {7}
    assert town.plex.item_at(path)["fields"]["title"] == title


def test_a_tag_that_a_person_took_out_comes_back_only_if_stash_shall_always_win(
    hand: BulkHand,
) -> None:
    """The setting overwrite_plex_edits decides whether the scene is in step without it."""
    town = hand.town
    tagged(hand, "Kept", "Taken out")
    town.plex.person_sets(key_of(town, 4), tags={"genre": ["Kept"]})
    assert sync_all(hand, MINUTE) == set()
    assert tags_of(town, 4) == ["Kept"]
    town.settings(sync_fields="tags", overwrite_plex_edits=True)
    sync_all(hand, 2 * MINUTE)
    assert tags_of(town, 4) == ["Kept", "Taken out"]
    town.plex.person_sets(key_of(town, 4), tags={"genre": ["Kept"]})
    assert sync_all(hand, 3 * MINUTE) == {4}
    assert tags_of(town, 4) == ["Kept", "Taken out"]


def test_a_person_s_text_is_told_of_once_and_costs_no_details_from_then_on(hand: BulkHand) -> None:
    """That Plex differs is not in step until somebody was told; afterwards it is."""
    town = hand.town
    synced(hand, ALL)
    town.plex.person_sets(key_of(town, 8), fields={"title": "By hand"})
    assert sync_all(hand, MINUTE) == {8}
    assert town.log().count("'By hand' was set in Plex by hand and is kept") == 1
    assert sync_all(hand, 2 * MINUTE) == set()
    assert town.log().count("'By hand' was set in Plex by hand and is kept") == 1
    assert town.item(8)["fields"]["title"] == "By hand"


def test_a_poster_of_a_person_is_replaced_if_stash_shall_always_win(hand: BulkHand) -> None:
    """Pictures are compared, too, where every text and lock is as agreed."""
    town = hand.town
    key = key_of(town, 9)
    town.settings(sync_fields="poster", overwrite_plex_edits=True)
    town.stash.set_scene(9, cover="new:ours")
    hand.late = MINUTE
    synced(hand, ALL)
    sync_all(hand, 2 * MINUTE)  # sees which version Plex calls ours
    ours = poster(town, key)
    town.plex.ask("POST", f"/library/metadata/{key}/posters", b"\x89PNG\r\n\x1a\na person's")
    assert poster(town, key) != ours
    assert sync_all(hand, 3 * MINUTE) == {9}
    assert poster(town, key) == ours


def poster(town: Installation, key: int) -> str:
    """The poster that Plex shows, by the name it gave it."""
    return str(next(one["key"] for one in town.plex.item(key)["posters"] if one["selected"]))


def test_a_scene_that_shared_an_item_gets_it_once_the_other_scene_is_gone(hand: BulkHand) -> None:
    """Nothing is remembered for it, so nothing says that Plex has what it wants."""
    town = hand.town
    item = town.plex.add_item(
        "", files=[{"path": f"/plex/media/Two/Part {part}.mp4"} for part in (1, 2)]
    )["ratingKey"]
    first = town.stash.add_scene("/stash/media/Two/Part 1.mp4", title="First")
    second = town.stash.add_scene("/stash/media/Two/Part 2.mp4", title="Second")
    both = [*ALL, first, second]
    hand.late = MINUTE
    synced(hand, both)
    assert town.plex.item(item)["fields"]["title"] == "First"
    town.stash.delete_scene(first)
    hand.late = 2 * MINUTE
    synced(hand, both)
    assert town.plex.item(item)["fields"]["title"] == "Second"


def test_a_scene_that_is_left_out_is_not_read_whatever_plex_has(hand: BulkHand) -> None:
    """An item that we wrote before and that is gone since is no affair of ours."""
    town = hand.town
    synced(hand, ALL)
    town.settings(sync_fields="title", only_organized=True)
    assert sync_all(hand, MINUTE) == set(ALL)
    town.plex.delete_item(key_of(town, 10))
    assert sync_all(hand, 2 * MINUTE) == set()
    assert writes(town) == []


def test_an_item_that_is_gone_is_asked_for_at_plex_and_not_at_an_older_index(
    hand: BulkHand,
) -> None:
    """Its successor came after the library was listed: one search finds it, one read missed it."""
    town = hand.town
    synced(hand, ALL)
    old = key_of(town, 11)
    town.plex.delete_item(old)
    hand.late = 10 * MINUTE
    hand.background(town.stash.add_scene(f"/stash/media/None/{n}.mp4") for n in range(8))
    hand.drain()
    assert hand.plex_counts()["listings"] > 0
    new = int(town.plex.add_item(catalogue_file(11).plex_path)["ratingKey"])
    hand.forget_requests()
    hand.task(ALL)
    hand.late += MINUTE
    hand.drain()
    assert hand.plex_counts()["file_queries"] == 1
    assert town.plex.item(new)["fields"]["title"] == town.stash.scene(11)["title"]
    alone = f"/library/metadata/{old}?"
    assert sum(one["target"].startswith(alone) for one in town.plex.requests(headers=False)) == 1
