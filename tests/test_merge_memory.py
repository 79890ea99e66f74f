"""What the merge keeps in mind of an item, what it lets go, and the forms that are stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from merge import effects, picture
from merge.base import NEVER_WRITTEN, Base, Pending
from merge.brake import Taken, taken_away
from merge.compare import digest, same, unchanged
from merge.desired import (
    Desired,
    collection_name,
    desired,
    performers,
    says_anything,
    sort_title,
    studio_name,
    summary,
)
from merge.effects import AGENTS, CLEARED, OURS, PERSONS, effects_of
from merge.former import Former, former_of, give_back, without
from merge.members import Known, is_earlier, merge_members, remembered, state_of
from merge.three_way import Merge, merge
from plex.edits import Edit, ListEdit
from plex.item import Member, PlexItem
from stash.scene import NamedRef, Scene
from tests.plex_in_miniature import Reading, an_item, put
from validation.config import PARENT, PlexSyncConfig
from validation.tag_rules import read_tag_rules
from validation.title_template import read_title_template

NOTHING = Pending()


def text(ours: str, item: PlexItem, base: Base | None, **more: Any) -> Merge:
    """Merge a summary."""
    pending = more.pop("pending", NOTHING)
    return merge(Desired({"summary": ours}, {}), item, base, pending, **more)


def tags(ours: tuple[str, ...], item: PlexItem, base: Base | None, **more: Any) -> Merge:
    """Merge the tags."""
    return merge(Desired({}, {"tags": ours}), item, base, NOTHING, **more)


def known(ours: str, **more: Any) -> Base:
    """A ledger entry of a summary that we wrote and locked."""
    names = frozenset({"summary"})
    return Base(values={"summary": ours}, wrote=names, locked=names, **more)


# --- texts -------------------------------------------------------------------------------------


def test_a_text_that_neither_we_nor_stash_ever_had_is_not_noted() -> None:
    """The ledger of an item holds nothing of fields that are empty in Stash."""
    merged = text("", an_item({"summary": "X"}), None)
    assert (merged.base.values, merged.base.foreign) == ({}, frozenset())
    merged = text("", an_item({"summary": "X"}, locked={"summary"}), None)
    assert (merged.base.values, merged.base.foreign) == ({}, frozenset())


def test_a_text_that_was_never_ours_gives_way_as_a_person_s() -> None:
    """Though it is by chance what Stash had."""
    base = Base(values={"summary": "A"}, foreign=frozenset({"summary"}))
    merged = text("B", an_item({"summary": "A"}, locked={"summary"}), base)
    assert merged.kinds == {"summary": PERSONS}
    assert merged.notes


def test_only_a_rating_goes_both_ways() -> None:
    """All else is Stash's to say, whatever the switch."""
    item = an_item({"summary": "X"})
    assert text("A", item, None, both_ways=True).edit.values == {"summary": "A"}


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


def test_a_text_that_was_undone_rests_when_its_file_becomes_another_scene_s() -> None:
    """What that one has is what a later change is seen against."""
    base = Base(values={"summary": "A"}, undone=frozenset({"summary"}))
    merged = text("B", an_item({"summary": "X"}), base, same_scene=False)
    assert not merged.edit
    assert merged.base.values == {"summary": "B"}


def test_the_lock_of_a_text_that_never_arrived_is_not_ours() -> None:
    """A person set it meanwhile; what arrived came with its lock."""
    pending = NOTHING.adding({"summary": "A"}, {}, ("summary",))
    for theirs, ours in (("P", set()), ("A", {"summary"})):
        item = an_item({"summary": theirs}, locked={"summary"})
        assert text("A", item, None, pending=pending).base.locked == ours


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
    # What a person wrote over a text of ours is theirs, whatever the other locks mean.
    assert not text("A", item, known("A")).edit


def test_a_title_that_we_made_its_file_s_name_says_nothing_of_other_locks() -> None:
    """Stash emptied it: a person's lock on the tags is their word all the same."""
    item = an_item({"title": "The File"}, {"tags": ("P",)}, {"title", "tags"})
    by_us = Base(values={"title": "The File"}, wrote=frozenset({"title"}))
    assert not tags(("A",), item, by_us).edit
    assert tags(("A",), item, Base(values={"title": "The File"})).edit
    arrived = NOTHING.adding({"title": "The File"}, {})
    assert not merge(Desired({}, {"tags": ("A",)}), item, None, arrived).edit


