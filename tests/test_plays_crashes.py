"""A worker that is killed anywhere while it brings plays: each is in Stash once, none is lost."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.crash_environment import KILL_POINT, CrashEnvironment
from tests.installation import installation, wait_for
from tests.test_crash_matrix import worth_killing_at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: No scene of Stash's: its hook only starts the worker.
NOBODY = 987_654


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[CrashEnvironment]:
    """An installation whose worker has seen the switch on, and can be told to die."""
    with installation(tmp_path, 6, plays_to_stash=True) as env:
        env.at_rest()
        wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'plays'"))
        env.kill_workers()
        entry = env.plugin_dir / "plexsync.py"
        entry.rename(env.plugin_dir / "plexsync_itself.py")
        shutil.copy(KILL_POINT, entry)
        yield CrashEnvironment(env)


def played(mortal: CrashEnvironment, views: list[int]) -> bool:
    """Say whether Stash has all views of scene 2, and fail if it has one twice."""
    plays = mortal.env.stash.scene(2)["plays"]
    assert len(plays) == len(set(plays)), plays
    return sorted(plays) == views


@pytest.mark.timeout(300)
def test_a_worker_killed_all_along_a_play(mortal: CrashEnvironment) -> None:
    """Whatever was done and not noted is found in Stash by the next worker."""
    env, now, views = mortal.env, int(time.time()), list[int]()
    key = env.item(2)["ratingKey"]

    def watch() -> None:
        views.append(now + len(views))
        env.plex.watched(key, views[-1])

    with mortal.watched():
        watch()
        env.hook(NOBODY)
        wait_for(lambda: played(mortal, views) and not env.rows())
        boundaries, before = mortal.boundaries("worker"), [""]
        while boundaries != before:
            time.sleep(0.5)
            boundaries, before = mortal.boundaries("worker"), boundaries
    env.kill_workers()
    killed = []
    wanted = worth_killing_at(boundaries, most=20)
    for number in wanted:
        mortal.forget_victims()
        mortal.order("worker", number)
        watch()
        env.hook(NOBODY)
        wait_for(lambda: mortal.victims_died() or (played(mortal, views) and not env.rows()))
        if mortal.deaths():
            killed.append(number)
        env.kill_workers()
        env.hook(NOBODY)
        wait_for(lambda: played(mortal, views))
        wait_for(lambda: not env.rows())
        env.kill_workers()
    assert played(mortal, views)
    sys.stdout.write(f"\nworker: killed at {len(killed)} of {len(boundaries)} boundaries\n")
    assert len(killed) >= len(wanted) / 2
    assert len(env.query("SELECT DISTINCT viewed_at FROM play WHERE scene = 2")) == len(views)
