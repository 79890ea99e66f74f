"""When a scene was played: read, and added to where a play is missing.

Stash keeps plays beside the scene. Adding one moves no updated_at and fires no hook, so
nothing comes back from here as an edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answer import read_each, read_text, senseless
from .changes import instant, text
from .exceptions import StashQueryRefused
from .mutations import mutate, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .client import StashClient

_PLAYS = "query Plays($id: ID!) { findScene(id: $id) { id play_history } }"
_ADD = """
mutation AddPlays($id: ID!, $times: [Timestamp!]) {
  sceneAddPlay(id: $id, times: $times) { count }
}
"""


_DELETE = """
mutation DeletePlays($id: ID!, $times: [Timestamp!]) {
  sceneDeletePlay(id: $id, times: $times) { count }
}
"""


def play_times(client: StashClient, scene: int) -> set[int] | None:
    """Give the seconds at which a scene was played; None when Stash has no such scene.

    Raises:
        StashMutationUnknown: This Stash keeps no such history.
        errors.SyncError: Stash could not be asked.
    """
    try:
        found = client.query(_PLAYS, {"id": str(scene)}).get("findScene")
    except StashQueryRefused as refusal:
        fault = unknown("play_history", refusal)
    else:
        if found is None:
            return None
        if not isinstance(found, dict):
            raise senseless(f"scene {scene}", "is not an object")
        times = read_each(found.get("play_history"), f"the plays of scene {scene}", read_text)
        return {int(instant(one)) for one in times}
    raise fault


def add_plays(client: StashClient, scene: int, times: Iterable[int]) -> list[int]:
    """Make sure that a scene was played at some times; give those that were missing.

    What stands in Stash is read first: doing this again, whoever did it before, adds nothing.

    Args:
        client: Stash.
        scene: The scene's id.
        times: Unix seconds.

    Raises:
        StashMutationUnknown: This Stash cannot do that.
        StashMutationRefused: Stash said no, and why.
        errors.SyncError: Stash could not be asked; it may have added them.
    """
    known = play_times(client, scene)
    missing = sorted(set(times) - (known or set()))
    if missing:
        mutate(client, _ADD, {"id": str(scene), "times": [text(at, 0.0) for at in missing]})
    return missing


def delete_plays(client: StashClient, scene: int, times: Iterable[int]) -> None:
    """Take plays out that a scene has at some times; others stay. Errors as ``add_plays``."""
    known = play_times(client, scene)
    there = sorted(set(times) & (known or set()))
    if there:
        mutate(client, _DELETE, {"id": str(scene), "times": [text(at, 0.0) for at in there]})