def test_what_another_scene_holds_is_no_change_of_stash_s() -> None:
    """A file that became another scene's keeps what a person gave its item."""
    theirs = an_item({"summary": "P"}, locked={"summary"})
    assert not text("B", theirs, known("A"), same_scene=False).edit
    assert text("B", theirs, known("A")).edit


def test_a_person_s_text_in_place_of_one_that_we_cleared_is_not_ours() -> None:
    """Stash has none, so nothing is listed; neither text nor lock are ours to give back."""
    merged = text("", an_item({"summary": "P"}, locked={"summary"}), known(""))
    assert not merged.kept
    assert not merged.base.wrote | merged.base.locked


def test_whose_a_text_was_is_counted_by_its_lock() -> None:
    """An agent's has none."""
    assert text("B", an_item({"summary": "X"}), known("A")).kinds == {"summary": AGENTS}
    locked = an_item({"summary": "X"}, locked={"summary"})
    assert text("B", locked, known("A")).kinds == {"summary": PERSONS}


def test_with_overwrite_only_what_we_wrote_is_emptied() -> None:
    """A text that Stash never had stays, whatever the setting."""
    theirs = an_item({"summary": "P"}, locked={"summary"})
    assert text("", theirs, known("A"), overwrite=True).edit.values == {"summary": ""}
    assert not text("", theirs, known(""), overwrite=True).edit
    assert not text("", theirs, None, overwrite=True).edit
    both_had = Base(values={"summary": "P"})
    assert text("", theirs, both_had, overwrite=True).edit.values == {"summary": ""}
    agreed = Base(values={"title": "Good"})
    merged = merge(
        Desired({"title": ""}, {}), an_item({"title": "Good"}), agreed, NOTHING, overwrite=True
    )
    assert not merged.edit
    assert merged.base.foreign == {"title"}


def test_an_earlier_text_of_ours_gives_way_and_a_person_s_does_not() -> None:
    """Locked both times, and Stash has not changed since."""
    item, base = an_item(), None
    for ours in ("A", "B"):
        merged = text(ours, item, base)
        item, base = put(item, merged.edit, Reading()), merged.base
    for theirs, left in (("A", "B"), ("P", "P")):
        now = replace(item, values={**item.values, "summary": theirs}, updated_at=9)
        assert put(now, text("B", now, base).edit, Reading()).values["summary"] == left


def test_a_text_that_is_as_we_left_it_last_proves_no_database_that_was_put_back() -> None:
    """Though we had written the very same before."""
    item, base = an_item(), None
    for words, studio in (("A", "X"), ("B", "Y"), ("B", "X")):
        wanted = Desired({"summary": words, "studio": studio}, {})
        merged = merge(wanted, item, base, NOTHING)
        item, base = put(item, merged.edit, Reading()), merged.base
    ours = Desired({"summary": "", "studio": "X"}, {})
    now = replace(item, values={**item.values, "summary": "A"}, updated_at=9)
    assert not merge(ours, now, base, NOTHING).edit
    # Nor does one that was never ours; one of ours from before does.
    for studio, edited in (("a person's", set()), ("Y", {"studio", "summary"})):
        other = replace(now, values={**now.values, "studio": studio})
        assert set(merge(ours, other, base, NOTHING).edit.values) == edited


def test_what_a_person_chose_of_stash_is_ours_from_then_on() -> None:
    """Written or there already, and at rest no longer."""
    names = frozenset({"summary"})
    rests = Base(values={"summary": "A"}, released=names, undone=names)
    for theirs, edited in (("P", {"summary": "A"}), ("A", {})):
        item = an_item({"summary": theirs}, locked=names)
        merged = text("A", item, rests, insist=names)
        assert merged.edit.values == edited
        assert merged.base.wrote == names
        assert not merged.base.released | merged.base.undone


def test_a_lost_ledger_takes_over_only_what_it_does_not_know() -> None:
    """A text that was agreed on since is known not to be ours; an open list is nobody's."""
    item = an_item({"summary": "A"}, {"tags": ("A",)}, {"summary"})
    agreed = Base(values={"summary": "A"})
    assert not text("A", item, agreed, adopt=True).base.wrote
    assert text("A", item, None, adopt=True).base.wrote
    assert not text("", an_item(locked={"summary"}), None, adopt=True).base.wrote
    assert not text("A", an_item({"summary": "A"}), None, adopt=True).base.wrote
    assert tags(("A",), item, None, adopt=True).base.given == {"tags": ()}
    locked = an_item(lists={"tags": ("A", "B")}, locked={"tags"})
    ours = Base(members={"tags": ("B",)}, given={"tags": ("B",)})
    assert tags(("A",), locked, ours, adopt=True).edit.lists["tags"].removed == ("B",)


