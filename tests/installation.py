"""A whole installation for tests: Stash with the plugin, Plex, and what lies between.

Everything is real but the two servers' insides: processes, sockets, the hook's
stdin, the SQLite file. The plugin is copied from its rooms as a release would,
so that nothing of the repo leaks in.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.control import PlexControl, start_plex
from simulator.control_stash import StashControl, start_stash
from simulator.demo_environment import copy_plugin
from simulator.library import catalogue_file
from store import inbox
from worker.launcher import TASK_LOCK, WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PATH_MAP = "/stash/media => /plex/media"


def wait_for(what: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait until ``what`` gives something true, and give that; fail after ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > end:
            message = f"nothing came of it within {seconds} s"
            raise AssertionError(message)
        time.sleep(0.02)


@dataclass
class Installation:
    """Stash and Plex stand-ins with the plugin between them."""

    stash: StashControl
    plex: PlexControl
    config_dir: Path
    plugin_dir: Path

    @property
    def data(self) -> Path:
        """The plugin's data directory."""
        return self.config_dir / "plexsync-data"

    def settings(self, **changes: Any) -> None:
        """Store the plugin's settings as the settings page does: the whole map."""
        values = {"plex_url": self.plex.url, "plex_token": self.plex.token, "path_map": PATH_MAP}
        self.stash.settings("PlexSync", {**values, **changes})

    def save(self, scene: int, **fields: Any) -> None:
        """Save a scene as the edit form does; returns when its hook has returned."""
        self.stash.graphql(
            "mutation($input: SceneUpdateInput!){sceneUpdate(input:$input){id}}",
            input={"id": str(scene), **fields},
        )

    def item(self, scene: int) -> dict[str, Any]:
        """Give Plex's item of a catalogue scene."""
        return self.plex.item_at(catalogue_file(scene).plex_path)

    def title_becomes(self, scene: int, title: str, seconds: float = 30.0) -> None:
        """Wait until Plex shows a title."""
        wait_for(lambda: self.item(scene)["fields"].get("title") == title, seconds)

    def rows(self) -> list[dict[str, Any]]:
        """Give the dirty rows."""
        return self.query("SELECT * FROM dirty")

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Read from the store; nothing is in one whose tables are not made yet.

        What a hook left in the inbox is in the store in no time, if a worker lives.
        """
        with contextlib.suppress(AssertionError):
            wait_for(lambda: not inbox.holds_anything(str(self.data)), 1.0)
        path = self.data / "plexsync.sqlite"
        if not path.exists():
            return []
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
            store.row_factory = sqlite3.Row
            # The file is there before its tables, which come in one transaction with this.
            if not store.execute("PRAGMA user_version").fetchone()[0]:
                return []
            return [dict(row) for row in store.execute(sql, values)]

    def settled(self, seconds: float = 30.0) -> None:
        """Wait until nothing is left to look at."""
        wait_for(lambda: not self.rows(), seconds)

    def at_rest(self) -> None:
        """Start the worker, without a scene for it, and wait until it has looked around.

        Its first look marks what changed since the store was begun, so it would
        come in between the steps of a test that has just changed its scenes.
        """
        self.hook(987_654)
        wait_for(lambda: self.query("SELECT 1 FROM meta WHERE key = 'sweep'"))
        self.settled()

    def log(self) -> str:
        """Give the worker's log."""
        path = self.data / "plexsync.log"
        return path.read_text() if path.exists() else ""

    def crash(self) -> str:
        """Give what a worker wrote to its stderr."""
        path = self.data / "worker-crash.log"
        return path.read_text() if path.exists() else ""

    def workers(self) -> list[int]:
        """Give the process ids of this installation's workers."""
        found = []
        for process in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes().split(b"\0")
                if b"worker" in command and os.fsencode(self.data) in command:
                    state = (process / "stat").read_text().rpartition(")")[2].split()[0]
                    if state != "Z":
                        found.append(int(process.name))
        return found

    def kill_workers(self) -> int:
        """SIGKILL every worker; give how many there were."""
        killed: set[int] = set()

        def are_gone() -> bool:
            # Again and again: one that is just becoming another shows no command.
            found = self.workers()
            for process in found:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            killed.update(found)
            return not found

        wait_for(are_gone)
        return len(killed)

    def worker_lives(self) -> bool:
        """Say whether the kernel lock is held."""
        return self.data.is_dir() and ProcessLock(str(self.data), WORKER_LOCK).is_held()

    def task_lives(self) -> bool:
        """Say whether a task holds its lock."""
        return self.data.is_dir() and ProcessLock(str(self.data), TASK_LOCK).is_held()

    def payload(self, **arguments: Any) -> bytes:
        """Give the bytes Stash would write to the plugin's stdin."""
        connection = {
            "Scheme": "http",
            "Host": "127.0.0.1",
            "Port": self.stash.port,
            "SessionCookie": {"Name": "session", "Value": self.stash.cookie()},
            "Dir": str(self.config_dir),
            "PluginDir": str(self.plugin_dir),
        }
        return json.dumps({"server_connection": connection, "args": arguments}).encode()

    def run(self, **arguments: Any) -> dict[str, Any]:
        """Run the plugin once with these arguments, without Stash around it."""
        done = subprocess.run(
            [sys.executable, "-S", str(self.plugin_dir / "plexsync.py")],
            input=self.payload(**arguments),
            capture_output=True,
            check=True,
            timeout=120,
        )
        answer: dict[str, Any] = json.loads(done.stdout)
        answer["stderr"] = done.stderr.decode()
        return answer

    def hook(self, scene: int, event: str = "Scene.Update.Post", **more: Any) -> dict[str, Any]:
        """Run one hook without Stash around it."""
        return self.run(hookContext={"id": scene, "type": event, "input": None, **more})


@contextlib.contextmanager
def installation(
    folder: Path,
    scenes: int = 10,
    *,
    plex: dict[str, Any] | None = None,
    stash: dict[str, Any] | None = None,
    **settings: Any,
) -> Iterator[Installation]:
    """A fresh installation, configured, and gone with all its workers afterwards."""
    config_dir = folder / "stash"
    plugin_dir = copy_plugin(config_dir / "plugins" / "PlexSync")
    with (
        start_plex(scenes, **(plex or {})) as plex_control,
        start_stash(
            scenes, plugin_dir=config_dir / "plugins", config_dir=config_dir, **(stash or {})
        ) as stash_control,
    ):
        env = Installation(stash_control, plex_control, config_dir, plugin_dir)
        env.settings(**settings)
        try:
            yield env
        finally:
            env.kill_workers()
