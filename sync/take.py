"""Takes into Stash what it shall get from Plex, by one mutation a scene.

What a person chose to have, or what goes both ways (merge/ratings.py). Stash's own hook then
marks the scene, and its look finds both sides as they are here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from errors import SyncError
from merge.compare import rating100
from merge.former import Former
from merge.ratings import taken_over
from plex import images
from stash.exceptions import StashMutationRefused
from stash.scene_update import rating_of, update_scene
from sync import cover_from_plex, things
from sync.plan import Written
from sync.things import NotToBeTaken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from merge.three_way import Merge
    from stash.scene import Scene
    from store.differences import Difference
    from sync.context import Context
    from sync.plan import ItemPlan, ScenePlan

#: What each text that can be taken is called in Stash. What is no text of a scene's own, but
#: a thing that scenes share, is taken by sync/things.py, and a cover by sync/cover_from_plex.py.
FIELDS = {
    "title": "title",
    "summary": "details",
    "date": "date",
    "rating": "rating100",
    "director": "director",
}
#: Why a title cannot be taken: in Plex it is more than the scene's.
MADE_BY_TEMPLATE = (
    "PlexSync makes titles in Plex by Title Template, so this one is no title for Stash. Edit "
    "the scene in Stash, or choose another answer."
)
#: How the history calls what came from Plex of itself.
FROM_PLEX = {"rating": "rated in Plex"}


def into_stash(context: Context, plan: ScenePlan) -> None:
    """Take what was answered; faults end up in ``plan.fault``, refusals in ``plan.refused``.

    All of a scene travels in one mutation; where that is refused, each field in one of its
    own, so that the others arrive and the right one is named. Doing it again after a crash is
    harmless: Stash has the value then, so nothing differs. The scene's next look finds it so,
    and ends the row.
    """
    asked: dict[str, tuple[ItemPlan, Difference]] = {}
    for item in plan.planned:
        for one in item.chosen:
            asked.setdefault(one.field, (item, one))  # of several items the first
    if plan.fault is not None or not asked:
        return
    chosen = list(asked.values())
    scene, why = _try(context, plan, plan.scene, chosen)
    if why and len(chosen) == 1:
        _refuse(plan, chosen[0][1], why)
    elif why:
        for pair in chosen:
            scene, why = _try(context, plan, scene, [pair])
            if why:
                _refuse(plan, pair[1], why)


def _try(
    context: Context, plan: ScenePlan, scene: Scene, chosen: Sequence[tuple[ItemPlan, Difference]]
) -> tuple[Scene, str]:
    """Give the scene as it is once some values were taken, or as it was and why not."""
    if plan.fault is not None:
        return scene, ""
    try:
        scene = _take(context, plan, scene, chosen)
    except StashMutationRefused as refusal:
        return scene, refusal.message
    except SyncError as fault:
        plan.fault = fault
    else:
        plan.taken += [one.field for _, one in chosen]
    return scene, ""


def _refuse(plan: ScenePlan, one: Difference, why: str) -> None:
    plan.refused[one.number] = why
    plan.notes.append(f"{one.field}: {why}")


def bring(context: Context, plan: ScenePlan) -> None:
    """Give Stash what goes both ways and changed in Plex alone; faults end up as above.

    Where several items of a scene have something to give, the first one does: the others get
    it in turn. A value that somebody changed in Stash since it was read is left.
    """
    done: set[str] = set()
    for item in plan.planned:
        for field, (theirs, ours) in item.merged.to_stash.items():
            if plan.fault is not None or field in done:
                continue
            done.add(field)
            try:
                if rating_in_stash(context, plan.scene.id) != rating100(ours):
                    continue  # its own hook marks it again
                put_into_stash(context, plan.scene.id, field, theirs)
            except StashMutationRefused as refusal:
                plan.notes.append(f"{field}: {refusal.message}")
            except SyncError as fault:
                plan.fault = fault
                item.is_stash_unsure = True
            else:
                base = taken_over(item.merged.base, theirs)
                item.merged = replace(item.merged, base=base)
                item.after = item.after._replace(base=base.to_json())
                former = Former(stash={field: (ours, theirs)})
                told = from_plex(item.merged)
                plan.written.append(Written(item.after.rating_key, told, former))
                if len(plan.found) > 1:
                    plan.taken.append(field)  # for the other items


def from_plex(merged: Merge) -> dict[str, tuple[str, str]]:
    """Give what comes from Plex of itself as the history shows it: (Stash's, Plex's)."""
    return {FROM_PLEX[name]: (ours, theirs) for name, (theirs, ours) in merged.to_stash.items()}


def rating_in_stash(context: Context, scene: int) -> int:
    """Give the rating that Stash has at this moment, 0 for none, -1 where the scene is gone.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    return context.stash.ask(lambda client: rating_of(client, scene))


def _take(
    context: Context, plan: ScenePlan, scene: Scene, chosen: Sequence[tuple[ItemPlan, Difference]]
) -> Scene:
    """Give a scene some values of Plex, by one mutation; give the scene as it is then.

    Raises:
        StashMutationRefused: Stash said no, or cannot have one of them; nothing was changed.
        errors.SyncError: Stash could not be asked; it may have made the change.
    """
    changes: dict[str, object] = {}
    sha1 = ""
    for item, one in chosen:
        if one.field == cover_from_plex.POSTER:
            image = cover_from_plex.picture_of(context, item.item)
            sha1, changes["cover_image"] = images.digest(image), cover_from_plex.as_cover(image)
            del image
        elif one.field in FIELDS:
            if one.field == "title" and context.settings.title_template.parts:
                raise NotToBeTaken(MADE_BY_TEMPLATE)
            changes[FIELDS[one.field]] = in_stash(one.field, one.theirs)
        else:
            scene, more = things.having(context, scene, item, one)
            changes |= more
    context.stash.ask(lambda client: update_scene(client, plan.scene.id, changes))
    for item, one in chosen:
        if one.field == cover_from_plex.POSTER:
            cover_from_plex.taken(plan, item, sha1)
    return scene


def put_into_stash(context: Context, scene: int, field: str, value: str) -> None:
    """Give a scene in Stash a value as Plex has it.

    Raises:
        StashMutationRefused: Stash said no, and why.
        errors.SyncError: Stash could not be asked; it may have made the change.
    """
    changes = {FIELDS[field]: in_stash(field, value)}
    context.stash.ask(lambda client: update_scene(client, scene, changes))


def in_stash(field: str, theirs: str) -> Any:
    """Give a value of Plex as Stash's mutation wants it: text, or 1 to 100 for a rating."""
    if field == "rating":
        return rating100(theirs) or None
    if field == "date":
        return theirs or None
    return theirs
