"""The task "Preview sync" costs what reading costs, holds one window, and says a bounded number."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from log import Log
from simulator.library import catalogue_file
from tasks.preview import SAID, WINDOW, Preview
from tests.bulk_worker import FIELDS
from tests.installation import Installation, installation, own_installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 300
MANY = 1200
#: Every table that a sync would change, the path index among them.
TABLES = ("dirty", "item", "scene", "carries", "hold", "part", "part_cursor", "history", "tally")


def bound(scenes: int) -> float:
    """Plex requests for so many scenes: the design's number for reading both sides."""
    return scenes / 200 + 10


# An installation of its own for each test; nothing was ever synced in it.
env = own_installation(SCENES, sync_fields=FIELDS)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """More scenes than the log may tell of; never synced."""
    with installation(tmp_path_factory.mktemp("large"), MANY, sync_fields="title") as made:
        yield made


def kept(env: Installation) -> dict[str, list[dict[str, Any]]]:
    """All that is known of the sync so far."""
    return {table: env.query(f"SELECT * FROM {table}") for table in TABLES}


def preview(env: Installation) -> tuple[dict[str, Any], dict[str, int]]:
    """Run the task without a worker beside it; give its answer and Plex's counts, all reads."""
    env.kill_workers()
    env.run(mode="page_state")  # makes the store, if there is none yet
    before = kept(env)
    env.plex.clear_requests()
    answer = env.run(mode="preview")
    assert kept(env) == before
    assert {one["method"] for one in env.plex.requests(headers=False)} == {"GET"}
    return answer, env.plex.counts()


def told(answer: dict[str, Any]) -> list[int]:
    """The scenes that the log has a line about, in order."""
    return [int(one) for one in re.findall(r"\x02scene (\d+)", answer["stderr"])]


def test_a_library_that_was_never_synced_costs_no_request_a_scene(env: Installation) -> None:
    """300 scenes are found by the index and read by lists, and nothing is written."""
    answer, counts = preview(env)
    assert f"{SCENES} of {SCENES} scenes would change" in answer["output"]
    assert counts["total"] <= bound(SCENES)
    assert counts["file_queries"] == 0


def test_pictures_that_nobody_locked_cost_plex_no_request(env: Installation) -> None:
    """With every field in sync_fields, posters and backgrounds are told without asking Plex."""
    env.settings()
    answer, counts = preview(env)
    assert f"poster {SCENES}, background {SCENES}" in answer["output"]
    assert counts["total"] <= bound(SCENES)


def test_a_synced_library_costs_no_more_lately_or_long_ago(env: Installation) -> None:
    """Remembered items are read by lists; those remembered for too long are not searched, too."""
    env.run(mode="sync_all")
    env.settled()
    answer, counts = preview(env)
    assert f"0 of {SCENES} scenes would change" in answer["output"]
    assert counts["total"] <= bound(SCENES)
    assert counts["file_queries"] == 0
    assert counts["listings"] > 0  # the ledger does not know what came later
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite")) as store, store:
        store.execute("UPDATE scene SET resolved_at = resolved_at - 2 * 86400")
    answer, counts = preview(env)
    assert f"0 of {SCENES} scenes would change" in answer["output"]
    assert counts["total"] <= bound(SCENES)
    assert counts["file_queries"] == 0
    assert counts["listings"] > 0  # a copy in another library would be noticed


def test_what_plex_does_not_have_is_not_searched_one_by_one(env: Installation) -> None:
    """A miss in the index is an answer."""
    for number in range(1, 101):
        env.plex.delete_item(env.plex.key_of(catalogue_file(number).plex_path))
    answer, counts = preview(env)
    assert f"{SCENES - 100} of {SCENES} scenes would change" in answer["output"]
    assert "100 not in Plex yet" in answer["output"]
    assert counts["total"] <= bound(SCENES)
    assert counts["file_queries"] == 0


def test_a_few_scenes_in_a_large_library_are_searched(large: Installation) -> None:
    """The library is not listed where searches cost less; scenes left out cost nothing."""
    large.settings(sync_fields="title", only_organized=True)
    large.stash.set_scene(7, organized=True)
    answer, counts = preview(large)
    large.stash.set_scene(7, organized=False)
    assert f"1 of {MANY} scenes would change, {MANY - 1} left out" in answer["output"]
    assert (counts["file_queries"], counts["listings"], counts["item_reads"]) == (1, 0, 1)


@pytest.mark.parametrize("refused", [",", "sort=addedAt"])
def test_a_list_that_plex_refuses_is_asked_for_one_by_one(env: Installation, refused: str) -> None:
    """Neither a list of items nor a listing of the library has to work for a preview."""
    env.plex.fault("status", path=refused, status=500, times=None)
    answer, _ = preview(env)
    assert f"{SCENES} of {SCENES} scenes would change" in answer["output"]


def test_the_log_tells_of_changes_wherever_they_are(large: Installation) -> None:
    """What was looked at before and needs no word takes none from what comes later."""
    changed = [900, *range(1100, 1160)]
    large.settings(sync_fields="title", only_organized=True)
    for number in changed:
        large.stash.set_scene(number, organized=True)
    answer, _ = preview(large)
    assert told(answer) == changed
    assert "more follow" not in answer["stderr"]
    assert "the log" not in answer["output"]


def test_the_log_says_when_it_stops(large: Installation) -> None:
    """After a thousand scenes one line says so, and the summary how many there were."""
    large.settings(sync_fields="title")
    answer, counts = preview(large)
    assert counts["total"] <= bound(MANY)
    assert MANY > 2 * WINDOW
    assert told(answer) == list(range(1, SAID + 1))
    assert answer["stderr"].count("more follow") == 1
    assert f"{MANY} of {MANY} scenes would change" in answer["output"]
    assert f"{MANY - SAID} more scenes" in answer["output"]


def test_a_warning_is_said_after_the_last_change(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    """Each level has its own thousand lines: why a scene would fail is worth one to the end."""
    caplog.set_level("INFO", "StashLogger")
    said = Preview(Log(str(tmp_path)))
    for number in range(SAID + 5):
        said.say("INFO", f"scene {number}")
    said.say("WARNING", "scene 5000: refused")
    assert len(caplog.messages) == SAID + 2
    assert "refused" in caplog.messages[-1]
