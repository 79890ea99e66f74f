"""The ledger: what we last wrote to each Plex item, and what each scene carried.

It cannot be rebuilt from Stash: without it nobody can tell our tags from those
a person added in Plex. An entry is keyed by server and rating key, and says which
item it is about: Plex gives a key again (matching/identity.py, docs/adr/0012).

Before a PUT the intended values are committed as pending; acknowledging turns
them into the base. Both are JSON text whose meaning belongs to merge/base.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from store import meta
from store.named_tuple import NamedTuple
from store.queue import rows_among
from store.quick_json import dumps

#: Outcome of a scene that the settings leave out.
SKIPPED = "skipped"
#: What the note of such a scene says where Stash has no file of it.
NO_FILE = "no file"
#: Outcome of a scene all of whose items belong to others.
SHARES = "shares"
#: What the note of a scene says before the number of the one that owns its item.
SHARES_WITH = "shares an item with scene"
#: Seconds for which it is known what was written to an item that Plex has no more: longer than
#: anybody waits with putting a backup of Plex's database back.
GONE_FOR = 90 * 86400.0


class LedgerEntry(NamedTuple):
    """One item of ours: ``base`` and ``pending`` are JSON text, "" when there is none.

    ``scene`` is the scene that owns it, 0 for none by now; ``identity`` tells the item from
    another one that got its rating key (matching/identity.py), "" where that was not noted.
    """

    server: str
    rating_key: int
    scene: int
    section: int
    base: str
    pending: str
    identity: str = ""


class SceneRecord(NamedTuple):
    """What the last look at a scene found.

    ``fingerprint`` is that of the settings it was done with, ``paths`` the files
    as Stash names them (a sorted JSON list), ``places`` the paths and libraries
    that were searched at Plex, ``looked_at`` and ``detailed_at`` the Unix time at
    which Stash was asked for the scene and for everything of it, ``outcome`` is
    one word (changed, unchanged, skipped, shares), ``note`` a sentence or "". ``server`` is the
    Plex that it was compared with, "" for none, or where that was not noted.
    """

    id: int
    updated_at: str
    fingerprint: str
    paths: str
    places: str
    resolved_at: float
    outcome: str
    note: str
    looked_at: float
    detailed_at: float
    server: str = ""

    def may_be_of(self, server: str) -> bool:
        """Say whether it is not known to be about another Plex than this one."""
        return self.server in ("", server)

    def has_files_at(self, paths: Iterable[str]) -> bool:
        """Say whether Stash names the scene's files as it did when last looked at."""
        return self.paths == paths_text(paths)


# A look at JSON text from outside: one too many costs a request, never a lock.
_LOCKED = (
    "SELECT rating_key FROM item WHERE server = ? AND rating_key > ? AND "
    """(base LIKE '%"locked":[%' OR pending LIKE '%"locks":["%') ORDER BY rating_key LIMIT ?"""
)
_ENTRY = "SELECT server, rating_key, scene, section, base, pending, identity FROM item "


def paths_text(paths: Iterable[str]) -> str:
    """Give the files of a scene as its record keeps them; equal files give equal text."""
    return dumps(sorted(set(paths)))


def entry(connection: sqlite3.Connection, server: str, rating_key: int) -> LedgerEntry | None:
    """Give the entry of one item, or None when we never wrote to it."""
    row = connection.execute(
        _ENTRY + "WHERE server = ? AND rating_key = ?", (server, rating_key)
    ).fetchone()
    return LedgerEntry._make(row) if row else None


def entries_elsewhere(
    connection: sqlite3.Connection, server: str, rating_key: int
) -> list[LedgerEntry]:
    """Give the entries that other servers have under a rating key, the newest first."""
    rows = connection.execute(
        _ENTRY + "WHERE rating_key = ? AND server <> ? ORDER BY written_at DESC",
        (rating_key, server),
    )
    return [LedgerEntry._make(row) for row in rows]


def entries_of(connection: sqlite3.Connection, server: str, scene: int) -> list[LedgerEntry]:
    """Give the items remembered for a scene on a server, lowest rating key first."""
    # Left alone, the planner walks the primary key, that is, the whole ledger.
    rows = connection.execute(
        _ENTRY + "INDEXED BY item_scene WHERE server = ? AND scene = ? ORDER BY rating_key",
        (server, scene),
    )
    return [LedgerEntry._make(row) for row in rows]


def entries_for(connection: sqlite3.Connection, scene: int) -> list[LedgerEntry]:
    """Give the items of a scene on whatever server."""
    rows = connection.execute(_ENTRY + "WHERE scene = ?", (scene,))
    return [LedgerEntry._make(row) for row in rows]


def count_items(connection: sqlite3.Connection, server: str) -> int:
    """Count the items of a server that are a scene's, from an index alone."""
    number: int = connection.execute(
        "SELECT count(*) FROM item INDEXED BY item_scene WHERE scene > 0 AND server = ?", (server,)
    ).fetchone()[0]
    return number


