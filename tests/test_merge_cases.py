"""Every row of the merge's table, and what properties are too coarse for: crashes by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from merge.base import Base, Pending
from merge.compare import SHORTEST_CUT, same
from merge.desired import Desired
from merge.three_way import Merge, merge
from plex.edits import SHORTEST_TEXT
from plex.item import Member, PlexItem
from tests.merge_cases import LISTS, STEM, TEXTS, ListCase, TextCase
from tests.plex_in_miniature import Reading, an_item, put
from validation.text import cut_at_word

if TYPE_CHECKING:
    from collections.abc import Sequence

PLAIN = Reading()
NOTHING = Pending()


def _tags(*names: str) -> Desired:
    return Desired({}, {"tags": names})


def _named(item: PlexItem) -> tuple[str, ...]:
    return tuple(member.name for member in item.lists["tags"])


def _step(
    ours: Desired, item: PlexItem, base: Base | None, pending: Pending = NOTHING
) -> tuple[PlexItem, Merge]:
    merged = merge(ours, item, base, pending)
    return put(item, merged.edit, PLAIN), merged


def _by(item: PlexItem, by: str, name: str, change: PlexItem) -> PlexItem:
    if by == "person":
        return replace(change, locked=item.locked | {name})
    return change if by == "agent" and name not in item.locked else item


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case.rule)
def test_a_text_by_the_table(case: TextCase) -> None:
    """The merge does what the row says."""
    item, base = an_item({case.field: case.first}), None
    if case.before is not None:
        item, merged = _step(Desired({case.field: case.before}, {}), item, None)
        base = merged.base
    if case.theirs is not None:
        changed = replace(item, values={**item.values, case.field: case.theirs})
        item = _by(item, case.by, case.field, changed)
    after, merged = _step(Desired({case.field: case.ours}, {}), item, base)
    assert after.values[case.field] == (item.stem if case.result == STEM else case.result)
    assert bool(merged.edit) == case.writes
    assert len(merged.notes) == bool(case.note)
    assert case.note in "".join(merged.notes)


@pytest.mark.parametrize("case", LISTS, ids=lambda case: case.rule)
def test_a_list_by_the_table(case: ListCase) -> None:
    """The merge does what the row says."""
    item, base = an_item(lists={"tags": case.first}), None
    if case.before is not None:
        item, merged = _step(_tags(*case.before), item, None)
        base = merged.base
    if case.theirs is not None:
        members = tuple(Member(name) for name in case.theirs)
        item = _by(item, case.by, "tags", replace(item, lists={**item.lists, "tags": members}))
    after, merged = _step(_tags(*case.ours), item, base)
    assert sorted(_named(after)) == sorted(case.result)
    assert bool(merged.edit) == case.writes
    assert case.note in "".join(merged.notes)


def _lost_looks(
    item: PlexItem, base: Base | None, looks: Sequence[tuple[Desired, bool]]
) -> tuple[PlexItem, Pending]:
    """Looks that were committed as intended and never acknowledged; True where the PUT arrived."""
    pending = Pending()
    for ours, arrived in looks:
        merged = merge(ours, item, base, pending)
        pending = merged.pending
        item = put(item, merged.edit, PLAIN) if arrived else item
    return item, pending


def test_a_tag_of_the_first_of_two_lost_looks_leaves() -> None:
    """What an earlier lost look wrote is removed although a later one knew nothing of it."""
    looks = [(_tags("A"), True), (_tags("B"), False)]
    item, pending = _lost_looks(an_item(), None, looks)
    assert _named(_step(_tags("C"), item, None, pending)[0]) == ("C",)


def test_a_tag_that_may_never_have_arrived_is_sent_again() -> None:
    """A member that a lost look may have removed is not taken for removed by hand."""
    item, merged = _step(_tags("A", "B"), an_item(), None)
    lost, pending = _lost_looks(item, merged.base, [(_tags("A"), True)])
    assert _named(lost) == ("A",)
    assert _named(_step(_tags("A", "B"), lost, merged.base, pending)[0]) == ("A", "B")
    lost, pending = _lost_looks(item, merged.base, [(_tags("A"), True), (_tags("A", "B"), False)])
    assert _named(_step(_tags("A", "B"), lost, merged.base, pending)[0]) == ("A", "B")


def test_a_tag_taken_out_by_hand_stays_away_after_a_lost_look_in_other_letters() -> None:
    """A spelling that changes in Stash does not make a member of ours unsure."""
    item, merged = _step(_tags("A", "B"), an_item(), None)
    item = replace(item, lists={**item.lists, "tags": (Member("B"),)})
    looks = [(_tags("A", "B", "C"), True), (_tags("a", "B", "D"), True)]
    lost, pending = _lost_looks(item, merged.base, looks)
    assert _named(lost) == ("B", "D")
    assert _named(_step(_tags("a", "B", "D"), lost, merged.base, pending)[0]) == ("B", "D")


def test_a_text_of_the_first_of_two_lost_looks_is_ours() -> None:
    """Every value that a lost look tried counts as written, not only the newest."""
    old = Desired({"summary": "A"}, {})
    item, merged = _step(old, an_item(), None)
    looks = [(Desired({"summary": "B"}, {}), True), (Desired({"summary": "C"}, {}), False)]
    item, pending = _lost_looks(item, merged.base, looks)
    assert item.values["summary"] == "B"
    after, again = _step(old, item, merged.base, pending)
    assert after.values["summary"] == "A"
    assert not again.notes


def test_a_text_that_never_left_is_not_ours() -> None:
    """What a lost look meant to write, and Plex does not have, was never written."""
    old = an_item({"summary": "The agent's"})
    item, pending = _lost_looks(old, None, [(Desired({"summary": "A"}, {}), False)])
    after, merged = _step(Desired({"summary": ""}, {}), item, None, pending)
    assert after.values["summary"] == "The agent's"
    assert not merged.edit
    # Nor is a lock that a person set meanwhile.
    by_hand = replace(item, values={**item.values, "summary": "P"}, locked=frozenset({"summary"}))
    after, merged = _step(Desired({"summary": "B"}, {}), by_hand, None, pending)
    assert after.values["summary"] == "P"
    assert "summary" not in merged.base.locked


def test_a_released_field_that_stash_changed_is_ours_again() -> None:
    """One change in Stash ends the rest: the field is written, locked and watched as before."""
    item, merged = _step(Desired({"summary": "A"}, {"tags": ("A",)}), an_item(), None)
    names = frozenset({"summary", "tags"})
    free = replace(merged.base, released=names, locked=frozenset())
    item = replace(item, locked=frozenset())
    after, merged = _step(Desired({"summary": "B"}, {"tags": ("B",)}), item, free)
    assert after.locked == merged.base.locked == names
    assert not merged.base.released


def test_a_kept_field_is_reported_once() -> None:
    """A person's edit is named on the first look that meets it, then no more."""
    ours = Desired({"summary": "A"}, {"tags": ("A",)})
    item = an_item({"summary": "P"}, {"tags": ("P",)}, {"summary", "tags"})
    _, first = _step(ours, item, None)
    _, second = _step(ours, item, first.base)
    assert len(first.notes) == 2
    assert not second.notes


