"""What must be read again by "Sync all" although Stash shows a scene as it was, and what not."""

from __future__ import annotations

import threading
import time
from typing import Any

from simulator.library import catalogue_file
from stash.changes import instant
from store.enqueue import EDIT
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, stepped_bulk, synced, writes
from tests.installation import Installation, own_installation, wait_for

SCENES = 12
ALL = range(1, SCENES + 1)
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0


# An installation of its own for each test: what one does to Stash stays there.
env = own_installation(SCENES)
stepped = bulk_worker()


def sync_all(stepped: BulkWorker, late: float) -> set[int]:
    """Sync all once more, so many seconds late; give the scenes that were read in full."""
    stepped.late = late
    stepped.forget_requests()
    stepped.task(ALL)
    stepped.drain()
    assert stepped.rows() == {}
    asked = [one["variables"] or {} for one in stepped.env.stash.requests(headers=False)]
    return {int(scene) for one in asked for scene in one.get("ids", [one.get("id")]) if scene}


def tags_of(env: Installation, scene: int) -> list[str]:
    """The tags that Plex shows."""
    return list(env.item(scene)["tags"]["genre"])


def tagged(stepped: BulkWorker, *names: str) -> list[int]:
    """Bring all in step while scene 4 carries new tags; give their ids."""
    tags = [stepped.env.stash.add_entity("tag", name) for name in names]
    stepped.env.stash.set_scene(4, tag_ids=tags)
    stepped.late += MINUTE
    synced(stepped, ALL)
    return tags


def test_a_field_that_the_settings_add_reaches_scenes_that_stood_still(stepped: BulkWorker) -> None:
    """What was read under other settings says nothing about these: all is read, once."""
    stepped.env.settings(sync_fields="title")
    synced(stepped, ALL)
    assert "studio" not in stepped.env.item(2)["fields"]
    stepped.env.settings(sync_fields="title,studio")
    assert sync_all(stepped, MINUTE) == set(ALL)
    assert stepped.env.item(2)["fields"]["studio"]
    assert sync_all(stepped, 2 * MINUTE) == set()


def test_a_file_that_moved_is_looked_up_where_it_lies_now(stepped: BulkWorker) -> None:
    """A move leaves the scene's time alone; the item of the new place is written all the same."""
    env = stepped.env
    synced(stepped, ALL)
    env.stash.set_scene(3, touch=False, move="/stash/media/Moved/Three.mp4")
    env.plex.add_item("/plex/media/Moved/Three.mp4")
    assert sync_all(stepped, 10 * MINUTE) == {3}
    there = env.plex.item_at("/plex/media/Moved/Three.mp4")
    assert there["fields"]["title"] == env.stash.scene(3)["title"]


def test_what_a_scene_carries_is_read_again_once_a_day(stepped: BulkWorker) -> None:
    """A tag that was renamed without a hook is found after a day, though no scene's time moved."""
    (tag,) = tagged(stepped, "Old name")
    stepped.env.stash.set_entity("tag", tag, name="New name")
    assert sync_all(stepped, 23 * HOUR) == set()
    assert sync_all(stepped, 25 * HOUR) == set(ALL)
    assert tags_of(stepped.env, 4) == ["New name"]
    assert sync_all(stepped, 26 * HOUR) == set()


def test_a_tag_that_a_hook_tells_of_is_read_at_once(stepped: BulkWorker) -> None:
    """Its scenes' times stand still, too: only a task may go by them."""
    env = stepped.env
    tag = env.stash.add_entity("tag", "Old name")
    for scene in ALL:
        env.stash.set_scene(scene, tag_ids=[tag])
    stepped.late = MINUTE
    synced(stepped, ALL)
    env.stash.set_entity("tag", tag, name="New name")
    stepped.mark_as(EDIT, [tag], "tag")
    stepped.drain()
    assert [tags_of(env, scene) for scene in ALL] == [["New name"]] * SCENES


