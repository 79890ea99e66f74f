"""The SQLite file: where it lives, its tables, its version.

The hook opens it too, so this module imports only os, sqlite3 and stat (which os has loaded).

One file, WAL, ``synchronous=FULL``: a commit that returned survives a SIGKILL
of the process and a loss of power. Directory 0700, file 0600, because the file
holds the newest Stash session cookie.
"""

from __future__ import annotations

import os
import sqlite3
import stat

FILE = "plexsync.sqlite"

#: Version of the tables below, kept in ``PRAGMA user_version``.
VERSION = 4

#: Seconds a writer waits for another one. Hooks of a bulk edit come in dozens,
#: each holds the write lock for one commit.
BUSY_TIMEOUT = 60.0

TABLES = (
    # One value a key: the mark sequence, the Stash connection, our client identifier.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID",
    # One row for each thing to look at. due_at: 0 = at once, NULL = parked,
    # else the Unix time of the next look. urgency: see store/enqueue.py. run: 1 until
    # the running "Sync all" has counted it. brake, takes: see store/braked.py.
    """CREATE TABLE dirty (
        kind TEXT NOT NULL,
        id INTEGER NOT NULL,
        revision INTEGER NOT NULL,
        urgency INTEGER NOT NULL DEFAULT 0,
        due_at REAL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        reason TEXT NOT NULL DEFAULT '',
        message TEXT NOT NULL DEFAULT '',
        marked_at REAL NOT NULL,
        run INTEGER NOT NULL DEFAULT 0,
        brake INTEGER NOT NULL DEFAULT 0,
        takes TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID""",
    "CREATE INDEX dirty_run ON dirty (run) WHERE run = 1",
    # due_at only makes it a covering index for counting; a zero takes no room.
    "CREATE INDEX dirty_fresh ON dirty (urgency, revision, due_at) WHERE due_at = 0",
    "CREATE INDEX dirty_due ON dirty (due_at) WHERE due_at > 0",
    # Covers what the page counts and pages through, whatever the length of the queue.
    "CREATE INDEX dirty_reason ON dirty (reason, due_at) WHERE reason <> ''",
    # The queue as a whole waits for a server or for a mended setting.
    """CREATE TABLE hold (
        lane TEXT PRIMARY KEY,
        until REAL NOT NULL,
        since REAL NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        setting TEXT NOT NULL,
        fingerprint TEXT NOT NULL
    ) WITHOUT ROWID""",
    # The ledger: what we last wrote to this very item (JSON, see merge/base.py), and
    # what tells that item from another one of that rating key (matching/identity.py). seen:
    # a digest of Plex's answer when it last was as the base says (sync/unchanged.py).
    """CREATE TABLE item (
        server TEXT NOT NULL,
        rating_key INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        section INTEGER NOT NULL,
        base TEXT NOT NULL,
        pending TEXT NOT NULL DEFAULT '',
        written_at REAL NOT NULL,
        identity TEXT NOT NULL DEFAULT '',
        seen TEXT NOT NULL DEFAULT '',
        gone_at REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (server, rating_key)
    ) WITHOUT ROWID""",
    # Those that Plex has no more; they may come back with a database that is put back.
    "CREATE INDEX item_gone ON item (gone_at) WHERE gone_at > 0",
    "CREATE INDEX item_scene ON item (scene, server, rating_key)",
    # For the one question about an item that is new here: does another server have its key?
    "CREATE INDEX item_key ON item (rating_key)",
    # Whose picture Plex could not take (merge/picture.py); hardly any, so the page counts them.
    """CREATE INDEX item_refused ON item (server, scene)
        WHERE instr(base, '"poster":"refused ') OR instr(base, '"background":"refused ')""",
    # What the last look at a scene found.
    """CREATE TABLE scene (
        id INTEGER PRIMARY KEY,
        updated_at TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        paths TEXT NOT NULL,
        places TEXT NOT NULL,
        resolved_at REAL NOT NULL,
        outcome TEXT NOT NULL,
        note TEXT NOT NULL,
        looked_at REAL NOT NULL,
        detailed_at REAL NOT NULL,
        server TEXT NOT NULL DEFAULT ''
    )""",
    # How many scenes were compared with a server, and with what outcome, without reading a row.
    "CREATE INDEX scene_outcome ON scene (server, outcome)",
    # Which scenes carry a studio, performer, tag or group: Stash forgets the
    # link when the thing is deleted or merged, we must not.
    """CREATE TABLE carries (
        kind TEXT NOT NULL,
        id INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        PRIMARY KEY (kind, id, scene)
    ) WITHOUT ROWID""",
    "CREATE INDEX carries_scene ON carries (scene)",
    # The path index of bulk work: which item holds which file, as of the last sweep.
    """CREATE TABLE part (
        server TEXT NOT NULL,
        section INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        path_key TEXT NOT NULL,
        generation INTEGER NOT NULL,
        PRIMARY KEY (server, path_key, section, rating_key)
    ) WITHOUT ROWID""",
    "CREATE INDEX part_item ON part (server, section, rating_key)",
    """CREATE TABLE part_cursor (
        server TEXT NOT NULL,
        section INTEGER NOT NULL,
        generation INTEGER NOT NULL,
        items INTEGER NOT NULL,
        content_changed_at INTEGER NOT NULL,
        scanned_at INTEGER NOT NULL,
        newest INTEGER NOT NULL,
        swept_at REAL NOT NULL,
        in_doubt INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (server, section)
    ) WITHOUT ROWID""",
    # What was done, newest last; bounded by store/history.py. run: when the "Sync all" began
    # that did it, 0 for none; undo: what was there before (merge/former.py); undone: what
    # became of giving it back.
    """CREATE TABLE history (
        number INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        scene INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        title TEXT NOT NULL,
        changes TEXT NOT NULL,
        run REAL NOT NULL DEFAULT 0,
        server TEXT NOT NULL DEFAULT '',
        undo TEXT NOT NULL DEFAULT '',
        undone TEXT NOT NULL DEFAULT ''
    )""",
    "CREATE INDEX history_at ON history (at, run)",
    "CREATE INDEX history_scene ON history (scene, number)",
    "CREATE INDEX history_run ON history (run, number)",
    # Views in Plex that Stash has as plays: told once, and shown with their scene.
    """CREATE TABLE play (
        server TEXT NOT NULL,
        viewed_at INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        PRIMARY KEY (server, viewed_at, rating_key)
    ) WITHOUT ROWID""",
    "CREATE INDEX play_scene ON play (scene, viewed_at)",
    # Where items were stopped in Plex, and what Stash had as resume time then (store/activity.py).
    """CREATE TABLE resume (
        server TEXT NOT NULL,
        rating_key INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        viewed_at INTEGER NOT NULL,
        place INTEGER NOT NULL,
        stash REAL NOT NULL,
        ours INTEGER NOT NULL,
        PRIMARY KEY (server, rating_key)
    ) WITHOUT ROWID""",
    "CREATE INDEX resume_scene ON resume (scene, viewed_at)",
    # Fields that stay in Plex as a person set them although Stash has another value, and what
    # was answered (store/differences.py); a number stands for one pair of values for ever.
    """CREATE TABLE difference (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        server TEXT NOT NULL,
        rating_key INTEGER NOT NULL,
        field TEXT NOT NULL,
        scene INTEGER NOT NULL,
        theirs TEXT NOT NULL,
        ours TEXT NOT NULL,
        answer TEXT NOT NULL DEFAULT '',
        why TEXT NOT NULL DEFAULT '',
        at REAL NOT NULL
    )""",
    "CREATE UNIQUE INDEX difference_item ON difference (server, rating_key, field)",
    "CREATE INDEX difference_scene ON difference (scene)",
    # What the page counts and pages through; what is settled is not in it. answer is in it only
    # to make it a covering index for counting.
    """CREATE INDEX difference_open ON difference (server, field, number, answer)
        WHERE answer <> 'plex'""",
    # Examples of what the last preview found (store/planned.py).
    """CREATE TABLE planned (
        number INTEGER PRIMARY KEY,
        effect TEXT NOT NULL,
        field TEXT NOT NULL,
        scene INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        title TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL
    )""",
    "CREATE INDEX planned_effect ON planned (effect, number)",
    # What was written to Plex's collections (store/collections.py), as of items.
    """CREATE TABLE collection (
        server TEXT NOT NULL,
        rating_key INTEGER NOT NULL,
        section INTEGER NOT NULL,
        identity TEXT NOT NULL,
        made INTEGER NOT NULL,
        base TEXT NOT NULL DEFAULT '',
        pending TEXT NOT NULL DEFAULT '',
        seen TEXT NOT NULL DEFAULT '',
        written_at REAL NOT NULL,
        PRIMARY KEY (server, rating_key)
    ) WITHOUT ROWID""",
    # How the running "Sync all" stands, counted in the transaction that ends each scene.
    """CREATE TABLE tally (
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        scenes INTEGER NOT NULL,
        PRIMARY KEY (outcome, reason)
    ) WITHOUT ROWID""",
)


