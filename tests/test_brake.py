"""The brake: what would take much away in Plex waits for a person, everything else goes on."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import TAGS, catalogue_file, catalogue_scene
from store import braked, meta, queue
from store.enqueue import BACKGROUND, EDIT, TASK
from tests.bulk_worker import FIELDS, BulkWorker, key_of, stepped_bulk, synced, writes
from tests.installation import Installation, shared_installation, wait_for
from worker.brake import LOOK_AGAIN, SCAN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

SCENES = 40
ALL = range(1, SCENES + 1)
#: More than 30 % of them are more than twelve.
MOST = 12
EMPTY = {"details": "", "tag_ids": []}


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test, with all scenes in step."""
    put_right(env, ALL)
    with stepped_bulk(env) as made:
        synced(made, ALL)
        assert made.rows() == {}
        made.resident.task_lock.release()
        yield made


def put_right(env: Installation, scenes: Iterable[int]) -> None:
    """Give scenes what the catalogue says, without a hook."""
    for number in scenes:
        scene = catalogue_scene(number)
        env.stash.set_scene(
            number, title=scene.title, details=scene.details, tag_ids=tags_of(number)
        )


def tags_of(number: int) -> list[str]:
    """The ids of a scene's tags, as the catalogue has them."""
    return [str(TAGS.index(tag) + 1) for tag in catalogue_scene(number).tags]


def take(env: Installation, scenes: Iterable[int], **values: Any) -> None:
    """Empty scenes in Stash, without a hook."""
    for number in scenes:
        env.stash.set_scene(number, **(values or EMPTY))


def thirty_held_back(stepped: BulkWorker) -> None:
    """Empty scenes 1 to 30 in Stash, and let a sweep find that."""
    take(stepped.env, range(1, 31))
    stepped.background(ALL)
    stepped.drain()


def asked(stepped: BulkWorker) -> list[int]:
    """The scenes for which a person is asked."""
    return sorted(number for number, row in stepped.rows().items() if row.reason == braked.ASKED)


def question(stepped: BulkWorker) -> str:
    """What a person is asked, "" for nothing."""
    known = meta.get(stepped.resident.store.connection, meta.BRAKE)
    return str(known["text"]) if known else ""


def written(stepped: BulkWorker) -> list[int]:
    """The rating keys that got an edit."""
    return sorted({key for keys, _ in writes(stepped.env) for key in keys})


def keys(stepped: BulkWorker, scenes: Iterable[int]) -> list[int]:
    """The rating keys of scenes."""
    return sorted(key_of(stepped.env, number) for number in scenes)


def test_an_emptied_stash_stops_before_the_first_write(stepped: BulkWorker) -> None:
    """Of forty scenes thirty lost all; the other ten are written, and nothing is taken away."""
    env = stepped.env
    take(env, range(1, 31))
    take(env, range(31, 41), title="Another title", details="Another text")
    preview = env.run(mode="preview")["output"]
    stepped.task(ALL)
    stepped.drain()
    assert written(stepped) == keys(stepped, range(31, 41))
    assert asked(stepped) == list(range(1, 31))
    tags = sum(len(catalogue_scene(number).tags) for number in range(1, 31))
    counted = f"would empty the summary of 30 items and take {tags} tags out of 30 items"
    assert counted in question(stepped)
    assert f"from 30 of 40 items in step, and ask first: it {counted}" in preview
    assert stepped.tally() == {"changed": 50, "held": 30}  # forty of them in the run before
    assert stepped.notice() == question(stepped)
    assert queue.next_due(stepped.resident.store.connection) is None
    assert stepped.drain() == 0


@pytest.mark.parametrize(("scenes", "waits"), [(MOST, 0), (MOST + 1, MOST + 1)])
def test_up_to_thirty_percent_go_through(stepped: BulkWorker, scenes: int, waits: int) -> None:
    """Exactly so many are written by themselves; with one more all wait."""
    take(stepped.env, range(1, scenes + 1))
    preview = stepped.env.run(mode="preview")["output"]
    assert ("ask first" in preview) == bool(waits)
    stepped.background(ALL)
    stepped.drain()
    assert len(asked(stepped)) == waits
    assert written(stepped) == keys(stepped, range(1, scenes + 1 - waits))
    assert bool(question(stepped)) == bool(waits)


