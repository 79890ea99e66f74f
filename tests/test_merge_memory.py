"""What the merge keeps in mind of an item, what it lets go, and the forms that are stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from merge import effects, picture
from merge.base import NEVER_WRITTEN, Base, Pending
from merge.brake import Taken
from merge.compare import digest, unchanged
from merge.desired import (
    Desired,
    collection_name,
    performers,
    says_anything,
    sort_title,
    studio_name,
)
from merge.effects import CLEARED, PERSONS, effects_of
from merge.former import Former, former_of, give_back, without
from merge.members import is_earlier, state_of
from merge.three_way import Merge, merge
from plex.edits import Edit, ListEdit
from plex.item import Member, PlexItem
from stash.scene import NamedRef, Scene
from tests.plex_in_miniature import Reading, an_item, put
from validation.studio_name import PARENT

NOTHING = Pending()


def text(ours: str, item: PlexItem, base: Base | None, **more: Any) -> Merge:
    """Merge a summary."""
    pending = more.pop("pending", NOTHING)
    return merge(Desired({"summary": ours}, {}), item, base, pending, **more)


def tags(ours: tuple[str, ...], item: PlexItem, base: Base | None, **more: Any) -> Merge:
    """Merge the tags."""
    return merge(Desired({}, {"tags": ours}), item, base, NOTHING, **more)


def known(summary: str, **more: Any) -> Base:
    """A ledger entry of a summary that we wrote and locked."""
    ours = frozenset({"summary"})
    return Base(values={"summary": summary}, wrote=ours, locked=ours, **more)


# --- texts -------------------------------------------------------------------------------------


def test_the_lock_of_a_text_that_a_person_has_now_is_not_ours() -> None:
    """It is not given back by "Release locks", whether their text is kept or Stash has none."""
    theirs = an_item({"summary": "P"}, locked={"summary"})
    kept = text("A", theirs, known("A"))
    assert kept.kept == {"summary": ("P", "A")}
    assert not kept.base.locked
    assert not kept.base.wrote
    left = text("", theirs, known("A"))
    assert not left.edit
    assert not left.base.locked
    assert not left.base.wrote
    assert left.base.foreign == {"summary"}


def test_what_stood_there_before_us_is_left_and_known_as_foreign() -> None:
    """Stash emptied a text that both had: Plex keeps it, and it is none of ours from then on."""
    agreed = Base(values={"summary": "S"})
    merged = text("", an_item({"summary": "S"}), agreed)
    assert not merged.edit
    assert merged.base.values == {"summary": ""}
    assert merged.base.foreign == {"summary"}


def test_with_overwrite_a_person_s_text_goes_though_stash_has_not_changed() -> None:
    """And the preview counts it as a person's."""
    merged = text("A", an_item({"summary": "P"}, locked={"summary"}), known("A"), overwrite=True)
    assert merged.edit.values == {"summary": "A"}
    assert merged.kinds == {"summary": PERSONS}


def test_what_was_undone_and_is_the_same_again_rests_no_longer() -> None:
    """Whoever gave Plex what Stash has settled it: nothing is listed, and it is ours to follow."""
    names = frozenset({"summary", "tags"})
    base = Base(values={"summary": "A"}, members={"tags": ("A",)}, undone=names)
    item = an_item({"summary": "A"}, {"tags": ("A",)})
    merged = merge(Desired({"summary": "A"}, {"tags": ("A",)}), item, base, NOTHING)
    assert not merged.kept
    assert not merged.base.undone


def test_a_released_list_rests_when_its_file_becomes_another_scene_s() -> None:
    """What another scene holds is no change that somebody made in Stash."""
    base = Base(members={"tags": ("A",)}, released=frozenset({"tags"}))
    item = an_item(lists={"tags": ("X",)})
    assert not tags(("B",), item, base, same_scene=False).edit
    assert tags(("B",), item, base).edit


