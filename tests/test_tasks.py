"""The tasks as Stash runs them: progress, lines, the answer, Stop, and once more."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import catalogue_file, catalogue_scene
from simulator.stash.host import PluginHost
from tests.installation import shared_installation, wait_for
from validation.settings_reader import shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.stash.process import Run
    from tests.installation import Installation

SCENES = 25
ALL, CHECK = "Sync all to Plex", "Check connection"


env = shared_installation(SCENES)


@pytest.fixture
def calm(env: Installation) -> Iterator[Installation]:
    """The installation without faults, before and after."""
    yield env
    env.plex.clear_faults()
    env.stash.clear_faults()
    env.plex.latency(0)
    env.settings()


def host_of(env: Installation) -> PluginHost:
    """Stash's plugin host for this installation, without a Stash around it."""
    return PluginHost(
        env.config_dir / "plugins", env.config_dir, env.stash.port, lambda _: env.stash.cookie()
    )


def run(env: Installation, task: str, **options: Any) -> Run:
    """Run a task to its end, and see that it kept to Stash's protocol."""
    done = host_of(env).run_task("PlexSync", task, **options)
    assert not done.overlong_line
    assert done.progress == sorted(done.progress)
    assert all(0 <= value <= 1 for value in done.progress)
    assert [line.text for line in done.log if "Traceback" in line.text] == []
    return done


def lines(done: Run, level: str) -> list[str]:
    """Give the lines of one level."""
    return [line.text for line in done.log if line.level == level]


def edit_all(env: Installation, words: str) -> None:
    """Change every scene in Stash without any hook."""
    for scene in range(1, SCENES + 1):
        env.stash.set_scene(scene, title=f"{words} {scene}")


def titles(env: Installation) -> list[str]:
    """Give every title that Plex shows."""
    return [env.item(scene)["fields"].get("title") for scene in range(1, SCENES + 1)]


def start(env: Installation) -> int:
    """Start "Sync all" as a job of Stash; give the job's id."""
    text = 'mutation($n:String!){runPluginTask(plugin_id:"PlexSync",task_name:$n)}'
    return int(env.stash.graphql(text, n=ALL)["runPluginTask"])


# --- Sync all to Plex --------------------------------------------------------------------------


def test_sync_all_brings_everything_in_step(calm: Installation) -> None:
    """Every scene is written, progress goes from 0 to 1, the answer counts what was done."""
    edit_all(calm, "first")
    done = run(calm, ALL)
    assert done.error is None
    assert titles(calm) == [f"first {scene}" for scene in range(1, SCENES + 1)]
    assert done.output.startswith(f"{SCENES} scenes in ")
    assert f": {SCENES} changed, 0 unchanged, 0 not in Plex yet, 0 failed" in done.output
    assert done.progress[-1] == 1
    assert lines(done, "info")[-1] == done.output
    assert lines(done, "warning") + lines(done, "error") == []


def test_sync_all_again_writes_nothing(calm: Installation) -> None:
    """A second run finds everything unchanged and sends no write."""
    run(calm, ALL)
    calm.plex.clear_requests()
    done = run(calm, ALL)
    assert f": 0 changed, {SCENES} unchanged, " in done.output
    assert [one for one in calm.plex.requests() if one["method"] != "GET"] == []


def test_the_workers_lines_are_relayed(calm: Installation) -> None:
    """What the worker says of each scene stands in Stash's log while the task runs."""
    edit_all(calm, "relayed")
    done = run(calm, ALL)
    said = "\n".join(lines(done, "info"))
    for scene in (1, SCENES):
        assert f"relayed {scene}'" in said
    assert calm.plex.token not in said


def test_what_is_missing_or_left_out_is_counted(calm: Installation) -> None:
    """Scenes that Plex does not know, that are excluded or that fail are named in the answer."""
    edit_all(calm, "counted")
    key = calm.item(3)["ratingKey"]
    for scene in (1, 2):
        calm.plex.delete_item(calm.item(scene)["ratingKey"])
    calm.plex.fault("status", method="PUT", path=f"/{key}[?/]|id={key}(&|$)", status=400, times=9)
    excluded = [n for n in range(4, SCENES + 1) if "Drama" in catalogue_scene(n).tags]
    calm.settings(exclude_tags="Drama")
    done = run(calm, ALL)
    assert done.error is None
    assert "2 not in Plex yet" in done.output
    assert "1 failed (1 RejectedEdit)" in done.output
    assert (f"{len(excluded)} left out" in done.output) == bool(excluded)
    assert f"{SCENES - 3 - len(excluded)} changed" in done.output
    again = run(calm, ALL)
    assert "2 not in Plex yet" in again.output
    assert "meanwhile" not in again.output
    for scene in (1, 2):
        calm.plex.add_item(catalogue_file(scene).plex_path)
    calm.plex.clear_faults()
    calm.settings()
    done = run(calm, ALL)
    assert "0 not in Plex yet, 0 failed" in done.output
    assert titles(calm) == [f"counted {scene}" for scene in range(1, SCENES + 1)]


