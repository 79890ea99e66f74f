"""What a plan that is made while Plex is at work on another batch's edits must never cost."""

from __future__ import annotations

import sqlite3
import traceback
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

import plex.listing
from plex.client import PlexClient
from plex.error_types import ServerUnavailable
from store import history, holds, ledger
from sync import pipeline, read
from sync.context import READERS
from tests.bulk_worker import BulkWorker, after, bulk_worker, key_of, synced, writes
from tests.installation import Installation, shared_installation
from worker.circuit_breaker import PROBE, CircuitBreaker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Step

SCENES = 300
ALL = range(1, SCENES + 1)


env = shared_installation(SCENES)
stepped = bulk_worker()


@pytest.fixture(autouse=True)
def batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Batches that are small enough for the library to have several of them; their size."""
    monkeypatch.setattr("worker.batch_run.BATCH", 100)
    return 100


def edits_and_reads(env: Installation, scene: int) -> tuple[list[float], list[float]]:
    """When a scene's item was edited and when it was read, in Unix seconds."""
    key = key_of(env, scene)
    edits, reads = [], []
    for request in env.plex.requests(headers=False):
        path = request["target"].partition("?")[0].replace("%2C", ",")
        if request["method"] == "PUT" and f"id={key}&" in request["target"]:
            edits.append(request["at"])
        if request["method"] == "GET" and str(key) in path.rpartition("/")[2].split(","):
            reads.append(request["at"])
    return edits, reads


def renamed(stepped: BulkWorker, title: str) -> None:
    """All in step, then each scene with another title in Stash; counts from zero."""
    synced(stepped, ALL)
    for scene in ALL:
        stepped.env.stash.set_scene(scene, title=f"{title} {scene}")
    stepped.forget_requests()
    stepped.late = 60.0


def failing(env: Installation, *scenes: int) -> None:
    """Let the second batch's list of items come in vain, and each of these items fail alone."""
    keys = "|".join(str(key_of(env, scene)) for scene in scenes)
    several = r"/library/metadata/[0-9]+(,|%2C)"
    env.plex.fault("status", method="GET", path=several, nth=2, times=1, status=404)
    one = rf"/library/metadata/({keys})\?"
    env.plex.fault("status", method="GET", path=one, times=None, status=500)


def test_the_next_batch_is_read_while_this_one_is_written(
    stepped: BulkWorker, batches: int
) -> None:
    """Stash is asked for the second batch before the first one's last edit; edits never overlap."""
    stepped.env.plex.latency(5)  # at once it would leave nothing to wait for, nor to plan in
    stepped.task(ALL)
    stepped.drain()
    assert stepped.tally() == {"changed": SCENES}
    edits = [one for one in stepped.env.plex.requests(headers=False) if one["method"] == "PUT"]
    asked = [
        one["at"]
        for one in stepped.env.stash.requests(headers=False)
        if str(batches + 1) in ((one["variables"] or {}).get("ids") or ())
    ]
    assert asked
    assert edits[0]["at"] < asked[0] < edits[batches - 1]["at"]
    assert all(
        earlier["at"] + earlier["seconds"] <= later["at"] for earlier, later in pairwise(edits)
    )


@pytest.mark.parametrize("is_task", [True, False], ids=["task", "background"])
def test_what_is_in_step_is_read_while_the_batch_before_is_awaited(
    stepped: BulkWorker, is_task: bool
) -> None:
    """Plex is asked for the third batch's items before it has answered for the second's.

    In the background it is not: a processor stays free for an edit by hand.
    """
    synced(stepped, ALL)
    stepped.forget_requests()
    stepped.late = 60.0
    stepped.env.plex.latency(150)
    (stepped.task if is_task else stepped.background)(ALL)
    stepped.drain()
    assert not stepped.rows()
    read = [
        (one["at"], one["at"] + one["seconds"])
        for one in stepped.env.plex.requests(headers=False)
        if one["target"].startswith("/library/metadata/")
    ]
    (_, first_answered), (second_began, second_answered), (third_began, _) = read
    assert first_answered < second_began  # nothing is known of the pace yet
    assert (third_began < second_answered) == is_task


