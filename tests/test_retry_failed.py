"""The task "Retry failed": everything that failed or waits is looked at now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests here."""
    with installation(tmp_path_factory.mktemp("env"), 3, sync_fields="title") as env:
        env.at_rest()  # or its first look around takes up what a test has just made fail
        yield env


def test_what_failed_and_what_waits_is_looked_at_now(env: Installation) -> None:
    """A parked scene and one that is not in Plex yet are both synced without another edit."""
    key = env.item(1)["ratingKey"]
    env.plex.fault("status", method="PUT", path=f"id={key}", status=400, times=None)
    env.save(1, title="Refused at first")
    fresh = env.stash.add_scene("/stash/media/new.mp4", title="New")
    env.hook(fresh, "Scene.Create.Post")
    wait_for(lambda: len([row for row in env.rows() if row["reason"]]) == 2)
    env.plex.clear_faults()
    env.plex.add_item("/plex/media/new.mp4")
    answer = env.run(mode="retry_failed")
    assert "1 that failed and 1 that was waiting are looked at again now" in answer["output"]
    env.settled()
    assert env.item(1)["fields"]["title"] == "Refused at first"
    assert env.plex.item_at("/plex/media/new.mp4")["fields"]["title"] == "New"


def test_nothing_to_retry_is_said(env: Installation) -> None:
    """With an empty queue the task says so and does nothing."""
    assert "Nothing had failed" in env.run(mode="retry_failed")["output"]
