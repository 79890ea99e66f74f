"""The task "Go on": what was held back because it takes something away in Plex is synced.

The page does the same at the press of a button, and loads no vendored package for it.
"""

from __future__ import annotations

import time

from store import braked, history, meta, notice

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from typing import Any

    from tasks.task import Task


def run(task: Task) -> str:
    """Let it go and wake the worker; give the summary. Doing it again is harmless."""
    scenes = go_on(task)["scenes"]
    if not scenes:
        return "Nothing is held back."
    what = "1 scene is" if scenes == 1 else f"{scenes:,} scenes are"
    return f"{what} synced now, although that takes something away in Plex."


def go_on(task: Task) -> dict[str, Any]:
    """Do the same for the page's button: ``{scenes, worker, changed}``.

    Argument: ``asked``, the question that the page shows; where another is asked by now,
    nothing is let go and ``changed`` is true.
    """
    asked = task.arguments.get("asked")
    with task.store.transaction() as connection:
        known = meta.get(connection, meta.BRAKE)
        if asked and known and asked != known["text"]:
            return {"scenes": 0, "worker": "", "changed": True}
        scenes = braked.let_go(connection, braked.ASKED)
        if scenes:
            before = meta.get(connection, meta.GONE_ON) or []
            meta.put(connection, meta.GONE_ON, [*before[1 - history.RUNS :], time.time()])
            meta.put(connection, meta.TAKEN, [])  # what came before was said along with it
        meta.put(connection, meta.BRAKE, None)
        notice.leave(connection)
    return {"scenes": scenes, "worker": task.ensure_worker(), "changed": False}