def test_stop_pauses_and_the_next_run_goes_on(calm: Installation) -> None:
    """Stash's Stop kills the task: the bulk rests at once, edits are served, nothing is lost."""
    run(calm, ALL)
    edit_all(calm, "stopped")
    calm.plex.latency(60)
    calm.plex.clear_requests()
    job = start(calm)
    wait_for(lambda: calm.plex.counts().get("total", 0) > 0)
    wait_for(calm.task_lives)
    wait_for(lambda: calm.query("SELECT 1 FROM dirty WHERE urgency = 2"))
    calm.plex.latency(1000)  # whatever the stop takes, the bulk is not over before it
    calm.stash.graphql("mutation($j:ID!){stopJob(job_id:$j)}", j=str(job))
    wait_for(lambda: not calm.task_lives())
    calm.plex.latency(0)
    wait_for(lambda: still(calm))
    left = calm.query("SELECT id FROM dirty WHERE urgency = 2")
    assert left
    calm.save(left[0]["id"], title="by hand")
    calm.title_becomes(left[0]["id"], "by hand")
    assert len(calm.query("SELECT 1 FROM dirty WHERE urgency = 2")) == len(left) - 1
    done = run(calm, ALL)
    assert done.error is None
    assert "going on where the stopped run was" in "\n".join(lines(done, "info"))
    wanted = [f"stopped {scene}" for scene in range(1, SCENES + 1)]
    wanted[left[0]["id"] - 1] = "by hand"
    assert titles(calm) == wanted
    assert calm.rows() == []


def still(env: Installation) -> bool:
    """Say whether Plex has been left alone for a moment."""
    before = env.plex.counts().get("total", 0)
    time.sleep(0.4)
    return bool(env.plex.counts().get("total", 0) == before)


def test_an_edit_goes_before_the_bulk(calm: Installation) -> None:
    """A scene saved while "Sync all" runs does not wait for the rest of the library."""
    run(calm, ALL)
    edit_all(calm, "bulk")
    calm.plex.latency(40)
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(run, calm, ALL)
        wait_for(lambda: calm.query("SELECT 1 FROM dirty WHERE urgency = 2"))
        calm.save(SCENES, title="saved meanwhile")
        calm.title_becomes(SCENES, "saved meanwhile")
        left = len(calm.query("SELECT 1 FROM dirty WHERE urgency = 2"))
        calm.plex.latency(0)
        done = task.result(60)
    assert left > 0
    assert done.error is None
    assert titles(calm)[:-1] == [f"bulk {scene}" for scene in range(1, SCENES)]


def test_two_runs_at_once_are_one(calm: Installation) -> None:
    """A second "Sync all" beside a running one says so and touches nothing."""
    edit_all(calm, "once")
    calm.plex.fault("hang_headers", times=None, seconds=20)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(run, calm, ALL)
        wait_for(calm.task_lives)
        second = run(calm, ALL)
        calm.plex.clear_faults()
        done = first.result(60)
    assert "already running" in str(second.error)
    assert done.error is None


@pytest.mark.parametrize("setting", ["plex_url", "plex_token"])
def test_sync_all_with_a_wrong_setting_names_it_and_marks_nothing(
    calm: Installation, setting: str
) -> None:
    """A task that cannot work says so as an error, with the setting, before it marks anything."""
    calm.settings(**{setting: ""})
    before = len(calm.rows())
    done = run(calm, ALL)
    assert shown_name(setting) in str(done.error)
    assert done.output is None
    assert len(calm.rows()) == before


def test_sync_all_with_a_wrong_token_ends_with_an_error(calm: Installation) -> None:
    """A fault that only Plex can tell ends the task with the setting; its scenes stay marked."""
    edit_all(calm, "token")
    calm.settings(plex_token="wrong-token-of-nobody")
    done = run(calm, ALL)
    assert "Plex Token" in str(done.error)
    assert f"{SCENES} scenes stay marked" in str(done.error)
    assert "wrong-token-of-nobody" not in str(asdict(done))
    calm.settings()
    done = run(calm, ALL)
    assert done.error is None
    assert titles(calm) == [f"token {scene}" for scene in range(1, SCENES + 1)]


