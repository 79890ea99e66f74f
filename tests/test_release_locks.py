"""The task "Release locks": gives our locks back and nothing else, whatever is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 6
FIELDS = "title, summary, studio, tags"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests here; each has scenes of its own."""
    with installation(tmp_path_factory.mktemp("town"), SCENES, sync_fields=FIELDS) as town:
        yield town


@pytest.fixture(autouse=True)
def _as_it_was(town: Installation) -> Iterator[None]:
    """Settings and Plex's faults are put back after each test."""
    yield
    town.plex.clear_faults()
    town.settings(sync_fields=FIELDS)


def synced(town: Installation, scene: int, **fields: Any) -> dict[str, Any]:
    """Save a scene and give its item once Plex has it."""
    town.save(scene, **fields)
    in_step(town, scene)
    return town.item(scene)


def in_step(town: Installation, scene: int) -> None:
    """Wait until the scene is in step, and nothing is to be unlocked."""
    wait_for(lambda: not [r for r in town.rows() if r["kind"] != "scene" or r["id"] == scene])


def put_count(town: Installation, since: int) -> int:
    """Count the edits that Plex was asked for since so many requests."""
    return sum(one["method"] == "PUT" for one in town.plex.requests()[since:])


def test_our_locks_go_the_values_stay(town: Installation) -> None:
    """Every lock of ours is gone afterwards, every value is what it was."""
    before = synced(town, 1, title="One", details="About one")
    assert {"title", "summary", "studio", "genre"} <= set(before["locked"])
    answer = town.run(mode="release_locks")
    after = town.item(1)
    assert "4 locks released on 1 of 1 items" in answer["output"]
    assert after["locked"] == []
    assert (after["fields"], after["tags"]) == (before["fields"], before["tags"])
    assert "PlexSync has no field locked" in town.run(mode="release_locks")["output"]


def test_released_fields_are_left_until_stash_changes_them(town: Installation) -> None:
    """Afterwards an agent may have the fields, until somebody edits them in Stash."""
    item = synced(town, 2, title="Two", details="About two")
    town.run(mode="release_locks")
    town.plex.agent_sets(item["ratingKey"], fields={"title": "Agent", "summary": "Agent's"})
    changed = synced(town, 2, title="Two, edited")
    assert changed["fields"]["title"] == "Two, edited"
    assert changed["fields"]["summary"] == "Agent's"
    assert changed["locked"] == ["title"]


def test_locks_of_others_stay(town: Installation) -> None:
    """A lock that was there before us, and one on a text edited by hand since, stay."""
    key = town.item(3)["ratingKey"]
    town.plex.person_sets(key, lock=["studio", "tagline"])
    synced(town, 3, title="Three", details="About three", studio_id=None)
    town.plex.person_sets(key, fields={"summary": "By hand"})
    town.run(mode="release_locks")
    after = town.item(3)
    assert set(after["locked"]) == {"studio", "tagline", "summary"}
    assert after["fields"]["summary"] == "By hand"


def test_a_poster_is_unlocked_unless_a_person_chose_another(town: Installation) -> None:
    """The lock of our poster goes like a text's; that of a poster chosen by hand since stays."""
    town.settings(sync_fields="poster")
    for scene in (4, 5):
        town.stash.set_scene(scene, cover=f"new:cover {scene}")
        synced(town, scene, title=f"Poster {scene}")
        assert "thumb" in town.item(scene)["locked"]
    item = town.item(5)
    other = next(one["key"] for one in item["posters"] if not one["selected"])
    chosen = town.plex.ask("PUT", f"/library/metadata/{item['ratingKey']}/poster?url={other}")
    assert chosen.status == 200
    town.run(mode="release_locks")
    assert "thumb" not in town.item(4)["locked"]
    assert "thumb" in town.item(5)["locked"]


def test_an_item_that_is_gone_stops_nothing(town: Installation) -> None:
    """An item that Plex no longer has is passed over."""
    gone = synced(town, 4, title="Four")["ratingKey"]
    synced(town, 5, title="Five")
    town.plex.delete_item(gone)
    answer = town.run(mode="release_locks")
    assert "on 1 of 2 items" in answer["output"]
    assert "title" not in town.item(5)["locked"]


@pytest.mark.parametrize("when", ["before the edit", "after the edit"])
def test_a_worker_killed_in_between_is_made_good(town: Installation, when: str) -> None:
    """Killed around the unlocking PUT, the next worker finishes; nothing is locked again."""
    item = synced(town, 6, title=f"Six {when}")
    edit = town.plex.fault(
        "hang_headers", method="PUT", path=f"id={item['ratingKey']}", apply=when == "after the edit"
    )
    task = subprocess.Popen(
        [sys.executable, "-S", str(town.plugin_dir / "plexsync.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with task:
        assert task.stdin
        task.stdin.write(town.payload(mode="release_locks"))
        task.stdin.close()
        wait_for(lambda: next(r for r in town.plex.faults() if r["id"] == edit)["hits"])
        assert town.kill_workers() == 1
        town.plex.clear_faults()
        assert task.wait(60) == 0
    assert town.item(6)["locked"] == []
    assert town.item(6)["fields"]["title"] == f"Six {when}"
    requests = len(town.plex.requests())
    town.hook(6)
    in_step(town, 6)
    assert put_count(town, requests) == 0


def test_stop_leaves_the_rest_locked(town: Installation) -> None:
    """After Stash's Stop nothing more is unlocked, and the next run goes on."""
    for scene in (1, 2):
        synced(town, scene, title=f"Once more {scene}")
    town.plex.fault("delay", method="PUT", seconds=0.5, times=None)
    task = subprocess.Popen(
        [sys.executable, "-S", str(town.plugin_dir / "plexsync.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    requests = len(town.plex.requests())
    with task:
        assert task.stdin
        task.stdin.write(town.payload(mode="release_locks"))
        task.stdin.close()
        wait_for(lambda: len(town.plex.requests()) > requests)
        task.send_signal(signal.SIGKILL)
    in_step(town, 1)
    town.plex.clear_faults()
    assert put_count(town, requests) <= 1
    assert any(town.item(scene)["locked"] for scene in (1, 2))
    town.run(mode="release_locks")
    assert not any(town.item(scene)["locked"] for scene in (1, 2))
