"""One change for many items: a renamed studio is one request for a hundred of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults import Scope, SyncError
from plex.edits import MOST_ALIKE, likeness, write_alike

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plex.client import PlexClient
    from worker.look import Look


def write_together(
    client: PlexClient, looks: Iterable[Look], may_write: Callable[[Look], bool]
) -> None:
    """Write what several looks have planned alike; each such look is marked as written.

    What fails here is left to be written look by look, where its fault is seen.

    Args:
        client: Plex.
        looks: Planned, and their intents committed.
        may_write: Asked right before each request about every look in it.
    """
    groups: dict[object, list[Look]] = {}
    for look in looks:
        edits = [planned.merged.edit for planned in look.planned if planned.merged.edit]
        kind = likeness(edits[0]) if len(edits) == 1 else None
        if kind is not None:
            groups.setdefault(kind, []).append(look)
    for group in groups.values():
        for start in range(0, len(group) if len(group) > 1 else 0, MOST_ALIKE):
            chunk = [look for look in group[start : start + MOST_ALIKE] if may_write(look)]
            if len(chunk) > 1 and not _write(client, chunk):
                return


def _write(client: PlexClient, looks: list[Look]) -> bool:
    """Write a chunk; say whether there is any sense in writing the next one."""
    edits = [one.merged.edit for look in looks for one in look.planned if one.merged.edit]
    try:
        write_alike(client, edits)
    except SyncError as fault:
        return fault.scope is not Scope.SERVER
    for look in looks:
        look.is_written = True
    return True
