"""The settings panel's questions to Plex: do these settings work, which libraries are there?

The settings come with the question, so that they can be tried before they are
saved. A fault is an answer here, not an error: the panel shows it at its setting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from errors import SyncError
from plex.exceptions import PlexError
from plex.fields import LEAF_TYPE_OF_SECTION
from tasks import check_connection
from validation.settings_reader import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.task import Task


def test(task: Task) -> dict[str, Any]:
    """Try settings (argument ``settings``, else the saved ones).

    Returns:
        ``ok``; ``message``; ``setting``, the one at fault or None; ``faults``, what is
        wrong as ``{setting, message}`` each; ``rule``, a path_map rule that would help,
        or ""; ``server`` and ``libraries`` by name.
    """

    def check(settings: dict[str, object]) -> dict[str, Any]:
        saved = not isinstance(task.arguments.get("settings"), dict)
        found = check_connection.check(task, settings, saved=saved)
        return {
            "ok": True,
            "message": str(found),
            "setting": None,
            "faults": [],
            "rule": "",
            "server": found.server,
            "libraries": list(found.libraries),
        }

    return _answer(task, check)


def libraries(task: Task) -> dict[str, Any]:
    """Give Plex's libraries with videos (argument ``settings`` as for ``test``).

    Returns:
        As ``test``, with ``libraries`` as ``{name, kind, folders}``: all there are,
        whatever plex_libraries says.
    """

    def read(settings: dict[str, object]) -> dict[str, Any]:
        config = task.parse_settings({**settings, "plex_libraries": "", "path_map": ""})
        with task.open_plex(config) as client:
            infos = client.section_infos()
            return {
                "ok": True,
                "message": "",
                "setting": None,
                "faults": [],
                "rule": "",
                "server": client.friendly_name,
                "libraries": [
                    {"name": info.title, "kind": info.type, "folders": list(info.locations)}
                    for info in infos
                    if info.type in LEAF_TYPE_OF_SECTION
                ],
            }

    return _answer(task, read)


def _answer(task: Task, ask: Callable[[dict[str, object]], dict[str, Any]]) -> dict[str, Any]:
    given = task.arguments.get("settings")
    try:
        return ask(given if isinstance(given, dict) else task.stash.settings())
    except SyncError as fault:
        faults = _faults(fault)
        return {
            "ok": False,
            "message": " ".join(one["message"] or "" for one in faults),
            "setting": fault.setting,
            "faults": faults,
            "rule": getattr(fault, "rule", ""),
            "server": "",
            "libraries": [],
        }


def _faults(fault: SyncError) -> list[dict[str, str | None]]:
    """Give what is wrong, setting by setting; nothing waits for what is only being tried."""
    if isinstance(fault, SettingsError):
        return [{"setting": one.setting, "message": one.sentence} for one in fault.problems]
    message = fault.while_trying() if isinstance(fault, PlexError) else fault.message
    return [{"setting": fault.setting, "message": message}]
