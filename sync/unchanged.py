"""Scenes that did not change, neither in Stash nor in Plex: they are not read in full.

What Stash wanted at the last agreement is in the ledger, so such a scene can be
merged without asking Stash for it. Any doubt means that it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.resolve import held_paths
from merge.base import Base, Pending
from merge.desired import Desired
from merge.three_way import merge
from stash.changes import SAME_SECOND, instant
from store import differences, ledger
from store.differences import KEEP
from store.queue import chunks
from sync import artwork, read
from sync.match import rates_both_ways

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from plex.item import PlexItem
    from stash.scene import SceneStamp
    from store.ledger import SceneRecord
    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Step

#: Seconds a scene's details are trusted while its updated_at stands still: it
#: does not move when a tag, studio or performer of the scene does.
DETAILS_AGE = 86400.0


def in_stash(context: Context, batch: Batch) -> Iterator[Step]:
    """Find the scenes that Stash has as they were when last read in full."""
    if not batch.unread or not batch.records:
        return
    known = yield from read.stamps(context, batch)
    batch.as_read = {
        number
        for number, record in batch.records.items()
        # Who else may want a shared item has to be asked anyway.
        if ledger.SHARES_WITH not in record.note and is_as_read(context, record, known.get(number))
    }
    yield False


def as_seen(context: Context, batch: Batch) -> Iterator[Step]:
    """Find of them those of whose items Plex says, to the letter, what it said in step.

    The ledger's entry and the settings are as they were then, too, so comparing them
    again would come to the same.
    """
    if not batch.as_read:
        return
    listed = sorted(batch.as_read - batch.unlisted)
    known = ledger.seen(context.store.connection, context.server, listed)
    for chunk in chunks(list(known), read.STEP):
        for number in chunk:
            digests, places = known[number], batch.records[number].places
            # An item that came later, such as a copy in a second library, is known to the
            # index only.
            if digests.keys() >= set(batch.wanted[number]) and all(
                digest and digest == batch.digest_of(key, context.fingerprint, places)
                for key, digest in digests.items()
            ):
                batch.unchanged.add(number)
        yield False
        read.check(context, batch)


def in_plex(context: Context, batch: Batch) -> Iterator[Step]:
    """Keep of them those whose items are as the ledger says; the others are to be read."""
    for number in batch.as_read - batch.unchanged:
        yield False
        read.check(context, batch)
        context.plex.resolver.index = batch.index
        record = batch.records[number]
        if is_in_step(context, record, batch.items):
            batch.unchanged.add(number)
            if record.outcome != ledger.SKIPPED:
                note_seen(context, batch, record, batch.wanted.get(number, ()))
    batch.as_read = set(batch.unchanged)
    yield False


def note_seen(
    context: Context, batch: Batch, record: SceneRecord, rating_keys: Iterable[int]
) -> None:
    """Note that items of a scene are as the ledger says, so that they need no look next time."""
    for key in rating_keys:
        batch.seen[key] = batch.digest_of(key, context.fingerprint, record.places)


def is_as_read(context: Context, record: SceneRecord | None, stamp: SceneStamp | None) -> bool:
    """Say whether Stash has the scene as it was when we last read all of it."""
    return (
        record is not None
        and stamp is not None
        and record.updated_at == stamp.updated_at
        and record.fingerprint == context.fingerprint
        # What another Plex got says nothing of what this one has.
        and (record.outcome == ledger.SKIPPED or record.server == context.server)
        and record.has_files_at(stamp.paths)
        and record.looked_at - instant(stamp.updated_at) >= SAME_SECOND
        and 0 <= context.clock() - record.detailed_at < DETAILS_AGE
    )


def is_in_step(context: Context, record: SceneRecord, items: Mapping[int, PlexItem]) -> bool:
    """Say whether Plex has an unchanged scene's items as the ledger says; if in doubt, no.

    What is left out by the settings is in step whatever Plex has.
    """
    if record.outcome == ledger.SKIPPED:
        return True
    config = context.settings
    server = context.server
    entries = ledger.entries_of(context.store.connection, server, record.id)
    paths = held_paths(record.places)
    listed = context.plex.resolver.listed(paths)
    # An item that came later, such as a copy in a second library, is known to the index only.
    if listed is None or not {entry.rating_key for entry in entries}.issuperset(listed):
        return False
    for entry in entries:
        item = items.get(entry.rating_key)
        if item is None or entry.pending or not any(item.holds(path) for path in paths):
            return False
        base = Base.from_json(entry.base)
        merged = merge(
            Desired(base.values, base.members, base.by_rule),
            item,
            base,
            Pending(),
            overwrite=config.overwrite_plex_edits,
            both_ways=rates_both_ways(context, item),
        )
        if merged.edit or merged.to_stash or merged.base != base or artwork.due(base, item, config):
            return False
        kept = artwork.kept(merged, base, config)
        known = differences.of_item(context.store.connection, server, entry.rating_key)
        # Not so where a person changed what is kept, or answered.
        if kept or known:
            if kept != {field: one.pair for field, one in known.items()}:
                return False
            if any(one.answer not in ("", KEEP) for one in known.values()):
                return False
    return bool(entries)
