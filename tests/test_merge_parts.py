"""The merge's parts on their own: what counts as the same, what is known, lost and given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from merge.base import Base, Pending
from merge.brake import FEWEST, SHARE, Taken, is_too_much, taken_away
from merge.compare import digest, present, rating100, same, unchanged
from merge.desired import Desired
from merge.effects import (
    ADDED,
    AGENTS,
    CLEARED,
    FILLED,
    OURS,
    PERSONS,
    REMOVED,
    RESPELLED,
    effects_of,
    kind_of_text,
)
from merge.former import former_of, give_back
from merge.members import EARLIER_LISTS, EARLIER_MEMBERS, is_earlier, remembered, state_of
from merge.ratings import Way, given_back, noted, taken_over, way_of
from merge.three_way import Merge, merge
from plex.edits import Edit, ListEdit
from plex.item import Member, PlexItem
from tests.plex_in_miniature import Reading, an_item, put

NOTHING = Pending()


def _step(ours: Desired, item: PlexItem, base: Base | None = None) -> tuple[PlexItem, Merge]:
    merged = merge(ours, item, base, NOTHING)
    return put(item, merged.edit, Reading()), merged


def _edit(values: dict[str, str], lists: dict[str, ListEdit] | None = None) -> Edit:
    return Edit(7, 1, "movie", values, lists or {})


# --- what is the same --------------------------------------------------------------------------


@pytest.mark.parametrize(("ours", "theirs"), [("Café", "Cafe\u0301"), ("A B", "A B ")])
def test_what_a_reader_cannot_tell_apart_is_not_written(ours: str, theirs: str) -> None:
    """Composed or not, blank or not at the end: writing it would repeat for ever."""
    assert unchanged("title", ours, theirs)
    assert same("title", ours, theirs)
    assert not _step(Desired({"title": ours}, {}), an_item({"title": theirs}))[1].edit


def test_a_rating_is_known_again_however_it_is_written() -> None:
    """Plex says 8.0 of what was sent as 8, and tenths are tenths."""
    assert digest("rating", "8") == digest("rating", "8.0") != digest("rating", "8.1")
    assert [rating100(text) for text in ("8", "8.04", "8.06", "-1", "11")] == [80, 80, 81, 0, 100]


def test_a_sort_title_that_plex_leaves_out_is_the_title() -> None:
    """One that it has is its own."""
    assert present("sort_title", an_item({"title": "T"})) == "T"
    assert present("sort_title", an_item({"title": "T", "sort_title": "S"})) == "S"


@pytest.mark.parametrize("text", ["", "nan", "inf", "many"])
def test_what_is_no_rating_is_none(text: str) -> None:
    """Whatever stands there instead of a number."""
    assert rating100(text) == 0


# --- texts -------------------------------------------------------------------------------------


def test_a_text_that_was_kept_and_is_ours_again_gives_way_unsaid() -> None:
    """Who puts our text back took nothing over: Stash's next change replaces nothing of theirs."""
    item, first = _step(Desired({"summary": "A"}, {}), an_item())
    by_hand = replace(item, values={**item.values, "summary": "P"})
    _, kept = _step(Desired({"summary": "A"}, {}), by_hand, first.base)
    assert kept.kept == {"summary": ("P", "A")}
    after, merged = _step(Desired({"summary": "B"}, {}), item, kept.base)
    assert after.values["summary"] == "B"
    assert (merged.notes, merged.kinds) == ((), {"summary": OURS})


@pytest.mark.parametrize(("since", "left"), [(0, ""), (1, "A")])
def test_an_earlier_text_of_ours_goes_only_where_plex_was_put_back(since: int, left: str) -> None:
    """Where Plex changed since our last edit a person may have put it back, and it stays."""
    item, merged = _step(Desired({"summary": "A"}, {}), an_item())
    _, merged = _step(Desired({"summary": "B"}, {}), item, merged.base)
    item = replace(item, updated_at=item.updated_at + since)
    assert _step(Desired({"summary": ""}, {}), item, merged.base)[0].values["summary"] == left
    # What Stash has instead is written in any case.
    assert _step(Desired({"summary": "C"}, {}), item, merged.base)[0].values["summary"] == "C"


