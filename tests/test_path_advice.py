from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from matching.path_advice import MOST_RULES, SAMPLE, PathAdvice, find_rule, kept_advice
from plex.client import PlexClient
from plex.error_types import NotInPlexYet
from plex.libraries import Libraries
from simulator.library import catalogue_file
from stash.scene import SceneFile
from store import meta
from tests.matching_environment import PATH_MAP, Environment, scene
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stash.scene import Scene

ENV_SCENES = 30
#: What may stand in the store: no rule, none at all, and two where one should be.
OLD = [["no rule", 3], ["", 3], ["/a => /b\n/c => /d", 3], ["/data => /media", 2]]


@pytest.fixture
def advice(env: Environment) -> PathAdvice:
    """Fresh advice without any rule in use."""
    return PathAdvice(env.store.connection, PathMap())


def kept(env: Environment, path_map: str = "") -> list[tuple[str, int]]:
    """Give the advice in the store under some rules."""
    found = kept_advice(env.store.connection, PathMap.parse(path_map) if path_map else PathMap())
    return [(str(rule), scenes) for rule, scenes in found.items()]


def elsewhere(number: int) -> Scene:
    """Give a scene whose file lies, for Stash, in /data instead of Plex's /plex/media."""
    file = catalogue_file(number)
    path = f"/data/{file.folder}/{file.name}"
    return scene(number, files=(SceneFile(path, file.size, file.oshash),))


def test_one_pair_of_paths_gives_the_shortest_rule(env: Environment, advice: PathAdvice) -> None:
    """Two paths of one file say which folder is called how."""
    advice.learn(1, "/data/videos/A/x.mp4", "/media/A/x.mp4")
    advice.keep(env.store)
    assert kept(env) == [("/data/videos => /media", 1)]


def test_scenes_that_were_missing_before_the_rule_was_known_count(
    env: Environment, advice: PathAdvice
) -> None:
    """The rule is said with the number of missing scenes below its folder, each counted once."""
    for number in range(1, 8):
        advice.missing(number, f"/data/A/{number}.mp4")
    advice.missing(99, "/database/x.mp4")
    advice.learn(3, "/data/A/3.mp4", "/media/A/3.mp4")
    advice.missing(3, "/data/A/3.mp4")
    advice.missing(8, "/data/A/8.mp4")
    advice.keep(env.store)
    assert kept(env) == [("/data => /media", 8)]
    assert advice.best("/data/B/y.mp4") == ("/data => /media", 8)
    assert "8 scenes" in advice.sentence("/data/B/y.mp4")
    assert advice.sentence("/database/x.mp4") == ""


def test_the_rule_that_catches_most_goes_first(env: Environment, advice: PathAdvice) -> None:
    """Several rules are ranked by how many scenes each would catch, and bounded."""
    for place in range(MOST_RULES + 3):
        for number in range(place + 1):
            path = f"/data{place}/A/{number}.mp4"
            advice.learn(100 * place + number, path, f"/media{place}/A/{number}.mp4")
    advice.keep(env.store)
    found = kept(env)
    assert len(found) == MOST_RULES
    assert [scenes for _, scenes in found] == sorted((s for _, s in found), reverse=True)
    assert found[0] == (f"/data{MOST_RULES + 2} => /media{MOST_RULES + 2}", MOST_RULES + 3)


def test_a_rule_in_use_is_no_advice(env: Environment, advice: PathAdvice) -> None:
    """Once the user has taken a rule over it is proposed no longer, whatever the store says."""
    advice.learn(1, "/data/A/x.mp4", "/media/A/x.mp4")
    advice.keep(env.store)
    assert kept(env, "/data => /media") == []
    in_use = PathAdvice(env.store.connection, PathMap.parse("/data => /media"))
    in_use.learn(1, "/data/A/x.mp4", "/media/A/x.mp4")
    assert in_use.best("/data/A/x.mp4") is None


def test_what_was_counted_survives_a_restart(env: Environment, advice: PathAdvice) -> None:
    """Another worker goes on from the rule and the number in the store."""
    for number in range(5):
        advice.learn(number, f"/data/A/{number}.mp4", f"/media/A/{number}.mp4")
    advice.keep(env.store)
    again = PathAdvice(env.store.connection, PathMap())
    again.missing(77, "/data/A/77.mp4")
    assert again.best("/data/A/77.mp4") == ("/data => /media", 5)