def remembered(
    connection: sqlite3.Connection, server: str, scenes: Sequence[int]
) -> dict[int, list[int]]:
    """Give the rating keys remembered for many scenes, lowest first; no key for none."""
    found: dict[int, list[int]] = {}
    query = (
        "SELECT scene, rating_key FROM item INDEXED BY item_scene WHERE server = ? "
        "AND scene IN ({}) ORDER BY rating_key"
    )
    for scene, rating_key in rows_among(connection, query, scenes, server):
        found.setdefault(scene, []).append(rating_key)
    return found


def seen(
    connection: sqlite3.Connection, server: str, scenes: Sequence[int]
) -> dict[int, dict[int, str]]:
    """Give what was noted by ``put_seen``, by scene and rating key.

    "" where nothing was noted since the entry was written, something is pending, or a value
    is kept about which a person may have answered.
    """
    found: dict[int, dict[int, str]] = {}
    query = (
        "SELECT scene, rating_key, CASE WHEN pending = '' AND NOT EXISTS "
        "(SELECT 1 FROM difference WHERE difference.server = item.server "
        "AND difference.rating_key = item.rating_key) THEN seen ELSE '' END "
        "FROM item INDEXED BY item_scene WHERE server = ? AND scene IN ({}) ORDER BY rating_key"
    )
    for scene, rating_key, digest in rows_among(connection, query, scenes, server):
        found.setdefault(scene, {})[rating_key] = digest
    return found


def put_seen(connection: sqlite3.Connection, server: str, digests: Mapping[int, str]) -> None:
    """Note what stands for items that are as their entries say, by rating key."""
    connection.executemany(
        "UPDATE item SET seen = ? WHERE server = ? AND rating_key = ?",
        [(digest, server, rating_key) for rating_key, digest in digests.items()],
    )


def intend(connection: sqlite3.Connection, *entries: LedgerEntry, now: float) -> None:
    """Commit what is about to be written, before the request leaves."""
    connection.executemany(
        "INSERT INTO item (server, rating_key, scene, section, base, pending, identity, "
        "written_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (server, rating_key) DO UPDATE "
        "SET scene = excluded.scene, section = excluded.section, base = excluded.base, "
        "pending = excluded.pending, identity = excluded.identity, seen = '', gone_at = 0",
        [(*entry, now) for entry in entries],
    )


def withdraw(
    connection: sqlite3.Connection, intent: LedgerEntry, before: LedgerEntry | None
) -> None:
    """Take back an intent of which nothing was sent, unless more was written since."""
    key = (intent.server, intent.rating_key, intent.pending)
    where = "WHERE server = ? AND rating_key = ? AND pending = ?"
    if before is None:
        connection.execute(f"DELETE FROM item {where} AND base = ''", key)  # noqa: S608 - constants
    else:
        connection.execute(
            f"UPDATE item SET scene = ?, section = ?, pending = ?, identity = ? {where}",  # noqa: S608 - the same
            (before.scene, before.section, before.pending, before.identity, *key),
        )


def acknowledge(connection: sqlite3.Connection, *entries: LedgerEntry, now: float) -> None:
    """Record the ``base`` of entries as what stands in Plex; nothing is pending any more."""
    connection.executemany(
        "INSERT INTO item (server, rating_key, scene, section, base, pending, identity, "
        "written_at) VALUES (?, ?, ?, ?, ?, '', ?, ?) ON CONFLICT (server, rating_key) DO UPDATE "
        "SET scene = excluded.scene, section = excluded.section, base = excluded.base, "
        "pending = '', identity = excluded.identity, written_at = excluded.written_at, seen = '', "
        "gone_at = 0",
        [(*entry[:5], entry.identity, now) for entry in entries],
    )


def note_gone(connection: sqlite3.Connection, server: str, rating_key: int, *, now: float) -> None:
    """Note that Plex has an item no more; it is no scene's by now.

    What was written to it stays known for a while, for it may come back (``GONE_FOR``).
    """
    connection.execute(
        "UPDATE item SET scene = 0, seen = '', gone_at = ? WHERE server = ? AND rating_key = ?",
        (now, server, rating_key),
    )


def forget_gone(connection: sqlite3.Connection, *, now: float) -> None:
    """Drop the entries of items that Plex has had no more for ``GONE_FOR``."""
    long_ago = now - GONE_FOR
    for table in ("difference", "item"):
        connection.execute(
            f"DELETE FROM {table} WHERE (server, rating_key) IN (SELECT server, rating_key "  # noqa: S608 - constants
            "FROM item WHERE gone_at > 0 AND gone_at < ?)",
            (long_ago,),
        )


def locked_items(
    connection: sqlite3.Connection, server: str, rating_key: int, *, limit: int
) -> list[int]:
    """Give up to ``limit`` rating keys above one, ascending, of items that we may have locked."""
    return [key for (key,) in connection.execute(_LOCKED, (server, rating_key, limit))]


