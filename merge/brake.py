"""What a merge takes away from an item, and when that is too much to be done unasked. Pure.

A text is emptied, a title falls back to its file's name, or a list ends up with fewer
members than it had. A list that gets a member for each one that leaves takes nothing away:
that is what a renamed tag looks like.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from merge.compare import rating100, stem_title
from plex.fields import LISTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from merge.three_way import Merge
    from plex.item import PlexItem

#: A run asks first if it takes something away from more than this share of the items that
#: are in step, and from so many at least.
SHARE = 0.3
FEWEST = 10

#: What one member of a list is called.
_MEMBER = {field.name: field.name.removesuffix("s") for field in LISTS}


def taken_away(
    merged: Merge, item: PlexItem, insist: frozenset[str] = frozenset()
) -> dict[str, int]:
    """Give what an edit takes away, by field: 1 for a text, the members fewer for a list.

    ``item`` is as it is now, and was in step once. What Stash would lose because Plex did
    counts, too; fields for which a person chose what Stash has (``insist``) do not.
    """
    found = {
        name: 1
        for name, text in merged.edit.values.items()
        if name not in insist
        and item.values[name]
        and (text == stem_title(item) if name == "title" else not text)
        and name != "sort_title"  # it follows the title
    }
    for name, change in merged.edit.lists.items():
        fewer = len(item.lists[name]) - len(change.members)
        if fewer > 0 and name not in insist:
            found[name] = fewer
    for name, (theirs, _) in merged.to_stash.items():
        if not rating100(theirs):
            found[f"{name} in Stash"] = 1
    return found


def is_too_much(items: int, in_step: int) -> bool:
    """Say whether a run that takes something away from so many items has to ask first."""
    return items >= FEWEST and items > SHARE * in_step


@dataclass(slots=True)
class Taken:
    """What is taken away in all.

    ``items`` counts the items that lose anything, ``fields`` holds by field how many lose
    something there, and how many texts or members that is.
    """

    items: int = 0
    fields: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.items > 0

    def add_item(self, taken: Mapping[str, int]) -> None:
        """Add what ``taken_away`` found of one item."""
        if taken:
            self.add(Taken(1, {name: (1, count) for name, count in taken.items()}))

    def add(self, other: Taken) -> None:
        """Add what was counted elsewhere."""
        self.items += other.items
        for name, (items, values) in other.fields.items():
            known = self.fields.get(name, (0, 0))
            self.fields[name] = (known[0] + items, known[1] + values)

    def to_json(self) -> str:
        """Give the text for the store."""
        return json.dumps([self.items, self.fields], separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Taken:
        """Read what ``to_json`` wrote; "" is nothing."""
        items, fields = json.loads(text) if text else (0, {})
        return cls(items, {name: (counts[0], counts[1]) for name, counts in fields.items()})

    def in_words(self) -> str:
        """Say it, as what follows "would"."""
        parts = [self._part(name) for name in sorted(self.fields, key=_order)]
        return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)

    def _part(self, name: str) -> str:
        items, values = self.fields[name]
        of = "1 item" if items == 1 else f"{items:,} items"
        if name == "title":
            return f"let the title of {of} fall back to the file's name"
        if name in _MEMBER:
            members = f"1 {_MEMBER[name]}" if values == 1 else f"{values:,} {_MEMBER[name]}s"
            return f"take {members} out of {of}"
        return f"empty the {name.replace('_', ' ')} of {of}"


def _order(name: str) -> tuple[bool, bool, str]:
    """Texts first, the title before all others."""
    return name in _MEMBER, name != "title", name