def test_so_many_missing_scenes_are_remembered_and_no_more(
    env: Environment, advice: PathAdvice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library may lack hundreds of thousands of them on purpose."""
    advice.keep(env.store)
    assert meta.get(env.store.connection, meta.PATH_ADVICE) is None  # nothing was learnt
    monkeypatch.setattr("matching.path_advice.MOST_SCENES", 3)
    for number in range(1, 6):
        advice.missing(number, f"/data/A/{number}.mp4")
    advice.learn(9, "/data/A/9.mp4", "/media/A/9.mp4")
    assert advice.best("/data/A/1.mp4") == ("/data => /media", 3 + 1)


def test_so_many_rules_are_learnt_and_no_more(advice: PathAdvice) -> None:
    """A library of ever other folders; of those that are known more scenes still count."""
    most = 10 * MOST_RULES
    for place in range(most + 1):
        advice.learn(place, f"/data{place}/A/x.mp4", f"/media{place}/A/x.mp4")
    assert advice.best(f"/data{most - 1}/A/x.mp4") == (f"/data{most - 1} => /media{most - 1}", 1)
    assert advice.best(f"/data{most}/A/x.mp4") is None
    advice.learn(-1, "/data0/B/y.mp4", "/media0/B/y.mp4")
    assert advice.best("/data0/A/x.mp4") == ("/data0 => /media0", 2)


def test_two_paths_without_a_common_folder_are_no_rule(
    env: Environment, advice: PathAdvice
) -> None:
    """A name alone is not enough to propose anything."""
    advice.learn(1, "/data/A/x.mp4", "/media/B/x.mp4")
    advice.keep(env.store)
    assert kept(env) == []


def test_a_number_that_hardly_moves_is_not_written_again(
    env: Environment, advice: PathAdvice
) -> None:
    """Up to twenty each scene counts at once, from then on each hundred."""
    told = []
    for number in range(1, 131):
        advice.learn(number, f"/data/A/{number}.mp4", f"/media/A/{number}.mp4")
        advice.keep(env.store)
        told.append(kept(env)[0][1])
    assert told == [*range(1, 21), *[20] * 79, *[100] * 31]


def test_what_is_known_already_is_not_written_again(env: Environment, advice: PathAdvice) -> None:
    """The same scene, seen once more, is no news."""
    advice.learn(1, "/data/A/1.mp4", "/media/A/1.mp4")
    advice.keep(env.store)
    written = env.store.connection.total_changes
    advice.learn(1, "/data/A/1.mp4", "/media/A/1.mp4")
    advice.missing(1, "/data/A/1.mp4")
    advice.keep(env.store)
    assert env.store.connection.total_changes == written


def test_a_rule_is_found_by_the_names_of_a_few_files(env: Environment) -> None:
    """What most of them call for is given; a name in two places, or in none, says nothing."""
    with PlexClient(env.plex.url, env.plex.token) as client:
        libraries = Libraries(client, (), clock=lambda: 0.0)
        paths = [elsewhere(number).files[0].path for number in range(1, 4)]
        assert find_rule(libraries, PathMap(), paths) == "/data => /plex/media"
        odd = catalogue_file(4)
        few = [f"/other/{odd.folder}/{odd.name}", "/data/Nowhere/not there.mp4", *paths[:2]]
        assert find_rule(libraries, PathMap(), few) == "/data => /plex/media"
        assert find_rule(libraries, PathMap(), few[1:2]) == ""
        env.plex.clear_requests()
        assert find_rule(libraries, PathMap(), ["", "/"]) == ""
        assert env.targets() == []  # a name of no letters is in every path
        assert find_rule(libraries, PathMap(), [*few[1:2] * SAMPLE, *paths]) == ""
        twice = catalogue_file(1)
        env.plex.add_item(f"/plex/media/Copy/{twice.folder}/{twice.name}")
        assert find_rule(libraries, PathMap(), paths[:1]) == ""


def test_nonsense_in_the_store_is_passed_over(env: Environment) -> None:
    """What is no rule any more is no advice, and no error."""
    with env.store.transaction() as connection:
        meta.put(connection, meta.PATH_ADVICE, OLD)
    assert kept(env) == [("/data => /media", 2)]


def test_a_missing_rule_is_learnt_from_files_proven_by_their_hash(env: Environment) -> None:
    """Scenes that are found by hash leave the rule that would find them by path."""
    with env.reconciler() as reconciler:
        for number in range(1, 13):
            assert reconciler.look(elsewhere(number)).items
    assert kept(env, PATH_MAP) == [("/data => /plex/media", 12)]


def adopted(env: Environment, path_map: str) -> str:
    """Give a path_map to which the one rule that is advised was added, as "Adopt rule" does."""
    ((rule, _),) = kept(env, path_map)
    return "; ".join(filter(None, (path_map, rule)))


def test_an_adopted_rule_works_beside_those_in_use(env: Environment) -> None:
    """A rule that leads astray and goes first is no obstacle to it, also before anything synced."""
    path_map = "/data/plex/media => /wrong; /data => /plex"
    file = catalogue_file(1)
    path = f"/data/plex/media/{file.folder}/{file.name}"
    one = scene(1, files=(SceneFile(path, file.size, file.oshash),))
    with PlexClient(env.plex.url, env.plex.token) as client:
        libraries = Libraries(client, (), clock=lambda: 0.0)
        found = find_rule(libraries, PathMap.parse(path_map), [path])
    assert found == "/data/plex/media => /plex/media"
    assert env.look(one, path_map).found
    env.plex.switches(oshash_known=False)
    assert env.look(one, adopted(env, path_map)).held[-1] == file.plex_path


def test_an_adopted_rule_takes_no_other_library_its_scenes(env: Environment) -> None:
    """Where Plex has one folder as Stash has it and the one beside it elsewhere."""
    env.plex.add_section("other", "Clips", ["/mnt/clips"])
    env.plex.add_item("/mnt/clips/A/clip.mp4", section=2, oshash="ab" * 8)
    clip = scene(5, files=(SceneFile("/plex/clips/A/clip.mp4", None, "ab" * 8),))
    other = scene(1, catalogue_file(1).plex_path)
    assert env.look(clip, "").found
    assert env.look(other, "").found
    env.plex.switches(oshash_known=False)
    path_map = adopted(env, "")
    assert env.look(clip, path_map).held == ("/mnt/clips/A/clip.mp4",)
    assert env.look(other, path_map).found


def test_advice_that_is_followed_otherwise_goes(env: Environment) -> None:
    """By a rule of a person's own, or by a library that names the folder as Stash does."""
    env.look(elsewhere(1))
    assert meta.get(env.store.connection, meta.PATH_ADVICE) == [["/data => /plex/media", 1]]
    env.look(elsewhere(2), "/data/ => /plex/media/")
    assert meta.get(env.store.connection, meta.PATH_ADVICE) == []
    env.look(elsewhere(3))
    env.plex.add_section("other", "Data", ["/data/here"])
    env.look(scene(4))
    assert meta.get(env.store.connection, meta.PATH_ADVICE) == []


def test_the_message_of_a_missing_scene_names_the_rule(env: Environment) -> None:
    """A scene that Plex does not have at all is told what would find its folder."""
    gone = scene(500, files=(SceneFile("/data/Somewhere/else.mp4", 1, "ab" * 8),))
    with env.reconciler() as reconciler:
        reconciler.look(elsewhere(1))
        with pytest.raises(NotInPlexYet) as missing:
            reconciler.look(gone)
    assert "/data => /plex/media" in missing.value.message


def test_a_preview_keeps_no_advice(env: Environment) -> None:
    """A dry look leaves the store as it is."""
    with env.reconciler(dry=True) as reconciler:
        reconciler.look(elsewhere(1))
    assert kept(env) == []


def test_a_learnt_rule_spares_the_search_where_an_index_knows_better(env: Environment) -> None:
    """With an index, files below a learnt rule are looked for there and proven by their tree."""

    class Index:
        def items_holding(self, path: str) -> list[int] | None:
            file = catalogue_file(2)
            return [env.plex.key_of(file.plex_path)] if path == file.plex_path else []

        def correct(self, path: str, rating_keys: Iterable[int]) -> None:
            raise AssertionError(path, rating_keys)

    with env.reconciler() as reconciler:
        reconciler.look(elsewhere(1))
        reconciler.index = Index()
        env.plex.clear_requests()
        assert len(reconciler.look(elsewhere(2)).items) == 1
        with pytest.raises(NotInPlexYet):
            reconciler.look(elsewhere(3))
    assert not [target for target in env.targets() if "file=" in target]
