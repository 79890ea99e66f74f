"""When a scene was played and where it was stopped: read, and brought to what it shall be.

Stash keeps both beside the scene. Adding a play or setting a resume time moves no updated_at
and fires no hook (watched on Stash 0.30.1), so nothing comes back from here as an edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answer import read_each, read_text, senseless
from .changes import instant, text
from .exceptions import StashQueryRefused
from .mutations import mutate, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
# Nothing is said of playDuration, which Stash would add: Plex tells of none.
_SAVE = """
mutation SaveResumeTime($id: ID!, $at: Float) { sceneSaveActivity(id: $id, resume_time: $at) }
"""


def play_times(client: StashClient, scene: int) -> set[int] | None:
    """Give the seconds at which a scene was played; None when Stash has no such scene.

    Raises ``StashMutationUnknown`` if this Stash keeps no such history.
    """
    found = _ask(client, "play_history", _PLAYS, {"id": str(scene)}).get("findScene")
    if found is None:
        return None
    if not isinstance(found, dict):
        raise senseless(f"scene {scene}", "is not an object")
    times = read_each(found.get("play_history"), f"the plays of scene {scene}", read_text)
    return {int(instant(one)) for one in times}


def add_plays(client: StashClient, scene: int, times: Iterable[int]) -> list[int]:
    """Make sure that a scene was played at some times, Unix seconds; give those that were missing.

    What stands in Stash is read first: doing this again, whoever did it before, adds nothing.
    Errors as ``mutate``.
    """
    known = play_times(client, scene)
    missing = sorted(set(times) - (known or set()))
    if missing:
        mutate(client, _ADD, {"id": str(scene), "times": [text(at, 0.0) for at in missing]})
    return missing


def delete_plays(client: StashClient, scene: int, times: Iterable[int]) -> bool:
    """Take plays out that a scene has at some times; others stay. Errors as ``mutate``.

    Says whether Stash has the scene.
    """
    known = play_times(client, scene)
    there = sorted(set(times) & (known or set()))
    if there:
        mutate(client, _DELETE, {"id": str(scene), "times": [text(at, 0.0) for at in there]})
    return known is not None


def resume_times(client: StashClient, scenes: Iterable[int]) -> dict[int, float]:
    """Give where scenes were stopped, in seconds, 0 for nowhere; those that Stash lacks are absent.

    Raises ``StashMutationUnknown`` if this Stash keeps no such thing.
    """
    # One by one: for one that is gone Stash would tell of no other in a list of ids.
    parts = [f"at{one}: findScene(id: {one}) {{ id resume_time }}" for one in sorted(set(scenes))]
    if not parts:
        return {}
    answer = _ask(client, "resume_time", f"query ResumeTimes {{ {' '.join(parts)} }}", {})
    return dict(_row(found) for found in answer.values() if found is not None)


def save_resume_time(client: StashClient, scene: int, seconds: float) -> None:
    """Set where a scene was stopped; 0 takes it away. Errors as ``mutate``."""
    mutate(client, _SAVE, {"id": str(scene), "at": seconds})


def _ask(
    client: StashClient, name: str, document: str, variables: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Ask for something, named for people, that an older Stash may not have."""
    try:
        return client.query(document, variables)
    except StashQueryRefused as refusal:
        fault = unknown(name, refusal)
    raise fault


def _row(raw: Any) -> tuple[int, float]:
    try:
        return int(raw["id"]), float(raw["resume_time"] or 0)
    except (KeyError, TypeError, ValueError):
        raise senseless("a scene's resume time", "cannot be read") from None
