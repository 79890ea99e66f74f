"""The circuit breaker beside the schedules: first settings, changed ones, and edits that ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plex.error_types import (
    AmbiguousMatch,
    ImageTooLarge,
    LibraryNotFound,
    NotInPlexYet,
    RateLimited,
    RejectedEdit,
    RequestTooLarge,
    ServerTimeout,
    ServerUnreachable,
)
from stash.exceptions import StashUnavailable, StashUnreachable
from store import holds, meta, queue
from store.enqueue import BACKGROUND, TASK, enqueue
from tests.fault_environment import FaultEnvironment, fault_environment
from worker.circuit_breaker import (
    EDIT_ASKS,
    MEND,
    PROBE,
    READ_IN_OUTAGE,
    REFUSED,
    SUSPECT,
    CircuitBreaker,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from errors import SyncError

SCENES = 6
#: So far away that no step of ours brings a look forward.
FAR = 40_000.0


@pytest.fixture
def new(tmp_path: Path, stand_ins: Any) -> Iterator[FaultEnvironment]:
    """An environment whose worker has not read the settings yet, and none were ever good."""
    with fault_environment(tmp_path, *stand_ins, stash_timeout=0.4, plex_read_timeout=0.4) as made:
        yield made


@pytest.fixture
def env(new: FaultEnvironment) -> FaultEnvironment:
    """One whose worker has read good settings and has nothing to do."""
    new.live(0)
    return new


def dirty(env: FaultEnvironment) -> list[int]:
    """The scenes in the queue."""
    return [row.id for row in env.rows()]


def mark_as(env: FaultEnvironment, urgency: int, *scenes: int) -> None:
    """Mark scenes as a task or a sweep does."""
    with env.worker.store.transaction() as connection:
        enqueue(connection, "scene", scenes, now=env.clock.now, urgency=urgency)


# --- the first settings ------------------------------------------------------------------------


def test_what_nobody_saw_before_the_first_settings_leaves_the_queue(new: FaultEnvironment) -> None:
    """What hooks and sweeps marked goes and is counted; a task's rows and later edits stay."""
    breaker, given = new.worker.breaker, dict(new.given)
    new.mark([1, 2])
    assert not breaker.adopt({**given, "plex_url": ""})
    assert dirty(new) == [1, 2]
    new.mark([3])
    mark_as(new, TASK, 4)
    mark_as(new, BACKGROUND, 5)
    assert not breaker.adopt({**given, "plex_url": ""})  # known to be wrong, and looked at again
    written = new.worker.store.connection.total_changes
    assert not breaker.adopt({**given, "plex_url": ""})  # with nothing new to note
    assert new.worker.store.connection.total_changes == written
    new.mark([6])
    assert breaker.adopt(given)
    assert dirty(new) == [4, 6]
    connection = new.worker.store.connection
    assert meta.get(connection, meta.SWEEP_SINCE) == new.clock.now
    assert "left to Preview and Sync all (4 scenes)" in new.log()
    assert "the settings changed" not in new.log()
    new.mark([1])
    assert not breaker.adopt({**given, "plex_url": ""})
    assert breaker.adopt(given)
    assert dirty(new) == [1, 4, 6]
    assert breaker.adopt({**given, "sync_fields": "title"})
    assert new.log().count("the first time") == 1


def test_the_first_settings_leave_alone_where_a_sweep_goes_on(new: FaultEnvironment) -> None:
    """A sweep that has begun already knows from when on it looks."""
    with new.worker.store.transaction() as connection:
        meta.put(connection, meta.SWEEP, {"any": "thing"})
        meta.put(connection, meta.BEFORE_SETTINGS, 0)
    before = meta.get(new.worker.store.connection, meta.SWEEP_SINCE)
    assert new.worker.breaker.adopt(dict(new.given))
    assert meta.get(new.worker.store.connection, meta.SWEEP_SINCE) == before


