"""The task "Release locks": gives our locks back and nothing else, whatever is killed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.installation import Installation, shared_installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 6
FIELDS = "title, summary, studio, tags"


# One installation for all tests here; each has scenes of its own.
env = shared_installation(SCENES, sync_fields=FIELDS)


@pytest.fixture(autouse=True)
def _as_it_was(env: Installation) -> Iterator[None]:
    """Settings and Plex's faults are put back after each test."""
    yield
    env.plex.clear_faults()
    env.settings(sync_fields=FIELDS)


def synced(env: Installation, scene: int, **fields: Any) -> dict[str, Any]:
    """Save a scene and give its item once Plex has it."""
    env.save(scene, **fields)
    in_step(env, scene)
    return env.item(scene)


def in_step(env: Installation, scene: int) -> None:
    """Wait until the scene is in step, and nothing is to be unlocked."""
    wait_for(lambda: not [r for r in env.rows() if r["kind"] != "scene" or r["id"] == scene])


def put_count(env: Installation, since: int) -> int:
    """Count the edits that Plex was asked for since so many requests."""
    return sum(one["method"] == "PUT" for one in env.plex.requests()[since:])


def test_our_locks_go_the_values_stay(env: Installation) -> None:
    """Every lock of ours is gone afterwards, every value is what it was."""
    before = synced(env, 1, title="One", details="About one")
    assert {"title", "summary", "studio", "genre"} <= set(before["locked"])
    answer = env.run(mode="release_locks")
    after = env.item(1)
    assert "4 locks released on 1 of 1 item." in answer["output"]
    assert after["locked"] == []
    assert (after["fields"], after["tags"]) == (before["fields"], before["tags"])
    assert "PlexSync has no field locked" in env.run(mode="release_locks")["output"]


def test_released_fields_are_left_until_stash_changes_them(env: Installation) -> None:
    """Afterwards an agent may have the fields, until somebody edits them in Stash."""
    item = synced(env, 2, title="Two", details="About two")
    env.run(mode="release_locks")
    env.plex.agent_sets(item["ratingKey"], fields={"title": "Agent", "summary": "Agent's"})
    changed = synced(env, 2, title="Two, edited")
    assert changed["fields"]["title"] == "Two, edited"
    assert changed["fields"]["summary"] == "Agent's"
    assert changed["locked"] == ["title"]


def test_locks_of_others_stay(env: Installation) -> None:
    """A lock that was there before us, and one on a text edited by hand since, stay."""
    key = env.item(3)["ratingKey"]
    env.plex.person_sets(key, lock=["studio", "tagline"])
    synced(env, 3, title="Three", details="About three", studio_id=None)
    env.plex.person_sets(key, fields={"summary": "By hand"})
    env.run(mode="release_locks")
    after = env.item(3)
    assert set(after["locked"]) == {"studio", "tagline", "summary"}
    assert after["fields"]["summary"] == "By hand"


def test_a_poster_is_unlocked_unless_a_person_chose_another(env: Installation) -> None:
    """The lock of our poster goes like a text's; that of a poster chosen by hand since stays."""
    env.settings(sync_fields="poster")
    for scene in (4, 5):
        env.stash.set_scene(scene, cover=f"new:cover {scene}")
        synced(env, scene, title=f"Poster {scene}")
        assert "thumb" in env.item(scene)["locked"]
    item = env.item(5)
    other = next(one["key"] for one in item["posters"] if not one["selected"])
    chosen = env.plex.ask("PUT", f"/library/metadata/{item['ratingKey']}/poster?url={other}")
    assert chosen.status == 200
    env.run(mode="release_locks")
    assert "thumb" not in env.item(4)["locked"]
    assert "thumb" in env.item(5)["locked"]


def test_an_item_that_is_gone_stops_nothing(env: Installation) -> None:
    """An item that Plex no longer has is passed over."""
    gone = synced(env, 4, title="Four")["ratingKey"]
    synced(env, 5, title="Five")
    env.plex.delete_item(gone)
    answer = env.run(mode="release_locks")
    assert "on 1 of 2 items" in answer["output"]
    assert "title" not in env.item(5)["locked"]


@pytest.mark.parametrize("when", ["before the edit", "after the edit"])
def test_a_worker_killed_in_between_is_made_good(env: Installation, when: str) -> None:
    """Killed around the unlocking PUT, the next worker finishes; nothing is locked again."""
    item = synced(env, 6, title=f"Six {when}")
    edit = env.plex.fault(
        "hang_headers", method="PUT", path=f"id={item['ratingKey']}", apply=when == "after the edit"
    )
    with env.start(mode="release_locks") as task:
        wait_for(lambda: next(r for r in env.plex.faults() if r["id"] == edit)["hits"])
        assert env.kill_workers() == 1
        env.plex.clear_faults()
        assert task.wait(60) == 0
    assert env.item(6)["locked"] == []
    assert env.item(6)["fields"]["title"] == f"Six {when}"
    requests = len(env.plex.requests())
    env.hook(6)
    in_step(env, 6)
    assert put_count(env, requests) == 0


def test_stop_leaves_the_rest_locked(env: Installation) -> None:
    """After Stash's Stop nothing more is unlocked, and the next run goes on."""
    for scene in (1, 2):
        synced(env, scene, title=f"Once more {scene}")
    env.plex.fault("delay", method="PUT", seconds=0.5, times=None)
    requests = len(env.plex.requests())
    with env.start(mode="release_locks") as task:
        wait_for(lambda: put_count(env, requests))  # the first question is the task's own
        task.send_signal(signal.SIGKILL)
    in_step(env, 1)
    env.plex.clear_faults()
    assert put_count(env, requests) <= 1
    assert any(env.item(scene)["locked"] for scene in (1, 2))
    env.run(mode="release_locks")
    assert not any(env.item(scene)["locked"] for scene in (1, 2))