def test_what_was_read_in_the_future_is_not_trusted(stepped: BulkWorker) -> None:
    """A clock that was a year ahead, and is right again, hides nothing for a year."""
    stepped.late = 365 * DAY
    (tag,) = tagged(stepped, "Old name")
    stepped.env.stash.set_entity("tag", tag, name="New name")
    assert sync_all(stepped, 0.0) == set(ALL)
    assert tags_of(stepped.env, 4) == ["New name"]


def test_a_second_save_within_the_same_second_is_not_missed(stepped: BulkWorker) -> None:
    """Stash gives both the same time, so a scene that was read within it is read once more."""
    stash = stepped.env.stash
    stash.set_scene(5, title="First")
    saved = instant(stash.scene(5)["updated_at"])
    stepped.late = saved - 5 - time.time()  # so that a slow machine is in that second, too
    synced(stepped, ALL)
    assert stepped.env.item(5)["fields"]["title"] == "First"
    stash.set_scene(5, touch=False, title="Second")
    assert instant(stash.scene(5)["updated_at"]) == saved
    assert sync_all(stepped, MINUTE) == {5}
    assert stepped.env.item(5)["fields"]["title"] == "Second"
    assert sync_all(stepped, 2 * MINUTE) == set()


def test_an_edit_that_a_killed_worker_could_not_note_is_noted_by_the_next(
    env: Installation,
) -> None:
    """Plex and Stash stand as agreed, but something is pending: nobody knows, so all is read."""
    with stepped_bulk(env) as stepped:
        synced(stepped, ALL)
    for scene in ALL:
        env.plex.person_sets(key_of(env, scene), fields={"title": "Lost"}, unlock=["title"])
    env.plex.fault("hang_headers", method="PUT", apply=True)
    task = threading.Thread(target=env.run, kwargs={"mode": "sync_all"})
    task.start()
    wait_for(lambda: env.item(1)["fields"]["title"] != "Lost")
    env.kill_workers()
    assert len(pending(env)) == SCENES
    task.join(60)  # it starts another worker
    assert not task.is_alive()
    assert pending(env) == []


def pending(env: Installation) -> list[dict[str, Any]]:
    """The items of which nobody knows what was written to them."""
    return env.query("SELECT rating_key FROM item WHERE pending <> ''")


def test_an_item_that_got_another_file_is_not_taken_for_the_scene_s(stepped: BulkWorker) -> None:
    """Its texts are as agreed, but the scene's file is elsewhere: that item is written."""
    env = stepped.env
    synced(stepped, ALL)
    path, title = catalogue_file(7).plex_path, env.stash.scene(7)["title"]
    env.plex.person_sets(key_of(env, 7), files=[{"path": "/plex/media/Other/Other.mp4"}])
    env.plex.add_item(path)
    assert sync_all(stepped, MINUTE) == {7}
    assert env.plex.item_at(path)["fields"]["title"] == title


def test_a_tag_that_a_person_took_out_comes_back_only_if_stash_shall_always_win(
    stepped: BulkWorker,
) -> None:
    """The setting overwrite_plex_edits decides whether the scene is in step without it."""
    env = stepped.env
    tagged(stepped, "Kept", "Taken out")
    env.plex.person_sets(key_of(env, 4), tags={"genre": ["Kept"]})
    assert sync_all(stepped, MINUTE) == {4}  # once, for the list of differences
    assert sync_all(stepped, 2 * MINUTE) == set()
    assert tags_of(env, 4) == ["Kept"]
    env.settings(sync_fields="tags", overwrite_plex_edits=True)
    sync_all(stepped, 3 * MINUTE)
    assert tags_of(env, 4) == ["Kept", "Taken out"]
    env.plex.person_sets(key_of(env, 4), tags={"genre": ["Kept"]})
    assert sync_all(stepped, 4 * MINUTE) == {4}
    assert tags_of(env, 4) == ["Kept", "Taken out"]


