"""Single values kept in the store: the Stash connection, our identity, what to tell the user.

The hook imports this module, so it imports only os.
"""

from __future__ import annotations

import os

from store.quick_json import dumps, loads

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

# What is kept, each under its key.
#: The newest way to reach Stash, as a hook or task left it, cookie included.
CONNECTION = "connection"
#: [the line that needs a person, Unix time at which it was last said].
NOTICE = "notice"
#: The identifier that Plex knows this installation by.
CLIENT_IDENTIFIER = "client_identifier"
#: {name, machine, url, libraries} of the Plex last spoken to.
SERVER_SEEN = "server_seen"
#: What the libraries looked like when Plex was last asked whether one changed: for each
#: [content counter, time of the scan, since when its files are new].
LIBRARIES_SEEN = "libraries_seen"
#: [[rule for path_map, scenes it would catch], ...], most scenes first.
PATH_ADVICE = "path_advice"
#: {folder: Unix time of the last scan that Plex was asked for}.
SCANS_ASKED = "scans_asked"
#: The fingerprint of the settings that were good last.
SETTINGS_SEEN = "settings_seen"
#: The newest revision of the queue when settings that were never good were looked at last.
BEFORE_SETTINGS = "before_settings"
#: Whether redact_logs was on when last read.
REDACTED = "redacted"
#: The watermarks of the sweep, by kind.
SWEEP = "sweep"
#: All tags of Stash, {state, tags}: as of which count and newest tag, and each as
#: [id, name, aliases, parents]; only where rules look at them.
TAGS = "tags"
#: How far the full comparison of all scenes is: {place, at}.
FULL_COMPARISON = "round"
#: By Plex server: {since, newest}, from when on its views are plays, and the newest seen.
PLAYS = "plays"
#: By Plex server and type of item: {lastViewedAt, lastRatedAt}, the newest that were seen.
TOUCHED = "touched"
#: Unix time since which the first sweep takes scenes for changed.
SWEEP_SINCE = "look_since"
#: Unix time at which a scene was last synced.
LAST_LOOK = "last_look"
#: The names that several performers have: {last, keys}, the highest id when they were read.
NAMESAKES = "namesakes"
#: The running or stopped "Sync all": {started, settings, total, last, marked, alive}, and the
#: process of Stash that it was started by (tasks/task.py).
SYNC_ALL = "bulk"
#: Unix time at which a "Sync all" had last looked at every scene.
SYNCED_ALL = "synced_all"
#: Unix time at which a "Sync all" or a "Retry failed" was started last.
TASK_BEGAN = "task_began"
#: What a person is asked before it is taken away (worker/brake.py): {at, scenes, text}. And
#: what was taken away unasked lately: [[Unix time, items], ...].
BRAKE, TAKEN = "brake", "taken"
#: When a person let go of what was held back, the newest last: such a time is a run's.
GONE_ON = "gone_on"
#: What the running "Release locks" has released: [items, locks].
RELEASED = "released"
#: The last preview (store/planned.py); {name, at, ok, text} of the last task.
PREVIEW, LAST_TASK = "preview", "last_task"
#: The running sign-in: {id, code, at}.
SIGN_IN = "sign_in"
#: What became of a database that was damaged or gone: {at, text}.
MISHAP = "mishap"
#: Where this database's ledger comes from: {at, from}, which is nothing for the first one,
#: backup, or LOST. And the last backup: {at, newest}.
LEDGER, BACKUP = "ledger", "backup"
LOST = "lost"
#: What is wrong with the data folder or the plugin's and cannot be mended by us, a text.
FOLDER = "folder"
#: Written and dropped to find out whether there is room.
TRIAL = "trial"


def put(connection: sqlite3.Connection, key: str, value: Any) -> None:
    """Keep a JSON value under a key, inside the caller's transaction if there is one."""
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) "
        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (key, dumps(value, compact=True)),
    )


def get(connection: sqlite3.Connection, key: str) -> Any:
    """Give the value kept under a key, or None."""
    row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else loads(row[0])


def server_seen(connection: sqlite3.Connection) -> str:
    """Give the machine identifier of the Plex that was spoken to last, "" for none so far."""
    return str((get(connection, SERVER_SEEN) or {}).get("machine", ""))


def put_connection(connection: sqlite3.Connection, server_connection: Mapping[str, Any]) -> None:
    """Keep the newest way to reach Stash, cookie included; it replaces the one before.

    Only what the worker needs is kept, and of that only texts and numbers: a
    structure that is nested deeply enough could not be written back as JSON.
    """
    kept: dict[str, Any] = _plain(server_connection, ("Scheme", "Host", "Port", "Dir"))
    cookie = server_connection.get("SessionCookie")
    if isinstance(cookie, dict):
        kept["SessionCookie"] = _plain(cookie, ("Name", "Value"))
    put(connection, CONNECTION, kept)


def _plain(given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if isinstance(given.get(name), (str, int))}


def client_identifier(connection: sqlite3.Connection) -> str:
    """Give the identifier Plex knows this installation by, made once.

    Without a lasting one Plex registers a new device at every start
    (and mails the owner about it).
    """
    if get(connection, CLIENT_IDENTIFIER) is None:
        connection.execute(
            "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING",
            (CLIENT_IDENTIFIER, dumps("plexsync-" + os.urandom(16).hex())),
        )
    return str(get(connection, CLIENT_IDENTIFIER))


def put_notice(connection: sqlite3.Connection, text: str) -> None:
    """Leave the one line that the next hook or task says in Stash's log; "" for none.

    A detached worker cannot write there itself. When a line was last said stays
    with it: a text that changes all the time (it counts what waits) is not said
    more often for that.
    """
    known, said_at = notice(connection)
    if text != known:
        put(connection, NOTICE, [text, said_at])


def notice(connection: sqlite3.Connection) -> tuple[str, float]:
    """Give the line that needs a person, or "", and when any was last said, 0 for never."""
    text, said_at = get(connection, NOTICE) or ("", 0.0)
    return text, said_at


def due_reminder(connection: sqlite3.Connection, *, now: float, every: float) -> str:
    """Give the notice if it was not said for ``every`` seconds, and note that it is now."""
    text, said_at = notice(connection)
    if not text or 0 <= now - said_at < every:
        return ""
    put(connection, NOTICE, [text, now])
    return text
