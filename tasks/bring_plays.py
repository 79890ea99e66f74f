"""The task "Bring plays over": what was watched in Plex before plays_to_stash was on.

It says how many plays would come, then adds them, scene by scene. Stopped, what is added
stays; run again, it goes on with the rest. While it lives the worker brings none.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from plex.views import OWNER, views_since
from sync import plays
from tasks import stash_log
from worker.plays_from_plex import LOCK, OVERLAP

if TYPE_CHECKING:
    from plex.client import PlexClient
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
    with task.only_one(LOCK, busy), task.open_plex(config) as client:
        summary = _bring(task.context(client, config, fingerprint), client)
    stash_log.say("INFO", summary)
    return summary


def _bring(context: Context, client: PlexClient) -> str:
    account = None if context.settings.plays_of_all_accounts else OWNER
    latest = time.time() + OVERLAP  # else Plex's clock was wrong
    views = [view for view in views_since(client, 1, account) if view.viewed_at <= latest]
    found = [(scene, some) for scene, some in plays.by_scene(context, views) if some]
    ours = [(scene, some) for scene, some in found if scene is not None]
    strange = sum(len(some) for scene, some in found if scene is None)
    due = [plays.count_missing(context, scene, some) for scene, some in ours]
    total, scenes = sum(due), sum(missing > 0 for missing in due)
    stash_log.say(
        "INFO",
        f"{len(views)} views in Plex's history; {total} plays of {scenes} scenes are not in Stash "
        "and come over now",
    )
    added = refused = 0
    for start in range(0, len(ours), STEP):
        brought = plays.bring(context, ours[start : start + STEP])
        added += brought.added
        refused += len(brought.later)
        stash_log.progress(min(start + STEP, len(ours)) / len(ours))
    rest = f" Views of items without a scene that is synced: {strange}." if strange else ""
    failed = f" {refused} could not be added; Stash's reason is in plexsync.log." if refused else ""
    return f"{added} plays came over from Plex to {scenes} scenes.{rest}{failed}"
