"""The settings panel's question while somebody types: would these settings do?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tasks.task import Task


def check_settings(task: Task) -> dict[str, Any]:
    """Say what is wrong with settings (argument ``settings``) that nobody has saved yet.

    Neither Stash nor Plex is asked.

    Returns:
        ``faults``, ``{setting, message}`` each.
    """
    from validation.config import parse_settings  # noqa: PLC0415 - no other look needs it

    given = task.arguments.get("settings")
    problems = parse_settings(given if isinstance(given, dict) else {}).problems
    return {"faults": [{"setting": one.setting, "message": one.sentence} for one in problems]}
