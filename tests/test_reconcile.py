from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from errors import Scope
from plex.error_types import ItemGone, NotInPlexYet, RejectedEdit, ServerError, ServerUnreachable
from plex.item import read_item, read_items
from simulator.library import catalogue_file
from stash.scene import SceneFile
from store import ledger
from tests.matching_environment import Environment, scene

if TYPE_CHECKING:
    from collections.abc import Iterable


class Index:
    """A path index that says what it was told to."""

    def __init__(self, **keys: list[int] | None) -> None:
        self.keys = keys

    def items_holding(self, path: str) -> list[int] | None:
        """Give what it was told for the last word of the base name."""
        return self.keys.get("n" + path.rpartition("/")[2][6:12].lstrip("0"), [])

    def correct(self, path: str, rating_keys: Iterable[int]) -> None:
        """Take what Plex says instead."""
        self.keys["n" + path.rpartition("/")[2][6:12].lstrip("0")] = list(rating_keys)


def key_of(env: Environment, number: int) -> int:
    """Give the rating key of a catalogue scene's item."""
    return env.plex.key_of(catalogue_file(number).plex_path)


def ledger_scenes(env: Environment) -> dict[int, int]:
    """Give the scene of each item in the ledger."""
    rows = env.store.connection.execute("SELECT rating_key, scene FROM item").fetchall()
    return dict(rows)


def second_copy(env: Environment, number: int, folder: str = "/plex/copies") -> int:
    """Put a scene's file, under the same name, into a second library; give the item's key."""
    section = env.plex.add_section("other", "Copies", [folder])
    added = env.plex.add_item(f"{folder}/{catalogue_file(number).name}", section=section)
    return int(added["ratingKey"])


def two_files(number: int) -> tuple[str, str]:
    """Give the Stash paths of a scene's file and of its copy."""
    file = catalogue_file(number)
    return file.stash_path, f"/stash/copies/{file.name}"


COPIES = "/stash/media => /plex/media; /stash/copies => /plex/copies"


def test_a_scene_reaches_its_item_and_comes_back_unchanged(env: Environment) -> None:
    """The second look at the same scene reads the remembered item and writes nothing."""
    assert env.look(scene(1)).outcome == "changed"
    env.plex.clear_requests()
    assert env.look(scene(1)).outcome == "unchanged"
    assert [t.partition("?")[0] for t in env.targets() if "metadata" in t] == [
        f"/library/metadata/{key_of(env, 1)}"
    ]
    assert not env.targets("PUT")
    assert len([target for target in env.targets() if "file=" in target]) == 1


@pytest.mark.parametrize("days", [0, 2])
def test_a_known_item_is_not_read_again(env: Environment, days: int) -> None:
    """Items handed over with the look cost no request of their own, looked up anew or not."""
    env.look(scene(1))
    env.now += days * 86400.0
    with env.reconciler() as reconciler:
        known = read_items(reconciler.client, [key_of(env, 1)])
        reconciler.context.plex.libraries.keys()
        env.plex.clear_requests()
        assert reconciler.look(scene(1), known).outcome == "unchanged"
    assert not [target for target in env.targets() if "metadata" in target]
    assert sum("file=" in target for target in env.targets()) == 1


def test_a_known_item_that_is_another_one_is_no_harm(env: Environment) -> None:
    """A handed-over item that does not hold the file is not written; Plex is asked."""
    env.look(scene(1))
    with env.reconciler() as reconciler:
        other = read_item(reconciler.client, key_of(env, 2))
        look = reconciler.look(scene(1, title="Newer"), {key_of(env, 1): other})
    assert look.items == [key_of(env, 1)]
    assert env.plex.item(key_of(env, 2))["fields"]["title"] == catalogue_file(2).stem


def test_the_index_is_asked_before_plex(env: Environment) -> None:
    """An index that knows the item saves the search; the item itself is still read."""
    with env.reconciler() as reconciler:
        reconciler.index = Index(n1=[key_of(env, 1)])
        assert reconciler.look(scene(1)).items == [key_of(env, 1)]
    assert not [target for target in env.targets() if "file=" in target]


def test_what_was_searched_is_remembered_without_repetitions(env: Environment) -> None:
    """The file's own path is no other name of it: the record says where, and no more."""
    env.look(scene(1))
    record = ledger.scene_record(env.store.connection, 1)
    assert record is not None
    assert json.loads(record.places) == [[catalogue_file(1).plex_path], [1], []]


