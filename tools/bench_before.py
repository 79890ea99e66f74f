"""This build beside an earlier one, a checkout of it: the same work in turn, on like stand-ins."""

from __future__ import annotations

import compileall
import contextlib
import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from simulator.control import ROOT
from simulator.environment import Environment, env, wait_for
from simulator.library import STUDIOS, TAGS
from tools import bench_hook
from tools.bench_bulk import Sync, sync_all
from tools.bench_row import Row, counted, paired, percentile, seconds
from tools.bench_scene import AGREED

#: Things that change together, by kind.
THINGS: Final = {"studio": len(STUDIOS), "tag": len(TAGS), "performer": 500 - len(STUDIOS + TAGS)}
MEMORY: Final = 80
#: Seconds between two saves by hand, and up to twice that.
PAUSE: Final = 0.15


def hook_rows(folder: Path, before: Path, pairs: int) -> Iterator[Row]:
    """Measure and give the row about a hook whose worker is alive: pairs of hooks, in turn."""
    with _both(folder, before, 10) as builds:
        runners = [bench_hook.Runner(built, bench_hook.real_python()) for built in builds]
        took: list[list[float]] = [[], []]
        for built in builds:
            bench_hook.with_worker(built)
        for number in range(pairs + 2):
            for runner, values in zip(runners, took, strict=True):
                values.append(runner.hook(number % 10 + 1))
        mine, theirs = (values[2:] for values in took)  # the first two only warm up
    yield paired(f"{pairs} hooks in a row : the build before", mine, theirs, 0.55)


def changed_rows(folder: Path, before: Path, sizes: dict[int, int]) -> Iterator[Row]:
    """Measure and give the rows about a first "Sync all", which writes every item.

    The store is begun anew for each run, and what it came to is what history and undo cost.
    ``sizes`` are pairs of runs, by scenes.
    """
    for size, pairs in sizes.items():
        took: list[list[float]] = [[], []]
        stored: list[float] = []
        for number in range(pairs):
            with _both(folder / str(number), before, size) as builds:
                # Nobody is always first.
                order = (0, 1) if number % 2 == 0 else (1, 0)
                for one in order:
                    took[one].append(sync_all(builds[one]).took)
                stored = [_stored(built) / size for built in builds]
        yield paired(f"{size:,} changed scenes : the build before", took[0], took[1], 1.1)
        yield paired("  bytes of the database for each", stored[:1], stored[1:], show=_bytes)


def unchanged_rows(folder: Path, before: Path, sizes: dict[int, int]) -> Iterator[Row]:
    """Measure and give the rows about a "Sync all" that finds everything in step, as above."""
    for size, pairs in sizes.items():
        with _both(folder, before, size) as (ours, theirs):
            for built in (ours, theirs):
                sync_all(built)
                sync_all(built)
            runs = [(_timed(ours), _timed(theirs)) for _ in range(pairs)]
        mine = [run for (run, _), _ in runs]
        yield paired(
            f"{size:,} unchanged scenes : the build before",
            [one.took for one in mine],
            [run.took for _, (run, _) in runs],
            0.6,
        )
        yield paired(
            "  the worker's processor time, likewise",
            [spent for (_, spent), _ in runs],
            [spent for _, (_, spent) in runs],
        )
        yield counted("  Plex requests", max(one.requests for one in mine), size / 250 + 10)
        peak = max(one.worker_peak for one in mine)
        yield counted("  worker's peak memory", round(peak), MEMORY, unit=" MB")


