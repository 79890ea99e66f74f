"""When two texts of a field are the same: otherwise a write would repeat for ever. Pure."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha1
from typing import TYPE_CHECKING

from validation.text import ELLIPSIS, comparable, date_in_period, partial_date, safe_text

if TYPE_CHECKING:
    from plex.item import PlexItem

#: Bytes from which on a text that ends in an ellipsis counts as the beginning
#: of a longer one: plex/edits.py never cuts one shorter.
SHORTEST_CUT = 300


def present(name: str, item: PlexItem) -> str:
    """Give the text of a field as Plex has it."""
    if name == "sort_title" and not item.values["sort_title"]:
        # Plex leaves titleSort out where it is the title itself.
        return item.values["title"]
    return item.values[name]


def same(name: str, ours: str, theirs: str) -> bool:
    """Say whether Plex's text is what we mean by ours: nothing needs to be written.

    ``ours`` may be more than Plex can hold: a period where Plex knows days only,
    a summary that Plex took only a part of.
    """
    if unchanged(name, ours, theirs):
        return True
    if name == "date":
        return date_in_period(theirs, ours)
    if name == "summary" and theirs.endswith(ELLIPSIS) and len(theirs.encode()) >= SHORTEST_CUT:
        return comparable(ours).startswith(comparable(theirs[: -len(ELLIPSIS)]))
    return False


def unchanged(name: str, now: str, before: str) -> bool:
    """Say whether two texts of Stash's side are the same for a reader.

    A day and the month around it are not: somebody came to know more, or less.
    """
    if now == before:
        return True
    if name == "rating":
        return rating100(now) == rating100(before)
    return comparable(now) == comparable(before)


def digest(name: str, text: str) -> str:
    """Give eight letters that stand for a text of a field as it is written.

    They tell a text of ours of long ago from a person's, without keeping the text.
    """
    number = rating100(text) if name == "rating" else 0
    plain = f"{number / 10:g}" if number else comparable(text)
    return sha1(plain.encode(errors="replace"), usedforsecurity=False).hexdigest()[:8]


@lru_cache(8192)
def name_digest(key: str) -> str:
    """Give the digest of a list's member by its ``tag_key``; many items share the same names."""
    return digest("", key)


def as_written(name: str, ours: str) -> str:
    """Give a text of Stash's side as it is sent: of a date that is a period, its first day."""
    if name != "date":
        return ours
    parsed = partial_date(ours)
    return parsed[0] if parsed else ""  # Plex takes no date without a day


def stem_title(item: PlexItem) -> str:
    """Give the title that an item gets where Stash has none: its file's name; "" for none."""
    return safe_text(item.stem, multiline=False).strip()


def rating100(text: str) -> int:
    """Turn Plex's rating of 0 to 10 into Stash's 1 to 100, 0 for none.

    Plex's own pages know halves of five stars, so whole numbers here; tenths that are written
    by an edit are taken to stay (an assumption: no recording shows it). What is finer comes
    to the nearest, so that each of Stash's values comes back as it went.
    """
    try:
        return min(max(int(float(text) * 10 + 0.5), 0), 100)
    except (ValueError, OverflowError):
        return 0


def is_locked_by_the_thousand(item: PlexItem) -> bool:
    """Say whether an item's locks were set over whatever stood there: its title is its file's name.

    Whoever locks a field by editing it has edited it.
    """
    if "title" not in item.locked:
        return False
    stem = comparable(item.stem)
    return bool(stem) and comparable(item.values["title"]) == stem
