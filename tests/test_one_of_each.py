"""What tasks say where there is one of each thing, and where what was begun cannot be finished."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_AGO = 1_500_000_000


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation of a single scene for all tests here, in their order."""
    with installation(tmp_path_factory.mktemp("env"), 1, sync_fields="title") as env:
        yield env


def test_one_of_each_is_said_as_one(env: Installation) -> None:
    """A preview of one scene, the one play that it lacks, and the only thing that waits."""
    assert env.run(mode="preview")["output"].startswith("1 of 1 scene would change.")
    env.run(mode="sync_all")
    env.plex.watched(env.item(1)["ratingKey"], LONG_AGO)
    brought = env.run(mode="bring_plays")
    assert (
        "1 view in Plex's history; not in Stash and brought over now: 1 play of 1 scene\n"
        in (brought["stderr"])
    )
    assert brought["output"] == "1 play came over from Plex to 1 scene."
    assert "scene 1: 1 play came from Plex" in (env.data / "plexsync.log").read_text()
    fresh = env.stash.add_scene("/stash/media/new.mp4", title="New")
    env.hook(fresh, "Scene.Create.Post")
    wait_for(lambda: [row for row in env.rows() if row["reason"]])
    assert env.run(mode="retry_failed")["output"].startswith("1 that was waiting is looked at")
    env.stash.delete_scene(fresh)
    env.run(mode="retry_failed")
    env.settled()


def test_an_undo_that_plex_refuses_has_given_nothing_back(env: Installation) -> None:
    """What is postponed is not counted among what was given back."""
    env.stash.set_scene(1, title="Undone in vain")
    env.run(mode="sync_all")
    key = env.item(1)["ratingKey"]
    env.plex.fault("status", method="PUT", path=f"id={key}", status=400, times=None)
    told = env.run(mode="undo_last_sync")["output"]
    env.plex.clear_faults()
    assert told.startswith("0 items were given back"), told
    # Plex refuses it, so it waits for a person, and nothing is tried by itself.
    assert "1 could not be given back now; PlexSync's page says why" in told
    assert [row["due_at"] for row in env.rows() if row["kind"] == "undo"] == [None]


def test_one_scene_stays_marked(env: Installation) -> None:
    """A task that gives up says so of one scene."""
    env.kill_workers()
    (env.plugin_dir / "worker" / "process.py").write_text("raise SystemExit(1)\n")
    assert "1 scene stays marked. Please" in env.run(mode="sync_all")["error"]