def test_an_attempt_that_stash_still_means_is_no_change_of_stash() -> None:
    """What was tried and lost is what Stash had: a person's text since then stays."""
    pending = NOTHING.adding({"summary": "B"}, {})
    theirs = an_item({"summary": "P"}, locked={"summary"})
    assert not text("B", theirs, known("A"), pending=pending).edit
    assert text("C", theirs, known("A"), pending=pending).edit


def test_a_text_that_was_tried_and_is_not_locked_is_not_taken_for_ours() -> None:
    """What arrives is locked at once; the same words of an agent are the agent's."""
    pending = NOTHING.adding({"summary": "A"}, {})
    assert not text("", an_item({"summary": "A"}), None, pending=pending).edit
    ours = an_item({"summary": "A"}, locked={"summary"})
    assert text("", ours, None, pending=pending).edit.values == {"summary": ""}


def test_what_arrived_is_not_taken_for_what_stash_has_now() -> None:
    """The ledger gets what this merge decided, not what a lost look had meant."""
    pending = NOTHING.adding({"summary": "A"}, {"tags": ("A",)})
    item = an_item({"summary": "A"}, {"tags": ("A",)}, {"summary", "tags"})
    merged = merge(Desired({"summary": "B"}, {"tags": ("B",)}), item, None, pending)
    assert merged.base.values == {"summary": "B"}
    assert merged.base.members == {"tags": ("B",)}


def test_an_earlier_text_is_remembered_once() -> None:
    """To and fro between two texts does not fill the memory."""
    item, base = an_item(), None
    for ours in ("A", "B", "A", "B", "A"):
        merged = text(ours, item, base)
        item, base = put(item, merged.edit, Reading()), merged.base
    assert base is not None
    assert base.earlier["summary"] == (digest("summary", "A"), digest("summary", "B"))


def test_a_text_on_an_item_that_was_locked_by_the_thousand_is_replaced() -> None:
    """Nobody looked at any of these locks, so none of them is a person's word."""
    item = an_item({"title": "The File", "summary": "X"}, locked={"title", "summary"})
    assert text("A", item, None).edit.values == {"summary": "A"}
    # A title that somebody wrote says that they looked, and so does one without a lock.
    named = an_item({"title": "Good", "summary": "X"}, locked={"title", "summary"})
    assert not text("A", named, None).edit
    unlocked = an_item({"title": "The File", "summary": "X"}, locked={"summary"})
    assert not text("A", unlocked, None).edit
    nameless = replace(item, files=(), values={**item.values, "title": ""})
    assert not text("A", nameless, None).edit


def test_a_title_that_we_made_its_file_s_name_says_nothing_of_other_locks() -> None:
    """Stash emptied it: a person's lock on the tags is their word all the same."""
    item = an_item({"title": "The File"}, {"tags": ("P",)}, {"title", "tags"})
    by_us = Base(values={"title": "The File"}, wrote=frozenset({"title"}))
    assert not tags(("A",), item, by_us).edit
    assert tags(("A",), item, Base(values={"title": "The File"})).edit


# --- titles ------------------------------------------------------------------------------------


def test_an_emptied_title_and_what_follows_it() -> None:
    """It becomes the file's name, is known as that, and counts as cleared with its sort title."""
    ours = frozenset({"title"})
    item = an_item({"title": "Old"}, locked={"title"})
    base = Base(values={"title": "Old"}, wrote=ours, locked=ours)
    merged = merge(Desired({"title": "", "sort_title": ""}, {}), item, base, NOTHING)
    assert merged.edit.values == {"title": "The File", "sort_title": "File"}
    assert merged.kinds == {"title": CLEARED, "sort_title": CLEARED}
    assert merged.base.values["title"] == "The File"
    item = put(item, merged.edit, Reading())
    again = merge(Desired({"title": "", "sort_title": ""}, {}), item, merged.base, NOTHING)
    assert not again.edit