def test_a_kept_field_that_we_wrote_is_kept_no_longer() -> None:
    """Stash's change ends what was reported, so a person who takes it over again is named anew."""

    def taken_over(item: PlexItem, name: str) -> PlexItem:
        members = {**item.lists, "tags": (Member(name),)}
        return replace(
            item,
            values={**item.values, "summary": name},
            lists=members,
            locked=frozenset({"summary", "tags"}),
        )

    ours = Desired({"summary": "A"}, {"tags": ("A",)})
    item, first = _step(ours, taken_over(an_item(), "P"), None)
    assert first.base.reported == {"summary", "tags"}
    changed = Desired({"summary": "B"}, {"tags": ("B",)})
    item, second = _step(changed, item, first.base)
    assert second.edit.names == ("summary", "tags")
    assert not second.base.reported
    _, third = _step(changed, taken_over(item, "Q"), second.base)
    assert [note.partition(":")[0] for note in third.notes] == ["summary"]
    assert third.base.reported == {"summary"}


def test_a_text_that_stash_emptied_and_wrote_again_has_changed() -> None:
    """What a person's text was kept against is not remembered beyond its end in Stash."""
    ours, nothing = Desired({"summary": "A"}, {}), Desired({"summary": ""}, {})
    item, kept = _step(ours, an_item({"summary": "P"}, locked={"summary"}), None)
    item, left = _step(nothing, item, kept.base)
    assert (item.values["summary"], left.notes) == ("P", ())
    after, merged = _step(ours, item, left.base)
    assert after.values["summary"] == "A"
    assert "replaced" in merged.notes[0]