def scene_record(connection: sqlite3.Connection, scene: int) -> SceneRecord | None:
    """Give what the last look at a scene found, or None when there was none."""
    row = connection.execute("SELECT * FROM scene WHERE id = ?", (scene,)).fetchone()
    return SceneRecord._make(row) if row else None


def scene_records(connection: sqlite3.Connection, scenes: Sequence[int]) -> dict[int, SceneRecord]:
    """Give what the last looks at many scenes found, by scene; no key where there was none."""
    rows = rows_among(connection, "SELECT * FROM scene WHERE id IN ({})", scenes)
    return {row[0]: SceneRecord._make(row) for row in rows}


def records_between(
    connection: sqlite3.Connection, last_id: int, end: int, most: int
) -> list[SceneRecord]:
    """Give up to ``most`` records of scenes above ``last_id`` and up to ``end``, ids ascending."""
    rows = connection.execute(
        "SELECT * FROM scene WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (last_id, end, most)
    )
    return [SceneRecord._make(row) for row in rows]


def forget_looks(connection: sqlite3.Connection) -> None:
    """Let the next sweep take every scene for changed; inside the caller's transaction."""
    connection.execute("UPDATE scene SET looked_at = 0, detailed_at = 0")
    meta.put(connection, meta.SWEEP_SINCE, 0.0)


def record_scene(
    connection: sqlite3.Connection, record: SceneRecord, carried: Iterable[tuple[str, int]]
) -> None:
    """Keep what a look found, and which (kind, id) the scene carries now."""
    record_scenes(connection, [(record, carried)])


def record_scenes(
    connection: sqlite3.Connection, looks: Sequence[tuple[SceneRecord, Iterable[tuple[str, int]]]]
) -> None:
    """Keep what looks found, and which (kind, id) each of the scenes carries now."""
    connection.executemany(
        "INSERT OR REPLACE INTO scene VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [record for record, _ in looks],
    )
    carried = {(kind, number, record.id) for record, carries in looks for kind, number in carries}
    query = "SELECT kind, id, scene FROM carries WHERE scene IN ({})"
    known = set(rows_among(connection, query, [record.id for record, _ in looks]))
    # In the order of the table, which is laid out by it.
    connection.executemany(
        "DELETE FROM carries WHERE kind = ? AND id = ? AND scene = ?", sorted(known - carried)
    )
    connection.executemany("INSERT INTO carries VALUES (?, ?, ?)", sorted(carried - known))


def newest_scene(connection: sqlite3.Connection) -> int:
    """Give the highest id of a scene that was ever looked at, 0 for none."""
    row = connection.execute("SELECT max(id) FROM scene").fetchone()
    return row[0] or 0


def scenes_carrying(connection: sqlite3.Connection, kind: str, numbers: Sequence[int]) -> list[int]:
    """Give the scenes that carried one of some studios, performers... when last looked at."""
    query = "SELECT scene FROM carries WHERE kind = ? AND id IN ({})"
    return sorted({scene for (scene,) in rows_among(connection, query, numbers, kind)})


def carried_ids(connection: sqlite3.Connection, kind: str) -> list[int]:
    """Give the ids of a kind that any scene carried when last looked at."""
    rows = connection.execute("SELECT DISTINCT id FROM carries WHERE kind = ?", (kind,))
    return [number for (number,) in rows]


def owners(connection: sqlite3.Connection, scenes: Sequence[int]) -> set[int]:
    """Give those of some scenes that own an item, on any server."""
    query = "SELECT DISTINCT scene FROM item WHERE scene IN ({})"
    return {scene for (scene,) in rows_among(connection, query, scenes)}


def sharers(connection: sqlite3.Connection, owners: Iterable[int]) -> list[int]:
    """Give the scenes that, when last looked at, shared an item with one of some owners."""
    of = {f"{SHARES_WITH} {owner}" for owner in owners}
    rows = connection.execute(
        "SELECT id, note FROM scene WHERE note LIKE ? ORDER BY id", (f"%{SHARES_WITH} %",)
    )
    return [scene for scene, note in rows if not of.isdisjoint(note.split("; "))]


def cede(connection: sqlite3.Connection, server: str, scene: int, owner: int) -> None:
    """Note that another scene owns from now on what a scene owned, unless it owns more."""
    if not entries_of(connection, server, scene):
        connection.execute(
            "UPDATE scene SET outcome = ?, note = ? WHERE id = ? AND outcome <> ?",
            (SHARES, f"{SHARES_WITH} {owner}", scene, SKIPPED),
        )


def forget_scene(connection: sqlite3.Connection, scene: int) -> None:
    """Drop what we know of a scene that Stash no longer has; Plex is not touched.

    What we wrote to its items stays known: it belongs to them, and to whichever scene
    holds their files next. Only Plex itself losing an item ends its entry.
    """
    connection.execute("DELETE FROM scene WHERE id = ?", (scene,))
    connection.execute("DELETE FROM carries WHERE scene = ?", (scene,))
    connection.execute("UPDATE item SET scene = 0 WHERE scene = ?", (scene,))
