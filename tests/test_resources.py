"""A worker left to itself for a month: memory, files and descriptors stay as they are."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import sys
import tracemalloc
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

import log
from store import history, queue
from store.enqueue import enqueue
from store.maintenance import Maintenance
from store.store import Store
from tests.installation import Installation, shared_installation
from tests.stepped_worker import SteppedWorker

if TYPE_CHECKING:
    from pathlib import Path

SCENES = 8
DAY = 86400.0


env = shared_installation(SCENES)


@dataclass(frozen=True)
class Footprint:
    """What a worker takes at one moment: bytes of memory and of files, and descriptors."""

    memory: int
    files: int
    descriptors: int


def footprint(env: Installation) -> Footprint:
    """Measure this process and the data directory."""
    gc.collect()
    return Footprint(
        tracemalloc.get_traced_memory()[0],
        sum(path.stat().st_size for path in env.data.iterdir()),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a count
    )


def live(stepped: SteppedWorker, turns: int, hours: float, dice: random.Random) -> None:
    """Let time pass, with edits, days on which Plex is down, and hours without Stash."""
    env, resident = stepped.env, stepped.resident
    for turn in range(turns):
        stepped.late += hours * 3600
        away = dice.random()
        if away < 0.15:
            env.plex.fault("status", status=503, times=None)
        elif away < 0.25:
            env.stash.fault("status", status=502, times=None)
        scene = dice.randint(1, SCENES)
        words = " ".join(f"{dice.random():.12f}" for _ in range(20))
        env.stash.set_scene(scene, title=f"Turn {turn}", details=words)
        stepped.hook(scene)
        for _ in range(6):  # what a real one does between two sleeps
            stepped.drain()
            if not (resident.breaker.lets_pass() and resident._look_for_changes()):
                resident.maintenance.run()
            stepped.late += 400
        env.plex.clear_faults()
        env.stash.clear_faults()
        env.plex.clear_requests()
        env.stash.clear_requests()
    stepped.late += DAY
    stepped.drain()


def month(env: Installation, monkeypatch: pytest.MonkeyPatch, *, hours: float, seed: int) -> None:
    """Live for thirty days; compare the last with the tenth."""
    # As small as the month is short, so that what is bounded reaches its bound in time.
    monkeypatch.setattr(history, "KEPT", 40)
    monkeypatch.setattr(history, "BATCH", 10)
    monkeypatch.setattr(log, "SIZE", 10_000)
    dice = random.Random(seed)
    stepped = SteppedWorker(env)
    per_day = round(24 / (hours + 0.7))
    tracemalloc.start()
    try:
        live(stepped, 10 * per_day, hours, dice)
        before = footprint(env)
        live(stepped, 20 * per_day, hours, dice)
        after = footprint(env)
    finally:
        tracemalloc.stop()
        stepped.resident.close()
        stepped.lock.release()
    sys.stdout.write(
        f"\nseed {seed}, {30 * per_day} turns: day 10 {before}, day 30 {after}\n"
        + "\n".join(f"  {path.name} {path.stat().st_size}" for path in sorted(env.data.iterdir()))
        + "\n"
    )
    assert after.memory - before.memory < 300_000
    assert after.files < before.files * 1.5 + 100_000
    assert after.descriptors <= before.descriptors + 2
    assert all(env.item(n)["fields"]["title"].startswith("Turn") for n in range(1, SCENES + 1))


@pytest.mark.timeout(180)
def test_a_month_leaves_no_trace(env: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, descriptors and all files are as large on day 30 as on day 10."""
    month(env, monkeypatch, hours=8.0, seed=7)
    assert env.query("SELECT count(*) AS kept FROM history")[0]["kept"] <= 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_soak_a_month_of_hours(
    env: Installation, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Long mode: the same with a turn each hour and a half."""
    month(env, monkeypatch, hours=0.8, seed=seed)


def test_a_database_that_was_large_gives_its_space_back(tmp_path: Path) -> None:
    """After 30,000 rows came and went, a calm moment shrinks the file, and keeps what is left."""
    with contextlib.closing(Store(str(tmp_path / "data"))) as store:
        path = tmp_path / "data" / "plexsync.sqlite"
        with store.transaction() as connection:
            enqueue(connection, "scene", range(1, 30_001), now=1.0)
        store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        large = path.stat().st_size
        with store.transaction() as connection:
            connection.execute("DELETE FROM dirty WHERE id > 10")
        Maintenance(store, pytest.fail).run()
        assert path.stat().st_size < large / 5
        assert sum(queue.counts(store.connection).values()) == 10
