"""What a fault costs: which row waits for how long, and when the queue as a whole waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from errors import PermanentError, SyncError
from plex.error_types import (
    AuthError,
    BadResponse,
    LibraryNotFound,
    NotInPlexYet,
    RateLimited,
    RejectedEdit,
    ServerChanged,
    ServerError,
    ServerTimeout,
    ServerUnreachable,
)
from stash.exceptions import (
    StashAnswerError,
    StashQueryRefused,
    StashTimeout,
    StashUnavailable,
    StashUnreachable,
)
from store import history, holds, meta, queue
from store.enqueue import TASK, enqueue
from tests.fault_environment import FaultEnvironment, fault_environment
from worker.circuit_breaker import (
    AT_IT,
    MEND,
    PROBE,
    RATE_LIMIT,
    READ_IN_OUTAGE,
    READ_SETTINGS,
    SUSPECT,
    CircuitBreaker,
    wait_for,
)
from worker.retry_policy import APPEAR, FAULTS_IN_A_ROW, MOST_TRIES, RETRY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.queue import QueueRow

SCENES = 4


@pytest.fixture
def env(tmp_path: Path, stand_ins: Any) -> Iterator[FaultEnvironment]:
    """An environment whose worker has read the settings and has nothing to do."""
    with fault_environment(tmp_path, *stand_ins, stash_timeout=0.4, plex_read_timeout=0.4) as made:
        made.live(0)
        yield made


def row_of(env: FaultEnvironment, scene: int) -> QueueRow:
    """The row of a scene, marked if it is not dirty."""
    connection = env.worker.store.connection
    if queue.get(connection, "scene", scene) is None:
        env.mark([scene])
    row = queue.get(connection, "scene", scene)
    assert row is not None
    return row


def fails(env: FaultEnvironment, scene: int, fault: SyncError) -> float | None:
    """Let a scene fail; give the seconds until it is looked at again, None when it is parked."""
    env.worker.worker.settle(row_of(env, scene), fault)
    due_at = row_of(env, scene).due_at
    return due_at and due_at - env.clock.now


def seconds_held(env: FaultEnvironment, lane: str) -> float:
    """The seconds until a lane is looked at again."""
    held = holds.get(env.worker.store.connection, lane)
    assert held is not None
    return held.until - env.clock.now


# --- how long ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked_for", "tries", "seconds"),
    [
        (None, 0, 5.0),
        (None, 1, 60.0),
        (None, 2, 60.0),
        (None, 99, 60.0),
        (None, -1, 5.0),
        (1.0, 0, 5.0),
        (1.0, 1, 60.0),
        (0.0, 0, 5.0),
        (30.0, 0, 30.0),
        (900.0, 1, 900.0),
    ],
)
def test_the_longer_of_our_own_step_and_what_the_server_asked_for_counts(
    asked_for: float | None, tries: int, seconds: float
) -> None:
    """A server may slow us down and never hurry us; the last step repeats."""
    assert wait_for(ServerError("m", retry_after=asked_for), (5.0, 60.0), tries) == seconds


def test_a_server_that_asks_for_one_second_is_left_alone_for_longer_and_longer(
    env: FaultEnvironment,
) -> None:
    """Retry-After: 1 on every answer does not turn our own steps into a request a second."""
    env.plex.fault("status", status=429, headers={"Retry-After": "1"}, times=None)
    env.edit(1, "too much")
    env.worker.step()
    for step in RATE_LIMIT[:3]:
        assert seconds_held(env, holds.PLEX) == step
        env.clock.now += step
        env.worker.step()


def test_a_scene_that_fails_is_tried_again_ever_more_slowly_and_parked_in_the_end(
    env: FaultEnvironment,
) -> None:
    """Each try waits for the next step, the last step repeats, and after the twelfth it rests."""
    waits = []
    for _ in range(MOST_TRIES):
        waits.append(fails(env, 1, ServerError("m")))
        env.worker.worker.retry_policy.succeeded()
    more = MOST_TRIES - 1 - len(RETRY)
    assert waits == [*RETRY, *[RETRY[-1]] * more, None]
    assert not env.holds()


def test_what_plex_does_not_have_waits_on_the_long_schedule_for_ever(env: FaultEnvironment) -> None:
    """A scene that is not in Plex is never parked: it is looked at once a day at last."""
    waits = [fails(env, 1, NotInPlexYet("m")) for _ in range(MOST_TRIES + 3)]
    assert waits[: len(APPEAR)] == list(APPEAR)
    assert set(waits[len(APPEAR) :]) == {APPEAR[-1]}


@pytest.mark.parametrize("fault", [RejectedEdit("m"), PermanentError("m")])
def test_what_only_an_edit_can_mend_rests_at_once(env: FaultEnvironment, fault: SyncError) -> None:
    """A refused edit is not sent a second time."""
    assert fails(env, 1, fault) is None
    assert not env.holds()


# --- one scene, or all -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "lane"), [(ServerError("m"), holds.PLEX), (StashAnswerError("m"), holds.STASH)]
)
def test_scene_after_scene_that_fails_slows_the_queue_down(
    env: FaultEnvironment, fault: SyncError, lane: str
) -> None:
    """The fifth scene in a row holds the queue although the server lives."""
    for scene in range(1, FAULTS_IN_A_ROW):
        assert fails(env, scene, fault) == RETRY[0]
    assert not env.holds()
    assert fails(env, FAULTS_IN_A_ROW, fault) == RETRY[0]
    assert [hold.lane for hold in env.holds()] == [lane]
    assert seconds_held(env, lane) == SUSPECT[0]


def test_one_scene_that_fails_again_and_again_counts_once(env: FaultEnvironment) -> None:
    """A poison scene on its own never slows the queue down, not even if it is edited each time."""
    for _ in range(2 * FAULTS_IN_A_ROW):
        fails(env, 1, ServerError("m"))
        env.mark([1])
    assert not env.holds()


def test_what_is_plainly_about_one_scene_costs_no_question(env: FaultEnvironment) -> None:
    """Nobody is asked for a sign of life because of an answer that was one."""
    env.plex_proxy.shut()
    env.stash_proxy.shut()
    assert fails(env, 1, ServerError("m")) == RETRY[0]
    assert fails(env, 2, StashAnswerError("m")) == RETRY[0]
    assert not env.holds()


def test_a_scene_that_goes_through_starts_the_count_anew(env: FaultEnvironment) -> None:
    """Only failures without a success between them make the server suspect."""
    for scene in range(4 * FAULTS_IN_A_ROW):
        if scene % (FAULTS_IN_A_ROW - 1) == 0:
            env.worker.worker.retry_policy.succeeded()
        fails(env, scene, ServerError("m"))
        assert not env.holds()


def test_each_server_has_a_count_of_its_own(env: FaultEnvironment) -> None:
    """Failures of Stash are none of Plex; and who got as far as Plex was served by Stash."""
    for scene in range(1, FAULTS_IN_A_ROW):
        fails(env, scene, StashAnswerError("m"))
    fails(env, 10, ServerError("m"))  # Stash did its work
    for scene in range(11, 10 + FAULTS_IN_A_ROW - 1):
        fails(env, scene, StashAnswerError("m"))
    assert not env.holds()
    for scene in range(21, 20 + FAULTS_IN_A_ROW - 1):
        fails(env, scene, ServerError("m"))
    assert not env.holds()  # four of Plex in a row
    fails(env, 30, StashAnswerError("m"))
    assert not env.holds()  # what Stash fails at says nothing of Plex
    fails(env, 31, ServerError("m"))
    assert [hold.lane for hold in env.holds()] == [holds.PLEX]


@pytest.mark.parametrize("fault", [NotInPlexYet("m"), RejectedEdit("m")])
def test_an_answer_about_a_scene_shows_that_stash_serves(
    env: FaultEnvironment, fault: SyncError
) -> None:
    """A scene that Plex does not have, or refuses, was read from Stash before."""
    for scene in range(1, FAULTS_IN_A_ROW):
        fails(env, scene, StashAnswerError("m"))
    fails(env, 10, fault)
    for scene in range(11, 10 + FAULTS_IN_A_ROW):
        fails(env, scene, StashAnswerError("m"))
    assert not env.holds()


def test_a_scene_is_not_parked_while_the_whole_queue_fails(env: FaultEnvironment) -> None:
    """Tries that the server's state cost are no reason to give a scene up."""
    for scene in range(1, FAULTS_IN_A_ROW + 1):
        fails(env, scene, ServerError("m"))
    for _ in range(MOST_TRIES + 1):
        assert fails(env, 1, ServerError("m")) is not None


