"""What comes from Plex among a thousand scenes: found with one sweep, and nothing comes back.

Stash runs no plugin here, for a thousand hooks are a thousand processes: the test marks the
scenes as they would.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import start_plex, start_stash
from tests.asking_worker import AskingWorker
from tests.bulk_worker import key_of, stepped_bulk, writes
from tests.installation import Installation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.bulk_worker import BulkWorker

SCENES = 1000
ALL = range(1, SCENES + 1)
SETTINGS: dict[str, Any] = {
    "sync_fields": "rating",
    "plays_to_stash": True,
    "ratings_to_stash": True,
}


class Thousand(AskingWorker):
    """A worker of an installation in step."""

    stepped: BulkWorker

    def __init__(self, env: Installation, stepped: BulkWorker) -> None:
        super().__init__(env, stepped)
        self.keys = dict(zip(ALL, env.plex.rating_keys(), strict=True))
        assert self.keys[SCENES] == key_of(env, SCENES)

    def in_stash(self, field: str) -> dict[int, Any]:
        """Give one field of all scenes."""
        query = f"{{findScenes(filter:{{per_page:-1}}){{scenes{{id {field}}}}}}}"
        rows = self.env.stash.graphql(query)["findScenes"]["scenes"]
        return {int(row["id"]): row[field] for row in rows}

    def sweep(self) -> None:
        """Let the worker look for all that Plex may have, and do what comes of it."""
        self.ask(70.0)
        self.stepped.drain()

    def asked(self) -> dict[str, int]:
        """Count the plays, ratings and resume times that Stash was asked for."""
        counts = self.env.stash.counts()
        names = ("AddPlays", "TakeIntoScene", "SaveResumeTime")
        return {name: counts.get(name, 0) for name in names}


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thousand]:
    """All scenes in step, and the worker has looked once."""
    config_dir = tmp_path_factory.mktemp("stash")
    with start_plex(SCENES) as plex, start_stash(SCENES, config_dir=config_dir) as stash:
        env = Installation(stash, plex, config_dir, config_dir / "plugins" / "PlexSync")
        env.settings(**SETTINGS)
        with stepped_bulk(env, **SETTINGS) as stepped:
            made = Thousand(env, stepped)
            stepped.background(ALL)
            made.sweep()
            yield made


@pytest.mark.timeout(180)
def test_fifty_plays_and_twenty_ratings_come_with_one_sweep(thousand: Thousand) -> None:
    """As many plays as were seen; the next sweep asks Plex one question and writes nothing."""
    env = thousand.env
    counts = {scene: scene % 3 + 1 for scene in range(7, SCENES, 20)}
    rated = {scene: float(scene % 9) + 0.7 for scene in range(3, SCENES, 50)}
    assert (len(counts), len(rated)) == (50, 20)
    for scene, count in counts.items():
        for number in range(count):
            env.plex.watched(thousand.keys[scene], thousand.at + 60 * number)
    for number, (scene, stars) in enumerate(rated.items()):
        env.plex.rates(thousand.keys[scene], stars, thousand.at + number)
    before = thousand.in_stash("rating100")
    thousand.forget()
    thousand.sweep()
    plays, ratings = thousand.in_stash("play_history"), thousand.in_stash("rating100")
    assert {scene: len(times) for scene, times in plays.items() if times} == counts
    came = {scene: round(stars * 10) for scene, stars in rated.items()}
    assert ratings == {**before, **came}
    asked = env.plex.counts()
    sys.stdout.write(f"\na sweep with news: {asked}\n")
    assert (asked["history"], asked["all_listings"], asked["writes"]) == (1, 1, 0)
    assert thousand.asked() == {"AddPlays": 50, "TakeIntoScene": 20, "SaveResumeTime": 0}
    thousand.forget()
    thousand.sweep()
    asked = env.plex.counts()
    assert (asked["total"], asked["history"] + asked["all_listings"]) == (1, 1)
    assert env.stash.counts()["total"] == 0


@pytest.mark.timeout(180)
def test_a_thousand_ratings_and_resume_points_come_back_as_nothing(thousand: Thousand) -> None:
    """What Stash's hooks mark is looked at: no PUT, no second mutation, however often."""
    env = thousand.env
    at = thousand.at + 5000
    for number, key in thousand.keys.items():
        env.plex.rates(key, 9.9, at + number)
        env.plex.stopped(key, at + number, 60.5 + number)
    thousand.forget()
    for _ in range(2):
        thousand.sweep()
    assert set(thousand.in_stash("rating100").values()) == {99}
    stopped = thousand.in_stash("resume_time")
    assert stopped == {number: 60.5 + number for number in ALL}
    thousand.stepped.hook(*range(1, 101))  # one by one, as edits by hand are
    thousand.sweep()
    thousand.stepped.background(ALL)  # and together
    thousand.sweep()
    assert writes(env) == []
    assert thousand.asked() == {"AddPlays": 0, "TakeIntoScene": 1000, "SaveResumeTime": 1000}
    assert thousand.stepped.rows() == {}
