"""Both stand-ins with the plugin between them, for the demo, the benchmark and the tests.

The plugin's files are copied into a plugins folder as a release is unpacked, and
the Stash stand-in hosts them: what runs is the exec of PlexSync.yml.
"""

from __future__ import annotations

import atexit
import compileall
import contextlib
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from simulator.control import ROOT, PlexControl, StashControl, start_plex, start_stash
from simulator.library import PLEX_ROOT, STASH_ROOT, catalogue_file
from store import inbox
from tools.package import TOP, rooms

PLUGIN: Final = "PlexSync"
PATH_MAP: Final = f"{STASH_ROOT} => {PLEX_ROOT}"
SYNC_ALL: Final = "Sync all to Plex"
_SAVE: Final = "mutation Save($input: SceneUpdateInput!) { sceneUpdate(input: $input) { id } }"
_RUN_TASK: Final = (
    "mutation Run($p: ID!, $t: String!) { runPluginTask(plugin_id: $p, task_name: $t) }"
)
_JOB: Final = "query Job($id: ID!) { findJob(input: { id: $id }) { status error } }"

#: Seconds between two looks at something that is waited for: at first, and in the end.
SOON: Final = 0.005
SELDOM: Final = 0.05

_Found = TypeVar("_Found")


class TooLongError(AssertionError):
    """Something that should have happened by itself did not happen in time."""


