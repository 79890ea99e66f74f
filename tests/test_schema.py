"""The database's version: migrated forward at one go, never touched when it is newer than us."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import subprocess
import threading
from pathlib import Path

import pytest

from store import migrations, schema
from store.store import Store
from tests.plugin_process import COMMAND, connection, payload, run

DUMPS = Path(__file__).resolve().parent / "data" / "schema"
STEP = (
    "ALTER TABLE scene ADD COLUMN colour TEXT NOT NULL DEFAULT 'grey'",
    "CREATE TABLE addition (id INTEGER PRIMARY KEY)",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a database of today's version."""
    folder = tmp_path / "plexsync-data"
    with contextlib.closing(Store(str(folder))) as store:
        store.connection.execute("INSERT INTO carries VALUES ('tag', 1, 2)")
    return folder


def tables(connection: sqlite3.Connection) -> set[tuple[str, str, str]]:
    """Give kind, name and shape of everything in a database."""
    found = set()
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master"):
        columns = connection.execute("SELECT * FROM pragma_table_info(?)", (name,)).fetchall()
        found.add((kind, name, str(columns)))
    return found


def version(data: Path) -> int:
    """Give the version that is written in the file."""
    with contextlib.closing(sqlite3.connect(data / schema.FILE)) as database:
        number: int = database.execute("PRAGMA user_version").fetchone()[0]
        return number


def test_every_released_version_comes_with_its_way_forward(tmp_path: Path) -> None:
    """Each version before today's has a step and a dump, which becomes what a new file is."""
    assert sorted(migrations.STEPS) == list(range(1, schema.VERSION))
    assert sorted(int(path.stem) for path in DUMPS.glob("*.sql")) == list(range(1, schema.VERSION))
    with contextlib.closing(schema.open_database(str(tmp_path / "new"))) as new:
        wanted = tables(new)
    for dump in DUMPS.glob("*.sql"):
        folder = tmp_path / dump.stem
        folder.mkdir()
        with contextlib.closing(sqlite3.connect(folder / schema.FILE)) as old:
            old.executescript(dump.read_text(encoding="utf-8"))
        with contextlib.closing(schema.open_database(str(folder))) as migrated:
            assert tables(migrated) == wanted


def test_an_older_database_is_migrated_once(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight that open it together one migrates; nothing that was in it is lost."""
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    monkeypatch.setitem(migrations.STEPS, schema.VERSION - 1, STEP)
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            schema.open_database(str(data)).close()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            failures.append(error)

    crowd = [threading.Thread(target=open_it) for _ in range(8)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert failures == []
    with contextlib.closing(schema.open_database(str(data))) as database:
        assert ("addition",) in database.execute("SELECT name FROM sqlite_master").fetchall()
        assert database.execute("SELECT * FROM carries").fetchall() == [("tag", 1, 2)]
    assert version(data) == schema.VERSION


def test_a_migration_that_fails_leaves_all_as_it_was(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: a failure in its last statement undoes the first."""
    before = version(data)
    monkeypatch.setattr(schema, "VERSION", before + 1)
    monkeypatch.setitem(migrations.STEPS, before, (*STEP, "INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(sqlite3.OperationalError):
        schema.open_database(str(data))
    assert version(data) == before
    with contextlib.closing(sqlite3.connect(data / schema.FILE)) as database:
        assert not database.execute(
            "SELECT 1 FROM sqlite_master WHERE name = 'addition'"
        ).fetchall()


@pytest.mark.parametrize("who", ["hook", "task", "worker"])
def test_a_newer_database_is_refused_and_not_touched(data: Path, who: str) -> None:
    """Whoever opens it says that the plugin is too old, and no byte changes."""
    with contextlib.closing(sqlite3.connect(data / schema.FILE)) as database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def content() -> str:
        return hashlib.sha256((data / schema.FILE).read_bytes()).hexdigest()

    before = content()
    if who == "worker":
        done = subprocess.run(
            [*COMMAND, "worker", str(data)], capture_output=True, check=True, timeout=60
        )
        told = done.stderr.decode()
    elif who == "hook":
        told = run(payload(data.parent))["error"]
    else:
        given = {"server_connection": connection(data.parent), "args": {"mode": "sync_all"}}
        told = run(json.dumps(given).encode())["error"]
    assert "newer PlexSync" in told
    assert "Traceback" not in told
    assert content() == before