def test_a_failed_batch_counts_as_one_scene_and_spends_no_tries(env: FaultEnvironment) -> None:
    """However often batches fail, the scenes decide one by one whose fault it is."""
    policy = env.worker.worker.retry_policy
    env.mark([1, 2])
    for _ in range(FAULTS_IN_A_ROW + 1):
        policy.retry_batch(ServerError("m"))
    assert not env.holds()
    assert all((row.due_at, row.attempts) == (0, 0) for row in env.rows())
    for scene in range(1, FAULTS_IN_A_ROW):
        fails(env, scene, ServerError("m"))
    assert [hold.lane for hold in env.holds()] == [holds.PLEX]


def test_a_batch_that_meets_a_server_that_is_down_holds_the_queue(env: FaultEnvironment) -> None:
    """What concerns all is held at once, whether one scene met it or a batch."""
    env.plex_proxy.shut()
    env.worker.worker.retry_policy.retry_batch(ServerUnreachable("m"))
    assert seconds_held(env, holds.PLEX) == PROBE[0]


def test_a_server_that_is_asked_and_answers_is_not_down(env: FaultEnvironment) -> None:
    """A timeout of one request costs that scene a try, not the others their turn."""
    assert fails(env, 1, ServerTimeout("m")) == RETRY[0]
    assert fails(env, 2, StashTimeout("m")) == RETRY[0]
    assert fails(env, 3, AuthError("m", setting="plex_token")) == RETRY[0]
    assert not env.holds()