def test_an_item_that_is_listed_and_not_found_is_not_in_plex_for_now(env: Environment) -> None:
    """With no other item there is nothing to write, and the scene waits as for a scan."""
    env.look(scene(1))
    env.plex.fault("status", status=404, path=f"/metadata/{key_of(env, 1)}(\\?|$)", times=None)
    with pytest.raises(NotInPlexYet):
        env.look(scene(1, title="Newer"))
    env.plex.clear_faults()
    assert env.look(scene(1, title="Newer")).items == [key_of(env, 1)]


def test_a_remembered_item_that_cannot_be_read_is_a_fault(env: Environment) -> None:
    """What is wrong with reading it is no sign that the file is gone."""
    env.look(scene(1))
    env.plex.fault("status", status=500, path=f"/metadata/{key_of(env, 1)}", times=None)
    with pytest.raises(ServerError):
        env.look(scene(1))


def test_the_index_names_the_items_that_a_batch_will_read(env: Environment) -> None:
    """Those of every file, none for a file that it does not have, None where it cannot tell."""
    with env.reconciler() as reconciler:
        resolver = reconciler.context.plex.resolver

        def listed(number: int) -> list[int] | None:
            return resolver.listed(resolver.paths_of(scene(number)))

        assert listed(1) is None
        resolver.index = Index(n1=[7, 8], n2=None)
        assert listed(1) == [7, 8]
        assert listed(2) is None
        assert listed(3) == []


def test_an_index_without_the_file_is_believed(env: Environment) -> None:
    """A miss in the index means that Plex does not have the file, without a search."""
    with env.reconciler() as reconciler:
        reconciler.index = Index()
        with pytest.raises(NotInPlexYet):
            reconciler.look(scene(1))
    assert not [target for target in env.targets() if "file=" in target]


def test_an_index_that_cannot_say_is_passed_over(env: Environment) -> None:
    """None from the index leads to Plex itself."""
    with env.reconciler() as reconciler:
        reconciler.index = Index(n1=None)
        assert reconciler.look(scene(1)).items == [key_of(env, 1)]


@pytest.mark.parametrize("wrong", ["gone", "another"])
def test_a_stale_key_of_the_index_is_looked_up_at_plex_once(env: Environment, wrong: str) -> None:
    """A key of the index that is gone, or holds another file, costs one search and no harm."""
    stale = 999_999 if wrong == "gone" else key_of(env, 2)
    with env.reconciler() as reconciler:
        reconciler.index = Index(n1=[stale])
        assert reconciler.look(scene(1)).items == [key_of(env, 1)]
    assert len([target for target in env.targets() if "file=" in target]) == 1
    assert env.plex.item(key_of(env, 2))["fields"]["title"] == catalogue_file(2).stem


@pytest.mark.parametrize("known", [True, False])
def test_a_remembered_key_that_is_gone_is_looked_up_at_plex_not_in_the_index(
    env: Environment, known: bool
) -> None:
    """A re-keyed item is found with one search, whether or not the index has the old key."""
    env.look(scene(1))
    old = key_of(env, 1)
    new = env.plex.rekey(old)
    env.plex.clear_requests()
    with env.reconciler() as reconciler:
        reconciler.index = Index(n1=[old] if known else [])
        look = env.record(reconciler.look(scene(1)))
    assert look.items == [new]
    assert sum("file=" in target for target in env.targets()) == 1
    assert sum(f"/metadata/{old}?" in target for target in env.targets()) == 1
    assert ledger_scenes(env) == {old: 0, new: 1}  # it comes back with Plex's database


def test_an_item_that_left_plex_is_untied_but_what_was_written_stays_known(
    env: Environment,
) -> None:
    """A deleted item is not read again; its ledger stays, for a 404 may be a server's fault."""
    env.look(scene(1))
    key = key_of(env, 1)
    env.plex.delete_item(key)
    with pytest.raises(NotInPlexYet):
        env.look(scene(1))
    assert ledger_scenes(env) == {key: 0}


def base_of(env: Environment, key: int) -> str:
    """Give the base that the ledger has for an item, "" for none."""
    entry = ledger.entry(env.store.connection, env.state["machineIdentifier"], key)
    return entry.base if entry else ""


