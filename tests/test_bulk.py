from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from store import ledger, queue
from store.enqueue import EDIT, TASK
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, stepped_bulk, synced, writes
from tests.installation import Installation, installation, shared_installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 300
MANY = 5000
ALL = range(1, SCENES + 1)


env = shared_installation(SCENES)
stepped = bulk_worker()


def title_of(env: Installation, scene: int) -> str:
    """The title that Plex shows."""
    return str(env.item(scene)["fields"].get("title"))


def test_changed_scenes_cost_a_write_each_and_hardly_a_read(stepped: BulkWorker) -> None:
    """N changed scenes cost at most 1.2 N requests, and are in Plex afterwards."""
    stepped.task(ALL)
    stepped.drain()
    assert stepped.rows() == {}
    assert stepped.tally() == {"changed": SCENES}
    counts = stepped.plex_counts()
    assert counts["writes"] <= SCENES
    assert counts["reads"] + counts["writes"] <= 1.2 * SCENES
    scene = stepped.env.stash.scene(SCENES)
    assert title_of(stepped.env, SCENES) == scene["title"]


def test_unchanged_scenes_cost_no_write_and_nothing_at_stash_but_stamps(
    stepped: BulkWorker,
) -> None:
    """A second look reads Plex's items by the hundred, and no scene's details."""
    synced(stepped, ALL)
    stepped.late = 60.0
    stepped.task(ALL)
    stepped.drain()
    assert stepped.tally()["unchanged"] == SCENES
    counts = stepped.plex_counts()
    assert counts["writes"] == 0
    assert counts["reads"] <= SCENES / 200 + 10
    assert stepped.asked_stash("ScenesById") == 0


