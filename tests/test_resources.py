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
from tests.hand import Hand
from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 8
DAY = 86400.0


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation; its workers are the tests'."""
    with installation(tmp_path_factory.mktemp("month"), scenes=SCENES) as running:
        yield running


@dataclass(frozen=True)
class Footprint:
    """What a worker takes at one moment: bytes of memory and of files, and descriptors."""

    memory: int
    files: int
    descriptors: int


def footprint(town: Installation) -> Footprint:
    """Measure this process and the data directory."""
    gc.collect()
    return Footprint(
        tracemalloc.get_traced_memory()[0],
        sum(path.stat().st_size for path in town.data.iterdir()),
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - a count
    )


def live(hand: Hand, turns: int, hours: float, dice: random.Random) -> None:
    """Let time pass, with edits, days on which Plex is down, and hours without Stash."""
    town, resident = hand.town, hand.resident
    for turn in range(turns):
        hand.late += hours * 3600
        away = dice.random()
        if away < 0.15:
            town.plex.fault("status", status=503, times=None)
        elif away < 0.25:
            town.stash.fault("status", status=502, times=None)
        scene = dice.randint(1, SCENES)
        words = " ".join(f"{dice.random():.12f}" for _ in range(20))
        town.stash.set_scene(scene, title=f"Turn {turn}", details=words)
        hand.hook(scene)
        for _ in range(6):  # what a real one does between two sleeps
            hand.drain()
            if not (resident.breaker.lets_pass() and resident._look_for_changes()):
                resident.maintenance.run()
            hand.late += 400
        town.plex.clear_faults()
        town.stash.clear_faults()
        town.plex.clear_requests()
        town.stash.clear_requests()
    hand.late += DAY
    hand.drain()


def month(town: Installation, monkeypatch: pytest.MonkeyPatch, *, hours: float, seed: int) -> None:
    """Live for thirty days; compare the last with the tenth."""
    # As small as the month is short, so that what is bounded reaches its bound in time.
    monkeypatch.setattr(history, "KEPT", 40)
    monkeypatch.setattr(history, "BATCH", 10)
    monkeypatch.setattr(log, "SIZE", 10_000)
    dice = random.Random(seed)
    hand = Hand(town)
    per_day = round(24 / (hours + 0.7))
    tracemalloc.start()
    try:
        live(hand, 10 * per_day, hours, dice)
        before = footprint(town)
        live(hand, 20 * per_day, hours, dice)
        after = footprint(town)
    finally:
        tracemalloc.stop()
        hand.resident.close()
        hand.lock.release()
    sys.stdout.write(
        f"\nseed {seed}, {30 * per_day} turns: day 10 {before}, day 30 {after}\n"
        + "\n".join(f"  {path.name} {path.stat().st_size}" for path in sorted(town.data.iterdir()))
        + "\n"
    )
    assert after.memory - before.memory < 300_000
    assert after.files < before.files * 1.5 + 100_000
    assert after.descriptors <= before.descriptors + 2
    assert all(town.item(n)["fields"]["title"].startswith("Turn") for n in range(1, SCENES + 1))


@pytest.mark.timeout(180)
def test_a_month_leaves_no_trace(town: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory, descriptors and all files are as large on day 30 as on day 10."""
    month(town, monkeypatch, hours=8.0, seed=7)
    assert town.query("SELECT count(*) AS kept FROM history")[0]["kept"] <= 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", [1, 2])
def test_soak_a_month_of_hours(
    town: Installation, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Long mode: the same with a turn each hour and a half."""
    month(town, monkeypatch, hours=0.8, seed=seed)


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
