"""What a save in Stash pays: the hook's whole process against a bare interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Final

from simulator.environment import Environment, env, wait_for
from tools.bench_row import Row, counted, paired

#: The least that any hook in Python with a durable queue has to pay.
BARE: Final = ("-c", "import json, sqlite3")
BARE_WITHOUT_SITE: Final = ("-S", *BARE)
#: What no hook in Python can be faster than.
FLOOR: Final = ("-S", "-I", "-c", "pass")


class Runner:
    """Runs the hook, and what it is compared with, the same way: files for pipes, a bare wait."""

    def __init__(self, built: Environment, python: str) -> None:
        self.env = built
        self.python = python
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        self._bare_environment = kept
        # Stash puts the plugins folder on the path of every plugin.
        self._environment = {**kept, "PYTHONPATH": str(built.plugin_dir.parent)}
        self._folder = built.config_dir.parent

    def bare(self, arguments: Sequence[str] = BARE) -> float:
        """Seconds that an interpreter takes from being started to having ended."""
        return self._timed([self.python, *arguments], self._bare_environment, Path(os.devnull))

    def hook(self, scene: int) -> float:
        """Seconds that a scene's hook takes, likewise.

        Raises:
            RuntimeError: The hook said that it could not do its work.
        """
        given = self._folder / f"hook-{scene}.json"
        if not given.exists():
            given.write_bytes(self.env.hook_input(scene))
        entry = str(self.env.plugin_dir / "plexsync.py")
        return self._timed([self.python, "-S", entry], self._environment, given)

    def operation(self, mode: str, **arguments: Any) -> float:
        """Seconds that an operation of the page takes, likewise."""
        given = self._folder / f"{mode}.json"
        given.write_bytes(self.env.payload(mode=mode, **arguments))
        entry = str(self.env.plugin_dir / "plexsync.py")
        return self._timed([self.python, "-S", entry], self._environment, given)

    def _timed(self, command: list[str], environment: dict[str, str], given: Path) -> float:
        with given.open("rb") as stdin, tempfile.TemporaryFile() as stdout:
            began = time.perf_counter()
            process = subprocess.Popen(
                command,
                stdin=stdin,
                stdout=stdout,
                stderr=subprocess.DEVNULL,  # reminders for Stash's log
                env=environment,
                cwd=self._folder,
            )
            status = process.wait()
            took = time.perf_counter() - began
            stdout.seek(0)
            said = stdout.read()
        if status != 0 or b'"error"' in said:
            raise RuntimeError(f"{command[1:]} ended with {status}: {said.decode()}")
        return took


def real_python() -> str:
    """The interpreter's own file: what a virtual environment's link leads to."""
    return os.path.realpath(sys.executable)


def rows(
    folder: Path, pairs: int, many: int, starts: int, crowd: int, at_once: int
) -> Iterator[Row]:
    """Measure and give the rows about the hook.

    ``pairs`` are interleaved, of hook and bare interpreter; ``many`` hooks run one after
    another; a worker is started ``starts`` times; of a crowd some run at once.
    """
    with env(folder / "hook", max(crowd, 10)) as built:
        yield from _alone(built, pairs)
        yield from _one_after_another(built, many)
        yield from _starting(built, starts)
        yield from _crowd(built, crowd, at_once)


def _alone(built: Environment, pairs: int) -> Iterator[Row]:
    """One hook at a time, a worker alive, nothing to do for it between two hooks."""
    with_worker(built)
    runner = Runner(built, real_python())

    def one_hook() -> float:
        took = runner.hook(1)
        built.settled()
        return took

    ways: list[Callable[[], float]] = [
        one_hook,
        runner.bare,
        Runner(built, sys.executable).bare,
        partial(runner.bare, BARE_WITHOUT_SITE),
        partial(runner.bare, FLOOR),
    ]
    took: list[list[float]] = [[] for _ in ways]
    for number in range(pairs + 2):
        # Nobody is always first, and the first two rounds only warm up.
        for way in (*range(number % 5, 5), *range(number % 5)):
            seconds = ways[way]()
            if number > 1:
                took[way].append(seconds)
    ours, bare, clean, without_site, floor = took
    what = f"hook, whole process, {pairs} pairs"
    yield paired(f"{what} : python -c import...", ours, bare, 1.2)
    yield paired("  the same : python of an environment, -c import...", ours, clean, 1.2)
    yield paired("  the same : python -S -c import...", ours, without_site)
    yield paired("  the same : python -S -I -c pass, the floor", ours, floor, 1.8)


def _one_after_another(built: Environment, many: int) -> Iterator[Row]:
    """Hooks as Stash runs them after a bulk edit: each when the one before has ended."""
    with_worker(built)
    runner = Runner(built, real_python())
    ours, floor = [], []
    for number in range(1, many + 1):
        ours.append(runner.hook(number % 10 + 1))
        floor.append(runner.bare(FLOOR))
    what = f"{many:,} hooks one after another, as a bulk edit in Stash runs them : the floor"
    yield paired(what, [sum(ours)], [sum(floor)])
    built.settled(600.0)


def _starting(built: Environment, starts: int) -> Iterator[Row]:
    """Hooks that find no worker, and how long a save then takes to be seen in Plex."""
    # This interpreter, not the bare one: the worker needs the packages.
    runner = Runner(built, sys.executable)
    ours, bare = [], []
    for _ in range(starts):
        built.kill_workers()
        ours.append(runner.hook(1))
        built.settled()
        bare.append(runner.bare())
    yield paired("  hook that also starts the worker", ours, bare)


def _crowd(built: Environment, crowd: int, at_once: int) -> Iterator[Row]:
    """Many hooks at once, while Plex is away, so that the worker does not compete with them."""
    with_worker(built)
    runner = Runner(built, real_python())
    built.plex.fault("maintenance", times=None)
    runner.hook(1)
    wait_for(lambda: built.plex.counts()["total"] > 1, 10.0)
    ours, bare = [], []
    with ThreadPoolExecutor(at_once) as pool:
        for _ in range(3):
            ours.append(
                _wall(pool, [partial(runner.hook, number) for number in range(1, crowd + 1)])
            )
            bare.append(_wall(pool, [runner.bare] * crowd))
    yield paired(f"{crowd} hooks, {at_once} at once", ours, bare)
    yield counted("  marks of them that are missing", crowd - built.waiting(), 0)


def _wall(pool: ThreadPoolExecutor, turns: Sequence[Callable[[], object]]) -> float:
    began = time.perf_counter()
    for done in [pool.submit(turn) for turn in turns]:
        done.result()
    return time.perf_counter() - began


def with_worker(built: Environment) -> None:
    """See that a worker lives and has nothing to do."""
    built.save(1, title="The first of all")
    built.calm()
