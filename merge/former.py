"""What an item had before one write of ours, and giving it back. Pure.

Kept with the change in the history. A field is given back only while it is as that write
left it, which digests tell; whatever anybody changed since stays.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from merge.compare import digest, name_digest, present, same
from merge.members import state_of
from plex.edits import Edit, ListEdit
from plex.item import Member
from validation.text import tag_key

if TYPE_CHECKING:
    from merge.base import Base
    from plex.item import PlexItem


@dataclass(frozen=True, slots=True)
class Former:
    """What one item had before a write, by field.

    ``texts`` are (old text, digest of the new one), ``lists`` (old members, what stands for
    the new list), ``pictures`` (Plex's key of the old one, "" where nobody asked, and the
    SHA-1 of the new one); ``locks`` are those that came with the write. What came from Plex
    has in ``stash`` (old text, new text) of its scene, and in ``plays`` Unix seconds.
    """

    texts: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    stash: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    plays: tuple[int, ...] = ()
    lists: Mapping[str, tuple[tuple[Member, ...], str]] = field(default_factory=dict)
    pictures: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.texts or self.lists or self.pictures or self.stash or self.plays)

    @property
    def is_in_stash(self) -> bool:
        """Whether Stash alone gets something back."""
        return not (self.texts or self.lists or self.pictures)

    def with_pictures(
        self, pictures: Mapping[str, tuple[str, str]], locks: frozenset[str]
    ) -> Former:
        """Give the same with pictures that were hung beside it."""
        return replace(
            self, pictures={**self.pictures, **pictures}, locks=self.locks | frozenset(locks)
        )

    def to_json(self) -> str:
        """Give the text for the history, "" for nothing."""
        content = {
            "t": dict(self.texts),
            "l": {name: [_short(old), new] for name, (old, new) in self.lists.items()},
            "p": dict(self.pictures),
            "k": sorted(self.locks),
            "s": dict(self.stash),
            "v": self.plays,
        }
        return _dump({name: part for name, part in content.items() if part}) if self else ""

    @classmethod
    def from_json(cls, text: str) -> Former:
        """Read what ``to_json`` wrote."""
        content = json.loads(text) if text else {}
        return cls(
            texts={name: (old, new) for name, (old, new) in content.get("t", {}).items()},
            lists={
                name: (tuple(Member(*([one] if isinstance(one, str) else one)) for one in old), new)
                for name, (old, new) in content.get("l", {}).items()
            },
            pictures={name: (old, new) for name, (old, new) in content.get("p", {}).items()},
            locks=frozenset(content.get("k", ())),
            stash={name: (old, new) for name, (old, new) in content.get("s", {}).items()},
            plays=tuple(content.get("v", ())),
        )


def former_of(item: PlexItem, edit: Edit) -> Former:
    """Give what an item has of what an edit is about to change."""
    return Former(
        texts={name: (item.values[name], digest(name, new)) for name, new in edit.values.items()},
        lists={
            name: (item.lists[name], state_of(one.name for one in change.members))
            for name, change in edit.lists.items()
        },
        locks=frozenset((*edit.names, *edit.lock)) - item.locked,
    )


@dataclass(frozen=True, slots=True)
class Return:
    """What giving back comes to.

    ``back`` names what is as before afterwards, ``changed`` what somebody changed since;
    ``edit`` writes the texts and lists, ``unlock`` takes off the locks.
    """

    edit: Edit
    unlock: Edit
    back: tuple[str, ...]
    changed: tuple[str, ...]


def give_back(former: Former, item: PlexItem, known: Base) -> Return:
    """Decide what of the texts and lists is given back; ``known`` is the ledger's state now."""
    values: dict[str, str] = {}
    lists: dict[str, ListEdit] = {}
    back: list[str] = []
    changed: list[str] = []
    for name, (old, new) in former.texts.items():
        text = present(name, item)
        before = old or (_title(former, item) if name == "sort_title" else "")
        # A summary that was too long for Plex, or a proxy, stands there cut.
        ours = known.values.get(name, text)
        now = digest(name, ours if same(name, ours, text) else text)
        if digest(name, text) == digest(name, before):
            back.append(name)
        elif now == new:
            back.append(name)
            values[name] = before
        else:
            changed.append(name)
    for name, (members, new) in former.lists.items():
        here = item.lists[name]
        state = state_of(one.name for one in here)
        if state == state_of(one.name for one in members):
            back.append(name)
        elif state == new:
            back.append(name)
            were = {tag_key(one.name) for one in members}
            gone = tuple(one.name for one in here if tag_key(one.name) not in were)
            lists[name] = ListEdit(members, gone)
        else:
            changed.append(name)
    # Giving back locks, too, also where somebody took that lock off since.
    unlock = tuple(sorted((former.locks & set(back)) | ({*values, *lists} - item.locked)))
    at = (item.rating_key, item.section, item.type)
    return Return(Edit(*at, values, lists), Edit(*at, unlock=unlock), tuple(back), tuple(changed))


def without(base: Base, former: Former, item: PlexItem, back: tuple[str, ...]) -> Base:
    """Give an item's ledger state once some fields were given back: they rest as they are.

    What earlier writes gave, or locked, is ours as before.

    Args:
        base: The ledger's state now.
        former: What the item had before the write.
        item: The item, before anything is given back.
        back: The fields, and the locks of pictures.
    """
    names = frozenset(back)
    lists = {name: old for name, (old, _) in former.lists.items() if name in names}
    given = {name: _given(base, name, old, item) for name, old in lists.items()}
    return replace(
        base,
        given={**base.given, **{name: given[name] for name in given.keys() & base.members.keys()}},
        foreign=base.foreign | names,
        undone=base.undone | names,
        wrote=base.wrote - names,
        locked=base.locked - (names & former.locks),
        released=base.released - names,
        reported=base.reported - names,
    )


def _given(base: Base, name: str, old: tuple[Member, ...], item: PlexItem) -> tuple[str, ...]:
    """Give the members of a list as it was that stood there because of us.

    Those that stay are known; of those that the write took out, those that we ever gave.
    """
    ours = {tag_key(one) for one in base.given.get(name, base.members.get(name, ()))}
    here = {tag_key(one.name) for one in item.lists[name]}
    earlier = base.earlier.get(name, ())
    keys = {one.name: tag_key(one.name) for one in old}
    return tuple(
        one
        for one, key in keys.items()
        if key in ours or (key not in here and name_digest(key) in earlier)
    )


def _title(former: Former, item: PlexItem) -> str:
    """Give the title that an item had: Plex leaves out a sort title that is the same."""
    return former.texts["title"][0] if "title" in former.texts else item.values["title"]


def _short(members: tuple[Member, ...]) -> list[str | Member]:
    return [one if one.role or one.thumb else one.name for one in members]


def _encode(given: object) -> object:
    if isinstance(given, Member):
        return [given.name, given.role, given.thumb]
    raise TypeError(type(given).__name__)


# As in merge/base.py: made once.
_dump = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_encode
).encode
