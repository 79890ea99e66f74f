"""One scene: find its items, read them, merge, write. What was written is remembered.

Knows no queue and decides nothing about retries: a fault of one item is handed
back beside what succeeded, a fault of the server ends the look at once.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from faults import Scope, SyncError
from plex import edits
from plex.exceptions import ItemGone, NotInPlexYet
from plex.item import PlexItem, read_item
from plex.libraries import Libraries
from store import ledger
from store.ledger import LedgerEntry, SceneRecord
from validation.path_map import path_key
from worker.base import Base, Pending
from worker.desired import desired
from worker.merge import Merge, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from plex.client import PlexClient
    from stash.scene import Scene
    from store.store import Store
    from validation.config import PlexSyncConfig

#: Seconds after which a scene's items are looked up anew although all is well:
#: a copy in a second library would otherwise never be noticed.
RESOLVE_AGAIN = 86400.0


@dataclass(slots=True)
class Written:
    """One item that a look changed: for the history and the log."""

    rating_key: int
    changes: Mapping[str, tuple[str, str]]


@dataclass(slots=True)
class Look:
    """What one look at a scene did; the caller commits it together with the queue row.

    ``fault`` is the first thing that failed for one of several items, or None.
    """

    scene: Scene
    record: SceneRecord
    acknowledged: list[LedgerEntry] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    fault: SyncError | None = None

    @property
    def outcome(self) -> str:
        """One word: changed, unchanged, or shares (another scene's item)."""
        if self.written:
            return "changed"
        return "unchanged" if self.items else "shares"


class Reconciler:
    """Makes Plex agree with Stash, scene by scene, on one server with one configuration.

    Args:
        store: Where the ledger is.
        client: Plex.
        config: The settings.
        scenes_with_path: Gives the ids of the scenes that hold a Stash path;
            asked only about items that hold files of several scenes.
        clock: Gives Unix seconds.
        dry: Merge but write nothing, neither to Plex nor to the ledger.
    """

    def __init__(
        self,
        store: Store,
        client: PlexClient,
        config: PlexSyncConfig,
        scenes_with_path: Callable[[str], Iterable[int]],
        *,
        clock: Callable[[], float] = time.time,
        dry: bool = False,
    ) -> None:
        self.store = store
        self.client = client
        self.config = config
        self.libraries = Libraries(client, config.plex_libraries, clock=time.monotonic)
        self._scenes_with_path = scenes_with_path
        self._clock = clock
        self._dry = dry

    def look(self, scene: Scene) -> Look:
        """Bring every item that holds one of the scene's files in step.

        Raises:
            NotInPlexYet: No item holds any of them so far.
            faults.SyncError: Plex as a whole failed, or the lookup did.
        """
        paths = tuple(self.config.path_map.to_plex(file.path) for file in scene.files)
        places = json.dumps([sorted(set(paths)), sorted(self.libraries.keys())])
        now = self._clock()
        known = ledger.scene_record(self.store.connection, scene.id)
        fresh = (
            known is not None
            and known.places == places
            and 0 <= now - known.resolved_at < RESOLVE_AGAIN
        )
        record = SceneRecord(
            id=scene.id,
            updated_at=scene.updated_at,
            fingerprint="",
            paths=json.dumps(sorted({file.path for file in scene.files})),
            places=places,
            resolved_at=known.resolved_at if known and fresh else now,
            outcome="",
            note="",
            looked_at=now,
            detailed_at=now,
        )
        look = Look(scene, record)
        items = self._remembered(look, paths) if fresh else []
        if not items:
            items = self._look_up(look, paths)
            look.record = look.record._replace(resolved_at=now)
        for item in items:
            self._bring_in_step(look, item, paths)
        note = "; ".join(look.notes)
        look.record = look.record._replace(outcome=look.outcome, note=note)
        return look

    def _remembered(self, look: Look, paths: tuple[str, ...]) -> list[PlexItem]:
        """Read the items we know; none at all when one of them is not what it was."""
        server = self.client.machine_identifier
        items = []
        for entry in ledger.entries_of(self.store.connection, server, look.scene.id):
            item = self._read(look, entry.rating_key)
            if item is None:
                return []
            if not any(item.holds(path) for path in paths):
                return []
            items.append(item)
        return items

    def _read(self, look: Look, rating_key: int) -> PlexItem | None:
        try:
            return read_item(self.client, rating_key)
        except ItemGone:
            look.gone.append(rating_key)
            return None

    def _look_up(self, look: Look, paths: tuple[str, ...]) -> list[PlexItem]:
        """Ask Plex for every file in every library that may hold it."""
        found: dict[int, None] = {}
        for path in dict.fromkeys(paths):
            for rating_key in self.libraries.items_holding(path):
                found[rating_key] = None
        items = [item for key in found if (item := self._read(look, key)) is not None]
        items = [item for item in items if any(item.holds(path) for path in paths)]
        if not items:
            raise NotInPlexYet(self._why_missing(look.scene, paths))
        return items

    def _why_missing(self, scene: Scene, paths: tuple[str, ...]) -> str:
        path = paths[0]
        if not self.libraries.reach(path):
            return (
                f"Scene {scene.id}: {path} lies in no folder of the Plex libraries "
                f"{self.libraries.describe()}. If Plex names the folder differently, say so in the "
                "setting path_map; if this scene is not meant for Plex, nothing needs to be done."
            )
        return (
            f"Scene {scene.id}: Plex has no item for {path} yet. "
            "PlexSync looks again by itself once Plex has scanned it."
        )

    def _bring_in_step(self, look: Look, item: PlexItem, paths: tuple[str, ...]) -> None:
        owner = self._owner(item, look.scene, paths)
        if owner != look.scene.id:
            look.notes.append(f"shares an item with scene {owner}")
            return
        look.items.append(item.rating_key)
        try:
            self._write(look, item)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            look.fault = look.fault or fault

    def _owner(self, item: PlexItem, scene: Scene, paths: tuple[str, ...]) -> int:
        """Give the scene an item belongs to: that of its first file; so titles never flip."""
        own = {path_key(path) for path in paths}
        for file in item.all_files:
            if path_key(file) in own:
                return scene.id
            candidates = self.config.path_map.to_stash(file)
            owners = {one for path in candidates for one in self._scenes_with_path(path)}
            if owners:
                return min(owners)
        return scene.id

    def _write(self, look: Look, item: PlexItem) -> None:
        server = self.client.machine_identifier
        entry = ledger.entry(self.store.connection, server, item.rating_key)
        merged = self.merged(look.scene, item, entry)
        look.notes += merged.notes
        after = LedgerEntry(
            server, item.rating_key, look.scene.id, item.section, merged.base.to_json(), ""
        )
        if merged.edit:
            if not self._dry:
                self._intend(after, entry, merged)
                edits.write(self.client, merged.edit)
            look.written.append(Written(item.rating_key, merged.changes))
        if entry != after:
            look.acknowledged.append(after)

    def merged(self, scene: Scene, item: PlexItem, entry: LedgerEntry | None) -> Merge:
        """Merge a scene into an item whose ledger entry is given."""
        return merge(
            desired(scene, self.config, item.type),
            item,
            Base.from_json(entry.base) if entry and entry.base else None,
            Pending.from_json(entry.pending if entry else ""),
            overwrite=self.config.overwrite_plex_edits,
        )

    def _intend(self, after: LedgerEntry, entry: LedgerEntry | None, merged: Merge) -> None:
        """Commit what is about to be written: whatever dies next, it stays known as ours."""
        base = entry.base if entry else ""
        with self.store.transaction() as connection:
            ledger.intend(
                connection,
                after._replace(base=base, pending=merged.pending.to_json()),
                now=self._clock(),
            )
