"""The three-way merge of one list, member by member. Pure.

What Stash added is added, what Stash dropped and was ours is removed, all else
stays as Plex has it. A member of ours that is missing in Plex was taken out by
a person where the list is locked, and stays away; by an agent where it is not,
and comes back. Names that differ only in case are one member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plex.edits import ListEdit
from plex.item import Member
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Iterable


class Decided(NamedTuple):
    """What becomes of a list: ``edit`` is None where nothing is written.

    ``kept`` says that a person's list was left alone although Stash's differs.
    """

    edit: ListEdit | None
    kept: bool = False


def merge_members(
    theirs: tuple[Member, ...],
    names: tuple[str, ...],
    *,
    before: tuple[str, ...],
    tried: tuple[str, ...],
    sure: tuple[str, ...],
    by_hand: bool,
    first_time: bool,
) -> Decided:
    """Decide one list.

    Args:
        theirs: Plex's members.
        names: Stash's, in the order they shall have.
        before: Stash's when the last write was acknowledged.
        tried: Members of any write that was not.
        sure: Members that every one of those writes held; ``before`` if there was none.
        by_hand: The list is locked, and a person's word counts.
        first_time: Nothing was ever written here.
    """
    ours = {tag_key(name): name for name in names}
    here = {tag_key(member.name) for member in theirs}
    missing = [key for key in ours if key not in here]
    if first_time and by_hand:
        return Decided(None, kept=bool(missing))
    agreed = _keys(before) & _keys(sure) if by_hand else set()
    added = {key for key in missing if key not in agreed}
    gone = (_keys(before) | _keys(tried)) & here - set(ours)
    if not added and not gone:
        return Decided(None)
    if not theirs:
        return Decided(ListEdit(tuple(Member(name) for key, name in ours.items() if key in added)))
    members = []
    for key, name in ours.items():
        members += [member for member in theirs if tag_key(member.name) == key]
        members += [Member(name)] if key in added else []
    members += [member for member in theirs if tag_key(member.name) not in gone | set(ours)]
    removed = tuple(member.name for member in theirs if tag_key(member.name) in gone)
    return Decided(ListEdit(tuple(members), removed))


def same_members(one: Iterable[str], other: Iterable[str]) -> bool:
    """Say whether two lists hold the same names, in whatever order and case."""
    return _keys(one) == _keys(other)


def in_words(members: Iterable[Member]) -> str:
    """Give a list as people read it."""
    return ", ".join(member.name for member in members)


def _keys(names: Iterable[str]) -> set[str]:
    return {tag_key(name) for name in names}
