"""A disk that is full, read-only or slow; a clock that jumps; an update under way; two Stashes."""

from __future__ import annotations

import contextlib
import resource
import shutil
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from simulator.control import start_stash
from simulator.environment import copy_plugin
from simulator.library import catalogue_file
from store import schema
from tests.installation import Installation, installation, renewed_installation, wait_for
from tests.stepped_worker import SteppedWorker
from worker.launcher import WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 4
DAY = 86400.0


class Disk:
    """The disk that holds the data directory: a small one of its own where mounting is allowed."""

    def __init__(self, env: Installation) -> None:
        self.env = env
        env.data.mkdir(mode=0o700)
        words = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(env.data)]
        self.mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no room; without a disk of its own, nobody may write past a file's first page."""
        if not self.mounted:
            self._limit(4096)
            return
        filler = (self.env.data / "filler").open("wb", buffering=0)
        with filler, contextlib.suppress(OSError):
            while filler.write(b"x" * 4096):
                pass

    def empty(self) -> None:
        """Make room again."""
        if self.mounted:
            (self.env.data / "filler").unlink()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        stash = self.env.stash.process
        assert stash is not None
        for process in (stash.process.pid, *self.env.workers()):
            hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))

    def writable(self, *, wanted: bool) -> None:
        """Allow or forbid all writing."""
        if self.mounted:
            option = f"remount,{'rw' if wanted else 'ro'}"
            command = ["mount", "-o", option, str(self.env.data)]
            # Busy as long as a process that was killed a moment ago has a file open.
            wait_for(
                lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0
            )
        else:
            for path in self.env.data.iterdir():
                path.chmod(0o600 if wanted else 0o400)
            self.env.data.chmod(0o700 if wanted else 0o500)

    def close(self) -> None:
        """Give the disk back."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.env.data)], check=True)


one_installation, env = renewed_installation(SCENES)


@pytest.fixture
def disk(env: Installation) -> Iterator[Disk]:
    """The disk under the data directory, with all scenes in step."""
    made = Disk(env)
    try:
        for scene in range(1, SCENES + 1):
            env.save(scene, title=f"Before {scene}")
        env.settled()
        yield made
    finally:
        env.kill_workers()
        made.close()


def last_error(env: Installation) -> str:
    """Give what the last hook answered as its error."""
    return str(env.stash.runs()[-1]["error"])


def test_a_full_disk_is_said_and_the_edit_is_found_later(disk: Disk) -> None:
    """The hook answers with the reason; once there is room, the next one brings both."""
    env = disk.env
    env.kill_workers()
    disk.fill()
    env.save(1, title="Saved while it was full")
    assert str(env.data) in last_error(env)
    assert "Sync all to Plex" in last_error(env)
    disk.empty()
    env.save(2, title="Saved afterwards")
    env.title_becomes(2, "Saved afterwards")
    env.title_becomes(1, "Saved while it was full")


def test_a_worker_waits_for_a_full_disk(disk: Disk) -> None:
    """The same process goes on by itself once there is room: nobody has to save anything."""
    env = disk.env
    hang = env.plex.fault("delay", seconds=1.0, times=None)
    for scene in range(1, SCENES + 1):
        env.save(scene, title=f"Amid {scene}")
    worker = env.workers()
    disk.fill()
    time.sleep(2.5)
    env.plex.clear_faults(hang)
    assert env.workers() == worker
    disk.empty()
    for scene in range(1, SCENES + 1):
        env.title_becomes(scene, f"Amid {scene}", 40)
    env.settled()
    assert env.workers() == worker


@pytest.mark.timeout(120)
def test_a_worker_waits_as_long_as_the_disk_is_full(disk: Disk) -> None:
    """However often it tries in vain: it is the same one hours later, and nobody has to save."""
    env = disk.env
    env.kill_workers()
    env.patience("worker/process.py", "LONGEST_PAUSE", 0.1)
    hang = env.plex.fault("delay", seconds=1.0, times=None)
    for scene in range(1, SCENES + 1):
        env.save(scene, title=f"Amid {scene}")
    worker = env.workers()
    disk.fill()
    env.plex.clear_faults(hang)
    time.sleep(10.0)  # some forty tries
    assert env.workers() == worker
    assert env.crash().count("tries again") <= 2
    disk.empty()
    for scene in range(1, SCENES + 1):
        env.title_becomes(scene, f"Amid {scene}", 40)
    env.settled()
    assert env.workers() == worker


def test_a_read_only_directory_is_said_and_the_edit_is_found_later(disk: Disk) -> None:
    """The hook names the directory and starts nothing; nothing is lost."""
    env = disk.env
    env.kill_workers()
    wait_for(lambda: not env.workers())
    disk.writable(wanted=False)
    env.save(1, title="Saved while read-only")
    error = last_error(env)
    assert str(env.data) in error
    assert env.workers() == []
    disk.writable(wanted=True)
    env.save(2, title="Saved afterwards")
    env.title_becomes(2, "Saved afterwards")
    env.title_becomes(1, "Saved while read-only")


# A task that still found room to mark its scenes gives the worker its time.
@pytest.mark.timeout(180)
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_task_says_what_is_wrong_with_the_directory(disk: Disk, trouble: str) -> None:
    """A task that cannot write answers with the reason and the directory, and runs once it can."""
    env = disk.env
    env.kill_workers()
    env.stash.set_scene(1, title="Changed while nobody could write")
    if trouble == "full":
        disk.fill()
    else:
        disk.writable(wanted=False)
    for mode in ("sync_all", "preview", "retry_failed", "release_locks", "check_connection"):
        answer = env.run(mode=mode)
        # On a full disk what is small may still find room.
        done = "output" in answer and trouble == "full" and mode != "sync_all"
        assert done or str(env.data) in answer.get("error", ""), (mode, answer)
        assert "Traceback" not in answer["stderr"]
    if trouble == "full":
        disk.empty()
    else:
        disk.writable(wanted=True)
    assert "output" in env.run(mode="sync_all")
    assert env.item(1)["fields"]["title"] == "Changed while nobody could write"


@pytest.mark.parametrize("mode", ["sync_all", "release_locks"])
def test_a_task_does_not_wait_for_ever_for_a_disk_that_filled_up(disk: Disk, mode: str) -> None:
    """Whatever stops the worker from ending scenes, the task finds the reason and says it."""
    env = disk.env
    if not disk.mounted:
        pytest.xfail("needs a disk of its own, which only root may mount")
    env.kill_workers()
    lock = ProcessLock(str(env.data), WORKER_LOCK)
    wait_for(lock.acquire)  # a worker that lives and gets nowhere
    answers: list[dict[str, str]] = []
    task = threading.Thread(target=lambda: answers.append(env.run(mode=mode)))
    task.start()
    wait_for(lambda: len(env.query("SELECT 1 FROM dirty WHERE due_at = 0")) == SCENES)
    disk.fill()
    task.join(60)
    assert not task.is_alive()
    assert str(env.data) in answers[0]["error"]
    assert "full" in answers[0]["error"]
    disk.empty()
    lock.release()
    assert "output" in env.run(mode=mode)


def test_a_slow_disk_makes_everybody_wait_and_nobody_fail(env: Installation) -> None:
    """Another process holds the write lock for seconds: hooks and worker wait their turn."""
    env.save(1, title="First")
    env.title_becomes(1, "First")
    for scene in range(1, SCENES + 1):
        env.stash.set_scene(scene, title=f"Slowly {scene}")
    said: list[str] = []
    with contextlib.closing(schema.open_database(str(env.data))) as other:
        for _ in range(2):
            other.execute("BEGIN IMMEDIATE")
            crowd = [
                threading.Thread(target=lambda scene=scene: said.append(str(env.hook(scene))))
                for scene in range(1, SCENES + 1)
            ]
            for hook in crowd:
                hook.start()
            time.sleep(2)
            other.execute("COMMIT")
            for hook in crowd:
                hook.join()
    assert ["is noted" in line for line in said] == [True] * 2 * SCENES
    for scene in range(1, SCENES + 1):
        env.title_becomes(scene, f"Slowly {scene}")
    assert "locked" not in env.log() + env.crash()


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY], ids=["back", "forward"])
def test_a_clock_that_jumps_postpones_nothing_for_ever(env: Installation, jump: float) -> None:
    """What waits for Plex, and for an item, is looked at again whatever the clock says now."""
    missing = catalogue_file(3)
    env.plex.delete_item(env.item(3)["ratingKey"])
    stepped = SteppedWorker(env)
    try:
        stepped.hook(3)
        stepped.drain()
        env.plex.fault("status", status=503, times=None)
        env.stash.set_scene(1, title="Before the jump")
        stepped.hook(1)
        stepped.drain()
        assert len(env.rows()) == 2
        stepped.late += jump
        env.plex.clear_faults()
        env.plex.add_item(missing.plex_path, size=missing.size, oshash=missing.oshash)
        env.stash.set_scene(2, title="After the jump")
        stepped.hook(2)
        stepped.drain()
        assert env.rows() == []
        assert env.item(1)["fields"]["title"] == "Before the jump"
        assert env.item(2)["fields"]["title"] == "After the jump"
        stepped.late -= jump
        env.stash.set_scene(2, title="And back")
        stepped.hook(2)
        stepped.drain()
        assert env.item(2)["fields"]["title"] == "And back"
    finally:
        stepped.resident.close()
        stepped.lock.release()


@pytest.mark.timeout(120)
def test_an_update_file_by_file_loses_nothing(env: Installation) -> None:
    """Files are replaced one after another, each half written for a moment, amid edits."""
    env.save(1, title="Before the update")
    env.settled()
    worker = env.workers()
    files = sorted(env.plugin_dir.rglob("*.py"))
    for number, path in enumerate(files):
        content = path.read_text(encoding="utf-8") + "\n# updated\n"
        path.write_text(content[: len(content) // 2], encoding="utf-8")
        if number % 25 == 10:
            env.save(number % SCENES + 1, title=f"While {number} was half written")
        path.write_text(content, encoding="utf-8")
        time.sleep(0.02)
    env.save(1, title="After the update")
    wait_for(lambda: "goes: updated" in env.log(), 40)
    for scene in range(1, SCENES + 1):
        wanted = str(env.stash.scene(scene)["title"])
        env.title_becomes(scene, wanted, 40)
    assert env.workers() == worker


@pytest.mark.timeout(120)
def test_an_update_while_the_disk_is_full_is_taken_up(disk: Disk) -> None:
    """The worker that tries again and again becomes the new release, in the same process."""
    env = disk.env
    hang = env.plex.fault("delay", seconds=1.0, times=None)
    for scene in range(1, SCENES + 1):
        env.save(scene, title=f"Amid both {scene}")
    worker, became = env.workers(), env.config_dir / "became"
    disk.fill()
    time.sleep(2.0)
    env.plex.clear_faults(hang)
    with (env.plugin_dir / "worker" / "process.py").open("a", encoding="utf-8") as file:
        file.write(f"open({str(became)!r}, 'w').close()\n")
    time.sleep(5.0)  # whoever looks only now takes it for what was loaded
    disk.empty()
    wait_for(became.exists, 60.0)
    for scene in range(1, SCENES + 1):
        env.title_becomes(scene, f"Amid both {scene}", 40)
    assert env.workers() == worker


@pytest.mark.timeout(120)
def test_an_update_that_was_cut_off_stops_no_bulk(tmp_path: Path) -> None:
    """Half a file that stays so is said, and the worker goes on as the release that it is."""
    scenes = 120  # it takes longer than from one look at the files to the next
    with installation(tmp_path, scenes, sync_fields="title") as env:
        env.plex.latency(60)
        with env.start(mode="sync_all") as task:
            wait_for(lambda: env.plex.counts()["edits"] >= 3)
            (worker,) = env.workers()
            (env.plugin_dir / "tasks" / "undo.py").write_text("def half(", encoding="utf-8")
            assert b" 0 failed" in task.communicate(timeout=60)[0]
        assert env.workers() == [worker]
        wait_for(lambda: "undo.py cannot be read" in env.log())
        wait_for(lambda: "reinstall the plugin" in str(env.hook(1)))


def test_two_stashes_with_one_plex_do_not_undo_each_other(
    env: Installation, tmp_path: Path
) -> None:
    """What one wrote is a person's edit to the other: kept, told, and no endless to and fro."""
    config_dir = tmp_path / "second"
    plugin_dir = copy_plugin(config_dir / "plugins" / "PlexSync")
    with start_stash(
        SCENES, plugin_dir=config_dir / "plugins", config_dir=config_dir
    ) as second_stash:
        second = Installation(second_stash, env.plex, config_dir, plugin_dir)
        second.settings()
        try:
            env.save(1, title="The first Stash's")
            env.title_becomes(1, "The first Stash's")
            second.save(1, title="The second Stash's")
            second.settled()
            assert env.item(1)["fields"]["title"] == "The first Stash's"
            assert "is kept" in second.log()
            for one in (env, second):
                one.run(mode="sync_all")
            for one in (env, second):
                one.settled()
            before = env.plex.counts()
            for one in (env, second, env, second):
                one.run(mode="sync_all")
            changed = {
                kind: count - before.get(kind, 0)
                for kind, count in env.plex.counts().items()
                if "edit" in kind or "write" in kind
            }
            assert set(changed.values()) <= {0}, changed
            env.save(1, title="The first Stash's, edited")
            env.title_becomes(1, "The first Stash's, edited")
        finally:
            second.kill_workers()
            shutil.rmtree(config_dir, ignore_errors=True)
