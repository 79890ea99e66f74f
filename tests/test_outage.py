"""Long outages, wrong tokens and poison, with a clock that is turned: who waits, who goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import catalogue_file
from store import holds
from tests.fault_environment import FaultEnvironment, fault_environment
from worker.circuit_breaker import READ_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400.0
SCENES = 40
EDITS = 10_000


@pytest.fixture
def env(tmp_path: Path, stand_ins: Any) -> Iterator[FaultEnvironment]:
    """An environment of a few scenes whose timeouts are short."""
    with fault_environment(
        tmp_path, *stand_ins, stash_timeout=0.4, plex_connect_timeout=0.4, plex_read_timeout=0.4
    ) as made:
        yield made


def served(env: FaultEnvironment) -> list[int]:
    """Give the scenes that the worker's log says were changed, in order, each once."""
    done = [line.split()[3] for line in env.log().splitlines() if ": changed " in line]
    return list(dict.fromkeys(int(number) for number in done))


def test_a_day_without_plex_costs_a_probe_now_and_then(env: FaultEnvironment) -> None:
    """With 10,000 edits waiting a day long, Plex is asked 300 times, and no scene's tries go."""
    env.edit(1, "before")
    env.live(5)
    env.plex_proxy.shut()
    env.edit(1, "first of the outage")
    env.live(60)
    env.mark(list(range(1, EDITS + 1)))
    env.unseen = "plex"
    env.forget()
    env.live(DAY)
    tries = env.meters["plex"].busiest(DAY)
    assert 100 < tries < 320
    assert env.meters["stash"].busiest(3600) < 200
    (hold,) = env.holds()
    assert (hold.lane, hold.reason) == (holds.PLEX, "ServerUnreachable")
    assert all(row.attempts == 0 and row.due_at == 0 for row in env.rows())
    assert len(env.rows()) == EDITS
    assert "Waiting: 10000; nothing is lost" in env.notice()
    assert len(env.log()) < 20_000


def test_after_an_outage_the_newest_edits_are_served_first(env: FaultEnvironment) -> None:
    """One answer ends the wait; then one scene after another, the newest edit first."""
    env.plex_proxy.shut()
    for scene in (3, 9, 4, 1, 8, 2):
        env.edit(scene, f"in the outage {scene}")
    env.live(3 * 3600)
    env.plex_proxy.open()
    env.plex.clear_requests()
    env.live(400, until_done=True)
    assert not env.rows()
    assert env.in_step()
    assert served(env) == [2, 8, 1, 4, 9, 3]
    counts = env.plex.counts()
    assert counts["edits"] == 6
    assert counts["total"] <= 6 * 10 + 4
    assert env.notice() == ""


def test_the_first_answer_releases_what_waited_on_its_own(env: FaultEnvironment) -> None:
    """Scenes that were postponed before the server counted as down go with the rest."""
    env.edit(1, "before")
    env.live(5)
    path = catalogue_file(5).plex_path
    key = env.plex.key_of(path)
    rule = env.plex.fault("hang_headers", path=f"^/library/metadata/{key}\\b", times=None)
    env.edit(5, "slow")
    env.live(40)
    (row,) = env.rows()
    assert (row.reason, row.attempts) == ("ServerTimeout", 3)
    env.plex_proxy.shut()
    env.edit(2, "in the outage")
    env.live(1)
    assert env.holds()
    env.plex.clear_faults(rule)
    env.plex_proxy.open()
    env.live(10, until_done=True)
    assert not env.rows()
    assert env.in_step()


def test_a_wrong_token_stops_at_once_and_resumes_when_it_is_mended(env: FaultEnvironment) -> None:
    """A 401 holds all at once, says so, names the setting; the mend needs no restart."""
    env.edit(1, "before")
    env.live(5)
    env.settings(plex_token="an-old-token")
    env.forget()
    for scene in range(1, 11):
        env.edit(scene, f"with the wrong token {scene}")
    env.live(1200)
    (hold,) = env.holds()
    assert (hold.lane, hold.reason, hold.setting) == (holds.SETTINGS, "AuthError", "plex_token")
    assert "Plex Token" in env.notice()
    assert "an-old-token" not in env.notice() + env.log()
    assert all(row.attempts == 0 for row in env.rows())
    refused = env.plex.counts()["refused"]
    assert refused <= 10
    env.settings(plex_token=env.plex.token)
    env.live(31, until_done=True)
    assert not env.rows()
    assert env.in_step()
    assert env.notice() == ""