@pytest.mark.parametrize("is_acknowledged", [True, False])
def test_a_sort_title_of_ours_follows_a_title_that_a_person_gave(is_acknowledged: bool) -> None:
    """Stash has no title; what we sort by is that of Plex, also where its writing was lost."""
    item = an_item({"title": "A New Name", "sort_title": "Old"}, locked={"title", "sort_title"})
    names = frozenset({"sort_title"})
    base = Base(
        values={"title": "", "sort_title": "Old"}, wrote=names, foreign=frozenset({"title"})
    )
    pending = NOTHING
    if not is_acknowledged:
        base = replace(base, values={"title": ""}, wrote=frozenset())
        pending = NOTHING.adding({"sort_title": "Old"}, {})
    merged = merge(Desired({"title": "", "sort_title": ""}, {}), item, base, pending)
    assert merged.edit.values == {"sort_title": "New Name"}


def test_a_sort_title_alone_proves_no_database_that_was_put_back() -> None:
    """It goes wherever its title goes."""
    item, base = an_item(), None
    for title in ("A", "B"):
        merged = merge(Desired({"title": title, "sort_title": ""}, {}), item, base, NOTHING)
        item, base = put(item, merged.edit, Reading()), merged.base
    values = {**item.values, "title": "A", "sort_title": "A"}
    back = replace(item, values=values, updated_at=item.updated_at + 1)
    merged = merge(Desired({"title": "", "sort_title": ""}, {}), back, base, NOTHING)
    assert "title" not in merged.edit.values


def test_only_a_title_that_a_person_chose_empty_becomes_the_file_s_name() -> None:
    """Any other text they chose of Stash is cleared, and all count as a person's that give way."""
    names = frozenset({"title", "summary", "studio"})
    item = an_item({"title": "P", "summary": "P", "studio": "P"}, locked=names)
    ours = Desired({"title": "", "summary": "", "studio": "S"}, {})
    merged = merge(ours, item, None, NOTHING, insist=names)
    assert merged.edit.values == {"title": "The File", "summary": "", "studio": "S"}
    assert merged.kinds == {"title": CLEARED, "summary": CLEARED, "studio": PERSONS}


def test_a_title_that_is_only_an_article_sorts_as_itself() -> None:
    """Nothing would be left of it."""
    assert sort_title("The ") == "The "
    assert sort_title("The A") == "A"


# --- lists -------------------------------------------------------------------------------------


def test_a_changed_list_is_told_before_and_after() -> None:
    """As people read it."""
    item = an_item(lists={"tags": ("X", "Y")})
    assert tags(("A", "B"), item, None).changes == {"tags": ("X, Y", "A, B, X, Y")}


def test_a_list_of_a_person_s_stays_theirs_when_the_ledger_was_lost() -> None:
    """What is locked and not as Stash has it was not locked by us."""
    item = an_item(lists={"tags": ("P",)}, locked={"tags"})
    merged = tags(("A",), item, None, adopt=True)
    assert not merged.edit
    assert merged.base.foreign == {"tags"}


def test_a_list_that_was_kept_gets_all_of_stash_s_once_that_changes() -> None:
    """Nothing of a foreign list was taken out by hand, for nothing of ours was ever in it."""
    item = an_item(lists={"tags": ("P",)}, locked={"tags"})
    kept = Base(members={"tags": ("A", "B")}, foreign=frozenset({"tags"}))
    (change,) = tags(("A", "B", "C"), item, kept).edit.lists.values()
    assert [one.name for one in change.members] == ["A", "B", "C", "P"]


def test_locks_by_the_thousand_are_nobody_s_word_where_a_list_was_kept() -> None:
    """A list of ours that a person shortened is theirs all the same."""
    item = an_item({"title": "The File"}, {"tags": ("A",)}, {"title", "tags"})
    foreign = Base(members={"tags": ("A", "B")}, foreign=frozenset({"tags"}))
    assert tags(("A", "B"), item, foreign).edit.lists["tags"].members[1].name == "B"
    ours = Base(members={"tags": ("A", "B")}, given={"tags": ("A", "B")})
    assert not tags(("A", "B"), item, ours).edit