def test_a_summary_is_known_by_its_beginning_only_where_it_was_cut() -> None:
    """With an ellipsis behind all of it."""
    whole = "word " * 200
    assert same("summary", whole, whole[:400] + "…")
    assert not same("summary", whole, whole[:400])
    assert not same("summary", whole, "w" * 400 + "…")


@pytest.mark.parametrize("rest", ["undone", "released"])
def test_a_rating_that_rests_goes_neither_way(rest: str) -> None:
    """It was given back, or its lock was, until somebody changes it."""
    names = frozenset({"rating"})
    more: dict[str, Any] = {rest: names}
    base = Base(values={"rating": "8"}, theirs={"rating": "6"}, **more)
    item = an_item({"rating": "6"})
    merged = merge(Desired({"rating": "8"}, {}), item, base, NOTHING, both_ways=True)
    assert not merged.edit
    assert not merged.to_stash
    assert not merged.notes
    assert not merged.base.reported


def test_a_rating_that_came_from_plex_is_not_one_that_we_wrote() -> None:
    """One that went there is."""
    base = Base(values={"rating": "6"}, wrote=frozenset({"rating"}))
    came = NOTHING.adding({}, {}, (), {"rating": "8"})
    for rating, pending, wrote in (("8", came, set()), ("6", NOTHING, {"rating"})):
        item = an_item({"rating": rating}, locked={"rating"})
        merged = merge(Desired({"rating": rating}, {}), item, base, pending, both_ways=True)
        assert merged.base.wrote == wrote


def test_a_rating_that_a_lost_look_sent_is_not_plex_s() -> None:
    """It arrived, and Stash has its former one again: that goes, and nothing comes."""
    base = Base(values={"rating": "6"})
    pending = NOTHING.adding({"rating": "8"}, {})
    item = an_item({"rating": "8"}, locked={"rating"})
    merged = merge(Desired({"rating": "6"}, {}), item, base, pending, both_ways=True)
    assert not merged.to_stash
    assert merged.edit.values == {"rating": "6"}


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


def test_a_title_is_counted_as_what_happens_to_it_and_so_is_its_sort_title() -> None:
    """Nothing is counted of a sort title that stays."""
    item = an_item({"title": "Old", "sort_title": "Old"})
    ours = frozenset({"title", "sort_title"})
    base = Base(values={"title": "Old", "sort_title": "Old"}, wrote=ours)
    merged = merge(Desired({"title": "New", "sort_title": ""}, {}), item, base, NOTHING)
    assert merged.kinds == {"title": OURS, "sort_title": OURS}
    item = an_item({"title": "Old", "sort_title": "File"})
    base = Base(values={"title": "Old", "sort_title": "File"}, wrote=ours)
    merged = merge(Desired({"title": "", "sort_title": ""}, {}), item, base, NOTHING)
    assert merged.kinds == {"title": CLEARED}


def test_a_file_s_name_becomes_a_title_of_one_line() -> None:
    """Whoever emptied the title; and it is known as the file's name by the brake."""
    names = frozenset({"title"})
    item = an_item({"title": "Old"}, locked=names, files=("/plex/media/The\nFile.mp4",))
    base = Base(values={"title": "Old"}, wrote=names)
    for merged in (
        merge(Desired({"title": ""}, {}), item, base, NOTHING),
        merge(Desired({"title": ""}, {}), item, None, NOTHING, insist=names),
    ):
        assert merged.edit.values == {"title": "The File"}
        assert taken_away(merged, item) == {"title": 1}
    nameless = replace(item, files=())
    assert not merge(Desired({"title": ""}, {}), nameless, None, NOTHING, insist=names).edit
    # Nor does one that we had written, which is none of ours once Stash has another or none.
    pending = NOTHING.adding({"title": "Old"}, {})
    left = merge(Desired({"title": ""}, {}), nameless, None, pending)
    assert not left.edit
    assert (left.base.values, left.base.foreign) == ({"title": ""}, names)


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
    assert merged.base.values == {"title": "The File", "summary": "", "studio": "S"}
    chosen = merge(Desired({"title": "T"}, {}), item, None, NOTHING, insist=names)
    assert chosen.edit.values == {"title": "T"}


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
    base = Base(members={"tags": ("alpha", "b")}, given={"tags": ("alpha", "b")})
    (change,) = tags(("Alpha", "b"), an_item(lists={"tags": here}), base).edit.lists.values()
    assert change.members[1].name == "B"  # what Plex made of it stays
    anew = an_item(lists={"tags": ("Alpha", "B")})
    assert not tags(("Alpha", "b"), anew, base).edit


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