def test_a_wrong_setting_is_noticed_before_it_is_used(env: FaultEnvironment) -> None:
    """A setting that cannot be read stops the queue before Plex is asked anything."""
    env.edit(1, "before")
    env.live(5)
    env.settings(plex_read_timeout="soon")
    env.forget()
    env.edit(1, "with a bad number")
    env.live(600)
    assert env.plex.counts()["total"] == 0
    (hold,) = env.holds()
    assert (hold.lane, hold.setting) == (holds.SETTINGS, "plex_read_timeout")
    assert "Plex Read Timeout" in env.notice()
    env.settings(plex_read_timeout=None)
    env.live(31, until_done=True)
    assert env.in_step()


PASSING: dict[str, dict[str, Any]] = {
    "a proxy's page": {"action": "html200"},
    "a proxy's redirect": {"action": "redirect", "location": "http://127.0.0.1:9/login"},
    "a 401": {"action": "status", "status": 401},
    "a 403": {"action": "status", "status": 403},
    "a 498": {"action": "status", "status": 498},
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_while_a_server_starts_heals_within_seconds(
    name: str, env: FaultEnvironment
) -> None:
    """A proxy or a Plex that refuses for some seconds costs as many again, and nobody's help."""
    env.edit(1, "before")
    env.live(5)
    fault = dict(PASSING[name])
    env.plex.fault(fault.pop("action"), times=None, **fault)
    env.edit(1, "while it starts")
    env.live(6)
    (hold,) = env.holds()
    assert hold.lane == holds.SETTINGS
    assert hold.message in env.log()
    env.plex.clear_faults()
    env.live(12, until_done=True)
    assert env.in_step()
    assert not env.holds()


@pytest.mark.parametrize("lane", [holds.SETTINGS, holds.PLEX])
def test_an_edit_brings_a_probe_forward(lane: str, env: FaultEnvironment) -> None:
    """After an hour of waiting a save finds the server well at once, not a quarter hour later."""
    env.edit(1, "before")
    env.live(5)
    env.plex.fault("status", status=401 if lane == holds.SETTINGS else 503, times=None)
    env.edit(1, "while it is refused")
    env.live(4000)
    (hold,) = env.holds()
    assert hold.lane == lane
    env.plex.clear_faults()
    env.edit(2, "when it is well")
    env.live(1)
    assert env.in_step()


def test_edits_bring_no_more_than_a_probe_every_ten_seconds(env: FaultEnvironment) -> None:
    """A save a second with a token that is wrong costs Plex six refusals a minute."""
    env.edit(1, "before")
    env.live(5)
    env.settings(plex_token="an-old-token")
    env.edit(1, "with the wrong token")
    env.live(1000)
    env.plex.clear_requests()
    for number in range(60):
        env.edit(2, f"save {number}")
        env.live(1)
    assert 5 <= env.plex.counts()["refused"] <= 7
    (row,) = [row for row in env.rows() if row.id == 1]
    assert row.attempts == 0


def test_a_server_that_asks_to_be_left_alone_is(env: FaultEnvironment) -> None:
    """No edit brings a probe forward to a server that said how long to stay away."""
    env.edit(1, "before")
    env.live(5)
    env.plex.fault("status", status=429, headers={"Retry-After": "600"}, times=None)
    env.edit(1, "too many")
    env.live(5)
    env.plex.clear_requests()
    for number in range(30):
        env.edit(2, f"save {number}")
        env.live(10)
    assert env.plex.counts()["total"] == 0


POISON: dict[str, dict[str, Any]] = {
    "its edit hangs": {"action": "hang_headers", "method": "PUT"},
    "its edit is a 500": {"action": "status", "status": 500, "method": "PUT"},
    "its edit is a 502": {"action": "status", "status": 502, "method": "PUT"},
    "its edit is a 403": {"action": "status", "status": 403, "method": "PUT"},
    "its edit gets a web page": {"action": "html200", "method": "PUT"},
    "its edit is reset": {"action": "reset_before", "method": "PUT"},
    "its item hangs": {"action": "hang_headers"},
    "its item is not XML": {"action": "status", "status": 200, "body": "<MediaContainer"},
    "its item is a 401": {"action": "status", "status": 401},
}


@pytest.mark.parametrize("name", POISON)
def test_a_poison_scene_never_stops_the_others(name: str, env: FaultEnvironment) -> None:
    """What always fails for one scene parks that one in the end; edits of others go on."""
    for scene in range(1, 6):
        env.edit(scene, f"before {scene}")
    env.live(5)
    key = env.plex.key_of(catalogue_file(5).plex_path)
    fault = dict(POISON[name])
    # An edit names its item in the query, a read in the path.
    env.plex.fault(
        fault.pop("action"), path=f"(id=|/library/metadata/){key}\\b", times=None, **fault
    )
    for scene in (1, 2, 3, 4, 5):
        env.edit(scene, f"after {scene}")
    env.live(60)
    assert [row.id for row in env.rows()] == [5]
    for scene in (1, 2, 3, 4):
        assert env.title(scene) == f"after {scene}"
    env.live(DAY)
    (row,) = env.rows()
    assert row.due_at is None
    assert not env.holds()
    env.edit(1, "a day later")
    env.live(1)
    assert env.title(1) == "a day later"
    assert "1 scene could not be synced" in env.notice()
    env.plex.clear_faults()
    env.edit(5, "mended")
    env.live(1)
    assert env.in_step()
    assert not env.rows()


def test_many_poison_scenes_only_slow_the_others_down(env: FaultEnvironment) -> None:
    """Even when most scenes are poison and the newest, the others get through."""
    keys = [env.plex.key_of(catalogue_file(scene).plex_path) for scene in range(11, 31)]
    wanted = "|".join(map(str, keys))
    env.plex.fault("status", status=502, method="PUT", path=f"id=({wanted})\\b", times=None)
    for scene in range(1, 31):
        env.edit(scene, f"title {scene}")
    env.forget()
    env.live(1800)
    for scene in range(1, 11):
        assert env.title(scene) == f"title {scene}"
    assert env.meters["plex"].busiest(60) < 150


def test_a_poison_scene_of_stash_never_stops_the_others(env: FaultEnvironment) -> None:
    """A scene that Stash cannot read waits on its own; edits of others go on."""
    env.edit(1, "before")
    env.live(5)
    env.stash.fault("status", status=500, query="findScene", times=3)
    for scene in (1, 2, 3):
        env.edit(scene, f"after {scene}")
    env.live(70, until_done=True)
    assert env.in_step()
    assert not env.rows()


def test_a_task_brings_the_end_of_an_outage_forward(env: FaultEnvironment) -> None:
    """A hold that is to be looked at now is over with the first answer, not minutes later."""
    env.plex_proxy.shut()
    env.edit(1, "in the outage")
    env.live(3600)
    env.plex_proxy.open()
    with env.worker.store.transaction() as connection:
        holds.look_now(connection)
    env.live(1)
    assert env.in_step()
    assert json.dumps(env.rows()) == "[]"


def test_a_setting_that_breaks_during_an_outage_is_looked_at_as_seldom_as_ever(
    env: FaultEnvironment,
) -> None:
    """While the setting waits for its mend, Plex's own time being up is no reason to hurry."""
    env.plex_proxy.shut()
    env.edit(1, "in the outage")
    env.live(60)
    env.settings(plex_read_timeout="soon")
    env.live(60)
    assert [hold.lane for hold in env.holds()] == [holds.PLEX, holds.SETTINGS]
    env.forget()
    env.live(1800)
    assert env.meters["stash"].busiest(60) <= 60 / READ_SETTINGS[0] + 1
    env.plex_proxy.open()
    env.settings(plex_read_timeout=None)
    env.live(31, until_done=True)
    assert env.in_step()