def test_the_sign_of_life_that_is_missing_says_what_is_wrong(env: FaultEnvironment) -> None:
    """A scene that met a timeout of a server that now refuses is told of the refusal."""
    env.plex_proxy.shut()
    env.mark([1])
    env.worker.worker.settle(row_of(env, 1), ServerTimeout("m", retry_after=77.0))
    (hold,) = env.holds()
    assert (hold.lane, hold.reason) == (holds.PLEX, "ServerUnreachable")
    assert hold.until - env.clock.now == 77.0  # what the server had asked for before counts
    assert (row_of(env, 1).due_at, row_of(env, 1).attempts) == (0, 0)


def test_another_server_at_the_same_address_costs_no_try(env: FaultEnvironment) -> None:
    """Nothing is wrong with it: the row comes again at once, over a connection of its own."""
    context = env.worker.worker.context
    client = context.client()
    env.mark([1])
    env.worker.worker.settle(row_of(env, 1), ServerChanged("Another one answers."))
    assert (row_of(env, 1).due_at, row_of(env, 1).attempts) == (0, 0)
    assert not env.holds()
    assert context.client() is not client
    assert "Another one answers." in env.log()


def test_the_newest_word_of_a_server_on_when_to_come_back_counts(env: FaultEnvironment) -> None:
    """A sign of life that is refused with a time of its own replaces the earlier one."""
    env.plex.fault("status", status=503, headers={"Retry-After": "200"}, times=None)
    env.worker.worker.settle(row_of(env, 1), ServerTimeout("m", retry_after=77.0))
    assert seconds_held(env, holds.PLEX) == 200.0


