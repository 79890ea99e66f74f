"""What was queued before the first complete settings is not written by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 6
UNSEEN = "6 scenes were never compared with Plex: press Preview sync, then Sync all to Plex."


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Installation]:
    """An installation whose settings are empty as yet, with a scan's hooks behind it."""
    with installation(tmp_path, SCENES, plex_url="", plex_token="") as env:
        # Not five seconds, which each test here would wait some times.
        env.patience("worker/circuit_breaker.py", "READ_SETTINGS", (0.5, 3.0))
        for scene in range(1, SCENES + 1):
            env.hook(scene, "Scene.Create.Post")
        # The worker has looked at the settings after the last of them.
        seen = f"SELECT 1 FROM meta WHERE key='before_settings' AND value + 0 >= {SCENES}"
        wait_for(lambda: env.query(seen))
        yield env


def writes(env: Installation) -> int:
    """Count what was sent to Plex to change something."""
    return sum(request["method"] != "GET" for request in env.plex.requests())


def swept(env: Installation) -> None:
    """Wait for the first sweep, which also tells the page how many scenes there are."""
    wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'sweep'"))
    env.settled()


def test_what_a_scan_queued_before_the_first_settings_is_not_written(env: Installation) -> None:
    """The first complete settings write nothing; the next edit, and only that, is synced."""
    env.settings()
    env.settled()
    assert writes(env) == 0
    swept(env)
    assert writes(env) == 0  # nor does the first sweep bring them back
    said = env.run(mode="page_state")["output"]["state"]["sentence"]
    assert said == UNSEEN
    env.save(3, title="Edited after it")
    env.title_becomes(3, "Edited after it")
    env.settled()
    assert len(env.query("SELECT id FROM scene")) == 1


def test_sync_all_writes_what_was_left(env: Installation) -> None:
    """Nothing is lost: Sync all compares every scene."""
    env.settings()
    env.settled()
    env.run(mode="sync_all")
    assert len(env.query("SELECT id FROM scene")) == SCENES


def test_an_edit_under_settings_that_break_later_is_synced_once_they_are_mended(
    env: Installation,
) -> None:
    """Only the first time is special."""
    env.settings()
    env.settled()
    env.settings(plex_token="")
    env.save(5, title="While they were wrong")
    wait_for(lambda: env.query("SELECT 1 FROM hold WHERE lane = 'settings'"))
    env.settings()
    env.title_becomes(5, "While they were wrong")


def test_a_token_that_opens_nothing_does_not_complete_the_settings(env: Installation) -> None:
    """What comes in while Plex refuses the first token is left, too, once it is mended."""
    env.settings(plex_token="wrong-token-1234")
    hold = wait_for(lambda: env.query("SELECT message FROM hold WHERE reason = 'AuthError'"))
    assert "Plex Token" in hold[0]["message"] or "plex_token" in hold[0]["message"]
    newest = "SELECT value + 0 AS newest FROM meta WHERE key = 'before_settings'"
    env.hook(2, "Scene.Create.Post")
    wait_for(lambda: env.query(newest)[0]["newest"] > SCENES)
    assert not env.query("SELECT 1 FROM meta WHERE key = 'settings_seen'")
    env.settings()
    env.settled()
    assert writes(env) == 0
    swept(env)
    said = env.run(mode="page_state")["output"]["state"]["sentence"]
    assert said == UNSEEN
    env.save(3, title="Edited after it")
    env.title_becomes(3, "Edited after it")


def test_a_plex_that_is_away_at_the_start_costs_no_edit(env: Installation) -> None:
    """The settings are complete although nobody answers: what is edited then is synced later."""
    env.plex.fault("reset_before", times=None)
    env.settings()
    wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'settings_seen'"))
    env.save(4, title="While Plex was away")
    env.plex.clear_faults()
    env.run(mode="retry_failed")
    env.title_becomes(4, "While Plex was away")
    env.settled()
    assert len(env.query("SELECT id FROM scene")) == 1
