"""Gives the locks of one item back: those that are ours, by the ledger; values stay.

Done by the worker, which alone writes to the ledger's items, as rows of their
own kind whose ids are rating keys; the task in tasks/release_locks.py marks them.

First it is committed that the fields are released, so that no look can lock
them again, then Plex is told, then it is committed that nothing of ours is
locked. Whatever dies in between, doing it again finishes it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from matching.identity import entry_of
from merge.base import Base, Pending
from merge.compare import present, same
from merge.desired import Desired
from merge.picture import Picture
from merge.three_way import merge
from plex import edits
from plex.error_types import ItemGone
from plex.fields import SCALARS
from plex.images import KINDS, offered
from plex.item import PlexItem, read_item
from store import ledger, meta, queue
from worker.launcher import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from log import Log
    from plex.client import PlexClient
    from store.ledger import LedgerEntry
    from store.queue import QueueRow
    from store.store import Store

#: Kind of the rows.
KIND = "locks"
#: The task holds this lock while it lives.
LOCK = "release-locks.lock"

_TEXTS = frozenset(field.name for field in SCALARS)


def work_on(row: QueueRow, store: Store, plex: Callable[[], PlexClient], log: Log) -> None:
    """Release one item's locks and end the row.

    A row that its task has left behind is dropped, for Stop means stop; one that
    failed in its time is tried again.

    Raises:
        errors.SyncError: Plex could not be asked, or refused.
    """
    locks: tuple[str, ...] = ()
    if row.reason or ProcessLock(store.directory, LOCK).is_held():
        locks = release(store, plex(), row.id, now=row.marked_at)
    with store.transaction() as connection:
        if locks:
            items, count = meta.get(connection, meta.RELEASED) or (0, 0)
            meta.put(connection, meta.RELEASED, [items + 1, count + len(locks)])
        queue.done(connection, row)
    if locks:
        log.info(f"item {row.id}: {', '.join(locks)} unlocked")


def release(store: Store, client: PlexClient, rating_key: int, *, now: float) -> tuple[str, ...]:
    """Release one item's locks; give the fields that were unlocked, sorted.

    Raises:
        errors.SyncError: Plex could not be asked, or refused.
    """
    server = client.machine_identifier
    entry = ledger.entry(store.connection, server, rating_key)
    if entry is None:
        return ()
    base, pending = Base.from_json(entry.base), Pending.from_json(entry.pending)
    if not base.locked | pending.locks:
        return ()
    try:
        item = read_item(client, rating_key)
    except ItemGone:
        return ()  # the scene's next look forgets it
    if entry_of(store.connection, server, item) is None:
        return ()  # another item has its rating key by now
    # A merge of nothing takes over what may have been written before a crash.
    known = merge(Desired({}, {}), item, base, pending).base
    ours = tuple(sorted(name for name in known.locked if _is_ours(name, known, item, client)))
    released = replace(known, released=known.released | set(ours))
    _commit(store, entry, released, now)
    if ours:
        edits.write(client, edits.Edit(rating_key, item.section, item.type, unlock=ours))
    _commit(store, entry, replace(released, locked=frozenset()), now)
    return ours


def _is_ours(name: str, known: Base, item: PlexItem, client: PlexClient) -> bool:
    """Say whether a locked field is still as we left it; what a person set keeps its lock."""
    for kind in KINDS:
        if kind.lock == name:
            hung = Picture.parse(known.images.get(kind.name))
            there = offered(client, item.rating_key, kind) if hung else []
            ours = {hung.sha1 if hung else "", *known.earlier.get(kind.name, ())}
            return not any(one.selected and one.sha1 not in ours for one in there)
    if name not in _TEXTS or name not in known.values:
        return True
    return same(name, known.values[name], present(name, item))


def _commit(store: Store, entry: LedgerEntry, base: Base, now: float) -> None:
    with store.transaction() as connection:
        ledger.acknowledge(connection, entry._replace(base=base.to_json()), now=now)
