"""The three-way merge: what we last wrote, what Plex has, what Stash wants. Pure.

For each text, the first line that fits:

    its lock was given back       rests until Stash changes it
    Stash = Plex                  nothing to write; agreed
    Plex = what we wrote          write; an emptied text is cleared, an emptied
                                  title becomes the stem of the item's file
    locked, and Stash has not     a person did it: keep, and say so once; so too
    changed since                 where we never wrote
    Stash has nothing             Plex keeps a title always, and every other text
                                  where nothing of ours is left to clear
    unlocked                      an agent did it: write
    locked                        both changed: Stash wins, and a note says so

Lists go by member (merge/members.py). What was meant before a crash counts as written:
a text if Plex has it, a member in any case. Merging the result again gives no edit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from merge.base import Base, Pending
from merge.compare import as_written, present, same, unchanged
from merge.desired import sort_title
from merge.members import in_words, merge_members, same_members
from plex.edits import Edit, ListEdit
from validation.text import safe_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from merge.desired import Desired
    from plex.item import PlexItem


@dataclass(frozen=True, slots=True)
class Merge:
    """What the merge decided.

    ``edit`` is empty when nothing differs. ``base`` is the ledger's state once
    the edit is applied, ``pending`` what to commit before it is sent.
    ``changes`` maps a field to (old, new) for people; ``notes`` are sentences
    about what a person did in Plex.
    """

    edit: Edit
    base: Base
    pending: Pending
    changes: Mapping[str, tuple[str, str]]
    notes: tuple[str, ...]


def merge(
    wanted: Desired,
    item: PlexItem,
    base: Base | None,
    pending: Pending,
    *,
    overwrite: bool = False,
) -> Merge:
    """Merge one scene into one item.

    Args:
        wanted: Stash's side.
        item: The full Plex item.
        base: What we last wrote to this very item, None if we never did.
        pending: What may have been written since, empty if all was acknowledged.
        overwrite: The setting overwrite_plex_edits: Stash wins even over a person.
    """
    work = _Work(item, base or Base(), pending, overwrite=overwrite)
    for name, ours in wanted.values.items():
        if name != "sort_title":
            work.text(name, ours)
    if "sort_title" in wanted.values:
        work.sort_title(wanted.values.get("title", item.values["title"]))
    for name, names in wanted.lists.items():
        work.list(name, names)
    work.fold({*wanted.values, *wanted.lists})
    return work.result()


class _Work:
    """The merge of one item in progress: what is to be written, and what will be known."""

    def __init__(self, item: PlexItem, base: Base, pending: Pending, *, overwrite: bool) -> None:
        self.item = item
        self.base = base
        self.pending = pending
        self.overwrite = overwrite
        self.values: dict[str, str] = {}
        self.lists: dict[str, ListEdit] = {}
        self.base_values = dict(base.values)
        self.base_members = dict(base.members)
        self.foreign = set(base.foreign)
        self.wrote = set(base.wrote)
        # A lock that somebody took off, or set before us, is not ours to give back.
        meant = {name for name in pending.values if not self._arrived(name)}
        self.locked = set(base.locked | (pending.locks - meant)) & item.locked
        self.released = set(base.released)
        self.reported = set(base.reported)
        self.notes: list[str] = []

    def _arrived(self, name: str) -> tuple[str, ...]:
        """Give what was tried of a text and stands in Plex; what arrives is locked at once."""
        tried = self.pending.values.get(name, ()) if name in self.item.locked else ()
        return tuple(one for one in tried if same(name, one, present(name, self.item)))

    def text(self, name: str, ours: str) -> None:
        """Decide one text."""
        theirs = present(name, self.item)
        known = self.base_values.get(name)
        tried, arrived = self.pending.values.get(name, ()), self._arrived(name)
        first_time = known is None and not arrived
        as_before = known is not None and unchanged(name, ours, known)
        as_before = as_before or any(unchanged(name, as_written(name, ours), one) for one in tried)
        in_plex = arrived if known is None or name in self.foreign else (known, *arrived)
        locked = name in self.item.locked
        if name in self.released and as_before:
            self.base_values[name] = ours
            return
        self.released.discard(name)
        if arrived:
            self.wrote.add(name)
        if same(name, ours, theirs):
            self._agree(name, ours)
        elif any(same(name, one, theirs) for one in in_plex):
            self._put(name, ours, theirs)
        elif locked and not self.overwrite and (as_before or first_time):
            self._keep(name, ours, theirs)
        elif not ours and (name == "title" or not any(in_plex)):
            self._leave(name, ours)
        else:
            if locked:
                why = "always wins" if self.overwrite else "changed too"
                self.notes.append(
                    f"{name}: {_short(theirs)} was edited in Plex and is replaced: Stash {why}"
                )
            self._put(name, ours, theirs)

    def sort_title(self, ours: str) -> None:
        """Decide the sort title: it follows the title that Plex ends up with."""
        known = "sort_title" in self.base_values or "sort_title" in self.pending.values
        if ours or known or "title" in self.values:
            self.text("sort_title", sort_title(self.values.get("title", self.item.values["title"])))

    def _put(self, name: str, ours: str, theirs: str) -> None:
        value = as_written(name, ours)
        is_verbatim = value == ours  # then it differs, as the caller found out
        if name == "title" and not ours:
            value = safe_text(self.item.stem, multiline=False).strip()
            if name not in self.wrote or not value:
                self._leave(name, ours)
                return
            ours, is_verbatim = value, False
        if is_verbatim or not same(name, value, theirs):
            self.values[name] = value
            self.wrote.add(name)
        self._agree(name, ours)

    def _agree(self, name: str, ours: str) -> None:
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
            self._report(name, f"{_short(theirs)} was set in Plex by hand and is kept")

    def _report(self, name: str, sentence: str) -> None:
        if name not in self.reported:
            self.reported.add(name)
            self.notes.append(f"{name}: {sentence}")

    def list(self, name: str, names: tuple[str, ...]) -> None:
        """Decide one list."""
        known, tried = self.base_members.get(name), name in self.pending.any_members
        if name in self.released and same_members(known or (), names):
            return
        self.released.discard(name)
        decided = merge_members(
            self.item.lists[name],
            names,
            before=known or (),
            tried=self.pending.any_members.get(name, ()),
            sure=self.pending.all_members.get(name, ()) if tried else known or (),
            by_hand=name in self.item.locked and not self.overwrite,
            first_time=known is None and not tried,
        )
        self.base_members[name] = names
        if decided.kept:
            self._report(name, "the list is locked in Plex by hand and is kept")
        elif decided.edit:
            self.lists[name] = decided.edit
            self.reported.discard(name)

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
            images=self.base.images,
        )
        changes = {name: (item.values[name], new) for name, new in self.values.items()}
        for name, change in self.lists.items():
            changes[name] = (in_words(item.lists[name]), in_words(change.members))
        intended = {name: self.base_members[name] for name in self.lists}
        pending = self.pending.adding(self.values, intended, locks)
        return Merge(edit, base, pending, changes, tuple(self.notes))


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
