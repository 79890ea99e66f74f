"""What changes around a worker: logins, keys, ports, time, files, its own database."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import start_plex, start_stash
from simulator.library import catalogue_file
from store import holds
from tests.bulk_worker import BulkWorker, key_of, stepped_bulk, writes
from tests.installation import Installation, installation, wait_for
from tests.stepped_worker import SteppedWorker, step
from tests.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from pathlib import Path

    from simulator.control import PlexControl

MINUTE = 60.0
#: Seconds for which what was read of Plex counts as recent (sync/write.py), here; and longer.
GOOD_FOR, STANDS_STILL = 2.0, 3.0


def title(env: Installation, scene: int) -> str:
    """What Plex shows as a scene's title."""
    return str(env.item(scene)["fields"]["title"])


def saved_without_hook(stepped: SteppedWorker, scene: int, words: str) -> None:
    """Change a scene and mark it, without the fresh connection that a hook brings."""
    stepped.env.stash.set_scene(scene, title=words)
    stepped.late += MINUTE
    stepped.mark(scene)
    stepped.drain()


def test_a_login_that_is_added_holds_until_the_next_hook(tmp_path: Path) -> None:
    """The cookie of before opens nothing any more; the queue waits, and the next hook mends it."""
    with installation(tmp_path, scenes=2) as env, step(env) as stepped:
        stepped.hook(1)
        stepped.settle()
        env.stash.options(username="admin")
        saved_without_hook(stepped, 1, "Behind the new login")
        assert stepped.holds()[holds.STASH].reason == "StashRefused"
        assert stepped.rows()[1].attempts == 0
        stepped.hook(2)
        stepped.settle()
        assert title(env, 1) == "Behind the new login"
        assert stepped.holds() == {}


def test_a_key_and_a_cookie_that_are_rotated_hold_until_the_next_hook(tmp_path: Path) -> None:
    """With the old key and a dead cookie nothing is lost; the new cookie brings the new key."""
    told = {"username": "admin", "api_key": "the-first-key-of-this-stash"}
    with installation(tmp_path, scenes=2, stash=told) as env, step(env) as stepped:
        stepped.hook(1)
        stepped.settle()
        env.stash.options(api_key="the-second-key-of-this-stash")
        saved_without_hook(stepped, 1, "While the cookie lives")
        stepped.settle()
        assert title(env, 1) == "While the cookie lives"
        env.stash.options(advance_seconds=2 * 3600, api_key="the-third-key-of-this-stash")
        saved_without_hook(stepped, 1, "After both were rotated")
        assert stepped.holds()[holds.STASH].reason == "StashRefused"
        stepped.hook(2)
        stepped.settle()
        assert title(env, 1) == "After both were rotated"
        env.stash.options(advance_seconds=4 * 3600)
        saved_without_hook(stepped, 1, "With the key of now")
        assert title(env, 1) == "With the key of now"
        assert "-key-of-this-stash" not in env.log()


def test_a_stash_at_another_port_is_followed_by_the_next_hook(tmp_path: Path) -> None:
    """What waited for the one that is gone goes on with the one that answers."""
    with (
        installation(tmp_path, scenes=2) as env,
        step(env) as stepped,
        start_stash(2, config_dir=env.config_dir) as moved,
    ):
        stepped.hook(1)
        stepped.settle()
        assert env.stash.process
        env.stash.process.close()
        stepped.late += MINUTE
        stepped.mark(1)
        stepped.drain()
        assert stepped.holds()[holds.STASH].reason == "StashUnreachable"
        env.stash = moved
        env.settings()
        moved.set_scene(1, title="At another port")
        stepped.hook(2)
        stepped.settle()
        assert title(env, 1) == "At another port"
        assert stepped.holds() == {}


def test_a_worker_that_stands_still_in_a_bulk_goes_on_from_a_fresh_read(tmp_path: Path) -> None:
    """What a person did in Plex meanwhile stays, nothing is written twice, and none fails."""
    scenes = 60
    with installation(tmp_path, scenes, sync_fields="title") as env:
        env.plex.latency(40)
        env.patience("sync/write.py", "GOOD_FOR", GOOD_FOR)
        task = env.start(mode="sync_all")
        assert task.stdout
        wait_for(lambda: env.plex.counts()["edits"] >= 5)
        (worker,) = env.workers()
        os.kill(worker, signal.SIGSTOP)
        try:
            written = {key for keys, _ in writes(env) for key in keys}
            by_hand = next(n for n in range(scenes, 0, -1) if key_of(env, n) not in written)
            env.plex.person_sets(key_of(env, by_hand), fields={"title": "By hand meanwhile"})
            time.sleep(STANDS_STILL)
        finally:
            os.kill(worker, signal.SIGCONT)
        said = task.stdout.read().decode()
        assert task.wait(120) == 0
        task.stdout.close()
        assert re.search(r"\b0 failed", said), said
        assert title(env, by_hand) == "By hand meanwhile"
        others = set(range(1, scenes + 1)) - {by_hand}
        assert all(title(env, n) == env.stash.scene(n)["title"] for n in others)
        keys = [key for keys, params in writes(env) for key in keys if "title.value" in params]
        assert len(keys) == len(set(keys)) == len(others)


