from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from typing import Any

import pytest

from simulator.library import catalogue_file
from store.schema import FILE
from tests.bulk_worker import FIELDS, key_of, writes
from tests.installation import Installation, renewed_installation, wait_for

SCENES = 120


one_installation, env = renewed_installation(SCENES, sync_fields=FIELDS)


class Running:
    """A task as a process that can be killed as Stash's Stop does."""

    def __init__(self, env: Installation) -> None:
        self.process = env.start(stderr=subprocess.PIPE, mode="sync_all")

    def halt(self) -> None:
        """Let it do nothing more, but live."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """Stop it at once."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe:
                pipe.close()


def sync_all(env: Installation) -> dict[str, Any]:
    """Run the task to its end."""
    return env.run(mode="sync_all")


def counted(output: str) -> dict[str, int]:
    """The numbers of a summary by their words."""
    found = re.findall(r"(\d+) ([a-z][a-zA-Z ]+)", output)
    return {words.strip(): int(number) for number, words in found}


def progress_of(stderr: str) -> list[float]:
    """The progress values that a run told Stash."""
    return [float(value) for value in re.findall("\x01p\x02([0-9.]+)", stderr)]


def test_a_run_counts_what_came_of_every_scene(env: Installation) -> None:
    """Changed, unchanged, not in Plex yet, failed and left out add up, by reason."""
    env.plex.delete_item(key_of(env, 5))
    bad = key_of(env, 6)
    env.plex.fault("status", method="PUT", path=f"id={bad}&", status=400, times=None)
    env.stash.set_scene(7, tag_ids=[env.stash.add_entity("tag", "Private")])
    env.settings(sync_fields=FIELDS, exclude_tags="Private")
    done = sync_all(env)["output"]
    numbers = counted(done)
    assert numbers["scenes in"] == SCENES
    assert numbers["changed"] == SCENES - 3
    assert (numbers["unchanged"], numbers["not in Plex yet"], numbers["failed"]) == (0, 1, 1)
    assert "1 RejectedEdit" in done
    assert "1 left out (1 it carries the tag 'Private' (setting Exclude Tags))" in done
    again = counted(sync_all(env)["output"])
    assert (again["changed"], again["unchanged"]) == (0, SCENES - 3)
    assert (again["not in Plex yet"], again["failed"]) == (1, 1)


def test_progress_moves_and_ends_at_one(env: Installation) -> None:
    """Progress ascends in several steps while scenes are done."""
    env.plex.latency(15)
    steps = progress_of(sync_all(env)["stderr"])
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert len({step for step in steps if 0 < step < 1}) >= 2


def test_a_run_that_a_restart_of_stash_cut_off_is_not_called_stopped(env: Installation) -> None:
    """Seen by the Stash that started it, it was stopped; by any other, it was interrupted."""
    env.plex.latency(10)
    task = Running(env)
    wait_for(lambda: env.plex.counts()["writes"] >= 15)
    task.kill()
    wait_for(lambda: not env.task_lives())
    calm(env)
    look = [sys.executable, "-S", str(env.plugin_dir / "plexsync.py")]
    between = "import subprocess, sys; sys.exit(subprocess.run(sys.argv[1:]).returncode)"
    said = []
    for command in (look, [sys.executable, "-c", between, *look]):
        done = subprocess.run(
            command, input=env.payload(mode="page_state"), capture_output=True, check=True
        )
        said.append(json.loads(done.stdout)["output"]["state"]["sentence"])
    assert said[0].startswith("Sync all was stopped with ")
    assert said[1].startswith("Sync all was interrupted by a restart of Stash with ")


def test_a_run_that_outlives_stash_says_so_and_blames_no_disk(env: Installation) -> None:
    """Stash that ends closes the task's log; the page then says that, and what to do."""
    env.plex.latency(10)
    task = Running(env)
    assert task.process.stderr is not None
    wait_for(lambda: env.plex.counts()["writes"] >= 15)
    task.process.stderr.close()
    task.process.wait(timeout=60)
    task.kill()  # only the pipes are left
    said = env.run(mode="page_state")["output"]["task"]
    assert (said["name"], said["ok"]) == ("Sync all to Plex", False)
    assert said["text"].startswith("Stash ended while it ran. Nothing is lost")


