"""Items that appear after a scene was synced: an edit and a Sync all reach all of them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from store import meta
from store.enqueue import TASK
from tests.bulk_worker import BulkWorker, key_of, stepped_bulk, writes
from tests.installation import Installation, shared_installation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCENES = 40
ALL = range(1, SCENES + 1)
#: Plex has two folders for what Stash has in two.
PATH_MAP = "/stash => /plex"


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test; all scenes are in step, and scene 1 has more files."""
    with stepped_bulk(env, sync_fields="title", path_map=PATH_MAP) as made:
        made.late = 60.0
        if len(env.stash.scene(1)["files"]) == 1:
            env.stash.set_scene(1, add_file={"path": "/stash/copies/One.mp4"})
            env.stash.set_scene(1, add_file={"path": "/stash/media/Versions/One.mp4"})
        made.task(ALL)
        made.drain()
        made.late += 60.0
        made.forget_requests()
        yield made


def second_library(env: Installation) -> int:
    """A copy of scene 1's second file, in a library that is new."""
    section = env.plex.add_section("other", "Copies", ["/plex/copies"])
    return int(env.plex.add_item("/plex/copies/One.mp4", section=section)["ratingKey"])


def overlapping_library(env: Installation) -> int:
    """The very file, in a second library with the same folder."""
    section = env.plex.add_section("other", "Again", ["/plex/media"])
    path = catalogue_file(1).plex_path
    return int(env.plex.add_item(path, section=section)["ratingKey"])


def listed_twice(env: Installation) -> int:
    """The very file, as a second item of its library."""
    return int(env.plex.add_item(catalogue_file(1).plex_path)["ratingKey"])


def split_in_two(env: Installation) -> int:
    """Two versions in one item, which a person splits."""
    file, other = catalogue_file(1).plex_path, "/plex/media/Versions/One.mp4"
    env.plex.person_sets(key_of(env, 1), files=[{"path": file}, {"path": other}])
    env.plex.person_sets(key_of(env, 1), files=[{"path": file}])
    return int(env.plex.add_item(other)["ratingKey"])


WAYS: dict[str, Callable[[Installation], int]] = {
    one.__name__: one for one in (second_library, overlapping_library, listed_twice, split_in_two)
}


def sync_all(stepped: BulkWorker) -> None:
    """Sync all as a task that is started now."""
    with stepped.resident.store.transaction() as connection:
        meta.put(connection, meta.TASK_BEGAN, stepped.clock())
    stepped.mark_as(TASK, ALL)
    stepped.drain()
    stepped.late += 60.0


def title(stepped: BulkWorker, key: int) -> str:
    """What Plex shows."""
    return str(stepped.env.plex.item(key)["fields"].get("title"))


@pytest.mark.parametrize("way", WAYS)
def test_sync_all_reaches_items_that_came_later(stepped: BulkWorker, way: str) -> None:
    """Although neither the scene nor its first item changed, and the next one writes nothing."""
    env = stepped.env
    new = WAYS[way](env)
    sync_all(stepped)
    assert [keys for keys, _ in writes(env)] == [[new]]
    assert title(stepped, new) == env.stash.scene(1)["title"]
    stepped.forget_requests()
    sync_all(stepped)
    assert writes(env) == []
    assert stepped.plex_counts()["total"] <= SCENES / 200 + 10


@pytest.mark.parametrize("way", WAYS)
def test_an_edit_reaches_items_that_came_later(stepped: BulkWorker, way: str) -> None:
    """The first save after they came, by asking each library that can hold a file of it."""
    new = WAYS[way](stepped.env)
    old = key_of(stepped.env, 1) if way != "listed_twice" else new
    stepped.env.stash.set_scene(1, title=f"Edited, {way}")
    stepped.resident.worker.context.plex.libraries.read_again()
    stepped.hook(1)
    stepped.drain()
    assert {title(stepped, new), title(stepped, old)} == {f"Edited, {way}"}


@pytest.mark.parametrize("way", WAYS)
def test_a_preview_sees_items_that_came_later(stepped: BulkWorker, way: str) -> None:
    """It names the one change that a Sync all would make."""
    WAYS[way](stepped.env)
    answer = stepped.env.run(mode="preview")
    assert f"1 of {SCENES} scenes would change" in answer["output"]
    assert stepped.plex_counts()["total"] <= SCENES / 200 + 10


def test_an_edit_costs_a_read_a_write_and_a_question_a_library(stepped: BulkWorker) -> None:
    """Of a scene with one file in one of two libraries that may hold it."""
    env = stepped.env
    env.plex.add_section("other", "Again", ["/plex/media"])
    stepped.resident.worker.context.plex.libraries.read_again()
    stepped.hook(2)
    stepped.drain()
    stepped.forget_requests()
    env.stash.set_scene(2, title="Edited once more")
    stepped.hook(2)
    stepped.drain()
    targets = [one["target"] for one in env.plex.requests(headers=False)]
    assert len([one for one in targets if "file=" in one]) == 2
    assert len([one for one in targets if "/library/metadata/" in one]) == 1
    assert len(writes(env)) == 1
    assert len(targets) == 4