@pytest.mark.timeout(400)
def test_five_thousand_unchanged_scenes_cost_what_their_pages_cost(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """N/200 + 10 requests at most, no write: at first sight, and when all is looked up anew."""
    folder = tmp_path_factory.mktemp("many")
    with (
        installation(folder, MANY, plex={"matched": True}) as env,
        stepped_bulk(env, sync_fields="studio,date,performers,tags") as stepped,
    ):
        for late in (0.0, 30 * 3600.0):
            stepped.late = late
            stepped.forget_requests()
            stepped.task(range(1, MANY + 1))
            stepped.drain()
            counts = stepped.plex_counts()
            assert counts["reads"] <= MANY / 200 + 10
            assert counts["writes"] == 0
            assert stepped.rows() == {}
        assert stepped.tally() == {"unchanged": 2 * MANY}
        # A few scenes that are not known cost less than the library's listing.
        stepped.forget_requests()
        with stepped.resident.store.transaction() as connection:
            for scene in range(1, 6):
                ledger.forget_scene(connection, scene)
            connection.execute("DELETE FROM part_cursor")
        stepped.late += 3600.0
        stepped.background(range(1, 6))
        stepped.drain()
        assert stepped.plex_counts()["file_queries"] == 5


def test_what_changed_in_plex_alone_is_seen(stepped: BulkWorker) -> None:
    """An agent that overwrote an unlocked title is corrected, although Stash stood still."""
    synced(stepped, ALL)
    key = key_of(stepped.env, 7)
    stepped.env.plex.person_sets(key, fields={"title": "Agent"}, unlock=["title"])
    stepped.late = 60.0
    stepped.task(ALL)
    stepped.drain()
    assert [keys for keys, _ in writes(stepped.env)] == [[key]]


def test_a_single_edit_never_lists_the_library(stepped: BulkWorker) -> None:
    """One marked scene is searched by its file, and never by an index."""
    stepped.hook(5)
    stepped.drain()
    counts = stepped.plex_counts()
    assert (counts["listings"], counts["file_queries"]) == (0, 1)


def test_an_index_of_a_while_ago_tells_no_single_scene_that_plex_lacks_its_file(
    stepped: BulkWorker,
) -> None:
    """A file that Plex found after the bulk is found at once when its scene is edited."""
    synced(stepped, ALL)
    path = "/plex/media/New/After the bulk.mp4"
    scene = stepped.env.stash.add_scene("/stash/media/New/After the bulk.mp4", title="Late")
    stepped.env.plex.add_item(path)
    stepped.hook(scene)
    stepped.drain()
    assert stepped.env.plex.item_at(path)["fields"]["title"] == "Late"
    stepped.env.stash.delete_scene(scene)


def test_scenes_that_are_not_in_plex_cost_no_request_each(stepped: BulkWorker) -> None:
    """Many missing files cost the index, in the first run and in the second, and wait again."""
    there = stepped.env.plex.counts
    ids = [
        stepped.env.stash.add_scene(f"/stash/media/None/None {number}.mp4") for number in range(60)
    ]
    for late in (0.0, 400.0):
        stepped.late = late
        stepped.forget_requests()
        stepped.task(ids)
        stepped.drain()
        assert there()["file_queries"] == 0
        assert there()["total"] <= 10
        assert {row.reason for row in stepped.rows().values()} == {"NotInPlexYet"}
    assert stepped.tally() == {"waiting": 120}
    # Once they are due they are looked at together, too.
    stepped.late += 90.0
    stepped.forget_requests()
    stepped.drain()
    assert {row.attempts for row in stepped.rows().values()} == {2}
    assert there()["file_queries"] == 0
    for scene in ids:
        stepped.env.stash.delete_scene(scene)


def test_a_scene_that_was_marked_again_is_not_written_from_an_old_read(stepped: BulkWorker) -> None:
    """What was read before a newer mark never reaches Plex, mark by whomever."""
    resident, env = stepped.resident, stepped.env
    stepped.task(range(1, 9))
    context = resident.worker.context
    interrupted = context.interrupted
    seen: list[int] = []

    def between() -> bool:
        if not seen and any(keys == [key_of(env, 1)] for keys, _ in writes(env)):
            seen.append(1)
            env.stash.set_scene(8, title="Newer")
            stepped.background([8])
        return interrupted()

    context.interrupted = between
    stepped.drain()
    titles = [p["title.value"] for keys, p in writes(env) if keys == [key_of(env, 8)]]
    assert seen
    assert titles == ["Newer"]


@pytest.fixture
def organized(env: Installation) -> Iterator[list[int]]:
    """Scenes that are organized, for one test."""
    chosen = list(range(1, SCENES + 1, 3))
    for scene in chosen:
        env.stash.set_scene(scene, organized=True)
    yield chosen
    for scene in chosen:
        env.stash.set_scene(scene, organized=False)


def test_settings_are_read_again_with_every_batch(
    stepped: BulkWorker, organized: list[int]
) -> None:
    """A setting that was changed just before "Sync all" already holds for it."""
    stepped.hook(1)
    stepped.drain()
    stepped.env.settings(sync_fields="title", only_organized=True)
    stepped.forget_requests()
    stepped.task(ALL)
    stepped.drain()
    assert stepped.tally()["skipped"] == SCENES - len(organized)
    assert {name for _, params in writes(stepped.env) for name in params if "." in name} == {
        "title.value",
        "title.locked",
    }


@pytest.mark.usefixtures("organized")
def test_scenes_that_are_left_out_are_not_read_again(stepped: BulkWorker) -> None:
    """A scene that the settings leave out costs its stamp, as long as nothing changes."""
    stepped.env.settings(sync_fields="title", exclude_tags="No such tag", only_organized=True)
    stepped.late = 60.0  # or what was set just now might be set again in the same second
    synced(stepped, ALL)
    skipped = stepped.tally()["skipped"]
    stepped.late = 120.0
    stepped.task(ALL)
    stepped.drain()
    assert stepped.tally()["skipped"] == 2 * skipped
    assert stepped.asked_stash("ScenesById") == stepped.asked_stash("SceneAndSettings") == 0


def test_a_rekeyed_item_is_found_again_with_one_search(stepped: BulkWorker) -> None:
    """A stale key, remembered and indexed, is verified by the read and resolved once."""
    synced(stepped, ALL)
    new = stepped.env.plex.rekey(key_of(stepped.env, 9))
    stepped.late = 60.0
    stepped.task(ALL)
    stepped.drain()
    assert stepped.plex_counts()["file_queries"] == 1
    context = stepped.resident.worker.context
    assert ledger.remembered(context.store.connection, context.server, [9]) == {9: [new]}
    stepped.env.stash.set_scene(9, title="Rekeyed")
    stepped.late = 120.0
    stepped.task(ALL)
    stepped.drain()
    assert stepped.plex_counts()["file_queries"] == 1
    assert stepped.env.plex.item(new)["fields"]["title"] == "Rekeyed"


def test_a_renamed_studio_is_followed_with_few_writes(stepped: BulkWorker) -> None:
    """One name on hundreds of items travels in requests of up to a hundred items."""
    env = stepped.env
    studio = env.stash.add_entity("studio", "Old name")
    for scene in range(1, 251):
        env.stash.set_scene(scene, studio_id=studio)
    synced(stepped, ALL)
    stamps = [env.stash.scene(scene)["updated_at"] for scene in range(1, 251)]
    env.stash.set_entity("studio", studio, name="New name")
    stepped.mark_as(EDIT, [studio], "studio")
    stepped.drain()
    assert len(writes(env)) == 3
    assert sum(len(keys) for keys, _ in writes(env)) == 250
    assert {env.item(scene)["fields"]["studio"] for scene in range(1, 251)} == {"New name"}
    assert stamps == [env.stash.scene(scene)["updated_at"] for scene in range(1, 251)]
    assert stepped.rows() == {}


def test_an_item_that_refuses_its_share_of_a_common_write_fails_alone(stepped: BulkWorker) -> None:
    """A common write that is refused is repeated scene by scene, and blames only the one."""
    env = stepped.env
    studio = env.stash.add_entity("studio", "Before")
    for scene in range(1, 21):
        env.stash.set_scene(scene, studio_id=studio)
    synced(stepped, ALL)
    env.stash.set_entity("studio", studio, name="After")
    bad = key_of(env, 4)
    refused = f"id=([^&]*%2C|[^&]*,)?{bad}[&%,]"
    env.plex.fault("status", method="PUT", path=refused, status=400, times=None)
    stepped.mark_as(EDIT, [studio], "studio")
    stepped.drain()
    env.plex.clear_faults()
    assert list(stepped.rows()) == [4]
    assert {env.item(scene)["fields"]["studio"] for scene in range(1, 21)} == {"Before", "After"}
    assert env.item(4)["fields"]["studio"] == "Before"


def test_a_scene_that_stash_deleted_is_forgotten_and_plex_is_left_alone(
    stepped: BulkWorker,
) -> None:
    """A batch ends the row of a scene that is gone, with its ledger, without any write."""
    env = stepped.env
    path = "/plex/media/Gone/Gone.mp4"
    env.plex.add_item(path)
    scene = env.stash.add_scene("/stash/media/Gone/Gone.mp4", title="Kept in Plex")
    stepped.task([*range(1, 9), scene])
    stepped.drain()
    env.stash.delete_scene(scene)
    stepped.forget_requests()
    stepped.background([*range(1, 9), scene])
    stepped.drain()
    connection = stepped.resident.store.connection
    assert ledger.scene_record(connection, scene) is None
    assert ledger.scenes_carrying(connection, "tag", [1]) is not None
    assert writes(env) == []
    assert env.plex.item_at(path)["fields"]["title"] == "Kept in Plex"


def test_a_task_that_is_stopped_leaves_its_rows_and_the_next_one_goes_on(
    stepped: BulkWorker,
) -> None:
    """Without the task's lock its rows rest; what failed or waits before goes on by itself."""
    missing = stepped.env.stash.add_scene("/stash/media/None/Missing.mp4")
    stepped.hook(missing)
    stepped.drain()
    stepped.mark_as(TASK, [*ALL, missing])
    stepped.drain()
    rows = stepped.rows()
    assert len(rows) == SCENES + 1
    assert rows[missing].attempts == 1  # it was looked at, task or not
    assert queue.task_waiting(stepped.resident.store.connection) == SCENES
    assert stepped.resident.task_lock.acquire()
    stepped.drain()
    assert list(stepped.rows()) == [missing]
    assert stepped.tally() == {"changed": SCENES, "waiting": 1}
    stepped.env.stash.delete_scene(missing)


def test_an_edit_during_the_run_is_counted_once(stepped: BulkWorker) -> None:
    """A scene that a hook takes out of the batch still counts for the task, and only once."""
    stepped.mark_as(TASK, ALL)
    stepped.env.stash.set_scene(250, title="By hand")
    stepped.hook(250)
    assert stepped.resident.step()
    assert [keys for keys, _ in writes(stepped.env)] == [[key_of(stepped.env, 250)]]
    assert stepped.resident.task_lock.acquire()
    stepped.drain()
    assert sum(stepped.tally().values()) == SCENES
    assert stepped.env.plex.item_at(catalogue_file(250).plex_path)["fields"]["title"] == "By hand"


def test_a_whole_library_is_synced_without_plexapi(env: Installation) -> None:
    """Its import costs more than hundreds of edits, and the index finds everything."""
    with stepped_bulk(env) as stepped:
        stepped.task(ALL)
        stepped.drain()
        plex = stepped.resident.worker.context.plex
        objects = plex.libraries._objects
        assert plex.client._server is None
        assert objects == {}
