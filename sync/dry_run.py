"""Looks at scenes as a sync would, many at a time, and writes nothing.

Plex is read as for "Sync all": by the path index where that is cheaper than a search
for each file, and in full by lists of rating keys.

The index is one of its own, gone with the run. In the store a worker may be listing the
same library: each would drop rows that the other has just written and then call the index
complete, and a scene that Plex has would pass for missing until the next full sweep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.found import Found
from store import ledger, tables
from sync.bulk_lookup import BulkLookup
from sync.bulk_reader import BulkReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from plex.client import PlexClient
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.ledger import SceneRecord
    from store.tables import Tables
    from sync.plan import ScenePlan
    from sync.reconcile import Reconciler
    from sync.stash_session import StashSession


@dataclass(frozen=True, slots=True)
class _Place:
    """See ``sync.workplace.Workplace``."""

    store: Tables
    stash: StashSession
    plex: PlexClient
    clock: Callable[[], float]
    reconciler: Reconciler


class DryRun:
    """Looks at scenes without writing; to be closed.

    Args:
        reconciler: A dry one.
        stash: The way to Stash.
        clock: Gives Unix seconds.
    """

    def __init__(
        self, reconciler: Reconciler, stash: StashSession, clock: Callable[[], float]
    ) -> None:
        self._reconciler = reconciler
        self._clock = clock
        self._tables = tables.for_one_run()
        place = _Place(self._tables, stash, reconciler.client, clock, reconciler)
        self._lookup = BulkLookup(place, _never)
        self._reader = BulkReader(place, _never)

    def read(self, scenes: Sequence[Scene], following: float) -> dict[int, PlexItem]:
        """Read the items of some scenes in full, which is all that most looks need.

        Args:
            scenes: As many as shall be in memory with their items.
            following: So many scenes will have to be looked at after them, roughly.

        Returns:
            Items by rating key, for ``look``. Some may be missing.

        Raises:
            faults.SyncError: Plex as a whole failed.
        """
        self._prepare(scenes, following)
        by_id = {scene.id: scene for scene in scenes}
        try:
            return self._reader.items(list(by_id), by_id)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            return {}  # each is read by itself, where its fault is seen

    def look(self, scene: Scene, known: Mapping[int, PlexItem]) -> ScenePlan | SyncError:
        """Give what would be done about a scene, or why nothing can be.

        Args:
            scene: The scene.
            known: What ``read`` gave.

        Raises:
            faults.SyncError: Stash or Plex as a whole failed.
        """
        try:
            look = self._reconciler.look(scene, known)
            if look.fault:
                raise look.fault
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            return fault
        return look

    def close(self) -> None:
        """Throw the index away."""
        self._tables.close()

    def _prepare(self, scenes: Sequence[Scene], following: float) -> None:
        """Let the index be made, or made new, if many scenes have to be searched."""
        reconciler = self._reconciler
        reconciler.index = None  # by now it may be old
        ids = [scene.id for scene in scenes]
        remembered = reconciler.remembered(ids)
        records = ledger.scene_records(reconciler.store.connection, ids)
        searched = sum(
            scene.id not in remembered or not self._is_known(scene, records.get(scene.id))
            for scene in scenes
        )
        ahead = searched * (len(scenes) + following) / max(len(scenes), 1)
        try:
            for _ in self._lookup.prepare(reconciler, ahead):
                pass  # nothing more urgent waits here
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            # Each is searched by itself.

    def _is_known(self, scene: Scene, record: SceneRecord | None) -> bool:
        """Say whether the items that the ledger remembers for a scene will do."""
        to_plex, sections = self._reconciler.config.path_map.to_plex, self._reconciler.libraries
        paths = tuple({to_plex(file.path): None for file in scene.files})
        return Found(paths, tuple(sections.keys()), self._clock()).is_known(record)


def _never() -> bool:
    return False
