"""The dirty set's promise, holds, private values: as a state machine and by hand."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from store import braked, history, holds, ledger, meta, overview, queue, schema
from store.enqueue import BACKGROUND, EDIT, TASK, enqueue
from store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = st.integers(1, 6)
WAITS = st.sampled_from([5.0, 60.0, 900.0, 86400.0])


def in_memory() -> sqlite3.Connection:
    """Give our tables without a file, for thousands of steps a second."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for statement in schema.TABLES:
        connection.execute(statement)
    return connection


class DirtySet(RuleBasedStateMachine):
    """Hooks, tasks and a worker in any order, against a model of what must not be lost.

    The model knows for each scene how often it was marked, and how often it had
    been marked when the worker last brought it to an end.
    """

    read = Bundle("read")

    def __init__(self) -> None:
        super().__init__()
        self.connection = in_memory()
        self.now = 1_000_000.0
        self.marks: dict[int, int] = {}
        self.ended: dict[int, int] = {}
        self.seen_by: dict[tuple[int, int], int] = {}

    def teardown(self) -> None:
        """Close the database."""
        self.connection.close()

    @rule(scenes=st.lists(SCENES, min_size=1, max_size=4), urgency=st.sampled_from([0, 1, 2]))
    def marked(self, scenes: list[int], urgency: int) -> None:
        """Mark some scenes, in one transaction, as a hook, the worker or a task does."""
        enqueue(self.connection, "scene", scenes, now=self.now, urgency=urgency)
        for scene in scenes:
            self.marks[scene] = self.marks.get(scene, 0) + 1

    @rule(target=read, with_task=st.booleans())
    def leased(self, with_task: bool) -> queue.QueueRow | None:
        """Let the worker read the most urgent row."""
        rows = queue.ready(self.connection, now=self.now, limit=1, with_task=with_task)
        if not rows:
            due = queue.next_due(self.connection)
            assert due is None or due > self.now
            return None
        self.seen_by[rows[0].id, rows[0].revision] = self.marks[rows[0].id]
        return rows[0]

    @rule(row=read)
    def done(self, row: queue.QueueRow | None) -> None:
        """End a row that was read at any time before; a crash may repeat that."""
        if row is None:
            return
        was_there = queue.get(self.connection, "scene", row.id) is not None
        queue.done(self.connection, row)
        if was_there and queue.get(self.connection, "scene", row.id) is None:
            self.ended[row.id] = self.seen_by[row.id, row.revision]
            assert self.ended[row.id] == self.marks[row.id]

    @rule(row=read, wait=st.none() | WAITS)
    def postponed(self, row: queue.QueueRow | None, wait: float | None) -> None:
        """Postpone or park a row that was read at any time before."""
        if row is None:
            return
        before = queue.get(self.connection, "scene", row.id)
        due_at = None if wait is None else self.now + wait
        queue.postpone(self.connection, row, due_at=due_at, reason="Why", message="m")
        after = queue.get(self.connection, "scene", row.id)
        if before is not None and before.revision == row.revision:
            assert after
            assert (after.due_at, after.attempts) == (due_at, before.attempts + 1)
        else:
            assert after == before

    @rule(parked=st.booleans(), reason=st.sampled_from([None, "Why", "Other"]))
    def released(self, parked: bool, reason: str | None) -> None:
        """Release what waits or what is parked; nothing else moves."""
        count = queue.make_due(self.connection, reason=reason, parked=parked)
        if reason == "Other":
            assert count == 0

    @rule(seconds=st.sampled_from([1.0, 100.0, 90_000.0]))
    def time_passes(self, seconds: float) -> None:
        """Move the clock on."""
        self.now += seconds

    @rule()
    def task_leaves(self) -> None:
        """Leave a task's rows to the background."""
        queue.leave_task(self.connection)
        assert queue.task_waiting(self.connection) == 0

    @invariant()
    def nothing_is_lost(self) -> None:
        """What was marked after it was last read is still there, and what was ended is not."""
        for scene, marks in self.marks.items():
            row = queue.get(self.connection, "scene", scene)
            assert (row is None) == (self.ended.get(scene) == marks)

    @invariant()
    def revisions_only_grow(self) -> None:
        """No revision is given twice, so that no stale end can hit a newer mark."""
        rows = self.connection.execute("SELECT revision FROM dirty").fetchall()
        revisions = [revision for (revision,) in rows]
        assert len(set(revisions)) == len(revisions)
        assert max(revisions, default=0) <= queue.newest_revision(self.connection)

    @invariant()
    def what_is_due_is_ready(self) -> None:
        """The time to sleep until and the rows to look at tell the same story."""
        rows = queue.ready(self.connection, now=self.now, limit=99, with_task=False)
        due = queue.next_due(self.connection)
        assert bool(rows) == (due is not None and due <= self.now)
        assert len({row.id for row in rows}) == len(rows)