@pytest.mark.parametrize(("scenes", "waits"), [(9, 0), (10, 10)])
def test_fewer_than_ten_go_through(env: Installation, scenes: int, waits: int) -> None:
    """However large their share is."""
    put_right(env, ALL)
    with stepped_bulk(env) as stepped:
        synced(stepped, range(1, 13))
        stepped.resident.task_lock.release()
        take(env, range(1, scenes + 1))
        stepped.background(range(1, 13))
        stepped.drain()
        assert len(asked(stepped)) == waits
        assert len(written(stepped)) == scenes - waits


def test_many_small_runs_within_a_day_count_together(stepped: BulkWorker) -> None:
    """An older Stash is found a few scenes at a time, and stops all the same; a day later not.

    Who presses "Go on" where nothing is asked has allowed nothing.
    """
    for start in (1, 7):
        take(stepped.env, range(start, start + 6))
        stepped.background(range(start, start + 6))
        stepped.drain()
        assert stepped.env.run(mode="go_on")["output"] == "Nothing is held back."
    assert len(written(stepped)) == 12
    take(stepped.env, [13])
    stepped.background([13])
    stepped.drain()
    assert asked(stepped) == [13]
    stepped.late += 86400.0
    take(stepped.env, [14])
    stepped.background([14])
    stepped.drain()
    assert asked(stepped) == [13]
    assert len(written(stepped)) == 13


def test_go_on_lets_all_of_it_happen(stepped: BulkWorker) -> None:
    """One task, and the values are gone in Plex; nothing is asked any more."""
    env = stepped.env
    thirty_held_back(stepped)
    assert env.run(mode="go_on")["output"] == (
        "30 scenes are synced now, although that takes something away in Plex."
    )
    stepped.drain()
    assert stepped.rows() == {}
    assert written(stepped) == keys(stepped, range(1, 31))
    assert not env.item(7)["fields"].get("summary")
    assert (question(stepped), stepped.notice()) == ("", "")
    assert env.run(mode="go_on")["output"] == "Nothing is held back."


def test_go_on_lets_go_of_what_is_looked_at_again_just_then(stepped: BulkWorker) -> None:
    """As while Plex is down: it says how many these are, and they are a run that can be undone."""
    env = stepped.env
    thirty_held_back(stepped)
    put_right(env, range(1, 22))
    stepped.late += LOOK_AGAIN
    assert stepped.resident.worker.brake.look_if_due() == 10
    while asked(stepped):  # until those ten were looked at, and all others are to be
        assert stepped.resident.step()
    assert env.run(mode="page_state")["output"]["question"]
    said = f"{len(stepped.rows())} scenes are synced now"
    assert env.run(mode="go_on")["output"].startswith(said)
    stepped.drain()
    assert written(stepped) == keys(stepped, range(22, 31))
    told = env.run(mode="page_state")["output"]
    assert (told["gone_on"], told["undo_size"]) == ([told["undo_run"]], 9)


def test_what_is_put_right_in_stash_settles_without_a_write(stepped: BulkWorker) -> None:
    """A backup of Stash fires no hook: a few are looked at now and then, and then all."""
    env = stepped.env
    thirty_held_back(stepped)
    put_right(env, range(1, 29))
    stepped.late += LOOK_AGAIN
    assert stepped.resident.worker.brake.look_if_due() == 10
    stepped.drain()
    assert asked(stepped) == [29, 30]  # never by themselves, however few they are by now
    assert writes(env) == []
    assert "from 2 items, of 40 in step" in question(stepped)
    assert "from 2 of 40 items in step, and ask first" in env.run(mode="preview")["output"]
    put_right(env, [29, 30])
    stepped.background([29, 30])
    stepped.drain()
    assert stepped.rows() == {}
    assert (question(stepped), stepped.notice()) == ("", "")