def test_settings_that_are_good_at_once_leave_nothing_out(new: FaultEnvironment) -> None:
    """Where the queue never waited for settings, all of it was asked for."""
    new.mark([1])
    assert new.worker.breaker.adopt(dict(new.given))
    assert dirty(new) == [1]
    assert "first time" not in new.log()


@pytest.mark.parametrize("begun", [{"at": 1.0, "from": "lost"}, None])
def test_a_database_that_was_lost_is_none_that_waits_for_its_first_settings(
    new: FaultEnvironment, begun: object
) -> None:
    """Its scenes were synced before, so all are compared, also where nobody noted how it began."""
    with new.worker.store.transaction() as connection:
        meta.put(connection, meta.LEDGER, begun)
    breaker = new.worker.breaker
    new.mark([1, 2])
    assert not breaker.adopt({**new.given, "plex_url": ""})
    assert breaker.adopt(dict(new.given))
    assert dirty(new) == [1, 2]


def test_a_first_token_that_opens_nothing_completes_nothing(new: FaultEnvironment) -> None:
    """It holds the settings by the steps of what may pass, and what comes meanwhile is left."""
    breaker = new.worker.breaker
    wrong = {**new.given, "plex_token": "opens-nothing"}
    new.mark([1])
    assert not breaker.adopt(wrong)
    (hold,) = new.holds()
    assert (hold.lane, hold.reason) == (holds.SETTINGS, "AuthError")
    assert hold.until == new.clock.now + REFUSED[0]
    new.mark([2])
    new.clock.now += REFUSED[0]
    assert not breaker.adopt(wrong)  # asked again when its time is up
    (hold,) = new.holds()
    assert hold.until == new.clock.now + REFUSED[1]
    assert breaker.adopt(dict(new.given))
    assert dirty(new) == []
    assert not new.holds()


def test_first_settings_are_complete_though_plex_is_down(new: FaultEnvironment) -> None:
    """Where Plex cannot be asked nothing speaks against them."""
    new.plex_proxy.shut()
    assert new.worker.breaker.adopt(dict(new.given))
    assert not new.holds()


def test_later_settings_cost_plex_no_question(env: FaultEnvironment) -> None:
    """Only the first ones are tried out; after that the work shows whether they are good."""
    env.plex.clear_requests()
    assert env.worker.breaker.adopt({**env.given, "plex_token": "another-token"})
    assert env.plex.counts()["total"] == 0


# --- changed settings --------------------------------------------------------------------------


def test_changed_settings_make_due_what_they_may_mend_and_say_how_much(
    env: FaultEnvironment,
) -> None:
    """Each scene whose reason a setting may mend goes again, once for each change."""
    mended: list[SyncError] = [
        NotInPlexYet("m"),
        AmbiguousMatch("m"),
        RequestTooLarge("m"),
        ImageTooLarge("m"),
    ]
    for scene, fault in enumerate([*mended, RejectedEdit("m")], start=1):
        env.mark([scene])
        row = queue.get(env.worker.store.connection, "scene", scene)
        assert row is not None
        env.worker.worker.settle(row, fault)
    assert all(row.due_at != 0 for row in env.rows())
    assert env.worker.breaker.adopt({**env.given, "sync_fields": "title"})
    assert [row.id for row in env.rows() if row.due_at == 0] == [1, 2, 3, 4]
    said = [line for line in env.log().splitlines() if "the settings changed" in line]
    assert [line.partition("INFO ")[2] for line in said] == [
        "the settings changed: going on with 4 scenes that waited"
    ]
    assert env.worker.breaker.adopt(dict(env.given))  # nothing is left that could be mended
    assert env.log().count("the settings changed") == 1


def test_settings_that_are_read_again_make_nothing_due(env: FaultEnvironment) -> None:
    """A worker that has just started finds the settings as they were."""
    env.mark([1])
    row = queue.get(env.worker.store.connection, "scene", 1)
    assert row is not None
    env.worker.worker.settle(row, NotInPlexYet("m"))
    context = env.worker.worker.context
    context.adopt(None, "")
    assert CircuitBreaker(context).adopt(dict(env.given))
    assert [row.due_at for row in env.rows()] == [env.clock.now + 60.0]


