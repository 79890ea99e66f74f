"""A worker that is killed anywhere while ratings and resume points come from Plex loses neither.

Nor does it ask Stash twice: what was done and not noted is found in Stash by the next one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash_environment import KILL_POINT, CrashEnvironment
from tests.installation import ROOT, Installation, installation
from tests.stepped_worker import step

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Where everything that was done before is not noted yet.
COMMIT = "before COMMIT"
SCENE = 2


class Mortal:
    """An installation whose looks at Plex are processes of their own that may be killed."""

    def __init__(self, env: Installation, folder: Path) -> None:
        self.env, self.crash = env, CrashEnvironment(env)
        self.folder, self.late, self.at = folder, 0.0, 1_700_000_000
        self.key = int(env.item(SCENE)["ratingKey"])

    def look(self) -> int:
        """Run a worker for some looks; give its exit status."""
        self.late += 10_000.0
        command = [sys.executable, str(self.env.plugin_dir / "plexsync.py")]
        done = subprocess.run(
            [*command, "worker", str(self.env.data), str(self.late)],
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=60,
        )
        assert done.returncode in (0, -9), done.stderr.decode()
        return done.returncode

    def give(self, rating: float | None, seconds: float) -> None:
        """Let the owner rate and stop the item; None and 0 take both away."""
        self.at += 1
        self.env.plex.rates(self.key, rating, self.at)
        if seconds:
            self.env.plex.stopped(self.key, self.at, seconds)
        else:
            self.env.plex.watched(self.key, self.at)

    def in_stash(self) -> tuple[int | None, float]:
        """Give the scene's rating and resume time."""
        scene = self.env.stash.scene(SCENE)
        return scene["rating100"], scene["resume_time"]

    def asked(self) -> tuple[int, int]:
        """Count the ratings and the resume times that Stash was asked to set."""
        counts = self.env.stash.counts()
        return counts.get("TakeIntoScene", 0), counts.get("SaveResumeTime", 0)


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    """In step, both switches on, and no worker but those that the test runs."""
    options: dict[str, Any] = {"sync_fields": "title, rating"}
    options |= {"ratings_to_stash": True, "plays_to_stash": True}
    with installation(tmp_path, 4, **options) as env:
        env.stash.set_scene(SCENE, rating100=None)
        with step(env) as stepped:  # holds the worker's lock to the end
            stepped.hook(1, 2, 3, 4)
            stepped.drain()
            made = Mortal(env, tmp_path)
            shutil.copy(ROOT / "tests" / "mortal_looks.py", env.plugin_dir / "plexsync_itself.py")
            itself = (env.plugin_dir / "plexsync.py").read_bytes()
            shutil.copy(KILL_POINT, env.plugin_dir / "plexsync.py")
            made.look()
            yield made
            (env.plugin_dir / "plexsync.py").write_bytes(itself)


@pytest.mark.timeout(300)
def test_a_worker_killed_all_along_ratings_and_resume_points(mortal: Mortal) -> None:
    """Given and taken away again: Stash has both, was asked once each, and it is known whose.

    Death comes before a commit: what was done is not noted then.
    """
    crash, words = mortal.crash, 0
    with crash.watched():
        mortal.give(8, 100)
        mortal.look()
        boundaries = crash.boundaries("worker")
    assert mortal.in_stash() == (80, 100)
    words += 1
    killed = 0
    commits = boundaries.count(COMMIT)
    for number in range(1, commits + 1):
        for rating, seconds in ((None, 0), (8, 100 + number)):
            crash.forget_victims()
            crash.order("worker", number, COMMIT)
            mortal.give(rating, seconds)
            killed += mortal.look() != 0
            crash.recall()
            mortal.look()
            words += 1
            assert mortal.in_stash() == (rating and rating * 10, seconds), number
            assert mortal.asked() == (words, words), number
    assert mortal.env.plex.item(mortal.key)["fields"]["userRating"] == 8
    mortal.give(None, 0)
    mortal.look()
    assert mortal.in_stash() == (None, 0)  # also what came last is known for ours
    sys.stdout.write(f"\nkilled {killed} times before {commits} commits\n")
    assert killed >= commits
