"""Performers of one name stay several people in Plex, which knows people by name alone."""

from __future__ import annotations

from typing import Any

import pytest

from stash.entities import Entity
from store.enqueue import EDIT
from sync.collections import sources
from tests.bulk_worker import BulkWorker, bulk_worker, stepped_bulk, writes
from tests.installation import Installation, shared_installation
from validation.config import PlexSyncConfig

SCENES = 8


env = shared_installation(SCENES)
stepped = bulk_worker(sync_fields="performers, performer_collections", plain_collections=True)


def performer(env: Installation, name: str, disambiguation: str, *scenes: int) -> int:
    """A new performer, the only one of these scenes; gives the id."""
    number = env.stash.add_entity("performer", name, disambiguation)
    for scene in scenes:
        env.stash.set_scene(scene, performer_ids=[str(number)])
    return number


def sync(stepped: BulkWorker, *scenes: int) -> list[tuple[list[int], dict[str, str]]]:
    """Bring scenes in step, all without any, counting anew; give what was written."""
    stepped.late += 60.0
    stepped.forget_requests()
    stepped.background(scenes or range(1, SCENES + 1))
    stepped.drain()
    assert stepped.env.rows() == []
    return writes(stepped.env)


def names(env: Installation, scene: int) -> tuple[Any, Any]:
    """The actors and the collections of a scene's item."""
    tags = env.item(scene)["tags"]
    return tags.get("actor"), tags.get("collection")


def told(name: str) -> tuple[list[str], list[str]]:
    """What an item has whose one performer is called so."""
    return [name], [name]


def test_two_of_one_name_in_a_library_stay_two(stepped: BulkWorker) -> None:
    """Each is called as Stash shows them, whatever item they are in; for one question more."""
    env = stepped.env
    performer(env, "Ann One", "dancer", 1, 2)
    performer(env, "Ann One", "singer", 3)
    performer(env, "ann one", "", 4)
    performer(env, "Bea One", "the only one", 5)
    sync(stepped)
    assert names(env, 1) == names(env, 2) == told("Ann One (dancer)")
    assert names(env, 3) == told("Ann One (singer)")
    assert names(env, 4) == told("ann one")
    assert names(env, 5) == told("Bea One")
    assert stepped.asked_stash("Performers") == 1
    assert sync(stepped) == []
    assert stepped.asked_stash("Performers") == 0


def test_where_nobody_is_told_apart_stash_is_not_asked(stepped: BulkWorker) -> None:
    """Names without a disambiguation never need another one."""
    performer(stepped.env, "Cleo Two", "", 6)
    sync(stepped, 6, 7, 8)
    assert stepped.asked_stash("Performers") == 0


@pytest.mark.parametrize("how", ["renamed", "new"])
def test_a_clash_that_comes_is_told_once_and_one_that_goes_leads_back(
    stepped: BulkWorker, how: str
) -> None:
    """The scenes of who was there before get the longer name, and the bare one again."""
    env = stepped.env
    name = f"Dora {how}"
    performer(env, name, "first", 1, 2)
    other = performer(env, f"Other {how}" if how == "renamed" else name, "second", 3)
    if how == "new":
        env.stash.delete_entity("performer", other)
    sync(stepped)
    assert names(env, 1) == told(name)
    if how == "renamed":
        env.stash.set_entity("performer", other, name=name)
    else:
        other = performer(env, name, "second", 3)
    stepped.forget_requests()
    stepped.mark_as(EDIT, [other], "performer")  # its hook, or a sweep
    stepped.drain()
    assert names(env, 1) == names(env, 2) == told(f"{name} (first)")
    assert names(env, 3) == told(f"{name} (second)")
    assert sync(stepped) == []
    env.stash.set_entity("performer", other, name=f"Gone {how}")
    stepped.mark_as(EDIT, [other], "performer")
    stepped.drain()
    assert names(env, 1) == names(env, 2) == told(name)
    assert names(env, 3) == told(f"Gone {how}")
    assert sync(stepped) == []


def test_a_new_performer_of_an_old_name_is_called_right_from_the_start(
    stepped: BulkWorker,
) -> None:
    """Nobody told of her but the scene: she is newer than what is known, so it is asked again."""
    env = stepped.env
    performer(env, "Eve Three", "old", 1)
    sync(stepped)
    assert names(env, 1) == told("Eve Three")
    performer(env, "Eve Three", "new", 2)
    stepped.hook(2)
    stepped.drain()
    assert names(env, 2) == told("Eve Three (new)")
    assert names(env, 1) == told("Eve Three (old)")


def test_what_a_preview_learns_it_keeps_to_itself(env: Installation) -> None:
    """It says the names as a sync would write them, and marks nothing."""
    with stepped_bulk(env, sync_fields="performers", plain_collections=True) as stepped:
        performer(env, "Fay Four", "left", 1)
        performer(env, "Fay Four", "right", 2)
        stepped.lock.release()
        env.run(mode="preview")
        assert "Fay Four (left)" in str(env.query("SELECT * FROM planned"))
        assert env.query("SELECT 1 FROM meta WHERE key = 'namesakes'") == []
        assert env.rows() == []
        stepped.lock.acquire()


def test_a_preview_knows_of_a_performer_that_nobody_told_of(env: Installation) -> None:
    """One who was only made gives another a longer name; the next sync writes what it says."""
    with stepped_bulk(env, sync_fields="performers", plain_collections=True) as stepped:
        performer(env, "Gia Five", "first", 1)
        sync(stepped)
        other = performer(env, "Gia Five", "second")
        known = env.query("SELECT value FROM meta WHERE key = 'namesakes'")
        stepped.lock.release()
        env.run(mode="preview")
        stepped.lock.acquire()
        assert "Gia Five (first)" in str(env.query("SELECT * FROM planned"))
        assert env.query("SELECT value FROM meta WHERE key = 'namesakes'") == known
        assert env.rows() == []
        stepped.mark_as(EDIT, [other], "performer")
        stepped.drain()
        assert env.item(1)["tags"]["actor"] == ["Gia Five (first)"]


def test_a_collection_s_page_is_that_of_whom_it_is_named_after() -> None:
    """The bare name is hers who has no other; where two could be meant it is nobody's."""
    config = PlexSyncConfig(
        "http://plex:32400", "t0ken", sync_fields=frozenset({"performer_collections"})
    )
    bare, dancer, singer = (
        Entity("performer", number, "Ann", words)
        for number, words in enumerate(("", "dancer", "singer"), 1)
    )
    assert sources(config, lambda _: [dancer, bare]) == {"ann": bare, "ann (dancer)": dancer}
    assert sources(config, lambda _: [dancer]) == {"ann": dancer, "ann (dancer)": dancer}
    assert sources(config, lambda _: [dancer, singer])["ann"] is None
