"""Takes into Stash what a person chose to have from Plex: one field of one scene a mutation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from errors import SyncError
from stash.exceptions import StashMutationRefused
from stash.mutations import mutate

if TYPE_CHECKING:
    from stash.client import StashClient
    from store.differences import Difference
    from sync.context import Context
    from sync.plan import ScenePlan

#: What each field that can be taken is called in Stash. The others have no text of their
#: own there: a studio, a performer and a tag are things that scenes share.
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
_UPDATE = "mutation TakeIntoScene($input: SceneUpdateInput!) { sceneUpdate(input: $input) { id } }"


def into_stash(context: Context, plan: ScenePlan) -> None:
    """Take what was answered; faults end up in ``plan.fault``, refusals in ``plan.refused``.

    Doing it again after a crash is harmless: Stash has the value then, so nothing differs.
    The scene's next look finds it so, and ends the row.
    """
    for item in plan.planned:
        for one in item.takes:
            if plan.fault is not None or one.field not in FIELDS:
                continue
            if one.field == "title" and context.settings.title_template.parts:
                plan.refused[one.number] = MADE_BY_TEMPLATE
                plan.notes.append(f"{one.field}: {MADE_BY_TEMPLATE}")
                continue
            try:
                _take(context, plan.scene.id, one)
            except StashMutationRefused as refusal:
                plan.refused[one.number] = refusal.message
                plan.notes.append(f"{one.field}: {refusal.message}")
            except SyncError as fault:
                plan.fault = fault
            else:
                plan.taken.append(one.field)


def _take(context: Context, scene: int, one: Difference) -> None:
    given = {"id": str(scene), FIELDS[one.field]: in_stash(one.field, one.theirs)}

    def ask(client: StashClient) -> None:
        mutate(client, _UPDATE, {"input": given})

    context.stash.ask(ask)


def in_stash(field: str, theirs: str) -> Any:
    """Give a value of Plex as Stash's mutation wants it: text, or 1 to 100 for a rating."""
    if field == "rating":
        return round(float(theirs) * 10) if theirs else None
    if field == "date":
        return theirs or None
    return theirs