def test_three_kills_lose_nothing_and_repeat_no_write(env: Installation) -> None:
    """Killed three times in the middle it goes on where it was; each scene is written once."""
    env.plex.latency(10)
    done = 0
    for _ in range(3):
        task = Running(env)
        wait_for(lambda: env.plex.counts()["writes"] >= done + 15)  # noqa: B023
        task.kill()
        wait_for(lambda: not env.task_lives())
        done = calm(env)
        assert done < SCENES
        left = env.query("SELECT count(*) AS n FROM dirty WHERE run = 1")[0]["n"]
        assert left == SCENES - done
    answer = sync_all(env)
    assert "going on where the stopped run was" in answer["stderr"]
    numbers = counted(answer["output"])
    assert (numbers["scenes in"], numbers["changed"]) == (SCENES, SCENES)
    written = [key for keys, _ in writes(env) for key in keys]
    assert sorted(written) == sorted(key_of(env, scene) for scene in range(1, SCENES + 1))
    assert env.rows() == []


@pytest.mark.parametrize("why", ["settings", "time"])
def test_a_run_that_is_not_the_same_any_more_is_begun_anew(env: Installation, why: str) -> None:
    """What a stopped run had done with other settings, or long ago, is looked at again."""
    env.settings(sync_fields="title")
    env.plex.latency(10)
    task = Running(env)
    wait_for(lambda: env.plex.counts()["writes"] >= 15)
    task.kill()
    wait_for(lambda: not env.task_lives())
    done = calm(env)
    assert done < SCENES
    env.plex.latency(0)
    if why == "settings":
        env.settings(sync_fields="title, studio")
    else:
        kept = kept_of(env)
        kept["alive"] -= 3600.0
        with contextlib.closing(sqlite3.connect(env.data / FILE)) as database, database:
            change = "UPDATE meta SET value = ? WHERE key = 'bulk'"
            database.execute(change, (json.dumps(kept),))
    answer = sync_all(env)
    assert "going on" not in answer["stderr"]
    numbers = counted(answer["output"])
    assert numbers["scenes in"] == SCENES
    assert numbers["changed"] == (SCENES if why == "settings" else SCENES - done)
    assert env.rows() == []


def test_a_run_notes_now_and_then_that_it_lives(env: Installation) -> None:
    """An hour of a long run is no hour since it was stopped."""
    env.plex.latency(100)
    task = Running(env)
    wait_for(lambda: env.plex.counts()["writes"] >= 1)
    first = kept_of(env)["alive"]
    wait_for(lambda: kept_of(env)["alive"] > first, seconds=20.0)
    assert kept_of(env)["total"] == SCENES
    task.kill()


def kept_of(env: Installation) -> dict[str, Any]:
    """What a run keeps of itself for the next one."""
    found = env.query("SELECT value FROM meta WHERE key = 'bulk'")
    return dict(json.loads(found[0]["value"]))


def calm(env: Installation) -> int:
    """Wait until no more is written; give how many scenes are."""
    seen = [-1]

    def at_rest() -> bool:
        seen.append(env.plex.counts()["writes"])
        if seen[-1] != seen[-2]:
            threading.Event().wait(0.3)
        return seen[-1] == seen[-2]

    wait_for(at_rest)
    return seen[-1]


def test_a_killed_worker_repeats_no_write(env: Installation) -> None:
    """SIGKILL of the worker in the middle costs a look again, but no second edit of a scene."""
    env.plex.latency(10)
    task = threading.Thread(target=sync_all, args=(env,))
    task.start()
    for place in (20, 50):
        wait_for(lambda: env.plex.counts()["writes"] >= place)  # noqa: B023
        env.kill_workers()
    task.join(60)
    assert not task.is_alive()
    written = [key for keys, _ in writes(env) for key in keys]
    assert len(set(written)) == SCENES
    # The one that was under way when the worker died may have gone out twice.
    assert len(written) <= SCENES + 2
    assert env.rows() == []


def test_a_run_that_died_at_its_very_end_does_not_pass_for_the_next_one(
    env: Installation,
) -> None:
    """Where nothing is left of a stopped run, the task begins anew."""
    env.plex.latency(5)
    task = Running(env)
    wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'bulk' AND value LIKE '%true%'"))
    task.halt()  # it holds its lock, and does not see the end
    wait_for(lambda: not env.rows())
    assert env.plex.counts()["writes"] >= SCENES
    task.kill()
    wait_for(lambda: not env.task_lives())
    env.plex.latency(0)
    env.stash.set_scene(3, title="Since then")
    numbers = counted(sync_all(env)["output"])
    assert numbers["changed"] + numbers["unchanged"] == SCENES
    assert env.item(3)["fields"]["title"] == "Since then"


