"""The stage that a preview has in place of writing: what would change is said, nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sync.cover import Cover
from sync.plan import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sync.batch import Batch
    from sync.context import Context


def foresee(context: Context, batch: Batch) -> Iterator[bool]:
    """Fill in what writing would change, as it would be recorded; one cover is held at a time."""
    for plan in batch.plans:
        cover = Cover(plan.scene, context.stash.cover, context.clock(), plan.hung)
        for item in plan.planned:
            key = item.after.rating_key
            plan.items.append(key)
            if item.merged.edit:
                plan.written.append(Written(key, item.merged.changes))
            if item.pictures:
                hung = context.plex.artwork.preview(
                    cover, item.item, item.merged.base, item.pictures
                )
                plan.add_pictures(key, hung.changes, hung.notes, hung.fault)
        yield False
