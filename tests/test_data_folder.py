"""A data folder that was copied, restored, opened to all, or had its files deleted under a worker.

Real processes, as Stash starts them; what a tool may do to the folder is done to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from store import folder
from tests.installation import ROOT, Installation, renewed_installation, wait_for
from worker.launcher import CRASH_FILE, TASK_LOCK, WAKE_PIPE, WORKER_LOCK, wake
from worker.process import LONGEST_SLEEP

if TYPE_CHECKING:
    from collections.abc import Callable


one_installation, env = renewed_installation(3)


def cpu_seconds(process: int) -> float:
    """Give the processor time that a process took so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def mode(path: Path) -> int:
    """Give what may be done with a path itself."""
    return stat.S_IMODE(path.lstat().st_mode)


# --- the pipe ----------------------------------------------------------------------------------


def as_file(path: Path) -> None:
    """Leave what a tool leaves that copies a pipe as a file."""
    path.write_bytes(b"!")


def as_link(path: Path) -> None:
    """Leave a link to a file that never ends."""
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("left", [as_file, as_link])
def test_a_wake_file_that_is_no_pipe_is_mended(
    env: Installation, left: Callable[[Path], None]
) -> None:
    """A restored folder: the worker rests, makes the pipe anew, says so, and is woken by it."""
    env.hook(1)
    env.settled()
    env.kill_workers()
    (env.data / WAKE_PIPE).unlink()
    left(env.data / WAKE_PIPE)
    env.at_rest()
    (worker,) = env.workers()
    before = cpu_seconds(worker)
    time.sleep(1.5)
    assert cpu_seconds(worker) - before < 0.5
    assert stat.S_ISFIFO((env.data / WAKE_PIPE).lstat().st_mode)
    assert WAKE_PIPE in env.log()
    env.save(1, title="Woken by the new pipe")
    env.title_becomes(1, "Woken by the new pipe", 10)


@pytest.mark.timeout(120)
def test_a_pipe_that_is_replaced_under_an_idle_worker_is_mended(env: Installation) -> None:
    """The sleeping worker cannot hear a hook through a file; it looks within half a minute."""
    assert LONGEST_SLEEP == 30
    env.patience("worker/process.py", "LONGEST_SLEEP", 4.0)
    env.at_rest()
    env.calm()  # asleep: until then it would see by itself what was replaced
    (worker,) = env.workers()
    (env.data / WAKE_PIPE).unlink()
    as_file(env.data / WAKE_PIPE)
    env.save(1, title="Said to a file")
    env.title_becomes(1, "Said to a file", 45)
    wait_for((env.data / WAKE_PIPE).is_fifo, 45)
    assert env.workers() == [worker]
    env.save(1, title="Heard at once")
    env.title_becomes(1, "Heard at once", 10)


def test_a_folder_in_the_pipes_place_costs_no_core(env: Installation) -> None:
    """What cannot be replaced is named, and the worker looks now and then instead."""
    env.hook(1)
    env.settled()
    env.kill_workers()
    (env.data / WAKE_PIPE).unlink()
    (env.data / WAKE_PIPE).mkdir()
    env.at_rest()
    (worker,) = env.workers()
    before = cpu_seconds(worker)
    time.sleep(1.5)
    assert cpu_seconds(worker) - before < 0.5
    assert "cannot be replaced" in env.log()
    env.save(1, title="Without a pipe")
    env.title_becomes(1, "Without a pipe", 10)


# --- links -------------------------------------------------------------------------------------


def test_links_in_the_data_folder_are_not_followed(env: Installation, tmp_path: Path) -> None:
    """A link in the place of any file of ours goes; what it led to is as it was."""
    env.save(1, title="Before")
    env.settled()
    env.kill_workers()
    led_to = {}
    for name in ("plexsync.log", "plexsync.sqlite", WORKER_LOCK, TASK_LOCK, CRASH_FILE, WAKE_PIPE):
        led_to[name] = tmp_path / f"of the user, {name}"
        led_to[name].write_bytes(b"precious" * 600)
        (env.data / name).unlink(missing_ok=True)
        (env.data / name).symlink_to(led_to[name])
    env.save(2, title="Among links")
    env.title_becomes(2, "Among links")
    env.settled()
    assert {path.read_bytes() for path in led_to.values()} == {b"precious" * 600}
    assert [path.name for path in env.data.iterdir() if path.is_symlink()] == []
    assert len(env.workers()) == 1


def test_a_folder_that_lies_elsewhere_is_the_persons_choice(
    env: Installation, tmp_path: Path
) -> None:
    """Only links within the folder are ours to judge: the folder itself may be on another disk."""
    (tmp_path / "another disk").mkdir(mode=0o777)
    env.data.symlink_to(tmp_path / "another disk")
    env.save(1, title="On another disk")
    env.title_becomes(1, "On another disk")
    assert env.data.is_symlink()
    assert mode(tmp_path / "another disk") == 0o700


# --- the lock ----------------------------------------------------------------------------------


