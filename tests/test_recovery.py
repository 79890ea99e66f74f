"""A disk that is full, a directory that is read-only, a database that is damaged or gone."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import sqlite3
import stat
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from store import backup, recovery, schema
from store.ledger import LedgerEntry, acknowledge, entry
from store.maintenance import Maintenance
from store.store import Store
from tests.installation import Installation, installation, wait_for
from worker.launcher import WAKE_PIPE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCENES = 4
BY_HAND = "Kept by hand"


def wrote(store: Store, rating_key: int, *, at: float, base: str = '{"values":{}}') -> LedgerEntry:
    """Note that we wrote to an item."""
    written = LedgerEntry("server", rating_key, rating_key, 1, base, "")
    with store.transaction() as connection:
        acknowledge(connection, written, now=at)
    return written


def no_warning(text: str) -> None:
    """Fail if upkeep has anything to say."""
    pytest.fail(text)


# --- the backup itself -----------------------------------------------------------------------


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store of its own."""
    with contextlib.closing(Store(str(tmp_path / "data"))) as opened:
        yield opened


def test_a_backup_is_made_when_something_was_written_since(store: Store) -> None:
    """At most once an hour, only after writing, and again when the worker goes."""
    now = [1_000_000.0]
    upkeep = Maintenance(store, no_warning, lambda: now[0])
    path = Path(store.path(backup.FILE))
    upkeep.run()
    assert not path.exists()
    wrote(store, 1, at=now[0])
    now[0] += 3600
    upkeep.run()
    first = path.stat().st_ino
    now[0] += 3600
    upkeep.run()
    assert path.stat().st_ino == first
    wrote(store, 2, at=now[0])
    now[0] += 60
    upkeep.run()
    assert path.stat().st_ino == first
    upkeep.run(leaving=True)
    assert path.stat().st_ino != first


