"""What we last wrote to an item, as the ledger keeps it: base and pending, to and from JSON.

``base`` is what stands in Plex because of us. ``pending`` collects what was
about to be written when the last acknowledgement is still missing: after a
crash nobody knows which of it arrived, so all of it may be ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from validation.text import tag_key

#: The parts of a base, by their form.
_TEXTS = ("values", "images", "theirs", "came")
_LISTS = ("members", "given", "earlier", "by_rule")
_MAPPINGS = (*_TEXTS, *_LISTS)
_SETS = ("foreign", "wrote", "locked", "released", "reported", "undone")


@dataclass(frozen=True, slots=True)
class Base:
    """The last agreed state of one item.

    ``values`` and ``members`` hold Stash's side as of then, by field name (for a
    title that Stash emptied, the stem that was written instead); ``wrote`` names
    texts that stand in Plex because we sent them, ``given`` the members that do, by
    list (absent where nobody noted it: then all of ``members`` count); ``foreign``
    fields that were never ours there (kept for a person); ``locked`` fields whose lock
    is ours; ``released`` those whose lock was given back; ``reported`` the kept fields
    the user was told about; ``undone`` fields, and locks of pictures, that were given back
    what they had before us; ``images`` what became of poster and background, by name
    (merge/picture.py); ``earlier`` digests of what we wrote before that, by field,
    the newest last: Plex may go back to it (merge/compare.py, ``digest``); ``theirs`` what
    Plex had of a field that goes both ways, where it is not as ``values`` says, and ``came``
    what Stash has of it because we brought it from Plex (merge/ratings.py); ``edited_from``
    the item's updatedAt as read before our last edit, in epoch seconds, 0 for never;
    ``rated_at`` when the rating that both sides had was given in Plex, the same way;
    ``by_rule`` the members of ``members`` that a rule for tags sent there, by list.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    wrote: frozenset[str] = frozenset()
    locked: frozenset[str] = frozenset()
    released: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    undone: frozenset[str] = frozenset()
    images: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    earlier: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    theirs: Mapping[str, str] = field(default_factory=dict)
    came: Mapping[str, str] = field(default_factory=dict)
    edited_from: int = 0
    rated_at: int = 0
    by_rule: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_json(self) -> str:
        """Give the text for the ledger; equal states give equal text."""
        content: dict[str, Any] = {"edited_from": self.edited_from} if self.edited_from else {}
        content |= {"rated_at": self.rated_at} if self.rated_at else {}
        content |= {name: dict(part) for name in _MAPPINGS if (part := getattr(self, name))}
        content |= {name: sorted(part) for name in _SETS if (part := getattr(self, name))}
        return _dump(content)

    @classmethod
    def from_json(cls, text: str) -> Base:
        """Read what ``to_json`` wrote; "" is the state of an item we never wrote to."""
        if not text:
            return NEVER_WRITTEN
        content = json.loads(text)
        parts: dict[str, Any] = {name: content.get(name, {}) for name in _TEXTS}
        parts |= {name: _tuples(content[name]) for name in _LISTS if name in content}
        parts |= {name: frozenset(content[name]) for name in _SETS if name in content}
        times = {name: content.get(name, 0) for name in ("edited_from", "rated_at")}
        return cls(**times, **parts)


@dataclass(frozen=True, slots=True)
class Pending:
    """What may have been written since the base was acknowledged.

    For a text every value that was tried; for a list the members that were in
    any intended state, and those that were in all of them; ``locks`` the fields
    that a try would have locked and that nobody had locked before; ``to_stash`` every value
    that Stash was to get from Plex.
    """

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    all_members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    locks: frozenset[str] = frozenset()
    to_stash: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.any_members or self.locks or self.to_stash)

    def adding(
        self,
        values: Mapping[str, str],
        members: Mapping[str, tuple[str, ...]],
        locks: Iterable[str] = (),
        to_stash: Mapping[str, str] | None = None,
    ) -> Pending:
        """Give the pending state with one more intention on top of those not acknowledged."""
        some = {
            name: _union(self.any_members.get(name, ()), names) for name, names in members.items()
        }
        every = {
            name: _common(self.all_members.get(name, names), names)
            for name, names in members.items()
        }
        return Pending(
            values=_tried(self.values, values),
            any_members={**self.any_members, **some},
            all_members={**self.all_members, **every},
            locks=self.locks | set(locks),
            to_stash=_tried(self.to_stash, to_stash or {}),
        )

    def to_json(self) -> str:
        """Give the text for the ledger, "" when nothing is pending."""
        if not self:
            return ""
        content: dict[str, Any] = {
            "values": dict(self.values),
            "any": dict(self.any_members),
            "all": dict(self.all_members),
            "locks": sorted(self.locks),
        }
        if self.to_stash:
            content["takes"] = dict(self.to_stash)
        return _dump(content)

    @classmethod
    def from_json(cls, text: str) -> Pending:
        """Read what ``to_json`` wrote."""
        if not text:
            return ACKNOWLEDGED
        content = json.loads(text)
        values, some, every = (_tuples(content.get(name, {})) for name in ("values", "any", "all"))
        locks, to_stash = frozenset(content.get("locks", ())), _tuples(content.get("takes", {}))
        return cls(values, some, every, locks, to_stash)


#: The state of an item we never wrote to, and of one of which nothing is pending.
NEVER_WRITTEN = Base()
ACKNOWLEDGED = Pending()


def _tried(
    known: Mapping[str, tuple[str, ...]], new: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    return {**known, **{name: _union(known.get(name, ()), (text,)) for name, text in new.items()}}


def _union(known: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Give the texts of both; ``new`` has each of its own once."""
    return tuple(dict.fromkeys((*known, *new))) if known else new


def _common(known: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """Give the members that are in both, whatever the case or Unicode form they have there."""
    if known is new:
        return new
    keys = {tag_key(one) for one in known}
    return tuple(one for one in new if tag_key(one) in keys)


def _tuples(content: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {name: tuple(entries) for name, entries in content.items()}


# Made once: json.dumps makes an encoder for every text that is not in its own style.
_dump = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
