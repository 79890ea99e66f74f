"""Long outages, wrong tokens and poison, with a clock that is turned: who waits, who goes on."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import start_plex
from simulator.control_stash import start_stash
from simulator.library import catalogue_file
from store import holds
from tests.door import Door
from tests.fault_town import FaultTown, fault_town
from worker.circuit_breaker import READ_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400.0
SCENES = 40
EDITS = 10_000


@pytest.fixture(scope="module")
def stand_ins() -> Iterator[Any]:
    """Plex and Stash, each behind a door."""
    with (
        start_plex(SCENES) as plex,
        start_stash(SCENES) as stash,
        Door(int(plex.url.rpartition(":")[2])) as plex_door,
        Door(stash.port) as stash_door,
    ):
        yield plex, stash, (plex_door, stash_door)


@pytest.fixture
def town(tmp_path: Path, stand_ins: Any) -> Iterator[FaultTown]:
    """A town of a few scenes whose timeouts are short."""
    with fault_town(
        tmp_path, *stand_ins, stash_timeout=0.4, plex_connect_timeout=0.4, plex_read_timeout=0.4
    ) as made:
        yield made


def served(town: FaultTown) -> list[int]:
    """Give the scenes that the worker's log says were changed, in order, each once."""
    done = [line.split()[3] for line in town.log().splitlines() if ": changed " in line]
    return list(dict.fromkeys(int(number) for number in done))


def test_a_day_without_plex_costs_a_probe_now_and_then(town: FaultTown) -> None:
    """With 10,000 edits waiting a day long, Plex is asked 300 times, and no scene's tries go."""
    town.edit(1, "before")
    town.live(5)
    town.plex_door.shut()
    town.edit(1, "first of the outage")
    town.live(60)
    town.mark(list(range(1, EDITS + 1)))
    town.unseen = "plex"
    town.forget()
    town.live(DAY)
    tries = town.meters["plex"].busiest(DAY)
    assert 100 < tries < 320
    assert town.meters["stash"].busiest(3600) < 200
    (hold,) = town.holds()
    assert (hold.lane, hold.reason) == (holds.PLEX, "ServerUnreachable")
    assert all(row.attempts == 0 and row.due_at == 0 for row in town.rows())
    assert len(town.rows()) == EDITS
    assert "Waiting: 10000 scenes, nothing is lost" in town.notice()
    assert len(town.log()) < 20_000


def test_after_an_outage_the_newest_edits_are_served_first(town: FaultTown) -> None:
    """One answer ends the wait; then one scene after another, the newest edit first."""
    town.plex_door.shut()
    for scene in (3, 9, 4, 1, 8, 2):
        town.edit(scene, f"in the outage {scene}")
    town.live(3 * 3600)
    town.plex_door.open()
    town.plex.clear_requests()
    town.live(400, until_done=True)
    assert not town.rows()
    assert town.in_step()
    assert served(town) == [2, 8, 1, 4, 9, 3]
    counts = town.plex.counts()
    assert counts["edits"] == 6
    assert counts["total"] <= 6 * 10 + 4
    assert town.notice() == ""


def test_the_first_answer_releases_what_waited_on_its_own(town: FaultTown) -> None:
    """Scenes that were postponed before the server counted as down go with the rest."""
    town.edit(1, "before")
    town.live(5)
    path = catalogue_file(5).plex_path
    key = town.plex.key_of(path)
    rule = town.plex.fault("hang_headers", path=f"^/library/metadata/{key}\\b", times=None)
    town.edit(5, "slow")
    town.live(40)
    (row,) = town.rows()
    assert (row.reason, row.attempts) == ("ServerTimeout", 3)
    town.plex_door.shut()
    town.edit(2, "in the outage")
    town.live(1)
    assert town.holds()
    town.plex.clear_faults(rule)
    town.plex_door.open()
    town.live(10, until_done=True)
    assert not town.rows()
    assert town.in_step()