def test_what_is_put_right_behind_others_that_are_not_is_found(stepped: BulkWorker) -> None:
    """The few that are looked at are not the same every time: the first ten may be meant."""
    env = stepped.env
    thirty_held_back(stepped)
    put_right(env, range(11, 31))
    stepped.late += LOOK_AGAIN
    assert stepped.resident.worker.brake.look_if_due() == 10
    stepped.drain()
    assert asked(stepped) == list(range(1, 11))


def test_an_edit_by_hand_goes_through_at_once(stepped: BulkWorker) -> None:
    """Also one of a scene that is held back, and after a fault of Plex's."""
    env = stepped.env
    thirty_held_back(stepped)
    stepped.mark_as(EDIT, [3])
    stepped.drain()
    assert written(stepped) == keys(stepped, [3])
    assert 3 not in stepped.rows()
    env.plex.fault("status", status=500, method="PUT")
    stepped.mark_as(EDIT, [4])
    stepped.drain()
    row = stepped.rows()[4]
    assert (row.urgency, row.brake) == (BACKGROUND, braked.MAY_TAKE)
    stepped.late += 10.0
    stepped.drain()
    assert written(stepped) == keys(stepped, [3, 4])
    assert len(asked(stepped)) == 28


def test_an_edit_that_waited_for_plex_lets_nothing_else_go(stepped: BulkWorker) -> None:
    """What Stash lost while thirty saved scenes were not in the chosen library is asked about."""
    env = stepped.env
    env.plex.add_section("movie", "Second")
    env.settings(sync_fields=FIELDS, plex_libraries="Second")
    stepped.hook(*range(1, 31))
    stepped.drain()
    take(env, range(1, 31))
    env.settings(sync_fields=FIELDS)
    stepped.hook(40)
    stepped.drain()
    assert (written(stepped), asked(stepped)) == ([], list(range(1, 31)))


def test_retry_failed_and_the_page_leave_it_held_back(stepped: BulkWorker) -> None:
    """Nothing of it has failed, and the page counts it apart."""
    env = stepped.env
    thirty_held_back(stepped)
    assert env.run(mode="retry_failed")["output"] == "Nothing had failed and nothing was waiting."
    assert env.run(mode="retry", all=True)["output"]["scenes"] == 0
    stepped.drain()
    assert len(asked(stepped)) == 30
    state = env.run(mode="page_state")["output"]
    assert state["queue"] == {"ready": 0, "task": 0, "waiting": 0, "parked": 0, "held": 30}
    assert state["state"]["kind"] == "asks"
    assert state["question"]["text"] == question(stepped)
    assert [group["title"] for group in state["groups"]] == ["Held back until you say so"]
    scene = env.run(mode="scene_state", id=5)["output"]["state"]
    assert scene["kind"] == "held"
    assert scene["sentence"].startswith("Held back: this would empty the summary of 1 item")


def test_a_deleted_tag_asks_and_a_renamed_one_does_not(stepped: BulkWorker) -> None:
    """A rename takes one member out for each that comes in; a deletion only takes."""
    env = stepped.env
    tag = env.stash.add_entity("tag", "Short-lived")
    for number in range(1, 21):
        env.stash.set_scene(number, tag_ids=[*tags_of(number), str(tag)])
    synced(stepped, ALL)
    stepped.resident.task_lock.release()
    env.stash.set_entity("tag", tag, name="Renamed")
    stepped.mark_as(EDIT, [tag], "tag")
    stepped.drain()
    assert written(stepped) == keys(stepped, range(1, 21))
    assert question(stepped) == ""
    stepped.forget_requests()
    env.stash.delete_entity("tag", tag)
    stepped.mark_as(EDIT, [tag], "tag")
    stepped.drain()
    assert writes(env) == []
    assert "would take 20 tags out of 20 items" in question(stepped)


def test_the_first_sync_of_a_library_asks_nothing(env: Installation) -> None:
    """What we never wrote is not taken away, whatever Stash lacks."""
    for number in ALL:
        title = catalogue_file(number).stem
        env.stash.set_scene(number, title=title, details="", tag_ids=[])
    with stepped_bulk(env, sync_fields="title,summary,tags,studio") as stepped:
        for number in ALL:
            env.plex.agent_sets(key_of(env, number), fields={"title": "An agent's"})
        stepped.task(ALL)
        stepped.drain()
        assert stepped.rows() == {}
        assert question(stepped) == ""
        assert len(written(stepped)) == SCENES
    put_right(env, ALL)


