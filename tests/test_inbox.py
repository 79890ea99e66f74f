"""The inbox: what a hook leaves beside the database while a worker lives, and who finds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from store import inbox, meta, notice, queue, schema
from store.store import Store
from tests.plugin_process import COMMAND, marked, payload, recorded, run
from tests.test_house import HOOK_IMPORTS, LIST_BASELINE, RUN_ENTRY
from worker.launcher import WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no inbox")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The data directory of a worker that lives, has nothing to say, and takes nothing in."""
    return tmp_path / "plexsync-data"


@pytest.fixture(autouse=True)
def _worker(data: Path) -> Iterator[None]:
    """Hold the worker's lock, and the wake pipe that hooks knock at."""
    Store(str(data)).close()
    inbox.offer(str(data), inbox.FOR_EVER)
    lock = ProcessLock(str(data), WORKER_LOCK)
    assert lock.acquire()
    yield
    lock.release()


def lines(data: Path) -> list[str]:
    """What lies in the inbox."""
    text = (data / inbox.FILE).read_text(encoding="ascii")
    return [line for line in text.split("\n")[1:] if line]


def queued(data: Path) -> list[tuple[str, int]]:
    """What is in the queue, newest first, once somebody opened the store."""
    with contextlib.closing(Store(str(data))) as store:
        rows = queue.ready(store.connection, now=time.time(), limit=1000, with_task=False)
    return [(row.kind, row.id) for row in rows]


