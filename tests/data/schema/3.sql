-- A new database of version 3, as sqlite3's iterdump gives it.
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE carries (
        kind TEXT NOT NULL,
        id INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        PRIMARY KEY (kind, id, scene)
    ) WITHOUT ROWID;
CREATE TABLE dirty (
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
        PRIMARY KEY (kind, id)
    ) WITHOUT ROWID;
CREATE TABLE history (
        number INTEGER PRIMARY KEY,
        at REAL NOT NULL,
        scene INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        title TEXT NOT NULL,
        changes TEXT NOT NULL
    );
CREATE TABLE hold (
        lane TEXT PRIMARY KEY,
        until REAL NOT NULL,
        since REAL NOT NULL,
        attempts INTEGER NOT NULL,
        reason TEXT NOT NULL,
        message TEXT NOT NULL,
        setting TEXT NOT NULL,
        fingerprint TEXT NOT NULL
    ) WITHOUT ROWID;
CREATE TABLE item (
        server TEXT NOT NULL,
        rating_key INTEGER NOT NULL,
        scene INTEGER NOT NULL,
        section INTEGER NOT NULL,
        base TEXT NOT NULL,
        pending TEXT NOT NULL DEFAULT '',
        written_at REAL NOT NULL,
        identity TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (server, rating_key)
    ) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE part (
        server TEXT NOT NULL,
        section INTEGER NOT NULL,
        rating_key INTEGER NOT NULL,
        path_key TEXT NOT NULL,
        generation INTEGER NOT NULL,
        PRIMARY KEY (server, path_key, section, rating_key)
    ) WITHOUT ROWID;
CREATE TABLE part_cursor (
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
    ) WITHOUT ROWID;
CREATE TABLE scene (
        id INTEGER PRIMARY KEY,
        updated_at TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        paths TEXT NOT NULL,
        places TEXT NOT NULL,
        resolved_at REAL NOT NULL,
        outcome TEXT NOT NULL,
        note TEXT NOT NULL,
        looked_at REAL NOT NULL,
        detailed_at REAL NOT NULL
    );
CREATE TABLE tally (
        outcome TEXT NOT NULL,
        reason TEXT NOT NULL,
        scenes INTEGER NOT NULL,
        PRIMARY KEY (outcome, reason)
    ) WITHOUT ROWID;
CREATE INDEX dirty_run ON dirty (run) WHERE run = 1;
CREATE INDEX dirty_fresh ON dirty (urgency, revision, due_at) WHERE due_at = 0;
CREATE INDEX dirty_due ON dirty (due_at) WHERE due_at > 0;
CREATE INDEX dirty_reason ON dirty (reason, due_at) WHERE reason <> '';
CREATE INDEX item_scene ON item (scene, server, rating_key);
CREATE INDEX carries_scene ON carries (scene);
CREATE INDEX part_item ON part (server, section, rating_key);
COMMIT;
