"""The history: what was written to which item, field by field, and the running tally.

What stood there before is kept with it, so that a change can be given back: of the last
runs of "Sync all", and of all else for some days.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Mapping

from store import LARGEST_ID, meta
from store.named_tuple import NamedTuple
from store.queue import places
from store.quick_json import dumps

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from typing import Any

#: Changes kept in any case; older ones are dropped a batch at a time.
KEPT = 2000
BATCH = 200
#: Runs of "Sync all" that are kept whole, seconds for which all else is, and the most of that.
RUNS = 3
WEEK = 7 * 86400.0
MOST = 100_000
#: Changes of a run up to which they are counted for the page.
COUNTED = 10_000
#: Rows dropped at once: twice as many as come until the next time.
DROPPED = 2 * BATCH
#: How the name of a change ends that came from Plex to Stash.
FROM_PLEX = " in Plex"
#: Letters of a value that are kept to be shown; what is given back is kept in full.
SHOWN = 300

_COLUMNS = "number, at, scene, rating_key, title, changes, run, server, undo, undone"
# How the column "undo" says that what is packed beside it gives something back, and that Stash
# alone gets it: whichever Plex it came from.
_UNDO, _UNDO_IN_STASH = "1", "s"
# Where nobody noted which Plex it was, it is the one that was spoken to last.
_OPEN = "undo <> '' AND undone = '' AND server IN ('', ?)"
# Of one run, and 0 is none.
_TO_UNDO = f"run > 0 AND run = ? AND {_OPEN}"


class Change(NamedTuple):
    """One item that was changed.

    ``changes`` and ``undo`` are JSON text, the latter that of merge/former.py; ``run`` is the
    Unix time at which its "Sync all" or "Go on" began, 0 for none; ``undone`` is "", or
    ``BACK``, or the names of the fields that stay because they were changed since.
    """

    number: int
    at: float
    scene: int
    rating_key: int
    title: str
    changes: str
    run: float
    server: str
    undo: str
    undone: str


#: What ``undone`` says where all was given back.
BACK = "back"


class NewChange(NamedTuple):
    """A change that is to be appended, as ``new_change`` makes it; ``packed`` holds its texts."""

    at: float
    scene: int
    rating_key: int
    title: str
    packed: bytes
    server: str
    undo: str


def new_change(
    *,
    at: float,
    scene: int,
    rating_key: int,
    title: str,
    changes: Mapping[str, Any],
    server: str = "",
    undo: str = "",
    in_stash: bool = False,
) -> NewChange:
    """Make a change ready to be appended: see ``Change``.

    ``changes`` are by field its [old, new], and cut here to what is shown; ``server`` is Plex's
    machine identifier; ``in_stash`` says that ``undo`` gives back to Stash alone.
    """
    shown = {name: [str(one)[:SHOWN] for one in values] for name, values in changes.items()}
    # Both have the old values, so both are packed; what is beside says whether there is one.
    packed = pack(dumps(shown, compact=True, ensure_ascii=False), undo)
    told = _UNDO_IN_STASH if in_stash else _UNDO
    return NewChange(at, scene, rating_key, title, packed, server, told if undo else "")


def append(
    connection: sqlite3.Connection, *changes: NewChange, runs: Mapping[int, float] | None = None
) -> None:
    """Append changes in their order, in the transaction that records their items.

    ``runs`` is when the run began that a scene belongs to, by scene; none for no run.
    """
    if not changes:
        return
    runs = runs or {}
    connection.executemany(
        "INSERT INTO history (at, scene, rating_key, title, changes, server, undo, run) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(*change, runs.get(change.scene, 0.0)) for change in changes],
    )
    number = connection.execute("SELECT last_insert_rowid()").fetchone()[0]
    for _ in range(number // BATCH - (number - len(changes)) // BATCH):
        _drop(connection, number, changes[-1].at)


def _drop(connection: sqlite3.Connection, number: int, now: float) -> None:
    """Drop some of what is too old; each question is answered by an index alone."""
    runs = runs_of(connection)[:RUNS]
    oldest_run = runs[-1] if len(runs) == RUNS else 0.0
    for which, *values in (
        ("run > 0 AND run < ? ORDER BY run LIMIT ?", oldest_run, DROPPED),
        ("at < ? AND run = 0 AND number <= ? LIMIT ?", now - WEEK, number - KEPT, DROPPED),
        ("run = 0 ORDER BY number DESC LIMIT ? OFFSET ?", DROPPED, MOST),
    ):
        found = f"SELECT number FROM history WHERE {which}"  # noqa: S608 - our constants
        connection.execute(f"DELETE FROM history WHERE number IN ({found})", values)  # noqa: S608


def since(connection: sqlite3.Connection, at: float, most: int) -> int:
    """Count what was written to Plex after a Unix time, ``most`` changes at most."""
    written = "SELECT 1 FROM history WHERE at > ? AND undo NOT IN ('', ?) LIMIT ?"
    values = at, _UNDO_IN_STASH, most
    return int(connection.execute(f"SELECT count(*) FROM ({written})", values).fetchone()[0])  # noqa: S608 - ours


def runs_of(connection: sqlite3.Connection) -> list[float]:
    """Give when the runs began whose changes are known, the newest first."""
    found: list[float] = []
    query = "SELECT max(run) FROM history WHERE run > 0 AND run < ?"
    while run := connection.execute(query, (found[-1] if found else 1e18,)).fetchone()[0]:
        found.append(run)
    return found


def page(
    connection: sqlite3.Connection,
    *,
    scenes: Iterable[int] | None = None,
    run: float = 0.0,
    before: int = LARGEST_ID,
    limit: int,
) -> list[Change]:
    """Give up to ``limit`` changes below the number of the last one seen, newest first.

    Those of some ``scenes``, at most 900, None for all; those of one ``run``, 0 for all.
    """
    where, values = ["number < ?"], list[float]([before])
    if scenes is not None:
        wanted = list(scenes)
        where.append(f"scene IN ({places(wanted)})")
        values += wanted
    if run:
        where.append("run > 0 AND run = ?")
        values.append(run)
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM history WHERE {' AND '.join(where)} "  # noqa: S608 - our constants
        "ORDER BY number DESC LIMIT ?",
        (*values, limit),
    )
    return [_read(row) for row in rows]


def _read(row: tuple[Any, ...]) -> Change:
    change, kept = Change._make(row), row[_COLUMNS.split(", ").index("changes")]
    if isinstance(kept, str):  # of an older PlexSync
        return change
    changes, undo = unpack(kept)
    return change._replace(changes=changes, undo=undo)


def get(connection: sqlite3.Connection, number: int) -> Change | None:
    """Give one change, None when it was dropped."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM history WHERE number = ?",  # noqa: S608 - constants
        (number,),
    ).fetchone()
    return _read(row) if row else None


