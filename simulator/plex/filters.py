"""The query part of a listing: which parameters filter, how, and which are ignored.

An operator is the end of a parameter's *name*: ``updatedAt%3E%3E=1`` is the name
``updatedAt>>``. What is not understood is ignored without a word and the whole
section comes back, which is how the real server punishes a typing mistake. Of the
filters that it does understand only those are played that PlexSync sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulator.plex.items import Item
    from simulator.plex.library import Section

Pairs = Sequence[tuple[str, str]]


class MissingTypeError(Exception):
    """``file=`` without ``type=``: the real server answers 500."""


def select(section: Section, pairs: Pairs) -> list[Item]:
    """The items of ``section`` the query asks for, in the order it asks for.

    Raises:
        MissingTypeError: For ``file=`` without ``type=``.
    """
    wanted = dict(pairs)
    if "type" not in wanted and "file" in wanted:
        raise MissingTypeError
    items = _with_file(section, int(wanted.get("type", section.default_kind)), wanted.get("file"))
    for name, value in pairs:
        # The names `updatedAt>=` and `updatedAt>>=` are not understood.
        read = _DATES.get(name.removesuffix(">>"))
        if read is not None and name.endswith(">>") and value.isdigit():
            items = [item for item in items if read(item) > int(value)]
    field, _, direction = wanted.get("sort", "").partition(":")
    if field in _DATES:
        return sorted(items, key=_DATES[field], reverse=direction == "desc")
    return items


def _with_file(section: Section, kind: int, wanted: str | None) -> list[Item]:
    """Items of a kind with this text in the path of a file, in any case; None is no filter.

    A comma means "or", even one that was encoded, and the empty text is in every path.
    """
    words = (wanted or "").lower().split(",")
    if "" in words:
        return section.sorted_items(kind)
    found: Iterable[Item] = ()
    for word in words:
        some = section.paths.candidates(word)
        if some is None:
            found = section.sorted_items(kind)
            break
        found = [*found, *some]
    matching = {
        item.key: item
        for item in found
        if item.kind == kind
        and not item.deleted
        and any(word in part.file.path.lower() for part in item.parts for word in words)
    }
    return sorted(matching.values(), key=lambda item: (item.sort_key, item.key))


_DATES: dict[str, Callable[[Item], int]] = {
    "addedAt": lambda item: item.added_at,
    "updatedAt": lambda item: item.updated_at,
}
