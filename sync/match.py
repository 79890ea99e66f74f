"""The stages that decide: which items hold a scene's files, and what they shall get."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.identity import entry_of, identity_of
from matching.owner import owner_of
from matching.resolve import aliases_of
from merge.base import Base, Pending
from merge.desired import Desired, desired, says_anything
from merge.ratings import RATING
from merge.three_way import merge
from plex.error_types import TooManyAlike
from store import differences, ledger
from store.differences import KEEP, TAKE, USE_STASH
from store.ledger import LedgerEntry
from sync import artwork, read
from sync.cover import version_of
from sync.plan import ItemPlan, ScenePlan, record_of, shares_with
from sync.scene_filter import why_not
from validation.media_path import path_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from matching.resolve import Found
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.differences import Difference
    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Step


def find_items(context: Context, batch: Batch) -> Iterator[Step]:
    """Find the items of each scene that is synced."""
    for number in batch.ids:
        scene = batch.scenes.get(number)
        if scene is None or number in batch.left_out:
            continue
        yield False
        _begin(context, batch, scene)
        batch.plans.append(_find(context, batch, scene))


def merge_items(context: Context, batch: Batch) -> Iterator[Step]:
    """Merge each scene into those of its items that belong to it."""
    if batch.before:
        batch.claims = {
            item.rating_key: plan.scene.id for plan in batch.before.plans for item in plan.found
        }
        batch.before = None  # nor the ones before it
    for plan in batch.plans:
        for item in plan.found:
            if batch.claims.setdefault(item.rating_key, plan.scene.id) != plan.scene.id:
                batch.contested.add(item.rating_key)
    for plan in batch.plans:
        if not plan.found:
            continue
        yield False
        _begin(context, batch, plan.scene)
        for item in plan.found:
            _merge(context, batch, plan, item)


def _begin(context: Context, batch: Batch, scene: Scene) -> None:
    read.check(context, batch)
    batch.current = scene
    context.keep_private(scene)


def _find(context: Context, batch: Batch, scene: Scene) -> ScenePlan:
    record = record_of(scene, context.fingerprint, batch.asked_at)
    try:
        found = _items_of(context, batch, scene)
    except SyncError as fault:
        if fault.scope is Scope.SERVER:
            raise
        return ScenePlan(scene, record, fault=fault)
    return ScenePlan(
        scene,
        record._replace(
            places=found.places,
            resolved_at=found.resolved_at,
            server=context.server,
        ),
        held=found.held,
        found=found.items,
        gone=found.gone,
        untied=found.untied,
        missing=found.missing,
        fault=found.missing.fault() if found.missing else found.fault,
    )


def _items_of(context: Context, batch: Batch, scene: Scene) -> Found:
    """Find a scene's items, by the index where its name is too common to be searched for."""
    resolver = context.plex.resolver
    record = batch.records.get(scene.id)
    resolver.index = batch.index
    try:
        return resolver.find(scene, record, batch.items)
    except TooManyAlike:
        if batch.index is not None:
            raise
    batch.index = resolver.index = context.plex.index.now()
    return resolver.find(scene, record, batch.items)