def test_an_earlier_text_beside_another_that_is_back_was_put_back_too() -> None:
    """A refresh since then moved the item's time on; one text alone proves nothing."""
    item, merged = _step(Desired({"summary": "A", "studio": "A"}, {}), an_item())
    after, merged = _step(Desired({"summary": "B", "studio": "B"}, {}), item, merged.base)
    ours = Desired({"summary": "", "studio": "B"}, {})
    back = replace(item, updated_at=after.updated_at + 1)
    assert _step(ours, back, merged.base)[0].values["summary"] == ""
    alone = replace(back, values={**back.values, "studio": "B"})
    assert _step(ours, alone, merged.base)[0].values["summary"] == "A"


def test_only_what_we_wrote_is_remembered_as_an_earlier_text() -> None:
    """A text that Plex had before us is not ours once Stash has another."""
    item, agreed = _step(Desired({"summary": "A"}, {}), an_item({"summary": "A"}))
    assert not _step(Desired({"summary": "B"}, {}), item, agreed.base)[1].base.earlier


def test_a_person_s_text_that_stash_took_over_is_no_longer_kept() -> None:
    """Both have it: nothing is foreign or reported, and Stash's next change is written."""
    item = an_item({"summary": "P"}, locked={"summary"})
    kept = _step(Desired({"summary": "A"}, {}), item)[1].base
    assert kept.foreign == kept.reported == {"summary"}
    agreed = _step(Desired({"summary": "P"}, {}), item, kept)[1].base
    assert not agreed.foreign | agreed.reported


def test_a_person_s_text_where_stash_has_none_is_no_difference() -> None:
    """There is nothing to choose from, and nothing to say."""
    base = Base(values={"summary": ""})
    merged = _step(
        Desired({"summary": ""}, {}), an_item({"summary": "P"}, locked={"summary"}), base
    )[1]
    assert (merged.kept, merged.notes, bool(merged.edit)) == ({}, (), False)


def test_what_arrived_of_a_field_that_is_not_synced_any_more_is_ours() -> None:
    """A text that a lost look wrote stays known, for the field may come back."""
    pending = Pending().adding({"summary": "A", "studio": "S"}, {}, ("summary", "studio"))
    item = an_item({"summary": "A"}, locked={"summary"})
    base = merge(Desired({}, {}), item, None, pending).base
    assert base.values == {"summary": "A"}
    assert base.wrote == {"summary"}


@pytest.mark.parametrize("both_ways", [True, False])
def test_only_a_rating_and_only_by_the_switch_goes_to_stash(both_ways: bool) -> None:
    """A text that only Plex has never does."""
    item = an_item({"rating": "8.0", "summary": "P"})
    ours = Desired({"rating": "", "summary": ""}, {})
    merged = merge(ours, item, None, NOTHING, both_ways=both_ways)
    assert merged.to_stash == ({"rating": ("8.0", "")} if both_ways else {})
    assert not merged.edit


def test_a_title_that_only_plex_has_is_sorted_as_plex_does() -> None:
    """Where Stash has no title, and never had one, its sort title is not ours either."""
    ours = Desired({"title": "", "sort_title": ""}, {})
    assert not _step(ours, an_item({"title": "The End"}))[1].edit


@pytest.mark.parametrize(("length", "said"), [(60, 60), (61, 57)])
def test_a_long_text_is_said_by_its_beginning(length: int, said: int) -> None:
    """A note names what is kept, and quotes no novel."""
    item = an_item({"summary": "z" * length}, locked={"summary"})
    (note,) = _step(Desired({"summary": "A"}, {}), item)[1].notes
    assert note.count("z") == said
    assert ("..." in note) == (said < length)


@pytest.mark.parametrize("adopt", [True, False])
def test_what_is_locked_and_as_stash_has_it_is_ours_only_where_the_ledger_was_lost(
    adopt: bool,
) -> None:
    """Else it stood there before us, and an emptied text or list takes nothing of it."""
    ours = Desired({"summary": "A"}, {"tags": ("A",)})
    item = an_item({"summary": "A"}, {"tags": ("A", "X")}, {"summary", "tags"})
    base = merge(ours, item, None, NOTHING, adopt=adopt).base
    assert ("summary" in base.wrote) == adopt
    after, _ = _step(Desired({"summary": ""}, {"tags": ()}), item, base)
    assert after.values["summary"] == ("" if adopt else "A")
    assert [one.name for one in after.lists["tags"]] == (["X"] if adopt else ["A", "X"])