def last_run_at(connection: sqlite3.Connection) -> float:
    """Give when the newest run began of which something was not given back, 0 for none.

    What another Plex got than the one that was spoken to last can only be given back there.
    """
    query = f"SELECT 1 FROM history WHERE {_TO_UNDO} LIMIT 1"  # noqa: S608 - our constants
    runs, server = runs_of(connection)[:RUNS], meta.server_seen(connection)
    return next((run for run in runs if connection.execute(query, (run, server)).fetchone()), 0.0)


def last_run(connection: sqlite3.Connection) -> tuple[float, list[int]]:
    """Give when the newest run began of which something was not given back, and those changes.

    It is 0 for none; the changes are given by number, newest first.
    """
    run = last_run_at(connection)
    query = f"SELECT number FROM history WHERE {_TO_UNDO} ORDER BY number DESC"  # noqa: S608 - ours
    server = meta.server_seen(connection)
    return run, [number for (number,) in connection.execute(query, (run, server))]


def size_of(connection: sqlite3.Connection, run: float) -> int:
    """Count what a run changed, ``COUNTED`` at most; answered by an index alone."""
    query = "SELECT count(*) FROM (SELECT 1 FROM history WHERE run > 0 AND run = ? LIMIT ?)"
    return int(connection.execute(query, (run, COUNTED)).fetchone()[0])


