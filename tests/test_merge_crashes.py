"""The merge over a long life: edits on both sides, and the worker killed at any point.

A model plays Stash, a person, an agent, and a worker that may die before it
commits its intention, before or after any of its requests, and before it
acknowledges. It keeps its own books on who put what into Plex, and holds the
merge to them after every look that ran to its end.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, ClassVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from merge.base import Base, Pending
from merge.compare import same
from merge.desired import Desired
from merge.three_way import merge
from plex.item import Member
from tests.plex_in_miniature import Reading, an_item, put
from validation.text import tag_key

#: ``LIVES=6000 pytest tests/test_merge_crashes.py`` lives other lives, and more of them.
LIVES = os.environ.get("LIVES", "")

TITLES = ("", "A", "B", "The C")
DATES = ("", "2024", "2024-05", "2024-05-17", "2023-01-01")
DAYS = ("2024-05-17", "2024-01-01", "2023-01-01", "2022-02-02")
MEMBERS = ("A", "a", "B", "C, D", "E")
TEXTS = ("title", "date")


class Life(RuleBasedStateMachine):
    """One scene, one item, one ledger entry."""

    overwrite: ClassVar[bool] = False

    @initialize(
        reading=st.builds(Reading, st.booleans(), st.booleans(), st.booleans()),
        tags=st.lists(st.sampled_from(MEMBERS), max_size=3, unique_by=str.lower),
        locked=st.frozensets(st.sampled_from(("title", "date", "tags"))),
    )
    def begin(self, reading: Reading, tags: list[str], locked: frozenset[str]) -> None:
        """An item as a scan, an agent or a person left it, before we ever came."""
        self.reading = reading
        self.item = an_item({"title": "The File", "date": "2022-02-02"}, {"tags": tags}, locked)
        self.stash: dict[str, str] = {"title": "", "date": ""}
        self.stash_tags: tuple[str, ...] = ()
        self.base: Base | None = None
        self.pending = Pending()
        # Who put each member there: us, or somebody else; and what only a person can explain.
        self.put_by_us: set[str] = set()
        self.ever_in_stash: set[str] = set()
        self.taken_by_person: set[str] = set()
        self.kept_at_first: set[str] = set()
        # What a person set by hand while all was in step, and Stash did not touch since.
        self.by_hand: dict[str, str] = {}
        self.in_step: set[str] = set()
        self.ours_in_plex: set[str] = set()
        self.ever_ours: set[str] = set()
        self.notes: list[str] = []

    # Stash

    @rule(title=st.sampled_from(TITLES))
    def stash_title(self, title: str) -> None:
        """Somebody edits the title in Stash."""
        self._stash("title", title)

    @rule(date=st.sampled_from(DATES))
    def stash_date(self, date: str) -> None:
        """Somebody edits the date in Stash."""
        self._stash("date", date)

    def _stash(self, name: str, text: str) -> None:
        if self.stash[name] != text:
            self.by_hand.pop(name, None)
            self.in_step.discard(name)
        self.stash[name] = text

    @rule(tags=st.lists(st.sampled_from(MEMBERS), max_size=3, unique_by=str.lower))
    def stash_tag_list(self, tags: list[str]) -> None:
        """Somebody edits the tags in Stash."""
        self.stash_tags = tuple(tags)

    # Plex

    @rule(name=st.sampled_from(TEXTS), text=st.sampled_from(("P", "Q")), day=st.sampled_from(DAYS))
    def person_sets_text(self, name: str, text: str, day: str) -> None:
        """Somebody edits a text in Plex, which locks it."""
        self._set(name, day if name == "date" else text)
        self.item = replace(self.item, locked=self.item.locked | {name})
        # An earlier text of ours counts as ours, whoever put it there, while Stash has another.
        if name in self.in_step and (not self.stash[name] or name != "date"):
            self.by_hand[name] = self.item.values[name]

    @rule(name=st.sampled_from(TEXTS), text=st.sampled_from(("X", "Y")), day=st.sampled_from(DAYS))
    def agent_sets_text(self, name: str, text: str, day: str) -> None:
        """An agent refreshes a text, if it may."""
        if name not in self.item.locked:
            self._set(name, day if name == "date" else text)

    def _set(self, name: str, text: str) -> None:
        self.ours_in_plex.discard(name)
        self._edit(values={**self.item.values, name: text})

    def _edit(self, **change: Any) -> None:
        self.item = replace(self.item, updated_at=self.item.updated_at + 1, **change)

    @rule(tag=st.sampled_from(MEMBERS))
    def person_adds_tag(self, tag: str) -> None:
        """Somebody adds a tag in Plex."""
        if tag_key(tag) not in self._keys():
            self._set_tags((*self.item.lists["tags"], Member(tag)), person=True)
            self.put_by_us.discard(tag_key(tag))
            self.taken_by_person.discard(tag_key(tag))

    @rule(tag=st.sampled_from(MEMBERS))
    def person_takes_tag(self, tag: str) -> None:
        """Somebody takes a tag out in Plex."""
        key = tag_key(tag)
        if key in self._keys():
            kept = tuple(one for one in self.item.lists["tags"] if tag_key(one.name) != key)
            self._set_tags(kept, person=True)
            self.taken_by_person.add(key)

    @rule(tags=st.lists(st.sampled_from(MEMBERS), max_size=2, unique_by=str.lower))
    def agent_sets_tags(self, tags: list[str]) -> None:
        """An agent puts its own tags in place of all others, if it may."""
        if "tags" not in self.item.locked:
            self._set_tags(tuple(Member(tag) for tag in tags), person=False)
            self.put_by_us -= {tag_key(tag) for tag in tags}

    def _set_tags(self, members: tuple[Member, ...], *, person: bool) -> None:
        if person and "tags" not in self.item.locked:
            # What an agent took out before a person locked the list looks like the person's doing.
            self.taken_by_person |= self.ever_in_stash - self._keys()
            self.item = replace(self.item, locked=self.item.locked | {"tags"})
        self._edit(lists={**self.item.lists, "tags": members})

    def _keys(self) -> set[str]:
        return {tag_key(one.name) for one in self.item.lists["tags"]}

    # The worker

    @rule(sent=st.integers(0, 4), committed=st.booleans())
    def killed_look(self, sent: int, committed: bool) -> None:
        """The worker dies: before its intention is committed, or after so many requests."""
        self._look(sent=sent if committed else 0, commit=committed, acknowledge=False)

    @rule()
    def meant_and_withdrawn(self) -> None:
        """The worker dies before anything left, and then Stash has no texts any more."""
        self.killed_look(sent=0, committed=True)
        for name in TEXTS:
            self._stash(name, "")
        self.look()

    @rule()
    def look(self) -> None:
        """The worker looks at the scene, all the way; then everybody gets what is theirs."""
        self._look(sent=None, commit=True, acknowledge=True)
        self._judge()
        self.in_step = set(TEXTS)

    def _look(self, *, sent: int | None, commit: bool, acknowledge: bool) -> None:
        ours = {tag_key(tag) for tag in self.stash_tags}
        wanted = Desired({**self.stash, "sort_title": ""}, {"tags": self.stash_tags})
        merged = merge(wanted, self.item, self.base, self.pending, overwrite=self.overwrite)
        # Through the ledger, as the worker would.
        base, pending = merged.base.to_json(), merged.pending.to_json()
        if not acknowledge:
            self.in_step -= set(merged.edit.values)
        before = self._keys()
        if "tags" not in {*(self.base.members if self.base else ()), *self.pending.any_members}:
            self.kept_at_first = ours - before if "tags" in self.item.locked else set()
        texts = self.item.values
        if commit and merged.edit:
            self.pending = Pending.from_json(pending)
        for name in TEXTS:
            # Nobody is told of a hand edit where there was none.
            if name in self.ours_in_plex:
                assert not any(note.startswith(name) for note in merged.notes)
        self.item = put(self.item, merged.edit, self.reading, requests=sent)
        written = {name for name in TEXTS if self.item.values[name] != texts[name]}
        # What never came from us is not cleared because Stash has nothing, whatever was meant.
        assert not {name for name in written - self.ever_ours if not self.stash[name]}
        self.ours_in_plex |= written
        self.ever_ours |= written
        self.put_by_us = (self.put_by_us | (self._keys() - before)) & self._keys()
        self.ever_in_stash |= ours
        if acknowledge:
            self.base, self.pending = Base.from_json(base), Pending()
            self.notes = list(merged.notes)
            # What both had is agreed, and as good as ours.
            self.ever_ours |= {name for name in TEXTS if self.stash[name]}

    def _judge(self) -> None:
        ours = {tag_key(tag) for tag in self.stash_tags}
        # A removal in Stash of a member that we put there has arrived, whatever was killed.
        assert not (self.put_by_us - ours) & self._keys()
        # What Stash has is there, or a person took it out, or locked the list before we came.
        assert ours - self._keys() <= self.taken_by_person | self.kept_at_first
        for name in TEXTS:
            theirs, wanted = self.item.values[name], self.stash[name]
            if name in self.by_hand and not self.overwrite:
                # A hand edit stays while Stash has not changed the field.
                assert same(name, self.by_hand[name], theirs)
            elif name in self.ours_in_plex or name not in self.item.locked:
                # What we wrote is what Stash has now, whatever was killed in between.
                # An agent's word does not stand against Stash's.
                assert not wanted or same(name, wanted, theirs)
            if self.overwrite:
                assert not wanted or same(name, wanted, theirs)
        assert self.item.values["title"]
        if self.overwrite or "tags" not in self.item.locked:
            assert ours <= self._keys()
        # The next look, and the one after a crash just now, have nothing to do.
        wanted_again = Desired({**self.stash, "sort_title": ""}, {"tags": self.stash_tags})
        again = merge(wanted_again, self.item, self.base, self.pending, overwrite=self.overwrite)
        assert not again.edit
        assert not again.notes

    @rule(tag=st.sampled_from(MEMBERS))
    def foreign_member_stays(self, tag: str) -> None:
        """A member that a person adds, and that Stash never had, outlives a look."""
        key = tag_key(tag)
        if key not in self.ever_in_stash | {tag_key(one) for one in self.stash_tags}:
            self.person_adds_tag(tag)
            self.look()
            assert key in self._keys()

    @rule()
    def what_a_person_took_stays_away(self) -> None:
        """A member of ours that a person takes out while all is in step stays away."""
        self.look()
        mine = [one.name for one in self.item.lists["tags"] if tag_key(one.name) in self.put_by_us]
        if mine and not self.overwrite:
            self.person_takes_tag(mine[-1])  # the list is as it was before the last write
            self.look()
            assert tag_key(mine[-1]) not in self._keys()

    @rule()
    def what_a_person_puts_back_stays(self) -> None:
        """A member that Stash dropped, and that a person adds again, is the person's."""
        had = sorted(self.put_by_us)
        self.stash_tags = ()
        self.look()
        if had and not self.overwrite:
            self.person_adds_tag(had[0])
            self.look()
            assert had[0] in self._keys()


class OverwritingLife(Life):
    """The same with overwrite_plex_edits."""

    overwrite = True


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=int(LIVES or "300"),
    stateful_step_count=20,
    deadline=None,
    derandomize=not LIVES,
)
TestOverwritingLife = OverwritingLife.TestCase
TestOverwritingLife.settings = settings(
    max_examples=int(LIVES or "300") // 3,
    stateful_step_count=15,
    deadline=None,
    derandomize=not LIVES,
)
