"""The one field that goes both ways: what a rating that Plex has means for Stash's. Pure.

Three-way as all else: what both had at the last look, what Plex has, what Stash has. A lock
says nothing here, for no agent ever rates, and rating by hand is not known to lock.

    they are equal                        nothing to write; agreed
    never looked at both, Stash has none  Stash gets Plex's; also where the item was another
                                          scene's, unless that scene's is what Plex has
    Plex's alone changed                  Stash gets it; one that was taken away is taken from
                                          Stash only if it came from there
    neither changed                       both stay as they are
    Plex's is older than what both had    both stay, for a person to choose: its database was
                                          put back, or its clock
    anything else                         as every text (merge/three_way.py): where both
                                          changed Stash wins, and a note says so
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING

from merge.compare import rating100, unchanged

if TYPE_CHECKING:
    from merge.base import Base

#: The field.
RATING = "rating"


class Way(Enum):
    """What to do with a rating: ``TEXT`` is to treat it as any other field."""

    TAKE = "take"
    REST = "rest"
    TEXT = "text"


def way_of(
    base: Base, ours: str, theirs: str, *, same_scene: bool, rests: bool, is_older: bool = False
) -> Way:
    """Decide which way a rating goes.

    ``base`` is what both sides had at the last look, of this very scene if ``same_scene``;
    it ``rests`` where it was undone, or its lock given back. Plex's ``is_older`` where it was
    given before the one that both had: its database, or its clock, was put back.
    """
    known, seen = base.values.get(RATING), base.theirs.get(RATING)
    if seen is None and RATING not in base.foreign:
        seen = known  # they agreed
    if unchanged(RATING, ours, theirs):
        return Way.TEXT
    if seen is None or not same_scene:
        is_ours = RATING in base.wrote and known is not None and unchanged(RATING, known, theirs)
        return Way.TEXT if rating100(ours) or rests or is_ours else Way.TAKE
    if known is None or not unchanged(RATING, ours, known):
        return Way.TEXT
    if unchanged(RATING, seen, theirs):
        return Way.TEXT if rests else Way.REST
    if is_older and rating100(theirs):
        return Way.REST
    return Way.TAKE if rating100(theirs) or _came(base, ours) else Way.REST


def _came(base: Base, ours: str) -> bool:
    return RATING in base.came and unchanged(RATING, base.came[RATING], ours)


def noted(base: Base, ours: str, theirs: str, tried: tuple[str, ...] = ()) -> Base:
    """Give the base with both sides of a rating as they will be; ours may be one that we tried."""
    taken = bool(rating100(ours)) and any(unchanged(RATING, one, ours) for one in tried)
    others = {name: text for name, text in base.theirs.items() if name != RATING}
    came = {name: text for name, text in base.came.items() if name != RATING}
    if not unchanged(RATING, ours, theirs):
        others[RATING] = theirs
    if taken or _came(base, ours):
        came[RATING] = ours
    return replace(base, theirs=others, came=came)


def taken_over(base: Base, value: str) -> Base:
    """Give the base once Stash got Plex's rating: what Plex has is nothing of ours."""
    rest = frozenset((RATING,))
    known = replace(
        base,
        values={**base.values, RATING: value},
        foreign=base.foreign - rest,
        wrote=base.wrote - rest,
        undone=base.undone - rest,
        reported=base.reported - rest,
    )
    return noted(known, value, value, (value,))


def given_back(base: Base, former: str, value: str) -> Base:
    """Give the base once Stash has its former rating again: both rest as they are.

    ``value`` is what Plex had when it came; another word of Plex's since is known, too.
    """
    theirs = base.theirs.get(RATING, base.values.get(RATING, value))
    known = replace(
        base, values={**base.values, RATING: former}, undone=base.undone | {RATING}, came={}
    )
    return noted(known, former, theirs)