def entity_rows(folder: Path, before: Path, size: int, edits: int) -> Iterator[Row]:
    """Measure and give the rows about five hundred things of so many scenes that change together.

    ``edits`` are saves by hand meanwhile.
    """
    with _both(folder, before, size) as (ours, theirs):
        for built in (ours, theirs):
            sync_all(built)
            built.calm(seconds=120.0)
        took, asked = [], []
        for built in (ours, theirs):
            built.plex.clear_requests()
            built.stash.clear_requests()
            took.append(_change_things(built))
            asked.append((built.stash.counts()["total"], built.plex.counts()))
        yield paired(f"500 things of {size:,} scenes : the build before", took[:1], took[1:])
        yield counted("  questions to Stash", asked[0][0], 500 / 100 + size / 500 + 10)
        yield counted("  requests to Plex", asked[0][1]["total"], size / 250 + 10)
        yield counted("  writes", asked[0][1]["writes"], 0)
        idle = [_save(ours, number) for number in range(edits)]
        busy: list[float] = []
        while len(busy) < edits:
            _mark_things(ours)
            while ours.waiting() and len(busy) < edits:
                busy.append(_save(ours, edits + len(busy)))
        late, calm = percentile(busy, 0.95), percentile(idle, 0.95)
        yield Row(
            f"  save -> visible meanwhile, p95 of {edits} : idle",
            seconds(late),
            seconds(calm),
            late / calm,
            goal="<= 1.5",
            holds=late <= 1.5 * calm,
            remark=f"medians {seconds(statistics.median(busy))} and "
            f"{seconds(statistics.median(idle))}",
        )


@contextlib.contextmanager
def _both(folder: Path, before: Path, size: int) -> Iterator[tuple[Environment, Environment]]:
    with ExitStack() as stack:
        builds = [
            stack.enter_context(
                env(
                    folder / f"{name}-{size}",
                    size,
                    plex={"matched": True},
                    source=source,
                    sync_fields=AGREED,
                )
            )
            for name, source in (("ours", ROOT), ("before", before))
        ]
        for built in builds:
            compileall.compile_dir(built.plugin_dir, quiet=1)
        yield builds[0], builds[1]


def _stored(built: Environment) -> int:
    """Bytes of the database, what is still to be moved into it included."""
    return sum(path.stat().st_size for path in built.data.glob("plexsync.sqlite*"))


def _bytes(value: float) -> str:
    return f"{value:,.0f} B"


def _timed(built: Environment) -> tuple[Sync, float]:
    before = _spent(built)
    return sync_all(built), _spent(built) - before


def _spent(built: Environment) -> float:
    """Processor seconds that the worker has used so far; 0 where that is not told."""
    total = 0.0
    for pid in built.workers():
        with contextlib.suppress(OSError, IndexError):
            told = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
            total += (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")
    return total


def _mark_things(built: Environment) -> None:
    """Mark five hundred things at once, as a sweep does; a hook of a scene wakes the worker."""
    with sqlite3.connect(built.data / "plexsync.sqlite", timeout=30) as store:
        (last,) = store.execute("SELECT value FROM meta WHERE key = 'sequence'").fetchone()
        store.execute("UPDATE meta SET value = value + 500 WHERE key = 'sequence'")
        numbered = [(kind, one + 1) for kind, count in THINGS.items() for one in range(count)]
        store.executemany(
            "INSERT OR REPLACE INTO dirty (kind, id, revision, urgency, marked_at) "
            "VALUES (?, ?, ?, 1, ?)",
            [(*one, last + place, time.time()) for place, one in enumerate(numbered, 1)],
        )


def _change_things(built: Environment) -> float:
    """Let five hundred things change; give the seconds until all their scenes were looked at."""
    began = time.perf_counter()
    _mark_things(built)
    built.stash.hook("Tag.Update.Post", 1)
    built.settled(600.0)
    return time.perf_counter() - began


def _save(built: Environment, number: int) -> float:
    """Save a scene by hand, after a while; give the seconds until Plex shows it."""
    scene, date = number % 50 + 1, f"19{number % 90 + 10}-01-{number % 28 + 1:02d}"
    # Saved at once after the last one, it would come before anything else is begun again.
    time.sleep(PAUSE * (1 + number % 10 / 10))
    began = time.perf_counter()
    built.save(scene, date=date)
    wait_for(partial(_shows, built, scene, date), 30.0, step=0.002)
    return time.perf_counter() - began


def _shows(built: Environment, scene: int, date: str) -> bool:
    return bool(built.item(scene)["fields"].get("originallyAvailableAt") == date)
