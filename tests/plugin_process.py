"""Run plexsync.py once, as Stash would, with nothing around it but a data directory."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.launcher import WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "tests" / "data" / "stash" / "stdin"
COMMAND = [sys.executable, "-S", str(ROOT / "plexsync.py")]


def connection(folder: Path, **changes: Any) -> dict[str, Any]:
    """Give a server_connection whose Stash nobody answers at."""
    cookie = {"Name": "session", "Value": "cookie-value-of-a-session"}
    return {
        "Scheme": "http",
        "Host": "127.0.0.1",
        "Port": 1,
        "SessionCookie": cookie,
        "Dir": str(folder),
        "PluginDir": str(ROOT),
        **changes,
    }


def payload(folder: Path, scene: Any = 7, event: Any = "Scene.Update.Post", **more: Any) -> bytes:
    """Give the stdin of a hook."""
    context = {"id": scene, "type": event, "input": None, **more}
    whole = {"server_connection": connection(folder), "args": {"hookContext": context}}
    return json.dumps(whole).encode()


def recorded(name: str, folder: Path) -> dict[str, Any]:
    """Give what a real Stash wrote to stdin, moved to ``folder``."""
    found: dict[str, Any] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    found["server_connection"]["Dir"] = str(folder)
    return found


def run(stdin: bytes, **options: Any) -> dict[str, Any]:
    """Run the plugin once; give its JSON answer, and its stderr under "stderr".

    Fails unless stdout is exactly one JSON object in one line and the exit status 0.
    """
    done = subprocess.run(
        COMMAND, input=stdin, capture_output=True, check=False, timeout=60, **options
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.count(b"\n") == 1, done.stdout
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict), answer
    assert len(answer) == 1, answer
    assert answer.keys() <= {"output", "error"}, answer
    return {**answer, "stderr": done.stderr.decode()}


def read(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """Read from the database below a Stash directory; nothing when there is none."""
    path = folder / "plexsync-data" / "plexsync.sqlite"
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        return store.execute(sql).fetchall()


def marked(folder: Path) -> set[tuple[str, int]]:
    """Give (kind, id) of everything dirty."""
    return set(read(folder, "SELECT kind, id FROM dirty"))


def everything(folder: Path) -> list[list[tuple[Any, ...]]]:
    """Give all that a hook could have changed."""
    return [read(folder, f"SELECT * FROM {table} ORDER BY 1, 2") for table in ("dirty", "meta")]


@contextlib.contextmanager
def no_worker(folder: Path) -> Iterator[None]:
    """Hold the worker's lock, so that hooks find a worker alive and start none."""
    data = folder / "plexsync-data"
    data.mkdir(mode=0o700, exist_ok=True)
    lock = ProcessLock(str(data), WORKER_LOCK)
    assert lock.acquire()
    try:
        yield
    finally:
        lock.release()