@pytest.mark.parametrize(
    ("fault", "lane", "step"),
    [
        (RateLimited("m"), holds.PLEX, RATE_LIMIT[0]),
        (LibraryNotFound("m", setting="plex_libraries"), holds.SETTINGS, MEND[0]),
        (StashQueryRefused("m"), holds.SETTINGS, MEND[0]),
        (StashUnavailable("m", retry_after=40.0), holds.STASH, 40.0),
    ],
)
def test_what_a_sign_of_life_cannot_refute_holds_at_once(
    env: FaultEnvironment, fault: SyncError, lane: str, step: float
) -> None:
    """Who asks for fewer requests, names a time or lacks a library means all scenes."""
    env.mark([1])
    env.worker.worker.settle(row_of(env, 1), fault)
    assert [hold.lane for hold in env.holds()] == [lane]
    assert seconds_held(env, lane) == step
    assert row_of(env, 1).attempts == 0


def test_a_token_that_opens_nothing_holds_the_settings(env: FaultEnvironment) -> None:
    """A 401 is only one scene's own while the same token still opens the libraries."""
    env.plex.fault("status", status=401, path="/library/sections$", times=None)
    env.worker.worker.settle(row_of(env, 1), AuthError("m", setting="plex_token"))
    (hold,) = env.holds()
    assert (hold.lane, hold.reason, hold.setting) == (holds.SETTINGS, "AuthError", "plex_token")


def test_a_stash_that_does_not_answer_holds_the_queue(env: FaultEnvironment) -> None:
    """A scene that cannot be read from a Stash that is gone keeps its tries."""
    env.stash_proxy.shut()
    env.mark([1])
    env.worker.worker.settle(row_of(env, 1), StashTimeout("m"))
    (hold,) = env.holds()
    assert (hold.lane, hold.reason) == (holds.STASH, "StashUnreachable")
    assert row_of(env, 1).attempts == 0


# --- one hold after another --------------------------------------------------------------------


def test_a_server_that_answers_and_fails_again_is_asked_as_seldom_as_one_that_is_down(
    env: FaultEnvironment,
) -> None:
    """Only work that was done starts the steps anew; an answer to a probe does not."""
    breaker, fault = env.worker.breaker, ServerUnreachable("m")
    for step in PROBE[:4]:
        breaker.hold(holds.PLEX, fault, PROBE)
        assert seconds_held(env, holds.PLEX) == step
        breaker.clear(holds.PLEX)
    breaker.served(holds.STASH)  # the other one
    breaker.hold(holds.PLEX, fault, PROBE)
    assert seconds_held(env, holds.PLEX) == PROBE[4]
    breaker.clear(holds.PLEX)
    breaker.served(holds.PLEX)
    breaker.hold(holds.PLEX, fault, PROBE)
    assert seconds_held(env, holds.PLEX) == PROBE[0]
    breaker.clear(holds.PLEX)
    env.worker.worker.retry_policy.succeeded()
    breaker.hold(holds.PLEX, fault, PROBE)
    assert seconds_held(env, holds.PLEX) == PROBE[0]


def test_an_answer_from_plex_starts_only_the_steps_of_stash_anew(env: FaultEnvironment) -> None:
    """Who got as far as Plex was served by Stash, and nothing more is known."""
    breaker = env.worker.breaker
    for lane, fault in ((holds.STASH, StashUnreachable("m")), (holds.PLEX, ServerTimeout("m"))):
        breaker.hold(lane, fault, PROBE)
        breaker.clear(lane)
    fails(env, 1, BadResponse("m"))
    breaker.hold(holds.STASH, StashUnreachable("m"), PROBE)
    breaker.hold(holds.PLEX, ServerTimeout("m"), PROBE)
    assert seconds_held(env, holds.STASH) == PROBE[0]
    assert seconds_held(env, holds.PLEX) == PROBE[1]


def test_a_running_hold_keeps_its_beginning_and_counts_its_tries(env: FaultEnvironment) -> None:
    """The page says since when the queue waits, whatever the faults are called meanwhile."""
    began = env.clock.now
    for place, fault in enumerate((ServerUnreachable("gone"), ServerTimeout("silent"))):
        env.worker.breaker.hold(holds.PLEX, fault, PROBE)
        (hold,) = env.holds()
        assert (hold.since, hold.attempts, hold.message) == (began, place + 1, fault.message)
        assert seconds_held(env, holds.PLEX) == PROBE[place]
        env.clock.now += 100
    CircuitBreaker(env.worker.worker.context).hold(holds.PLEX, fault, PROBE)
    assert seconds_held(env, holds.PLEX) == PROBE[2]  # a worker that has just started goes on


