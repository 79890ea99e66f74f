"""One change for many items: a renamed studio is one request for a hundred of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import Scope, SyncError
from plex.edits import MOST_ALIKE, likeness, write_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plex.client import PlexClient
    from plex.edits import Edit
    from sync.plan import ScenePlan


def write_together(
    client: PlexClient, looks: Iterable[ScenePlan], may_write: Callable[[ScenePlan], bool]
) -> None:
    """Write what several looks have planned alike; each such look is marked as written.

    What fails here is left to be written look by look, where its fault is seen.

    Args:
        client: Plex.
        looks: Planned, and their intents committed.
        may_write: Asked right before each request about every look in it.
    """
    for group in _groups(looks):
        for start in range(0, len(group), MOST_ALIKE):
            chunk = [look for look in group[start : start + MOST_ALIKE] if may_write(look)]
            if len(chunk) > 1 and not _write(client, chunk):
                return


def _groups(looks: Iterable[ScenePlan]) -> list[list[ScenePlan]]:
    """Give the looks whose edits can travel together, in groups of two or more."""
    groups: dict[object, list[ScenePlan]] = {}
    for look in looks:
        edits = [planned.merged.edit for planned in look.planned if planned.merged.edit]
        if len(edits) != 1:
            continue
        edit = edits[0]
        # Most titles are the only ones of their kind: their requests need not be built for that.
        key = (edit.section, edit.type, *edit.values.items(), *edit.lists.items())
        groups.setdefault((key, edit.lock, edit.unlock), []).append(look)
    return [
        group
        for key, group in groups.items()
        if len(group) > 1 and likeness(_only_edit(group[0])) is not None
    ]


def _only_edit(look: ScenePlan) -> Edit:
    return next(one.merged.edit for one in look.planned if one.merged.edit)


def _write(client: PlexClient, looks: list[ScenePlan]) -> bool:
    """Write a chunk; say whether there is any sense in writing the next one."""
    edits = [one.merged.edit for look in looks for one in look.planned if one.merged.edit]
    for look in looks:
        look.is_sent = True
    try:
        write_alike(client, edits)
    except SyncError as fault:
        return fault.scope is not Scope.SERVER
    for look in looks:
        look.is_written = True
    return True