# --- who waits ---------------------------------------------------------------------------------


def test_a_stash_that_does_not_tell_its_settings_holds_the_queue(env: FaultEnvironment) -> None:
    """Plex's time is up, but nobody knows the settings: nothing goes on, by Stash's steps."""
    breaker = env.worker.breaker
    breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    env.clock.now += PROBE[0]
    env.stash_proxy.shut()
    assert breaker.lets_pass() is False
    waiting = {hold.lane: hold for hold in env.holds()}
    assert set(waiting) == {holds.PLEX, holds.STASH}
    assert waiting[holds.STASH].until == env.clock.now + PROBE[0]


def test_a_wrong_setting_makes_no_outage_of_stash_longer(env: FaultEnvironment) -> None:
    """However often the setting was tried, Stash is asked again as soon as ever."""
    env.settings(plex_read_timeout="soon")
    env.edit(1, "meanwhile")
    env.live(MEND[0] + MEND[1] + 10)
    (hold,) = env.holds()
    assert hold.attempts > 1
    env.stash_proxy.shut()
    env.clock.now = hold.until
    assert env.worker.breaker.lets_pass() is False
    waiting = {hold.lane: hold for hold in env.holds()}
    assert waiting[holds.STASH].until == env.clock.now + PROBE[0]


def test_a_hold_is_of_what_is_wrong_by_now(env: FaultEnvironment) -> None:
    """A Plex that was down and comes back behind a login page has a setting wrong, and so on."""

    def held() -> list[tuple[str, str]]:
        return [(hold.lane, hold.reason) for hold in env.holds()]

    env.plex_proxy.shut()
    env.edit(1, "meanwhile")
    env.live(10)
    assert held() == [(holds.PLEX, "ServerUnreachable")]
    env.plex.fault("html200", times=None)
    env.plex_proxy.open()
    env.live(60)
    assert held() == [(holds.SETTINGS, "NotAPlexServer")]
    env.plex_proxy.shut()
    env.live(1000)
    assert held() == [(holds.PLEX, "ServerUnreachable")]
    env.plex.clear_faults()
    env.plex_proxy.open()
    env.live(400, until_done=True)
    assert env.in_step()
    assert held() == []


def test_other_settings_end_a_wait_for_plex_before_its_time(env: FaultEnvironment) -> None:
    """They may name another server: what was known of the one before is no reason to wait."""
    far_hold(env)
    assert not env.worker.breaker.lets_pass()
    env.settings(sync_fields="title")
    env.clock.now += READ_IN_OUTAGE[0]
    assert env.worker.breaker.lets_pass()
    assert not env.holds()


def test_only_a_wait_for_plex_closes_the_way_to_it(env: FaultEnvironment) -> None:
    """Another server may answer there afterwards; while Stash is away nothing changes for Plex."""
    context, breaker = env.worker.worker.context, env.worker.breaker
    client = context.client()
    breaker.hold(holds.STASH, StashUnreachable("m"), PROBE)
    assert context.client() is client
    breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    assert context.client() is not client


def test_the_end_of_a_wait_takes_back_what_the_next_hook_would_say(env: FaultEnvironment) -> None:
    """The line in Stash's log is about now."""
    env.mark([1])
    env.worker.breaker.hold(holds.SETTINGS, LibraryNotFound("m"), MEND)
    assert "Waiting: 1;" in env.notice()
    env.worker.breaker.clear(holds.SETTINGS)
    assert env.notice() == ""


# --- edits that ask ----------------------------------------------------------------------------


def far_hold(env: FaultEnvironment, lane: str = holds.PLEX) -> float:
    """Hold a lane far into the future, without a server that asked for it; give its end."""
    fault = LibraryNotFound("m") if lane == holds.SETTINGS else ServerUnreachable("m")
    env.worker.breaker.hold(lane, fault, (FAR,))
    return env.clock.now + FAR


