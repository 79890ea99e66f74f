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

from simulator.control_stash import start_stash
from simulator.demo_town import copy_plugin
from simulator.library import catalogue_file
from store import schema
from tests.hand import Hand
from tests.installation import Installation, installation, wait_for
from worker.launcher import WORKER_LOCK, ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 4
DAY = 86400.0


class Disk:
    """The disk that holds the data directory: a small one of its own where mounting is allowed."""

    def __init__(self, town: Installation) -> None:
        self.town = town
        town.data.mkdir(mode=0o700)
        words = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", str(town.data)]
        self.mounted = subprocess.run(words, check=False, capture_output=True).returncode == 0

    def fill(self) -> None:
        """Leave no room; without a disk of its own, nobody may write past a file's first page."""
        if not self.mounted:
            self._limit(4096)
            return
        filler = (self.town.data / "filler").open("wb", buffering=0)
        with filler, contextlib.suppress(OSError):
            while filler.write(b"x" * 4096):
                pass

    def empty(self) -> None:
        """Make room again."""
        if self.mounted:
            (self.town.data / "filler").unlink()
        else:
            self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        stash = self.town.stash.process
        assert stash is not None
        for process in (stash.process.pid, *self.town.workers()):
            hard = resource.prlimit(process, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))

    def writable(self, *, wanted: bool) -> None:
        """Allow or forbid all writing."""
        if self.mounted:
            option = f"remount,{'rw' if wanted else 'ro'}"
            subprocess.run(["mount", "-o", option, str(self.town.data)], check=True)
        else:
            for path in self.town.data.iterdir():
                path.chmod(0o600 if wanted else 0o400)
            self.town.data.chmod(0o700 if wanted else 0o500)

    def close(self) -> None:
        """Give the disk back."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.town.data)], check=True)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation."""
    with installation(tmp_path, scenes=SCENES) as running:
        yield running


@pytest.fixture
def disk(town: Installation) -> Iterator[Disk]:
    """The disk under the data directory, with all scenes in step."""
    made = Disk(town)
    try:
        for scene in range(1, SCENES + 1):
            town.save(scene, title=f"Before {scene}")
        town.settled()
        yield made
    finally:
        town.kill_workers()
        made.close()


def last_error(town: Installation) -> str:
    """Give what the last hook answered as its error."""
    return str(town.stash.runs()[-1]["error"])


def test_a_full_disk_is_said_and_the_edit_is_found_later(disk: Disk) -> None:
    """The hook answers with the reason; once there is room, the next one brings both."""
    town = disk.town
    town.kill_workers()
    disk.fill()
    town.save(1, title="Saved while it was full")
    assert str(town.data) in last_error(town)
    assert "Sync all to Plex" in last_error(town)
    disk.empty()
    town.save(2, title="Saved afterwards")
    town.title_becomes(2, "Saved afterwards")
    town.title_becomes(1, "Saved while it was full")


def test_a_worker_waits_for_a_full_disk(disk: Disk) -> None:
    """The same process goes on by itself once there is room: nobody has to save anything."""
    town = disk.town
    hang = town.plex.fault("delay", seconds=1.0, times=None)
    for scene in range(1, SCENES + 1):
        town.save(scene, title=f"Amid {scene}")
    worker = town.workers()
    disk.fill()
    time.sleep(2.5)
    town.plex.clear_faults(hang)
    assert town.workers() == worker
    disk.empty()
    for scene in range(1, SCENES + 1):
        town.title_becomes(scene, f"Amid {scene}", 40)
    town.settled()
    assert town.workers() == worker


def test_a_read_only_directory_is_said_and_the_edit_is_found_later(disk: Disk) -> None:
    """The hook names the directory and starts nothing; nothing is lost."""
    town = disk.town
    town.kill_workers()
    wait_for(lambda: not town.workers())
    disk.writable(wanted=False)
    town.save(1, title="Saved while read-only")
    error = last_error(town)
    assert str(town.data) in error
    assert town.workers() == []
    disk.writable(wanted=True)
    town.save(2, title="Saved afterwards")
    town.title_becomes(2, "Saved afterwards")
    town.title_becomes(1, "Saved while read-only")


# A task that still found room to mark its scenes gives the worker its time.
@pytest.mark.timeout(180)
@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_task_says_what_is_wrong_with_the_directory(disk: Disk, trouble: str) -> None:
    """A task that cannot write answers with the reason and the directory, and runs once it can."""
    town = disk.town
    town.kill_workers()
    town.stash.set_scene(1, title="Changed while nobody could write")
    if trouble == "full":
        disk.fill()
    else:
        disk.writable(wanted=False)
    for mode in ("sync_all", "preview", "retry_failed", "release_locks", "check_connection"):
        answer = town.run(mode=mode)
        # On a full disk what is small may still find room.
        done = "output" in answer and trouble == "full" and mode != "sync_all"
        assert done or str(town.data) in answer.get("error", ""), (mode, answer)
        assert "Traceback" not in answer["stderr"]
    if trouble == "full":
        disk.empty()
    else:
        disk.writable(wanted=True)
    assert "output" in town.run(mode="sync_all")
    assert town.item(1)["fields"]["title"] == "Changed while nobody could write"