def test_what_was_written_is_recorded_while_plex_is_at_work(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edits need not wait for the transactions, and all of them are in one in the end."""
    monkeypatch.setattr("sync.record.COMMIT_AFTER", 1000.0)
    monkeypatch.setattr("sync.record.COMMIT", 1000)
    monkeypatch.setattr("sync.record.COMMIT_MEANWHILE", 0.1)
    stepped.env.plex.latency(20)
    stepped.task(range(1, 31))
    left: list[int] = []
    after(stepped, edits=20, then=lambda: left.append(len(stepped.rows())))
    stepped.drain()
    assert 10 < left[0] < 30
    assert stepped.tally() == {"changed": 30}
    assert len(changes(stepped)) == 30


def test_a_disk_that_fails_while_plex_is_at_work_loses_nothing_and_doubles_nothing(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could not be recorded meanwhile is recorded in its turn."""
    monkeypatch.setattr("sync.record.COMMIT_MEANWHILE", 0.05)
    append, failed = history.append, list[int]()

    def full(connection: sqlite3.Connection, *made: history.NewChange, **rest: Any) -> None:
        append(connection, *made, **rest)
        if not failed:
            failed.append(len(made))
            raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(history, "append", full)
    stepped.env.plex.latency(20)
    stepped.task(range(1, 31))
    stepped.drain()
    assert 0 < failed[0] < 30
    assert stepped.rows() == {}
    assert stepped.tally() == {"changed": 30}
    assert sorted(changes(stepped)) == list(range(1, 31))


def changes(stepped: BulkWorker) -> list[int]:
    """The scenes whose changes are in the history."""
    rows = stepped.resident.store.connection.execute("SELECT scene FROM history")
    return [scene for (scene,) in rows]


def test_what_cannot_be_made_ready_to_be_kept_stops_no_edit(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect while Plex is at work on the next edit is no fault of Plex; none is sent twice."""
    make, broken_ones = history.new_change, range(7, 27)

    def broken(*, scene: int, **rest: Any) -> history.NewChange:
        if scene in broken_ones:
            raise ZeroDivisionError
        return make(scene=scene, **rest)

    monkeypatch.setattr(history, "new_change", broken)
    stepped.task(ALL)
    stepped.drain()
    assert stepped.rows() == {}
    assert len(writes(stepped.env)) == sum(stepped.tally().values()) == SCENES
    assert "ZeroDivisionError" in (stepped.env.data / "plexsync.log").read_text()
    # One for edits and as many as read meanwhile: none was broken off.
    assert stepped.plex_counts()["connections"] <= 1 + READERS
    assert holds.all_holds(stepped.resident.store.connection) == []


def test_what_was_planned_ahead_and_marked_again_is_read_anew(
    stepped: BulkWorker, batches: int
) -> None:
    """A scene of the next batch that is saved meanwhile is never written as it was."""
    env = stepped.env
    stepped.task(ALL)
    newer = batches + 7

    def save() -> None:
        env.stash.set_scene(newer, title="Newer")
        stepped.hook(newer)

    after(stepped, edits=batches - 2, then=save)
    stepped.drain()
    titles = [p["title.value"] for keys, p in writes(env) if keys == [key_of(env, newer)]]
    assert titles == ["Newer"]
    # At once, not after the run.
    place = [keys for keys, _ in writes(env)].index([key_of(env, newer)])
    assert place <= batches
    assert sum(stepped.tally().values()) == SCENES


def test_a_setting_that_changes_during_a_batch_holds_for_the_one_planned_ahead(
    stepped: BulkWorker,
) -> None:
    """What was planned with other settings is planned again before it is written."""
    env = stepped.env
    stepped.task(ALL)
    after(stepped, edits=90, then=lambda: env.settings(sync_fields="title"))
    stepped.drain()
    assert len(stepped.rows()) == 0
    fields = [sorted(name for name in params if "." in name) for _, params in writes(env)]
    assert "summary.value" in fields[0]
    # One more edit may follow for a scene that the first batch had written in full.
    assert all(names == ["title.locked", "title.value"] for names in fields[100:])


def test_a_stash_that_fails_while_it_is_read_ahead_costs_the_batch_at_hand_nothing(
    stepped: BulkWorker, batches: int
) -> None:
    """The edits that are under way arrive, the next batch waits for Stash, nothing is lost."""
    env = stepped.env
    stepped.task(ALL)
    after(stepped, edits=1, then=lambda: env.stash.fault("reset_before", times=None))
    stepped.drain()
    assert len(writes(env)) == batches
    assert "stash" in stepped.holds()
    env.stash.clear_faults()
    stepped.wait()
    stepped.drain()
    assert stepped.tally()["changed"] == SCENES


def test_an_edit_by_hand_in_plex_is_seen_by_a_batch_that_comes_much_later(
    stepped: BulkWorker,
) -> None:
    """Nothing is read long before its turn: a person's title is told of when Stash's wins."""
    renamed(stepped, "Newest")
    env = stepped.env
    env.plex.latency(50)
    key = key_of(env, 150)
    after(stepped, edits=30, then=lambda: env.plex.person_sets(key, fields={"title": "By hand"}))
    stepped.task(ALL)
    stepped.drain()
    (edited,), reads = edits_and_reads(env, 150)
    assert edited - reads[-1] < 6.0  # the rest of its own batch, and two seconds
    assert "'By hand' was edited in Plex and is replaced" in env.log()


def test_a_batch_that_takes_too_long_is_read_anew(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a slow Plex the last items of a batch are not written as they were minutes ago."""
    monkeypatch.setattr("sync.write.GOOD_FOR", 1.0)
    renamed(stepped, "Slow")
    env = stepped.env
    env.plex.latency(50)
    stepped.task(ALL)
    stepped.drain()
    for scene in (50, 100, 150):
        (edited,), reads = edits_and_reads(env, scene)
        assert edited - reads[-1] < 2.5
    assert len(writes(env)) == SCENES
    read = [one["target"].partition("?")[0] for one in env.plex.requests(headers=False)]
    items = sum(len(path.split(",")) for path in read if path.startswith("/library/metadata/"))
    assert items < 2 * SCENES  # a batch becomes as small as it has to be


def test_scenes_in_step_behind_slow_edits_are_read_in_large_batches_again(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """What makes a batch small is its edits: behind one without any Plex is spared as ever."""
    monkeypatch.setattr("sync.write.GOOD_FOR", 1.0)
    synced(stepped, ALL)
    env = stepped.env
    for scene in range(1, batches + 1):
        env.stash.set_scene(scene, title=f"Once slow {scene}")
    stepped.forget_requests()
    stepped.late = 60.0
    env.plex.latency(50)
    stepped.task(ALL)
    stepped.drain()
    assert len(writes(env)) == batches
    assert stepped.resident.dispatcher._size.most == batches


@pytest.mark.parametrize("ahead", [-1.0, 1000.0])
def test_a_plan_that_grew_old_is_made_again(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch, batches: int, ahead: float
) -> None:
    """A pace that changes suddenly makes the guess wrong; the age decides."""
    monkeypatch.setattr("sync.write.AHEAD", ahead)
    monkeypatch.setattr("sync.pipeline.GOOD_FOR", 0.5)
    renamed(stepped, f"Aged {ahead:g}")
    env = stepped.env
    env.plex.latency(10)
    stepped.task(ALL)
    stepped.drain()
    _, reads = edits_and_reads(env, batches + 50)
    (last_of_first,), _ = edits_and_reads(env, batches)
    # Planned at the beginning of the first batch and again, or only once.
    assert len(reads) == (2 if ahead > 0 else 1)
    assert last_of_first < reads[-1]
    assert len(writes(env)) == SCENES


def test_what_is_planned_twice_is_settled_once(stepped: BulkWorker) -> None:
    """A scene that Plex lacks has waited once, although its batch was planned two times."""
    env = stepped.env
    for scene in (150, 160, 170):
        env.plex.delete_item(key_of(env, scene))
    stepped.task(ALL)
    after(stepped, edits=99, then=lambda: env.settings(sync_fields="title"))
    stepped.drain()
    rows = stepped.rows()
    assert sorted(rows) == [150, 160, 170]
    assert {row.attempts for row in rows.values()} == {1}
    assert env.log().count("scene 150:") == 1


def test_no_plan_holds_the_queue_while_an_edit_is_under_way(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faults of the next batch count at its turn, and Plex is asked nothing in a transaction."""
    renamed(stepped, "Held")
    env, connection = stepped.env, stepped.resident.store.connection
    failing(env, *range(110, 116))
    held: list[tuple[bool, int]] = []
    probed: list[bool] = []
    hold, probe = CircuitBreaker.hold, PlexClient.probe

    def watched_hold(self: CircuitBreaker, *given: Any) -> None:
        within = any(step.name == "exchange" for step in traceback.extract_stack())
        held.append((within, len(writes(env))))
        hold(self, *given)

    def watched_probe(self: PlexClient) -> str:
        probed.append(connection.in_transaction)
        return probe(self)

    monkeypatch.setattr(CircuitBreaker, "hold", watched_hold)
    monkeypatch.setattr(PlexClient, "probe", watched_probe)
    monkeypatch.setattr("worker.dispatch.LOOK_UP", 60.0)  # whoever held it has to stop by himself
    stepped.task(ALL)
    assert stepped.resident.dispatcher.take()
    assert set(held) == {(False, 100)}
    assert len(writes(env)) == 100
    assert True not in probed
    monkeypatch.setattr("worker.dispatch.LOOK_UP", 0.0)
    env.plex.clear_faults()
    stepped.wait()
    stepped.settle()
    assert all(stepped.env.item(scene)["fields"]["title"] == f"Held {scene}" for scene in ALL)
    assert len(writes(env)) == SCENES


def test_what_was_written_is_recorded_although_plex_is_gone_afterwards(stepped: BulkWorker) -> None:
    """Who Plex is was known before the edits, so nobody has to ask again to note them."""
    renamed(stepped, "Gone")
    env, before = stepped.env, stepped.tally()["changed"]
    failing(env, *range(110, 116))
    env.plex.fault("status", method="GET", path="/identity", times=None, status=503)
    stepped.task(ALL)
    stepped.drain()
    assert len(writes(env)) == 100
    assert stepped.tally()["changed"] - before == 100
    env.plex.clear_faults()


def test_the_library_is_not_listed_while_an_answer_lies_ready(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that grew old is refreshed at the batch's turn, not between an edit and its end."""
    monkeypatch.setattr("matching.path_index.pages", partial(plex.listing.pages, size=10))
    monkeypatch.setattr("sync.index_policy.INDEX_AGE", 0.1)
    env = stepped.env
    env.plex.latency(5)
    stepped.task(ALL)
    stepped.drain()
    requests = env.plex.requests(headers=False)
    listed = [one["at"] for one in requests if one["method"] == "GET" and "/all" in one["target"]]
    edits = [one for one in requests if one["method"] == "PUT"]
    assert len(listed) > SCENES / 10 + 5  # it grew old within the run
    # Stand-in and worker run on one clock: the answer is sent at "at" + "seconds".
    for number in range(len(edits) - 1):
        between = [at for at in listed if edits[number]["at"] < at < edits[number + 1]["at"]]
        assert not between or number % 100 == 99


def test_a_scene_was_looked_at_when_stash_was_asked_for_it(stepped: BulkWorker) -> None:
    """Not when it was planned or written: a save in between has to look newer."""
    env = stepped.env
    env.plex.latency(20)
    stepped.task(ALL)
    stepped.drain()
    asked = {
        int(scene): one["at"]
        for one in env.stash.requests(headers=False)
        for scene in (one["variables"] or {}).get("ids") or ()
    }
    for scene in (1, 100, 101, 199, 300):
        record = ledger.scene_record(stepped.resident.store.connection, scene)
        assert record is not None
        assert record.looked_at <= asked[scene]
        assert record.detailed_at == record.looked_at


def test_a_scene_that_comes_alone_was_looked_at_when_stash_was_asked_for_it(
    stepped: BulkWorker,
) -> None:
    """However long Plex takes to find it: a save in between has to look newer."""
    env = stepped.env
    env.plex.latency(300)
    stepped.hook(7)
    stepped.drain()
    questions = env.stash.requests(headers=False)
    asked = [one["at"] for one in questions if "7" in str(one["variables"])]
    record = ledger.scene_record(stepped.resident.store.connection, 7)
    assert record is not None
    assert record.looked_at <= asked[0]


def test_a_batch_gives_way_to_a_hold(stepped: BulkWorker) -> None:
    """Whoever learns that Plex is down stops the edits of everybody."""
    env = stepped.env
    stepped.task(ALL)
    down = ServerUnavailable("Plex is down.")
    after(
        stepped,
        edits=10,
        then=lambda: stepped.resident.worker.breaker.hold(holds.PLEX, down, PROBE),
    )
    assert stepped.resident.dispatcher.take()
    assert len(writes(env)) == 10
    assert len(stepped.rows()) == SCENES - 10


def test_a_defect_in_a_later_batch_is_looked_for_in_that_batch(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scenes are looked at one by one, not as many as the first batch had."""
    renamed(stepped, "Defect")
    dispatcher = stepped.resident.dispatcher
    monkeypatch.setattr("worker.batch_run.BATCH", 250)
    calls: list[int] = []

    def broken(context: Context, batch: Batch) -> Iterator[Step]:
        calls.append(len(batch.ids))
        if len(calls) == 2:
            raise ZeroDivisionError
        return read.items(context, batch)

    stages = tuple(broken if stage is read.items else stage for stage in pipeline.PLAN)
    monkeypatch.setattr(pipeline, "PLAN", stages)
    stepped.task(ALL)
    assert dispatcher.take()
    assert calls == [250, 50]
    assert dispatcher.one_by_one == 50
    stepped.drain()
    assert len(writes(stepped.env)) == SCENES