TestDirtySet = DirtySet.TestCase
TestDirtySet.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """Our tables in memory."""
    with contextlib.closing(in_memory()) as opened:
        yield opened


def ready_ids(connection: sqlite3.Connection, now: float = 100.0, **more: Any) -> list[int]:
    """Give the ids of what is ready, most urgent first."""
    options = {"limit": 99, "with_task": True, **more}
    return [row.id for row in queue.ready(connection, now=now, **options)]


def test_the_newest_edit_is_looked_at_first(connection: sqlite3.Connection) -> None:
    """Edits newest first, then what is due again, then the background, then a task's rows."""
    enqueue(connection, "scene", [50, 51], now=1, urgency=TASK)
    enqueue(connection, "scene", [40, 41], now=1, urgency=BACKGROUND)
    enqueue(connection, "scene", [30, 31, 1, 2, 3], now=1)
    for scene, due in ((30, 90.0), (31, 80.0)):
        row = queue.get(connection, "scene", scene)
        assert row
        queue.postpone(connection, row, due_at=due, reason="r", message="")
    assert ready_ids(connection) == [3, 2, 1, 31, 30, 40, 41, 50, 51]
    assert ready_ids(connection, with_task=False) == [3, 2, 1, 31, 30, 40, 41]
    assert ready_ids(connection, limit=4) == [3, 2, 1, 31]
    assert ready_ids(connection, now=85.0) == [3, 2, 1, 31, 40, 41, 50, 51]


def test_an_edit_takes_a_scene_out_of_a_task(connection: sqlite3.Connection) -> None:
    """A scene that is edited while a task has marked it is served at once, task or not."""
    enqueue(connection, "scene", [1, 2], now=1, urgency=TASK)
    enqueue(connection, "scene", [2], now=2, urgency=EDIT)
    enqueue(connection, "scene", [2], now=3, urgency=TASK)
    assert ready_ids(connection, with_task=False) == [2]


def test_a_due_time_from_a_wrong_clock_is_over(connection: sqlite3.Connection) -> None:
    """A row that a clock years ahead postponed is not lost until then."""
    enqueue(connection, "scene", [1], now=1)
    row = queue.get(connection, "scene", 1)
    assert row
    queue.postpone(connection, row, due_at=4e9, reason="r", message="")
    assert ready_ids(connection, now=100.0) == [1]


def test_parked_rows_wait_for_an_edit(connection: sqlite3.Connection) -> None:
    """A parked row is never due, until it is marked again or released by hand."""
    enqueue(connection, "scene", [1, 2], now=1)
    for scene in (1, 2):
        row = queue.get(connection, "scene", scene)
        assert row
        queue.postpone(connection, row, due_at=None, reason="Rejected", message="no")
    assert ready_ids(connection, now=1e12) == []
    assert queue.next_due(connection) is None
    assert queue.counts(connection)["parked"] == 2
    enqueue(connection, "scene", [1], now=2)
    assert ready_ids(connection) == [1]
    assert queue.make_due(connection, reason="Rejected", parked=True) == 1
    assert sorted(ready_ids(connection)) == [1, 2]


def test_a_hold_keeps_when_it_began(connection: sqlite3.Connection) -> None:
    """A hold that is renewed still says since when the queue waits."""
    first = holds.Hold(holds.PLEX, 10.0, 1.0, 1, "ServerUnreachable", "no", "", "f")
    holds.put(connection, first)
    holds.put(connection, first._replace(until=20.0, since=15.0, attempts=2))
    assert holds.get(connection, holds.PLEX) == first._replace(until=20.0, attempts=2)
    assert holds.clear(connection, holds.PLEX)
    assert not holds.clear(connection, holds.PLEX)
    assert holds.all_holds(connection) == []


