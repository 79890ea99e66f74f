"""The merge over a long life in which somebody now and then undoes what was written last.

As tests/test_merge_crashes.py, whose books these are, with the history of the writes beside them.
What was given back rests until Stash changes it, and what is then somebody's is theirs as before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from merge.base import Base, Pending
from merge.compare import same, unchanged
from merge.desired import Desired
from merge.former import Former, former_of, give_back, without
from merge.members import same_members
from merge.three_way import merge
from tests.plex_in_miniature import put
from tests.test_merge_crashes import LIVES, TEXTS, Life
from validation.text import tag_key

if TYPE_CHECKING:
    from plex.item import PlexItem

#: Without two that differ in case only, of which a write keeps one spelling.
TAGS = st.lists(st.sampled_from(("A", "B", "C, D", "E")), max_size=3, unique=True)


class Written(NamedTuple):
    """One write that was acknowledged: what was there before it, and whose it was."""

    former: Former
    put_by_us: set[str]
    ours_in_plex: set[str]


class UndoneLife(Life):
    """One scene, one item, one ledger entry, and the history."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Written] = []
        #: Fields that were given back, and what Stash had then.
        self.resting: dict[str, str | tuple[str, ...]] = {}

    def _look(self, *, sent: int | None, commit: bool, acknowledge: bool) -> None:
        wanted = Desired({**self.stash, "sort_title": ""}, {"tags": self.stash_tags})
        edit = merge(wanted, self.item, self.base, self.pending).edit
        before = Written(former_of(self.item, edit), {*self.put_by_us}, {*self.ours_in_plex})
        rested = set(self.resting)
        super()._look(sent=sent, commit=commit, acknowledge=acknowledge)
        if acknowledge:
            self.history += [before] if edit else []
            self.resting = {name: had for name, had in self.resting.items() if self._has(name, had)}
        elif commit:  # what arrives of a rested field before it dies is nobody's later
            self.put_by_us = before.put_by_us if "tags" in rested else self.put_by_us
            self.ours_in_plex -= rested

    def _has(self, name: str, had: str | tuple[str, ...]) -> bool:
        if isinstance(had, tuple):
            return same_members(had, self.stash_tags)
        return unchanged(name, self.stash[name], had)

    @rule()
    def undo(self) -> None:
        """Somebody has the last write given back, as worker/undo.py does."""
        if not self.history or self.base is None:
            return
        last = self.history.pop()
        former = Former.from_json(last.former.to_json())
        known = merge(Desired({}, {}), self.item, self.base, self.pending).base
        back = give_back(former, self.item, known)
        rests = without(known, former, self.item, back.back)
        self.base, self.pending = Base.from_json(rests.to_json()), Pending()
        for edit in (back.edit, back.unlock):
            self.item = put(self.item, edit, self.reading)
        self._note(last, back.edit.names, back.back)
        assert not self.item.locked & former.locks & {*back.back}
        assert known.locked & self.item.locked <= self.base.locked  # ours to give back

    def _note(self, last: Written, written: tuple[str, ...], back: tuple[str, ...]) -> None:
        for name in {*TEXTS} & {*back}:
            self.resting[name] = self.stash[name]
            self.by_hand.pop(name, None)
            self.in_step.discard(name)
            self.ours_in_plex.discard(name)
        if "tags" in back:
            self.resting["tags"] = self.stash_tags
            ours = last.put_by_us if "tags" in written else self.put_by_us
            self.put_by_us = ours & self._keys()
            self.taken_by_person |= {*self.ever_in_stash} - self._keys()
            self.kept_at_first |= {tag_key(tag) for tag in self.stash_tags} - self._keys()

    @rule(tags=TAGS, slip=TAGS, title=st.sampled_from(("A", "B")))
    def slip_and_undo(self, tags: list[str], slip: list[str], title: str) -> None:
        """Two writes, of which somebody takes the second back; then a person is at work."""
        self.stash_tags = tuple(tags)
        self._stash("title", "The C")
        self.look()
        before: PlexItem = self.item
        self.stash_tags = tuple(slip)
        self._stash("title", title)
        writes = len(self.history)
        self.look()
        if len(self.history) > writes:
            self.undo()
            assert self._keys() == {tag_key(one.name) for one in before.lists["tags"]}
            assert self.item.values["title"] == before.values["title"]
        self.look()
        self.what_a_person_puts_back_stays()

    def _judge(self) -> None:
        ours = {tag_key(tag) for tag in self.stash_tags}
        if "tags" not in self.resting:
            # What earlier writes put there leaves with Stash, whatever was undone in between.
            assert not (self.put_by_us - ours) & self._keys()
            assert ours - self._keys() <= self.taken_by_person | self.kept_at_first
        for name in set(TEXTS) - self.resting.keys():
            theirs, wanted = self.item.values[name], self.stash[name]
            if name in self.by_hand:
                assert same(name, self.by_hand[name], theirs)
            elif name in self.ours_in_plex or name not in self.item.locked:
                assert not wanted or same(name, wanted, theirs)
        assert self.item.values["title"]
        wanted_again = Desired({**self.stash, "sort_title": ""}, {"tags": self.stash_tags})
        assert not merge(wanted_again, self.item, self.base, self.pending).edit


TestUndoneLife = UndoneLife.TestCase
TestUndoneLife.settings = settings(
    max_examples=int(LIVES or "150"),
    stateful_step_count=15,
    deadline=None,
    derandomize=not LIVES,
)
