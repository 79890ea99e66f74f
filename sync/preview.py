"""The stage that a preview has in place of writing: what would change is said, nothing is sent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from merge.effects import KEPT, PICTURES, PLAYED, TAKEN, Effect, effects_of
from store import differences, planned
from store.differences import KEEP, TAKE
from store.planned import Planned
from sync import artwork, plays
from sync.cover import Cover
from sync.cover_from_plex import POSTER
from sync.plan import Written
from sync.take import from_plex
from validation.media_path import base_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stash.scene import Scene
    from store.differences import Difference
    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Step
    from sync.plan import ItemPlan, ScenePlan


def foresee(context: Context, batch: Batch) -> Iterator[Step]:
    """Fill in what writing would change, as it would be recorded; one cover is held at a time."""
    for plan in batch.plans:
        cover = Cover(plan.scene, context.stash.cover, context.clock(), plan.hung)
        for item in plan.planned:
            key = item.after.rating_key
            plan.items.append(key)
            if item.merged.edit:
                plan.written.append(Written(key, item.merged.changes))
            if item.merged.to_stash:
                plan.written.append(Written(key, from_plex(item.merged)))
            _foresee(context, plan, item, cover)
        yield False


def _foresee(context: Context, plan: ScenePlan, item: ItemPlan, cover: Cover) -> None:
    """Fill in what would happen to one item."""
    key, merged = item.after.rating_key, item.merged
    effects = effects_of(merged.edit, merged.kinds, item.item)
    base = merged.base
    if item.pictures:
        hung = context.plex.artwork.hang_planned(item, cover, dry_run=True)
        base = hung.base
        plan.add_pictures(key, hung.changes, hung.notes, hung.fault)
        effects += [Effect(PICTURES, kind, *change) for kind, change in hung.changes.items()]
    effects += [_taken(one) for one in item.chosen]
    effects += [
        Effect(TAKEN, name, ours, theirs) for name, (theirs, ours) in merged.to_stash.items()
    ]
    kept = artwork.kept(merged, base, context.settings)
    if kept:
        known = differences.of_item(context.store.connection, context.server, key)
        # What a person settled is no news, and what was answered otherwise is said above.
        effects += [
            Effect(KEPT, field, *pair)
            for field, pair in kept.items()
            if not _is_answered(known.get(field), pair)
        ]
    plan.effects += [(key, effect) for effect in effects]


def _taken(one: Difference) -> Effect:
    """Give what Stash is about to get; a picture's values are no words (artwork.kept)."""
    if one.field == POSTER:
        return Effect(TAKEN, POSTER, "the scene's cover", "the poster that a person chose in Plex")
    return Effect(TAKEN, one.field, one.ours, one.theirs)


def _is_answered(one: Difference | None, pair: tuple[str, str]) -> bool:
    return one is not None and one.pair == pair and one.answer in (KEEP, TAKE)


class Outlook:
    """Collects what a sync would do: all of it counted, and examples of each kind and field.

    Attributes:
        sizes: Each effect (merge/effects.py) with its fields, and how often.
        examples: Scene by scene, ``planned.EXAMPLES`` of each at most.
    """

    def __init__(self) -> None:
        self.sizes: dict[str, Counter[str]] = {}
        self.examples: list[Planned] = []
        self._kept: Counter[tuple[str, str]] = Counter()

    @property
    def cut(self) -> list[str]:
        """Effects of which there are more than the examples of some field."""
        return sorted({kind for (kind, _), count in self._kept.items() if count > planned.EXAMPLES})

    def add(self, plan: ScenePlan) -> None:
        """Take what would happen to the items of one scene."""
        for key, one in plan.effects:
            self._add(plan.scene, key, one)

    def add_plays(self, scene: Scene, rating_key: int, times: Sequence[int]) -> str:
        """Take the plays that a scene lacks, by their Unix seconds; give them in words."""
        words = plays.in_words(times)
        self._add(scene, rating_key, Effect(PLAYED, plays.FIELD, "", words, len(times)))
        return f"{plays.FIELD} {words}"

    def _add(self, scene: Scene, key: int, one: Effect) -> None:
        self.sizes.setdefault(one.kind, Counter())[one.field] += one.size
        self._kept[one.kind, one.field] += 1
        if self._kept[one.kind, one.field] <= planned.EXAMPLES:
            about = (one.kind, one.field, scene.id, key, name_of(scene), one.before, one.after)
            self.examples.append(Planned(0, *about))


def name_of(scene: Scene) -> str:
    """Give a scene's title, or its file's name, as Stash shows it."""
    return scene.title or (base_name(scene.files[0].path) if scene.files else "")
