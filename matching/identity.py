"""Is a ledger entry about this very item? A rating key alone does not say so.

Plex gives a key again after its database was restored or made anew, and another server
gives the same ones. What was written to an item counts only for the item that holds the
same file, or that has the same guid and was added in the same second.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from matching.resolve import held_paths
from merge.base import Base
from merge.compare import present, same
from store import ledger
from validation.media_path import path_key

if TYPE_CHECKING:
    from plex.item import PlexItem
    from store.ledger import LedgerEntry


class _Identity(NamedTuple):
    """What tells an item from others: its files as path keys, Plex's guid, when it was added."""

    files: list[str]
    guid: str
    added_at: int

    @classmethod
    def parse(cls, text: str) -> _Identity:
        try:
            return cls(*json.loads(text))
        except (TypeError, ValueError):
            # We wrote it whole, so its page is damaged, though SQLite has not noticed.
            raise sqlite3.DatabaseError("an entry of the ledger cannot be read") from None


def identity_of(item: PlexItem) -> str:
    """Give what tells an item from others, for its ledger entry."""
    files = sorted({path_key(file) for file in item.all_files})
    return _dump(_Identity(files, item.guid, item.added_at))


# Made once, as in merge/base.py.
_dump = json.JSONEncoder(ensure_ascii=False).encode


def files_of(entry: LedgerEntry) -> list[str]:
    """Give the files that an item had when it was last written to, as path keys.

    Raises:
        sqlite3.DatabaseError: The entry is damaged.
    """
    return _Identity.parse(entry.identity).files if entry.identity else []


def entry_of(connection: sqlite3.Connection, server: str, item: PlexItem) -> LedgerEntry | None:
    """Give what we wrote to an item, None if we never wrote to this very one.

    A server that got a new identity (its preferences were reset, it moved to another
    machine) is known by its items: an entry of its old one is taken over where key and
    file are the same and Plex shows a text that we wrote.

    Raises:
        sqlite3.DatabaseError: The entry is damaged.
    """
    entry = ledger.entry(connection, server, item.rating_key)
    if entry is not None:
        return entry if _is_about(connection, entry, item) else None
    for other in ledger.entries_elsewhere(connection, server, item.rating_key):
        if other.identity and _is_about(connection, other, item) and _shows(other, item):
            return other._replace(server=server)
    return None


def _is_about(connection: sqlite3.Connection, entry: LedgerEntry, item: PlexItem) -> bool:
    if entry.identity:
        known = _Identity.parse(entry.identity)
        if any(path_key(file) in known.files for file in item.all_files):
            return True
        is_told = bool(known.guid and known.added_at)
        return is_told and (known.guid, known.added_at) == (item.guid, item.added_at)
    # From before identities were noted: the scene's own files tell, or what stands there.
    record = ledger.scene_record(connection, entry.scene)
    if record is not None:
        return any(item.holds(path) for path in held_paths(record.places))
    return _shows(entry, item)


def _shows(entry: LedgerEntry, item: PlexItem) -> bool:
    """Say whether an item shows a text that we wrote to it."""
    base = Base.from_json(entry.base)
    return any(
        base.values.get(name) and same(name, base.values[name], present(name, item))
        for name in base.wrote
    )