def test_a_hold_is_said_once_as_long_as_it_says_the_same(env: FaultEnvironment) -> None:
    """A day of outage is one line in the log; another reason is a second one."""
    for message in ("gone", "gone", "gone", "silent", "silent"):
        env.worker.breaker.hold(holds.PLEX, ServerUnreachable(message), PROBE)
    lines = [line for line in env.log().splitlines() if "(the queue waits)" in line]
    assert ["gone" in line for line in lines] == [True, False]


def test_the_end_of_an_outage_frees_what_waited_for_that_server(env: FaultEnvironment) -> None:
    """Scenes on their own schedule go with the rest, and the log says how many."""
    fails(env, 1, ServerTimeout("m"))
    fails(env, 2, ServerError("m"))  # its own fault
    fails(env, 3, RejectedEdit("m"))
    env.worker.breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    env.worker.breaker.clear(holds.PLEX)
    assert row_of(env, 1).due_at == 0
    assert row_of(env, 2).due_at == env.clock.now + RETRY[0]
    assert row_of(env, 3).due_at is None
    assert "plex: no longer waiting, going on, 1 scene with it" in env.log()
    before = env.log()
    fails(env, 1, ServerTimeout("m"))
    said = env.log()
    env.worker.breaker.clear(holds.PLEX)  # nothing was held
    assert said.startswith(before)
    assert env.log() == said
    assert row_of(env, 1).due_at == env.clock.now + RETRY[0]


def test_the_end_of_a_suspicion_frees_nobody_early(env: FaultEnvironment) -> None:
    """The server lived all the while, so those who waited for it go on waiting."""
    for scene in range(1, FAULTS_IN_A_ROW + 1):
        fails(env, scene, ServerTimeout("m"))
    assert env.holds()
    env.worker.breaker.clear(holds.PLEX)
    assert {row.due_at for row in env.rows()} == {env.clock.now + RETRY[0]}
    assert env.log().rstrip().endswith("plex: no longer waiting, going on")
    # What was suspected once may really be down the next time.
    env.worker.breaker.suspect(holds.PLEX, ServerTimeout("m"))
    env.worker.breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    env.worker.breaker.clear(holds.PLEX)
    assert {row.due_at for row in env.rows()} == {0}


# --- when a hold is looked at ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lane", "fault", "soon", "later"),
    [
        (holds.PLEX, ServerUnreachable("m", retry_after=86400.0), *READ_IN_OUTAGE),
        (holds.SETTINGS, LibraryNotFound("m", retry_after=86400.0), *READ_SETTINGS),
    ],
)
def test_settings_are_read_often_while_somebody_is_likely_to_mend_them(
    env: FaultEnvironment, lane: str, fault: SyncError, soon: float, later: float
) -> None:
    """A quarter of an hour long every few seconds, from then on seldom."""
    breaker = env.worker.breaker
    breaker.hold(lane, fault, MEND)
    began = env.clock.now
    for age, pause in ((AT_IT - 1, soon), (AT_IT, later)):
        env.clock.now = began + age
        assert breaker.next_look() == env.clock.now + pause
    env.clock.now = began
    for pause in (soon, later):
        env.clock.now += later
        assert not breaker.lets_pass()
        assert breaker.next_look() == env.clock.now + pause
        env.stash.clear_requests()
        for after, asked in ((pause - 1, 0), (1, 1)):
            env.clock.now += after
            assert not breaker.lets_pass()
            assert env.stash.counts()["total"] == asked
        env.clock.now += AT_IT


