"""The whole library: "Sync all to Plex" against its own requests, and how it grows."""

from __future__ import annotations

import compileall
import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.demo_report import count
from simulator.environment import Environment, env
from tools.bench_replay import Asked, recorded, replay
from tools.bench_row import Row, counted, paired
from tools.bench_scene import AGREED

#: Megabytes that the worker may take for a library of a hundred thousand.
MEMORY: Final = 120
#: Scenes from which on requests for each have their goal where covers are sent.
FEW: Final = 300
#: Changed scenes for which the time has its goal.
PROMISED: Final = 10_000
TEXTS: Final = "title, sort_title, studio, summary, date, rating, performers, director, tags"


@dataclass(frozen=True, slots=True)
class Sync:
    """One "Sync all to Plex": its seconds, its Plex requests, and peak memory in megabytes."""

    took: float
    requests: int
    writes: int
    connections: int
    worker_peak: float
    task_peak: float
    said: str


def changed_rows(folder: Path, runs: Sequence[tuple[int, float, int]]) -> Iterator[Row]:
    """Measure and give the rows about scenes that all differ in their texts.

    Pictures are left out: a new one costs its own requests, whatever the rest costs. Runs are
    scenes, the milliseconds that Plex thinks about every request, and how many pairs of a sync
    and its replay.
    """
    for size, latency, pairs in runs:
        syncs, plex_only, both = [], [], []
        for number in range(pairs):
            place = folder / f"changed-{size}-{latency:g}-{number}"
            with env(place, size, sync_fields=TEXTS) as built:
                built.plex.latency(latency)
                # What the first run after an update pays is no matter of scenes.
                compileall.compile_dir(built.plugin_dir, quiet=1)
                sync = sync_all(built)
                asked = recorded(built)
                to_plex = [one for one in asked if one.server == built.plex.url]
                both.append(_replayed(built, asked, latency))
                plex_only.append(_replayed(built, to_plex, latency))
                syncs.append(sync)
        took = [sync.took for sync in syncs]
        yield paired(
            f"{size:,} changed, Plex at {latency:g} ms : requests replayed",
            took,
            both,
            # The promise is about many: of few, starting task and worker is half.
            (1.1 if latency else 1.5) if size >= PROMISED else None,
            remark=f"{size / took[0]:.0f} scenes a second; "
            f"{count(syncs[0].connections, 'connection')} to Plex",
        )
        yield paired("  the same : only those to Plex replayed", took, plex_only)
        per_scene = max(sync.requests for sync in syncs) / size
        yield counted("  Plex requests for each", round(per_scene, 4), 1.2)


def picture_rows(folder: Path, sizes: Sequence[int]) -> Iterator[Row]:
    """Measure and give the rows about texts and pictures together, by scenes of one library."""
    for size in sizes:
        with env(folder / f"pictures-{size}", size) as built:
            first, second = sync_all(built), sync_all(built)
        what = f"{size:,} changed, with pictures: Plex requests for each"
        if size >= FEW:
            yield counted(what, round(first.requests / size, 3), 3.1)
        else:  # the pages and the first looks weigh too much
            yield Row(what, f"{first.requests / size:.2f}")
        yield counted("  requests when nothing changed since", second.requests, size / 200 + 10)
        yield Row("  seconds, first look / next look", *_both(first, second))
        yield Row("  worker's peak memory", f"{second.worker_peak:.0f} MB")


def growth_rows(folder: Path, sizes: Sequence[int], largest: int) -> Iterator[Row]:
    """Measure and give the rows about scenes in which both sides agree, smallest library first.

    ``largest`` is the size at which the worker's memory has its goal.
    """
    before: tuple[int, Sync, Sync] | None = None
    for size in sizes:
        with env(
            folder / f"growth-{size}", size, plex={"matched": True}, sync_fields=AGREED
        ) as built:
            first = sync_all(built)
            second = sync_all(built)
            built.plex.latency(5.0)
            slow = sync_all(built)
        yield counted(f"{size:,} unchanged scenes: Plex requests", second.requests, size / 200 + 10)
        yield counted("  the same, Plex at 5 ms", slow.requests, size / 200 + 10)
        yield counted("  writes", first.writes + second.writes + slow.writes, 0)
        if before is None:
            yield Row("  seconds, first look / next look", *_both(first, second))
        else:
            smaller, *their = before
            for name, now, then in (
                ("first", first, their[0]),
                ("next", second, their[1]),
            ):
                yield paired(
                    f"  {name} look, each of {size:,} : of {smaller:,}",
                    [now.took / size],
                    [then.took / smaller],
                    show=lambda value: f"{value * 1e6:.0f} us",
                    remark=f"{now.took:.1f} s, {now.requests} Plex requests",
                )
        peak = max(first.worker_peak, second.worker_peak)
        task = max(first.task_peak, second.task_peak)
        what = f"  worker's peak memory (the task's: {task:.0f} MB)"
        if size == largest:
            yield counted(what, round(peak), MEMORY, unit=" MB")
        else:
            yield Row(what, f"{peak:.0f} MB")
        before = (size, first, second)


def sync_all(built: Environment) -> Sync:
    """Run the task "Sync all to Plex" to its end and look at what it took.

    Raises:
        RuntimeError: It failed, or scenes failed in it.
    """
    built.plex.clear_requests()
    built.stash.clear_requests()
    with _watching(built) as peaks:
        run = built.run_task(seconds=3000.0)
    said = str(run["output"])
    if " 0 not in Plex yet, 0 failed" not in said:
        raise RuntimeError(f"the sync did not go as it should: {said}")
    counts = built.plex.counts()
    return Sync(
        float(run["seconds"]),
        counts["reads"] + counts["writes"],
        counts["writes"],
        counts["connections"],
        max((_peak(pid) for pid in built.workers()), default=0.0),
        peaks.get(int(run["pid"]), 0.0),
        said,
    )


def _replayed(built: Environment, asked: Sequence[Asked], latency: float) -> float:
    """Replay on a Plex that is as it was at the start, as slow as it was in milliseconds."""
    built.plex.reset()
    built.plex.latency(latency)
    return replay(asked)


def _both(first: Sync, second: Sync) -> tuple[str, str]:
    return f"{first.took:.2f} s", f"{second.took:.2f} s"


@contextlib.contextmanager
def _watching(built: Environment) -> Iterator[dict[int, float]]:
    """Note the peak memory of the newest plugin process by its id, while the block runs."""
    peaks: dict[int, float] = {}
    over = threading.Event()

    before = len(built.stash.runs())

    def watch() -> None:
        # The run is asked for once: the answer holds its whole log, and Stash has better to do.
        while not (pids := [int(run["pid"]) for run in built.stash.runs(before) if run["pid"]]):
            if over.wait(0.1):
                return
        while not over.wait(0.2):
            if peak := _peak(pids[0]):
                peaks[pids[0]] = peak

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peaks
    finally:
        over.set()
        thread.join()


def _peak(pid: int) -> float:
    """Most memory that a process ever had, in megabytes; 0 where it is not told."""
    try:
        told = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", told)
    return int(found[1]) / 1024 if found else 0.0
