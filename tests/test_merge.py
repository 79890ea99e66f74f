"""The merge, one step at a time: properties for any base, theirs, ours, pending and locks."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from merge.base import Base, Pending
from merge.compare import present, same
from merge.desired import Desired
from merge.three_way import Merge, merge
from plex.edits import requests_for
from plex.item import Member, PlexItem
from tests.plex_in_miniature import Reading, an_item, put
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable

#: ``EXAMPLES=5000 pytest tests/test_merge.py`` takes other examples, and more of them.
MORE = os.environ.get("EXAMPLES", "")
EXAMPLES = settings(max_examples=int(MORE or "300"), deadline=None, derandomize=not MORE)

WORDS = ("", "A", "a", "B", " B ", "The C", "“q”", "שלום", "e\u0301", "\u00e9", "x\ny", "x\r\ny")
DATES = ("", "2024", "2024-05", "2024-05-01", "2024-05-17", "2023-11-30")
RATINGS = ("", "8", "8.0", "7.5")
MEMBERS = ("A", "a", "B", "C, D", "E&F=G", "e\u0301", "\u00e9", "H+%2C", "I  J", "I J")
TEXTS = ("title", "summary", "date", "rating")
LISTS = ("performers", "tags")
FLAGS = ("locked in Plex", "foreign", "wrote", "locked", "released", "reported")


@dataclass(frozen=True)
class Case:
    """One situation: what there is on all three sides, and what may be on the way."""

    ours: Desired
    item: PlexItem
    base: Base | None
    pending: Pending
    reading: Reading
    over: bool

    def merged(self, **changes: Any) -> Merge:
        """What the merge makes of it, or of a variation."""
        case = replace(self, **changes)
        return merge(case.ours, case.item, case.base, case.pending, overwrite=case.over)

    @property
    def once_ours(self) -> dict[str, set[str]]:
        """Keys of the members that Stash had, by list."""
        known = self.base.members if self.base else {}
        tried = self.pending.any_members
        return {
            name: {tag_key(one) for one in (*known.get(name, ()), *tried.get(name, ()))}
            for name in LISTS
        }


def _subsets(key: Callable[[str], str]) -> list[tuple[str, ...]]:
    """Every list of up to three members of which no two are the same by ``key``."""
    every = itertools.chain.from_iterable(itertools.combinations(MEMBERS, n) for n in range(4))
    return [names for names in every if len({key(name) for name in names}) == len(names)]


# One draw for a whole list and for all flags keeps an example cheap.
_members = st.sampled_from(_subsets(tag_key))
_in_plex = st.sampled_from(_subsets(str.lower))
_flags = st.integers(0, 2 ** len(FLAGS) - 1)
_readings = st.sampled_from(
    [Reading(*switches) for switches in itertools.product((False, True), repeat=3)]
)


@st.composite
def cases(draw: st.DrawFn, texts: tuple[str, ...] = TEXTS, *, empty: bool = False) -> Case:
    """One text, perhaps with the sort title that hangs on it, and one list.

    ``empty``: Stash has nothing for the text, Plex has something.
    """
    text, many = draw(st.sampled_from(texts)), draw(st.sampled_from(LISTS))
    options = {"date": DATES, "rating": RATINGS}.get(text, WORDS)
    days = [one for one in options if text != "date" or len(one) in (0, 10)]
    flags = {text: draw(_flags), many: draw(_flags)}
    values = {text: "" if empty else draw(st.sampled_from(options))}
    theirs = {text: draw(st.sampled_from(days[1:] if empty else days))}
    known = {text: draw(st.sampled_from((None, *options)))}
    lists, members = {many: draw(_members)}, {many: draw(st.none() | _members)}
    pending = Pending()
    for _ in range(draw(st.integers(0, 2))):
        tried = {text: draw(st.sampled_from(days))} if draw(st.booleans()) else {}
        pending = pending.adding(tried, {many: draw(_members)}, tried)
    if draw(st.booleans()):
        values["sort_title"] = ""
        theirs["sort_title"] = draw(st.sampled_from(WORDS))
        flags["sort_title"] = draw(_flags)
        known["sort_title"] = draw(st.sampled_from((None, *WORDS)))
    only = draw(st.sampled_from(("both", "text", "list")))
    ours = Desired(values if only != "list" else {}, lists if only != "text" else {})
    flagged: list[Any] = [
        frozenset(name for name in flags if flags[name] >> bit & 1) for bit in range(6)
    ]
    base = Base(
        {name: one for name, one in known.items() if one is not None},
        {name: some for name, some in members.items() if some is not None},
        *flagged[1:],
    )
    item = an_item(theirs, {many: draw(_in_plex)}, flagged[0])
    nothing = draw(st.booleans()) and not base.values and not base.members
    return Case(
        ours, item, None if nothing else base, pending, draw(_readings), draw(st.booleans())
    )


def _names(item: PlexItem, name: str) -> set[str]:
    return {tag_key(member.name) for member in item.lists[name]}


@EXAMPLES
@given(cases())
def test_applied_and_merged_again_there_is_nothing_to_do(case: Case) -> None:
    """Whatever was before, after one edit a second look writes nothing and says nothing."""
    first = case.merged()
    after = put(case.item, first.edit, case.reading)
    again = case.merged(item=after, base=first.base, pending=Pending())
    assert not again.edit
    assert not again.notes
    assert again.base == first.base


@EXAMPLES
@given(cases())
def test_an_edit_that_arrived_but_was_not_acknowledged_is_not_repeated(case: Case) -> None:
    """A crash after the PUT costs no second PUT: pending counts as written."""
    first = case.merged()
    after = put(case.item, first.edit, case.reading)
    assert not case.merged(item=after, pending=first.pending).edit


@EXAMPLES
@given(cases())
def test_foreign_members_always_stay(case: Case) -> None:
    """A member that never was Stash's is left in, with every spelling Plex has of it."""
    after = put(case.item, case.merged().edit, case.reading)
    for name in LISTS:
        known = {tag_key(one) for one in case.ours.lists.get(name, ())} | case.once_ours[name]
        foreign = {one.name for one in case.item.lists[name] if tag_key(one.name) not in known}
        assert foreign <= {member.name for member in after.lists[name]}


