"""Files of the plugin that are away for a moment, as during an update: what a reader is told."""

from __future__ import annotations

import pytest

from tests.installation import Installation, own_installation, wait_for
from tests.stepped_worker import step

env = own_installation(2)


AWAY = ["worker", "store", "store/create.py", "worker/launcher.py", "errors.py"]


@pytest.mark.parametrize("away", AWAY)
def test_a_hook_amid_an_update_says_so(env: Installation, away: str) -> None:
    """Whatever is missing, stdout holds one JSON object that says what happens next."""
    (env.plugin_dir / away).rename(env.config_dir / "away")
    answer = env.hook(1)
    if away != "errors.py":  # which a hook does without
        assert "being updated" in answer["error"]
        assert "sync" in answer["error"].lower()
    assert "Traceback" not in answer["stderr"]
    (env.config_dir / "away").rename(env.plugin_dir / away)
    assert "is noted" in env.hook(1)["output"]


@pytest.mark.parametrize("away", ["tasks", "tasks/page.py", "log.py", "sync/read.py"])
def test_a_task_amid_an_update_says_so(env: Installation, away: str) -> None:
    """A task and a look of the page are answered in words, and run once the files are there."""
    (env.plugin_dir / away).rename(env.config_dir / "away")
    answer = env.run(mode="check_connection")
    assert "being updated" in answer["error"]
    (env.config_dir / "away").rename(env.plugin_dir / away)
    assert "output" in env.run(mode="check_connection")


def test_half_a_file_is_an_update_too(env: Installation) -> None:
    """A module that is only half there does not compile; that is no defect to report."""
    for name, arguments in (
        ("worker/hook.py", {"hookContext": {"id": 1, "type": "Scene.Update.Post"}}),
        ("tasks/retry_failed.py", {"mode": "check_connection"}),
    ):
        path = env.plugin_dir / name
        whole = path.read_text(encoding="utf-8")
        path.write_text("def half(", encoding="utf-8")
        assert "being updated" in env.run(**arguments)["error"]
        path.write_text(whole, encoding="utf-8")


def test_a_worker_amid_an_update_tries_again_and_says_so(env: Installation) -> None:
    """A package that is not there yet costs a scene a few seconds and no word about a defect."""
    shadow = env.plugin_dir / "plexapi"
    shadow.mkdir()
    (shadow / "__init__.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'plexapi.base'\", name='plexapi.base')\n"
    )
    env.save(1, title="Amid the update")
    (row,) = wait_for(lambda: [row for row in env.rows() if row["message"]])
    assert "being updated" in row["message"]
    assert "tries" in row["message"]
    assert "does not know" not in row["message"] + env.log()
    (shadow / "__init__.py").unlink()
    shadow.rmdir()
    env.title_becomes(1, "Amid the update")


def test_a_module_that_is_away_parks_no_scene(
    env: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What fails for want of a file is tried again by itself: nobody has to save or retry."""
    with step(env) as stepped:

        def stumble(_row: object) -> None:
            raise ModuleNotFoundError("No module named 'sync.read'", name="sync.read")

        env.stash.set_scene(1, title="Amid the update")
        stepped.hook(1)
        monkeypatch.setattr(stepped.resident.worker, "_sync_scene", stumble)
        stepped.drain()
        row = stepped.rows()[1]
        assert row.due_at is not None
        assert "being updated" in row.message
        monkeypatch.undo()
        stepped.settle()
    assert env.item(1)["fields"]["title"] == "Amid the update"
