"""The hook: Stash saved something; note it for the worker, see that one lives, return.

It runs inside the user's save, so it asks neither Stash nor Plex anything and
imports nothing beyond os, sqlite3, sys and time; on most days not even sqlite3
(docs/adr/0019). Only ids are taken from the input: its values are a
null-filled request, not the scene.
"""

from __future__ import annotations

import os
import time

from store import LARGEST_ID, inbox
from store.quick_json import dumps, loads
from worker import launcher

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from typing import Any, BinaryIO

#: What Stash may tell us about, and the kind of thing it marks.
KINDS = {
    "Scene": "scene",
    "Studio": "studio",
    "Performer": "performer",
    "Tag": "tag",
    "Group": "group",
}
VERBS = {"Create", "Update", "Destroy", "Merge"}

#: Name of the data directory below Stash's configuration directory. It lies
#: outside the plugins tree, where Stash would delete or serve it.
DIRECTORY = "plexsync-data"

#: Bytes of stdin up to which it is taken as it is.
LONG = 2**20


class Refused(Exception):
    """The input makes no sense; nothing was marked. The text says why."""


def wanted(context: Any) -> tuple[str, list[int]]:
    """Read a hookContext: the kind of thing that changed and its ids.

    Every shape that Stash sends is understood (null, object, list and bulk
    input); the ids of a tag merge are the destination's and the sources'.

    Raises:
        Refused: Not a hook of ours, or without a usable id.
    """
    if not isinstance(context, dict):
        raise Refused("hookContext is not an object")
    event = context.get("type")
    noun, _, rest = event.partition(".") if isinstance(event, str) else ("", "", "")
    verb, _, when = rest.partition(".")
    if noun not in KINDS or verb not in VERBS or when != "Post":
        raise Refused(f"PlexSync has nothing to do for a hook of type {str(event)[:80]!r}")
    ids = [context.get("id")]
    given = context.get("input")
    if verb == "Merge" and isinstance(given, dict):
        sources = given.get("source")
        ids += sources if isinstance(sources, list) else []
    numbers = [whole(number) for number in ids]
    if not all(numbers):
        raise Refused(f"the {event} hook names no usable id")
    return KINDS[noun], numbers


def whole(given: Any) -> int:
    """Read a whole number that may come as text; 0 when it is none, or no id of SQLite's."""
    if isinstance(given, str) and given.isascii() and given.isdigit():
        given = int(given) if len(given) < 20 else 0
    if isinstance(given, bool) or not isinstance(given, int):
        return 0
    return given if 0 < given <= LARGEST_ID else 0


def data_directory(server_connection: Any) -> str:
    """Give our directory below Stash's configuration directory (not created here).

    Raises:
        Refused: ``server_connection`` names none, or not by an absolute path.
    """
    directory = server_connection.get("Dir") if isinstance(server_connection, dict) else None
    if not isinstance(directory, str) or not os.path.isabs(directory) or "\0" in directory:
        raise Refused("server_connection.Dir is not an absolute path")
    try:
        os.fsencode(directory)
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can carry it, no file name can
        raise Refused("server_connection.Dir cannot be the name of a folder") from None
    return os.path.join(directory, DIRECTORY)


def run(payload: dict[str, Any], entry: str) -> tuple[dict[str, str], str]:
    """Handle one hook, as Stash wrote it to stdin; ``entry`` is the path of plexsync.py.

    Gives the object for stdout, and a line for Stash's log or "".
    """
    connection = payload.get("server_connection")
    arguments = payload.get("args")
    try:
        kind, ids = wanted(arguments.get("hookContext") if isinstance(arguments, dict) else None)
        directory = data_directory(connection)
    except Refused as reason:
        return {"error": f"PlexSync did nothing: {reason}."}, ""
    reminder, started = "", False
    if not _leave_in_inbox(directory, kind, ids, connection):
        from worker import hook_database  # no worker lives, or a person has to be told something

        try:
            reminder, started = hook_database.mark(directory, kind, ids, connection, entry)
        except hook_database.FAILURES as error:
            return {
                "error": f"PlexSync could not note that {kind} {ids[0]} changed in {directory}: "
                f"{error}. The change is safe in Stash; run the task 'Sync all to Plex' once "
                "the directory can be written."
            }, ""
    try:
        state = launcher.ensure_worker(directory, entry)
    except OSError as error:
        return {
            "error": f"PlexSync noted that {kind} {ids[0]} changed but could not start its "
            f"worker: {error}. The next save tries again."
        }, reminder
    state = "started" if started else state
    return {"output": f"{kind} {ids[0]} is noted, worker {state}"}, reminder


def _leave_in_inbox(directory: str, kind: str, ids: list[int], connection: Any) -> bool:
    """Leave it in the inbox, if a worker lives that will find it there."""
    try:
        lives = launcher.ProcessLock(directory, launcher.WORKER_LOCK).is_held()
        way = _way_to_stash(connection) if lives else {}
    except OSError:
        return False
    if not way:
        return False
    now = time.time()
    record = dumps({"kind": kind, "ids": ids, "at": now, "connection": way}, compact=True)
    return inbox.append(directory, record.encode("ascii"), now=now)


def _way_to_stash(connection: dict[str, Any]) -> dict[str, Any]:
    """Take from the server_connection what store/meta.py keeps of it; {} where it is not plain."""
    kept = {name: connection.get(name) for name in ("Scheme", "Host", "Port", "Dir")}
    cookie = connection.get("SessionCookie")
    cookie = {name: cookie.get(name) for name in ("Name", "Value")} if type(cookie) is dict else {}
    if not {type(one) for part in (kept, cookie) for one in part.values()} <= {str, int}:
        return {}
    return {**kept, "SessionCookie": cookie} if cookie else kept


def answer(payload: dict[str, Any] | None, entry: str) -> tuple[str, str]:
    """Turn what stdin held into the JSON line for stdout and the line for Stash's log.

    ``payload`` is None when stdin was no JSON object: that too is answered in JSON.
    """
    if payload is None:
        why = "stdin is not a JSON object, or one of megabytes beside its long texts"
        outcome, reminder = {"error": f"PlexSync did nothing: {why}."}, ""
    else:
        outcome, reminder = run(payload, entry)
    return dumps(outcome), reminder


def read(stream: BinaryIO) -> bytes:
    """Read stdin to its end, without the texts of it that are too long to matter here."""
    raw = stream.read(LONG + 1)
    if len(raw) <= LONG:
        return raw
    from worker import long_input  # a large cover; hardly ever

    return long_input.shortened(raw, stream)


def decode(raw: bytes) -> dict[str, Any] | None:
    """Give the JSON object in ``raw``, or None when it is anything else."""
    try:
        payload = loads(raw)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def is_hook(payload: dict[str, Any]) -> bool:
    """Tell a hook from a task or an operation: only a hook has a hookContext."""
    arguments = payload.get("args")
    return isinstance(arguments, dict) and "hookContext" in arguments
