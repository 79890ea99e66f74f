"""The hook: Stash saved something; put it into the queue, see that a worker lives, return.

It runs inside the user's save, so it asks neither Stash nor Plex anything and
imports nothing beyond json, os, sqlite3, sys and time. Only ids are taken from
the input: its values are a null-filled request, not the scene.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time

from store import meta, schema
from store.enqueue import enqueue
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

#: SQLite's largest integer; a larger id is nonsense.
LARGEST_ID = 2**63 - 1

#: Bytes of stdin up to which it is taken as it is.
LONG = 2**20

#: Seconds between two reminders of what waits for a person.
REMINDER = 60.0


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
    return KINDS[noun], [_whole(number, event) for number in ids]


def _whole(number: Any, event: Any) -> int:
    if isinstance(number, str) and number.isascii() and number.isdigit():
        number = int(number) if len(number) < 20 else 0
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= LARGEST_ID:
        raise Refused(f"the {event} hook names no usable id")
    return number


def stash_directory(server_connection: Any) -> str:
    """Give Stash's configuration directory from the hook's server_connection.

    Raises:
        Refused: It is missing, or not an absolute path.
    """
    directory = server_connection.get("Dir") if isinstance(server_connection, dict) else None
    if not isinstance(directory, str) or not os.path.isabs(directory) or "\0" in directory:
        raise Refused("server_connection.Dir is not an absolute path")
    try:
        os.fsencode(directory)
    except UnicodeEncodeError:  # half of a surrogate pair: JSON can carry it, no file name can
        raise Refused("server_connection.Dir cannot be the name of a folder") from None
    return directory


def run(payload: dict[str, Any], entry: str) -> tuple[dict[str, str], str]:
    """Handle one hook.

    Args:
        payload: What Stash wrote to stdin, decoded.
        entry: Path of plexsync.py, to start a worker from.

    Returns:
        The object for stdout, and a line for Stash's log or "".
    """
    connection = payload.get("server_connection")
    arguments = payload.get("args")
    try:
        kind, ids = wanted(arguments.get("hookContext") if isinstance(arguments, dict) else None)
        directory = schema.data_directory(stash_directory(connection))
    except Refused as reason:
        return {"error": f"PlexSync did nothing: {reason}."}, ""
    try:
        reminder, started = _mark_for_sure(directory, kind, ids, connection, entry)
    except (OSError, sqlite3.Error, schema.NewerDatabase) as error:
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


def _mark_for_sure(
    directory: str, kind: str, ids: list[int], server_connection: Any, entry: str
) -> tuple[str, bool]:
    try:
        return _mark(directory, kind, ids, server_connection, entry)
    except sqlite3.DatabaseError as error:
        if not schema.is_damage(error):
            raise
    from store import recovery  # never needed on a good day

    recovery.set_aside(directory)
    return _mark(directory, kind, ids, server_connection, entry)


def _mark(
    directory: str, kind: str, ids: list[int], server_connection: Any, entry: str
) -> tuple[str, bool]:
    """Commit the mark; give the reminder that is due, or "", and whether a worker was started."""
    now = time.time()
    database = schema.open_database(directory)
    try:
        # Before the commit: whoever kills us right after it leaves a worker that looks.
        started = _start_early(directory, entry)
        database.execute("BEGIN IMMEDIATE")
        enqueue(database, kind, ids, now=now)
        meta.put_connection(database, server_connection)
        reminder = meta.due_reminder(database, now=now, every=REMINDER)
        database.execute("COMMIT")
    finally:
        database.close()
    return reminder, started


def _start_early(directory: str, entry: str) -> bool:
    try:
        return launcher.start_if_none(directory, entry)
    except OSError:
        return False  # tried again after the commit, and said then


def leave_notice(directory: str, text: str) -> None:
    """Leave the line that the next hook says, for a worker that cannot even be imported."""
    database = schema.open_database(directory)
    try:
        meta.put_notice(database, text)
    finally:
        database.close()


def answer(payload: dict[str, Any] | None, entry: str) -> tuple[str, str]:
    """Turn what stdin held into the JSON line for stdout and the line for Stash's log.

    ``payload`` is None when stdin was no JSON object: that too is answered in JSON.
    """
    if payload is None:
        why = "stdin is not a JSON object, or one of megabytes beside its long texts"
        return json.dumps({"error": f"PlexSync did nothing: {why}."}), ""
    outcome, reminder = run(payload, entry)
    return json.dumps(outcome), reminder


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
        payload = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def is_hook(payload: dict[str, Any]) -> bool:
    """Tell a hook from a task or an operation: only a hook has a hookContext."""
    arguments = payload.get("args")
    return isinstance(arguments, dict) and "hookContext" in arguments
