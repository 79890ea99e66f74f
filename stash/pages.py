"""All things of a kind, read page by page.

Pages are cut by number, for such things cannot be filtered by id: one that is deleted meanwhile
may hide another, which is then not known until the next reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from .answer import read_each, read_part

if TYPE_CHECKING:
    from .client import StashClient


class Numbered(Protocol):
    """What has an id of Stash's."""

    @property
    def id(self) -> int:
        """It."""


_T = TypeVar("_T", bound=Numbered)


def read_pages(
    client: StashClient,
    query: str,
    where: tuple[str, str],
    size: int,
    read: Callable[[object, str], _T],
) -> list[_T]:
    """Give everything that a query finds, in the order of ids; one request for each page.

    Args:
        client: Whom to ask.
        query: Takes its FindFilterType as ``$page``.
        where: The answer's field, and the list in it.
        size: Entries of one page.
        read: Reads an entry, as for ``read_each``.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    field, plural = where
    found: dict[int, _T] = {}
    page = 0
    while True:
        page += 1
        order = {"page": page, "per_page": size, "sort": "id", "direction": "ASC"}
        part = read_part(client.query(query, {"page": order}), field)
        entries = read_each(part.get(plural), plural, read)
        before = len(found)
        found |= {one.id: one for one in entries}
        if len(entries) < size or len(found) == before:
            # The end, or a Stash that gives one page for ever.
            return [found[number] for number in sorted(found)]
