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
from merge.compare import digest, present, same
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
    from plex.client import PlexClient
    from store.store import Store
    from sync.context import Context

#: Kind of the rows.
KIND = "locks"
#: The task holds this lock while it lives.
LOCK = "release-locks.lock"

_TEXTS = frozenset(field.name for field in SCALARS)


def work_on(row: queue.QueueRow, context: Context) -> None:
    """Release one item's locks and end the row.

    A row that its task has left behind is dropped, for Stop means stop; one that
    failed in its time is tried again.

    Raises:
        errors.SyncError: Plex could not be asked, or refused.
    """
    store, locks = context.store, tuple[str, ...]()
    if row.reason or ProcessLock(store.directory, LOCK).is_held():
        locks = release(store, context.client(), row.id, now=row.marked_at)
    with store.transaction() as connection:
        if locks:
            items, count = meta.get(connection, meta.RELEASED) or (0, 0)
            meta.put(connection, meta.RELEASED, [items + 1, count + len(locks)])
        queue.done(connection, row)
    if locks:
        context.log.info(f"item {row.id}: {', '.join(locks)} unlocked")


def release(store: Store, client: PlexClient, rating_key: int, *, now: float) -> tuple[str, ...]:
    """Release one item's locks; give the fields that were unlocked, sorted.

    Raises:
        errors.SyncError: Plex could not be asked, or refused.
    """
    found = as_written(store, client, rating_key)
    if found is None:
        return ()  # where the item is gone, its scene's next look forgets it
    entry, item, known = found
    if not known.locked:
        return ()  # done before: a worker died before it could end the row
    ours = tuple(sorted(name for name in known.locked if _is_ours(name, known, item, client)))
    released = replace(known, released=known.released | set(ours))
    acknowledge(store, entry, released, now)
    if ours:
        edits.write(client, edits.Edit(rating_key, item.section, item.type, unlock=ours))
    acknowledge(store, entry, replace(released, locked=frozenset()), now)
    return ours


def as_written(
    store: Store, client: PlexClient, rating_key: int
) -> tuple[ledger.LedgerEntry, PlexItem, Base] | None:
    """Give the ledger's entry about an item, the item now, and what of it stands because of us.

    None for an item that we never wrote to, that is gone, or whose rating key another one has.

    Raises:
        errors.SyncError: Plex could not be asked.
    """
    server = client.machine_identifier
    entry = ledger.entry(store.connection, server, rating_key)
    if entry is None:
        return None
    try:
        item = read_item(client, rating_key)
    except ItemGone:
        return None
    if entry_of(store.connection, server, item) is None:
        return None
    # A merge of nothing takes over what may have been written before a crash.
    base, pending = Base.from_json(entry.base), Pending.from_json(entry.pending)
    return entry, item, merge(Desired({}, {}), item, base, pending).base


def acknowledge(store: Store, entry: ledger.LedgerEntry, base: Base, now: float) -> None:
    """Commit what stands in an item because of us; nothing is pending any more."""
    with store.transaction() as connection:
        ledger.acknowledge(connection, entry._replace(base=base.to_json()), now=now)


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
    text = present(name, item)
    # What was undone is an earlier one of ours.
    return same(name, known.values[name], text) or digest(name, text) in known.earlier.get(name, ())
