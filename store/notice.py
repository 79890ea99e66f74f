"""The state in one line: what waits for a person, left where the next hook or task says it."""

from __future__ import annotations

import sqlite3

from store import braked, holds, inbox, meta, overview, queue, schema

#: Probes that may fail before an outage is worth a person's attention.
PATIENCE = 3


def sentence(connection: sqlite3.Connection) -> str:
    """Give the line that a person should read, or "" when nothing needs one."""
    for hold in holds.all_holds(connection):
        if hold.lane == holds.SETTINGS or hold.attempts >= PATIENCE:
            waiting = sum(queue.counts(connection).values())
            return f"{hold.message} Waiting: {waiting}; nothing is lost."
    if open_folder := meta.get(connection, meta.FOLDER):
        return str(open_folder)
    for key in (meta.MISHAP, meta.BRAKE):
        if told := meta.get(connection, key):
            return str(told["text"])
    parked = {
        reason: sizes
        for reason, sizes in queue.postponed(connection).items()
        if sizes[1] and reason not in braked.REASONS
    }
    if parked:
        reason = max(parked, key=lambda one: sum(parked[one]))
        count, total = parked[reason][1], sum(sizes[1] for sizes in parked.values())
        message = overview.page(connection, reason, limit=1)[0].message
        scenes = "1 scene" if total == 1 else f"{total} scenes"
        return f"{scenes} could not be synced, {count} of them for {reason}: {message}"
    return ""


def leave(connection: sqlite3.Connection) -> None:
    """Leave the line for the next hook or task, inside the caller's transaction."""
    meta.put_notice(connection, sentence(connection))
    directory = schema.directory_of(connection)
    if directory:
        # A hook that used the inbox now would not look for the line.
        try:
            inbox.offer(directory, silent_until(connection))
        except OSError:
            pass


def silent_until(connection: sqlite3.Connection) -> int:
    """Give until when no hook has anything to say, in Unix seconds (store/inbox.py)."""
    text, said_at = meta.notice(connection)
    if not text:
        return inbox.FOR_EVER
    return int(said_at + inbox.REMINDER) if said_at else inbox.CLOSED
