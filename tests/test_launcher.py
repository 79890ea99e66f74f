"""Starting, waking and outliving: locks, inheritance, detachment, one worker per directory."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from store.store import Store
from tests.installation import ROOT, installation, shared_installation, wait_for
from worker import launcher
from worker.launcher import TASK_LOCK, WAKE_PIPE, WORKER_LOCK, ProcessLock
from worker.wake_pipe import WakePipe

if TYPE_CHECKING:
    from tests.installation import Installation


env = shared_installation(6)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with a store in it."""
    Store(str(tmp_path / "data")).close()
    return tmp_path / "data"


def stand_in(folder: Path, body: str) -> str:
    """Write an entry script for ensure_worker; it appends its arguments to ``runs`` first."""
    entry = folder / "entry.py"
    entry.write_text(
        "import os, sys, time\n"
        f"with open({str(folder / 'runs')!r}, 'a') as runs:\n"
        "    runs.write(' '.join(sys.argv[1:]) + '\\n')\n" + body,
        encoding="utf-8",
    )
    return str(entry)


def descriptors(process: str) -> dict[str, str]:
    """Give what a process has open, by descriptor."""
    found = {}
    for link in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists the folder is gone by now
            found[link.name] = str(link.readlink())
    return found


def runs(folder: Path) -> list[str]:
    """Give the arguments of every run of the stand-in."""
    path = folder / "runs"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def test_a_lock_is_free_again_however_its_holder_dies(data: Path) -> None:
    """The kernel gives the lock back after a SIGKILL; no pid file has to be believed."""
    script = (
        "import sys, time; sys.path.insert(0, sys.argv[2])\n"
        "from worker.launcher import ProcessLock\n"
        "assert ProcessLock(sys.argv[1], 'worker.lock').acquire()\n"
        "print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data), str(ROOT)], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        lock = ProcessLock(str(data), WORKER_LOCK)
        assert not lock.acquire()
        assert lock.is_held()
        holder.kill()
    assert lock.acquire()
    assert lock.acquire()
    lock.release()
    lock.release()
    assert not lock.is_held()


def test_a_file_system_without_locks_is_an_error(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That locks are unknown here must not pass for "somebody holds it": no worker would start."""

    def no_locks(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("worker.launcher.fcntl.flock", no_locks)
    before = len(descriptors("self"))
    with pytest.raises(OSError, match="lock"):
        ProcessLock(str(data), WORKER_LOCK).acquire()
    assert len(descriptors("self")) == before


def test_the_started_worker_holds_the_lock_before_the_hook_returns(
    data: Path, tmp_path: Path
) -> None:
    """The lock goes over to the child without ever being free: no second worker can slip in."""
    entry = stand_in(tmp_path, "time.sleep(60)\n")
    assert launcher.ensure_worker(str(data), entry) == "started"
    assert [launcher.ensure_worker(str(data), entry) for _ in range(5)] == ["woken"] * 5
    wait_for(lambda: runs(tmp_path))
    assert runs(tmp_path) == [f"worker {data} passing"]
    (pid,) = pids_of(entry)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert launcher.ensure_worker(str(data), entry) == "started"
    wait_for(lambda: len(runs(tmp_path)) == 2)
    for pid in pids_of(entry):
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def pids_of(entry: str) -> list[int]:
    """Give the processes that run a script."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.fsencode(entry) in (process / "cmdline").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found


def test_a_worker_that_cannot_start_is_said_and_leaves_the_lock_free(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no process can be started the hook gets the reason, and the next one tries again."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    with pytest.raises(FileNotFoundError):
        launcher.ensure_worker(str(data), "entry.py")
    assert not ProcessLock(str(data), WORKER_LOCK).is_held()


def test_waking_never_waits(data: Path) -> None:
    """A missing pipe, a pipe without a reader and a full pipe are all no reason to wait."""
    assert not launcher.wake(str(data))
    os.mkfifo(data / WAKE_PIPE)
    assert not launcher.wake(str(data))
    reader = os.open(data / WAKE_PIPE, os.O_RDWR | os.O_NONBLOCK)
    for _ in range(70_000):
        assert launcher.wake(str(data))
    assert len(os.read(reader, 1 << 20)) == 65_536
    os.close(reader)


def test_a_look_at_the_lock_is_not_taken_for_a_worker(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody at the pipe: who held the lock just then, a page or a killed worker, may be gone."""
    started: list[str] = []
    monkeypatch.setattr(launcher, "start", lambda *given: started.append(given[1]))
    look = ProcessLock(str(data), WORKER_LOCK)
    assert look.acquire()

    def ends_just_then(directory: str) -> bool:
        look.release()
        return wake(directory)

    wake = launcher.wake
    monkeypatch.setattr(launcher, "wake", ends_just_then)
    assert launcher.ensure_worker(str(data), "entry.py") == "started"
    assert started == ["entry.py"]


def test_a_worker_at_its_pipe_is_woken_at_the_first_try(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that lives costs a hook no second look; one that is just starting costs it three."""
    tries: list[bool] = []

    def counted(directory: str) -> bool:
        tries.append(wake(directory))
        return tries[-1]

    wake = launcher.wake
    monkeypatch.setattr(launcher, "wake", counted)
    lock = ProcessLock(str(data), WORKER_LOCK)
    assert lock.acquire()
    assert launcher.ensure_worker(str(data), "entry.py") == "woken"
    assert tries == [False] * launcher.TRIES
    pipe = WakePipe(str(data / WAKE_PIPE))
    assert launcher.ensure_worker(str(data), "entry.py") == "woken"
    assert tries[launcher.TRIES :] == [True]
    pipe.close()
    lock.release()


def test_stdout_ends_with_the_hook_while_the_worker_lives(env: Installation) -> None:
    """Stash reads stdout and stderr to their end; the worker holds neither open."""
    env.kill_workers()
    answer = env.hook(1)  # returns only after both pipes have ended
    assert answer["output"] == "scene 1 is noted, worker started"
    assert env.worker_lives()


def test_the_worker_is_detached(env: Installation) -> None:
    """The worker has a session of its own and none of the hook's files."""
    env.hook(1)
    (pid,) = wait_for(env.workers)
    assert os.getsid(pid) == pid
    assert os.getpgid(pid) == pid
    env.settled()
    opened = descriptors(str(pid))
    assert opened["0"] == opened["1"] == os.devnull
    assert opened["2"] == str(env.data / "worker-crash.log")
    assert opened["3"] == str(env.data / WORKER_LOCK)
    pipes = [place for place in opened.values() if place.startswith("pipe:")]
    assert pipes == []


def test_the_worker_survives_a_sigkill_of_its_hook_and_of_its_group(env: Installation) -> None:
    """Stash kills a hook whose request was given up; the worker it started goes on."""
    env.kill_workers()
    env.stash.set_scene(2, title="survivor")
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:  # a full stdout stops the hook after it has started the worker
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    with subprocess.Popen(
        [sys.executable, "-S", str(env.plugin_dir / "plexsync.py")],
        stdin=subprocess.PIPE,
        stdout=writer,
        start_new_session=True,
    ) as hook:
        assert hook.stdin
        context = {"id": 2, "type": "Scene.Update.Post", "input": None}
        hook.stdin.write(env.payload(hookContext=context))
        hook.stdin.close()
        (worker,) = wait_for(env.workers)
        assert hook.poll() is None
        os.killpg(hook.pid, signal.SIGKILL)
    os.close(reader)
    os.close(writer)
    env.title_becomes(2, "survivor")
    assert env.workers() == [worker]


def test_one_worker_for_each_data_directory(env: Installation, tmp_path: Path) -> None:
    """Two Stashes on one machine have a worker each, and neither gets in the other's way."""
    env.hook(1)
    with installation(tmp_path, scenes=2) as other:
        other.hook(1)
        other.settled()
        (there,), (here,) = other.workers(), env.workers()
        assert there != here


def test_a_second_worker_started_by_hand_goes_at_once(env: Installation) -> None:
    """Whoever starts a worker where one lives has started nothing."""
    env.hook(1)
    first = wait_for(env.workers)
    entry = str(env.plugin_dir / "plexsync.py")
    command = [sys.executable, "-S", entry, "worker", str(env.data), "passing"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert done.stdout + done.stderr == b""
    assert env.workers() == first


def test_a_worker_started_by_hand_takes_the_lock(env: Installation) -> None:
    """Without a lock handed over the worker takes it itself."""
    env.hook(3)
    env.kill_workers()
    wait_for(lambda: not env.worker_lives())
    entry = str(env.plugin_dir / "plexsync.py")
    command = [sys.executable, "-S", entry, "worker", str(env.data), "passing"]
    with subprocess.Popen(command) as process:
        wait_for(env.worker_lives)
        assert env.hook(3)["output"].endswith("woken")
        env.settled()
        process.kill()


def test_a_worker_without_its_packages_says_so_through_the_next_hook(tmp_path: Path) -> None:
    """A worker that cannot be imported is heard: the next hook warns with what to do."""
    with installation(tmp_path, scenes=1) as env:
        broken = env.plugin_dir / "plex" / "transport.py"
        text = broken.read_text(encoding="utf-8")
        broken.write_text(text.replace("import requests", "import requests_gone"), "utf-8")
        env.hook(1)
        wait_for(lambda: "requests_gone" in env.crash())
        wait_for(lambda: not env.workers())
        said = env.hook(1)["stderr"]
        assert said.startswith("\x01w\x02PlexSync's own files are not complete")
        assert "reinstall" in said
        env.kill_workers()
        broken.write_text(text, "utf-8")
        env.hook(1)
        env.settled()
        notice = env.query("SELECT value FROM meta WHERE key = 'notice'")[0]["value"]
        assert json.loads(notice)[0] == ""


def test_the_task_lock_is_found_by_those_who_try_again(data: Path) -> None:
    """Looking at a lock takes it for an instant; twenty tries get past any number of looks."""
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from worker.launcher import ProcessLock\n"
        "lock = ProcessLock(sys.argv[1], 'task.lock')\n"
        "print('looking', flush=True)\n"
        "while True: lock.is_held()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(data), str(ROOT)], stdout=subprocess.PIPE
    ) as watcher:
        assert watcher.stdout
        watcher.stdout.readline()
        lock = ProcessLock(str(data), TASK_LOCK)
        for _ in range(200):
            if lock.acquire():
                break
            time.sleep(0.001)
        watcher.kill()
        assert lock.descriptor is not None
    lock.release()