def test_a_list_that_was_kept_stays_kept() -> None:
    """As long as Stash has the same, or the file goes to another scene."""
    item = an_item(lists={"tags": ("P",)}, locked={"tags"})
    kept = Base(members={"tags": ("A",)}, foreign=frozenset({"tags"}))
    assert not tags(("A",), item, kept).edit
    assert not tags(("B",), item, kept, same_scene=False).edit
    assert tags(("A",), item, kept).kept == {"tags": ("P", "A")}
    ours = Base(members={"tags": ("A",)}, given={"tags": ("A",)})
    item = an_item(lists={"tags": ("A",)}, locked={"tags"})
    (change,) = tags(("B",), item, ours, same_scene=False).edit.lists.values()
    assert (change.members, change.removed) == ((Member("B"),), ("A",))
    noted_by_nobody = Base(members={"tags": ("A",)})
    (change,) = tags(("B",), item, noted_by_nobody, same_scene=False).edit.lists.values()
    assert change.removed == ("A",)


def test_a_list_that_was_undone_is_listed_with_all_its_names() -> None:
    """Those of Plex and those of Stash."""
    base = Base(members={"tags": ("A", "B")}, undone=frozenset({"tags"}))
    merged = tags(("A", "B"), an_item(lists={"tags": ("X", "Y")}), base)
    assert merged.kept == {"tags": ("X, Y", "A, B")}


def test_of_a_list_that_was_put_back_only_ours_go() -> None:
    """Plex's database is an older one: what Stash dropped since leaves again, others stay."""
    item, base = an_item(lists={"tags": ("P",)}), None
    states = []
    for names in (("A", "Z"), ("A",)):
        merged = tags(names, item, base)
        item, base = put(item, merged.edit, Reading()), merged.base
        states.append(item)
    (change,) = tags(("A",), states[0], base).edit.lists.values()
    assert change.removed == ("Z",)
    assert {one.name for one in change.members} == {"A", "P"}


def test_a_kept_list_that_was_put_back_is_no_person_s() -> None:
    """It is as we left it before, so nobody made it so."""
    earlier: tuple[str, ...] = ()
    for names in (("A", "Z"), ("A",)):
        earlier = remembered(earlier, map(Member, names), names)
    ledger = Known(("A",), (), (), ("A",), earlier, is_foreign=True, is_restored=True)
    here = (Member("A"), Member("Z"))
    decided = merge_members(here, ("A",), ledger, by_hand=True)
    assert decided.edit
    assert decided.edit.removed == ("Z",)
    assert not merge_members(here, ("A",), ledger._replace(is_restored=False), by_hand=True).edit


def test_what_a_person_chose_of_a_list_is_remembered() -> None:
    """So that a database that is put back is known by it later on."""
    item = an_item(lists={"tags": ("P",)}, locked={"tags"})
    merged = tags(("A",), item, None, insist=frozenset({"tags"}))
    assert state_of(["A"]) in merged.base.earlier["tags"]


@pytest.mark.parametrize("name", ["collections", "labels"])
def test_a_lock_that_forbids_nobody_to_join_is_no_person_s_word(name: str) -> None:
    """Plex sets that of collections itself; that of labels means that they stay."""
    item = an_item(lists={name: ("P",)}, locked={name})
    kept = Base(members={name: ("A",)}, foreign=frozenset({name}))
    for base in (None, kept):
        (change,) = merge(Desired({}, {name: ("A",)}), item, base, NOTHING).edit.lists.values()
        assert [one.name for one in change.members] == ["A", "P"]


