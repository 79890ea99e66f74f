"""The task "Bring plays over": what was watched in Plex before plays_to_stash was on.

It says how many plays would come, then adds them, scene by scene. Stopped, what is added
stays; run again, it goes on with the rest. While it lives the worker brings none.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import counted
from sync import plays
from tasks import stash_log
from worker.from_plex import PLAYS_LOCK, counted_views

if TYPE_CHECKING:
    from plex.activity import View
    from stash.scene import Scene
    from sync.context import Context
    from tasks.task import Task

#: Scenes between two signs of life.
STEP = 50


def run(task: Task) -> str:
    """Bring the plays of all scenes that are synced; give the summary.

    Raises:
        TransientError: Plays are being brought already.
        errors.SyncError: A setting is wrong, or a server could not be asked.
    """
    config, fingerprint = task.read_settings()
    busy = "Plays are being brought over already; see the task queue."
    with task.only_one(PLAYS_LOCK, busy), task.open_plex(config) as client:
        return _bring(task.context(client, config, fingerprint))


@dataclass(frozen=True, slots=True)
class Due:
    """What the task would do.

    ``views`` counts those in Plex's history that count; ``ours`` are the scenes that are synced,
    each with its views; ``missing`` for each of them the Unix seconds of the plays that Stash
    lacks; ``strange`` counts the views that belong to no such scene.
    """

    views: int
    ours: list[tuple[Scene, list[View]]]
    missing: list[list[int]]
    strange: int

    @property
    def scenes(self) -> int:
        """How many scenes lack a play."""
        return sum(map(bool, self.missing))

    @property
    def in_words(self) -> str:
        """How many plays of how many scenes are missing."""
        plays = counted(sum(map(len, self.missing)), "play")
        return f"{plays} of {counted(self.scenes, 'scene')}"


def due(context: Context) -> Due:
    """Look through Plex's whole history for what Stash lacks; nothing is changed.

    Raises:
        errors.SyncError: A server could not be asked, or this Stash keeps no plays.
    """
    seen = list(counted_views(context, 1, time.time()))
    found = [(scene, some) for scene, some in plays.by_scene(context, seen) if some]
    ours = [(scene, some) for scene, some in found if scene is not None]
    strange = sum(len(some) for scene, some in found if scene is None)
    missing = [plays.missing(context, scene, some) for scene, some in ours]
    return Due(len(seen), ours, missing, strange)


def _bring(context: Context) -> str:
    what = due(context)
    ours = what.ours
    stash_log.say(
        "INFO",
        f"{counted(what.views, 'view')} in Plex's history; not in Stash and brought over now: "
        f"{what.in_words}",
    )
    added = refused = 0
    for start in range(0, len(ours), STEP):
        brought = plays.bring(context, ours[start : start + STEP])
        added += brought.added
        refused += len(brought.later)
        stash_log.progress(min(start + STEP, len(ours)) / len(ours))
    rest = failed = ""
    if what.strange:
        rest = f" Views of items without a scene that is synced: {what.strange}."
    if refused:
        failed = f" {refused} could not be added; Stash's reason is in plexsync.log."
    # How many scenes got none where some were refused was not counted.
    where = "" if refused else f" to {counted(what.scenes, 'scene')}"
    return f"{counted(added, 'play')} came over from Plex{where}.{rest}{failed}"