@EXAMPLES
@given(cases())
def test_a_member_of_ours_that_stash_dropped_leaves(case: Case) -> None:
    """What we wrote, or may have written, and Stash no longer has, is removed."""
    after = put(case.item, case.merged().edit, case.reading)
    for name, names in case.ours.lists.items():
        if not (case.base and name in case.base.released):
            gone = case.once_ours[name] - {tag_key(one) for one in names}
            assert not gone & _names(after, name)


@EXAMPLES
@given(cases())
def test_overwrite_always_wins(case: Case) -> None:
    """With overwrite_plex_edits Plex ends up with what Stash has, locked or not."""
    base = replace(case.base, released=frozenset()) if case.base else None
    after = put(case.item, case.merged(base=base, over=True).edit, case.reading)
    for name, text in case.ours.values.items():
        assert not text or same(name, text, present(name, after))
    for name, names in case.ours.lists.items():
        assert {tag_key(one) for one in names} <= _names(after, name)


@EXAMPLES
@given(cases(("title",), empty=True))
def test_a_title_is_never_blanked_and_a_file_name_never_covers_a_good_one(case: Case) -> None:
    """An empty Stash title leaves Plex's, unless that one was ours: then the file's stem."""
    before, base = case.item.values["title"], case.base
    title = put(case.item, case.merged().edit, case.reading).values["title"]
    if title != before:
        once = [base.values.get("title", "")] if base and "title" in base.wrote else []
        once += case.pending.values.get("title", ())
        assert title == "The File"
        assert any(same("title", one, before) for one in once)


@EXAMPLES
@given(cases())
def test_everything_written_is_locked_in_the_same_request(case: Case) -> None:
    """No field leaves without its lock beside it; a lock counts as ours only if none was there."""
    merged = case.merged()
    for params in requests_for(merged.edit):
        touched = {name.partition("[")[0].partition(".")[0] for name, _ in params[2:]}
        assert {f"{wire}.locked" for wire in touched} <= {name for name, _ in params}
        assert dict(params)["id"] == "7"
    new = set(merged.edit.names) - case.item.locked
    assert new <= merged.base.locked
    before = (case.base.locked if case.base else frozenset()) | case.pending.locks
    assert merged.base.locked - new <= before & case.item.locked


@EXAMPLES
@given(cases())
def test_added_and_removed_never_name_the_same_member(case: Case) -> None:
    """The full list and the removals are disjoint, so their order in Plex does not matter."""
    for change in case.merged().edit.lists.values():
        members = {tag_key(member.name) for member in change.members}
        assert not members & {tag_key(name) for name in change.removed}


@EXAMPLES
@given(cases())
def test_released_fields_rest_until_stash_changes_them(case: Case) -> None:
    """After "Release locks" a field is left as Plex has it, even with overwrite_plex_edits."""
    base = case.base or Base()
    ours = Desired(
        {name: base.values[name] for name in case.ours.values if name in base.values},
        {name: base.members[name] for name in case.ours.lists if name in base.members},
    )
    assume("sort_title" not in ours.values)
    base = replace(base, released=frozenset((*ours.values, *ours.lists)))
    merged = case.merged(ours=ours, base=base, over=True)
    assert not merged.edit
    assert merged.base.released == base.released


@EXAMPLES
@given(cases())
def test_state_survives_the_ledger(case: Case) -> None:
    """Base and pending read back from JSON are what they were."""
    merged = case.merged()
    assert Base.from_json(merged.base.to_json()) == merged.base
    assert Pending.from_json(merged.pending.to_json()) == merged.pending


def test_foreign_actors_keep_role_and_picture() -> None:
    """A list that is written again carries the roles and thumbs of those who stay."""
    item = an_item(lists={"performers": [Member("X", role="Herself", thumb="/p/x")]})
    edit = merge(Desired({}, {"performers": ("A",)}), item, None, Pending()).edit
    (params,) = requests_for(edit)
    assert ("actor[1].tag.tag", "X") in params
    assert ("actor[1].tagging.text", "Herself") in params
    assert ("actor[1].tag.thumb", "/p/x") in params