def test_a_member_that_is_spelled_anew_may_be_gone_when_something_dies() -> None:
    """Between its leaving and its coming back it is in no list that is sure."""
    base = Base(members={"tags": ("alpha", "B")}, given={"tags": ("alpha", "B")})
    pending = tags(("Alpha", "B"), an_item(lists={"tags": ("alpha", "B")}), base).pending
    assert pending.all_members == {"tags": ("B",)}
    assert pending.any_members == {"tags": ("B", "Alpha")}


def test_members_that_a_lost_look_gave_stay_known_when_the_field_goes() -> None:
    """The field may come back, and then they are ours to take out."""
    pending = NOTHING.adding({}, {"tags": ("A", "B")})
    base = Base(members={"tags": ("A",)}, given={"tags": ("A",)})
    after = merge(Desired({}, {}), an_item(lists={"tags": ("A", "B")}), base, pending).base
    assert (after.members, after.given) == ({"tags": ("A", "B")}, {"tags": ("A", "B")})


# --- what stands for what ----------------------------------------------------------------------


def test_the_forms_that_are_stored_stay_as_they_are() -> None:
    """Ledgers, histories and kept plans of earlier versions hold these very texts."""
    assert digest("title", "Some Title") == "28c05259"
    assert digest("rating", "8.0") == digest("rating", "8")
    assert digest("rating", "8") == "fe5dbbce"
    assert (effects.PICTURES, effects.KEPT, effects.TAKEN) == ("pictures", "kept", "taken")
    assert (OURS, AGENTS, PERSONS) == ("ours", "agents", "persons")
    assert effects.PLAYED == "played"
    assert digest("title", "\ud800")  # from a name that no encoding knows
    assert (picture.SENT, picture.KEPT, picture.NONE, picture.REFUSED) == (
        "sent",
        "kept",
        "none",
        "refused",
    )
    assert Base.from_json("") == NEVER_WRITTEN
    assert Base(values={"title": "T"}).to_json() == '{"values":{"title":"T"}}'
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
    assert Pending(to_stash={"rating": ("8",)})


def test_what_an_item_had_survives_the_history_whole() -> None:
    """Each part of it, alone and beside all others, in few letters."""
    parts: dict[str, Any] = {
        "texts": {"title": ("old", "0123abcd")},
        "stash": {"rating": ("6", "8")},
        "plays": (5, 7),
        "lists": {
            "performers": ((Member("Ann"), Member("B", "role"), Member("C", "", "/c")), "=0123")
        },
        "pictures": {"poster": ("upload://1", "sha")},
    }
    for name, part in parts.items():
        one = Former(**{name: part})
        assert one
        assert Former.from_json(one.to_json()) == one
    whole = Former(**parts, locks=frozenset({"title"}))
    assert Former.from_json(whole.to_json()) == whole
    assert whole.to_json() == (
        '{"k":["title"],"l":{"performers":[["Ann",["B","role",""],["C","","/c"]],"=0123"]},'
        '"p":{"poster":["upload://1","sha"]},"s":{"rating":["6","8"]},'
        '"t":{"title":["old","0123abcd"]},"v":[5,7]}'
    )
    assert Former(plays=(5,)).to_json() == '{"v":[5]}'
    assert Former(stash={"rating": ("é", "")}).to_json() == '{"s":{"rating":["é",""]}}'
    assert not Former()
    assert Former(locks=frozenset({"title"})).to_json() == ""
    assert Former.from_json("") == Former()


def test_pictures_join_what_an_item_had_with_their_locks() -> None:
    """Nothing that was known before is lost."""
    former = Former(pictures={"art": ("1", "a")}, locks=frozenset({"title"}))
    more = former.with_pictures({"poster": ("2", "b")}, frozenset({"poster"}))
    assert more.pictures == {"art": ("1", "a"), "poster": ("2", "b")}
    assert more.locks == {"title", "poster"}


def test_a_picture_s_fate_is_read_as_it_was_written() -> None:
    """With an ETag or from before there were any; nonsense is none."""
    sent = picture.Picture("sent", "sha", "7", "~/thumb/1", "etag")
    assert picture.Picture.parse(sent.text) == sent
    assert sent.left == "/thumb/1"
    assert picture.Picture.parse("kept sha 7 /thumb/1") == picture.Picture(
        "kept", "sha", "7", "/thumb/1", "-"
    )
    for text in (None, "", "sent", "a b c", "a b c d e f"):
        assert picture.Picture.parse(text) is None
    assert picture.Picture().left is None
    assert picture.Picture().text == "none - ? - -"