@pytest.mark.parametrize(("overwrite", "why"), [(True, "always wins"), (False, "changed too")])
def test_a_person_s_text_that_gives_way_is_named_with_the_reason(overwrite: bool, why: str) -> None:
    """A setting, or a change in Stash."""
    item, first = _step(Desired({"summary": "A"}, {}), an_item())
    item = replace(item, values={**item.values, "summary": "P"})
    ours = Desired({"summary": "B"}, {})
    (note,) = merge(ours, item, first.base, NOTHING, overwrite=overwrite).notes
    assert note == f"summary: 'P' was edited in Plex and is replaced: Stash {why}"


def test_what_was_undone_rests_and_is_listed_until_stash_changes_it() -> None:
    """The page shows both values of a text and of a list."""
    names = frozenset({"summary", "tags"})
    known = Base(values={"summary": "A"}, members={"tags": ("A",)}, undone=names)
    item = an_item({"summary": "X"}, {"tags": ("X",)})
    merged = _step(Desired({"summary": "A"}, {"tags": ("A",)}), item, known)[1]
    assert not merged.edit
    assert merged.kept == {"summary": ("X", "A"), "tags": ("X", "A")}
    assert merged.base.undone == names
    merged = _step(Desired({"summary": "B"}, {"tags": ("B",)}), item, known)[1]
    assert merged.edit.names == ("summary", "tags")
    assert not merged.base.undone


def test_the_state_of_an_item_survives_the_ledger_whole() -> None:
    """Every part of it, pictures and ratings too, and nothing of a part that is empty."""
    names = frozenset({"title"})
    sets = ("foreign", "wrote", "locked", "released", "reported", "undone")
    base = Base(
        values={"title": "T"},
        members={"tags": ("A",)},
        images={"poster": "sent a b c"},
        given={"tags": ("A",)},
        earlier={"title": ("0123abcd",)},
        theirs={"rating": "8.0"},
        came={"rating": "6.0"},
        edited_from=7,
        rated_at=8,
        by_rule={"tags": ("A",)},
        **dict.fromkeys(sets, names),
    )
    assert Base.from_json(base.to_json()) == base
    pending = Pending().adding({"title": "T"}, {"tags": ("A",)}, names, {"rating": "8.0"})
    assert Pending.from_json(pending.to_json()) == pending
    assert pending.to_stash == {"rating": ("8.0",)}
    more = pending.adding({"title": "U"}, {}, {"summary"})
    assert more.values == {"title": ("T", "U")}
    assert more.locks == {"title", "summary"}


# --- lists -------------------------------------------------------------------------------------


def test_a_list_that_is_written_and_still_lacks_something_says_what_it_will_be() -> None:
    """A member that a person took out stays away; one that joins in Stash comes beside the rest."""
    item, first = _step(Desired({}, {"tags": ("A", "B")}), an_item())
    without = replace(item, lists={**item.lists, "tags": (Member("A"),)})
    after, merged = _step(Desired({}, {"tags": ("A", "B", "C")}), without, first.base)
    assert [one.name for one in after.lists["tags"]] == ["A", "C"]
    assert merged.kept == {"tags": ("A, C", "A, B, C")}


def test_a_member_is_respelled_though_nothing_else_changes() -> None:
    """Its old spelling is named to the request; of two that are one name nobody is chosen."""
    item, first = _step(Desired({}, {"tags": ("alpha", "B")}), an_item())
    merged = _step(Desired({}, {"tags": ("Alpha", "B")}), item, first.base)[1]
    assert merged.edit.lists["tags"].respelled == ("alpha",)
    twice = (Member("alpha"), Member("ALPHA"), Member("B"))
    both = replace(item, lists={**item.lists, "tags": twice})
    assert not _step(Desired({}, {"tags": ("Alpha", "B")}), both, first.base)[1].edit


