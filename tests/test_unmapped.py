"""Files in no folder of Plex: how long their names are looked for, and what proves them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matching.missing import IN_VAIN, REST, Unmapped
from matching.path_advice import PathAdvice
from plex.client import PlexClient
from plex.error_types import AmbiguousMatch
from plex.libraries import Libraries
from simulator.library import catalogue_file
from stash.scene import SceneFile
from tests.matching_environment import Environment, scene
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plex.matcher import Candidate

VAULT, ATTIC = "/private/vault", "/private/attic"


class Looking:
    """Looks for unmapped files, and counts the names that Plex was asked for."""

    def __init__(self, env: Environment, client: PlexClient) -> None:
        self.env = env
        self.advice = PathAdvice(env.store.connection, PathMap())
        libraries = Libraries(client, (), clock=lambda: 0.0)
        self.unmapped = Unmapped(client, libraries, self.advice, lambda: env.now)
        self._number = 0

    def find(self, *files: SceneFile, indexed: list[int] | None = None) -> list[Candidate]:
        """Look for the files of a scene; an index says the same of every path."""
        one = scene(1, files=files)
        return self.unmapped.find(one, files, lambda _path: indexed)

    def searches(self, folder: str, times: int) -> int:
        """Look in vain for so many more names of a folder; give how many Plex was asked for."""
        before = len(self.asked())
        for _ in range(times):
            self._number += 1
            assert self.find(SceneFile(f"{folder}/{self._number}.mp4", 1, "ab" * 8)) == []
        return len(self.asked()) - before

    def asked(self) -> list[str]:
        """The searches so far."""
        return [target for target in self.env.targets() if "file=" in target]


@pytest.fixture
def looking(env: Environment) -> Iterator[Looking]:
    """It, as a worker that has just started would have it."""
    with PlexClient(env.plex.url, env.plex.token) as client:
        yield Looking(env, client)


def known_to_plex(number: int = 1, folder: str = VAULT) -> SceneFile:
    """A catalogue file that lies in another folder for Stash."""
    file = catalogue_file(number)
    return SceneFile(f"{folder}/{file.folder}/{file.name}", file.size, file.oshash)


def test_each_top_folder_has_its_own_patience(looking: Looking) -> None:
    """A folder that Plex does not have uses up its own searches and nobody else's."""
    assert looking.searches(f"{VAULT}/a", IN_VAIN - 1) == IN_VAIN - 1
    assert looking.searches(f"{VAULT}/b", 5) == 1
    assert looking.searches(ATTIC, IN_VAIN + 5) == IN_VAIN
    assert looking.searches("/x", 2) == 2
    assert looking.searches("", IN_VAIN + 5) == IN_VAIN  # files at the root have none


def test_a_folder_where_something_was_found_gets_twice_the_patience(looking: Looking) -> None:
    """One find makes up for what was looked for in vain, and for as much again."""
    assert looking.searches(VAULT, IN_VAIN - 1) == IN_VAIN - 1
    assert len(looking.find(known_to_plex())) == 1
    assert looking.searches(VAULT, 3 * IN_VAIN) == 2 * IN_VAIN


def test_a_folder_that_was_left_alone_is_tried_again_an_hour_later(looking: Looking) -> None:
    """Its rest begins when it is first passed over, and then it has all of its patience."""
    looking.searches(VAULT, IN_VAIN)
    looking.env.now += REST
    assert looking.searches(VAULT, 1) == 0
    looking.env.now += REST - 1
    assert looking.searches(VAULT, 1) == 0
    looking.env.now += 1
    assert looking.searches(VAULT, IN_VAIN + 5) == IN_VAIN
    looking.env.now += REST - 1
    assert looking.searches(VAULT, 1) == 0
    looking.env.now += 1
    assert looking.searches(VAULT, 1) == 1


def test_a_clock_that_is_set_back_ends_the_rest(looking: Looking) -> None:
    """A folder is not left alone for as long as the clock was wrong."""
    looking.searches(VAULT, IN_VAIN + 1)
    looking.env.now -= 1
    assert looking.searches(VAULT, 1) == 1


def test_scenes_that_were_looked_for_in_vain_count_for_a_rule_that_is_learnt_later(
    looking: Looking,
) -> None:
    """The page says how many scenes a rule would bring to their items."""
    lost = SceneFile(f"{VAULT}/lost.mp4", 1, "ab" * 8)
    assert looking.unmapped.find(scene(2, files=(lost,)), (lost,), lambda _path: None) == []
    looking.find(known_to_plex())
    assert looking.advice.best(lost.path) == (f"{VAULT} => /plex/media", 2)


def test_an_index_without_the_file_below_a_learnt_rule_is_believed(looking: Looking) -> None:
    """Where a rule is known and the index knows the likely place, no name is looked for."""
    assert len(looking.find(known_to_plex())) == 1
    before = len(looking.asked())
    assert looking.find(SceneFile(f"{VAULT}/other.mp4", 1, "ab" * 8), indexed=[]) == []
    assert len(looking.asked()) == before
    # One that cannot say is no reason not to ask, nor is one without any rule.
    assert looking.find(SceneFile(f"{VAULT}/other.mp4", 1, "ab" * 8), indexed=None) == []
    assert looking.find(SceneFile(f"{ATTIC}/other.mp4", 1, "ab" * 8), indexed=[]) == []
    assert len(looking.asked()) == before + 2


def test_one_proven_file_settles_the_scene_whatever_the_others_are(looking: Looking) -> None:
    """A candidate that nobody can tell is no obstacle where another file is proven."""
    unhashed = catalogue_file(2)
    files = (SceneFile(f"{VAULT}/{unhashed.name}", unhashed.size, None), known_to_plex(1))
    (proven,) = looking.find(*files)
    assert proven.rating_key == looking.env.plex.key_of(catalogue_file(1).plex_path)


def test_a_likely_place_of_unknown_size_teaches_no_rule(looking: Looking) -> None:
    """What cannot be told is refused with its name; only an equal size speaks for a rule."""
    file = catalogue_file(1)
    with pytest.raises(AmbiguousMatch) as refusal:
        looking.find(SceneFile(f"{VAULT}/{file.folder}/{file.name}", None, None))
    assert file.plex_path in refusal.value.message
    assert refusal.value.message.startswith("Scene 1: ")
    assert looking.advice.best(f"{VAULT}/x.mp4") is None
    with pytest.raises(AmbiguousMatch):
        looking.find(SceneFile(f"{VAULT}/{file.folder}/{file.name}", file.size, None))
    assert looking.advice.best(f"{VAULT}/x.mp4") == (f"{VAULT} => /plex/media", 1)