class NewerDatabase(Exception):
    """The file was written by a newer PlexSync; nothing was touched."""


def open_database(directory: str) -> sqlite3.Connection:
    """Open the database in a data directory, made with mode 0700 where it is missing.

    The connection is in autocommit mode: writes go together in a transaction of
    store/transaction.py; only the hook says BEGIN itself.

    Raises:
        NewerDatabase: The file belongs to a newer version of PlexSync.
        OSError: The directory cannot be made.
        sqlite3.Error: The file cannot be opened, is damaged (``is_damage``), or the disk is full.
    """
    path = os.path.join(directory, FILE)
    if not _is_in_order(directory, path):
        from store import folder  # copied, restored, or opened to others; hardly ever

        folder.put_in_order(directory)
    if not holds_anything(path):
        from store import create  # once an installation

        create.make_file(directory, path, _begin)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            _create_tables(connection)
        elif version < VERSION:
            from store import migrations  # once an update

            migrations.migrate(connection, VERSION)
        elif version > VERSION:
            raise NewerDatabase(
                f"{path} was written by a newer PlexSync (schema {version}, this one knows "
                f"{VERSION}). Update the plugin; nothing was changed."
            )
    except BaseException:
        connection.close()
        raise
    return connection


def directory_of(connection: sqlite3.Connection) -> str:
    """Give the data directory that a connection's database lies in, "" for one without a file."""
    path: str = connection.execute("PRAGMA database_list").fetchone()[2]
    return os.path.dirname(path)


