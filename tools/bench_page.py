"""What the page's operations on the store pay, each against a hook, with a large library in it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from simulator.environment import env
from store import history, inbox, meta, planned
from store.store import Store
from tools.bench_hook import Runner, real_python, with_worker
from tools.bench_row import Row, paired
from worker.launcher import WORKER_LOCK, ProcessLock

#: The most that an operation may take, in hooks.
LIMIT: Final = 3.0
SERVER: Final = "machine of the bench"
FIELDS: Final = ("title", "summary", "studio", "performers", "tags", "poster")
#: Each operation that reads or changes the store, with arguments that have it do something.
OPERATIONS: Final[dict[str, dict[str, Any]]] = {
    "page_state": {},
    "page_scenes": {"reason": "NotInPlexYet"},
    "page_refused": {},
    "page_plan": {"settings": {}},
    "page_planned": {"effect": "ours"},
    "page_differences": {"field": "title"},
    "page_history": {},
    "scene_state": {"id": 7},
    "answer": {"answer": "keep_plex", "numbers": [7]},
    "retry": {"id": 10**9},
    "undo_scene": {"id": 10**9},
}


def rows(folder: Path, pairs: int, scenes: int) -> Iterator[Row]:
    """Measure and give the rows about the page, each operation in turn with a hook.

    Of the scenes in the store a fifth is postponed, a tenth has a difference.
    """
    with contextlib.ExitStack() as stack:
        built = stack.enter_context(env(folder / "page", 10))
        with_worker(built)
        built.kill_workers()
        directory = str(built.data)
        # A worker that is alive and leaves the store as it is filled: we hold its lock.
        lock = stack.enter_context(ProcessLock(directory, WORKER_LOCK))
        lock.acquire_soon()
        inbox.offer(directory, inbox.FOR_EVER)
        with contextlib.closing(Store(directory)) as store:
            fill(store, scenes)
        runner = Runner(built, real_python())
        for mode, arguments in OPERATIONS.items():
            ours, hook = [], []
            for number in range(pairs + 1):
                ours.append(runner.operation(mode, **arguments))
                hook.append(runner.hook(1))
                Store(directory).close()  # takes in what the hook left, as a worker does
                if not number:  # the first of each only warms up
                    ours.clear()
                    hook.clear()
            yield paired(f"{mode}, {scenes:,} scenes : a hook", ours, hook, LIMIT)


def fill(store: Store, scenes: int) -> None:
    """Put a library into the store that was synced, and some of everything the page shows."""
    now = time.time()
    ids = range(1_000, 1_000 + scenes)
    later = [(n, now + 86_400.0 + n, "NotInPlexYet", f"no item {n}", now) for n in ids[::5]]
    with store.transaction() as connection:
        meta.put(connection, meta.SERVER_SEEN, {"machine": SERVER, "name": "Plex", "url": ""})
        connection.executemany(
            "INSERT INTO scene VALUES "
            "(?, '2024-01-01T00:00:00Z', '', '[]', '[]', ?, ?, '', ?, ?, '')",
            [(n, now, "unchanged" if n % 10 else "skipped", now, now) for n in ids],
        )
        connection.executemany(
            "INSERT INTO item (server, rating_key, scene, section, base, written_at) "
            "VALUES (?, ?, ?, 1, ?, ?)",
            [(SERVER, n, n, f'{{"values":{{"title":"{n}"}}}}', now) for n in ids],
        )
        connection.executemany(
            "INSERT INTO dirty (kind, id, revision, due_at, attempts, reason, message, marked_at) "
            "VALUES ('scene', ?1, ?1, ?2, 1, ?3, ?4, ?5)",
            later,
        )
        connection.executemany(
            "INSERT INTO difference (server, rating_key, field, scene, theirs, ours, at) "
            "VALUES (?, ?, ?, ?, 'theirs', 'ours', ?)",
            [(SERVER, n, FIELDS[n % len(FIELDS)], n, now) for n in ids[::10]],
        )
        texts = {"title": ["before", "after"], "summary": ["words " * 40, "other words " * 20]}
        changes = [
            history.new_change(at=now, scene=n, rating_key=n, title=str(n), changes=texts)
            for n in ids[::50]
        ]
        history.append(connection, *changes)
        examples = [
            planned.Planned(0, "ours", field, n, n, str(n), "before", "after")
            for field in FIELDS
            for n in ids[:100]
        ]
        sizes = {"ours": dict.fromkeys(FIELDS, scenes)}
        planned.put(connection, {"began": now, "at": now, "text": "", "sizes": sizes}, examples)
