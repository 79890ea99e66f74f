from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from store import ledger, queue
from store.enqueue import EDIT, TASK
from sync.read import remembered
from tests.bulk_town import BulkHand, bulk_hand, key_of, synced, writes
from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 300
MANY = 5000
ALL = range(1, SCENES + 1)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module."""
    with installation(tmp_path_factory.mktemp("bulk"), SCENES) as made:
        yield made


@pytest.fixture
def hand(town: Installation) -> Iterator[BulkHand]:
    """Its worker in hand, with an empty store."""
    with bulk_hand(town) as made:
        yield made


def title_of(town: Installation, scene: int) -> str:
    """The title that Plex shows."""
    return str(town.item(scene)["fields"].get("title"))


def test_changed_scenes_cost_a_write_each_and_hardly_a_read(hand: BulkHand) -> None:
    """N changed scenes cost at most 1.2 N requests, and are in Plex afterwards."""
    hand.task(ALL)
    hand.drain()
    assert hand.rows() == {}
    assert hand.tally() == {"changed": SCENES}
    counts = hand.plex_counts()
    assert counts["writes"] <= SCENES
    assert counts["reads"] + counts["writes"] <= 1.2 * SCENES
    scene = hand.town.stash.scene(SCENES)
    assert title_of(hand.town, SCENES) == scene["title"]


def test_unchanged_scenes_cost_no_write_and_nothing_at_stash_but_stamps(hand: BulkHand) -> None:
    """A second look reads Plex's items by the hundred, and no scene's details."""
    synced(hand, ALL)
    hand.late = 60.0
    hand.task(ALL)
    hand.drain()
    assert hand.tally()["unchanged"] == SCENES
    counts = hand.plex_counts()
    assert counts["writes"] == 0
    assert counts["reads"] <= SCENES / 200 + 10
    assert hand.asked_stash("ScenesById") == 0


@pytest.mark.timeout(400)
def test_five_thousand_unchanged_scenes_cost_what_their_pages_cost(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """N/200 + 10 requests at most, no write: at first sight, and when all is looked up anew."""
    folder = tmp_path_factory.mktemp("many")
    with (
        installation(folder, MANY, plex={"matched": True}) as town,
        bulk_hand(town, sync_fields="studio,date,performers,tags") as hand,
    ):
        for late in (0.0, 30 * 3600.0):
            hand.late = late
            hand.forget_requests()
            hand.task(range(1, MANY + 1))
            hand.drain()
            counts = hand.plex_counts()
            assert counts["reads"] <= MANY / 200 + 10
            assert counts["writes"] == 0
            assert hand.rows() == {}
        assert hand.tally() == {"unchanged": 2 * MANY}
        # A few scenes that are not known cost less than the library's listing.
        hand.forget_requests()
        with hand.resident.store.transaction() as connection:
            for scene in range(1, 6):
                ledger.forget_scene(connection, scene)
            connection.execute("DELETE FROM part_cursor")
        hand.late += 3600.0
        hand.background(range(1, 6))
        hand.drain()
        assert hand.plex_counts()["file_queries"] == 5


def test_what_changed_in_plex_alone_is_seen(hand: BulkHand) -> None:
    """An agent that overwrote an unlocked title is corrected, although Stash stood still."""
    synced(hand, ALL)
    key = key_of(hand.town, 7)
    hand.town.plex.person_sets(key, fields={"title": "Agent"}, unlock=["title"])
    hand.late = 60.0
    hand.task(ALL)
    hand.drain()
    assert [keys for keys, _ in writes(hand.town)] == [[key]]


def test_a_single_edit_never_lists_the_library(hand: BulkHand) -> None:
    """One marked scene is searched by its file, and never by an index."""
    hand.hook(5)
    hand.drain()
    counts = hand.plex_counts()
    assert (counts["listings"], counts["file_queries"]) == (0, 1)


def test_an_index_of_a_while_ago_tells_no_single_scene_that_plex_lacks_its_file(
    hand: BulkHand,
) -> None:
    """A file that Plex found after the bulk is found at once when its scene is edited."""
    synced(hand, ALL)
    path = "/plex/media/New/After the bulk.mp4"
    scene = hand.town.stash.add_scene("/stash/media/New/After the bulk.mp4", title="Late")
    hand.town.plex.add_item(path)
    hand.hook(scene)
    hand.drain()
    assert hand.town.plex.item_at(path)["fields"]["title"] == "Late"
    hand.town.stash.delete_scene(scene)


def test_scenes_that_are_not_in_plex_cost_no_request_each(hand: BulkHand) -> None:
    """Many missing files cost the index, in the first run and in the second, and wait again."""
    there = hand.town.plex.counts
    ids = [
        hand.town.stash.add_scene(f"/stash/media/None/None {number}.mp4") for number in range(60)
    ]
    for late in (0.0, 400.0):
        hand.late = late
        hand.forget_requests()
        hand.task(ids)
        hand.drain()
        assert there()["file_queries"] == 0
        assert there()["total"] <= 10
        assert {row.reason for row in hand.rows().values()} == {"NotInPlexYet"}
    assert hand.tally() == {"waiting": 120}
    # Once they are due they are looked at together, too.
    hand.late += 90.0
    hand.forget_requests()
    hand.drain()
    assert {row.attempts for row in hand.rows().values()} == {2}
    assert there()["file_queries"] == 0
    for scene in ids:
        hand.town.stash.delete_scene(scene)


def test_a_scene_that_was_marked_again_is_not_written_from_an_old_read(hand: BulkHand) -> None:
    """What was read before a newer mark never reaches Plex, mark by whomever."""
    resident, town = hand.resident, hand.town
    hand.task(range(1, 9))
    context = resident.worker.context
    interrupted = context.interrupted
    seen: list[int] = []

    def between() -> bool:
        if not seen and any(keys == [key_of(town, 1)] for keys, _ in writes(town)):
            seen.append(1)
            town.stash.set_scene(8, title="Newer")
            hand.background([8])
        return interrupted()

    context.interrupted = between
    hand.drain()
    titles = [p["title.value"] for keys, p in writes(town) if keys == [key_of(town, 8)]]
    assert seen
    assert titles == ["Newer"]


@pytest.fixture
def organized(town: Installation) -> Iterator[list[int]]:
    """Scenes that are organized, for one test."""
    chosen = list(range(1, SCENES + 1, 3))
    for scene in chosen:
        town.stash.set_scene(scene, organized=True)
    yield chosen
    for scene in chosen:
        town.stash.set_scene(scene, organized=False)


def test_settings_are_read_again_with_every_batch(hand: BulkHand, organized: list[int]) -> None:
    """A setting that was changed just before "Sync all" already holds for it."""
    hand.hook(1)
    hand.drain()
    hand.town.settings(sync_fields="title", only_organized=True)
    hand.forget_requests()
    hand.task(ALL)
    hand.drain()
    assert hand.tally()["skipped"] == SCENES - len(organized)
    assert {name for _, params in writes(hand.town) for name in params if "." in name} == {
        "title.value",
        "title.locked",
    }


@pytest.mark.usefixtures("organized")
def test_scenes_that_are_left_out_are_not_read_again(hand: BulkHand) -> None:
    """A scene that the settings leave out costs its stamp, as long as nothing changes."""
    hand.town.settings(sync_fields="title", exclude_tags="No such tag", only_organized=True)
    hand.late = 60.0  # or what was set just now might be set again in the same second
    synced(hand, ALL)
    skipped = hand.tally()["skipped"]
    hand.late = 120.0
    hand.task(ALL)
    hand.drain()
    assert hand.tally()["skipped"] == 2 * skipped
    assert hand.asked_stash("ScenesById") == hand.asked_stash("SceneAndSettings") == 0


def test_a_rekeyed_item_is_found_again_with_one_search(hand: BulkHand) -> None:
    """A stale key, remembered and indexed, is verified by the read and resolved once."""
    synced(hand, ALL)
    new = hand.town.plex.rekey(key_of(hand.town, 9))
    hand.late = 60.0
    hand.task(ALL)
    hand.drain()
    assert hand.plex_counts()["file_queries"] == 1
    assert remembered(hand.resident.worker.context, [9]) == {9: [new]}
    hand.town.stash.set_scene(9, title="Rekeyed")
    hand.late = 120.0
    hand.task(ALL)
    hand.drain()
    assert hand.plex_counts()["file_queries"] == 1
    assert hand.town.plex.item(new)["fields"]["title"] == "Rekeyed"


def test_a_renamed_studio_is_followed_with_few_writes(hand: BulkHand) -> None:
    """One name on hundreds of items travels in requests of up to a hundred items."""
    town = hand.town
    studio = town.stash.add_entity("studio", "Old name")
    for scene in range(1, 251):
        town.stash.set_scene(scene, studio_id=studio)
    synced(hand, ALL)
    stamps = [town.stash.scene(scene)["updated_at"] for scene in range(1, 251)]
    town.stash.rename("studio", studio, "New name")
    hand.mark_as(EDIT, [studio], "studio")
    hand.drain()
    assert len(writes(town)) == 3
    assert sum(len(keys) for keys, _ in writes(town)) == 250
    assert {town.item(scene)["fields"]["studio"] for scene in range(1, 251)} == {"New name"}
    assert stamps == [town.stash.scene(scene)["updated_at"] for scene in range(1, 251)]
    assert hand.rows() == {}


def test_an_item_that_refuses_its_share_of_a_common_write_fails_alone(hand: BulkHand) -> None:
    """A common write that is refused is repeated scene by scene, and blames only the one."""
    town = hand.town
    studio = town.stash.add_entity("studio", "Before")
    for scene in range(1, 21):
        town.stash.set_scene(scene, studio_id=studio)
    synced(hand, ALL)
    town.stash.rename("studio", studio, "After")
    bad = key_of(town, 4)
    refused = f"id=([^&]*%2C|[^&]*,)?{bad}[&%,]"
    town.plex.fault("status", method="PUT", path=refused, status=400, times=None)
    hand.mark_as(EDIT, [studio], "studio")
    hand.drain()
    town.plex.clear_faults()
    assert list(hand.rows()) == [4]
    assert {town.item(scene)["fields"]["studio"] for scene in range(1, 21)} == {"Before", "After"}
    assert town.item(4)["fields"]["studio"] == "Before"


def test_a_scene_that_stash_deleted_is_forgotten_and_plex_is_left_alone(hand: BulkHand) -> None:
    """A batch ends the row of a scene that is gone, with its ledger, without any write."""
    town = hand.town
    path = "/plex/media/Gone/Gone.mp4"
    town.plex.add_item(path)
    scene = town.stash.add_scene("/stash/media/Gone/Gone.mp4", title="Kept in Plex")
    hand.task([*range(1, 9), scene])
    hand.drain()
    town.stash.delete_scene(scene)
    hand.forget_requests()
    hand.background([*range(1, 9), scene])
    hand.drain()
    connection = hand.resident.store.connection
    assert ledger.scene_record(connection, scene) is None
    assert ledger.scenes_carrying(connection, "tag", 1) is not None
    assert writes(town) == []
    assert town.plex.item_at(path)["fields"]["title"] == "Kept in Plex"


def test_a_task_that_is_stopped_leaves_its_rows_and_the_next_one_goes_on(hand: BulkHand) -> None:
    """Without the task's lock its rows rest; what failed or waits before goes on by itself."""
    missing = hand.town.stash.add_scene("/stash/media/None/Missing.mp4")
    hand.hook(missing)
    hand.drain()
    hand.mark_as(TASK, [*ALL, missing])
    hand.drain()
    rows = hand.rows()
    assert len(rows) == SCENES + 1
    assert rows[missing].attempts == 1  # it was looked at, task or not
    assert queue.task_waiting(hand.resident.store.connection) == SCENES
    assert hand.resident.task_lock.acquire()
    hand.drain()
    assert list(hand.rows()) == [missing]
    assert hand.tally() == {"changed": SCENES, "waiting": 1}
    hand.town.stash.delete_scene(missing)


def test_an_edit_during_the_run_is_counted_once(hand: BulkHand) -> None:
    """A scene that a hook takes out of the batch still counts for the task, and only once."""
    hand.mark_as(TASK, ALL)
    hand.town.stash.set_scene(250, title="By hand")
    hand.hook(250)
    assert hand.resident.step()
    assert [keys for keys, _ in writes(hand.town)] == [[key_of(hand.town, 250)]]
    assert hand.resident.task_lock.acquire()
    hand.drain()
    assert sum(hand.tally().values()) == SCENES
    assert hand.town.plex.item_at(catalogue_file(250).plex_path)["fields"]["title"] == "By hand"


def test_a_whole_library_is_synced_without_plexapi(town: Installation) -> None:
    """Its import costs more than hundreds of edits, and the index finds everything."""
    with bulk_hand(town) as hand:
        hand.task(ALL)
        hand.drain()
        plex = hand.resident.worker.context.plex
        objects = plex.libraries._objects
        assert plex.client._server is None
        assert objects == {}