def test_files_that_are_swapped_between_two_items_take_their_texts_along(tmp_path: Path) -> None:
    """Each item shows the scene whose file it holds, and a person's words stay with the item."""
    fields = "title, summary, tags"
    with installation(tmp_path, 4) as env, stepped_bulk(env, sync_fields=fields) as stepped:

        def sync_all() -> None:
            stepped.late += MINUTE
            stepped.forget_requests()
            stepped.task(range(1, 5))
            stepped.drain()
            stepped.resident.task_lock.release()

        sync_all()
        first, second = key_of(env, 1), key_of(env, 2)
        env.plex.person_sets(first, fields={"summary": "A person's own"})
        files = [env.plex.item(key)["files"] for key in (first, second)]
        for key, its in ((first, files[1]), (second, files[0])):
            env.plex.person_sets(key, files=[{"path": one["path"]} for one in its])
        sync_all()
        assert [key_of(env, 1), key_of(env, 2)] == [second, first]
        for number in (1, 2):
            assert title(env, number) == env.stash.scene(number)["title"]
        assert env.plex.item(first)["fields"]["summary"] == "A person's own"
        sync_all()
        assert stepped.plex_counts()["writes"] == 0


@pytest.mark.parametrize("alive", [False, True], ids=["while it rests", "under a worker"])
def test_an_older_database_that_is_put_back_is_brought_in_step(tmp_path: Path, alive: bool) -> None:
    """It knows less than what was written: Plex ends as Stash is, and a person's words stay."""
    with installation(tmp_path, 6, sync_fields="title, summary") as env:

        def sync_all() -> dict[str, Any]:
            return env.run(mode="sync_all")

        sync_all()
        env.kill_workers()
        kept = tmp_path / "older"
        kept.mkdir()
        for path in env.data.glob("plexsync.sqlite*"):
            shutil.copy(path, kept / path.name)
        for number in (1, 2, 3):
            env.stash.set_scene(number, title=f"Written since {number}")
        sync_all()
        env.plex.person_sets(env.item(4)["ratingKey"], fields={"title": "By hand"})
        env.stash.set_scene(2, title="Changed after all")
        if not alive:
            env.kill_workers()
        for path in env.data.glob("plexsync.sqlite*"):
            path.unlink()
        for path in kept.iterdir():
            shutil.copy(path, tmp_path / path.name)
            (tmp_path / path.name).replace(env.data / path.name)
        assert " 0 failed" in sync_all()["output"]
        env.settled()
        assert title(env, 1) == "Written since 1"
        assert title(env, 2) == "Changed after all"
        assert title(env, 4) == "By hand"
        env.plex.clear_requests()
        sync_all()
        assert env.plex.counts()["writes"] == 0
        env.stash.set_scene(3, title="And it goes on")
        env.hook(3)
        env.title_becomes(3, "And it goes on")
        wait_for(lambda: len(env.workers()) == 1, 60.0)


def test_a_plex_that_comes_back_after_another_is_not_taken_for_that_one(tmp_path: Path) -> None:
    """At one address: what was compared with one says nothing of the other, nor does the page."""
    scenes, late = range(1, 7), 0.0
    with (
        installation(tmp_path, len(scenes)) as env,
        start_plex(len(scenes), machine_id="f" * 40) as other,
        TcpProxy(env.plex.port) as proxy,
    ):
        env.settings(plex_url=f"http://127.0.0.1:{proxy.port}", sync_fields="title")

        def sync(plex: PlexControl, *numbers: int) -> None:
            """Let the worker that starts next find this Plex."""
            nonlocal late
            late += 5 * MINUTE
            proxy.open(target=plex.port)
            with contextlib.closing(BulkWorker(env)) as stepped:
                stepped.late = late
                stepped.task(numbers)
                stepped.drain()
                assert not stepped.rows()
                assert not stepped.holds()
                stepped.resident.sweep.run()

        def kind() -> str:
            return str(env.run(mode="page_state")["output"]["state"]["kind"])

        sync(env.plex, *scenes)
        assert kind() == "good"
        sync(other, 1)
        assert kind() == "partly"
        assert env.run(mode="scene_state", id=2)["output"]["state"]["kind"] == "unknown"
        for number in scenes:
            env.stash.set_scene(number, title=f"Meanwhile {number}")
        sync(other, *scenes)
        assert kind() == "good"
        sync(env.plex, *scenes)
        for plex in (env.plex, other):
            for number in scenes:
                item = plex.item_at(catalogue_file(number).plex_path)
                assert item["fields"]["title"] == f"Meanwhile {number}"
        env.plex.clear_requests()
        sync(env.plex, *scenes)
        assert env.plex.counts()["writes"] == 0


def test_undo_and_release_locks_reach_the_plex_that_the_settings_name_now(tmp_path: Path) -> None:
    """Not the one that the worker spoke to last; what another one got waits for that one."""
    with (
        installation(tmp_path, 3, sync_fields="title") as env,
        start_plex(3, machine_id="f" * 40) as other,
    ):

        def points_at(plex: PlexControl) -> None:
            env.settings(plex_url=plex.url, sync_fields="title")

        def locked(plex: PlexControl) -> int:
            items = (plex.item_at(catalogue_file(number).plex_path) for number in (1, 2, 3))
            return sum(bool(item["locked"]) for item in items)

        env.run(mode="sync_all")
        points_at(other)
        env.hook(1)
        env.settled()
        assert "There is no sync to undo" in env.run(mode="undo_last_sync")["output"]
        env.run(mode="sync_all")
        points_at(env.plex)
        env.hook(1)
        env.settled()
        points_at(other)
        env.run(mode="release_locks")
        assert (locked(env.plex), locked(other)) == (3, 0)
        points_at(env.plex)
        assert "3 items were given back" in env.run(mode="undo_last_sync")["output"]
        assert title(env, 1) == "Scene 000001"
        assert locked(env.plex) == 0
        assert other.item_at(catalogue_file(1).plex_path)["fields"]["title"] != "Scene 000001"