@pytest.mark.parametrize("moment", ["details", "index", "writes"])
def test_an_edit_by_hand_is_served_at_once_whatever_the_bulk_does(
    env: Installation, moment: str
) -> None:
    """While details are read, the index is swept, or scenes are written, an edit goes first."""
    last = SCENES
    key = key_of(env, last)
    if moment == "details":
        env.stash.fault("delay", operation="ScenesById", seconds=0.4, times=None)
        begun = lambda: env.stash.counts().get("ScenesById", 0) >= 1  # noqa: E731
    elif moment == "index":
        env.plex.switches(page_cap=10)
        env.plex.fault("delay", path="excludeElements", seconds=0.3, times=None)
        begun = lambda: env.plex.counts()["listings"] >= 2  # noqa: E731
    else:
        env.plex.latency(20)
        begun = lambda: env.plex.counts()["writes"] >= 5  # noqa: E731
    task = threading.Thread(target=sync_all, args=(env,))
    task.start()
    wait_for(begun)
    env.save(last, title="By hand")
    before = env.plex.counts()  # how long the save takes is the machine's affair
    env.title_becomes(last, "By hand")
    then, asked = env.plex.counts(), env.stash.counts().get("ScenesById", 0)
    env.plex.clear_faults()
    env.stash.clear_faults()
    env.plex.latency(0)
    task.join(60)
    assert not task.is_alive()
    # Served within the scene or the request in hand, not after the run.
    assert then["writes"] - before["writes"] <= 5
    assert then["listings"] - before["listings"] <= 2 * 2
    if moment == "details":
        assert asked <= 2  # of three
    titles = [p["title.value"] for keys, p in writes(env) if key in keys and "title.value" in p]
    assert titles[-1] == "By hand"
    assert "By hand" not in titles[:-1]
    assert env.item(last)["fields"]["title"] == "By hand"


def test_hooks_and_retries_in_between_are_counted_once(env: Installation) -> None:
    """Whatever hooks and transient faults do meanwhile, the numbers add up to the scenes."""
    env.plex.latency(8)
    for nth in (10, 30, 50):
        env.plex.fault("status", method="PUT", nth=nth, status=500)
    answer: list[dict[str, Any]] = []
    task = threading.Thread(target=lambda: answer.append(sync_all(env)))
    task.start()
    for scene in (100, 3, 77):
        wait_for(lambda: env.plex.counts()["writes"] >= 10)
        env.save(scene, title=f"By hand {scene}")
    task.join(90)
    numbers = counted(answer[0]["output"])
    parts = ("changed", "unchanged", "not in Plex yet", "failed")
    assert sum(numbers[part] for part in parts) == numbers["scenes in"] == SCENES
    assert all(env.item(scene)["fields"]["title"] == f"By hand {scene}" for scene in (100, 3, 77))


@pytest.mark.parametrize("added", [1, 6])
def test_what_plex_scanned_just_before_the_task_is_found(env: Installation, added: int) -> None:
    """An index of the run before is a minute old, and no word about what came since."""
    sync_all(env)
    paths = [f"/stash/media/New/{number}.mkv" for number in range(added)]
    new = [env.stash.add_scene(path, title=path) for path in paths]
    for path in paths:
        env.plex.add_item(path.replace("/stash/", "/plex/", 1))
    numbers = counted(sync_all(env)["output"])
    assert (numbers["changed"], numbers["not in Plex yet"]) == (len(new), 0)
    for number in new:
        env.stash.delete_scene(number)


def test_a_tag_renamed_without_a_hook_is_found_by_the_task(env: Installation) -> None:
    """A rename does not move its scenes' times; the task looks at the tags themselves."""
    tag = env.stash.add_entity("tag", "Old name")
    # Long enough before the run: a scene that changed within its second is read again anyway.
    env.stash.options(advance_seconds=-60)
    env.stash.set_scene(9, tag_ids=[tag])
    env.stash.options(advance_seconds=60)
    sync_all(env)
    env.kill_workers()  # or its own look around may find it first
    env.stash.options(advance_seconds=5)
    env.stash.set_entity("tag", tag, name="New name")
    numbers = counted(sync_all(env)["output"])
    assert numbers["changed"] == 1
    assert numbers["changed"] + numbers["unchanged"] == SCENES
    assert env.plex.item_at(catalogue_file(9).plex_path)["tags"]["genre"] == ["New name"]


def test_a_worker_that_cannot_live_ends_the_task_with_words(env: Installation) -> None:
    """A worker that dies as soon as it starts is not started for ever."""
    module = env.plugin_dir / "worker" / "process.py"
    module.write_text("raise SystemExit(1)\n")
    answer = sync_all(env)
    assert "ends as soon as it is started" in answer["error"]
    assert f"{SCENES} scenes stay marked" in answer["error"]
