"""From a studio, performer, tag or group to the scenes that carry it.

Stash knows who carries it now; the ledger knows who carried it when we last
looked, which is all that is left after a deletion or a merge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from store import ledger

if TYPE_CHECKING:
    from stash.client import RefKind
    from store.dirty import DirtyRow
    from store.store import Store
    from worker.stash_link import StashLink


def scenes_of(row: DirtyRow, stash: StashLink, store: Store) -> list[int]:
    """Give the ids of all scenes that a row of another kind concerns, ascending.

    Raises:
        faults.SyncError: Stash could not be asked.
    """
    now = stash.scene_ids_of(cast("RefKind", row.kind), row.id)
    before = ledger.scenes_carrying(store.connection, row.kind, row.id)
    return sorted({*now, *before})