def test_what_a_person_took_out_stays_out_of_a_list_that_they_emptied() -> None:
    """Only what Stash has since then comes."""
    item = an_item(locked={"tags"})
    base = Base(members={"tags": ("A", "B")}, given={"tags": ("A", "B")})
    merged = tags(("A", "B", "C"), item, base)
    assert merged.edit.lists["tags"].members == (Member("C"),)
    assert merged.kept == {"tags": ("C", "A, B, C")}


def test_a_member_that_is_spelled_anew_keeps_what_plex_has_of_it() -> None:
    """Only its name is another."""
    here = (Member("alpha", thumb="/a.jpg"), Member("B"))
    base = Base(members={"tags": ("alpha", "B")}, given={"tags": ("alpha", "B")})
    (change,) = tags(("Alpha", "B"), an_item(lists={"tags": here}), base).edit.lists.values()
    assert change.members == (Member("Alpha", thumb="/a.jpg"), Member("B"))


def test_a_list_is_known_again_as_any_of_its_earlier_states_but_the_last() -> None:
    """Names do not run into each other there."""
    states = tuple(state_of([name]) for name in ("A", "B", "C"))
    assert [is_earlier((Member(name),), states) for name in "ABCD"] == [True, True, False, False]
    assert state_of(["a", "bc"]) != state_of(["ab", "c"])
    assert state_of(["a", "b"]) == state_of(["B", "A"])


def test_a_rule_that_sends_nothing_is_not_kept() -> None:
    """The ledger of most items would be longer for nothing."""
    rules = {"labels": (), "collections": ("C",)}
    wanted = Desired({}, {"labels": (), "collections": ("C",)}, rules)
    assert merge(wanted, an_item(), None, NOTHING).base.by_rule == {"collections": ("C",)}


# --- what stands for what ----------------------------------------------------------------------


def test_the_forms_that_are_stored_stay_as_they_are() -> None:
    """Ledgers, histories and kept plans of earlier versions hold these very texts."""
    assert digest("title", "Some Title") == "28c05259"
    assert digest("rating", "8.0") == digest("rating", "8")
    assert (effects.PICTURES, effects.KEPT, effects.TAKEN) == ("pictures", "kept", "taken")
    assert (picture.SENT, picture.KEPT, picture.NONE, picture.REFUSED) == (
        "sent",
        "kept",
        "none",
        "refused",
    )
    assert Base.from_json("") == NEVER_WRITTEN
    assert NOTHING.to_json() == ""
    assert NOTHING.adding({"title": "T"}, {}).to_json() == (
        '{"all":{},"any":{},"locks":[],"values":{"title":["T"]}}'
    )


def test_anything_that_may_have_been_written_is_pending() -> None:
    """Whichever part it is alone."""
    assert not NOTHING
    assert Pending(values={"title": ("T",)})
    assert Pending(any_members={"tags": ("A",)})
    assert Pending(locks=frozenset({"title"}))
    assert Pending(takes={"rating": ("8",)})


def test_what_an_item_had_survives_the_history_whole() -> None:
    """Each part of it, alone and beside all others, in few letters."""
    parts: dict[str, Any] = {
        "texts": {"title": ("old", "0123abcd")},
        "stash": {"rating": ("6", "8")},
        "plays": (5, 7),
        "lists": {"performers": ((Member("A"), Member("B", "role", "/b.jpg")), "=0123")},
        "pictures": {"poster": ("upload://1", "sha")},
    }
    for name, part in parts.items():
        one = Former(**{name: part})
        assert one
        assert Former.from_json(one.to_json()) == one
    whole = Former(**parts, locks=frozenset({"title"}))
    assert Former.from_json(whole.to_json()) == whole
    assert whole.to_json() == (
        '{"k":["title"],"l":{"performers":[["A",["B","role","/b.jpg"]],"=0123"]},'
        '"p":{"poster":["upload://1","sha"]},"s":{"rating":["6","8"]},'
        '"t":{"title":["old","0123abcd"]},"v":[5,7]}'
    )
    assert not Former()
    assert Former(locks=frozenset({"title"})).to_json() == ""
    assert Former.from_json("") == Former()


