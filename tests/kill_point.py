"""Stands in plexsync.py's place and SIGKILLs its process at the n-th boundary of I/O.

The product needs no code for it: the tests put this file where Stash finds
plexsync.py, and the real one beside it. A boundary lies before and after every
commit, every request sent, every piece of an answer read, every file replaced
and every process started. What was passed is noted beside this file, so that a
run without a kill tells how many boundaries there are.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import pathlib
import runpy
import signal
import socket
import sqlite3
import sys
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

HERE = str(pathlib.Path(__file__).resolve().parent)
ITSELF = HERE + "/plexsync_itself.py"
#: "<role> <number>": the first process of that role takes the order, and dies of it. With
#: " <what>" after it only the boundaries of that name count.
ORDER = HERE + "/kill-order"
#: One line a boundary: "<role> <pid> <number> <what>".
PASSED = HERE + "/boundaries"

_counter = itertools.count(1)
_lock = threading.Lock()


class _Process:
    role = "hook"
    dies_at = 0
    dies_of = ""
    met = 0


def _boundary(what: str) -> None:
    with _lock:
        number = next(_counter)
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(PASSED, os.O_WRONLY | os.O_APPEND)
        os.write(descriptor, f"{_Process.role} {os.getpid()} {number} {what}\n".encode())
        os.close(descriptor)
    if _Process.dies_of:
        _Process.met += what == _Process.dies_of
        number = _Process.met if what == _Process.dies_of else 0
    if number and number == _Process.dies_at:
        os.kill(os.getpid(), signal.SIGKILL)


def _around(call: Callable[..., Any], what: str) -> Callable[..., Any]:
    def watched(*arguments: Any, **named: Any) -> Any:
        _boundary(f"before {what}")
        result = call(*arguments, **named)
        _boundary(f"after {what}")
        return result

    return watched


class _Watched(sqlite3.Connection):
    """A connection with a boundary on both sides of whatever makes something durable."""

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        word = sql.split(None, 1)[0].upper()
        durable = word == "COMMIT" or (
            not self.in_transaction and word not in {"SELECT", "BEGIN", "ROLLBACK"}
        )
        if word == "PRAGMA" and "journal_mode" not in sql:
            durable = False
        if not durable:
            return super().execute(sql, *arguments)
        _boundary(f"before {word}")
        cursor = super().execute(sql, *arguments)
        _boundary(f"after {word}")
        return cursor

    def backup(self, *arguments: Any, **named: Any) -> None:
        _boundary("before copying the database")
        super().backup(*arguments, **named)
        _boundary("after copying the database")


def _watch_sockets() -> None:
    for name in ("sendall", "send", "connect", "recv_into"):
        setattr(socket.socket, name, _around(getattr(socket.socket, name), name))


def _take_order() -> None:
    """Take the order to die if it is for a process like this one; only one process gets it."""
    order = pathlib.Path(ORDER)
    with contextlib.suppress(FileNotFoundError):
        role, number, *what = order.read_text(encoding="ascii").split(" ", 2)
        if role == _Process.role:
            order.rename(f"{ORDER}.{os.getpid()}")
            _Process.dies_at, _Process.dies_of = int(number), "".join(what)


def _role() -> str:
    if sys.argv[1:2] == ["worker"]:
        return "worker"
    raw = sys.stdin.buffer.read()
    sys.stdin = io.TextIOWrapper(io.BytesIO(raw))
    try:
        return "hook" if "hookContext" in json.loads(raw)["args"] else "task"
    except (ValueError, KeyError, TypeError):
        return "hook"


def main() -> None:
    """Be plexsync.py, mortal."""
    _Process.role = _role()
    _take_order()
    connect = sqlite3.connect
    sqlite3.connect = lambda *given, **named: connect(*given, **{"factory": _Watched, **named})
    for name in ("posix_spawn", "rename", "replace", "fsync", "ftruncate"):
        setattr(os, name, _around(getattr(os, name), name))
    if _Process.role != "hook":
        _watch_sockets()
    try:
        runpy.run_path(ITSELF, run_name="__main__")
    finally:
        _boundary("before leaving")


if __name__ == "__main__":
    main()
