"""A look at Plex costs one request where nothing is new, and finds all where something is.

The stand-ins are real servers that count what they are asked, and the worker is stepped.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.asking_worker import AskingWorker
from tests.installation import installation
from tests.stepped_worker import step
from worker import from_plex
from worker.from_plex import HISTORY, UP
from worker.launcher import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 40
BOTH: dict[str, Any] = {
    "sync_fields": "rating",
    "plays_to_stash": True,
    "ratings_to_stash": True,
}
#: Seconds between two looks.
MINUTE = 61.0


class Calm(AskingWorker):
    """A worker that looks a minute at a time."""

    def watch(self, scene: int, *, ago: int = 0, account: int = 1) -> int:
        """Let an item be seen to its end, a second after all before; give when."""
        self.at += 1
        self.env.plex.watched(self.key(scene), self.at - ago, account)
        return self.at - ago

    def look(self, later: float = MINUTE) -> tuple[int, int]:
        """Let the worker look; give how often it asked for the history and for the listing."""
        self.env.plex.clear_requests()
        self.ask(later)
        asked = self.env.plex.counts()
        self.stepped.drain()
        return asked["history"], asked["all_listings"]

    def rest(self) -> None:
        """Look until nothing is new any more."""
        for _ in range(4):
            self.look()

    def settings(self, **changes: Any) -> None:
        """Store the settings, and let the worker read them."""
        super().settings(**{**BOTH, **changes})


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Calm]:
    """All scenes in step, one of them watched and one rated before the worker looked first."""
    folder = tmp_path_factory.mktemp("calm")
    with installation(folder, SCENES, **BOTH) as env, step(env) as stepped:
        made = Calm(env, stepped)
        made.watch(1)
        made.rates(1, 5)
        stepped.hook(*range(1, SCENES + 1))
        stepped.drain()
        made.rest()
        yield made


def test_a_look_without_news_asks_plex_one_thing_and_stash_nothing(calm: Calm) -> None:
    """The listing as a rule, and the history now and then, however long nothing happens."""
    calm.env.stash.clear_requests()
    looks = [calm.look() for _ in range(24)]
    assert {sum(look) for look in looks} == {1}
    assert 2 <= looks.count((1, 0)) <= 3
    assert calm.env.stash.counts()["total"] == 0


@pytest.mark.parametrize("phase", range(0, 12, 4))
def test_what_is_new_is_found_with_the_next_look_whatever_it_asks_first(
    calm: Calm, phase: int
) -> None:
    """Plays and ratings together cost both questions once, and the look after it one."""
    for _ in range(phase):
        calm.look()
    seen, rated = 2 + phase, 3 + phase
    at = calm.watch(seen)
    calm.rates(rated, 9)
    assert calm.look() == (1, 1)
    assert calm.plays(seen) == [at]
    assert calm.env.stash.scene(rated)["rating100"] == 90
    assert sum(calm.look()) == 1


def test_the_history_leads_and_the_listing_follows(calm: Calm) -> None:
    """Where it is its turn when something is new."""
    calm.rest()
    calm.stepped.resident.from_plex._asked_history_at = 0.0
    calm.stepped.resident.from_plex._led = None
    at = calm.watch(15)
    calm.rates(16, 8)
    assert calm.look() == (1, 1)
    assert (calm.plays(15), calm.env.stash.scene(16)["rating100"]) == ([at], 80)
    calm.rest()


def test_a_view_that_no_listing_shows_comes_with_the_history(calm: Calm) -> None:
    """A device that was offline told of it hours late: some minutes, not one."""
    calm.at += 6 * 3600  # the switch was on all that time
    calm.watch(17)
    calm.rest()
    late = calm.watch(18, ago=3 * 3600)
    looks = 0
    while not calm.plays(18):
        calm.look()
        looks += 1
        assert looks <= HISTORY / MINUTE + 2
    assert calm.plays(18) == [late]
    calm.rest()


def test_a_view_that_does_not_move_its_time_is_seen_by_its_count(calm: Calm) -> None:
    """An item that is seen to its end in the second in which another was stopped."""
    calm.rest()
    calm.env.plex.stopped(calm.key(19), calm.at, 30)
    calm.rest()
    calm.env.plex.watched(calm.key(19), calm.at)
    assert calm.look() == (1, 1)
    assert calm.plays(19) == [calm.at]
    calm.rest()


def test_with_every_account_s_views_the_two_take_turns(calm: Calm) -> None:
    """A listing shows the owner's only: a guest's is found with the second look at the latest."""
    calm.settings(plays_of_all_accounts=True)
    calm.rest()
    looks = [calm.look() for _ in range(8)]
    assert sorted(looks) == [(0, 1)] * 4 + [(1, 0)] * 4
    for scene in (20, 21, 22):
        at = calm.watch(scene, account=77)
        before = calm.look()
        if not calm.plays(scene):
            assert before == (0, 1)
            assert calm.look() == (1, 1)
        assert calm.plays(scene) == [at]
        calm.look()
    calm.settings()
    calm.rest()


def test_what_the_task_keeps_from_looking_is_looked_at_after_it(calm: Calm) -> None:
    """The listing showed a view while "Bring plays over" held the lock: it is not forgotten."""
    lock = ProcessLock(str(calm.env.data), from_plex.PLAYS_LOCK)
    assert lock.acquire()
    at = calm.watch(23)
    for _ in range(3):
        calm.look()
    lock.release()
    assert calm.plays(23) == []
    calm.look()
    assert calm.plays(23) == [at]
    calm.rest()


def test_a_history_that_fails_is_asked_for_again_and_ratings_come_meanwhile(calm: Calm) -> None:
    """What the listing showed stays owed until the history was read."""
    calm.env.plex.fault("status", path="/status/sessions/history", times=2, status=400)
    at = calm.watch(24)
    calm.rates(25, 7)
    calm.look()
    assert (calm.plays(24), calm.env.stash.scene(25)["rating100"]) == ([], 70)
    for _ in range(2):
        calm.look()
    assert calm.plays(24) == [at]
    calm.rest()


def test_at_night_it_is_calmer_unless_somebody_watches(calm: Calm) -> None:
    """Six looks an hour, and both questions among them."""
    now = time.localtime(calm.stepped.clock())
    to_three = (27 - now.tm_hour) % 24 * 3600 - now.tm_min * 60
    calm.look(to_three + 86400 if to_three < UP else to_three)
    looks = [calm.look() for _ in range(60)]
    assert 5 <= len(looks) - looks.count((0, 0)) <= 7
    assert {(0, 1), (1, 0)} <= set(looks)


def test_a_clock_that_was_ahead_and_is_set_back_hides_nothing(calm: Calm) -> None:
    """Of one machine with both servers: what Plex has from then is no reason to ask from then."""
    ahead = 3 * 86400
    calm.at += ahead
    then = calm.watch(26)
    calm.rates(27, 9)
    calm.look(ahead)
    assert (calm.plays(26), calm.env.stash.scene(27)["rating100"]) == ([then], 90)
    calm.at -= ahead
    calm.look(-ahead)
    now = calm.watch(28)
    calm.rates(29, 8)
    for _ in range(2):
        calm.look(700.0)
    assert (calm.plays(28), calm.env.stash.scene(29)["rating100"]) == ([now], 80)