def test_what_is_pending_survives_until_it_is_acknowledged(connection: sqlite3.Connection) -> None:
    """What was about to be written stays known as ours beside the base until the end."""
    entry = ledger.LedgerEntry("server", 5, 1, 2, "", "tried")
    ledger.intend(connection, entry, now=1)
    assert ledger.entry(connection, "server", 5) == entry
    ledger.acknowledge(connection, entry._replace(base="agreed"), now=2)
    assert ledger.entry(connection, "server", 5) == entry._replace(base="agreed", pending="")
    assert ledger.entry(connection, "another server", 5) is None
    ledger.intend(connection, entry._replace(base="agreed", pending="more"), now=3)
    assert ledger.entry(connection, "server", 5) == entry._replace(base="agreed", pending="more")


def test_a_scene_remembers_who_it_carried(connection: sqlite3.Connection) -> None:
    """Who carries a tag is known from the last look, and changes with the next one."""
    record = ledger.SceneRecord._make([1] + [""] * (len(ledger.SceneRecord._fields) - 1))
    ledger.record_scene(connection, record, [("tag", 7), ("studio", 3)])
    ledger.record_scene(connection, record._replace(id=2), [("tag", 7)])
    assert ledger.scenes_carrying(connection, "tag", [7]) == [1, 2]
    ledger.record_scene(connection, record, [("tag", 8)])
    assert ledger.scenes_carrying(connection, "tag", [7]) == [2]
    assert ledger.scenes_carrying(connection, "studio", [3]) == []
    ledger.forget_scene(connection, 2)
    assert ledger.scenes_carrying(connection, "tag", [7]) == []
    assert ledger.scene_record(connection, 2) is None


def test_the_history_is_bounded(connection: sqlite3.Connection) -> None:
    """Old changes are dropped, so that the file does not grow with every edit."""
    for number in range(history.KEPT + 2 * history.BATCH):
        at = number * history.WEEK
        history.append(
            connection,
            history.new_change(
                at=at, scene=1, rating_key=1, title="t", changes={"title": ["a", "b"]}
            ),
        )
    (count,) = connection.execute("SELECT count(*) FROM history").fetchone()
    assert history.KEPT <= count < history.KEPT + history.BATCH
    newest = history.page(connection, limit=1)[0]
    assert (newest.at, json.loads(newest.changes)) == (at, {"title": ["a", "b"]})


def test_the_client_identifier_is_made_once(tmp_path: Path) -> None:
    """Plex knows one installation by one identifier, whoever asks first."""
    first, second = Store(str(tmp_path / "data")), Store(str(tmp_path / "data"))
    assert first.client_identifier() == second.client_identifier()
    first.close()
    again = Store(str(tmp_path / "data"))
    assert again.client_identifier() == second.client_identifier()
    again.close()
    second.close()


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """An exception inside a transaction undoes all of it, and the store stays usable."""
    store = Store(str(tmp_path / "data"))
    with contextlib.suppress(ZeroDivisionError), store.transaction() as connection:
        enqueue(connection, "scene", [1], now=1)
        raise ZeroDivisionError
    assert queue.next_due(store.connection) is None
    with store.transaction() as connection:
        enqueue(connection, "scene", [1], now=1)
    assert queue.next_due(store.connection) == 0.0
    store.close()


def test_another_process_is_noticed_and_our_own_commits_are_not(tmp_path: Path) -> None:
    """The worker's last look relies on it: the version moves with others' commits only."""
    worker, hook = Store(str(tmp_path / "data")), Store(str(tmp_path / "data"))
    seen = worker.data_version()
    with worker.transaction() as connection:
        enqueue(connection, "scene", [1], now=1)
    assert worker.data_version() == seen
    with hook.transaction() as connection:
        enqueue(connection, "scene", [1], now=1)
    assert worker.data_version() != seen
    worker.close()
    hook.close()


def test_many_first_openings_at_once_make_one_database(tmp_path: Path) -> None:
    """Whoever opens the file first makes the tables; the others find them, and nobody fails."""
    start, failures = threading.Barrier(16), []

    def first() -> None:
        start.wait()
        try:
            database = schema.open_database(str(tmp_path / "data"))
            database.execute("BEGIN IMMEDIATE")
            enqueue(database, "scene", [threading.get_ident()], now=1)
            database.execute("COMMIT")
            database.close()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=first) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    store = Store(str(tmp_path / "data"))
    assert queue.counts(store.connection)["ready"] == 16
    assert store.connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert store.connection.execute("PRAGMA synchronous").fetchone() == (2,)
    store.close()


