"""The plan that the last preview found: what the next "Sync all" would do, kept to be looked at.

Everything is counted, and of each kind and field some examples are kept. A plan takes the
place of the one before as a whole, so that a preview that dies leaves that one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping

from store import meta
from store.named_tuple import NamedTuple

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from typing import Any

#: Examples kept of each kind and field, and letters of a value that are kept to be shown.
EXAMPLES = 100
SHOWN = 300

_COLUMNS = "number, effect, field, scene, rating_key, title, before, after"


class Planned(NamedTuple):
    """What would happen to one field of one item.

    ``effect`` is one of merge/effects.py; ``title`` is the scene's, or its file's name.
    """

    number: int
    effect: str
    field: str
    scene: int
    rating_key: int
    title: str
    before: str
    after: str


def put(
    connection: sqlite3.Connection, about: Mapping[str, Any], examples: Iterable[Planned]
) -> None:
    """Keep a plan in place of the one before, in the caller's transaction.

    The examples are in the order in which they are shown; their numbers do not count.
    """
    connection.execute("DELETE FROM planned")
    connection.executemany(
        "INSERT INTO planned (effect, field, scene, rating_key, title, before, after) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(*one[1:5], *(text[:SHOWN] for text in one[5:])) for one in examples],
    )
    meta.put(connection, meta.PREVIEW, about)


def about(connection: sqlite3.Connection) -> dict[str, Any]:
    """Give what is known of the last plan, {} for none.

    ``began`` and ``at`` are the Unix times at which it was begun and done, ``text`` sums it
    up, ``sizes`` maps each effect to its fields with how often, ``cut`` names the effects of
    which there are more than the examples, ``settings`` is a checksum of the settings that
    it was made with, ``good`` their fingerprint, and ``seen`` that of those which the worker
    had found good before.
    """
    found = meta.get(connection, meta.PREVIEW)
    return found if isinstance(found, dict) else {}


def page(
    connection: sqlite3.Connection, effect: str, field: str = "", *, after: int, limit: int
) -> list[Planned]:
    """Give up to ``limit`` examples of an effect above a number, of one field or of all."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM planned WHERE effect = ? AND number > ? "  # noqa: S608 - constants
        "AND (? = '' OR field = ?) ORDER BY number LIMIT ?",
        (effect, after, field, field, limit),
    )
    return [Planned._make(row) for row in rows]
