"""One scene: find its items, read them, merge, write. What was written is remembered.

Knows no queue and decides nothing about retries: a fault of one item is handed
back beside what succeeded, a fault of the server ends the look at once.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from faults import Scope, SyncError
from plex import edits
from plex.libraries import Libraries
from store import ledger
from store.ledger import LedgerEntry, SceneRecord
from validation.path_map import path_key
from worker.base import Base, Pending
from worker.desired import desired
from worker.look import Look, Planned, Written
from worker.merge import merge
from worker.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from plex.client import PlexClient
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.store import Store
    from validation.config import PlexSyncConfig
    from worker.resolve import Found, PathLookup


class Reconciler:
    """Makes Plex agree with Stash, scene by scene, on one server with one configuration.

    Args:
        store: Where the ledger is.
        client: Plex.
        config: The settings.
        scenes_with_path: Gives the ids of the scenes that hold a Stash path;
            asked only about items that hold files of several scenes.
        fingerprint: That of the settings, kept with what was done under them.
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
        fingerprint: str = "",
        clock: Callable[[], float] = time.time,
        dry: bool = False,
    ) -> None:
        self.store = store
        self.client = client
        self.config = config
        self.libraries = Libraries(client, config.plex_libraries, clock=time.monotonic)
        self._resolver = Resolver(store, client, config, self.libraries, clock=clock, dry=dry)
        self._scenes_with_path = scenes_with_path
        self._clock = clock
        self._fingerprint = fingerprint
        self._dry = dry

    @property
    def index(self) -> PathLookup | None:
        """What is asked for items before Plex is; None for nothing."""
        return self._resolver.index

    @index.setter
    def index(self, index: PathLookup | None) -> None:
        """Ask this before Plex from now on."""
        self._resolver.index = index

    def remembered(self, scene_id: int) -> list[int]:
        """Give the rating keys that the ledger remembers for a scene."""
        server = self.client.machine_identifier
        entries = ledger.entries_of(self.store.connection, server, scene_id)
        return [entry.rating_key for entry in entries]

    def indexed(self, scene: Scene) -> list[int]:
        """Give the rating keys that the index has for a scene's files, none without one."""
        if self.index is None:
            return []
        paths = [self.config.path_map.to_plex(file.path) for file in scene.files]
        return [key for path in paths for key in self.index.items_holding(path) or ()]

    def look(self, scene: Scene, known: Mapping[int, PlexItem] | None = None) -> Look:
        """Bring every item that holds one of the scene's files in step.

        Args:
            scene: The scene as Stash has it now.
            known: Items by rating key that were read a moment ago; they are not
                read again. One that turns out not to be the scene's is no harm.

        Returns:
            What was done. Its ``fault`` is what stopped one of several items, or
            the server on the way; what succeeded before is in it all the same.

        Raises:
            NotInPlexYet: No item holds any of them so far.
            faults.SyncError: The lookup failed before anything was written.
        """
        look = self.plan(scene, known)
        self.intend(look.intents)
        self.carry_out(look)
        return look

    def plan(self, scene: Scene, known: Mapping[int, PlexItem] | None = None) -> Look:
        """Find the items and merge; nothing is written yet. Arguments and errors as ``look``."""
        before = ledger.scene_record(self.store.connection, scene.id)
        found = self._resolver.find(scene, before, known or {})
        look = Look(scene, self._record(scene, found), gone=found.gone, fault=found.fault)
        for item in found.items:
            server = self.client.machine_identifier
            entry = ledger.entry(self.store.connection, server, item.rating_key)
            try:
                owner = self._owner(item, scene, found.paths, entry)
            except SyncError as fault:
                look.fault = look.fault or fault
                continue
            if owner == scene.id:
                self._plan_item(look, item, entry)
            else:
                look.notes.append(f"shares an item with scene {owner}")
        return look

    def intend(self, intents: Sequence[LedgerEntry]) -> None:
        """Commit what is about to be written: whatever dies next, it stays known as ours."""
        if self._dry or not intents:
            return
        with self.store.transaction() as connection:
            for entry in intents:
                ledger.intend(connection, entry, now=self._clock())

    def carry_out(self, look: Look) -> None:
        """Write what was planned and intended, item by item; faults end up in ``look.fault``."""
        for planned in look.planned:
            try:
                if planned.merged.edit and not self._dry and not look.is_written:
                    edits.write(self.client, planned.merged.edit)
            except SyncError as fault:
                if fault.scope is Scope.SERVER:
                    look.fault = fault
                    break
                look.fault = look.fault or fault
                continue
            self._note_success(look, planned)
        if look.fault:
            # The item that failed may be unknown to the ledger: look it up again.
            look.record = look.record._replace(resolved_at=0.0)
        look.record = look.record._replace(outcome=look.outcome, note="; ".join(look.notes))

    def _note_success(self, look: Look, planned: Planned) -> None:
        look.items.append(planned.after.rating_key)
        if planned.merged.edit:
            look.written.append(Written(planned.after.rating_key, planned.merged.changes))
        if planned.before != planned.after:
            look.acknowledged.append(planned.after)

    def _record(self, scene: Scene, found: Found) -> SceneRecord:
        now = self._clock()
        return SceneRecord(
            id=scene.id,
            updated_at=scene.updated_at,
            fingerprint=self._fingerprint,
            paths=json.dumps(sorted({file.path for file in scene.files})),
            places=found.places,
            resolved_at=found.resolved_at,
            outcome="",
            note="",
            looked_at=now,
            detailed_at=now,
        )

    def _owner(
        self, item: PlexItem, scene: Scene, paths: tuple[str, ...], entry: LedgerEntry | None
    ) -> int:
        """Give the scene an item belongs to: that of its first file; so titles never flip.

        Stash is asked only where it matters: about files that are not this
        scene's, and about an item that so far was another scene's.
        """
        own = {path_key(path) for path in paths}
        contested = entry is not None and entry.scene not in (0, scene.id)
        for file in item.all_files:
            is_own = path_key(file) in own
            if is_own and not contested:
                return scene.id
            candidates = self.config.path_map.to_stash(file)
            owners = {one for path in candidates for one in self._scenes_with_path(path)}
            if is_own:
                owners.add(scene.id)
            if owners:
                return min(owners)
        return scene.id

    def _plan_item(self, look: Look, item: PlexItem, before: LedgerEntry | None) -> None:
        merged = merge(
            desired(look.scene, self.config, item.type),
            item,
            Base.from_json(before.base) if before and before.base else None,
            Pending.from_json(before.pending if before else ""),
            overwrite=self.config.overwrite_plex_edits,
        )
        look.notes += merged.notes
        base = merged.base.to_json()
        server = self.client.machine_identifier
        after = LedgerEntry(server, item.rating_key, look.scene.id, item.section, base, "")
        look.planned.append(Planned(merged, before, after))