def test_lists_locked_by_the_thousand_are_joined() -> None:
    """A locked title that is its file's name says that nobody looked at any of the locks."""
    item = an_item({"title": "The File"}, {"tags": ("X",)}, {"title", "tags"})
    after, merged = _step(Desired({}, {"tags": ("A",)}), item)
    assert {one.name for one in after.lists["tags"]} == {"A", "X"}
    assert not merged.notes


def test_a_list_that_a_person_chose_of_stash_is_ours_again() -> None:
    """Nothing of what was known of it as a person's is left."""
    names = frozenset({"tags"})
    base = Base(
        members={"tags": ("A",)}, foreign=names, released=names, undone=names, reported=names
    )
    item = an_item(lists={"tags": ("P", "A")}, locked=names)
    merged = merge(Desired({}, {"tags": ("A",)}), item, base, NOTHING, insist=names)
    after = merged.base
    assert not (after.foreign | after.released | after.undone | after.reported)
    assert merged.edit.lists["tags"] == ListEdit((Member("A"),), ("P",))
    assert after.given["tags"] == ("A",)
    same_already = an_item(lists={"tags": ("a",)}, locked=names)
    assert not merge(Desired({}, {"tags": ("A",)}), same_already, base, NOTHING, insist=names).edit


def test_lists_that_we_wrote_are_remembered_once_each_the_newest_last() -> None:
    """Of very many the oldest are forgotten, and of their members, too."""
    known: tuple[str, ...] = ()
    for names in ("A", "B", "A"):
        known = remembered(known, (Member(names),), (names,))
    assert [one for one in known if one.startswith("=")] == [state_of("B"), state_of("A")]
    assert len(known) == 4
    assert is_earlier((Member("B"),), known)
    assert not is_earlier((Member("A"),), known)
    many = [str(number) for number in range(EARLIER_MEMBERS + 1)]
    for name in many:
        known = remembered(known, (Member(name),), (name,))
    states = [one for one in known if one.startswith("=")]
    assert states == [state_of((name,)) for name in many[-EARLIER_LISTS:]]
    assert len(known) == EARLIER_MEMBERS + EARLIER_LISTS


def test_only_what_stash_spells_anew_and_came_from_us_is_respelled() -> None:
    """What Plex made of one of ours stays, and so does what stood there before us."""
    item, first = _step(
        Desired({}, {"tags": ("alpha", "beta", "gamma")}), an_item(lists={"tags": ("gamma",)})
    )
    spelled = (Member("gamma"), Member("ALPHA"), Member("beta"))
    item = replace(item, lists={**item.lists, "tags": spelled})
    merged = _step(Desired({}, {"tags": ("alpha", "Beta", "Gamma")}), item, first.base)[1]
    assert merged.edit.lists["tags"].respelled == ("beta",)


@pytest.mark.parametrize(("since", "left"), [(0, {"A", "B"}), (1, {"A"})])
def test_a_member_that_is_gone_comes_back_only_where_plex_was_put_back(
    since: int, left: set[str]
) -> None:
    """Where Plex changed since our last edit a person took it out, and it stays away."""
    item, merged = _step(Desired({}, {"tags": ("A",)}), an_item())
    ours = Desired({}, {"tags": ("A", "B")})
    _, merged = _step(ours, item, merged.base)
    item = replace(item, updated_at=item.updated_at + since)
    assert {one.name for one in _step(ours, item, merged.base)[0].lists["tags"]} == left


def test_a_list_that_nobody_locks_any_more_is_no_person_s() -> None:
    """Whoever took the lock off gave it back, though nothing has to be written now."""
    names = frozenset({"tags"})
    base = Base(members={"tags": ("A",)}, foreign=names)
    ours = Desired({}, {"tags": ("A",)})
    for locked, foreign in ((names, names), (frozenset(), frozenset())):
        merged = _step(ours, an_item(lists={"tags": ("A",)}, locked=locked), base)[1]
        assert (bool(merged.edit), merged.base.foreign) == (False, foreign)


# --- given back --------------------------------------------------------------------------------