def test_a_sort_title_that_plex_left_out_is_given_back_as_the_title() -> None:
    """That of the same write, or the one that the item still has."""
    before = an_item({"title": "Before"})
    for values, back in (
        ({"title": "After", "sort_title": "Sorted"}, {"title": "Before", "sort_title": "Before"}),
        ({"sort_title": "Sorted"}, {"sort_title": "Before"}),
    ):
        edit = Edit(7, 1, "movie", values)
        after = put(before, edit, Reading())
        assert give_back(former_of(before, edit), after, Base()).edit.values == back
    # An empty text of any other field is given back empty.
    edit = Edit(7, 1, "movie", {"summary": "S"})
    found = give_back(former_of(before, edit), put(before, edit, Reading()), Base())
    assert found.edit.values == {"summary": ""}


def test_of_what_was_given_back_only_lists_that_are_known_are_emptied() -> None:
    """A text has no members, and a list without any was never ours."""
    base = Base(
        values={"title": "T"},
        members={"tags": ("A",)},
        given={"tags": ("A",)},
        foreign=frozenset({"studio"}),
    )
    former = Former(lists={"tags": ((Member("B"),), "="), "labels": ((), "=")})
    rests = without(base, former, an_item(), ("title", "tags", "labels"))
    assert rests.given == {"tags": ()}
    assert rests.undone == {"title", "tags", "labels"}
    assert rests.foreign == {"studio", "title", "tags", "labels"}


def test_what_earlier_writes_gave_and_locked_is_ours_after_an_undo() -> None:
    """Whether the write that is undone left it or took it out; a person's and an agent's is not."""
    base: Base | None = None
    item = an_item(lists={"tags": ("Agent's", "B")})
    states = [item]
    for names in (("A", "B", "C"), ("B", "C", "X")):
        merged = merge(Desired({"title": names[0]}, {"tags": names}), item, base, Pending())
        former, base = former_of(item, merged.edit), merged.base
        item = put(item, merged.edit, Reading())
        states.append(item)
    assert base
    rests = base
    for _ in range(2):  # a worker died before Plex was told
        rests = without(rests, former, item, ("title", "tags"))
    assert set(rests.given["tags"]) == {"A", "C"}
    assert rests.locked == {"title", "tags"}
    opened = replace(item, locked=frozenset({"tags"}))
    assert give_back(former, opened, Base()).unlock.unlock == ("title",)
    item = put(item, give_back(former, item, Base()).edit, Reading())
    assert {one.name for one in item.lists["tags"]} == {one.name for one in states[1].lists["tags"]}
    merged = merge(Desired({"title": "D"}, {"tags": ("B",)}), item, rests, Pending())
    left = put(item, merged.edit, Reading()).lists["tags"]
    assert {one.name for one in left} == {"Agent's", "B"}


def test_what_was_undone_is_no_sign_of_a_restored_database() -> None:
    """A person's edit of the tags counts beside a title that the undo brought back."""
    base: Base | None = None
    item = an_item({"title": "The File"})
    for title, tags in (("A", ("T", "U")), ("B", ("T", "U")), ("B", ("T",))):
        merged = merge(Desired({"title": title}, {"tags": tags}), item, base, Pending())
        if title == "B" and "title" in merged.edit.values:
            former = former_of(item, merged.edit)
        item, base = put(item, merged.edit, Reading()), merged.base
    assert base
    back = give_back(former, item, Base())
    base, item = without(base, former, item, back.back), put(item, back.edit, Reading())
    assert item.values["title"] == "A"
    with_more = (*item.lists["tags"], Member("U"))
    item = replace(item, lists={**item.lists, "tags": with_more}, updated_at=item.updated_at + 1)
    merged = merge(Desired({"title": "B"}, {"tags": ("T",)}), item, base, Pending())
    assert not merged.edit


def test_a_text_and_a_tag_that_a_person_puts_back_both_stay() -> None:
    """Stash dropped both; one is no sign that the other comes from a restored database."""
    base: Base | None = None
    item = an_item()
    had, has = (
        Desired({"summary": "S"}, {"tags": ("T", "U")}),
        Desired({"summary": ""}, {"tags": ("U",)}),
    )
    for wanted in (had, has):
        merged = merge(wanted, item, base, Pending())
        item, base = put(item, merged.edit, Reading()), merged.base
    back = {**item.lists, "tags": (Member("T"), Member("U"))}
    later = item.updated_at + 1
    item = replace(item, values={**item.values, "summary": "S"}, lists=back, updated_at=later)
    for _ in range(2):
        merged = merge(has, item, base, Pending())
        assert not merged.edit
        base = merged.base


