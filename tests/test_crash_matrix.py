"""Any process may be SIGKILLed at any boundary of I/O: nothing is lost, nothing is doubled."""

from __future__ import annotations

import contextlib
import random
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.crash_environment import CrashEnvironment, crash_environment
from tests.installation import wait_for
from worker.process import LONGEST_SLEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 6
#: More boundaries than there are.
EVERY = 1_000_000


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashEnvironment]:
    """One installation for all kills of this file: damage would add up and show."""
    with crash_environment(tmp_path_factory.mktemp("crash"), SCENES) as crash:
        yield crash


@pytest.fixture(autouse=True)
def _calm(env: CrashEnvironment) -> Iterator[None]:
    """Leave no order and no worker to the next test."""
    env.env.kill_workers()
    yield
    assert env.sent_twice() == []
    env.recall()
    env.forget_victims()
    env.env.kill_workers()


def say(line: str) -> None:
    """Leave a line for who asks what was killed (pytest -rP)."""
    sys.stdout.write(line + "\n")


def report(role: str, boundaries: list[str], killed: list[int]) -> None:
    """Print the matrix of one role."""
    say(f"\n{role}: killed at {len(killed)} of {len(boundaries)} boundaries")
    for number, what in enumerate(boundaries, 1):
        say(f"  {number:3} {what:24} {'killed, in step again' if number in killed else '-'}")


def unharmed(env: CrashEnvironment, role: str, run: str = "edit") -> list[str]:
    """Give the boundaries that a process of a role passes in one run."""
    with env.watched():
        if run == "studios":
            env.rename_studios()
        elif run == "task":
            for scene in env.scenes:
                env.give(scene, hook=False)
            env.sync_all()
        else:
            env.give(1)
        env.hold()
        wait_for(env.is_settled)
        found, before = env.boundaries(role), [""]
        while found != before:  # a worker goes on a little when all is done
            time.sleep(0.7)
            found, before = env.boundaries(role), found
    env.env.kill_workers()
    return found