@pytest.mark.parametrize("mode", ["sync_all", "release_locks"])
def test_a_task_does_not_wait_for_ever_for_a_disk_that_filled_up(disk: Disk, mode: str) -> None:
    """Whatever stops the worker from ending scenes, the task finds the reason and says it."""
    town = disk.town
    if not disk.mounted:
        pytest.xfail("needs a disk of its own, which only root may mount")
    town.kill_workers()
    lock = ProcessLock(str(town.data), WORKER_LOCK)
    wait_for(lock.acquire)  # a worker that lives and gets nowhere
    answers: list[dict[str, str]] = []
    task = threading.Thread(target=lambda: answers.append(town.run(mode=mode)))
    task.start()
    wait_for(lambda: len(town.query("SELECT 1 FROM dirty WHERE due_at = 0")) == SCENES)
    disk.fill()
    task.join(60)
    assert not task.is_alive()
    assert str(town.data) in answers[0]["error"]
    assert "full" in answers[0]["error"]
    disk.empty()
    lock.release()
    assert "output" in town.run(mode=mode)


def test_a_slow_disk_makes_everybody_wait_and_nobody_fail(town: Installation) -> None:
    """Another process holds the write lock for seconds: hooks and worker wait their turn."""
    town.save(1, title="First")
    town.title_becomes(1, "First")
    for scene in range(1, SCENES + 1):
        town.stash.set_scene(scene, title=f"Slowly {scene}")
    said: list[str] = []
    with contextlib.closing(schema.open_database(str(town.data))) as other:
        for _ in range(2):
            other.execute("BEGIN IMMEDIATE")
            crowd = [
                threading.Thread(target=lambda scene=scene: said.append(str(town.hook(scene))))
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
        town.title_becomes(scene, f"Slowly {scene}")
    assert "locked" not in town.log() + town.crash()


@pytest.mark.parametrize("jump", [-400 * DAY, 400 * DAY], ids=["back", "forward"])
def test_a_clock_that_jumps_postpones_nothing_for_ever(town: Installation, jump: float) -> None:
    """What waits for Plex, and for an item, is looked at again whatever the clock says now."""
    missing = catalogue_file(3)
    town.plex.delete_item(town.item(3)["ratingKey"])
    hand = Hand(town)
    try:
        hand.hook(3)
        hand.drain()
        town.plex.fault("status", status=503, times=None)
        town.stash.set_scene(1, title="Before the jump")
        hand.hook(1)
        hand.drain()
        assert len(town.rows()) == 2
        hand.late += jump
        town.plex.clear_faults()
        town.plex.add_item(missing.plex_path, size=missing.size, oshash=missing.oshash)
        town.stash.set_scene(2, title="After the jump")
        hand.hook(2)
        hand.drain()
        assert town.rows() == []
        assert town.item(1)["fields"]["title"] == "Before the jump"
        assert town.item(2)["fields"]["title"] == "After the jump"
        hand.late -= jump
        town.stash.set_scene(2, title="And back")
        hand.hook(2)
        hand.drain()
        assert town.item(2)["fields"]["title"] == "And back"
    finally:
        hand.resident.close()
        hand.lock.release()


@pytest.mark.timeout(120)
def test_an_update_file_by_file_loses_nothing(town: Installation) -> None:
    """Files are replaced one after another, each half written for a moment, amid edits."""
    town.save(1, title="Before the update")
    town.settled()
    worker = town.workers()
    files = sorted(town.plugin_dir.rglob("*.py"))
    for number, path in enumerate(files):
        content = path.read_text(encoding="utf-8") + "\n# updated\n"
        path.write_text(content[: len(content) // 2], encoding="utf-8")
        if number % 25 == 10:
            town.save(number % SCENES + 1, title=f"While {number} was half written")
        path.write_text(content, encoding="utf-8")
        time.sleep(0.05)
    town.save(1, title="After the update")
    wait_for(lambda: "goes: updated" in town.log(), 40)
    for scene in range(1, SCENES + 1):
        wanted = str(town.stash.scene(scene)["title"])
        town.title_becomes(scene, wanted, 40)
    assert town.workers() == worker


def test_two_stashes_with_one_plex_do_not_undo_each_other(
    town: Installation, tmp_path: Path
) -> None:
    """What one wrote is a person's edit to the other: kept, told, and no endless to and fro."""
    config_dir = tmp_path / "second"
    plugin_dir = copy_plugin(config_dir / "plugins" / "PlexSync")
    with start_stash(
        SCENES, plugin_dir=config_dir / "plugins", config_dir=config_dir
    ) as second_stash:
        second = Installation(second_stash, town.plex, config_dir, plugin_dir)
        second.settings()
        try:
            town.save(1, title="The first Stash's")
            town.title_becomes(1, "The first Stash's")
            second.save(1, title="The second Stash's")
            second.settled()
            assert town.item(1)["fields"]["title"] == "The first Stash's"
            assert "is kept" in second.log()
            for one in (town, second):
                one.run(mode="sync_all")
            for one in (town, second):
                one.settled()
            before = town.plex.counts()
            for one in (town, second, town, second):
                one.run(mode="sync_all")
            changed = {
                kind: count - before.get(kind, 0)
                for kind, count in town.plex.counts().items()
                if "edit" in kind or "write" in kind
            }
            assert set(changed.values()) <= {0}, changed
            town.save(1, title="The first Stash's, edited")
            town.title_becomes(1, "The first Stash's, edited")
        finally:
            second.kill_workers()
            shutil.rmtree(config_dir, ignore_errors=True)
