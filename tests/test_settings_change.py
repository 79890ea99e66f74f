"""What waited because of a setting goes on when that is mended, and a restart is no change."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from tests.installation import Installation, installation, wait_for
from tests.stepped_worker import step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose path_map leads nowhere, with five scenes that wait because of it."""
    with installation(tmp_path, scenes=7, path_map="/stash/media => /plex/media/elsewhere") as made:
        made.at_rest()  # or its first sweep would mark them once more
        for scene in range(1, 6):
            made.save(scene, title=f"Waits {scene}")
        wait_for(lambda: len(waiting(made)) == 5)
        yield made


def waiting(env: Installation) -> list[int]:
    """Give the scenes that wait for Plex to have their file."""
    found = env.query("SELECT id FROM dirty WHERE reason = 'NotInPlexYet' AND due_at > 0")
    return [row["id"] for row in found]


def test_scenes_that_waited_for_a_setting_go_when_it_is_mended(env: Installation) -> None:
    """The next save brings the mended path_map, and what waited or was parked goes with it."""
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        # As a scene is parked whose name several items bear while full paths tell nothing.
        store.execute("UPDATE dirty SET reason = 'AmbiguousMatch', due_at = NULL WHERE id = 5")
        store.commit()
    env.settings()
    env.save(6, title="After the mend")
    for scene in range(1, 6):
        env.title_becomes(scene, f"Waits {scene}", 20)
    env.settled()
    assert "the settings changed: " in env.log()


def test_a_worker_that_starts_anew_brings_nothing_forward(env: Installation) -> None:
    """Under the same settings the schedule of what waits goes on as it was."""
    env.kill_workers()
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("UPDATE dirty SET due_at = ?", (time.time() + 3600,))
        store.commit()
    with step(env) as stepped:
        stepped.hook(6)
        stepped.drain()
    assert sorted(waiting(env)) == [1, 2, 3, 4, 5, 6]


def test_what_is_held_back_is_looked_at_when_a_setting_is_mended(tmp_path: Path) -> None:
    """Tag Rules that would take everything out ask; put right, the question is over at once.

    Nobody saves a scene, and no hook tells of settings: the worker asks for them by itself.
    """
    with installation(tmp_path, scenes=12, sync_fields="title,tags") as env:
        env.patience("worker/process.py", "LONGEST_SLEEP", 0.5)
        env.run_task()
        env.settings(sync_fields="title,tags", tag_rules="only: Nothing of this name")
        env.run_task()
        assert len(env.query("SELECT id FROM dirty WHERE reason = 'TakesAway'")) == 12
        env.plex.clear_requests()
        env.settings(sync_fields="title,tags")
        env.settled(20)
        assert not env.run(mode="page_state")["output"]["question"]
        assert env.plex.counts()["edits"] == 0
        assert "the settings changed: looking again at 12 scenes held back" in env.log()
