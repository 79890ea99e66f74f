"""When two texts of a field are the same: otherwise a write would repeat for ever. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validation.text import comparable, date_in_period, partial_date
from worker.desired import sort_title

if TYPE_CHECKING:
    from plex.item import PlexItem


def present(name: str, item: PlexItem) -> str:
    """Give the text of a field as Plex has it."""
    if name == "sort_title" and not item.values["sort_title"]:
        # Plex leaves titleSort out where it is what it derives from the title itself.
        return sort_title(item.values["title"])
    return item.values[name]


def same(name: str, one: str, other: str) -> bool:
    """Say whether two texts of a field are the same for a reader."""
    if name == "date":
        return _same_date(one, other)
    if name == "rating":
        return _number(one) == _number(other)
    return comparable(one) == comparable(other)


def _same_date(one: str, other: str) -> bool:
    """Compare dates of which either may be a period that the other lies in."""
    if not one or not other:
        return one == other
    return date_in_period(other, one) or date_in_period(one, other)


def full_date(period: str) -> str:
    """Give the day that is written for a period: its first."""
    parsed = partial_date(period)
    return parsed[0] if parsed else ""


def _number(text: str) -> float | None:
    try:
        return round(float(text), 2)
    except ValueError:
        return None