@pytest.mark.parametrize("lookup", ["remembered", "anew"])
def test_one_of_two_items_that_is_listed_and_not_found_keeps_its_base(
    env: Environment, lookup: str
) -> None:
    """A 404 for an item that Plex still lists costs nothing but another look at it."""
    copy = second_copy(env, 1)
    env.look(scene(1, *two_files(1)), COPIES)
    before = base_of(env, copy)
    assert before
    if lookup == "anew":
        env.now += 2 * 86400.0
    fault = env.plex.fault("status", status=404, path=f"/metadata/{copy}(\\?|$)", times=None)
    look = env.look(scene(1, *two_files(1), title="Newer"), COPIES)
    assert isinstance(look.fault, ItemGone)
    assert look.items == [key_of(env, 1)]
    assert base_of(env, copy) == before
    env.plex.clear_faults(fault)
    env.plex.person_sets(copy, fields={"summary": "By hand"})
    again = env.look(scene(1, *two_files(1), title="Newer"), COPIES)
    assert again.fault is None
    assert sorted(again.items) == sorted([key_of(env, 1), copy])
    assert env.plex.item(copy)["fields"]["title"] == "Newer"
    assert env.plex.item(copy)["fields"]["summary"] == "By hand"


def test_one_of_two_items_that_is_really_gone_is_forgotten(env: Environment) -> None:
    """What Plex neither has nor lists while another item holds the file is no scene's.

    Its base is kept, for it may come back with Plex's database, and not for ever.
    """
    copy = second_copy(env, 1)
    env.look(scene(1, *two_files(1)), COPIES)
    before = base_of(env, copy)
    env.plex.delete_item(copy)
    look = env.look(scene(1, *two_files(1)), COPIES)
    assert look.fault is None
    ledger.forget_gone(env.store.connection, now=env.now + ledger.GONE_FOR - 1)
    assert ledger_scenes(env) == {key_of(env, 1): 1, copy: 0}
    assert base_of(env, copy) == before
    ledger.forget_gone(env.store.connection, now=env.now + ledger.GONE_FOR + 1)
    assert ledger_scenes(env) == {key_of(env, 1): 1}


def test_a_scene_lets_go_of_an_item_that_holds_its_file_no_more(env: Environment) -> None:
    """After a move the old item is neither read again nor written; its ledger stays."""
    env.look(scene(1))
    old = key_of(env, 1)
    env.plex.add_item("/plex/media/New place/Moved.mp4")
    moved = scene(1, "/stash/media/New place/Moved.mp4")
    env.look(moved)
    env.plex.clear_requests()
    env.look(moved)
    assert ledger_scenes(env)[old] == 0
    assert not [target for target in env.targets() if f"/metadata/{old}" in target]


def test_every_library_that_holds_the_file_is_written(env: Environment) -> None:
    """One scene whose files lie in two libraries changes both items."""
    copy = second_copy(env, 1)
    look = env.look(scene(1, *two_files(1)), COPIES)
    assert sorted(look.items) == sorted([key_of(env, 1), copy])
    assert env.plex.item(copy)["fields"]["title"] == scene(1).title


@pytest.mark.parametrize("first", [True, False])
def test_one_item_that_fails_does_not_stop_the_other(env: Environment, first: bool) -> None:
    """What succeeded is recorded; only the item that failed is written the next time."""
    copy = second_copy(env, 1)
    keys = sorted([key_of(env, 1), copy])
    bad, good = keys if first else reversed(keys)
    env.plex.fault("status", method="PUT", path=f"id={bad}&", status=400)
    look = env.look(scene(1, *two_files(1)), COPIES)
    assert isinstance(look.fault, RejectedEdit)
    assert look.items == [good]
    env.plex.clear_requests()
    again = env.look(scene(1, *two_files(1)), COPIES)
    assert again.fault is None
    assert sorted(again.items) == keys
    assert [f"id={bad}&" in target for target in env.targets("PUT")] == [True]


def test_an_item_that_cannot_be_read_does_not_stop_the_other(env: Environment) -> None:
    """An unreadable answer for one item leaves the other written, and is tried again."""
    copy = second_copy(env, 1)
    env.plex.fault("status", method="GET", path=f"/library/metadata/{copy}", status=500)
    look = env.look(scene(1, *two_files(1)), COPIES)
    assert look.fault is not None
    assert look.fault.scope is Scope.SCENE
    assert look.items == [key_of(env, 1)]
    assert sorted(env.look(scene(1, *two_files(1)), COPIES).items) == [key_of(env, 1), copy]


