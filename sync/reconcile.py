"""One scene: find its items, read them, merge, write. What was written is remembered.

Knows no queue and decides nothing about retries: a fault of one item is handed
back beside what succeeded, a fault of the server ends the look at once.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.owner import owner_of
from matching.resolve import Resolver
from merge.base import Base, Pending
from merge.desired import desired
from merge.three_way import merge
from plex import edits
from plex.libraries import Libraries
from store import ledger
from store.ledger import LedgerEntry
from sync import intent
from sync.artwork import Pictures
from sync.cover import Cover
from sync.plan import ItemPlan, ScenePlan, Written, record_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from matching.resolve import PathLookup
    from plex.client import PlexClient
    from plex.images import Kind
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.ledger import SceneRecord
    from store.store import Store
    from validation.config import PlexSyncConfig


class Reconciler:
    """Makes Plex agree with Stash, scene by scene, on one server with one configuration.

    Args:
        store: Where the ledger is.
        client: Plex.
        config: The settings.
        scenes_with_path: Gives the ids of the scenes that hold a Stash path;
            asked only about items that hold files of several scenes.
        cover: Gives a scene's cover, None for none; without it no picture is touched.
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
        cover: Callable[[Scene], bytes | None] | None = None,
        fingerprint: str = "",
        clock: Callable[[], float] = time.time,
        dry: bool = False,
    ) -> None:
        self.store = store
        self.client = client
        self.config = config
        self.libraries = Libraries(client, config.plex_libraries, clock=time.monotonic)
        self._resolver = Resolver(store, client, config, self.libraries, clock=clock, dry=dry)
        self._pictures = Pictures(client, config, dry=dry)
        self._scenes_with_path = scenes_with_path
        self._fetch_cover = cover
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

    def remembered(self, scenes: Sequence[int]) -> dict[int, list[int]]:
        """Give the rating keys that the ledger remembers for scenes; no key for none."""
        server = self.client.machine_identifier
        return ledger.remembered(self.store.connection, server, scenes)

    def indexed(self, scene: Scene) -> list[int]:
        """Give the rating keys that the index has for a scene's files, none without one."""
        if self.index is None:
            return []
        paths = [self.config.path_map.to_plex(file.path) for file in scene.files]
        return [key for path in paths for key in self.index.items_holding(path) or ()]

    def look(
        self,
        scene: Scene,
        known: Mapping[int, PlexItem] | None = None,
        *,
        asked_at: float | None = None,
    ) -> ScenePlan:
        """Bring every item that holds one of the scene's files in step.

        Args:
            scene: The scene as Stash has it now.
            known: Items by rating key that were read a moment ago, not to be read again.
            asked_at: When Stash was asked for the scene, None for just now.

        Returns:
            What was done. Its ``fault`` is what stopped one of several items, or
            the server on the way; what succeeded before is in it all the same.

        Raises:
            NotInPlexYet: No item holds any of them so far.
            faults.SyncError: The lookup failed before anything was written.
        """
        record = ledger.scene_record(self.store.connection, scene.id)
        look = self.plan(scene, record, known, asked_at=asked_at)
        if not self._dry:
            intent.commit(self.store, [look], now=self._clock())
        self.carry_out(look)
        return look

    def plan(
        self,
        scene: Scene,
        record: SceneRecord | None,
        known: Mapping[int, PlexItem] | None = None,
        *,
        asked_at: float | None = None,
    ) -> ScenePlan:
        """Find the items and merge; nothing is written yet.

        Errors and other arguments as ``look``; ``record`` is what the last look found,
        ``asked_at`` when Stash was asked for the scene, None for just now.
        """
        asked_at = self._clock() if asked_at is None else asked_at
        found = self._resolver.find(scene, record, known or {})
        seen = record_of(
            scene, self._fingerprint, asked_at, found.places, resolved_at=found.resolved_at
        )
        look = ScenePlan(scene, seen, gone=found.gone, fault=found.fault)
        for item in found.items:
            server = self.client.machine_identifier
            entry = ledger.entry(self.store.connection, server, item.rating_key)
            try:
                owner = owner_of(item, scene, found.held, entry, self.scenes_at)
            except SyncError as fault:
                look.fault = look.fault or fault
                continue
            if owner == scene.id:
                self._plan_item(look, item, entry)
            else:
                look.notes.append(f"shares an item with scene {owner}")
        return look

    def carry_out(self, look: ScenePlan, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Write what was planned and intended; faults end up in ``look.fault``.

        First the texts of all items, then the pictures: one that fails is tried
        again with its scene and costs no item its text. ``meanwhile``: see ``edits.write``.
        """
        look.is_sent = True
        cover = Cover(look.scene, self._fetch_cover or (lambda _: None), self._clock())
        done = self._write_texts(look, cover, meanwhile)
        if look.fault:
            # The item that failed may be unknown to the ledger: look it up again.
            look.record = look.record._replace(resolved_at=0.0)
        for planned, locked in done:
            if planned.pictures:
                self._hang(look, planned, cover, locked)
            if planned.before != planned.after or planned.merged.pending:
                look.acknowledged.append(planned.after)
        look.record = look.record._replace(outcome=look.outcome, note="; ".join(look.notes))

    def _write_texts(
        self, look: ScenePlan, cover: Cover, meanwhile: Callable[[], object]
    ) -> list[tuple[ItemPlan, list[str]]]:
        """Write all texts; give what succeeded, each with the picture locks that went along."""
        done = []
        for planned in look.planned:
            locks: list[str] = []
            edit = planned.merged.edit
            if edit and not look.is_written:
                base, due = planned.merged.base, planned.pictures
                locks = self._pictures.locks(cover, planned.item, base, due)
                edit = replace(edit, lock=(*edit.lock, *locks)) if locks else edit
            try:
                if edit and not self._dry and not look.is_written:
                    edits.write(self.client, edit, meanwhile)
            except SyncError as fault:
                if fault.scope is Scope.SERVER:
                    look.fault = fault
                    break
                look.fault = look.fault or fault
                continue
            look.items.append(planned.after.rating_key)
            if edit:
                look.written.append(Written(planned.after.rating_key, planned.merged.changes))
            done.append((planned, locks))
        return done

    def _hang(self, look: ScenePlan, planned: ItemPlan, cover: Cover, locked: list[str]) -> None:
        """Hang the pictures of one item, or leave them open when the server is gone."""
        base, due = planned.merged.base, planned.pictures
        if look.fault and look.fault.scope is Scope.SERVER:
            hung = self._pictures.leave_open(base, due, locked)
        else:
            hung = self._pictures.hang(cover, planned.item, base, due, locked)
        planned.after = planned.after._replace(base=hung.base.to_json())
        look.notes += hung.notes
        look.fault = look.fault or hung.fault
        if hung.changes:
            key = planned.after.rating_key
            told = next((one for one in look.written if one.rating_key == key), None)
            if told is None:
                look.written.append(Written(key, hung.changes))
            else:
                told.changes = {**told.changes, **hung.changes}

    def _plan_item(self, look: ScenePlan, item: PlexItem, before: LedgerEntry | None) -> None:
        merged = merge(
            desired(look.scene, self.config, item.type),
            item,
            Base.from_json(before.base) if before and before.base else None,
            Pending.from_json(before.pending if before else ""),
            overwrite=self.config.overwrite_plex_edits,
        )
        look.notes += merged.notes
        due: tuple[Kind, ...] = ()
        if self._fetch_cover is not None:
            due = self._pictures.due(look.scene, item, merged.base)
            if locks := {kind.lock for kind in due} - item.locked:
                merged = replace(merged, pending=merged.pending.adding({}, {}, locks))
        base = merged.base.to_json()
        server = self.client.machine_identifier
        after = LedgerEntry(server, item.rating_key, look.scene.id, item.section, base, "")
        look.planned.append(ItemPlan(merged, before, after, item, due))

    def scenes_at(self, file: str) -> set[int]:
        """Give the scenes that hold a file as Plex names it."""
        paths = self.config.path_map.to_stash(file)
        return {scene for path in paths for scene in self._scenes_with_path(path)}
