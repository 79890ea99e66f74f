"""The three-way merge: what we last wrote, what Plex has, what Stash wants. Pure.

For each text, the first line that fits:

    a person chose Stash's        write
    its lock was given back, or   rests until Stash changes it
    what we wrote was undone
    Stash = Plex                  nothing to write; agreed
    Plex = what we wrote, last    write; an emptied text is cleared if we wrote it, an
    or ever                       emptied title becomes the stem of the item's file
    locked, and Stash has not     a person did it: keep, and say so once; so too
    changed since                 where we never wrote
    Stash has nothing             Plex keeps it, for it is not ours
    unlocked                      an agent did it: write
    locked                        both changed: Stash wins, and a note says so

Lists go by member (merge/members.py). What was meant before a crash counts as written:
a text if Plex has it, a member in any case. Merging the result again gives no edit.

All this belongs to the item. Where another scene has it by now, what that one holds is
no change that somebody made in Stash. Three kinds of locks are nobody's word: that of
collections, which Plex sets itself with any write (seen on 1.43.3), that of labels, which
no agent gives and every tool locks: who set one meant that it stays, not that none joins it;
and all of an item's whose title is locked and still the name of its file: those were set by
the thousand, on whatever stood there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from merge.base import NEVER_WRITTEN, Base, Pending
from merge.compare import (
    as_written,
    digest,
    is_locked_by_the_thousand,
    present,
    same,
    stem_title,
    unchanged,
)
from merge.desired import sort_title
from merge.effects import AGENTS, CLEARED, OURS, PERSONS, kind_of_text
from merge.members import (
    Known,
    holds_all,
    in_words,
    merge_members,
    remembered,
    same_members,
    without,
)
from merge.ratings import RATING, Way, noted, way_of
from plex.edits import Edit, ListEdit
from plex.item import Member
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from merge.desired import Desired
    from plex.item import PlexItem


#: Earlier texts of a field that are remembered.
EARLIER_TEXTS = 12
#: Lists whose lock forbids nobody to join them. Of labels others are never taken out, not even
#: where a person chose Stash's: Plex limits by them what an account may see.
_OPEN = frozenset({"collections", "labels"})
_OTHERS_STAY = frozenset({"labels"})


@dataclass(frozen=True, slots=True)
class Merge:
    """What the merge decided.

    ``edit`` is empty when nothing differs. ``base`` is the ledger's state once
    the edit is applied, ``pending`` what to commit before it is sent.
    ``changes`` maps a field to (old, new) for people; ``notes`` are sentences
    about what a person did in Plex; ``kept`` maps each field that stays as it is in
    Plex although Stash has another to (Plex's, Stash's); ``kinds`` each text of the edit to
    what happens to it (merge/effects.py); ``to_stash`` maps each field that Stash shall get from
    Plex to the same two.
    """

    edit: Edit
    base: Base
    pending: Pending
    changes: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...]
    kept: Mapping[str, tuple[str, str]]
    kinds: Mapping[str, str]
    to_stash: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def merge(
    wanted: Desired,
    item: PlexItem,
    base: Base | None,
    pending: Pending,
    *,
    overwrite: bool = False,
    same_scene: bool = True,
    adopt: bool = False,
    insist: frozenset[str] = frozenset(),
    both_ways: bool = False,
) -> Merge:
    """Merge one scene into one item.

    Args:
        wanted: Stash's side.
        item: The full Plex item.
        base: What we last wrote to this very item, None if we never did.
        pending: What may have been written since, empty if all was acknowledged.
        overwrite: The setting overwrite_plex_edits: Stash wins even over a person.
        same_scene: Whether ``base`` is of this very scene; False where the item, or its
            file, was another one's.
        adopt: The ledger was lost: what is locked and as Stash has it is taken for ours,
            for who else would have locked it.
        insist: Fields for which a person chose what Stash has, all of it and nothing else.
        both_ways: The setting ratings_to_stash: ratings go both ways (merge/ratings.py).
    """
    work = _Work(item, base or NEVER_WRITTEN, pending, overwrite=overwrite, same_scene=same_scene)
    work.adopt = adopt
    work.insist = insist
    for name, ours in wanted.values.items():
        if name == RATING and both_ways:
            work.rating(ours)
        elif name != "sort_title":
            work.text(name, ours)
    if "sort_title" in wanted.values:
        work.sort_title(wanted.values.get("title", item.values["title"]))
    lists = work.by_rules(wanted)
    for name, names in lists.items():
        work.list(name, names)
    work.fold({*wanted.values, *lists})
    return work.result()


class _Work:
    """The merge of one item in progress: what is to be written, and what will be known."""

    def __init__(
        self, item: PlexItem, base: Base, pending: Pending, *, overwrite: bool, same_scene: bool
    ) -> None:
        self.item = item
        self.base = base
        self.pending = pending
        self.overwrite = overwrite
        self.same_scene = same_scene
        self.adopt = False
        self.insist: frozenset[str] = frozenset()
        #: Fields whose lock is a person's word, if we know nothing of them. A title that
        #: is its file's name because Stash emptied it says nothing: we wrote it.
        by_us = "title" in base.wrote or self._arrived("title")
        by_nobody = not by_us and is_locked_by_the_thousand(item)
        self.by_hand = frozenset() if by_nobody else item.locked
        self.values: dict[str, str] = {}
        self.lists: dict[str, ListEdit] = {}
        self.base_values = dict(base.values)
        self.base_members = dict(base.members)
        self.given = dict(base.given)
        self.earlier = dict(base.earlier)
        self.foreign = set(base.foreign)
        self.wrote = set(base.wrote)
        # A lock that somebody took off, or set before us, is not ours to give back.
        meant = {name for name in pending.values if not self._arrived(name)}
        self.locked = set(base.locked | (pending.locks - meant)) & item.locked
        self.released = set(base.released)
        self.reported = set(base.reported)
        self.undone = set(base.undone)
        self.by_rule = dict(base.by_rule)
        self.kept: dict[str, tuple[str, str]] = {}
        self.kinds: dict[str, str] = {}
        self.to_stash: dict[str, tuple[str, str]] = {}
        self.both = base  # of this only what goes both ways
        self.rated_at = base.rated_at
        self.notes: list[str] = []

    def _arrived(self, name: str) -> tuple[str, ...]:
        """Give what was tried of a text and stands in Plex; what arrives is locked at once."""
        tried = self.pending.values.get(name, ()) if name in self.item.locked else ()
        if not tried:
            return ()
        return tuple(one for one in tried if same(name, one, present(name, self.item)))

    def text(self, name: str, ours: str) -> None:
        """Decide one text."""
        theirs = present(name, self.item)
        known = self.base_values.get(name)
        tried = self.pending.values.get(name, ())
        arrived = self._arrived(name) if tried else ()
        first_time = known is None and not arrived
        as_before = known is not None and (not self.same_scene or unchanged(name, ours, known))
        as_before = as_before or any(unchanged(name, as_written(name, ours), one) for one in tried)
        in_plex = arrived if known is None or name in self.foreign else (known, *arrived)
        locked = name in (self.by_hand if first_time else self.item.locked)
        if name in self.insist:
            self._insist(name, ours, theirs)
            return
        if name in self.undone and as_before and not same(name, ours, theirs):
            self.base_values[name] = ours
            self.kept[name] = (theirs, ours)
            return
        if name in self.released and as_before:
            self.base_values[name] = ours
            return
        self.released.discard(name)
        self.undone.discard(name)
        if arrived:
            self.wrote.add(name)
        if same(name, ours, theirs):
            self._agree(name, ours)
            if first_time and self.adopt and locked and ours:
                self.wrote.add(name)
        elif any(same(name, one, theirs) for one in in_plex) or (
            # A person may have put back what Stash dropped; nothing of that is erased.
            self._was_ours(name, theirs) and (ours or self._is_restored(name))
        ):
            self._put(name, ours, theirs, OURS)
        elif locked and not self.overwrite and (as_before or first_time):
            self._keep(name, ours, theirs)
        elif not ours and not (self.overwrite and name != "title" and any(in_plex)):
            self._leave(name, ours)
        else:
            if locked:
                why = "always wins" if self.overwrite else "changed too"
                self.notes.append(
                    f"{name}: {_short(theirs)} was edited in Plex and is replaced: Stash {why}"
                )
            self._put(name, ours, theirs, PERSONS if locked else AGENTS)

    def rating(self, ours: str) -> None:
        """Decide the rating, which Stash may get from Plex."""
        theirs, base = present(RATING, self.item), self.base
        rests = RATING in self.undone | self.released
        self.rated_at = self.item.rated_at
        old = 0 < self.rated_at < base.rated_at
        way = way_of(base, ours, theirs, same_scene=self.same_scene, rests=rests, is_older=old)
        if RATING in self.insist or self._arrived(RATING) or (self.overwrite and ours):
            way = Way.TEXT
        if way is Way.TAKE:
            self.to_stash[RATING] = (theirs, ours)
            return
        if way is Way.REST:
            self._keep(RATING, ours, theirs)
        else:
            self.text(RATING, ours)
        if RATING in self.base_values:
            after, tried = self.values.get(RATING, theirs), self.pending.to_stash.get(RATING, ())
            self.both = noted(base, ours, after, tried)
        if RATING in self.both.came:
            self.wrote.discard(RATING)

    def sort_title(self, ours: str) -> None:
        """Decide the sort title: it follows the title that Plex ends up with."""
        known = "sort_title" in self.base_values or "sort_title" in self.pending.values
        if ours or known or "title" in self.values:
            self.text("sort_title", sort_title(self.values.get("title", self.item.values["title"])))
            if "sort_title" in self.kinds and self.kinds.get("title") == CLEARED:
                self.kinds["sort_title"] = CLEARED

    def _insist(self, name: str, ours: str, theirs: str) -> None:
        """Write what Stash has, whoever set what Plex has."""
        left = ours
        if name == "title" and not ours:
            ours = stem_title(self.item) or theirs
        value = as_written(name, ours)
        if not same(name, value, theirs):
            self.values[name] = value
            self.kinds[name] = kind_of_text(name, left, theirs, PERSONS, self.item)
        self._agree(name, ours)
        self.wrote.add(name)
        self.released.discard(name)
        self.undone.discard(name)

    def _was_ours(self, name: str, theirs: str) -> bool:
        """Say whether Plex has a text that we wrote before the last one."""
        earlier = self.earlier.get(name, ())
        return bool(theirs and earlier) and digest(name, theirs) in earlier

    def _is_restored(self, name: str) -> bool:
        """Say whether the item seems to be as it was before our last edit, this field aside.

        Any edit moves updatedAt on (an assumption: no recording shows it), so a person's
        after ours is told from a database that was put back, or an edit never carried out.
        A refresh since moves it, too; then another text of ours that is back tells, unless an
        undo or, where Stash has none by now, a person brought it back.
        """
        if self.item.updated_at <= self.base.edited_from:
            return True
        aside = self.base.undone | self.base.foreign | {name, "sort_title"}
        others = self.base.earlier.keys() & self.base.values.keys() - aside
        return any(self._is_back(one) for one in others)

    def _is_back(self, name: str) -> bool:
        """Say whether a text is an earlier one of ours, and not the last."""
        theirs, last = present(name, self.item), self.base.values[name]
        return bool(last) and not same(name, last, theirs) and self._was_ours(name, theirs)

    def _put(self, name: str, ours: str, theirs: str, whose: str) -> None:
        value = as_written(name, ours)
        is_verbatim = value == ours  # then it differs, as the caller found out
        is_name = False
        if not ours and name not in self.wrote and not self.overwrite:
            self._leave(name, ours)  # it stood there before we came
            return
        if name == "title" and not ours:
            value = stem_title(self.item)
            if name not in self.wrote or not value:
                self._leave(name, ours)
                return
            ours, is_verbatim, is_name = value, False, True
        if is_verbatim or not same(name, value, theirs):
            self.values[name] = value
            left = "" if is_name else value
            self.kinds[name] = kind_of_text(name, left, theirs, whose, self.item)
        self._agree(name, ours)
        if name in self.values:
            self.wrote.add(name)

    def _agree(self, name: str, ours: str) -> None:
        known = self.base_values.get(name)
        if known and name in self.wrote and not unchanged(name, ours, known):
            self._remember(name, digest(name, as_written(name, known)))
        self.base_values[name] = ours
        self.foreign.discard(name)
        self.reported.discard(name)

    def _leave(self, name: str, ours: str) -> None:
        """Leave Plex what it has, for Stash has nothing; there is nothing of ours in it."""
        if name in self.base_values or self._arrived(name):
            self.base_values[name] = ours
            self.foreign.add(name)
            self.wrote.discard(name)
            self.locked.discard(name)

    def _remember(self, name: str, *digests: str) -> None:
        """Keep digests of what we wrote, the newest last; of very many the oldest go."""
        known = [one for one in self.earlier.get(name, ()) if one not in digests]
        self.earlier[name] = (*known, *digests)[-EARLIER_TEXTS:]

    def _keep(self, name: str, ours: str, theirs: str) -> None:
        first_time = name not in self.base_values and not self._arrived(name)
        if first_time and not ours:
            return
        # Remember what Stash had, so that a later change there is seen as one.
        self.base_values[name] = ours
        if first_time:
            self.foreign.add(name)  # nothing of ours could be cleared
        self.wrote.discard(name)
        self.locked.discard(name)
        if ours:
            self.kept[name] = (theirs, ours)
            self._report(name, f"{_short(theirs)} was set in Plex by hand and is kept")

    def _report(self, name: str, sentence: str) -> None:
        if name not in self.reported:
            self.reported.add(name)
            self.notes.append(f"{name}: {sentence}")

    def by_rules(self, wanted: Desired) -> Mapping[str, tuple[str, ...]]:
        """Give the lists that are wanted, and those of which only what a rule sent there goes."""
        if wanted.by_rule is None:
            return wanted.lists
        lists = dict(wanted.lists)
        for name, sent in self.base.by_rule.items():
            if name not in lists:
                lists[name] = without(self.base.members.get(name, ()), sent)
        if "labels" in self.pending.any_members:  # nothing else gives them
            lists.setdefault("labels", ())
        self.by_rule = {name: sent for name, sent in wanted.by_rule.items() if sent}
        return lists

    def list(self, name: str, names: tuple[str, ...]) -> None:
        """Decide one list."""
        before, tried = self.base_members.get(name), name in self.pending.any_members
        as_before = not self.same_scene or same_members(before or (), names)
        if name in self.insist:
            self._insist_list(name, names)
            return
        here = self.item.lists[name]
        theirs = (member.name for member in here)
        if name in self.undone and as_before and not same_members(theirs, names):
            self.kept[name] = (in_words(here), ", ".join(names))
            return
        if name in self.released and as_before:
            return
        self.released.discard(name)
        self.undone.discard(name)
        known = Known(
            before if self.same_scene or name not in self.foreign else names,
            self.given.get(name),
            self.pending.any_members.get(name, ()),
            self.pending.all_members.get(name, ()) if tried else before or (),
            self.earlier.get(name, ()),
            name in self.foreign,
            self._is_restored(name),
        )
        first_time = before is None and not tried
        locked = self.by_hand if first_time or name in self.foreign else self.item.locked
        if name in _OPEN and (first_time or name in self.foreign):
            locked = frozenset()
        if first_time and self.adopt and name in locked and holds_all(here, names):
            known = known._replace(before=names, given=names)
        by_hand = name in locked and not self.overwrite
        decided = merge_members(here, names, known, by_hand=by_hand)
        self.base_members[name] = names
        if decided.lacks:  # a person's doing, or they were added
            after = decided.edit.members if decided.edit else here
            self.kept[name] = (in_words(after), ", ".join(names))
        if decided.kept:
            self.foreign.add(name)
            self._report(name, "the list is locked in Plex by hand and is kept")
            return
        if name in self.foreign and not decided.edit and name in locked:
            return  # kept, and there is nothing that Plex lacks
        self.foreign.discard(name)
        self.given[name] = decided.given
        if decided.edit:
            self.lists[name] = decided.edit
            self.reported.discard(name)
            self._remember_list(name, decided.edit)

    def _insist_list(self, name: str, names: tuple[str, ...]) -> None:
        """Give a list Stash's members and no others; those that are there keep what they have."""
        here = {tag_key(member.name): member for member in self.item.lists[name]}
        wanted = {tag_key(one): one for one in names}
        if name in _OTHERS_STAY:
            ours = {tag_key(one) for one in self.given.get(name, ())}
            wanted |= {key: one.name for key, one in here.items() if key not in ours | {*wanted}}
        self.base_members[name] = self.given[name] = names
        for known in (self.foreign, self.released, self.undone, self.reported):
            known.discard(name)
        if here.keys() == wanted.keys():
            return
        members = tuple(here.get(key, Member(one)) for key, one in wanted.items())
        removed = tuple(member.name for key, member in here.items() if key not in wanted)
        self.lists[name] = ListEdit(members, removed)
        self._remember_list(name, self.lists[name])

    def _remember_list(self, name: str, edit: ListEdit) -> None:
        """Keep what stands for a list as it will be, and for the members that we gave."""
        self.earlier[name] = remembered(self.earlier.get(name, ()), edit.members, self.given[name])

    def fold(self, decided: set[str]) -> None:
        """Keep what may have been written to fields that are not synced any more."""
        for name in self.pending.values:
            if name not in decided and (arrived := self._arrived(name)):
                self.base_values[name] = arrived[-1]
                self.wrote.add(name)
        for name, members in self.pending.any_members.items():
            if name not in decided:
                before = self.base_members.get(name, ())
                self.base_members[name] = tuple(dict.fromkeys((*before, *members)))
                if name in self.given:
                    self.given[name] = tuple(dict.fromkeys((*self.given[name], *members)))

    def result(self) -> Merge:
        item = self.item
        edit = Edit(item.rating_key, item.section, item.type, self.values, self.lists)
        locks = {*edit.names} - item.locked
        base = Base(
            values=self.base_values,
            members=self.base_members,
            foreign=frozenset(self.foreign),
            wrote=frozenset(self.wrote),
            locked=frozenset(self.locked | locks),
            released=frozenset(self.released),
            reported=frozenset(self.reported),
            undone=frozenset(self.undone),
            images=self.base.images,
            given=self.given,
            earlier=self.earlier,
            theirs=self.both.theirs,
            came=self.both.came,
            rated_at=self.rated_at,
            edited_from=item.updated_at if edit else self.base.edited_from,
            by_rule=self.by_rule,
        )
        changes = {name: (item.values[name], new) for name, new in self.values.items()}
        for name, change in self.lists.items():
            changes[name] = (in_words(item.lists[name]), in_words(change.members))
        intended = {name: self.base_members[name] for name in self.lists}
        # What is to be spelled anew leaves first, and may be gone when something dies.
        between = {
            name: without(intended[name], change.respelled)
            for name, change in self.lists.items()
            if change.respelled
        }
        pending = self.pending.adding({}, between) if between else self.pending
        to_stash = {name: theirs for name, (theirs, _) in self.to_stash.items()}
        pending = pending.adding(self.values, intended, locks, to_stash)
        notes = tuple(self.notes)
        return Merge(edit, base, pending, changes, notes, self.kept, self.kinds, self.to_stash)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