def _merge(context: Context, batch: Batch, plan: ScenePlan, item: PlexItem) -> None:
    """Plan what one of a scene's items shall get, if it belongs to that scene."""
    server = context.server
    before = entry_of(context.store.connection, server, item)
    config = context.settings
    wanted = desired(plan.scene, config, item.type, context.namesakes.keys)
    try:
        owner = _owner(context, batch, plan, item, before, wanted)
    except SyncError as fault:
        plan.fault = plan.fault or fault
        return
    if owner != plan.scene.id:
        plan.notes.append(shares_with(owner))
        if before is not None and before.scene == plan.scene.id:
            plan.ceded.add(owner)
        return
    base = Base.from_json(before.base) if before and before.base else None
    decide = partial(
        merge,
        wanted,
        item,
        base,
        Pending.from_json(before.pending if before else ""),
        overwrite=config.overwrite_plex_edits,
        same_scene=before is None or before.scene == plan.scene.id,
        adopt=context.plex.adopts,
        both_ways=rates_both_ways(context, item),
    )
    merged = decide()
    kept = artwork.kept(merged, merged.base, config)
    answered = _answered(context, server, item, kept)
    insist = frozenset(one.field for one in answered if one.answer == USE_STASH)
    chosen = tuple(one for one in answered if one.answer == TAKE)
    if insist:
        merged = decide(insist=insist)
        kept = artwork.kept(merged, merged.base, config)
    plan.notes += merged.notes
    merged = replace(merged, base=artwork.without_refused(merged.base, config))
    taken = {one.field for one in chosen}
    pictures = tuple(
        kind
        for kind in artwork.due(merged.base, item, config, version_of(plan.scene), insist)
        if kind.name not in taken  # Stash gets it from Plex
    )
    if locks := {kind.lock for kind in pictures} - item.locked:
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
    intent = after._replace(base=before.base if before else "", pending=merged.pending.to_json())
    plan.planned.append(
        ItemPlan(merged, before, intent, after, item, pictures, kept, insist, chosen)
    )


def _owner(
    context: Context,
    batch: Batch,
    plan: ScenePlan,
    item: PlexItem,
    before: LedgerEntry | None,
    wanted: Desired,
) -> int:
    """Give the scene that an item belongs to, where ``plan`` found it; asked only if in doubt.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    was_anothers = before is not None and before.scene not in (0, plan.scene.id)
    # What was written is to be cleared: another scene may have something to say.
    is_cleared = before is not None and not says_anything(wanted) and _is_any(before.base)
    return owner_of(
        item,
        plan.scene,
        plan.held,
        partial(_holders, context, batch, before),
        partial(_says, context, batch, item.type),
        is_contested=item.rating_key in batch.contested or was_anothers or is_cleared,
    )


def _holders(context: Context, batch: Batch, before: LedgerEntry | None, file: str) -> set[int]:
    """Give the scenes that hold a file by its path, or by what proved it to be one of theirs.

    Of those that no path tells only the scenes of the batch are known, and the item's own so far.
    """
    key, found = path_key(file), context.scenes_at(file)
    held: dict[int, Sequence[str]] = {plan.scene.id: plan.held for plan in batch.plans}
    former = before and ledger.scene_record(context.store.connection, before.scene)
    if former and former.id not in held:
        held[former.id] = aliases_of(former.places)
    return found | {number for number, names in held.items() if key in map(path_key, names)}


def _answered(
    context: Context, server: str, item: PlexItem, kept: Mapping[str, tuple[str, str]]
) -> list[Difference]:
    """Give what a person answered of an item; only to the very values that differ now."""
    if not kept:
        return []
    known = differences.of_item(context.store.connection, server, item.rating_key)
    return [
        one
        for field, one in known.items()
        if one.answer in (USE_STASH, TAKE) and kept.get(field) == one.pair
    ]


def rates_both_ways(context: Context, item: PlexItem) -> bool:
    """Say whether Stash may get an item's rating: not where a person settled that it stays."""
    if not context.settings.ratings_to_stash:
        return False
    known = differences.of_item(context.store.connection, context.server, item.rating_key)
    settled = known.get(RATING)
    return settled is None or settled.answer != KEEP or settled.theirs != item.values[RATING]


def _says(context: Context, batch: Batch, item_type: str, number: int) -> bool | None:
    """Say whether a scene has anything to say to an item; None of one that is left out.

    Raises:
        errors.SyncError: Stash could not be asked for a scene that nobody has read so far.
    """
    scene = batch.scenes.get(number)
    if scene is None:
        if number not in batch.rivals:
            found = context.stash.read_scenes([number]).values()
            completed = context.tags.completed(found, context.settings.tag_rules)
            batch.rivals[number] = completed.get(number)
        scene = batch.rivals[number]
    config = context.settings
    if scene is None or why_not(scene, config):
        return None
    return says_anything(desired(scene, config, item_type, context.namesakes.keys))


def _is_any(written: str) -> bool:
    base = Base.from_json(written)
    return says_anything(Desired(base.values, base.members))