def test_a_newer_file_is_refused_unharmed(tmp_path: Path) -> None:
    """A store of a later version is neither used nor changed."""
    Store(str(tmp_path / "data")).close()
    path = tmp_path / "data" / schema.FILE
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(schema.NewerDatabase, match="newer PlexSync"):
        Store(str(tmp_path / "data"))


def test_a_connection_keeps_only_what_the_worker_needs(connection: sqlite3.Connection) -> None:
    """Of Stash's connection four plain values and the cookie are kept, and no structures."""
    cookie = {"Name": "session", "Value": "v", "Expires": "0001", "Unparsed": None}
    given = {"Scheme": "http", "Host": ["x"], "Port": 9999, "Dir": "/s", "SessionCookie": cookie}
    meta.put_connection(connection, {**given, "PluginDir": "/p"})
    assert meta.get(connection, "connection") == {
        "Scheme": "http",
        "Port": 9999,
        "Dir": "/s",
        "SessionCookie": {"Name": "session", "Value": "v"},
    }
    meta.put_connection(connection, {**given, "SessionCookie": None})
    assert "SessionCookie" not in meta.get(connection, "connection")


def test_no_question_about_one_item_walks_the_ledger(connection: sqlite3.Connection) -> None:
    """One walk for each new item made a first sync take the square of its scenes."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    ledger.entry(connection, "server", 5)
    ledger.entries_elsewhere(connection, "server", 5)
    ledger.entries_of(connection, "server", 1)
    ledger.entries_for(connection, 1)
    ledger.seen(connection, "server", [1, 2])
    ledger.remembered(connection, "server", [1, 2])
    ledger.put_seen(connection, "server", {5: "digest"})
    ledger.owners(connection, [1, 2])
    overview.refused_covers(connection, "server")
    overview.refused_page(connection, "server", after=1, limit=2)
    connection.set_trace_callback(None)
    assert len(asked) >= 10
    for question in asked:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
        assert not [step[3] for step in plan if step[3].startswith("SCAN")], question
        assert "refused" not in question or "item_refused" in str(plan)


def test_no_question_about_what_is_held_back_walks_the_queue(
    connection: sqlite3.Connection,
) -> None:
    """They are asked with every look of the page and every step of the worker."""
    asked: list[str] = []
    connection.set_trace_callback(asked.append)
    braked.is_any(connection)
    braked.newest_edit(connection)
    braked.leave_run(connection)
    braked.look_again(connection, 5)
    for with_run in (True, False):
        braked.count(connection, braked.ASKED, with_run=with_run)
        list(braked.takes_of(connection, braked.ASKED, with_run=with_run))
        braked.ask(connection, with_run=with_run)
        braked.let_go(connection, braked.UNDECIDED, with_run=with_run)
    queue.counts(connection)
    connection.set_trace_callback(None)
    assert len(asked) >= 14
    for statement in asked:
        told = connection.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
        walks = [detail for *_, detail in told if detail.startswith("SCAN dirty")]
        assert all("INDEX" in detail for detail in walks), statement


def test_the_last_three_runs_and_a_week_of_all_else_are_kept(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is older goes, a run as a whole, and of very many edits the oldest."""
    monkeypatch.setattr(history, "KEPT", 0)
    monkeypatch.setattr(history, "MOST", 3 * history.BATCH)

    def add(at: float, run: float, times: int) -> None:
        for _ in range(times):
            change = history.new_change(at=at, scene=1, rating_key=1, title="", changes={})
            history.append(connection, change, runs={1: run})

    def kept() -> dict[float, int]:
        query = "SELECT run, count(*) FROM history GROUP BY run"
        return dict(connection.execute(query).fetchall())

    for run in (1.0, 2.0, 3.0, 4.0):
        add(run, run, history.BATCH)
    add(5.0, 0.0, 3 * history.BATCH)
    assert kept() == {0.0: 600, 2.0: 200, 3.0: 200, 4.0: 200}
    add(5.0, 0.0, history.BATCH)
    assert kept() == {0.0: 600, 2.0: 200, 3.0: 200, 4.0: 200}
    add(5.0 + 2 * history.WEEK, 0.0, 2 * history.BATCH)
    assert kept()[0.0] == 400
    assert history.runs_of(connection) == [4.0, 3.0, 2.0]