@pytest.mark.parametrize("adds_first", [False, True])
def test_a_member_that_was_spelled_anew_is_not_lost_by_an_undo(adds_first: bool) -> None:
    """Plex knows it by either spelling, so it may not be taken out by one of them."""
    reading = Reading(adds_first=adds_first)
    before = an_item(lists={"tags": ("hd", "Old")})
    edit = Edit(7, 1, "movie", {}, {"tags": ListEdit((Member("HD"),), ("hd", "Old"))})
    after = an_item(lists={"tags": ("HD",)})
    back = give_back(former_of(before, edit), after, Base())
    names = {one.name for one in put(after, back.edit, reading).lists["tags"]}
    assert names == {"HD", "Old"}


def test_two_ratings_that_are_one_number_are_unchanged() -> None:
    """Plex writes 8.0 for 8."""
    assert unchanged("rating", "8", "8.0")
    assert not unchanged("title", "8", "8.0")


def test_members_that_come_or_go_are_named_one_by_one() -> None:
    """And counted."""
    edit = Edit(7, 1, "movie", {}, {"tags": ListEdit((Member("A"), Member("B")))})
    (effect,) = effects_of(edit, {}, an_item())
    assert (effect.before, effect.after, effect.size) == ("", "A, B", 2)
    edit = Edit(7, 1, "movie", {}, {"tags": ListEdit((), ("A", "B"))})
    (effect,) = effects_of(edit, {}, an_item(lists={"tags": ("A", "B")}))
    assert (effect.before, effect.after, effect.size) == ("A, B", "", 2)


def test_two_things_that_a_run_takes_away_are_joined_by_and() -> None:
    """And a third with a comma."""
    assert Taken(1, {"summary": (1, 1)}).in_words() == "empty the summary of 1 item"
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


def config(*fields: str, rules: str = "", template: str = "") -> PlexSyncConfig:
    """Settings that sync some fields."""
    return PlexSyncConfig(
        "http://plex:32400",
        "t0ken",
        sync_fields=frozenset(fields),
        tag_rules=read_tag_rules(rules)[0],
        title_template=read_title_template(template)[0],
    )


TAGGED = Scene(id=1, tags=(NamedRef(1, "L"), NamedRef(2, "C"), NamedRef(3, "G")))


@pytest.mark.parametrize(
    ("fields", "lists", "by_rule"),
    [
        (
            ("tags",),
            {"tags": ("G",), "labels": ("L",), "collections": ("C",)},
            {"labels": ("L",), "collections": ("C",)},
        ),
        (("labels",), {"labels": ("L",)}, {"labels": ("L",)}),
        (("title",), {}, None),
        # What goes into collections anyway goes there beside them.
        (
            ("tags", "studio_collection"),
            {"tags": ("G",), "labels": ("L",), "collections": ("C",)},
            {"labels": ("L",), "collections": ("C",)},
        ),
        (("studio_collection",), {"collections": ()}, None),
    ],
)
def test_where_rules_send_tags_depends_on_the_fields_that_are_synced(
    fields: tuple[str, ...], lists: dict[str, Any], by_rule: dict[str, Any] | None
) -> None:
    """Without tags or labels among them no rule is followed, nor is anything taken back."""
    wanted = desired(TAGGED, config(*fields, rules="label: L; collection: C"), "movie")
    assert wanted.lists == lists
    assert wanted.by_rule == by_rule


def test_a_title_is_made_of_the_studio_s_own_name() -> None:
    """Without blanks around it, and of nothing where there is none."""
    settings = config("title", template="{studio} - {title} ({date})")
    scene = Scene(id=1, title="T", studio=NamedRef(1, " Own "), date="2024-05")
    assert desired(scene, settings, "movie").values == {"title": "Own - T (2024-05)"}
    assert desired(Scene(id=1, title="T"), settings, "movie").values == {"title": "T"}


def test_a_summary_keeps_its_lines() -> None:
    """Plex shows them."""
    assert summary("one\ntwo") == "one\ntwo"


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
