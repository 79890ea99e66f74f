"""Sign in with Plex, so that nobody has to dig for a token.

Plex shows a code; the user enters it at plex.tv; the panel asks now and then
whether that happened. The PIN is kept in the store, so that the browser cannot
ask about anybody else's. The last answer is the one place where a token leaves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from errors import SyncError
from plex.sign_in import CodeExpired, Pin, SignIn
from store import meta

if TYPE_CHECKING:
    from tasks.task import Task

#: Seconds a code is good for.
LIFE = 900.0


def start(task: Task) -> dict[str, Any]:
    """Ask for a new code: ``{ok, code, link, expires_in}``, or ``{ok: False, message}``."""
    try:
        pin = _sign_in(task).start()
    except SyncError as fault:
        return {"ok": False, "message": fault.message}
    with task.store.transaction() as connection:
        meta.put(connection, meta.SIGN_IN, {"id": pin.id, "code": pin.code, "at": time.time()})
    return {"ok": True, "code": pin.code, "link": SignIn.LINK, "expires_in": LIFE}


def check(task: Task) -> dict[str, Any]:
    """Say how the sign-in stands: ``{state: waiting | done | expired | failed}``.

    Done comes with ``token``, once. Failed comes with ``message`` and is about this look
    alone: the code may be good all the same.
    """
    kept = meta.get(task.store.connection, meta.SIGN_IN) or {}
    if not 0 <= time.time() - kept.get("at", 0.0) < LIFE:
        return {"state": "expired"}
    try:
        token = _sign_in(task).token(Pin(kept["id"], kept["code"]))
    except CodeExpired:
        return {"state": "expired"}
    except SyncError as fault:
        return {"state": "failed", "message": fault.message}
    if token is None:
        return {"state": "waiting"}
    with task.store.transaction() as connection:
        meta.put(connection, meta.SIGN_IN, {})
    return {"state": "done", "token": token}


def _sign_in(task: Task) -> SignIn:
    return SignIn(task.store.client_identifier())