def test_a_sort_title_is_set_beside_a_title_that_is_right_already() -> None:
    """It is a field of its own: an equal title is no reason to leave it out."""
    ours = Desired({"title": "The End", "sort_title": ""}, {})
    after, merged = _step(ours, an_item({"title": "The End"}), None)
    assert merged.edit.values == {"sort_title": "End"}
    assert not _step(ours, after, merged.base)[1].edit
    # Nor is a title that only Plex has; without any there is nothing to sort by.
    ours = Desired({"sort_title": ""}, {})
    assert _step(ours, an_item({"title": "A B"}), None)[1].edit.values == {"sort_title": "B"}
    assert not _step(ours, an_item(), None)[1].edit


def test_fields_that_are_no_longer_synced_keep_what_is_known() -> None:
    """A field taken out of sync_fields is left, and what a lost look wrote stays known."""
    item, merged = _step(_tags("A"), an_item(), None)
    item, pending = _lost_looks(item, merged.base, [(_tags("A", "B"), True)])
    without = merge(Desired({}, {}), item, merged.base, pending)
    assert not without.edit
    assert _named(_step(_tags("A"), item, without.base)[0]) == ("A",)


def test_a_summary_that_plex_took_only_a_part_of_is_not_sent_again() -> None:
    """A cut text counts as what was meant, until Stash's part of it changes."""
    whole = "word " * 400
    cut = whole[:999] + "…"
    ours = Desired({"summary": whole}, {})
    item = an_item({"summary": cut}, locked={"summary"})
    base = Base(values={"summary": whole}, wrote=frozenset({"summary"}))
    assert not merge(ours, item, base, Pending()).edit
    assert merge(Desired({"summary": "new " * 400}, {}), item, base, Pending()).edit


def test_a_short_text_that_ends_in_an_ellipsis_is_a_text_of_its_own() -> None:
    """Only what is as long as a text that we cut can be the beginning of a longer one."""
    whole = "x" * 2 * SHORTEST_CUT
    cut = "x" * (SHORTEST_CUT - len("…".encode())) + "…"
    assert len(cut.encode()) == SHORTEST_CUT
    assert same("summary", whole, cut)
    assert not same("summary", whole, cut[1:])
    assert not same("summary", whole, "y" + cut[1:])
    assert not same("summary", whole, cut[:-1])
    assert not same("title", whole, cut)
    # A teaser that somebody wrote in Plex is replaced, as any other text of an agent's.
    item = an_item({"summary": "Once upon a time…"})
    merged = merge(Desired({"summary": "Once upon a time there was"}, {}), item, None, Pending())
    assert merged.edit.values == {"summary": "Once upon a time there was"}


def test_no_text_that_we_cut_is_too_short_to_be_known_again() -> None:
    """The shortest that an edit is cut to, at whatever word, still counts as cut."""
    room = SHORTEST_TEXT
    assert len(cut_at_word("w" * (room // 3 + 1) + " " + "x" * room, room).encode()) >= SHORTEST_CUT