def wait_for(
    what: Callable[[], _Found | None], seconds: float = 30.0, *, step: float | None = None
) -> _Found:
    """Look until ``what`` gives something true within ``seconds``, and give that.

    Without a ``step`` the seconds between two looks are a tenth of the wait so far: who
    looks all the time takes the processor from those that are waited for.
    """
    began = time.monotonic()
    while not (found := what()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise TooLongError(f"nothing came of it within {seconds:.0f} s")
        time.sleep(step or min(max(waited / 10, SOON), SELDOM))
    return found


@dataclass
class Environment:
    """Stash and Plex, and the plugin in ``plugin_dir``; Stash's own folder is ``config_dir``."""

    stash: StashControl
    plex: PlexControl
    config_dir: Path
    plugin_dir: Path

    @property
    def data(self) -> Path:
        """The plugin's data directory; it exists once a hook or a task ran."""
        return self.config_dir / "plexsync-data"

    def settings(self, **changes: Any) -> None:
        """Store the plugin's settings as the settings page does: the whole map."""
        known = {"plex_url": self.plex.url, "plex_token": self.plex.token, "path_map": PATH_MAP}
        self.stash.settings(PLUGIN, {**known, **changes})

    def save(self, scene: int, **values: Any) -> float:
        """Save values of ``SceneUpdateInput`` as Stash's form does; give the seconds it waited."""
        began = time.monotonic()
        self.stash.graphql(_SAVE, input={"id": str(scene), **values})
        return time.monotonic() - began

    def item(self, scene: int) -> dict[str, Any]:
        """Plex's item of a catalogue scene."""
        return self.plex.item_at(catalogue_file(scene).plex_path)

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read from the store; nothing is in one whose tables are not made yet.

        What a hook left in the inbox is in the store in no time, if a worker lives.
        """
        with contextlib.suppress(TooLongError):
            wait_for(lambda: not inbox.holds_anything(str(self.data)), 1.0, step=0.002)
        path = self.data / "plexsync.sqlite"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            # The file is there before its tables, which come in one transaction with this.
            if not store.execute("PRAGMA user_version").fetchone()[0]:
                return []
            return [dict(row) for row in store.execute(sql, values)]

    def waiting(self) -> int:
        """How many things the worker has still to look at."""
        counted = self.query("SELECT count(*) AS things FROM dirty")
        return int(counted[0]["things"]) if counted else 0

    def settled(self, seconds: float = 60.0) -> None:
        """Wait until the worker has nothing left to look at."""
        wait_for(lambda: self.waiting() == 0, seconds)

    def calm(self, quiet: float = 0.5, seconds: float = 30.0) -> None:
        """Wait until the worker has nothing to look at, and asks nobody for ``quiet`` seconds.

        A worker that has just started looks around by itself after its first scenes.
        """
        self.settled(seconds)
        asked, since = (0, 0), time.monotonic()

        def is_calm() -> bool:
            nonlocal asked, since
            now = (self.stash.counts()["total"], self.plex.counts()["total"])
            if now != asked:
                asked, since = now, time.monotonic()
            return time.monotonic() - since >= quiet

        wait_for(is_calm, seconds, step=0.02)

    def log(self) -> str:
        """The worker's log."""
        path = self.data / "plexsync.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def worker_log(self) -> list[str]:
        """Lines of the worker's log, without their times."""
        return [line.partition(" ")[2] for line in self.log().splitlines()]

    def run_task(self, name: str = SYNC_ALL, *, seconds: float = 600.0) -> dict[str, Any]:
        """Run a task from Stash's queue to its end; give the run (output, seconds, pid...).

        Raises:
            RuntimeError: It failed; the text is Stash's.
        """
        job = self.stash.graphql(_RUN_TASK, p=PLUGIN, t=name)["runPluginTask"]

        def ended() -> dict[str, Any]:
            found: dict[str, Any] = self.stash.graphql(_JOB, id=job)["findJob"]
            return found if found["status"] in {"FINISHED", "FAILED", "CANCELLED"} else {}

        end = wait_for(ended, seconds, step=0.05)
        run = self.stash.runs()[-1]
        if end["status"] != "FINISHED" or run["error"]:
            raise RuntimeError(f"the task {name!r} {end['status']}: {run['error'] or end['error']}")
        return run

    def payload(self, **arguments: Any) -> bytes:
        """What Stash writes to the plugin's stdin to have it run with these arguments."""
        folders = {"Dir": str(self.config_dir), "PluginDir": str(self.plugin_dir)}
        link = {**self.stash.link(), **folders}
        return json.dumps({"server_connection": link, "args": arguments}).encode()

    def hook_input(self, scene: int) -> bytes:
        """What Stash writes to the stdin of the hook that follows a save."""
        given = {"id": scene, "type": "Scene.Update.Post", "input": {"id": str(scene)}}
        return self.payload(hookContext=given)

    def workers(self) -> list[int]:
        """Process ids of this environment's workers."""
        wanted = str(self.data)
        return [
            pid
            for pid, command in _processes()
            if wanted in command and "plexsync.py" in command and " worker " in command
        ]

    def kill_workers(self) -> int:
        """SIGKILL every worker, which may happen to it at any moment; give how many there were."""
        killed: set[int] = set()

        def are_gone() -> bool:
            # Again and again: one that is just becoming another shows no command.
            found = self.workers()
            for pid in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            killed.update(found)
            return not found

        wait_for(are_gone)
        return len(killed)


def copy_plugin(target: Path, source: Path = ROOT) -> Path:
    """Put a checkout's plugin into a new folder as a release does; give the folder.

    With what Python compiles of it: where it may write nothing, as under ``make test``, each
    worker would spend half a second on that.
    """
    target.mkdir(parents=True)
    _copy_sources(target, source)
    for cache in _compiled(source).rglob("__pycache__"):
        shutil.copytree(cache, target / cache.relative_to(_compiled(source)))
    return target


def _copy_sources(target: Path, source: Path) -> None:
    # With their times: what is compiled holds for a source of that time and size only.
    for name in ("PlexSync.yml", *TOP):
        shutil.copy2(source / name, target / name)
    for room in rooms(source):
        shutil.copytree(source / room, target / room, ignore=shutil.ignore_patterns("__pycache__"))


@functools.cache
def _compiled(source: Path) -> Path:
    """Give a folder with the plugin's files compiled, made once in a process and gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="plexsync-compiled-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _copy_sources(folder, source)
    compileall.compile_dir(folder, quiet=2)
    return folder


@contextlib.contextmanager
def env(
    folder: Path,
    scenes: int = 10,
    *,
    plex: dict[str, Any] | None = None,
    stash: dict[str, Any] | None = None,
    source: Path = ROOT,
    **settings: Any,
) -> Iterator[Environment]:
    """A fresh installation in ``folder``, which stays behind; everything has ended afterwards.

    Args:
        folder: An empty or missing one.
        scenes: Scenes of the shared catalogue on both sides.
        plex: Options of ``start_plex``.
        stash: Options of ``start_stash``.
        source: The checkout whose plugin it is.
        settings: Beyond the address, token and path map.
    """
    config_dir = folder / "stash"
    plugin_dir = copy_plugin(config_dir / "plugins" / PLUGIN, source)
    hosted = {"plugin_dir": config_dir / "plugins", "config_dir": config_dir, **(stash or {})}
    with start_plex(scenes, **(plex or {})) as media, start_stash(scenes, **hosted) as organiser:
        built = Environment(organiser, media, config_dir, plugin_dir)
        built.settings(**settings)
        try:
            yield built
        finally:
            built.kill_workers()


def _processes() -> Iterator[tuple[int, str]]:
    """Process id and command line of everything that runs; a zombie has no command line."""
    if not Path("/proc/self/cmdline").exists():
        listed = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
        )
        for line in listed.stdout.splitlines():
            pid, _, command = line.strip().partition(" ")
            yield int(pid), command
        return
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                yield int(entry.name), os.fsdecode(words)
