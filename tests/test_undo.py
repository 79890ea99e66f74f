"""Undo: what a sync changed is given back, but for what anybody changed since."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest

from merge.former import Former, former_of
from plex.edits import Edit, ListEdit
from plex.item import Member
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, writes
from tests.installation import Installation, installation, shared_installation, wait_for
from tests.plex_in_miniature import an_item
from worker.launcher import ProcessLock
from worker.undo import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 500
ALL = range(1, SCENES + 1)
TEXTS = "title, sort_title, summary, studio, performers, tags, date, rating, director"
FEW = range(1, 9)


env = shared_installation(SCENES)
stepped = bulk_worker(sync_fields=TEXTS)


def sync_all(stepped: BulkWorker, scenes: Any, began: float) -> None:
    """Be a "Sync all" that began then."""
    with stepped.resident.store.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO meta VALUES ('bulk', ?)", (f'{{"started": {began}}}',)
        )
        connection.execute("UPDATE dirty SET run = 0")
    stepped.task(scenes)
    stepped.drain()
    stepped.resident.task_lock.release()
    assert stepped.rows() == {}


def undo_last_sync(stepped: BulkWorker) -> None:
    """Mark as the task does, and let the worker do it while the task's lock is held."""
    from store import history  # noqa: PLC0415
    from store.enqueue import BACKGROUND, enqueue  # noqa: PLC0415

    lock = ProcessLock(str(stepped.env.data), LOCK)
    assert lock.acquire()
    with stepped.resident.store.transaction() as connection:
        _, numbers = history.last_run(connection)
        enqueue(connection, "undo", numbers, now=stepped.clock(), urgency=BACKGROUND)
    stepped.drain()
    lock.release()
    assert stepped.env.rows() == []


def as_shown(env: Installation, scene: int) -> dict[str, Any]:
    """What a person sees of an item: values, lists with roles, locks, and the picture shown."""
    item = env.item(scene)
    fields = dict(item["fields"])
    if fields.get("titleSort") == fields["title"]:
        del fields["titleSort"]  # Plex leaves it out then
    places = ("posters", "arts")
    shown = {kind: [one["key"] for one in item[kind] if one["selected"]] for kind in places}
    return {
        "fields": fields,
        "tags": item["tags"],
        "roles": item["roles"],
        "locked": sorted(item["locked"]),
        **shown,
    }


