"""The task "Retry failed": looks again, at once, at everything that failed or waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store import holds, meta, notice, queue

if TYPE_CHECKING:
    from tasks.task import Task


def run(task: Task) -> str:
    """Make every parked and every waiting row due now and wake the worker; give the summary."""
    with task.store.transaction() as connection:
        failed = queue.make_due(connection, parked=True)
        waiting = queue.make_due(connection, parked=False)
        holds.look_now(connection)
        meta.put(connection, meta.TASK_BEGAN, time.time())  # what was read before may be old
        notice.leave(connection)
    task.ensure_worker()
    summary = "Nothing had failed and nothing was waiting."
    if failed or waiting:
        were = "was" if waiting == 1 else "were"
        parts = ((failed, "that failed"), (waiting, f"that {were} waiting"))
        which = " and ".join(f"{count} {words}" for count, words in parts if count)
        verb = "is" if failed + waiting == 1 else "are"
        summary = f"{which} {verb} looked at again now. What fails again is shown again."
    held = holds.all_holds(task.connection)
    if held:
        summary += f" All of it waits for one thing first: {held[0].message}"
    return summary