def test_a_person_s_text_is_told_of_once_and_costs_no_details_from_then_on(
    stepped: BulkWorker,
) -> None:
    """That Plex differs is not in step until somebody was told; afterwards it is."""
    env = stepped.env
    synced(stepped, ALL)
    env.plex.person_sets(key_of(env, 8), fields={"title": "By hand"})
    assert sync_all(stepped, MINUTE) == {8}
    assert env.log().count("'By hand' was set in Plex by hand and is kept") == 1
    assert sync_all(stepped, 2 * MINUTE) == set()
    assert env.log().count("'By hand' was set in Plex by hand and is kept") == 1
    assert env.item(8)["fields"]["title"] == "By hand"


def test_a_poster_of_a_person_is_replaced_if_stash_shall_always_win(stepped: BulkWorker) -> None:
    """Pictures are compared, too, where every text and lock is as agreed."""
    env = stepped.env
    key = key_of(env, 9)
    env.settings(sync_fields="poster", overwrite_plex_edits=True)
    env.stash.set_scene(9, cover="new:ours")
    stepped.late = MINUTE
    synced(stepped, ALL)
    sync_all(stepped, 2 * MINUTE)  # sees which version Plex calls ours
    ours = poster(env, key)
    env.plex.ask("POST", f"/library/metadata/{key}/posters", b"\x89PNG\r\n\x1a\na person's")
    assert poster(env, key) != ours
    assert sync_all(stepped, 3 * MINUTE) == {9}
    assert poster(env, key) == ours


def poster(env: Installation, key: int) -> str:
    """The poster that Plex shows, by the name it gave it."""
    return str(next(one["key"] for one in env.plex.item(key)["posters"] if one["selected"]))


def test_a_scene_that_shared_an_item_gets_it_once_the_other_scene_is_gone(
    stepped: BulkWorker,
) -> None:
    """Nothing is remembered for it, so nothing says that Plex has what it wants."""
    env = stepped.env
    item = env.plex.add_item(
        "", files=[{"path": f"/plex/media/Two/Part {part}.mp4"} for part in (1, 2)]
    )["ratingKey"]
    first = env.stash.add_scene("/stash/media/Two/Part 1.mp4", title="First")
    second = env.stash.add_scene("/stash/media/Two/Part 2.mp4", title="Second")
    both = [*ALL, first, second]
    stepped.late = MINUTE
    synced(stepped, both)
    assert env.plex.item(item)["fields"]["title"] == "First"
    env.stash.delete_scene(first)
    stepped.late = 2 * MINUTE
    synced(stepped, both)
    assert env.plex.item(item)["fields"]["title"] == "Second"


def test_a_scene_that_is_left_out_is_not_read_whatever_plex_has(stepped: BulkWorker) -> None:
    """An item that we wrote before and that is gone since is no affair of ours."""
    env = stepped.env
    synced(stepped, ALL)
    env.settings(sync_fields="title", only_organized=True)
    assert sync_all(stepped, MINUTE) == set(ALL)
    env.plex.delete_item(key_of(env, 10))
    assert sync_all(stepped, 2 * MINUTE) == set()
    assert writes(env) == []


def test_an_item_that_is_gone_is_asked_for_at_plex_and_not_at_an_older_index(
    stepped: BulkWorker,
) -> None:
    """Its successor came after the library was listed: one search finds it, one read missed it."""
    env = stepped.env
    synced(stepped, ALL)
    old = key_of(env, 11)
    env.plex.delete_item(old)
    stepped.late = 10 * MINUTE
    stepped.background(env.stash.add_scene(f"/stash/media/None/{n}.mp4") for n in range(8))
    stepped.drain()
    assert stepped.plex_counts()["listings"] > 0
    new = int(env.plex.add_item(catalogue_file(11).plex_path)["ratingKey"])
    stepped.forget_requests()
    stepped.task(ALL)
    stepped.late += MINUTE / 4  # the eight are not due yet
    stepped.drain()
    assert stepped.plex_counts()["file_queries"] == 1
    assert env.plex.item(new)["fields"]["title"] == env.stash.scene(11)["title"]
    alone = f"/library/metadata/{old}?"
    assert sum(one["target"].startswith(alone) for one in env.plex.requests(headers=False)) == 1