def test_a_wrong_token_stops_at_once_and_resumes_when_it_is_mended(town: FaultTown) -> None:
    """A 401 holds all at once, says so, names the setting; the mend needs no restart."""
    town.edit(1, "before")
    town.live(5)
    town.settings(plex_token="an-old-token")
    town.forget()
    for scene in range(1, 11):
        town.edit(scene, f"with the wrong token {scene}")
    town.live(1200)
    (hold,) = town.holds()
    assert (hold.lane, hold.reason, hold.setting) == (holds.SETTINGS, "AuthError", "plex_token")
    assert "plex_token" in town.notice()
    assert "an-old-token" not in town.notice() + town.log()
    assert all(row.attempts == 0 for row in town.rows())
    refused = town.plex.counts()["refused"]
    assert refused <= 10
    town.settings(plex_token=town.plex.token)
    town.live(31, until_done=True)
    assert not town.rows()
    assert town.in_step()
    assert town.notice() == ""


def test_a_wrong_setting_is_noticed_before_it_is_used(town: FaultTown) -> None:
    """A setting that cannot be read stops the queue before Plex is asked anything."""
    town.edit(1, "before")
    town.live(5)
    town.settings(plex_read_timeout="soon")
    town.forget()
    town.edit(1, "with a bad number")
    town.live(600)
    assert town.plex.counts()["total"] == 0
    (hold,) = town.holds()
    assert (hold.lane, hold.setting) == (holds.SETTINGS, "plex_read_timeout")
    assert "plex_read_timeout" in town.notice()
    town.settings(plex_read_timeout=None)
    town.live(31, until_done=True)
    assert town.in_step()


