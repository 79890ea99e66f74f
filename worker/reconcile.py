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
from plex.libraries import Libraries
from store import ledger
from store.ledger import LedgerEntry, SceneRecord
from validation.path_map import path_key
from worker.base import Base, Pending
from worker.desired import desired
from worker.merge import Merge, merge
from worker.resolve import Resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from plex.client import PlexClient
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.store import Store
    from validation.config import PlexSyncConfig
    from worker.resolve import Found, PathLookup


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
        self._resolver = Resolver(store, client, config, self.libraries, clock=clock, dry=dry)
        self._scenes_with_path = scenes_with_path
        self._clock = clock
        self._dry = dry

    @property
    def index(self) -> PathLookup | None:
        """What is asked for items before Plex is; None for nothing."""
        return self._resolver.index

    @index.setter
    def index(self, index: PathLookup | None) -> None:
        """Ask this before Plex from now on."""
        self._resolver.index = index

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
        before = ledger.scene_record(self.store.connection, scene.id)
        found = self._resolver.find(scene, before, known or {})
        look = Look(scene, self._record(scene, found), gone=found.gone, fault=found.fault)
        for item in found.items:
            if not self._bring_in_step(look, item, found.paths):
                break
        if look.fault:
            # The item that failed may be unknown to the ledger: look it up again.
            look.record = look.record._replace(resolved_at=0.0)
        look.record = look.record._replace(outcome=look.outcome, note="; ".join(look.notes))
        return look

    def _record(self, scene: Scene, found: Found) -> SceneRecord:
        now = self._clock()
        return SceneRecord(
            id=scene.id,
            updated_at=scene.updated_at,
            fingerprint="",
            paths=json.dumps(sorted({file.path for file in scene.files})),
            places=found.places,
            resolved_at=found.resolved_at,
            outcome="",
            note="",
            looked_at=now,
            detailed_at=now,
        )

    def _bring_in_step(self, look: Look, item: PlexItem, paths: tuple[str, ...]) -> bool:
        """Look at one item; say whether the next one can be tried."""
        server = self.client.machine_identifier
        entry = ledger.entry(self.store.connection, server, item.rating_key)
        try:
            owner = self._owner(item, look.scene, paths, entry)
            if owner != look.scene.id:
                look.notes.append(f"shares an item with scene {owner}")
                return True
            self._write(look, item, entry)
            look.items.append(item.rating_key)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                look.fault = fault
                return False
            look.fault = look.fault or fault
        return True

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

    def _write(self, look: Look, item: PlexItem, entry: LedgerEntry | None) -> None:
        server = self.client.machine_identifier
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