def test_what_is_as_we_left_it_is_given_back_and_what_is_not_stays() -> None:
    """A field that is as before already counts as given back, and needs no request."""
    before = an_item({"title": "T", "summary": "S", "studio": "X"}, {"tags": ("P",)}, {"studio"})
    tags = ListEdit((Member("P"), Member("A")))
    edit = _edit({"title": "t2", "summary": "s2", "studio": "x2"}, {"tags": tags})
    former = former_of(before, edit)
    assert former.locks == {"title", "summary", "tags"}
    item = put(before, edit, Reading())
    item = replace(item, values={**item.values, "title": "T", "summary": "a person's"})
    found = give_back(former, item, Base())
    assert set(found.back) == {"title", "studio", "tags"}
    assert found.changed == ("summary",)
    assert found.edit.values == {"studio": "X"}
    assert found.edit.lists == {"tags": ListEdit((Member("P"),), ("A",))}
    assert found.unlock.unlock == ("tags", "title")
    for members, place in ((("P",), "back"), (("Q",), "changed")):
        other = replace(item, lists={**item.lists, "tags": tuple(map(Member, members))})
        found = give_back(former, other, Base())
        assert "tags" in getattr(found, place)
        assert not found.edit.lists


# --- in people's words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "theirs", "whose", "kind"),
    [
        ("summary", "", "X", OURS, CLEARED),
        ("summary", "A", "", AGENTS, FILLED),
        ("summary", "A", "X", PERSONS, PERSONS),
        ("summary", "A", "The File", AGENTS, AGENTS),
        ("title", "A", "The File", AGENTS, FILLED),
        ("sort_title", "A", "The File", AGENTS, FILLED),
        ("title", "A", "The File", OURS, OURS),
        ("title", "A", "X", AGENTS, AGENTS),
    ],
)
def test_a_title_that_is_its_file_s_name_counts_as_none(
    name: str, value: str, theirs: str, whose: str, kind: str
) -> None:
    """Unless that name came from us; in a summary the same words are words."""
    assert kind_of_text(name, value, theirs, whose, an_item()) == kind


def test_members_come_go_and_change_their_spelling() -> None:
    """Each counts where it belongs, and what stays does not count."""
    item = an_item({"title": "T"}, {"tags": ("alpha", "B", "C")})
    change = ListEdit((Member("Alpha"), Member("B"), Member("D"), Member("E")), ("C",), ("alpha",))
    found = effects_of(_edit({"title": "U"}, {"tags": change}), {"title": AGENTS}, item)
    assert [tuple(one) for one in found] == [
        (AGENTS, "title", "T", "U", 1),
        (ADDED, "tags", "", "D, E", 2),
        (REMOVED, "tags", "C", "", 1),
        (RESPELLED, "tags", "alpha", "Alpha", 1),
    ]
    only_more = _edit({}, {"tags": ListEdit((*map(Member, ("alpha", "B", "C", "F")),))})
    assert [tuple(one) for one in effects_of(only_more, {}, item)] == [(ADDED, "tags", "", "F", 1)]


# --- taken away --------------------------------------------------------------------------------


def test_what_takes_something_away() -> None:
    """A text that is emptied, a title that falls back, a shorter list, Stash's lost rating."""
    filled = {"title": "T", "sort_title": "T", "summary": "S", "date": "2024-01-01"}
    item = an_item(filled, {"tags": ("A", "B", "C"), "labels": ("L",), "collections": ("C", "D")})
    edit = _edit(
        {"title": "The File", "sort_title": "", "summary": "", "date": "2025-01-01", "studio": ""},
        {
            "tags": ListEdit((Member("D"),), ("A", "B", "C")),
            "labels": ListEdit((Member("M"),)),
            "collections": ListEdit((Member("C"),), ("D",)),
        },
    )
    merged = replace(merge(Desired({}, {}), item, None, NOTHING), edit=edit)
    assert taken_away(merged, item) == {"title": 1, "summary": 1, "tags": 2, "collections": 1}
    chosen = frozenset({"title", "summary", "tags", "collections"})
    assert not taken_away(merged, item, chosen)
    for theirs, taken in (("", {"rating in Stash": 1}), ("8.0", {})):
        rated = replace(merged, edit=_edit({}), to_stash={"rating": (theirs, "6.0")})
        assert taken_away(rated, item) == taken