PASSING: dict[str, dict[str, Any]] = {
    "a proxy's page": {"action": "html200"},
    "a proxy's redirect": {"action": "redirect", "location": "http://127.0.0.1:9/login"},
    "a 401": {"action": "status", "status": 401},
    "a 403": {"action": "status", "status": 403},
    "a 498": {"action": "status", "status": 498},
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_while_a_server_starts_heals_within_seconds(name: str, town: FaultTown) -> None:
    """A proxy or a Plex that refuses for some seconds costs as many again, and nobody's help."""
    town.edit(1, "before")
    town.live(5)
    fault = dict(PASSING[name])
    town.plex.fault(fault.pop("action"), times=None, **fault)
    town.edit(1, "while it starts")
    town.live(6)
    (hold,) = town.holds()
    assert hold.lane == holds.SETTINGS
    assert hold.message in town.log()
    town.plex.clear_faults()
    town.live(12, until_done=True)
    assert town.in_step()
    assert not town.holds()


@pytest.mark.parametrize("lane", [holds.SETTINGS, holds.PLEX])
def test_an_edit_brings_a_probe_forward(lane: str, town: FaultTown) -> None:
    """After an hour of waiting a save finds the server well at once, not a quarter hour later."""
    town.edit(1, "before")
    town.live(5)
    town.plex.fault("status", status=401 if lane == holds.SETTINGS else 503, times=None)
    town.edit(1, "while it is refused")
    town.live(4000)
    (hold,) = town.holds()
    assert hold.lane == lane
    town.plex.clear_faults()
    town.edit(2, "when it is well")
    town.live(1)
    assert town.in_step()


def test_edits_bring_no_more_than_a_probe_every_ten_seconds(town: FaultTown) -> None:
    """A save a second with a token that is wrong costs Plex six refusals a minute."""
    town.edit(1, "before")
    town.live(5)
    town.settings(plex_token="an-old-token")
    town.edit(1, "with the wrong token")
    town.live(1000)
    town.plex.clear_requests()
    for number in range(60):
        town.edit(2, f"save {number}")
        town.live(1)
    assert 5 <= town.plex.counts()["refused"] <= 7
    (row,) = [row for row in town.rows() if row.id == 1]
    assert row.attempts == 0


def test_a_server_that_asks_to_be_left_alone_is(town: FaultTown) -> None:
    """No edit brings a probe forward to a server that said how long to stay away."""
    town.edit(1, "before")
    town.live(5)
    town.plex.fault("status", status=429, headers={"Retry-After": "600"}, times=None)
    town.edit(1, "too many")
    town.live(5)
    town.plex.clear_requests()
    for number in range(30):
        town.edit(2, f"save {number}")
        town.live(10)
    assert town.plex.counts()["total"] == 0


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
def test_a_poison_scene_never_stops_the_others(name: str, town: FaultTown) -> None:
    """What always fails for one scene parks that one in the end; edits of others go on."""
    for scene in range(1, 6):
        town.edit(scene, f"before {scene}")
    town.live(5)
    key = town.plex.key_of(catalogue_file(5).plex_path)
    fault = dict(POISON[name])
    # An edit names its item in the query, a read in the path.
    town.plex.fault(
        fault.pop("action"), path=f"(id=|/library/metadata/){key}\\b", times=None, **fault
    )
    for scene in (1, 2, 3, 4, 5):
        town.edit(scene, f"after {scene}")
    town.live(60)
    assert [row.id for row in town.rows()] == [5]
    for scene in (1, 2, 3, 4):
        assert town.title(scene) == f"after {scene}"
    town.live(DAY)
    (row,) = town.rows()
    assert row.due_at is None
    assert not town.holds()
    town.edit(1, "a day later")
    town.live(1)
    assert town.title(1) == "a day later"
    assert "1 scene could not be synced" in town.notice()
    town.plex.clear_faults()
    town.edit(5, "mended")
    town.live(1)
    assert town.in_step()
    assert not town.rows()


def test_many_poison_scenes_only_slow_the_others_down(town: FaultTown) -> None:
    """Even when most scenes are poison and the newest, the others get through."""
    keys = [town.plex.key_of(catalogue_file(scene).plex_path) for scene in range(11, 31)]
    wanted = "|".join(map(str, keys))
    town.plex.fault("status", status=502, method="PUT", path=f"id=({wanted})\\b", times=None)
    for scene in range(1, 31):
        town.edit(scene, f"title {scene}")
    town.forget()
    town.live(1800)
    for scene in range(1, 11):
        assert town.title(scene) == f"title {scene}"
    assert town.meters["plex"].busiest(60) < 150


def test_a_poison_scene_of_stash_never_stops_the_others(town: FaultTown) -> None:
    """A scene that Stash cannot read waits on its own; edits of others go on."""
    town.edit(1, "before")
    town.live(5)
    town.stash.fault("status", status=500, query="findScene", times=3)
    for scene in (1, 2, 3):
        town.edit(scene, f"after {scene}")
    town.live(70, until_done=True)
    assert town.in_step()
    assert not town.rows()


def test_a_task_brings_the_end_of_an_outage_forward(town: FaultTown) -> None:
    """A hold that is to be looked at now is over with the first answer, not minutes later."""
    town.plex_door.shut()
    town.edit(1, "in the outage")
    town.live(3600)
    town.plex_door.open()
    with town.worker.store.transaction() as connection:
        holds.look_now(connection)
    town.live(1)
    assert town.in_step()
    assert json.dumps(town.rows()) == "[]"


def test_a_setting_that_breaks_during_an_outage_is_looked_at_as_seldom_as_ever(
    town: FaultTown,
) -> None:
    """While the setting waits for its mend, Plex's own time being up is no reason to hurry."""
    town.plex_door.shut()
    town.edit(1, "in the outage")
    town.live(60)
    town.settings(plex_read_timeout="soon")
    town.live(60)
    assert [hold.lane for hold in town.holds()] == [holds.PLEX, holds.SETTINGS]
    town.forget()
    town.live(1800)
    assert town.meters["stash"].busiest(60) <= 60 / READ_SETTINGS[0] + 1
    town.plex_door.open()
    town.settings(plex_read_timeout=None)
    town.live(31, until_done=True)
    assert town.in_step()