@pytest.mark.timeout(150)
def test_a_lock_file_that_is_deleted_leaves_one_worker(env: Installation) -> None:
    """However often it is deleted, within a minute one worker is left, and it works."""
    env.at_rest()
    for number in range(4):
        (env.data / WORKER_LOCK).unlink()
        env.save(1, title=f"Deleted {number}")
        env.title_becomes(1, f"Deleted {number}")
    wait_for(lambda: len(env.workers()) == 1, 60)
    assert env.worker_lives()
    env.save(2, title="With the one that is left")
    env.title_becomes(2, "With the one that is left")
    assert len(env.workers()) == 1
    assert env.crash() == ""


@pytest.mark.timeout(120)
def test_a_worker_takes_the_lock_in_the_place_of_a_deleted_one(env: Installation) -> None:
    """Where nobody else came meanwhile, the worker stays: what waits is not left to nobody."""
    env.at_rest()
    (worker,) = env.workers()
    (env.data / WORKER_LOCK).unlink()
    wake(str(env.data))  # or half a minute later by itself
    wait_for(env.worker_lives, 60)
    assert env.workers() == [worker]


def test_a_task_whose_lock_file_is_deleted_ends(env: Installation) -> None:
    """The worker takes a task's scenes while it lives, and still knows that it does."""
    env.at_rest()
    for scene in (1, 2, 3):
        env.stash.set_scene(scene, title=f"For the task {scene}")
    env.plex.fault("delay", seconds=0.25, times=None)
    answers: list[dict[str, str]] = []
    task = threading.Thread(target=lambda: answers.append(env.run(mode="sync_all")))
    task.start()
    wait_for(lambda: env.query("SELECT 1 FROM dirty WHERE run = 1"))
    (env.data / TASK_LOCK).unlink()
    task.join(40)
    env.plex.clear_faults()
    assert not task.is_alive()
    assert answers[0]["output"].startswith("3 scenes")


# --- the modes ---------------------------------------------------------------------------------


def test_a_data_folder_that_was_opened_to_all_is_private_again(env: Installation) -> None:
    """A NAS tool opened it, files and all: the next hook and the worker close it, and say so."""
    env.at_rest()
    for path in env.data.iterdir():
        path.chmod(0o777)
    env.data.chmod(0o777)
    env.hook(1)
    assert mode(env.data) == 0o700
    wait_for(lambda: {mode(path) for path in env.data.iterdir()} == {0o600})
    env.kill_workers()
    (env.data / "plexsync.sqlite").chmod(0o666)
    (env.data / "plexsync.backup.sqlite").write_bytes(b"")
    (env.data / "plexsync.backup.sqlite").chmod(0o644)
    env.run(mode="page_state")
    assert {mode(path) for path in env.data.iterdir()} == {0o600}


def test_a_data_folder_that_was_there_before_becomes_private(env: Installation) -> None:
    """Made by a tool or by hand before the first hook, with the mode that such things have."""
    env.data.mkdir()
    env.data.chmod(0o777)
    env.hook(1)
    assert mode(env.data) == 0o700
    env.settled()
    assert {mode(path) for path in env.data.iterdir()} == {0o600}


def test_a_folder_that_cannot_be_made_private_is_said(tmp_path: Path) -> None:
    """A folder of somebody else's: the sentence names it, what is in danger and what to do."""
    if os.geteuid() != 0:
        pytest.xfail("only root can give a folder to somebody else")
    data = tmp_path / "plexsync-data"
    data.mkdir()
    data.chmod(0o777)
    tmp_path.chmod(0o755)
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from store import folder; "
        "import json; os.setuid(65534); print(json.dumps(folder.put_in_order(sys.argv[2])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ROOT), str(data)],
        capture_output=True,
        check=True,
        timeout=30,
    )
    mended, (complaint,) = json.loads(done.stdout)
    assert mended == []
    assert str(data) in complaint
    assert "session cookie" in complaint
    assert "0700" in complaint


def test_what_cannot_be_made_private_reaches_stashs_log(env: Installation) -> None:
    """The worker writes it into its log and leaves it to the next hook; mended, it is gone."""
    env.at_rest()
    env.kill_workers()
    # A worker in whose eyes the file system knows no modes.
    with contextlib.ExitStack() as stack:
        broken = env.plugin_dir / "store" / "folder.py"
        kept = broken.read_text(encoding="utf-8")
        stack.callback(broken.write_text, kept, "utf-8")
        broken.write_text(kept + "\nos.chmod = lambda *given: None\n", "utf-8")
        env.data.chmod(0o777)
        env.hook(1)
        wait_for(lambda: "is open to others" in env.log())
        said = wait_for(lambda: env.hook(1)["stderr"])
        assert "is open to others" in said
        env.kill_workers()
    env.hook(1)
    env.settled()
    notice = env.query("SELECT value FROM meta WHERE key = 'notice'")[0]["value"]
    assert json.loads(notice)[0] == ""
    assert mode(env.data) == 0o700


def test_order_is_kept_without_a_word_where_all_is_well(tmp_path: Path) -> None:
    """A private folder, and one that is not there, are nothing to speak of."""
    assert folder.put_in_order(str(tmp_path / "none")) == ((), ())
    shutil.copytree(ROOT / "docs" / "adr", tmp_path / "data")
    (tmp_path / "data").chmod(0o700)
    for path in (tmp_path / "data").iterdir():
        path.chmod(0o600)
    assert folder.put_in_order(str(tmp_path / "data")) == ((), ())
