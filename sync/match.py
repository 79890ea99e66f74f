"""The stages that decide: which items hold a scene's files, and what they shall get."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.identity import entry_of, identity_of
from matching.owner import owner_of
from merge.base import Base, Pending
from merge.desired import desired
from merge.three_way import merge
from store.ledger import LedgerEntry
from sync import artwork, read
from sync.plan import ItemPlan, ScenePlan, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plex.item import PlexItem
    from stash.scene import Scene
    from sync.batch import Batch
    from sync.context import Context


def find_items(context: Context, batch: Batch) -> Iterator[bool]:
    """Find the items of each scene that is synced."""
    for number in batch.ids:
        scene = batch.scenes.get(number)
        if scene is None or number in batch.left_out:
            continue
        yield False
        _begin(context, batch, scene)
        batch.plans.append(_find(context, batch, scene))


def merge_items(context: Context, batch: Batch) -> Iterator[bool]:
    """Merge each scene into those of its items that belong to it."""
    for plan in batch.plans:
        if not plan.found:
            continue
        yield False
        _begin(context, batch, plan.scene)
        for item in plan.found:
            _merge(context, plan, item)


def _begin(context: Context, batch: Batch, scene: Scene) -> None:
    read.check(context, batch)
    batch.current = scene
    context.keep_private(scene)


def _find(context: Context, batch: Batch, scene: Scene) -> ScenePlan:
    record = record_of(scene, context.fingerprint, batch.asked_at)
    try:
        found = context.plex.resolver.find(scene, batch.records.get(scene.id), batch.items)
    except SyncError as fault:
        if fault.scope is Scope.SERVER:
            raise
        return ScenePlan(scene, record, fault=fault)
    return ScenePlan(
        scene,
        record._replace(places=found.places, resolved_at=found.resolved_at),
        held=found.held,
        found=found.items,
        gone=found.gone,
        untied=found.untied,
        missing=found.missing,
        fault=found.missing.fault() if found.missing else found.fault,
    )


def _merge(context: Context, plan: ScenePlan, item: PlexItem) -> None:
    server = context.client().machine_identifier
    before = entry_of(context.store.connection, server, item)
    try:
        owner = owner_of(item, plan.scene, plan.held, before, context.scenes_at)
    except SyncError as fault:
        plan.fault = plan.fault or fault
        return
    if owner != plan.scene.id:
        plan.notes.append(f"shares an item with scene {owner}")
        return
    config = context.plex.config
    merged = merge(
        desired(plan.scene, config, item.type),
        item,
        Base.from_json(before.base) if before and before.base else None,
        Pending.from_json(before.pending if before else ""),
        overwrite=config.overwrite_plex_edits,
        same_scene=before is None or before.scene == plan.scene.id,
        adopt=context.plex.adopts,
    )
    plan.notes += merged.notes
    due = artwork.due(merged.base, item, config, artwork.version_of(plan.scene))
    if locks := {kind.lock for kind in due} - item.locked:
        merged = replace(merged, pending=merged.pending.adding({}, {}, locks))
    after = LedgerEntry(
        server,
        item.rating_key,
        plan.scene.id,
        item.section,
        merged.base.to_json(),
        "",
        identity_of(item),
    )
    plan.planned.append(ItemPlan(merged, before, after, item, due))