def test_a_sort_title_that_plex_left_out_is_given_back_as_the_title() -> None:
    """That of the same write, or the one that the item still has."""
    before = an_item({"title": "Before"})
    for values, back in (
        ({"title": "After", "sort_title": "Sorted"}, {"title": "Before", "sort_title": "Before"}),
        ({"sort_title": "Sorted"}, {"sort_title": "Before"}),
    ):
        edit = Edit(7, 1, "movie", values)
        after = put(before, edit, Reading())
        assert give_back(former_of(before, edit), after).edit.values == back
    # An empty text of any other field is given back empty.
    edit = Edit(7, 1, "movie", {"summary": "S"})
    found = give_back(former_of(before, edit), put(before, edit, Reading()))
    assert found.edit.values == {"summary": ""}


def test_of_what_was_given_back_only_lists_that_are_known_are_emptied() -> None:
    """A text has no members, and a list without any was never ours."""
    base = Base(values={"title": "T"}, members={"tags": ("A",)}, given={"tags": ("A",)})
    rests = without(base, ("title", "tags", "labels"))
    assert rests.given == {"tags": ()}
    assert rests.undone == {"title", "tags", "labels"}


def test_two_ratings_that_are_one_number_are_unchanged() -> None:
    """Plex writes 8.0 for 8."""
    assert unchanged("rating", "8", "8.0")
    assert not unchanged("title", "8", "8.0")


def test_members_that_come_are_named_one_by_one() -> None:
    """And counted."""
    edit = Edit(7, 1, "movie", {}, {"tags": ListEdit((Member("A"), Member("B")))})
    (effect,) = effects_of(edit, {}, an_item())
    assert (effect.before, effect.after, effect.size) == ("", "A, B", 2)


def test_two_things_that_a_run_takes_away_are_joined_by_and() -> None:
    """And a third with a comma."""
    taken = Taken(1, {"summary": (1, 1), "studio": (1, 1)})
    assert taken.in_words() == "empty the studio of 1 item and empty the summary of 1 item"
    taken.add_item({"title": 1})
    assert taken.in_words().count(" and ") == 1


# --- Stash's side ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "lists", "says"),
    [
        ({"title": "T"}, {}, True),
        ({"title": ""}, {"tags": ("A",)}, True),
        ({"title": "", "content_rating": "XXX"}, {"tags": ()}, False),
        ({}, {}, False),
    ],
)
def test_what_says_anything(values: Any, lists: Any, says: bool) -> None:
    """A content rating is the same for every scene and says nothing of one."""
    assert says_anything(Desired(values, lists)) is says


def test_a_performer_is_told_apart_only_where_there_is_another() -> None:
    """Of the same scene, or by what is known of all."""
    one, other = NamedRef(1, "Ann", "actor"), NamedRef(2, "ann", "")
    assert performers(Scene(id=1, performers=(one,))) == ["Ann"]
    assert performers(Scene(id=1, performers=(one, other))) == ["Ann (actor)", "ann"]
    assert performers(Scene(id=1, performers=(one,)), frozenset({"ann"})) == ["Ann (actor)"]


def test_the_studio_above_is_named_as_chosen() -> None:
    """One at the top of its family is called by its own name."""
    below = Scene(id=1, studio=NamedRef(1, "Own", parent=NamedRef(2, " Above ")))
    assert studio_name(below, PARENT) == "Above"
    assert studio_name(below, "both") == "Above / Own"
    assert studio_name(Scene(id=1, studio=NamedRef(1, "Own")), PARENT) == "Own"
    assert studio_name(Scene(id=1), PARENT) == ""


def test_a_collection_s_name_is_one_safe_line() -> None:
    """The prefix and the name as they stand, without what no line holds."""
    assert collection_name("Group: ", "A\nB ") == "Group: A B"