def test_an_edit_asks_ten_seconds_after_the_last_try_and_no_sooner(env: FaultEnvironment) -> None:
    """Only one that came after it; a task's row does not."""
    breaker = env.worker.breaker
    env.mark([1])
    far_hold(env)
    asks_at = env.clock.now + EDIT_ASKS
    assert breaker.next_look() == env.clock.now + 30.0  # to read the settings
    mark_as(env, TASK, 2)
    assert breaker.next_look() == env.clock.now + 30.0
    env.mark([3])
    assert breaker.next_look() == asks_at
    env.clock.now = asks_at - 0.5
    env.plex.clear_requests()
    assert not breaker.lets_pass()
    assert env.plex.counts()["total"] == 0
    env.clock.now = asks_at
    assert breaker.lets_pass()
    assert not env.holds()


def test_a_worker_that_was_started_by_an_edit_asks_at_once(env: FaultEnvironment) -> None:
    """It does not know when the one before it asked, but that an edit waits."""
    far_hold(env)
    context = env.worker.worker.context
    started = CircuitBreaker(context)
    assert started.next_look() == env.clock.now + 30.0
    env.mark([1])
    assert started.next_look() == EDIT_ASKS  # long ago
    assert started.lets_pass()
    assert not env.holds()


@pytest.mark.parametrize(
    ("fault", "is_left_alone"),
    [
        (RateLimited("m"), True),
        (ServerUnreachable("m", retry_after=FAR), True),
        (ServerUnreachable("m"), False),
    ],
)
def test_an_edit_does_not_ask_a_server_that_wants_to_be_left_alone(
    env: FaultEnvironment, fault: SyncError, is_left_alone: bool
) -> None:
    """With a time of its own or without one; a later hold of another kind ends that."""
    breaker = env.worker.breaker
    breaker.hold(holds.PLEX, fault, (FAR,))
    env.mark([1])
    env.clock.now += EDIT_ASKS
    assert breaker.lets_pass() is not is_left_alone
    breaker.clear(holds.PLEX)
    far_hold(env)
    env.mark([2])
    env.clock.now += EDIT_ASKS
    assert breaker.lets_pass()


def test_an_edit_brings_no_suspected_server_forward_and_others_as_ever(
    env: FaultEnvironment,
) -> None:
    """A suspicion ends with its hold, whichever lane waits next."""
    breaker = env.worker.breaker
    for _ in SUSPECT:  # so that an edit would come before its time is up
        breaker.suspect(holds.PLEX, ServerTimeout("m"))
    env.mark([1])
    env.clock.now += EDIT_ASKS
    assert not breaker.lets_pass()
    breaker.clear(holds.PLEX)
    far_hold(env, holds.SETTINGS)
    env.mark([2])
    env.clock.now += EDIT_ASKS
    assert breaker.lets_pass()


def test_a_clock_that_was_set_back_does_not_keep_edits_waiting(env: FaultEnvironment) -> None:
    """A last try that lies days ahead was made by another clock: an edit asks now."""
    far_hold(env)
    env.mark([1])
    env.clock.now -= 3 * queue.LONGEST_WAIT
    assert env.worker.breaker.next_look() == env.clock.now


def test_stash_is_asked_again_by_the_first_mark_and_not_by_the_same_one(
    env: FaultEnvironment,
) -> None:
    """Whoever marked something after the last look shows that Stash lives."""
    breaker = env.worker.breaker
    env.mark([1])
    env.stash_proxy.shut()
    breaker.hold(holds.STASH, StashUnavailable("m", retry_after=FAR), MEND)
    assert not breaker.lets_pass()
    env.stash_proxy.open()
    env.stash.clear_requests()
    assert not breaker.lets_pass()
    assert env.stash.counts()["total"] == 0
    env.mark([2])
    assert breaker.lets_pass()