@pytest.mark.timeout(300)
def test_a_run_of_five_hundred_items_is_given_back(stepped: BulkWorker) -> None:
    """Values, lists, locks and pictures are what they were; what somebody changed since stays."""
    env = stepped.env
    half = range(1, SCENES // 2 + 1)
    # What stands there before is of all kinds: an agent's, and with roles.
    for scene in range(1, SCENES + 1, 7):
        key = key_of(env, scene)
        env.plex.agent_sets(key, fields={"summary": "An agent's", "titleSort": f"Z {scene}"})
        env.plex.agent_sets(key, tags={"genre": ["Agent's", "Other"]})
    before = {scene: as_shown(env, scene) for scene in ALL}
    sync_all(stepped, half, began=1000.0)
    env.settings(sync_fields="poster, background")
    sync_all(stepped, range(half.stop, SCENES + 1), began=1000.0)
    synced = {scene: as_shown(env, scene) for scene in ALL}
    assert all(synced[scene] != before[scene] for scene in ALL)
    env.settings(sync_fields="content_rating")  # so that the looks afterwards add nothing new
    env.plex.person_sets(key_of(env, 3), fields={"title": "Changed since"})
    env.plex.agent_sets(key_of(env, 4), tags={"actor": ["Locked, so not"]})

    undo_last_sync(stepped)
    refused = env.query("SELECT scene, undone FROM history WHERE undone NOT IN ('', 'back')")
    assert refused == [{"scene": 3, "undone": "title"}]
    for scene in ALL:
        wanted = before[scene]
        if scene == 3:
            old = wanted["fields"]["title"]
            fields = {**wanted["fields"], "title": "Changed since", "titleSort": old}
            wanted = {**wanted, "fields": fields}
            wanted["locked"] = ["title"]
        assert as_shown(env, scene) == wanted, scene


def test_what_was_undone_is_not_done_again_and_stands_in_the_inbox(stepped: BulkWorker) -> None:
    """Neither a sweep nor the next run writes it; an answer or an edit in Stash does."""
    env = stepped.env
    before = {scene: as_shown(env, scene) for scene in FEW}
    sync_all(stepped, FEW, began=1000.0)
    undo_last_sync(stepped)
    stepped.forget_requests()
    stepped.late += 60
    stepped.background(FEW)
    stepped.drain()
    sync_all(stepped, FEW, began=2000.0)
    assert writes(env) == []
    assert {scene: as_shown(env, scene) for scene in FEW} == before
    rows = env.query("SELECT field FROM difference WHERE scene = 2")
    assert {"title", "summary", "tags"} <= {row["field"] for row in rows}
    number = env.query("SELECT number FROM difference WHERE scene = 2 AND field = 'title'")[0]
    env.run(mode="answer", answer="use_stash", numbers=[number["number"]])
    stepped.drain()
    assert env.item(2)["fields"]["title"] == env.stash.scene(2)["title"]
    assert env.item(2)["fields"].get("summary") == before[2]["fields"].get("summary")
    env.stash.set_scene(1, details="Edited since the undo")
    stepped.mark(1)
    stepped.drain()
    assert env.item(1)["fields"]["summary"] == "Edited since the undo"
    assert env.item(1)["fields"]["title"] == before[1]["fields"]["title"]


def test_what_go_on_let_go_is_a_run_of_its_own_that_is_undone(stepped: BulkWorker) -> None:
    """What a person let the brake take away comes back by "Undo last sync", and nothing else."""
    env = stepped.env
    some = range(1, 41)
    sync_all(stepped, some, 1e9)
    details = {scene: env.stash.scene(scene)["details"] for scene in range(1, 16)}
    before = {scene: as_shown(env, scene) for scene in some}
    for scene in details:
        env.stash.set_scene(scene, details="")
    env.stash.set_scene(40, title="Changed, and nothing taken away")
    stepped.background(some)
    stepped.drain()
    assert env.run(mode="go_on")["output"].startswith("15 scenes are synced now")
    told = env.run(mode="undo_last_sync")
    assert "What 'Go on' let go is still being synced" in told["error"]
    stepped.drain()
    assert not env.item(7)["fields"].get("summary")

    told = env.run(mode="page_state")["output"]
    assert told["gone_on"] == [told["undo_run"]]
    assert told["undo_size"] == 15
    undo_last_sync(stepped)
    for scene in details:
        assert as_shown(env, scene) == before[scene]
    assert env.item(40)["fields"]["title"] == "Changed, and nothing taken away"
    assert env.run(mode="page_state")["output"]["undo_run"] == 1e9  # the one before it
    for scene, text in details.items():
        env.stash.set_scene(scene, details=text)


def test_a_summary_that_was_cut_on_its_way_is_given_back(stepped: BulkWorker) -> None:
    """What stands there is as we left it; what a person writes in its place stays."""
    env = stepped.env
    details = {scene: env.stash.scene(scene)["details"] for scene in (1, 2)}
    before = as_shown(env, 1)
    for scene in details:
        env.stash.set_scene(scene, details=f"Of scene {scene}: " + "long words " * 300)
    env.plex.fault("status", status=414, method="PUT", path="^.{2500,}", times=None)
    sync_all(stepped, details, began=1000.0)
    env.plex.clear_faults()
    cut = env.item(1)["fields"]["summary"]
    assert cut.endswith("words\N{HORIZONTAL ELLIPSIS}")
    env.plex.person_sets(key_of(env, 2), fields={"summary": f"Hers {cut}"})
    undo_last_sync(stepped)
    assert as_shown(env, 1) == before
    assert env.item(2)["fields"]["summary"] == f"Hers {cut}"
    told = env.query("SELECT scene, undone FROM history WHERE undone NOT IN ('', 'back')")
    assert told == [{"scene": 2, "undone": "summary"}]
    for scene, text in details.items():
        env.stash.set_scene(scene, details=text)


@pytest.fixture(scope="module")
def two_scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation whose worker may be killed, for the tests that do it."""
    with installation(tmp_path_factory.mktemp("killed"), 2, sync_fields=TEXTS) as made:
        yield made


@pytest.mark.parametrize("what", ["summary.value", "summary.locked=0"])
@pytest.mark.parametrize("arrives", [False, True])
def test_a_worker_killed_amid_an_undo_is_made_good(
    two_scenes: Installation, what: str, arrives: bool
) -> None:
    """Killed around either request, doing it again finishes it."""
    env = two_scenes
    env.kill_workers()
    shutil.rmtree(env.data, ignore_errors=True)
    env.plex.reset()
    before = {scene: as_shown(env, scene) for scene in (1, 2)}
    env.run(mode="sync_all")
    assert all(as_shown(env, scene) != before[scene] for scene in before)
    rule = env.plex.fault("hang_headers", method="PUT", path=what, apply=arrives)
    with env.start(mode="undo_last_sync") as task:
        wait_for(lambda: next(r for r in env.plex.faults() if r["id"] == rule)["hits"])
        task.send_signal(signal.SIGKILL)
        env.kill_workers()
    env.plex.clear_faults()
    env.run(mode="undo_last_sync")
    env.settled()
    assert {scene: as_shown(env, scene) for scene in before} == before
    for scene in before:
        env.hook(scene)
    env.settled()
    assert {scene: as_shown(env, scene) for scene in before} == before
    assert "There is no sync to undo" in env.run(mode="undo_last_sync")["output"]


def test_the_task_says_which_run_it_undid_and_what_stays(two_scenes: Installation) -> None:
    """Both are named: when the sync was, and the field that a person changed since."""
    env = two_scenes
    env.kill_workers()
    shutil.rmtree(env.data, ignore_errors=True)
    env.plex.reset()
    env.run(mode="sync_all")
    env.plex.person_sets(key_of(env, 2), fields={"title": "Changed since"})
    told = env.run(mode="undo_last_sync")["output"]
    assert told.startswith("2 items were given back what the sync of 20"), told
    assert told.endswith("What was changed since stays, on 1 of them (scene 2: title)."), told


def test_before_values_survive_their_way_through_the_store() -> None:
    """Texts, lists with roles and pictures, and locks are read as they were written."""
    item = an_item()
    edit = Edit(
        item.rating_key,
        item.section,
        item.type,
        {"title": "New"},
        {"performers": ListEdit((Member("A, B", "role", "thumb"), Member("C")))},
    )
    former = former_of(item, edit).with_pictures({"poster": ("key", "sha")}, frozenset({"thumb"}))
    assert Former.from_json(former.to_json()) == former
    assert Former.from_json("") == Former()
    assert Former().to_json() == ""


def test_what_earlier_syncs_gave_is_ours_again_after_an_undo(stepped: BulkWorker) -> None:
    """It leaves Plex when it leaves Stash, and its locks are given back; an agent's tag stays."""
    env = stepped.env
    title, ids = env.stash.scene(1)["title"], env.stash.scene(1)["tags"]
    env.plex.agent_sets(key_of(env, 1), tags={"genre": ["Agent's"]})
    slips: list[tuple[str, list[int]]] = [(title, ids), ("A slip", ids[1:]), (title, ids)]
    for began, (said, tags) in enumerate(slips, 1):
        env.stash.set_scene(1, title=said, tag_ids=tags)
        sync_all(stepped, [1], began=began * 1000.0)
        if said != title:
            undo_last_sync(stepped)
            assert len(env.item(1)["tags"]["genre"]) == len(ids) + 1
        later = env.item(1)["updatedAt"] + 60  # else all this is one second
        env.plex.agent_sets(key_of(env, 1), updated_at=later)
    env.stash.set_scene(1, tag_ids=[])
    sync_all(stepped, [1], began=4000.0)
    assert env.item(1)["tags"]["genre"] == ["Agent's"]
    env.stash.set_scene(1, tag_ids=ids)