def worth_killing_at(boundaries: list[str], *, most: int) -> list[int]:
    """Give the numbers of at most so many boundaries to kill at, and the last.

    After one thing and before the next only memory differs, so the places
    before each thing would be enough; of those, evenly spread ones are taken.
    """
    numbers = range(1, len(boundaries) + 1)
    if most >= len(boundaries):
        return list(numbers)
    pauses = [number for number in numbers if boundaries[number - 1].startswith("before")]
    return sorted({*pauses[:: -(-len(pauses) // most)], len(boundaries)})


def kill_worker_everywhere(env: CrashEnvironment, *, most: int = EVERY, odd: int = 0) -> None:
    """Kill a worker that has one scene to do, once at each boundary.

    The next worker is started by another scene's hook, so that the row alone
    has to bring back the first; or, every other time, by a further edit of the
    same scene, which drops members that the dead worker may have written.
    """
    boundaries = unharmed(env, "worker")
    killed = []
    wanted = worth_killing_at(boundaries, most=most)
    for number in wanted:
        env.forget_victims()
        env.order("worker", number)
        env.give(1)
        if env.died():
            killed.append(number)
        env.env.kill_workers()
        env.give(2 - (len(killed) + odd) % 2)
        env.hold()
        wait_for(env.is_settled)
        env.env.kill_workers()
    report("worker", boundaries, killed)
    assert len(killed) >= len(wanted) / 3  # how requests are bundled varies


@pytest.mark.timeout(300)
def test_worker_killed_all_along_a_scene(env: CrashEnvironment) -> None:
    """A worker that dies anywhere in a scene leaves it to the next, which ends it as it should."""
    kill_worker_everywhere(env, most=13)


@pytest.mark.timeout(300)
def test_worker_killed_all_along_many_renamed_studios(env: CrashEnvironment) -> None:
    """Whatever a worker had marked or looked at when it died, each scene gets its studio's name."""
    boundaries = unharmed(env, "worker", "studios")
    wanted, killed = worth_killing_at(boundaries, most=12), []
    for number in wanted:
        env.forget_victims()
        env.order("worker", number)
        env.rename_studios()
        if env.died():
            killed.append(number)
        env.env.kill_workers()
        env.give(1)
        env.hold()
        wait_for(env.is_settled)
        env.env.kill_workers()
    report("worker with many studios", boundaries, killed)
    assert len(killed) >= len(wanted) / 3  # how requests are bundled varies


@pytest.mark.timeout(300)
def test_hook_killed_at_every_boundary(env: CrashEnvironment) -> None:
    """A hook that dies after its commit has marked its scene; before it, the sweep finds it."""
    boundaries = unharmed(env, "hook")
    killed = []
    for number in range(1, len(boundaries) + 1):
        env.forget_victims()
        env.order("hook", number)
        env.give(1)
        assert env.victims(), f"no hook died at {boundaries[number - 1]}"
        killed.append(number)
        env.give(2)
        env.hold()
        wait_for(env.is_settled)
        env.env.kill_workers()
    report("hook", boundaries, killed)


@pytest.mark.timeout(120)
def test_an_edit_whose_hook_died_is_not_left_to_nobody(env: CrashEnvironment) -> None:
    """A hook dies right after its commit, no worker lives and nobody else comes by: it arrives."""
    boundaries = unharmed(env, "hook")
    last = len(boundaries) - boundaries[::-1].index("after COMMIT")
    wait_for(lambda: not env.env.worker_lives())
    env.order("hook", last)
    env.give(2)
    assert env.victims()
    env.hold(seconds=45)


@pytest.mark.timeout(120)
def test_what_a_hook_left_in_the_inbox_is_found_though_it_died(env: CrashEnvironment) -> None:
    """A hook dies before it wakes the worker, and nobody else comes by: the worker looks soon."""
    assert LONGEST_SLEEP == 30
    env.env.patience("worker/process.py", "LONGEST_SLEEP", 4.0)
    env.give(1)
    env.hold()
    wait_for(env.is_settled)
    with env.watched():
        env.give(1)
        found = env.boundaries("hook")
    assert "after fsync" in found
    assert not any("COMMIT" in what for what in found)
    env.hold()
    env.order("hook", found.index("after fsync") + 1)
    env.give(2)
    assert env.victims()
    env.hold(seconds=45)
    env.env.kill_workers()
    env.env.patience("worker/process.py", "LONGEST_SLEEP", LONGEST_SLEEP)


def sync_all_with_kill(env: CrashEnvironment, role: str, number: int) -> bool:
    """Kill a process in the middle of a bulk with a hook in between; say whether it died.

    Every other time a killed worker's task goes too, and all scenes change once
    more before the next one: what the dead may have written has to go again.
    """
    env.env.kill_workers()
    env.forget_victims()
    env.order(role, number)
    for scene in range(1, SCENES):
        env.give(scene, hook=False)
    stopped = role == "task"
    with env.task() as task:
        env.give(SCENES)
        if role == "worker" and number % 4 < 2:
            wait_for(lambda: env.victims_died() or task.poll() is not None)
            stopped = True
        else:
            answer = task.communicate(timeout=60)[0]
    died = env.deaths() > 0
    if stopped:
        env.env.kill_workers()  # one that was to die, and did not pass enough for it
        if role == "worker":
            for scene in range(1, SCENES):
                env.give(scene, hook=False)
        env.give(SCENES)
        env.hold([SCENES])
        env.sync_all()
    else:
        assert b'"output"' in answer, answer
        env.env.kill_workers()
        env.give(SCENES)
    env.hold()
    wait_for(env.is_settled)
    return died


def kill_bulk(env: CrashEnvironment, role: str, *, most: int = EVERY) -> None:
    """Kill the task or the worker of a bulk at each boundary, or at some of them."""
    boundaries = unharmed(env, role, "task")
    wanted = worth_killing_at(boundaries, most=most)
    killed = [number for number in wanted if sync_all_with_kill(env, role, number)]
    report(f"{role} in a bulk", boundaries, killed)
    assert len(killed) >= len(wanted) / 3  # how requests are bundled varies


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["task", "worker"])
def test_sync_all_killed_all_along(env: CrashEnvironment, role: str) -> None:
    """A bulk whose task or worker dies anywhere is finished by the next, edits by hand at once."""
    kill_bulk(env, role, most=8)


def kill_at_random(env: CrashEnvironment, kills: int, seed: int) -> None:
    """Kill processes of every kind at random boundaries and moments, then look at everything."""
    dice = random.Random(seed)
    died = dict.fromkeys(("hook", "worker", "task", "moment"), 0)
    maybe_lost: set[int] = set()
    while sum(died.values()) < kills:
        role = dice.choice(["hook", "worker", "worker", "worker", "task", "moment"])
        env.forget_victims()
        if role != "moment":
            most = {"hook": 5, "worker": 70, "task": 40}[role]
            env.order(role, dice.randint(1, most))
        if role == "worker":  # only one that begins takes an order
            died["moment"] += env.env.kill_workers()
        with contextlib.ExitStack() as bulk:
            if role == "task" or dice.random() < 0.2:
                task = bulk.enter_context(env.task())
                if dice.random() < 0.7:  # else it is killed as the block ends
                    bulk.callback(task.wait, 60)
            for _ in range(dice.randint(1, 3)):
                scene = dice.randint(1, SCENES)
                env.give(scene)
                if role == "hook":
                    maybe_lost.add(scene)
            if role == "moment":
                time.sleep(dice.random() * 0.4)
                died[role] += env.env.kill_workers()
        if role == "worker":
            with contextlib.suppress(AssertionError):  # a dead task's scenes wait for the next
                wait_for(lambda: env.victims_died() or env.is_settled(), 3.0)
        else:
            time.sleep(dice.random() * 0.3)
        died[role] += env.deaths()
    say(f"\nseed {seed}: {sum(died.values())} kills: {died}")
    env.env.kill_workers()  # one that was to die later
    env.give(1)
    env.hold(set(env.scenes) - maybe_lost)
    env.sync_all()
    env.hold()
    wait_for(env.is_settled)


@pytest.mark.timeout(300)
def test_kills_at_random(env: CrashEnvironment) -> None:
    """Fifty kills of any process at any time leave Plex the merge of Stash and its edits."""
    kill_at_random(env, 50, seed=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_soak_every_boundary(env: CrashEnvironment) -> None:
    """Long mode: each boundary of a scene's and of a bulk's processes is killed at."""
    for odd in (0, 1):
        kill_worker_everywhere(env, odd=odd)
    for role in ("task", "worker"):
        kill_bulk(env, role)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(1, 11))
def test_soak_kills_at_random(env: CrashEnvironment, seed: int) -> None:
    """Long mode: five hundred kills, fifty for each of ten seeds."""
    kill_at_random(env, 50, seed)
