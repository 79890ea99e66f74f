"""What the page's operations read out of their arguments and of the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from store import meta

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

#: Rows of one page, and the most that may be asked for.
ROWS_A_PAGE, LARGEST_PAGE = 20, 200


def whole(given: object) -> int:
    """Read a whole number that may come as text; 0 when it is none, or no id of SQLite's."""
    if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 19:
        given = int(given)
    if isinstance(given, bool) or not isinstance(given, int):
        return 0
    return given if 0 < given < 2**63 else 0


def page_size(arguments: Mapping[str, Any], usual: int = ROWS_A_PAGE) -> int:
    """Read the argument ``limit``: how many rows a page may have; ``usual`` without one."""
    return min(whole(arguments.get("limit")) or usual, LARGEST_PAGE)


def server(connection: sqlite3.Connection) -> str:
    """Give the machine identifier of the Plex that was spoken to last, "" for none so far."""
    seen = meta.get(connection, meta.SERVER_SEEN)
    return str(seen.get("machine")) if isinstance(seen, dict) else ""
