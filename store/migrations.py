"""Brings an older database forward, all the way or not at all.

Loaded only when there is something to do, so the hook may use it.
"""

from __future__ import annotations

import sqlite3

from store.transaction import Transaction

#: By version: the statements that lead to the next one.
STEPS: dict[int, tuple[str, ...]] = {
    1: ("ALTER TABLE part_cursor ADD COLUMN in_doubt INTEGER NOT NULL DEFAULT 0",),
    2: ("ALTER TABLE item ADD COLUMN identity TEXT NOT NULL DEFAULT ''",),
    3: (
        """CREATE TABLE play (
        server TEXT NOT NULL,
        viewed_at INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        PRIMARY KEY (server, viewed_at, rating_key)
    ) WITHOUT ROWID""",
        "CREATE INDEX play_scene ON play (scene, viewed_at)",
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
        "ALTER TABLE item ADD COLUMN seen TEXT NOT NULL DEFAULT ''",
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
        """CREATE INDEX difference_open ON difference (server, field, number, answer)
            WHERE answer <> 'plex'""",
        "CREATE INDEX item_key ON item (rating_key)",
        "ALTER TABLE scene ADD COLUMN server TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX scene_outcome ON scene (server, outcome)",
        "ALTER TABLE history ADD COLUMN run REAL NOT NULL DEFAULT 0",
        "ALTER TABLE history ADD COLUMN server TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE history ADD COLUMN undo TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE history ADD COLUMN undone TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX history_at ON history (at, run)",
        "CREATE INDEX history_scene ON history (scene, number)",
        "CREATE INDEX history_run ON history (run, number)",
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
        """CREATE INDEX item_refused ON item (server, scene)
            WHERE instr(base, '"poster":"refused ') OR instr(base, '"background":"refused ')""",
        "ALTER TABLE dirty ADD COLUMN brake INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE dirty ADD COLUMN takes TEXT NOT NULL DEFAULT ''",
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
        "ALTER TABLE item ADD COLUMN gone_at REAL NOT NULL DEFAULT 0",
        "CREATE INDEX item_gone ON item (gone_at) WHERE gone_at > 0",
    ),
}


def migrate(connection: sqlite3.Connection, to: int) -> None:
    """Run every step up to a version in one transaction; whoever comes second finds it done.

    The database has a version of at least 1.

    Raises:
        sqlite3.Error: A step failed; nothing was changed.
    """
    with Transaction(connection):
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
        for step in range(version, to):
            for statement in STEPS[step]:
                connection.execute(statement)
        if version < to:
            connection.execute(f"PRAGMA user_version = {to}")
