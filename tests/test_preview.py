"""The task "Preview sync": says exactly what a sync would do, and does none of it."""

from __future__ import annotations

import json
import re
from typing import Any

from store.history import unpack
from tests.installation import Installation, shared_installation, wait_for

SCENES = 12
FIELDS = "title, summary, studio, date, rating, performers, director, tags"


env = shared_installation(SCENES, sync_fields=FIELDS)


def everything(env: Installation) -> list[Any]:
    """All that a preview must not touch: Plex's items, the ledger, the queue."""
    items = [env.item(number) for number in range(1, SCENES + 1)]
    tables = [env.query(f"SELECT * FROM {table}") for table in ("dirty", "item", "scene")]
    return [items, tables]


def changes_said(answer: dict[str, Any]) -> dict[tuple[int, str], int]:
    """The changes in the output's table, as how often each (scene, field) is named."""
    rows = re.findall(r"^(\d+)  .*?  ([a-z_]+)  ", answer["output"], re.MULTILINE)
    counted: dict[tuple[int, str], int] = {}
    for scene, field in rows:
        counted[int(scene), field] = counted.get((int(scene), field), 0) + 1
    return counted


def test_a_preview_names_what_the_sync_then_does(env: Installation) -> None:
    """Scene by scene and field by field, preview and history agree; a second preview is empty."""
    env.save(1, title="Synced already")
    env.settled()
    env.plex.agent_sets(env.item(2)["ratingKey"], fields={"studio": "Agent's"})
    env.kill_workers()  # or its sweep would move what must not move
    before = everything(env)
    requests = len(env.plex.requests())
    preview = env.run(mode="preview")
    assert everything(env) == before
    assert {one["method"] for one in env.plex.requests()[requests:]} == {"GET"}
    assert f"of {SCENES} scenes would change" in preview["output"]
    assert "Nothing was written." in preview["output"]
    said = changes_said(preview)

    done_before = len(env.query("SELECT * FROM history"))
    env.run(mode="sync_all")
    done = {}
    for row in env.query("SELECT * FROM history ORDER BY number")[done_before:]:
        for field in json.loads(unpack(row["changes"])[0]):
            done[row["scene"], field] = 1
    total = int(re.findall(r"and (\d+) more changes", preview["output"])[0]) + sum(said.values())
    assert sum(said.values()) == 50
    assert total == len(done)
    assert set(said) <= set(done)

    again = env.run(mode="preview")
    assert f"0 of {SCENES} scenes would change, {SCENES} would stay" in again["output"]
    assert "\n" not in again["output"]


def test_hand_edits_and_what_is_missing_are_said(env: Installation) -> None:
    """What would be kept, what is left out and what Plex does not have yet is counted."""
    env.save(3, title="Three")
    env.settled()
    env.plex.person_sets(env.item(3)["ratingKey"], fields={"title": "By hand"})
    fresh = env.stash.add_scene("/stash/media/elsewhere/new.mp4", title="New")
    answer = env.run(mode="preview")
    assert "1 not in Plex yet" in answer["output"]
    assert "'By hand' was set in Plex by hand and is kept" in answer["stderr"]
    assert env.item(3)["fields"]["title"] == "By hand"
    env.stash.delete_scene(fresh)


def test_redacted_logs_hold_no_titles(env: Installation) -> None:
    """With redact_logs only scene ids and field names are said."""
    env.stash.set_scene(4, title="Secret words")
    env.settings(sync_fields=FIELDS, redact_logs=True)
    answer = env.run(mode="preview")
    assert "title" in answer["output"]
    assert "Secret" not in answer["output"] + answer["stderr"]
    env.settings(sync_fields=FIELDS)


def test_a_wrong_setting_is_named(env: Installation) -> None:
    """With a wrong setting there is no preview but the setting's name."""
    env.settings(plex_url="")
    assert "Plex URL" in env.run(mode="preview")["error"]
    env.settings(sync_fields=FIELDS)


def test_a_plex_that_is_down_ends_the_preview(env: Installation) -> None:
    """A server that is down is one error, not one for each scene."""
    env.plex.fault("maintenance", times=None)
    answer = env.run(mode="preview")
    env.plex.clear_faults()
    assert "maintenance" in answer["error"]


def test_a_preview_writes_nothing_whatever_there_is_to_do(env: Installation) -> None:
    """Covers, locks, folders to scan, pictures of ours that came back: all read, none written."""
    env.settings(scan_missing=True)  # and all fields, pictures too
    env.save(5, title="With its cover")
    wait_for(lambda: "upload://" in str(env.item(5)["arts"]))
    env.settled()
    # Not before: a worker's first sweep would look at it, and it would wait.
    fresh = env.stash.add_scene("/stash/media/Not there yet/new.mp4", title="New")
    env.stash.set_scene(5, cover="new:another")
    env.plex.person_sets(env.item(6)["ratingKey"], lock=["title", "thumb"])
    env.kill_workers()
    before = everything(env)
    files = {path.name for path in env.data.iterdir()}
    env.plex.clear_requests()
    env.stash.clear_requests()
    answer = env.run(mode="preview")
    assert "poster" in answer["output"]
    assert everything(env) == before
    asked = env.plex.requests()
    assert {one["method"] for one in asked} == {"GET"}
    assert not [one["target"] for one in asked if "refresh" in one["target"].partition("?")[0]]
    assert not [one for one in env.stash.requests() if "mutation" in (one["query"] or "")]
    assert {path.name for path in env.data.iterdir()} - files <= {
        "plexsync.sqlite-wal",
        "plexsync.sqlite-shm",
    }
    env.stash.delete_scene(fresh)
    env.settings(sync_fields=FIELDS)