def test_a_hook_with_a_living_worker_touches_no_database(tmp_path: Path, data: Path) -> None:
    """It neither opens the database nor loads what reads JSON and SQLite."""
    report = tmp_path / "modules"
    environment = {"PATH": "/usr/bin:/bin"}
    before = (data / "plexsync.sqlite").stat().st_mtime_ns
    done = subprocess.run(
        [sys.executable, "-S", "-c", RUN_ENTRY, COMMAND[-1], str(report)],
        env=environment,
        input=payload(tmp_path),
        check=True,
        capture_output=True,
        timeout=30,
    )
    assert json.loads(done.stdout) == {"output": "scene 7 is noted, worker woken"}
    baseline = subprocess.run(
        [sys.executable, "-S", "-c", HOOK_IMPORTS + LIST_BASELINE],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    loaded = set(report.read_text(encoding="utf-8").split())
    assert "sqlite3.dbapi2" in baseline
    assert not {"json", "sqlite3", "re", "site"} & loaded
    assert (data / "plexsync.sqlite").stat().st_mtime_ns == before
    assert marked(tmp_path) == set()
    assert queued(data) == [("scene", 7)]


@pytest.mark.parametrize(
    "name", ["sceneUpdate-title.1-Scene.Update.Post", "tagsMerge.1-Tag.Merge.Post"]
)
def test_what_a_real_stash_sends_is_noted_as_the_database_would(
    tmp_path: Path, data: Path, name: str
) -> None:
    """The same rows and the same way to Stash, whichever way a hook takes."""
    found = {}
    for way in ("inbox", "database"):
        inbox.offer(str(data), inbox.FOR_EVER if way == "inbox" else inbox.CLOSED)
        assert "output" in run(json.dumps(recorded(name, tmp_path)).encode())
        assert bool(lines(data)) == (way == "inbox")
        with contextlib.closing(Store(str(data))) as store:
            rows = queue.ready(store.connection, now=time.time(), limit=99, with_task=False)
            found[way] = (
                [(row.kind, row.id, row.urgency, row.due_at) for row in rows],
                meta.get(store.connection, meta.CONNECTION),
            )
            for row in rows:
                queue.done(store.connection, row)
            meta.put(store.connection, meta.CONNECTION, None)
    assert found["inbox"] == found["database"]
    assert found["inbox"][0]


def test_edits_keep_their_order(tmp_path: Path, data: Path) -> None:
    """The newest comes first, as with the database."""
    for scene in (3, 1, 2):
        run(payload(tmp_path, scene))
    assert queued(data) == [("scene", 2), ("scene", 1), ("scene", 3)]
    assert lines(data) == []


def closed(data: Path) -> None:
    """The worker lets nobody in."""
    inbox.offer(str(data), inbox.CLOSED)


def gone(data: Path) -> None:
    """Somebody deleted the file."""
    (data / inbox.FILE).unlink()


def open_to_all(data: Path) -> None:
    """A NAS tool opened the file to all."""
    (data / inbox.FILE).chmod(0o644)


def folder_open_to_all(data: Path) -> None:
    """A NAS tool opened the folder to all."""
    data.chmod(0o755)


def a_link(data: Path) -> None:
    """Somebody put a link there."""
    elsewhere = data.parent / "elsewhere"
    (data / inbox.FILE).rename(elsewhere)
    (data / inbox.FILE).symlink_to(elsewhere)


def full(data: Path) -> None:
    """Nobody takes anything in, for hours."""
    with (data / inbox.FILE).open("ab") as file:
        file.write(b"\n" * inbox.LARGEST)


def nonsense(data: Path) -> None:
    """The first line is none of ours."""
    (data / inbox.FILE).write_bytes(b"what is this?")


def from_the_future(data: Path) -> None:
    """The clock jumped back after it was opened for a minute."""
    inbox.offer(str(data), int(time.time()) + 3600)


def a_folder(data: Path) -> None:
    """A folder lies in its place."""
    gone(data)
    (data / inbox.FILE).mkdir()


@pytest.mark.parametrize(
    "harm",
    [
        closed,
        gone,
        open_to_all,
        folder_open_to_all,
        a_link,
        full,
        nonsense,
        from_the_future,
        a_folder,
    ],
)
def test_where_the_inbox_cannot_be_used_the_database_is(
    tmp_path: Path, data: Path, harm: object
) -> None:
    """The hook notes its change all the same, and says nothing of it."""
    assert callable(harm)
    harm(data)
    answer = run(payload(tmp_path))
    assert answer["output"] == "scene 7 is noted, worker woken"
    assert marked(tmp_path) == {("scene", 7)}


def test_without_a_worker_the_database_is_used(tmp_path: Path, data: Path) -> None:
    """An inbox that a killed worker left open is nothing to rely on."""
    (data / WORKER_LOCK).unlink()  # the fixture's lock locks nobody out any more
    assert run(payload(tmp_path))["output"] == "scene 7 is noted, worker started"
    assert marked(tmp_path) == {("scene", 7)}


def test_a_torn_record_spoils_no_other(tmp_path: Path, data: Path) -> None:
    """A hook that died in the middle of its line leaves half of one; it never said "noted"."""
    run(payload(tmp_path, 1))
    with (data / inbox.FILE).open("ab") as file:
        file.write(b'\n{"kind":"scene","ids":[5],"at":17\n[1]\n{"kind":"scene"}\n7\nnull')
    run(payload(tmp_path, 2))
    assert queued(data) == [("scene", 2), ("scene", 1)]


@pytest.mark.parametrize(
    "record",
    [
        b'{"kind":"scne","ids":[5],"at":1,"connection":{}}',
        b'{"kind":["scene"],"ids":[5],"at":1,"connection":{}}',
        b'{"kind":"scene","ids":[55555555555555555555],"at":1,"connection":{}}',
        b'{"kind":"scene","ids":5,"at":1,"connection":{}}',
        b'{"kind":"scene","ids":[5],"at":"x","connection":{}}',
        b"[" * 100_000,
    ],
    ids=["another kind", "a list", "a large id", "one id", "no time", "a deep one"],
)
def test_a_damaged_record_keeps_nobody_from_the_store(
    tmp_path: Path, data: Path, record: bytes
) -> None:
    """It is passed over; else the page, every task and the worker would fail at it for ever."""
    with (data / inbox.FILE).open("ab") as file:
        file.write(b"\n%b\n" % record)
    run(payload(tmp_path, 2))
    assert queued(data) == [("scene", 2)]


def test_while_a_hook_appends_nothing_is_emptied(tmp_path: Path, data: Path) -> None:
    """Whoever empties it waits for its turn, and loses nothing."""
    run(payload(tmp_path))
    descriptor = os.open(data / inbox.FILE, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    assert queued(data) == []
    os.close(descriptor)
    assert queued(data) == [("scene", 7)]


def test_nothing_is_put_into_a_database_that_was_replaced(tmp_path: Path, data: Path) -> None:
    """The worker has another file open than the one at its path: what is noted waits."""
    with contextlib.closing(Store(str(data))) as store:
        for name in ("plexsync.sqlite", "plexsync.sqlite-wal"):
            (data / name).rename(data / f"aside-{name}")
        run(payload(tmp_path))
        store.take_in()
        assert len(lines(data)) == 1
    assert queued(data) == [("scene", 7)]


def test_while_it_is_emptied_a_hook_uses_the_database(tmp_path: Path, data: Path) -> None:
    """A hook never waits for whoever empties it."""
    descriptor = os.open(data / inbox.FILE, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    run(payload(tmp_path))
    assert lines(data) == []
    os.close(descriptor)
    assert marked(tmp_path) == {("scene", 7)}


def test_a_look_waits_for_nobody_who_writes(tmp_path: Path, data: Path) -> None:
    """The page opens the store while somebody has it for long; what is in the inbox waits."""
    run(payload(tmp_path))
    look = threading.Thread(target=lambda: Store(str(data)).close())
    with contextlib.closing(sqlite3.connect(data / schema.FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        look.start()
        look.join(schema.BUSY_TIMEOUT / 2)
        assert not look.is_alive()
    assert queued(data) == [("scene", 7)]


def test_what_was_put_into_the_queue_twice_is_one_row(tmp_path: Path, data: Path) -> None:
    """Killed between the commit and the emptying: the next one reads it again."""
    run(payload(tmp_path))
    left = (data / inbox.FILE).read_bytes()
    assert queued(data) == [("scene", 7)]
    (data / inbox.FILE).write_bytes(left)
    assert queued(data) == [("scene", 7)]


def test_it_is_open_for_a_minute_after_something_was_said(data: Path) -> None:
    """A hook with something to say looks into the database; then nobody has to for a minute."""
    with contextlib.closing(Store(str(data))) as store:
        assert notice.silent_until(store.connection) == inbox.FOR_EVER
        meta.put_notice(store.connection, "The token is wrong.")
        assert notice.silent_until(store.connection) == inbox.CLOSED
        now = time.time()
        said = meta.due_reminder(store.connection, now=now, every=inbox.REMINDER)
        assert said == "The token is wrong."
        assert notice.silent_until(store.connection) == int(now + inbox.REMINDER)


def test_a_notice_closes_it_at_once(tmp_path: Path, data: Path) -> None:
    """The very next hook says it, though it came before the worker looked up."""
    with contextlib.closing(Store(str(data))) as store, store.transaction() as connection:
        meta.put(connection, meta.FOLDER, "The folder is open to others.")
        notice.leave(connection)
    assert "open to others" in run(payload(tmp_path))["stderr"]


def test_a_bulk_edit_of_sixty_four_loses_nothing(tmp_path: Path, data: Path) -> None:
    """Hooks side by side, while somebody empties it all the time."""
    hooks = [
        subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(64)
    ]
    for scene, hook in enumerate(hooks, 1):
        assert hook.stdin is not None
        hook.stdin.write(payload(tmp_path, scene))
        hook.stdin.close()
    with contextlib.closing(Store(str(data))) as store:
        while any(hook.poll() is None for hook in hooks):
            store.take_in()
        for hook in hooks:
            assert hook.stdout is not None
            assert b"is noted" in hook.stdout.read()
            hook.stdout.close()
        store.take_in()
    assert marked(tmp_path) == {("scene", scene) for scene in range(1, 65)}