@pytest.mark.parametrize(
    ("items", "in_step", "too_much"),
    [
        (FEWEST - 1, 10, False),
        (FEWEST, 10, True),
        (30, round(30 / SHARE), False),
        (31, round(30 / SHARE), True),
    ],
)
def test_many_in_number_and_in_share_are_too_much(items: int, in_step: int, too_much: bool) -> None:
    """A small library's few scenes and a large one's small share go on unasked."""
    assert is_too_much(items, in_step) == too_much


def test_what_is_taken_away_adds_up_and_is_said() -> None:
    """Items and members each by their number, the title first and lists last."""
    taken = Taken()
    taken.add_item({})
    assert (bool(taken), taken.in_words()) == (False, "")
    taken.add_item({"tags": 1, "sort_title": 1})
    one = "empty the sort title of 1 item and take 1 tag out of 1 item"
    assert (bool(taken), taken.in_words()) == (True, one)
    for _ in range(999):
        taken.add_item({"tags": 2, "title": 1})
    again = Taken.from_json(taken.to_json())
    assert again == taken
    assert again.items == 1000
    assert again.in_words() == (
        "let the title of 999 items fall back to the file's name, "
        "empty the sort title of 1 item and take 1,999 tags out of 1,000 items"
    )
    assert Taken.from_json("") == Taken()


# --- ratings -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "seen", "ours", "theirs", "way", "at_rest"),
    [
        (None, None, "8.0", "8.0", Way.TEXT, Way.TEXT),
        (None, None, "", "8.0", Way.TAKE, Way.TEXT),
        (None, None, "6.0", "8.0", Way.TEXT, Way.TEXT),
        ("6.0", None, "6.0", "8.0", Way.TAKE, Way.TAKE),
        ("6.0", None, "7.0", "8.0", Way.TEXT, Way.TEXT),
        ("6.0", None, "6.0", "", Way.REST, Way.REST),
        ("6.0", "8.0", "6.0", "8.0", Way.REST, Way.TEXT),
        ("6.0", "8.0", "6.0", "9.0", Way.TAKE, Way.TAKE),
        (None, "8.0", "6.0", "9.0", Way.TEXT, Way.TEXT),
        ("6.0", "8.0", "6.0", "6.0", Way.TEXT, Way.TEXT),
    ],
)
def test_a_rating_by_the_table(
    known: str | None, seen: str | None, ours: str, theirs: str, way: Way, at_rest: Way
) -> None:
    """What both had (``seen`` is Plex's where they differed) tells whose a change is."""
    values = {} if known is None else {"rating": known}
    base = Base(values=values, theirs={} if seen is None else {"rating": seen})
    assert way_of(base, ours, theirs, same_scene=True, rests=False) is way
    assert way_of(base, ours, theirs, same_scene=True, rests=True) is at_rest
    other = way_of(base, ours, theirs, same_scene=False, rests=False)
    assert other is (way if known is None else Way.TEXT)
    none = way_of(base, "", theirs, same_scene=False, rests=False)
    assert none is (Way.TAKE if theirs else Way.TEXT)
    of_the_other = replace(base, wrote=frozenset({"rating"}))
    none = way_of(of_the_other, "", theirs, same_scene=False, rests=False)
    assert none is (Way.TAKE if theirs and theirs != known else Way.TEXT)


def test_a_rating_that_a_person_had_before_us_was_never_agreed_on() -> None:
    """What Stash had when it was kept says nothing of what Plex had."""
    base = Base(values={"rating": "6.0"}, foreign=frozenset({"rating"}))
    assert way_of(base, "6.0", "8.0", same_scene=True, rests=False) is Way.TEXT


def test_a_rating_that_came_from_plex_goes_with_it() -> None:
    """One that Plex has no more is taken from Stash only if it came from there."""
    base = Base(values={"rating": "6.0"}, came={"rating": "6.0"})
    assert way_of(base, "6.0", "", same_scene=True, rests=False) is Way.TAKE
    other = replace(base, came={"rating": "5.0"})
    assert way_of(other, "6.0", "", same_scene=True, rests=False) is Way.REST