def test_a_cancelled_task_ends_at_once(calm: Installation) -> None:
    """Nothing of the task holds Stash up when it is killed: its worker keeps no pipe open."""
    edit_all(calm, "cancelled")
    calm.plex.latency(40)
    cancel = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        task = pool.submit(host_of(calm).run_task, "PlexSync", ALL, cancel=cancel)
        wait_for(lambda: calm.query("SELECT 1 FROM dirty WHERE urgency = 2"))
        cancel.set()
        done = task.result(10)
    assert done.cancelled
    assert calm.worker_lives()
    calm.plex.latency(0)
    run(calm, ALL)
    assert titles(calm) == [f"cancelled {scene}" for scene in range(1, SCENES + 1)]


# --- Check connection --------------------------------------------------------------------------


def test_check_connection_tells_what_it_found(calm: Installation) -> None:
    """With good settings the answer names the server, its libraries and how the files lie."""
    run(calm, ALL)
    done = run(calm, CHECK)
    assert done.error is None
    assert "Connected to Plex server" in done.output
    assert "20 lie in a library folder and 20 are in Plex already" in done.output
    assert lines(done, "info") == [done.output]
    assert done.output.count("\n") == 0
    calm.settings(sync_fields="title", ratings_to_stash=True)
    assert run(calm, CHECK).output == (
        f"{done.output} Ratings To Stash does nothing, because Sync Fields does not name rating."
    )


def test_check_connection_finds_the_rule_also_within_a_library(calm: Installation) -> None:
    """Where Path Map leads into a library's folder and Plex has the files in another one there."""
    astray = "/stash/media => /plex/media/elsewhere"
    calm.settings(path_map=astray)
    done = run(calm, CHECK)
    assert "20 lie in a library folder and 0 are in Plex already" in done.output
    rule = done.output.rpartition("leads there: ")[2].removesuffix(".")
    calm.settings(path_map=f"{astray}; {rule}")
    assert run(calm, CHECK).output.endswith("and 20 are in Plex already.")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("plex_url", ""),
        ("plex_url", "no address"),
        ("plex_url", "http://127.0.0.1:9"),
        ("plex_url", "https://127.0.0.1:9"),
        ("plex_token", ""),
        ("plex_token", "wrong-token-of-nobody"),
        ("plex_libraries", "No Such Library"),
        ("path_map", ""),
        ("path_map", "/stash/media => /somewhere/else"),
        ("path_map", "no arrow"),
        ("plex_read_timeout", -1),
        ("sync_fields", "colour"),
    ],
)
def test_check_connection_names_the_one_setting_at_fault(
    calm: Installation, setting: str, value: Any
) -> None:
    """Each wrong setting is named, in the answer and in Stash's log as an error."""
    calm.settings(**{setting: value})
    done = run(calm, CHECK)
    assert done.output is None
    assert done.error is not None
    assert shown_name(setting) in done.error
    assert lines(done, "error")
    assert shown_name(setting) in lines(done, "error")[0]
    assert "wrong-token-of-nobody" not in str(asdict(done))
    others = {"plex_url", "plex_token", "plex_libraries", "path_map"} - {setting}
    assert [name for name in others if f"Setting {shown_name(name)}" in done.error] == []


def test_check_connection_with_a_guests_token_says_so(calm: Installation) -> None:
    """A token that may read but not edit is found before the first edit fails."""
    calm.settings(plex_token=calm.plex.shared_token)
    assert "Plex Token" in str(run(calm, CHECK).error)


def test_check_connection_during_maintenance_is_not_the_settings_fault(calm: Installation) -> None:
    """A starting Plex is said to be that, and no setting is blamed."""
    calm.plex.fault("maintenance", times=None)
    done = run(calm, CHECK)
    assert done.error
    assert "Setting" not in done.error


def test_check_connection_changes_nothing(calm: Installation) -> None:
    """The check reads only, on Plex's side, and leaves the queue as it is."""
    run(calm, ALL)
    calm.plex.clear_requests()
    before = calm.rows()
    run(calm, CHECK)
    assert {one["method"] for one in calm.plex.requests()} == {"GET"}
    assert calm.rows() == before


def test_stash_that_refuses_its_own_task_is_an_error(calm: Installation) -> None:
    """When Stash does not answer the task, the task says that, not a traceback."""
    calm.stash.fault("status", path="/graphql", status=503, times=None)
    for task in (ALL, CHECK):
        said = str(run(calm, task).error)
        assert "Stash" in said
        # The worker tries again by itself; what a person started does not.
        assert said.endswith(f"'{task}' has ended; run it again then.")


def test_an_unknown_mode_runs_nothing(calm: Installation) -> None:
    """A mode nobody knows is an error, never another task instead."""
    done = run(calm, CHECK, args={"mode": "sync_recent"})
    assert "knows no task of mode 'sync_recent'" in str(done.error)