def test_a_title_that_falls_back_counts_and_another_title_does_not(stepped: BulkWorker) -> None:
    """Titles are lost where Plex would show the file's name."""
    take(stepped.env, range(1, 21), title="")
    take(stepped.env, range(21, 41), title="Another one")
    stepped.background(ALL)
    stepped.drain()
    assert written(stepped) == keys(stepped, range(21, 41))
    assert "let the title of 20 items fall back to the file's name" in question(stepped)


def scanned_anew(stepped: BulkWorker, folder: str, root: str) -> tuple[list[int], list[int]]:
    """Let Stash clean twenty scenes that were in step and scan their files anew, below a root.

    Gives the rating keys of their items and the new scenes, whose hooks were looked at.
    """
    env = stepped.env
    names = [f"{folder}/Film the {n}th.mp4" for n in range(20)]
    keys_of_items = [int(env.plex.add_item(f"/plex/media/{one}")["ratingKey"]) for one in names]
    old = [env.stash.add_scene(f"/stash/media/{one}") for one in names]
    for number in old:
        env.stash.set_scene(number, title=f"Title {number}", details="A text")
    stepped.hook(*old)
    stepped.drain()
    for number in old:
        env.stash.delete_scene(number)
    stepped.hook(*old)
    stepped.drain()
    stepped.forget_requests()
    new = [env.stash.add_scene(f"{root}/{one}") for one in names]
    for number in new:
        stepped.hook(number)
        stepped.drain()
    return keys_of_items, new


def test_a_library_that_was_cleaned_and_scanned_anew_asks(stepped: BulkWorker) -> None:
    """The hooks of new scenes come one by one, and are no edits; the next hook of one is."""
    env = stepped.env
    found, again = scanned_anew(stepped, "Cleaned", "/stash/media")
    assert (writes(env), question(stepped)) == ([], "")  # more may come
    stepped.late += SCAN
    stepped.drain()
    assert asked(stepped) == again
    assert "empty the summary of 20 items" in question(stepped)
    env.stash.set_scene(again[0], title="Found again")
    stepped.hook(again[0])
    stepped.drain()
    assert written(stepped) == found[:1]
    for number in again:
        env.stash.delete_scene(number)


@pytest.mark.parametrize("by", [BACKGROUND, TASK])
def test_a_sweep_is_no_edit_of_scenes_that_were_scanned_anew(stepped: BulkWorker, by: int) -> None:
    """Nor is "Sync all": both may come while the scan still goes on, and the scenes wait."""
    env = stepped.env
    _, new = scanned_anew(stepped, f"Swept {by}", "/stash/media")
    assert sorted(stepped.rows()) == new
    stepped.mark_as(by, new)
    with contextlib.ExitStack() as held:
        if by == TASK:
            assert stepped.resident.task_lock.acquire()
            held.callback(stepped.resident.task_lock.release)
        stepped.drain()
        assert written(stepped) == []
        stepped.late += SCAN
        stepped.drain()
    assert (written(stepped), asked(stepped)) == ([], new)
    for number in new:
        env.stash.delete_scene(number)


def test_new_scenes_that_had_to_wait_first_ask_all_the_same(stepped: BulkWorker) -> None:
    """Scanned anew under a path that Plex does not have, they are no edits once a rule says it."""
    env = stepped.env
    found, new = scanned_anew(stepped, "Moved", "/other")
    assert sorted(stepped.rows()) == new
    env.settings(sync_fields=FIELDS, path_map="/stash => /plex; /other => /plex/media")
    env.run(mode="retry_failed")
    stepped.drain()
    stepped.late += SCAN
    stepped.drain()
    assert (written(stepped), asked(stepped)) == ([], new)
    env.run(mode="go_on")
    stepped.drain()
    assert written(stepped) == sorted(found)
    for number in new:
        env.stash.delete_scene(number)
    env.settings(sync_fields=FIELDS)


