"""What the settings panel asks of Plex and Stash, and signing in with Plex.

Do these settings work, which libraries are there? The settings come with the question, so that
they can be tried before they are saved. A fault is an answer here, not an error: the panel
shows it at its setting.

Nobody has to dig for a token: Plex shows a code, the user enters it at plex.tv, and the panel
asks now and then whether that happened. The PIN is kept in the store, so that the browser
cannot ask about anybody else's. The last answer is the one place where a token leaves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from errors import SyncError
from plex import sign_in
from plex.fields import LEAF_TYPE_OF_SECTION
from store import meta
from tasks import check_connection
from validation.settings_reader import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tasks.task import Task

#: Seconds a code is good for.
CODE_LIFE = 900.0

#: An answer of ``test_connection`` and ``libraries`` as far as nothing else is said.
_NOTHING_WRONG: dict[str, Any] = {
    "ok": True,
    "message": "",
    "setting": None,
    "faults": [],
    "rule": "",
    "server": "",
    "libraries": [],
}


def test_connection(task: Task) -> dict[str, Any]:
    """Try settings (argument ``settings``, else the saved ones).

    Gives ``ok``; ``message``; ``setting``, the one at fault or None; ``faults``, what is
    wrong as ``{setting, message}`` each; ``rule``, a path_map rule that would help,
    or ""; ``server`` and ``libraries`` by name.
    """

    def check(settings: dict[str, object]) -> dict[str, Any]:
        found = check_connection.check(task, settings, saved=task.given_settings() is None)
        libraries = list(found.libraries)
        return {
            "message": str(found),
            "server": found.server,
            "libraries": libraries,
            "rule": found.rule,
        }

    return _answer(task, check)


def libraries(task: Task) -> dict[str, Any]:
    """Give Plex's libraries with videos (argument ``settings`` as for ``test_connection``).

    Gives what ``test_connection`` does, with ``libraries`` as ``{name, kind, folders}``: all
    there are, whatever plex_libraries says.
    """

    def read(settings: dict[str, object]) -> dict[str, Any]:
        config = task.parse_settings({**settings, "plex_libraries": "", "path_map": ""})
        with task.open_plex(config) as client:
            found = [
                {"name": info.title, "kind": info.type, "folders": list(info.locations)}
                for info in client.section_infos()
                if info.type in LEAF_TYPE_OF_SECTION
            ]
            return {"server": client.friendly_name, "libraries": found}

    return _answer(task, read)


def _answer(task: Task, ask: Callable[[dict[str, object]], dict[str, Any]]) -> dict[str, Any]:
    given = task.given_settings()
    try:
        return {**_NOTHING_WRONG, **ask(task.stash.settings() if given is None else given)}
    except SyncError as fault:
        faults = _faults(fault)
        return {
            **_NOTHING_WRONG,
            "ok": False,
            "message": " ".join(one["message"] or "" for one in faults),
            "setting": fault.setting,
            "faults": faults,
            "rule": getattr(fault, "rule", ""),
        }


def _faults(fault: SyncError) -> list[dict[str, str | None]]:
    """Give what is wrong, setting by setting; nothing waits for what is only being tried."""
    if isinstance(fault, SettingsError):
        return [{"setting": one.setting, "message": one.sentence} for one in fault.problems]
    message = fault.while_trying()
    return [{"setting": fault.setting, "message": message}]


def start_sign_in(task: Task) -> dict[str, Any]:
    """Ask for a new code: ``{ok, code, link, expires_in}``, or ``{ok: False, message}``."""
    try:
        pin = sign_in.start(task.store.client_identifier())
    except SyncError as fault:
        return {"ok": False, "message": fault.message}
    meta.put(task.connection, meta.SIGN_IN, {"id": pin.id, "code": pin.code, "at": time.time()})
    return {"ok": True, "code": pin.code, "link": sign_in.LINK, "expires_in": CODE_LIFE}


def check_sign_in(task: Task) -> dict[str, Any]:
    """Say how the sign-in stands: ``{state: waiting | done | expired | failed}``.

    Done comes with ``token``, once. Failed comes with ``message`` and is about this look
    alone: the code may be good all the same.
    """
    kept = meta.get(task.connection, meta.SIGN_IN) or {}
    if not 0 <= time.time() - kept.get("at", 0.0) < CODE_LIFE:
        return {"state": "expired"}
    try:
        pin = sign_in.Pin(kept["id"], kept["code"])
        token = sign_in.token(task.store.client_identifier(), pin)
    except sign_in.CodeExpired:
        return {"state": "expired"}
    except SyncError as fault:
        return {"state": "failed", "message": fault.message}
    if token is None:
        return {"state": "waiting"}
    meta.put(task.connection, meta.SIGN_IN, {})
    return {"state": "done", "token": token}
