"""The worker's life: when it goes, when it must not, and what it does after a kill or an update."""

from __future__ import annotations

import os
import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from log import SIZE, Log
from simulator.library import catalogue_file
from store import holds, queue, schema
from store.enqueue import enqueue
from tasks.follow import LogTail
from tests.installation import ROOT, installation, shared_installation, wait_for
from tests.plugin_process import connection
from tests.stepped_worker import SteppedWorker, settled_worker
from worker import hook, process, reload
from worker.launcher import WORKER_LOCK, ProcessLock
from worker.process import Resident
from worker.reload import PluginFiles

if TYPE_CHECKING:
    import pytest

    from store.queue import QueueRow
    from tests.installation import Installation


env = shared_installation(12)
stepped = settled_worker


def in_a_while(stepped: SteppedWorker, *, seconds: float) -> None:
    """Let the worker believe that it has had nothing to do for so long."""
    stepped.resident._busy_at -= seconds
    stepped.resident._stash_at -= seconds


# --- when it goes ------------------------------------------------------------------------------


def test_a_passing_worker_goes_when_nothing_waits(tmp_path: Path) -> None:
    """Outside a container the worker goes after its idle time, sleeping all the while."""
    resident = Resident(str(tmp_path / "data"), stays=False, idle=0.3)
    before = time.process_time()
    assert resident.run() == "idle"
    assert time.process_time() - before < 0.2
    resident.close()


def test_a_worker_does_not_go_while_anything_waits(stepped: SteppedWorker) -> None:
    """A scene that is to be looked at in a day would be forgotten by a worker that went."""
    stepped.resident._stays = False
    env = stepped.env
    env.plex.delete_item(env.item(11)["ratingKey"])
    stepped.hook(11)
    stepped.drain()
    in_a_while(stepped, seconds=3600)
    assert stepped.rows()[11].reason == "NotInPlexYet"
    assert stepped.resident._why_go() == ""
    env.plex.add_item(catalogue_file(11).plex_path)
    stepped.settle()
    in_a_while(stepped, seconds=3600)
    assert stepped.resident._why_go() == "idle"


def test_a_parked_scene_does_not_keep_the_worker(stepped: SteppedWorker) -> None:
    """What waits for an edit or a button is no reason to stay."""
    stepped.resident._stays = False
    stepped.hook(1)
    row = queue.get(stepped.resident.store.connection, "scene", 1)
    assert row
    queue.postpone(stepped.resident.store.connection, row, due_at=None, reason="x", message="m")
    in_a_while(stepped, seconds=3600)
    assert stepped.resident._why_go() == "idle"
    stepped.hook(1)
    stepped.settle()


def test_a_resident_worker_stays_while_stash_answers(stepped: SteppedWorker) -> None:
    """Where nobody would reap it the worker stays idle for ever, as long as Stash is there."""
    in_a_while(stepped, seconds=1e6)
    assert stepped.resident._why_go() == ""


def test_a_worker_goes_when_stash_is_gone(stepped: SteppedWorker) -> None:
    """A Stash that has not answered for a while will not be back for this worker."""
    stepped.env.stash.fault("reset_before", path="/graphql", times=None)
    in_a_while(stepped, seconds=120)
    assert stepped.resident._why_go() == ""
    in_a_while(stepped, seconds=3600)
    assert stepped.resident._why_go() == "stash gone"
    assert stepped.holds() == {}


def test_a_refusal_is_a_sign_of_life(stepped: SteppedWorker) -> None:
    """A Stash that no longer takes our cookie is alive, and the next hook brings a new one."""
    stepped.env.stash.fault("unauthorized", path="/graphql", times=None)
    in_a_while(stepped, seconds=3600)
    assert stepped.resident._why_go() == ""


# --- no wake-up is lost ------------------------------------------------------------------------


def test_a_hook_between_the_last_look_and_the_exit_is_seen(tmp_path: Path) -> None:
    """A hook that still met the lock relies on the look after the lock is given up."""
    data = str(tmp_path / "plexsync-data")
    resident = Resident(data, stays=False, idle=0.0)
    lock = ProcessLock(data, WORKER_LOCK)
    assert lock.acquire()
    assert resident.run() == "idle"
    assert not resident.was_told_more()
    payload = {
        "server_connection": connection(tmp_path),
        "args": {"hookContext": {"id": 3, "type": "Scene.Update.Post", "input": None}},
    }
    assert hook.run(payload, "no entry is needed")[0] == {
        "output": "scene 3 is noted, worker woken"
    }
    lock.release()
    assert resident.was_told_more()
    resident.close()