def test_nothing_is_decided_before_a_run_has_marked_all(stepped: BulkWorker) -> None:
    """Ten of the first page are few, and may be the first of many."""
    connection = stepped.resident.store.connection
    meta.put(connection, meta.SYNC_ALL, {"started": 1.0, "marked": False})
    take(stepped.env, range(1, 21))
    stepped.task(range(1, 11))
    stepped.drain()
    assert (writes(stepped.env), question(stepped)) == ([], "")
    stepped.resident.task_lock.release()
    stepped.task(range(11, 41))
    meta.put(connection, meta.SYNC_ALL, {"started": 1.0, "marked": True})
    stepped.drain()
    assert writes(stepped.env) == []
    assert len(asked(stepped)) == 20
    meta.put(connection, meta.SYNC_ALL, {})


def test_what_a_stopped_run_has_left_is_decided_when_a_sweep_finds_it(stepped: BulkWorker) -> None:
    """It may never be started again: few go on, and many are asked about."""
    env = stepped.env
    stepped.mark_as(TASK, ALL)
    take(env, range(1, 4))
    stepped.background(range(1, 4))
    stepped.drain()
    assert written(stepped) == keys(stepped, range(1, 4))
    take(env, range(4, 31))
    stepped.background(range(4, 31))
    stepped.drain()
    assert asked(stepped) == list(range(4, 31))
    assert question(stepped)
    assert written(stepped) == keys(stepped, range(1, 4))


def test_a_tag_that_still_has_scenes_to_mark_is_waited_for(stepped: BulkWorker) -> None:
    """The scenes of one that Stash could not be asked for come later, and count with the others."""
    env = stepped.env
    take(env, range(1, 9))
    stepped.background(range(1, 9))
    stepped.mark_as(BACKGROUND, [1], "tag")
    connection = stepped.resident.store.connection
    row = queue.get(connection, "tag", 1)
    assert row
    queue.postpone(connection, row, due_at=stepped.clock() + 60.0, reason="A", message="B")
    stepped.drain()
    assert writes(env) == []
    stepped.late += 61.0
    stepped.drain()
    assert written(stepped) == keys(stepped, range(1, 9))


def test_a_worker_that_was_killed_is_followed_by_one_that_decides_the_same(
    stepped: BulkWorker,
) -> None:
    """In the middle of the run, before the decision, and after it."""
    env = stepped.env
    take(env, range(1, 31))
    stepped.background(range(1, 16))
    assert stepped.resident.step()
    stepped.background(range(16, 41))
    stepped.close()
    with contextlib.closing(BulkWorker(env)) as second:
        assert [row.reason for row in second.rows().values()].count(braked.UNDECIDED) == 15
        second.drain()
        assert len(asked(second)) == 30
        said = question(second)
    with contextlib.closing(BulkWorker(env)) as third:
        assert third.drain() == 0
        assert (len(asked(third)), question(third)) == (30, said)
        assert writes(env) == []


def test_a_task_says_what_is_held_back_whoever_dies_meanwhile(env: Installation) -> None:
    """A real "Sync all" whose workers are killed: no taking write, all else, and the summary."""
    put_right(env, ALL)
    with stepped_bulk(env) as stepped:
        synced(stepped, ALL)
    take(env, range(1, 25))
    for number in range(25, 41):
        env.stash.set_scene(number, title=f"Another title {number}")
    env.plex.latency(20)
    with env.start(mode="sync_all") as task:
        assert task.stdout
        for place in (3, 9):
            wait_for(lambda: env.plex.counts()["writes"] >= place)  # noqa: B023
            env.kill_workers()
        output = json.loads(task.stdout.read())["output"]
    env.plex.latency(0)
    assert "24 held back. PlexSync holds back what would take something away" in output
    assert {params["id"] for _, params in writes(env)} == {
        str(key) for key in (key_of(env, number) for number in range(25, 41))
    }
    # The worker goes to sleep over it, and a later one does not write it either.
    env.kill_workers()
    env.hook(1)
    wait_for(lambda: not env.item(1)["fields"].get("summary"))
    # Some of them may be looked at again right now.
    waits = "SELECT 1 FROM dirty WHERE brake = ?"
    wait_for(lambda: len(env.query(waits, braked.WAITS)) == 23)
    env.kill_workers()