def test_a_backup_is_private_and_holds_no_way_to_stash(store: Store) -> None:
    """Its mode is 0600, and Stash's cookie is not in it."""
    cookie = {"Name": "session", "Value": "canary-of-a-cookie"}
    with store.transaction() as connection:
        connection.execute(
            "INSERT INTO meta VALUES ('connection', ?)", (str({"SessionCookie": cookie}),)
        )
    wrote(store, 1, at=5.0)
    backup.make(store.connection, store.directory, now=6.0)
    path = Path(store.path(backup.FILE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert b"canary" not in path.read_bytes()
    assert {file.name for file in path.parent.iterdir()} <= {
        backup.FILE,
        schema.FILE,
        *(schema.FILE + end for end in ("-wal", "-shm")),
    }


def test_a_backup_that_cannot_be_committed_leaves_the_store_as_it_was(store: Store) -> None:
    """A tool that copies the folder reads the new file just then: the next change is made."""
    wrote(store, 1, at=5.0)
    connection = store.connection
    connection.execute("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(":memory:")) as reader:

        def read(statement: str) -> None:
            if "copy.meta" in statement:
                reader.execute("ATTACH ? AS fresh", (store.path(backup.FILE + ".new"),))
                reader.execute("BEGIN")
                reader.execute("SELECT count(*) FROM fresh.item").fetchone()

        connection.set_trace_callback(read)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            backup.make(connection, store.directory, now=6.0)
        connection.set_trace_callback(None)
    assert not connection.in_transaction
    assert [name for _, name, _ in connection.execute("PRAGMA database_list")] == ["main"]
    assert entry(connection, "server", 2) is None
    wrote(store, 2, at=7.0)
    with contextlib.closing(Store(store.directory)) as other:
        assert entry(other.connection, "server", 2) is not None


def test_upkeep_that_finds_no_room_takes_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup and a smaller database that do not fit on the disk leave it as full as it was."""
    for number in range(40):
        wrote(store, number, at=5.0, base=os.urandom(4000).hex())
    store.connection.execute("CREATE TABLE gone AS SELECT randomblob(2000000)")
    store.connection.execute("DROP TABLE gone")
    store.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def files() -> dict[str, int]:
        return {path.name: path.stat().st_size for path in Path(store.directory).iterdir()}

    before, said = files(), list[str]()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for without in (None, "is_due"):
        if without:  # as where the backup is done, and there is much to give back
            monkeypatch.setattr(backup, without, lambda *_, **__: False)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            Maintenance(store, said.append).run()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert files() == before
    assert len(said) == 2


def test_a_lost_database_is_begun_anew_from_its_backup(store: Store) -> None:
    """Ledger and identity come back, all scenes are to be looked at, and it is said once."""
    identifier = store.client_identifier()
    written = wrote(store, 1, at=5.0)
    backup.make(store.connection, store.directory, now=6.0)
    store.close()
    for path in Path(store.directory).glob(schema.FILE + "*"):
        path.unlink()
    with contextlib.closing(Store(store.directory)) as again:
        assert entry(again.connection, "server", 1) == written
        assert again.client_identifier() == identifier
        assert "was gone" in again.mishap
        assert "restored" in again.mishap
    with contextlib.closing(Store(store.directory)) as once_more:
        assert once_more.mishap == ""


def test_a_first_installation_has_lost_nothing(store: Store) -> None:
    """Nothing is said, and nothing is looked at, where there was no database before."""
    assert store.mishap == ""


def garbage(path: Path) -> None:
    """Fill the whole file with nonsense."""
    path.write_bytes(os.urandom(path.stat().st_size))


def half(path: Path) -> None:
    """Cut the file."""
    os.truncate(path, path.stat().st_size // 2)


def nothing(path: Path) -> None:
    """Leave an empty file."""
    os.truncate(path, 0)


def gone(path: Path) -> None:
    """Delete the file."""
    path.unlink()


def inside(path: Path) -> None:
    """Spoil all pages but the first, so that opening it seems to go well."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


HARM = [garbage, half, nothing, gone, inside]


@pytest.mark.parametrize("harm", HARM)
def test_many_find_the_damage_at_once(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """Whoever finds a damaged database sets it aside once, and nobody sets a sound one aside."""
    directory = str(tmp_path / "data")
    store = Store(directory)
    wrote(store, 1, at=5.0)
    backup.make(store.connection, directory, now=6.0)
    store.close()
    harm(tmp_path / "data" / schema.FILE)
    recovery.set_aside(directory)
    with contextlib.closing(Store(directory)) as first:
        wrote(first, 2, at=7.0)
        assert not recovery.set_aside(directory)
        with contextlib.closing(Store(directory)) as second:
            assert entry(second.connection, "server", 1)
            assert entry(second.connection, "server", 2)
    kept = list(Path(directory).glob(f"*{recovery.MARK}*"))
    assert len(kept) == (harm in {garbage, half, inside})


def test_a_damaged_backup_stops_nobody(store: Store) -> None:
    """Without a usable backup the ledger starts empty, which is said."""
    wrote(store, 1, at=5.0)
    backup.make(store.connection, store.directory, now=6.0)
    store.close()
    garbage(Path(store.path(schema.FILE)))
    garbage(Path(store.path(backup.FILE)))
    with contextlib.closing(Store(store.directory)) as again:
        assert entry(again.connection, "server", 1) is None
        assert "no backup" in again.mishap


# --- a whole installation --------------------------------------------------------------------


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Four scenes in step, one with a title that a person set in Plex, and a backup of that."""
    with installation(tmp_path_factory.mktemp("recovery"), scenes=SCENES) as running:
        for scene in range(1, SCENES + 1):
            running.save(scene, title=f"Scene {scene}")
        running.settled()
        key = running.item(2)["ratingKey"]
        running.plex.person_sets(key, fields={"title": BY_HAND})
        running.save(2, details="Looked at again.")
        running.settled()
        yield running


def back_up(env: Installation) -> None:
    """Make a backup as a worker does in a calm moment, with none to do the same."""
    env.kill_workers()
    with contextlib.closing(Store(str(env.data))) as store:
        backup.make(store.connection, store.directory, now=1.0)


def said(env: Installation) -> str:
    """Give what was said in Stash's log."""
    return "\n".join(text for _, text in env.stash.log())


def test_a_directory_that_is_deleted_leaves_one_worker(tmp_path: Path) -> None:
    """Its lock is deleted along: the worker that held it makes room for the one that came."""
    with installation(tmp_path, scenes=2) as env:
        env.at_rest()
        (before,) = env.workers()
        with (env.data / WAKE_PIPE).open("wb", buffering=0) as pipe:
            time.sleep(0.5)  # it sleeps by now, and would for half a minute
            shutil.rmtree(env.data)
            env.hook(2)
            pipe.write(b"!")
        wait_for(lambda: before not in env.workers())
        (after,) = env.workers()
        env.save(2, title="And on")
        env.title_becomes(2, "And on")
        assert env.workers() == [after]


def test_a_task_notices_that_its_database_is_gone(tmp_path: Path) -> None:
    """It ends and says so instead of following what nobody works on any more."""
    with installation(tmp_path, scenes=4) as env:
        env.at_rest()
        env.plex.latency(400)
        for scene in range(1, 5):
            env.stash.set_scene(scene, title=f"In a bulk {scene}")
        answers: list[dict[str, Any]] = []
        task = threading.Thread(target=lambda: answers.append(env.run(mode="sync_all")))
        task.start()
        wait_for(lambda: env.query("SELECT 1 FROM dirty WHERE urgency = 2"))
        for name in ("", "-wal", "-shm"):
            (env.data / (schema.FILE + name)).unlink(missing_ok=True)
        task.join(60)
        env.plex.latency(0)
        assert "was replaced" in answers[0]["error"]
        env.hook(1)
        for scene in range(1, 5):
            env.title_becomes(scene, f"In a bulk {scene}", 60)


@pytest.mark.parametrize("harm", [gone, garbage])
def test_a_harmed_database_without_a_backup(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    """What a person set stays, ours is ours again, nothing doubles, and one worker lives on."""
    with installation(tmp_path, scenes=2) as env:
        for scene in (1, 2):
            env.save(scene, title=f"Scene {scene}", tag_ids=["1", "2"])
        env.settled()
        key = env.item(2)["ratingKey"]
        env.plex.person_sets(key, fields={"title": BY_HAND})
        env.kill_workers()
        (env.data / backup.FILE).unlink(missing_ok=True)
        env.stash.set_scene(1, title="Untold")
        for name in ("", "-wal", "-shm"):
            if name and (env.data / (schema.FILE + name)).exists():
                (env.data / (schema.FILE + name)).unlink()
        harm(env.data / schema.FILE)
        env.save(2, details="Looked at again.")
        env.settled()
        assert env.item(2)["fields"]["title"] == BY_HAND
        wait_for(lambda: "is kept" in env.log())
        # Without a base nobody can tell that the other title was ours: it is locked, and kept.
        assert env.item(1)["fields"]["title"] == "Scene 1"
        (worker,) = env.workers()
        assert "there was no backup" in said(env) + str(env.hook(1))
        env.settled()
        # What Stash and Plex agree on is ours again: a tag that goes there goes here.
        before = env.item(2)["tags"]["genre"]
        assert len(before) == len(set(before)) == 2
        env.save(2, tag_ids=["1"])
        wait_for(lambda: len(env.item(2)["tags"]["genre"]) == 1)
        env.run(mode="sync_all")
        assert env.workers() == [worker]
        assert "Traceback" not in env.crash()


@pytest.mark.parametrize("alive", [True, False], ids=["worker alive", "no worker"])
@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_database(env: Installation, harm: Callable[[Path], None], alive: bool) -> None:
    """Scenes, edits made in Plex and what nobody told of survive any harm to the database."""
    back_up(env)
    if alive:
        env.save(4, details=f"Before {harm.__name__}.")
        env.calm()  # one that is at work goes on with what it remembers until it sleeps
    untold = f"untold {harm.__name__} {alive}"
    env.stash.set_scene(3, title=untold)
    before = len(env.stash.log())
    # The write-ahead log would mend much of it.
    with contextlib.closing(sqlite3.connect(env.data / schema.FILE)) as store:
        store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    harm(env.data / schema.FILE)
    title = f"after {harm.__name__} {alive}"
    env.save(1, title=title)
    try:
        env.title_becomes(1, title)
        env.title_becomes(3, untold)
    except AssertionError:
        trouble = [str(env.stash.runs()[-1]["output"]), str(env.workers()), str(env.rows())]
        raise AssertionError("\n".join([*trouble, env.log()[-2000:], env.crash()])) from None
    assert env.item(2)["fields"]["title"] == BY_HAND
    env.settled()
    env.save(4, title=title)
    env.title_becomes(4, title)
    assert "PlexSync's database" in "\n".join(text for _, text in env.stash.log()[before:])
    wait_for(lambda: not env.query("SELECT 1 FROM meta WHERE key = 'mishap' AND value <> '{}'"))
    assert len(list(env.data.glob("*" + recovery.MARK + "*"))) <= 1


@pytest.mark.parametrize("harm", HARM)
def test_a_sleeping_worker_does_not_go_on_with_what_it_remembers(
    env: Installation, harm: Callable[[Path], None]
) -> None:
    """It is harmed after the worker has read all that an edit takes: the edit shows it at once."""
    back_up(env)
    for number in range(2):
        env.save(1, title=f"Before {harm.__name__} {number}")
        env.settled()
        if number == 0:
            with contextlib.closing(sqlite3.connect(env.data / schema.FILE)) as store:
                store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    env.calm()
    before = len(env.log())
    harm(env.data / schema.FILE)
    env.save(1, title=f"After {harm.__name__}")
    wait_for(lambda: "PlexSync's database" in env.log()[before:], 10.0)
    env.title_becomes(1, f"After {harm.__name__}")
    env.settled()


@pytest.mark.parametrize(
    ("table", "mode"), [("scene_outcome", "page_state"), ("tally", "sync_all")]
)
def test_what_only_the_page_or_a_task_reads_is_mended_too(
    tmp_path: Path, table: str, mode: str
) -> None:
    """Whoever finds a damaged page says so, and the next look finds a sound database."""
    with installation(tmp_path, scenes=2) as env:
        for scene in (1, 2):
            env.save(scene, title=f"Scene {scene}")
        env.settled()
        back_up(env)
        find = "SELECT rootpage FROM sqlite_master WHERE name = ?"
        with contextlib.closing(sqlite3.connect(env.data / schema.FILE)) as store:
            store.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            page = store.execute(find, (table,)).fetchone()[0]
        with (env.data / schema.FILE).open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(b"\xa5" * 4096)
        assert "begun anew" in env.run(mode=mode)["error"]
        assert "output" in env.run(mode=mode)
        env.save(1, title="And on")
        env.title_becomes(1, "And on")