def test_settings_that_are_wrong_hold_and_settings_that_are_good_free_at_once(
    env: FaultEnvironment,
) -> None:
    """Wrong ones are named once, and again after their wait; the mend needs no second look."""
    breaker, given = env.worker.breaker, env.worker.stash.settings()
    wrong = {**given, "plex_url": "not an address"}
    assert breaker.adopt(given)
    assert not breaker.adopt(wrong)
    assert not breaker.adopt(wrong)
    (hold,) = env.holds()
    assert (hold.lane, hold.setting, hold.attempts) == (holds.SETTINGS, "plex_url", 1)
    assert seconds_held(env, holds.SETTINGS) == MEND[0]
    env.clock.now += MEND[0]
    assert not breaker.adopt(wrong)
    assert seconds_held(env, holds.SETTINGS) == MEND[1]
    assert breaker.adopt(given)
    assert not env.holds()
    assert breaker.adopt({**given, "sync_fields": "title"})
    assert not breaker.adopt(wrong)
    breaker.clear(holds.SETTINGS)  # somebody wants it to be tried once more
    assert not breaker.adopt(wrong)
    assert [hold.setting for hold in env.holds()] == ["plex_url"]


def test_what_the_settings_say_of_the_log_is_in_force_with_them(env: FaultEnvironment) -> None:
    """A token stays out of the log even if the rest is wrong, and redact_logs is followed."""
    breaker, log, given = env.worker.breaker, env.worker.log, env.worker.stash.settings()
    assert not breaker.adopt({**given, "plex_url": "no address", "plex_token": "never-say-this"})
    assert "never-say-this" not in log.clean("it is never-say-this")
    assert not breaker.adopt({**given, "plex_url": "no address", "plex_token": 5})
    assert log.clean("5 scenes") == "5 scenes"  # what is no text is no secret either
    for wanted in (True, False):
        assert breaker.adopt({**given, "redact_logs": wanted})
        assert log.is_redacted is wanted


def test_the_settings_are_asked_for_when_there_is_a_reason_and_once(env: FaultEnvironment) -> None:
    """Not while all goes well, at once by a worker that has just started, and then not again."""
    env.stash.clear_requests()
    assert env.worker.breaker.lets_pass()
    assert env.stash.counts()["total"] == 0
    fault = ServerUnreachable("m", retry_after=500.0)
    env.worker.breaker.hold(holds.PLEX, fault, PROBE)
    started = CircuitBreaker(env.worker.worker.context)
    for _ in range(3):
        assert not started.lets_pass()
        assert env.stash.counts()["total"] == 1


def test_a_wait_for_stash_alone_is_looked_at_when_it_is_over(env: FaultEnvironment) -> None:
    """Where Stash itself is down there are no settings to read meanwhile."""
    assert env.worker.breaker.next_look() is None
    env.worker.breaker.hold(holds.STASH, StashUnavailable("m", retry_after=500.0), PROBE)
    assert env.worker.breaker.next_look() == env.clock.now + 500
    env.worker.breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    assert env.worker.breaker.next_look() == env.clock.now + 500


def test_plex_s_time_is_not_up_before_that_of_the_settings(env: FaultEnvironment) -> None:
    """Without settings nobody can ask Plex, so its shorter wait is no reason to look."""
    breaker = env.worker.breaker
    breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    assert breaker.next_look() == env.clock.now + PROBE[0]
    breaker.hold(holds.SETTINGS, LibraryNotFound("m", setting="plex_libraries"), MEND)
    assert breaker.next_look() == env.clock.now + READ_SETTINGS[0]
    env.clock.now += PROBE[0]
    assert breaker.next_look() == env.clock.now + READ_SETTINGS[0]
    env.stash.clear_requests()
    assert not breaker.lets_pass()
    assert env.stash.counts()["total"] == 0


def test_a_hold_from_a_clock_that_was_wrong_is_over(env: FaultEnvironment) -> None:
    """An end that no step of ours can have set does not stop the queue for years."""
    breaker = env.worker.breaker
    breaker.hold(holds.PLEX, ServerUnreachable("m", retry_after=queue.LONGEST_WAIT), PROBE)
    assert not breaker.lets_pass()
    env.clock.now -= 1
    assert breaker.lets_pass()
    assert not env.holds()


