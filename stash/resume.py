"""Where a scene was stopped: read, and set.

Stash keeps it beside the scene: setting it moves no updated_at and fires no hook (watched on
Stash 0.30.1), so nothing comes back from here as an edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answer import read_each, senseless
from .exceptions import StashQueryRefused
from .mutations import mutate, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .client import StashClient

_TIMES = """
query ResumeTimes($ids: [ID!]!) { findScenes(ids: $ids) { scenes { id resume_time } } }
"""
# Nothing is said of playDuration, which Stash would add: Plex tells of none.
_SAVE = """
mutation SaveResumeTime($id: ID!, $at: Float) { sceneSaveActivity(id: $id, resume_time: $at) }
"""


def resume_times(client: StashClient, scenes: Iterable[int]) -> dict[int, float]:
    """Give where scenes were stopped, in seconds, 0 for nowhere; those Stash lacks are absent.

    Raises:
        StashMutationUnknown: This Stash keeps no such thing.
        errors.SyncError: Stash could not be asked.
    """
    ids = sorted(set(scenes))
    if not ids:
        return {}
    try:
        found = client.query(_TIMES, {"ids": [str(one) for one in ids]}).get("findScenes")
    except StashQueryRefused as refusal:
        fault = unknown("resume_time", refusal)
    else:
        rows = found.get("scenes") if isinstance(found, dict) else None
        return dict(read_each(rows, "the resume times of scenes", _row))
    raise fault


def save_resume_time(client: StashClient, scene: int, seconds: float) -> None:
    """Set where a scene was stopped; 0 takes it away.

    Raises:
        StashMutationUnknown: This Stash cannot do that.
        StashMutationRefused: Stash said no, and why.
        errors.SyncError: Stash could not be asked; it may have been set.
    """
    mutate(client, _SAVE, {"id": str(scene), "at": seconds})


def _row(raw: Any, what: str) -> tuple[int, float]:
    try:
        return int(raw["id"]), float(raw["resume_time"] or 0)
    except (KeyError, TypeError, ValueError):
        raise senseless(what, "cannot be read") from None
