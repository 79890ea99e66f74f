"""The three-way merge of one list, member by member. Pure.

What Stash added is added, what Stash dropped and was given by us is removed, all else
stays as Plex has it: what stood there before us, too. A member of ours that is missing
in Plex was taken out by a person where the list is locked, and stays away; by an agent
where it is not, and comes back. A list that somebody locked before we came gets all of
Stash's members, once Stash changes it, or none. Names that differ only in case or blanks
are one member; one of ours that Stash spells otherwise since is spelled so in Plex once,
and whatever Plex makes of it stays.

A list that is again as we left it some writes ago was not made so by a person where the
item seems restored: its database was put back, or an edit that Plex confirmed was never
carried out. Else a person took out what came last, or put back what went.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from merge.compare import digest, name_digest
from plex.edits import ListEdit
from plex.item import Member
from validation.text import comparable, tag_key

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Earlier lists of a field that are remembered, and members of them.
EARLIER_LISTS = 6
EARLIER_MEMBERS = 300
#: Tells the digest of a whole list from that of a member.
STATE = "="


class Decided(NamedTuple):
    """What becomes of a list: ``edit`` is None where nothing is written.

    ``kept`` says that a person's list was left alone although Stash's differs, ``given``
    are the members that stand there because of us once it is written, ``lacks`` says that
    Plex will be without one of Stash's even so.
    """

    edit: ListEdit | None
    given: tuple[str, ...] = ()
    kept: bool = False
    lacks: bool = False


class Known(NamedTuple):
    """What the ledger knows of a list.

    Attributes:
        before: Stash's members when the last write was acknowledged, None for never.
        given: Those that we gave, None where nobody noted it.
        tried: Members of any write that was not acknowledged.
        sure: Members that every one of those writes held; ``before`` if there was none.
        earlier: Digests of the members, and of the whole lists, that we ever wrote.
        is_foreign: It was kept for a person, so nothing of it is ours.
        is_restored: The item seems to be as it was before our last edit.
    """

    before: tuple[str, ...] | None
    given: tuple[str, ...] | None
    tried: tuple[str, ...]
    sure: tuple[str, ...]
    earlier: tuple[str, ...] = ()
    is_foreign: bool = False
    is_restored: bool = False


def merge_members(
    theirs: tuple[Member, ...], names: tuple[str, ...], known: Known, *, by_hand: bool
) -> Decided:
    """Decide one list: ``theirs`` is Plex's, ``names`` Stash's in the order they shall have.

    With ``by_hand`` it is locked, and a person's word counts.
    """
    ours = {tag_key(name): name for name in names}
    here = {tag_key(member.name) for member in theirs}
    before, tried = known.before or (), _keys(known.tried)
    given = _keys(before if known.given is None else known.given)
    missing = [key for key in ours if key not in here]
    went_back = known.is_restored and is_earlier(theirs, known.earlier)
    if went_back:
        given |= {key for key in here if name_digest(key) in known.earlier}
    if by_hand and not went_back and not tried:
        first_time = known.before is None
        if first_time or (known.is_foreign and same_members(before, names)):
            return Decided(None, kept=bool(missing), lacks=bool(missing))
    stays_away = by_hand and not went_back and not known.is_foreign
    agreed = _keys(before) & _keys(known.sure) if stays_away else set()
    added = {key for key in missing if key not in agreed}
    of_us = given | tried
    gone = of_us & here - ours.keys()
    after = tuple(name for key, name in ours.items() if key in added or key in of_us)
    respelled = _respelled(theirs, ours, before, of_us)
    lacks = len(missing) > len(added)
    if not added and not gone and not respelled:
        return Decided(None, after, lacks=lacks)
    if not theirs:
        members = tuple(Member(name) for key, name in ours.items() if key in added)
        return Decided(ListEdit(members), after, lacks=lacks)
    kept = []
    for key, name in ours.items():
        kept += [
            replace(member, name=name) if key in respelled else member
            for member in theirs
            if tag_key(member.name) == key
        ]
        kept += [Member(name)] if key in added else []
    others = here - gone - ours.keys()
    kept += [member for member in theirs if tag_key(member.name) in others]
    removed = tuple(member.name for member in theirs if tag_key(member.name) in gone)
    old = tuple(respelled.values())
    there = frozenset(member.name for member in theirs).difference(removed, old)
    return Decided(ListEdit(tuple(kept), removed, old, there), after, lacks=lacks)


def _respelled(
    theirs: tuple[Member, ...], ours: dict[str, str], before: tuple[str, ...], given: set[str]
) -> dict[str, str]:
    """Give Plex's spelling of members of ours that Stash spells otherwise than it did, by key.

    Of several members of one name in Plex nobody knows which is ours.
    """
    if not before or before == tuple(ours.values()):
        return {}
    then = {tag_key(name): comparable(name) for name in before}
    changed = {
        key: name
        for key, name in ours.items()
        if key in given and key in then and then[key] != comparable(name)
    }
    if not changed:
        return {}
    keys = [tag_key(member.name) for member in theirs]
    return {
        key: member.name
        for key, member in zip(keys, theirs, strict=True)
        if key in changed
        and keys.count(key) == 1
        and comparable(member.name) != comparable(changed[key])
    }


def is_earlier(theirs: Iterable[Member], earlier: tuple[str, ...]) -> bool:
    """Say whether a list is as we left it once, and not as we left it last."""
    state = state_of(member.name for member in theirs)
    states = [one for one in earlier if one.startswith(STATE)]
    return state in states[:-1] and state != states[-1]


def state_of(names: Iterable[str]) -> str:
    """Give what stands for a whole list among its earlier states."""
    return _state(tuple(names))


@lru_cache(2048)  # the merge asks for what it writes, and so does who keeps it for an undo
def _state(names: tuple[str, ...]) -> str:
    return STATE + digest("", "\n".join(sorted(_keys(names))))


def same_members(one: Iterable[str], other: Iterable[str]) -> bool:
    """Say whether two lists hold the same names, in whatever order and case."""
    return _keys(one) == _keys(other)


def in_words(members: Iterable[Member]) -> str:
    """Give a list as people read it."""
    return ", ".join(member.name for member in members)


def _keys(names: Iterable[str]) -> set[str]:
    return {tag_key(name) for name in names}


def without(names: tuple[str, ...], gone: tuple[str, ...]) -> tuple[str, ...]:
    """Give names but for some, whatever the case of those."""
    keys = {tag_key(name) for name in gone}
    return tuple(name for name in names if tag_key(name) not in keys)


def holds_all(members: Iterable[Member], names: Iterable[str]) -> bool:
    """Say whether a list of Plex's has all of some names."""
    here = {tag_key(member.name) for member in members}
    return all(tag_key(one) in here for one in names)


def remembered(
    known: tuple[str, ...], members: Iterable[Member], given: Iterable[str]
) -> tuple[str, ...]:
    """Give what stands for a list as it will be and for the members that we gave, after others."""
    here = state_of(member.name for member in members)
    states = [one for one in known if one[:1] == here[:1] and one != here]
    ours = [one for one in known if one[:1] != here[:1]]
    kept = dict.fromkeys([*ours, *(name_digest(tag_key(one)) for one in given)])
    return (*list(kept)[-EARLIER_MEMBERS:], *states[1 - EARLIER_LISTS :], here)
