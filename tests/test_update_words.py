"""Files of the plugin that are away for a moment, as during an update: what a reader is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.hand import hand_on
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Installation]:
    """A fresh installation."""
    with installation(tmp_path, scenes=2) as running:
        yield running


AWAY = ["worker", "store", "store/create.py", "worker/launcher.py", "errors.py"]


@pytest.mark.parametrize("away", AWAY)
def test_a_hook_amid_an_update_says_so(town: Installation, away: str) -> None:
    """Whatever is missing, stdout holds one JSON object that says what happens next."""
    (town.plugin_dir / away).rename(town.config_dir / "away")
    answer = town.hook(1)
    if away != "errors.py":  # which a hook does without
        assert "being updated" in answer["error"]
        assert "sync" in answer["error"].lower()
    assert "Traceback" not in answer["stderr"]
    (town.config_dir / "away").rename(town.plugin_dir / away)
    assert "is noted" in town.hook(1)["output"]


@pytest.mark.parametrize("away", ["tasks", "tasks/page.py", "log.py", "sync/read.py"])
def test_a_task_amid_an_update_says_so(town: Installation, away: str) -> None:
    """A task and a look of the page are answered in words, and run once the files are there."""
    (town.plugin_dir / away).rename(town.config_dir / "away")
    answer = town.run(mode="check_connection")
    assert "being updated" in answer["error"]
    (town.config_dir / "away").rename(town.plugin_dir / away)
    assert "output" in town.run(mode="check_connection")


def test_half_a_file_is_an_update_too(town: Installation) -> None:
    """A module that is only half there does not compile; that is no defect to report."""
    for name, arguments in (
        ("worker/hook.py", {"hookContext": {"id": 1, "type": "Scene.Update.Post"}}),
        ("tasks/retry_failed.py", {"mode": "check_connection"}),
    ):
        path = town.plugin_dir / name
        whole = path.read_text(encoding="utf-8")
        path.write_text("def half(", encoding="utf-8")
        assert "being updated" in town.run(**arguments)["error"]
        path.write_text(whole, encoding="utf-8")


def test_a_worker_amid_an_update_tries_again_and_says_so(town: Installation) -> None:
    """A package that is not there yet costs a scene a few seconds and no word about a defect."""
    shadow = town.plugin_dir / "plexapi"
    shadow.mkdir()
    (shadow / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'plexapi.base'\", name='plexapi.base')\n"
    )
    town.save(1, title="Amid the update")
    (row,) = wait_for(lambda: [row for row in town.rows() if row["message"]])
    assert "being updated" in row["message"]
    assert "tries" in row["message"]
    assert "does not know" not in row["message"] + town.log()
    (shadow / "__init__.py").unlink()
    shadow.rmdir()
    town.title_becomes(1, "Amid the update")


def test_a_module_that_is_away_parks_no_scene(
    town: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails for want of a file is tried again by itself: nobody has to save or retry."""
    with hand_on(town) as hand:

        def stumble(_row: object) -> None:
            raise ModuleNotFoundError("No module named 'sync.read'", name="sync.read")

        town.stash.set_scene(1, title="Amid the update")
        hand.hook(1)
        monkeypatch.setattr(hand.resident.worker, "_sync_scene", stumble)
        hand.drain()
        row = hand.rows()[1]
        assert row.due_at is not None
        assert "being updated" in row.message
        monkeypatch.undo()
        hand.settle()
    assert town.item(1)["fields"]["title"] == "Amid the update"