def last_of_scene(connection: sqlite3.Connection, scene: int) -> list[Change]:
    """Give what was changed last of a scene and was not given back, an entry for each item.

    It is that of the Plex that was spoken to last, or came to Stash from any.
    """
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM history WHERE scene = ? AND undone = '' "  # noqa: S608
        f"AND (undo = ? OR {_OPEN}) ORDER BY number DESC LIMIT 20",
        (scene, _UNDO_IN_STASH, meta.server_seen(connection)),
    )
    found = [_read(row) for row in rows]
    return [one for one in found if one.at == found[0].at]


def refused(connection: sqlite3.Connection, run: float, limit: int) -> list[tuple[int, str]]:
    """Give (scene, fields) of up to ``limit`` changes of a run that could not be given back."""
    return connection.execute(
        "SELECT scene, undone FROM history WHERE run > 0 AND run = ? "
        "AND undone NOT IN ('', 'back') ORDER BY number LIMIT ?",
        (run, limit),
    ).fetchall()


def note_undone(connection: sqlite3.Connection, number: int, undone: str) -> None:
    """Keep what became of giving a change back; see ``Change``."""
    connection.execute("UPDATE history SET undone = ? WHERE number = ?", (undone, number))


def count(
    connection: sqlite3.Connection, outcome: str, reason: str = "", *, scenes: int = 1
) -> None:
    """Add scenes to the tally, in the transaction that ends them."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?, ?) "
        "ON CONFLICT (outcome, reason) DO UPDATE SET scenes = scenes + excluded.scenes",
        (outcome, reason, scenes),
    )


def tally(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Give (outcome, reason, scenes) since the tally was last reset."""
    return connection.execute("SELECT outcome, reason, scenes FROM tally ORDER BY 1, 2").fetchall()


def reset_tally(connection: sqlite3.Connection) -> None:
    """Start counting anew."""
    connection.execute("DELETE FROM tally")


# Packed together each text is kept once, for an old value stands in what is shown and in what is
# given back, and what all of them have in common not at all.

#: What such texts are made of, the most frequent last. What was packed with it can be read
#: with it alone: another dictionary needs another format.
_FORMAT = b"\x01"
_COMMON = (
    b'"content_rating":["","labels":["","collections":["","an earlier upload","upload://art/'
    b'"upload://posters/"metadata://art/tv.plex.agents.movie_metadata://posters/tv.plex.agents.'
    b'movie_"https://metadata-static.plex.tv/people/.jpg"],["poster":["Plex\'s own picture",'
    b'"the scene\'s cover ("],"background":["Plex\'s own picture","the scene\'s cover ("]}'
    b'{"title":["Scene ","sort_title":["","studio":["","summary":["","date":["","20","rating":["'
    b'","performers":["","director":["","tags":[""]}{"k":["art","background","content_rating",'
    b'"date","director","performers","poster","rating","sort_title","studio","summary","tags",'
    b'"thumb","title"],"l":{"director":[[],"="],"performers":[[],"="],"tags":[[],"="]},"p":{'
    b'"background":["",""],"poster":["",""]},"t":{"date":["",""],"rating":["",""],"sort_title":['
    b'"",""],"studio":["",""],"summary":["",""],"title":["",""]}}'
)
#: How far back it looks, and for how much it makes room: at zlib's usual size, making room
#: for a text costs four times what packing it does. Whatever is chosen can be read.
_WINDOW, _ROOM = 13, 5
#: Between two texts; JSON has none of it.
_BETWEEN = "\0"


def pack(*texts: str) -> bytes:
    """Give some texts of JSON as what ``unpack`` reads."""
    packing = zlib.compressobj(wbits=-_WINDOW, memLevel=_ROOM, zdict=_COMMON)
    plain = _BETWEEN.join(texts).encode(errors="surrogatepass")
    return _FORMAT + packing.compress(plain) + packing.flush()


def unpack(packed: bytes) -> list[str]:
    """Give the texts again.

    Raises:
        ValueError: It is nothing that ``pack`` gave.
    """
    if packed[:1] != _FORMAT:
        raise ValueError("this was not packed by us")
    unpacking = zlib.decompressobj(wbits=-zlib.MAX_WBITS, zdict=_COMMON)
    try:
        plain = unpacking.decompress(packed[1:]) + unpacking.flush()
    except zlib.error as error:
        raise ValueError("what was packed is damaged") from error
    if not unpacking.eof:
        raise ValueError("what was packed is not whole")
    return plain.decode(errors="surrogatepass").split(_BETWEEN)