@pytest.mark.parametrize(
    ("ours", "asked", "takes", "written"),
    [
        ("6.0", {}, {"rating": ("8.0", "6.0")}, {}),
        ("6.0", {"insist": frozenset({"rating"})}, {}, {"rating": "6.0"}),
        ("6.0", {"overwrite": True}, {}, {"rating": "6.0"}),
        ("", {"overwrite": True}, {"rating": ("8.0", "")}, {}),
        ("7.0", {}, {}, {"rating": "7.0"}),
    ],
)
def test_who_gets_a_rating_that_changed_in_plex(
    ours: str,
    asked: dict[str, Any],
    takes: dict[str, tuple[str, str]],
    written: dict[str, str],
) -> None:
    """Stash, unless it has another by now, always wins, or a person chose what it has."""
    base = Base(values={"rating": ours if ours != "7.0" else "6.0"})
    item = an_item({"rating": "8.0"})
    merged = merge(Desired({"rating": ours}, {}), item, base, NOTHING, both_ways=True, **asked)
    assert merged.to_stash == takes
    assert merged.edit.values == written
    if takes:
        assert merged.pending.to_stash == {"rating": ("8.0",)}


def test_two_ratings_that_differ_and_rest_stay_and_are_listed() -> None:
    """What both had is known afterwards as it was; one that Stash changes is written."""
    base = Base(values={"rating": "6.0"}, theirs={"rating": "8.0"}, wrote=frozenset({"rating"}))
    item = an_item({"rating": "8.0"})
    rests = merge(Desired({"rating": "6.0"}, {}), item, base, NOTHING, both_ways=True)
    assert (bool(rests.edit), rests.kept) == (False, {"rating": ("8.0", "6.0")})
    assert rests.base.theirs == {"rating": "8.0"}
    goes = merge(Desired({"rating": "7.0"}, {}), item, base, NOTHING, both_ways=True)
    assert goes.edit.values == {"rating": "7.0"}
    assert goes.base.theirs == {}


@pytest.mark.parametrize("rest", ["undone", "released"])
def test_a_rating_at_rest_is_left_on_both_sides(rest: str) -> None:
    """Undone, or its lock given back: neither side gets the other's until one changes."""
    resting: dict[str, Any] = {rest: frozenset({"rating"})}
    base = Base(values={"rating": "6.0"}, theirs={"rating": "8.0"}, **resting)
    item = an_item({"rating": "8.0"})
    merged = merge(Desired({"rating": "6.0"}, {}), item, base, NOTHING, both_ways=True)
    assert (bool(merged.edit), merged.to_stash) == (False, {})
    assert getattr(merged.base, rest) == {"rating"}


def test_a_rating_that_stash_got_before_a_crash_came_from_plex() -> None:
    """It was meant to, and stands there: so it goes again when Plex's does, and is none of ours."""
    tried = Pending().adding({}, {}, (), {"rating": "8.0"})
    item, ours = an_item({"rating": "8.0"}), Desired({"rating": "8.0"}, {})
    for pending, came in ((tried, {"rating": "8.0"}), (NOTHING, {})):
        merged = merge(ours, item, Base(values={"rating": "6.0"}), pending, both_ways=True)
        assert not merged.edit
        assert merged.base.came == came
    again = merge(ours, item, Base(came={"rating": "8.0"}), NOTHING, both_ways=True)
    assert again.base.came == {"rating": "8.0"}


def test_a_rating_that_stash_took_and_one_that_it_got_back() -> None:
    """Taken, nothing of it is ours or rests; given back, both sides rest as they are."""
    names = frozenset({"rating", "title"})
    base = Base(
        values={"rating": "6.0", "title": "T"},
        theirs={"rating": "7.0", "other": "1"},
        came={"other": "1"},
        foreign=names,
        wrote=names,
        undone=names,
        reported=names,
    )
    taken = taken_over(base, "8.0")
    assert taken.values == {"rating": "8.0", "title": "T"}
    assert taken.came == {"rating": "8.0", "other": "1"}
    assert taken.theirs == {"other": "1"}
    assert taken.foreign == taken.wrote == taken.undone == taken.reported == {"title"}
    back = given_back(taken, "6.0", "8.0")
    assert back.values == {"rating": "6.0", "title": "T"}
    assert (back.theirs["rating"], back.came) == ("8.0", {})
    assert back.undone == names
    assert noted(Base(), "", "", ("",)).came == {}
    assert noted(Base(came={"rating": "5.0"}), "6.0", "6.0").came == {}
