"""Takes into Stash what it shall get from Plex: one field of one scene a mutation.

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
from stash.answer import read_whole, senseless
from stash.exceptions import StashMutationRefused
from stash.mutations import mutate
from sync import performers
from sync.plan import Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from merge.three_way import Merge
    from stash.client import StashClient
    from stash.scene import Scene
    from store.differences import Difference
    from sync.context import Context
    from sync.plan import ItemPlan, ScenePlan

#: What each text that can be taken is called in Stash. A studio and a tag are things that
#: scenes share, and what Plex calls them is also a matter of the settings.
FIELDS = {
    "title": "title",
    "summary": "details",
    "date": "date",
    "rating": "rating100",
    "director": "director",
}
#: The list that can be taken, where Stash knows everybody (sync/performers.py).
PERFORMERS = "performers"
#: Why a title cannot be taken: in Plex it is more than the scene's.
MADE_BY_TEMPLATE = (
    "PlexSync makes titles in Plex by Title Template, so this one is no title for Stash. Edit "
    "the scene in Stash, or choose another answer."
)
#: How the history calls what came from Plex of itself.
FROM_PLEX = {"rating": "rated in Plex"}
_RATING = "query Rating($id: ID!) { findScene(id: $id) { id rating100 } }"
_UPDATE = "mutation TakeIntoScene($input: SceneUpdateInput!) { sceneUpdate(input: $input) { id } }"


def into_stash(context: Context, plan: ScenePlan) -> None:
    """Take what was answered; faults end up in ``plan.fault``, refusals in ``plan.refused``.

    Doing it again after a crash is harmless: Stash has the value then, so nothing differs.
    The scene's next look finds it so, and ends the row.
    """
    for item in plan.planned:
        for one in item.takes:
            if plan.fault is not None or one.field not in (*FIELDS, PERFORMERS):
                continue
            if one.field == "title" and context.settings.title_template.parts:
                plan.refused[one.number] = MADE_BY_TEMPLATE
                plan.notes.append(f"{one.field}: {MADE_BY_TEMPLATE}")
                continue
            try:
                if one.field == PERFORMERS:
                    if why := _take_performers(context, plan.scene, item):
                        plan.refused[one.number] = why
                        plan.notes.append(f"{one.field}: {why}")
                        continue
                else:
                    _take(context, plan.scene.id, one)
            except StashMutationRefused as refusal:
                plan.refused[one.number] = refusal.message
                plan.notes.append(f"{one.field}: {refusal.message}")
            except SyncError as fault:
                plan.fault = fault
            else:
                plan.taken.append(one.field)


def bring(context: Context, plan: ScenePlan) -> None:
    """Give Stash what goes both ways and changed in Plex alone; faults end up as above.

    Where several items of a scene have something to give, the first one does: the others get
    it in turn. A value that somebody changed in Stash since it was read is left.
    """
    done: set[str] = set()
    for item in plan.planned:
        for field, (theirs, ours) in item.merged.takes.items():
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
                item.is_in_doubt = True
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
    return {FROM_PLEX[name]: (ours, theirs) for name, (theirs, ours) in merged.takes.items()}


def rating_in_stash(context: Context, scene: int) -> int:
    """Give the rating that Stash has at this moment, 0 for none, -1 where the scene is gone.

    Raises:
        errors.SyncError: Stash could not be asked.
    """

    def ask(client: StashClient) -> int:
        found = client.query(_RATING, {"id": str(scene)}).get("findScene")
        if found is None:
            return -1
        if not isinstance(found, dict):
            raise senseless(f"scene {scene}", "is not an object")
        return read_whole(found.get("rating100"), f"scene {scene}'s rating100") or 0

    return context.stash.ask(ask)


def _take(context: Context, scene: int, one: Difference) -> None:
    put_into_stash(context, scene, one.field, one.theirs)


def _take_performers(context: Context, scene: Scene, item: ItemPlan) -> str:
    """Give a scene the performers that an item has; "" or why not, errors as below."""
    edit = item.merged.edit.lists.get(PERFORMERS)
    members = edit.members if edit else item.item.lists[PERFORMERS]
    ids, why = performers.find(context, scene, (member.name for member in members))
    if not why:
        _update(context, {"id": str(scene.id), "performer_ids": [str(one) for one in ids]})
    return why


def put_into_stash(context: Context, scene: int, field: str, value: str) -> None:
    """Give a scene in Stash a value as Plex has it.

    Raises:
        StashMutationRefused: Stash said no, and why.
        errors.SyncError: Stash could not be asked; it may have made the change.
    """
    _update(context, {"id": str(scene), FIELDS[field]: in_stash(field, value)})


def _update(context: Context, given: Mapping[str, object]) -> None:
    def ask(client: StashClient) -> None:
        mutate(client, _UPDATE, {"input": given})

    context.stash.ask(ask)


def in_stash(field: str, theirs: str) -> Any:
    """Give a value of Plex as Stash's mutation wants it: text, or 1 to 100 for a rating."""
    if field == "rating":
        return rating100(theirs) or None
    if field == "date":
        return theirs or None
    return theirs
