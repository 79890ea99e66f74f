"""A whole installation for tests: the demo's, with the means of a test around it.

Everything is real but the two servers' insides: processes, sockets, the hook's
stdin, the SQLite file. The plugin is copied from its rooms as a release would,
so that nothing of the repo leaks in.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal

import pytest

from simulator.control import ROOT
from simulator.environment import Environment, copy_plugin, wait_for
from simulator.environment import env as environment
from worker.launcher import TASK_LOCK, WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "ROOT",
    "Installation",
    "installation",
    "own_installation",
    "renewed_installation",
    "shared_installation",
    "wait_for",
]


class Installation(Environment):
    """Stash and Plex stand-ins with the plugin between them."""

    def title_becomes(self, scene: int, title: str, seconds: float = 30.0) -> None:
        """Wait until Plex shows a title."""
        wait_for(lambda: self.item(scene)["fields"].get("title") == title, seconds)

    def rows(self) -> list[dict[str, Any]]:
        """Give the dirty rows."""
        return self.query("SELECT * FROM dirty")

    def fill(self, rows: list[tuple[Any, ...]]) -> None:
        """Put rows (id, due_at, reason, message) into the queue behind the worker's back."""
        path = self.data / "plexsync.sqlite"
        with contextlib.closing(sqlite3.connect(path, timeout=30)) as store:
            store.executemany(
                "INSERT OR REPLACE INTO dirty (kind, id, revision, urgency, due_at, attempts, "
                "reason, message, marked_at) VALUES ('scene', ?1, ?1, 0, ?2, 1, ?3, ?4, 0)",
                rows,
            )
            store.commit()

    def at_rest(self) -> None:
        """Start the worker, without a scene for it, and wait until it has looked around.

        Its first look marks what changed since the store was begun, so it would
        come in between the steps of a test that has just changed its scenes.
        """
        self.hook(987_654)
        wait_for(lambda: self.query("SELECT 1 FROM meta WHERE key = 'sweep'"))
        self.settled()

    def patience(self, file: str, name: str, seconds: float | tuple[float, ...]) -> None:
        """Let processes that start from now on have another patience: a constant of a module."""
        path = self.plugin_dir / file
        text = path.read_text(encoding="utf-8")
        changed, times = re.subn(rf"(?m)^{name} = .+$", f"{name} = {seconds}", text)
        assert times == 1, f"{file} has no {name}"
        path.write_text(changed, encoding="utf-8")

    def renew(self, **settings: Any) -> None:
        """Be as when it was new, but for what was changed in Stash: both stand-ins stay."""
        wait_for(lambda: not self.task_lives())
        self.kill_workers()
        if self.data.is_symlink():
            self.data.unlink()
        shutil.rmtree(self.data, ignore_errors=True)
        shutil.rmtree(self.plugin_dir)
        copy_plugin(self.plugin_dir)
        self.plex.reset()
        self.stash.clear_faults()
        self.stash.clear_requests()
        self.settings(**settings)

    def crash(self) -> str:
        """Give what a worker wrote to its stderr."""
        path = self.data / "worker-crash.log"
        return path.read_text() if path.exists() else ""

    def worker_lives(self) -> bool:
        """Say whether the kernel lock is held."""
        return self.data.is_dir() and ProcessLock(str(self.data), WORKER_LOCK).is_held()

    def task_lives(self) -> bool:
        """Say whether a task holds its lock."""
        return self.data.is_dir() and ProcessLock(str(self.data), TASK_LOCK).is_held()

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

    def start(
        self, *, stderr: int = subprocess.DEVNULL, **arguments: Any
    ) -> subprocess.Popen[bytes]:
        """Begin to run the plugin with these arguments; a pipe is its stdout, and no more comes."""
        process = subprocess.Popen(
            [sys.executable, "-S", str(self.plugin_dir / "plexsync.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )
        assert process.stdin
        process.stdin.write(self.payload(**arguments))
        process.stdin.close()
        process.stdin = None  # else ``communicate`` would write to it
        return process

    def hook(self, scene: int, event: str = "Scene.Update.Post", **more: Any) -> dict[str, Any]:
        """Run one hook without Stash around it."""
        return self.run(hookContext={"id": scene, "type": event, "input": None, **more})


@contextlib.contextmanager
def installation(folder: Path, scenes: int = 10, **options: Any) -> Iterator[Installation]:
    """A fresh installation, configured, and gone with all its workers afterwards.

    Args:
        folder: An empty or missing folder.
        scenes: Scenes of the shared catalogue on both sides.
        options: As for ``simulator.environment.env``: of the stand-ins, and settings.
    """
    with environment(folder, scenes, **options) as built:
        yield Installation(built.stash, built.plex, built.config_dir, built.plugin_dir)


def shared_installation(scenes: int = 10, **options: Any) -> Any:
    """Give the fixture of a file whose tests all have one ``installation``: ``env`` is its name."""
    return _fixture("module", scenes, options)


def own_installation(scenes: int = 10, **options: Any) -> Any:
    """Give the fixture of a file each of whose tests has an ``installation`` of its own."""
    return _fixture("function", scenes, options)


def renewed_installation(scenes: int = 10, **options: Any) -> Any:
    """Give the fixtures of a file each of whose tests has an ``installation`` as good as new.

    Both stand-ins are started once. They are named ``one_installation, env``.
    """
    settings = {name: options[name] for name in options.keys() - {"plex", "stash", "source"}}

    @pytest.fixture
    def env(one_installation: Installation) -> Installation:
        one_installation.renew(**settings)
        return one_installation

    return _fixture("module", scenes, options), env


def _fixture(scope: Literal["module", "function"], scenes: int, options: dict[str, Any]) -> Any:
    @pytest.fixture(scope=scope)
    def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
        with installation(tmp_path_factory.mktemp("env"), scenes, **options) as made:
            yield made

    return env