SHORT_LIVED = """
import sys
sys.path.insert(0, {root!r})
from worker import process
from worker.launcher import WORKER_LOCK, ProcessLock
directory = sys.argv[2]
lock = ProcessLock(directory, WORKER_LOCK, process._inherited(directory))
if lock.acquire_soon():
    process.live(directory, lock, stays=False, idle=0.02)
"""


def test_no_hook_is_lost_to_a_worker_that_is_just_going(
    env: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hooks at random moments around the worker's exit: each ends with Plex in step."""
    env.kill_workers()
    wait_for(lambda: not env.worker_lives())
    entry = tmp_path / "short_lived.py"
    # -S leaves the packages out, and the test's own interpreter has them.
    entry.write_text("import site; site.main()\n" + SHORT_LIVED.format(root=str(ROOT)), "utf-8")
    chance = random.Random(7)
    started = 0
    for number in range(60):
        if number >= 12 and started >= 2:
            break  # on a busy machine the worker's exit is not met so soon
        title = f"race {number}"
        env.stash.set_scene(1, title=title)
        context = {"id": 1, "type": "Scene.Update.Post", "input": None}
        link = connection(env.config_dir, Port=env.stash.port)
        link["SessionCookie"]["Value"] = env.stash.cookie()
        payload = {"server_connection": link, "args": {"hookContext": context}}
        said = hook.run(payload, str(entry))[0]["output"]
        started += said.endswith("started")
        env.title_becomes(1, title, 15)
        time.sleep(chance.uniform(0.0, 0.06))
    assert started >= 2
    for _ in range(started):
        os.waitpid(-1, 0)


# --- updates -----------------------------------------------------------------------------------


def plugin_files(folder: Path) -> Path:
    """A little plugin folder."""
    (folder / "worker").mkdir(parents=True)
    (folder / "plexsync.py").write_text("1", "utf-8")
    (folder / "worker" / "__init__.py").touch()
    (folder / "worker" / "a.py").write_text("1", "utf-8")
    return folder


def test_an_update_counts_when_it_has_settled(tmp_path: Path) -> None:
    """Files are replaced one by one; only when nothing moves any more is the update complete."""
    folder, now = plugin_files(tmp_path / "plugin"), 0.0
    watch = PluginFiles(str(folder), clock=lambda: now)
    now = 100.0
    assert not watch.changed()
    (folder / "worker" / "a.py").write_text("changed", "utf-8")
    now += reload.LOOK
    assert watch.changed()
    assert not watch.settled()
    now += reload.SETTLED
    (folder / "worker" / "b.py").write_text("more", "utf-8")
    assert not watch.settled()
    now += reload.SETTLED
    assert watch.settled()
    assert not watch.removed()


def test_an_update_that_is_half_written_is_none_however_long_it_lies(tmp_path: Path) -> None:
    """A worker does not become what would not even compile; it waits for the rest of the file."""
    folder, now = plugin_files(tmp_path / "plugin"), 0.0
    watch = PluginFiles(str(folder), clock=lambda: now)
    (folder / "worker" / "a.py").write_text("def f(", "utf-8")
    now = 100.0
    assert watch.changed()
    now += 10 * reload.SETTLED
    assert not watch.settled()
    (folder / "worker" / "a.py").write_text("def f(): ...", "utf-8")
    now += reload.LOOK
    watch.look()
    now += reload.SETTLED
    assert watch.settled()


def test_a_removed_plugin_takes_its_worker_along(tmp_path: Path) -> None:
    """Files that stay away are an uninstalled plugin; for a moment they are an update."""
    folder, now = plugin_files(tmp_path / "plugin"), 0.0
    watch = PluginFiles(str(folder), clock=lambda: now)
    (folder / "worker" / "a.py").unlink()
    (folder / "plexsync.py").unlink()
    now = reload.LOOK
    assert watch.changed()
    now += reload.SETTLED + 1
    assert not watch.settled()
    assert not watch.removed()
    now += reload.REMOVED
    assert watch.removed()


def test_an_uninstalled_plugin_leaves_no_worker(tmp_path: Path) -> None:
    """Stash removes the files it had installed; within seconds nothing of them runs any more."""
    with installation(tmp_path, scenes=2) as env:
        env.at_rest()
        assert env.workers()
        # Not what Python compiled, so the folder stays.
        for path in list(env.plugin_dir.rglob("*")):
            if path.is_file() and path.parent.name != "__pycache__":
                path.unlink()
        wait_for(lambda: not env.workers(), 30)
        assert env.crash() == ""
        assert "goes: removed" in env.log()


def test_an_updated_plugin_goes_on_in_the_same_process(tmp_path: Path) -> None:
    """New files are taken over in place: same process, lock never free, new code at work.

    On the processor it stands back behind hooks, and not further with each update.
    """
    with installation(tmp_path, scenes=3) as env:
        env.save(1, title="before")
        env.settled()
        (worker,) = env.workers()
        behind = max(os.getpriority(os.PRIO_PROCESS, 0), process.NICE)
        assert os.getpriority(os.PRIO_PROCESS, worker) == behind
        marker = tmp_path / "the new code ran"
        with (env.plugin_dir / "worker" / "retry_policy.py").open("a", encoding="utf-8") as module:
            module.write(f"\nopen({str(marker)!r}, 'w').close()\n")
        env.hook(2)  # wakes it, so that it notices at once
        end = time.monotonic() + 30
        while "updated" not in env.log() and time.monotonic() < end:
            assert env.worker_lives()
            time.sleep(0.01)
        for _ in range(50):
            assert env.worker_lives()
            time.sleep(0.01)
        env.save(1, title="after")
        env.title_becomes(1, "after")
        assert marker.exists()
        assert env.workers() == [worker]
        assert os.getpriority(os.PRIO_PROCESS, worker) == behind
        assert env.crash() == ""


# --- faults of our own -------------------------------------------------------------------------


def test_a_defect_of_ours_parks_its_scene_and_stops_no_other(
    stepped: SteppedWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw in one scene is parked with its kind, and the others go on."""
    work = stepped.resident.worker._sync_scene

    def stumble(row: QueueRow) -> None:
        if row.id == 2:
            raise KeyError("something of ours")
        work(row)

    monkeypatch.setattr(stepped.resident.worker, "_sync_scene", stumble)
    stepped.env.stash.set_scene(1, title="one")
    stepped.hook(1, 2)
    stepped.settle()
    assert stepped.env.item(1)["fields"]["title"] == "one"
    row = stepped.rows()[2]
    assert row.due_at is None
    assert "KeyError" in row.message
    assert "something of ours" not in row.message
    assert "stumble" in stepped.env.log()
    monkeypatch.undo()
    stepped.hook(2)
    stepped.settle()
    assert stepped.rows() == {}


# --- holds -------------------------------------------------------------------------------------


def test_a_hook_ends_the_wait_for_stash(stepped: SteppedWorker) -> None:
    """A hook comes from a living Stash: after an outage nobody waits for the next probe."""
    connection = stepped.resident.store.connection
    hold = holds.Hold(holds.STASH, stepped.clock() + 290, 0.0, 9, "StashUnreachable", "m", "", "")
    stepped.hook(1)
    stepped.drain()
    stepped.resident.breaker.lets_pass()
    holds.put(connection, hold)
    stepped.resident.breaker.lets_pass()
    holds.put(connection, hold)
    assert not stepped.resident.breaker.lets_pass()
    stepped.hook(1)
    assert stepped.resident.breaker.lets_pass()
    stepped.settle()


def test_settings_that_come_with_a_scene_hold_for_that_scene(stepped: SteppedWorker) -> None:
    """A setting changed before the save is in force for that very save."""
    stepped.env.stash.set_scene(4, title="four", details="new words")
    stepped.settle()
    old = stepped.env.item(4)["fields"].get("summary")
    stepped.env.settings(sync_fields="title")
    stepped.hook(4)
    stepped.settle()
    fields = stepped.env.item(4)["fields"]
    assert fields["title"] == "four"
    assert fields.get("summary") == old


def test_wrong_settings_are_said_once_and_cost_no_writes(stepped: SteppedWorker) -> None:
    """While settings are wrong the worker looks at them, and writes nothing while they stay so."""
    said = stepped.env.log().count("(the queue waits)")
    stepped.env.settings(plex_url="not an address")
    stepped.hook(5)
    stepped.drain()
    assert stepped.holds()[holds.SETTINGS].setting == "plex_url"
    version = stepped.resident.store.connection.total_changes
    for _ in range(4):
        stepped.late += 6
        stepped.drain()
    assert stepped.resident.store.connection.total_changes == version
    assert stepped.env.log().count("(the queue waits)") == said + 1
    stepped.env.settings()
    stepped.late += 6
    stepped.settle()
    assert stepped.holds() == {}


# --- the log, followed -------------------------------------------------------------------------


def test_a_follower_of_the_log_misses_nothing_when_it_rotates(tmp_path: Path) -> None:
    """Each line comes once, complete and in order, across the rotation of the file."""
    log, tail = Log(str(tmp_path)), LogTail(str(tmp_path))
    assert tail.lines() == []
    seen: list[str] = []
    rotated = SIZE // 7000 + 3
    for number in range(rotated):
        log.info(f"{number} {'x' * 7000}")
        if number % 3 == 0:
            seen += [text.split()[0] for _, text in tail.lines()]
    seen += [text.split()[0] for _, text in tail.lines()]
    assert (tmp_path / "plexsync.log.1").exists()
    assert seen == [str(number) for number in range(rotated)]
    log.close()


def test_a_follower_gives_complete_lines_only(tmp_path: Path) -> None:
    """A line that is still being written waits for its end."""
    path, tail = tmp_path / "plexsync.log", LogTail(str(tmp_path))
    path.write_bytes(b"2026-01-01T00:00:00.000Z INFO one\n2026-01-01T00:00:00.000Z WARN")
    assert tail.lines() == [("INFO", "one")]
    with path.open("ab") as file:
        file.write(b"ING two\nno line of ours\n")
    assert tail.lines() == [("WARNING", "two")]
    path.write_bytes(b"")
    assert tail.lines() == []


# --- killed ------------------------------------------------------------------------------------


def few_rows(env: Installation, count: int) -> bool:
    """Say whether no more than ``count`` rows are dirty."""
    return len(env.rows()) <= count


def test_a_worker_killed_amid_a_hundred_scenes_converges_after_one_more_hook(
    tmp_path: Path,
) -> None:
    """SIGKILL in the middle, several times, then one hook: all in step, hardly a write repeated."""
    with installation(tmp_path, scenes=100) as env:
        env.hook(1)
        env.settled()
        env.plex.clear_requests()
        for scene in range(1, 101):
            env.stash.set_scene(scene, title=f"kill {scene}")
        database = schema.open_database(str(env.data))
        database.execute("BEGIN IMMEDIATE")
        enqueue(database, "scene", range(1, 101), now=time.time())
        database.execute("COMMIT")
        database.close()
        kills = 0
        for left in (75, 40):
            env.hook(1)
            wait_for(partial(few_rows, env, left))
            kills += env.kill_workers()
        assert kills == 2
        assert env.rows()
        wait_for(lambda: not env.worker_lives())
        assert env.hook(1)["output"].endswith("started")
        env.settled(40)
        titles = [env.item(scene)["fields"]["title"] for scene in range(1, 101)]
        assert titles == [f"kill {scene}" for scene in range(1, 101)]
        puts = [one for one in env.plex.requests(headers=False) if one["method"] == "PUT"]
        assert 100 <= len(puts) <= 100 + kills


def test_a_sigterm_is_as_good_as_a_kill(env: Installation) -> None:
    """Nothing needs a farewell: a stopped worker leaves a whole queue to the next one."""
    env.settings()
    env.hook(1)
    (worker,) = wait_for(env.workers)
    os.kill(worker, signal.SIGTERM)
    wait_for(lambda: not env.worker_lives())
    env.save(1, title="after the term")
    env.title_becomes(1, "after the term")