def test_a_short_wait_for_plex_does_not_wait_for_the_next_look_at_the_settings(
    env: FaultEnvironment,
) -> None:
    """Two seconds after the first failure Plex is asked, though the settings are read seldom."""
    breaker = env.worker.breaker
    breaker.hold(holds.PLEX, ServerUnreachable("m"), PROBE)
    env.clock.now += PROBE[0] - 0.5
    assert not breaker.lets_pass()
    env.clock.now += 0.5
    env.plex_proxy.shut()
    assert not breaker.lets_pass()
    assert seconds_held(env, holds.PLEX) == PROBE[1]
    env.plex_proxy.open()
    env.clock.now += PROBE[1]
    assert breaker.lets_pass()


def test_a_hold_lasts_until_its_very_second(env: FaultEnvironment) -> None:
    """Nothing is asked before, and once it is over the server is."""
    breaker = env.worker.breaker
    breaker.hold(holds.STASH, StashUnreachable("m"), PROBE)
    assert breaker.lets_pass()  # what was marked before the hold showed that Stash lives
    breaker.hold(holds.STASH, StashUnavailable("m", retry_after=50.0), PROBE)
    env.clock.now += 49
    assert not breaker.lets_pass()
    env.clock.now += 1
    assert breaker.lets_pass()
    assert not env.holds()


# --- what is told ------------------------------------------------------------------------------


def test_what_a_scene_waits_for_is_said_with_its_next_look(env: FaultEnvironment) -> None:
    """One line for each try of a failing scene, one alone for a scene that Plex does not have."""
    for fault in (ServerError("odd"), ServerError("odd"), RejectedEdit("never")):
        fails(env, 1, fault)
    for _ in range(2):
        fails(env, 2, NotInPlexYet("not there"))
    told = [line.partition("Z ")[2] for line in env.log().splitlines() if "scene " in line]
    assert told == [
        "WARNING scene 1: odd (ServerError, next look in 5 s)",
        "WARNING scene 1: odd (ServerError, next look in 15 s)",
        "WARNING scene 1: never (RejectedEdit, parked)",
        "INFO scene 2: not there (NotInPlexYet, next look in 1 min)",
    ]
    assert row_of(env, 1).message == "never"
    assert "could not be synced" in env.notice()


def test_a_task_counts_what_failed_and_what_waits_of_its_own_rows(env: FaultEnvironment) -> None:
    """The summary of a task names the reasons; rows of hooks are none of it."""
    connection = env.worker.store.connection
    with env.worker.store.transaction():
        history.reset_tally(connection)
        enqueue(connection, "scene", [1, 2], now=env.clock.now, urgency=TASK)
    fails(env, 1, RejectedEdit("m"))
    fails(env, 2, NotInPlexYet("m"))
    fails(env, 3, RejectedEdit("m"))
    assert history.tally(connection) == [
        ("failed", "RejectedEdit", 1),
        ("waiting", "NotInPlexYet", 1),
    ]
    assert meta.notice(connection)[0]


def test_a_fault_of_one_scene_is_told_as_that(env: FaultEnvironment) -> None:
    """What the class says of the whole server would lead astray while it answers others."""
    fault = ServerTimeout.about("Plex took too long.")
    fails(env, 1, fault)
    message = row_of(env, 1).message
    assert message.startswith("Plex took too long. That was about this scene only")
    assert message in env.log()


def test_a_fault_without_a_word_about_settings_asks_none_of_the_token(
    env: FaultEnvironment,
) -> None:
    """A timeout is answered by any sign of life; what the token opens is another question."""
    env.plex.fault("status", status=401, path="/library/sections$", times=None)
    assert fails(env, 1, ServerTimeout("m")) == RETRY[0]
    assert not env.holds()


def test_what_a_server_said_is_left_out_of_a_log_that_is_redacted(env: FaultEnvironment) -> None:
    """A proxy's page may hold a title: neither the row nor the log quotes it then."""
    assert env.worker.breaker.adopt({**env.given, "redact_logs": True})
    fault = RejectedEdit("Plex refused it: a secret name.")
    fault.quoted = "a secret name"
    fails(env, 1, fault)
    assert "secret name" not in row_of(env, 1).message + env.log()