def test_a_server_that_goes_away_in_between_leaves_what_was_done(env: Environment) -> None:
    """When Plex dies between two items the first one is recorded and the fault is the server's."""
    copy = second_copy(env, 1)
    env.plex.fault("reset_before", method="PUT", path=f"id={copy}&", times=None)
    look = env.look(scene(1, *two_files(1)), COPIES)
    assert isinstance(look.fault, ServerUnreachable)
    assert [written.rating_key for written in look.written] == [key_of(env, 1)]
    assert ledger_scenes(env)[copy] == 1


def test_a_shared_item_belongs_to_the_scene_of_its_first_file(env: Environment) -> None:
    """Two scenes whose files make one item: the later one writes nothing and says so."""
    file = catalogue_file(1)
    second = "/plex/media/Other/Part two.mp4"
    env.plex.person_sets(key_of(env, 1), files=[{"path": file.plex_path}, {"path": second}])
    env.owners[file.stash_path] = [1]
    env.look(scene(1))
    look = env.look(scene(2, "/stash/media/Other/Part two.mp4"))
    assert look.outcome == "shares"
    assert look.notes == ["shares an item with scene 1"]
    assert env.plex.item(key_of(env, 1))["fields"]["title"] == scene(1).title


def test_one_file_of_two_scenes_goes_to_the_lower_number_whoever_came_first(
    env: Environment,
) -> None:
    """Two scenes with the very same file do not take turns: the lower id keeps the item."""
    path = catalogue_file(1).stash_path
    env.owners[path] = [3, 5]
    env.look(scene(5, path))
    assert env.look(scene(3, path)).outcome == "changed"
    assert env.look(scene(5, path)).outcome == "shares"
    assert env.look(scene(3, path)).outcome == "unchanged"
    assert ledger_scenes(env) == {key_of(env, 1): 3}


def test_scenes_whose_hashes_lead_to_one_item_do_not_take_turns(env: Environment) -> None:
    """Where no path tells who holds its files, the scene of the first one keeps it all the same."""
    files = [catalogue_file(1).plex_path, "/plex/media/Other/Part two.mp4"]
    hashes = ["ab" * 8, "cd" * 8]
    told = [{"path": path, "oshash": known} for path, known in zip(files, hashes, strict=True)]
    env.plex.person_sets(key_of(env, 1), files=told)
    first, second = (
        scene(number, files=(SceneFile(path.replace("/plex", "/data"), oshash=known),))
        for number, path, known in zip((3, 2), files, hashes, strict=True)
    )
    assert env.look(first).outcome == "changed"
    assert env.look(second).outcome == "shares"
    assert env.look(first).outcome == "unchanged"


def test_nothing_stays_pending_after_a_look_that_restored_what_was_agreed(env: Environment) -> None:
    """An agent's change that is undone leaves the ledger as it was, without a loose intention."""
    env.look(scene(1))
    env.plex.person_sets(key_of(env, 1), unlock=["title"])
    env.plex.agent_sets(key_of(env, 1), fields={"title": "From an agent"})
    assert env.look(scene(1)).outcome == "changed"
    pending = env.store.connection.execute("SELECT pending FROM item").fetchall()
    assert pending == [("",)]


def test_an_item_no_other_scene_had_costs_stash_no_question(env: Environment) -> None:
    """Stash is asked who owns a file only where two scenes may want one item."""
    env.look(scene(1))
    env.look(scene(1, title="Newer"))
    assert env.asked == []


def test_a_dry_look_writes_nothing_anywhere(env: Environment) -> None:
    """A preview names what would change and leaves Plex and the ledger alone."""
    env.look(scene(1))
    old = key_of(env, 1)
    before = env.store.connection.execute("SELECT * FROM item").fetchall()
    env.plex.clear_requests()
    with env.reconciler(dry=True) as reconciler:
        look = reconciler.look(scene(1, title="Newer"))
        env.plex.rekey(old)
        reconciler.look(scene(1))
    assert look.written[0].changes["title"][1] == "Newer"
    assert not env.targets("PUT")
    assert env.store.connection.execute("SELECT * FROM item").fetchall() == before


def test_the_record_of_a_look_that_failed_in_part_leads_to_a_new_search(env: Environment) -> None:
    """A look with a fault is never taken for a complete list of the scene's items."""
    env.plex.fault("status", method="PUT", path="id=", status=400)
    env.look(scene(1))
    record = ledger.scene_record(env.store.connection, 1)
    assert record is not None
    assert record.resolved_at == 0.0
