"""The three-way merge: what we last wrote, what Plex has, what Stash wants. Pure.

For each text:

    Stash = Plex                      nothing to write; agreed
    never written by us               write, unless Stash has nothing or the field is locked
    Plex = what we wrote              write; an emptied text is cleared, an emptied title
                                      becomes the stem of the item's file
    Plex differs, unlocked            an agent did it: write
    Plex differs, locked              a person did it: keep while Stash is unchanged;
                                      if Stash changed too, Stash wins and a note says so

Lists go by member: what Stash added is added, what Stash dropped and was ours
is removed, everything else stays as Plex has it. So a member that a person
added stays, and one that a person removed stays away.

Applying the result and merging again gives no edit (tests/test_merge.py).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from os.path import splitext
from typing import TYPE_CHECKING

from plex.edits import Edit, ListEdit
from plex.item import Member, PlexItem
from validation.path_map import base_name
from validation.text import safe_text, tag_key
from worker.base import Base, Pending
from worker.compare import full_date, present, same
from worker.desired import sort_title

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker.desired import Desired


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
        overwrite: The setting overwrite_plex_edits: Stash always wins.
    """
    work = _Work(item, base or Base(), pending, overwrite=overwrite)
    for name, ours in wanted.values.items():
        if name != "sort_title":
            work.text(name, ours)
    if "sort_title" in wanted.values:
        title = work.values.get("title", item.values["title"])
        work.text("sort_title", sort_title(title))
    for name, names in wanted.lists.items():
        work.list(name, names)
    return work.result()


class _Work:
    """The merge of one item in progress."""

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
        self.released = set(base.released)
        self.reported = set(base.reported)
        self.notes: list[str] = []

    def text(self, name: str, ours: str) -> None:
        """Decide one text."""
        theirs = present(name, self.item)
        known = self.base_values.get(name)
        tried = self.pending.values.get(name, ())
        written = tried if name in self.foreign or known is None else (known, *tried)
        earlier = tried if known is None else (known,)
        unchanged = any(same(name, ours, before) for before in earlier)
        by_hand = name in self.item.locked and not self.overwrite
        if same(name, ours, theirs):
            self._agree(name, ours)
        elif name in self.released and unchanged:
            pass
        elif any(same(name, theirs, before) for before in written):
            self._put(name, ours, theirs)
        elif by_hand and (unchanged or not earlier):
            self._keep(name, ours, theirs)
        elif not ours and (name == "title" or not any(written)):
            # Nothing of ours is there to clear, and a title is never blanked.
            if known is not None:
                self._agree(name, ours)
        else:
            if name in self.item.locked:
                why = "always wins" if self.overwrite else "changed too"
                self.notes.append(
                    f"{name}: {_short(theirs)} was edited in Plex and is replaced: Stash {why}"
                )
            self._put(name, ours, theirs)

    def _put(self, name: str, ours: str, theirs: str) -> None:
        value = ours or self._when_emptied(name)
        if name == "date" and value:
            value = full_date(value)
        if not same(name, value, theirs):
            self.values[name] = value
        self._agree(name, ours)

    def _when_emptied(self, name: str) -> str:
        if name != "title":
            return ""
        files = self.item.all_files
        stem = safe_text(splitext(base_name(files[0]))[0], multiline=False).strip() if files else ""
        return stem or self.item.values["title"]

    def _agree(self, name: str, ours: str) -> None:
        self.base_values[name] = ours
        self.foreign.discard(name)
        self.released.discard(name)
        self.reported.discard(name)

    def _keep(self, name: str, ours: str, theirs: str) -> None:
        if not ours:
            return
        if name not in self.base_values:
            # Remember what Stash had, so that a later change there is seen as one;
            # it was never written, so nothing of ours can be cleared.
            self.base_values[name] = ours
            self.foreign.add(name)
        self._report(name, f"{_short(theirs)} was set in Plex by hand and is kept")

    def _report(self, name: str, sentence: str) -> None:
        if name not in self.reported:
            self.reported.add(name)
            self.notes.append(f"{name}: {sentence}")

    def list(self, name: str, names: tuple[str, ...]) -> None:
        """Decide one list, member by member."""
        theirs = {tag_key(member.name): member for member in self.item.lists[name]}
        ours = {tag_key(one): one for one in names}
        known = self.base_members.get(name)
        before = {tag_key(one) for one in known or ()}
        tried = self.pending.any_members.get(name, ())
        first_time = known is None and not tried
        if name in self.released and before == set(ours):
            return
        missing = [key for key in ours if key not in theirs]
        if first_time and missing and name in self.item.locked and not self.overwrite:
            self.base_members[name] = names
            self._report(name, "the list is locked in Plex by hand and is kept")
            return
        agreed = before
        if tried:
            sure = {tag_key(one) for one in self.pending.all_members.get(name, ())}
            agreed = before & sure
        ever = before | {tag_key(one) for one in tried}
        added = [key for key in missing if self.overwrite or key not in agreed]
        removed = [key for key in theirs if key in ever and key not in ours]
        self.base_members[name] = names
        self.released.discard(name)
        if added or removed:
            self.lists[name] = ListEdit(
                tuple(_resulting(ours, theirs, added, removed)),
                tuple(theirs[key].name for key in removed),
            )

    def result(self) -> Merge:
        item = self.item
        edit = Edit(item.rating_key, item.section, item.type, self.values, self.lists)
        base = replace(
            self.base,
            values=self.base_values,
            members=self.base_members,
            foreign=frozenset(self.foreign),
            locked=self.base.locked | set(edit.names),
            released=frozenset(self.released),
            reported=frozenset(self.reported),
        )
        intended = {name: self.base_members[name] for name in self.lists}
        return Merge(
            edit,
            base,
            self.pending.adding(self.values, intended),
            {**self._changed_texts(), **self._changed_lists()},
            tuple(self.notes),
        )

    def _changed_texts(self) -> dict[str, tuple[str, str]]:
        return {name: (self.item.values[name], new) for name, new in self.values.items()}

    def _changed_lists(self) -> dict[str, tuple[str, str]]:
        return {
            name: (_joined(self.item.lists[name]), _joined(change.members))
            for name, change in self.lists.items()
        }


def _resulting(
    ours: Mapping[str, str], theirs: Mapping[str, Member], added: list[str], removed: list[str]
) -> Iterable[Member]:
    """Give the complete list: Stash's members in Stash's order, then Plex's others in theirs."""
    for key, name in ours.items():
        if key in theirs:
            yield theirs[key]
        elif key in added:
            yield Member(name)
    for key, member in theirs.items():
        if key not in ours and key not in removed:
            yield member


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _joined(members: Iterable[Member]) -> str:
    return ", ".join(member.name for member in members)