def is_damage(error: sqlite3.Error) -> bool:
    """Tell a damaged file from a disk that is full, busy or read-only: those are subclasses."""
    return type(error) is sqlite3.DatabaseError


def _is_in_order(directory: str, path: str) -> bool:
    """Say whether nobody else can look in and the database is no link: two looks, microseconds."""
    if os.name == "nt":
        return True
    try:
        if os.stat(directory).st_mode & 0o077:
            return False
        found = os.lstat(path).st_mode
    except FileNotFoundError:
        return True  # made next, with the right mode
    return not found & 0o077 and not stat.S_ISLNK(found)


def holds_anything(path: str) -> bool:
    """Say whether there is a file with anything in it.

    It is not opened: closing it would give up the locks that SQLite holds for this process
    (https://www.sqlite.org/howtocorrupt.html, 2.2).
    """
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False


def _begin(path: str) -> None:
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT, isolation_level=None)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        _create_tables(connection)
    finally:
        connection.close()


def _create_tables(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    # 64 first hooks may arrive together: whoever got the lock second finds it done.
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        for statement in TABLES:
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")
    prefer_wal(connection)


def prefer_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, unless another connection is busy with it right now.

    WAL is a property of the file, so one success is enough; until then the
    rollback journal is as safe, only slower. The worker tries again.
    """
    try:
        connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.OperationalError:
        pass
