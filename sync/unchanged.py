"""A scene that did not change in Stash: is Plex still as the ledger says? Then nothing is read.

What Stash wanted at the last agreement is in the ledger, so such a scene can be
merged without asking Stash for it. Any doubt means a full look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.found import held_paths
from merge.base import Base, Pending
from merge.desired import Desired
from merge.three_way import merge
from stash.changes import instant
from store import ledger
from sync.picture import settled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plex.item import PlexItem
    from stash.stamp import SceneStamp
    from store.ledger import SceneRecord
    from worker.processor import SyncWorker

#: Seconds a scene's details are trusted while its updated_at stands still: it
#: does not move when a tag, studio or performer of the scene does.
DETAILS_AGE = 86400.0
#: Seconds after an update during which another one may carry the same time.
SAME_SECOND = 2.0


def is_as_read(worker: SyncWorker, record: SceneRecord | None, stamp: SceneStamp | None) -> bool:
    """Say whether Stash has the scene as it was when we last read all of it."""
    return (
        record is not None
        and stamp is not None
        and record.updated_at == stamp.updated_at
        and record.fingerprint == worker.fingerprint
        and record.has_files_at(stamp.paths)
        and record.looked_at - instant(stamp.updated_at) >= SAME_SECOND
        and 0 <= worker.clock() - record.detailed_at < DETAILS_AGE
    )


def is_in_step(worker: SyncWorker, record: SceneRecord, items: Mapping[int, PlexItem]) -> bool:
    """Say whether Plex has a steady scene's items as the ledger says; if in doubt, no.

    What is left out by the settings is in step whatever Plex has.
    """
    if record.outcome == ledger.SKIPPED:
        return True
    server = worker.plex.machine_identifier
    config = worker.config
    entries = ledger.entries_of(worker.store.connection, server, record.id)
    paths = held_paths(record.places)
    for entry in entries:
        item = items.get(entry.rating_key)
        if item is None or entry.pending or not any(item.holds(path) for path in paths):
            return False
        base = Base.from_json(entry.base)
        merged = merge(
            Desired(base.values, base.members),
            item,
            base,
            Pending(),
            overwrite=config is not None and config.overwrite_plex_edits,
        )
        if merged.edit or merged.base != base:
            return False
        if config is None or not settled(base, item, config):
            return False
    return bool(entries)
