"""An evening of tagging: hundreds of tags, studios and performers changed together."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from simulator.library import PERFORMERS, STUDIOS, TAGS
from store import queue
from store.enqueue import BACKGROUND, EDIT, enqueue
from tests.bulk_worker import BulkWorker, stepped_bulk, synced, writes
from tests.installation import Installation, installation, shared_installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 300
MANY = 5000
#: Fields in which the catalogue's Stash and a Plex with a matching agent agree.
AGREED = "studio,date,performers,tags"
#: What changed, by kind: five hundred in all, and every scene carries some of them.
CHANGED = {"studio": len(STUDIOS), "tag": len(TAGS), "performer": 500 - len(STUDIOS + TAGS)}


env = shared_installation(SCENES, plex={"matched": True})


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test, with all scenes in step."""
    with stepped_bulk(env, sync_fields=AGREED) as made:
        synced(made, range(1, SCENES + 1))
        yield made


def change_all(stepped: BulkWorker, urgency: int = BACKGROUND) -> None:
    """Mark five hundred things, as a sweep or their hooks do."""
    for kind, count in CHANGED.items():
        stepped.mark_as(urgency, range(1, count + 1), kind)


def ids_asked_for(env: Installation) -> list[int]:
    """The scenes that Stash was asked for in full, in the order of asking."""
    found = []
    for request in env.stash.requests(headers=False):
        if request["operation"] in {"ScenesById", "SceneAndSettings"}:
            variables = request["variables"]
            found += [int(one) for one in variables.get("ids") or [variables["id"]]]
    return found


@pytest.mark.timeout(400)
def test_five_hundred_things_of_five_thousand_scenes_cost_what_their_pages_cost(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scene is looked at once; 25 questions to Stash, 30 requests to Plex, no write."""
    # On a busy machine a batch may be read so slowly that it has to be read anew.
    monkeypatch.setattr("sync.pipeline.GOOD_FOR", 400.0)
    folder = tmp_path_factory.mktemp("many")
    with (
        installation(folder, MANY, plex={"matched": True}) as env,
        stepped_bulk(env, sync_fields=AGREED) as stepped,
    ):
        synced(stepped, range(1, MANY + 1))
        change_all(stepped)
        stepped.drain()
        assert stepped.rows() == {}
        assert sorted(ids_asked_for(env)) == list(range(1, MANY + 1))
        assert env.stash.counts()["total"] <= 500 / 100 + MANY / 500 + 10
        assert env.plex.counts()["total"] <= MANY / 250 + 10
        assert writes(env) == []


def test_a_scene_that_a_hook_and_many_things_mark_is_looked_at_twice_at_most(
    stepped: BulkWorker,
) -> None:
    """Its edit by hand comes before all of them, though it was marked first, then its turn."""
    stepped.hook(7)
    change_all(stepped, EDIT)
    stepped.resident.step()
    assert ids_asked_for(stepped.env) == [7]
    stepped.drain()
    asked = ids_asked_for(stepped.env)
    assert sorted(asked[1:]) == sorted(set(asked[1:]))
    assert asked.count(7) <= 2


def test_what_changed_arrives(stepped: BulkWorker, env: Installation) -> None:
    """Many renamed things are in Plex afterwards, at every scene that carries them."""
    for kind, number in itertools.product(("studio", "tag", "performer"), range(1, 6)):
        env.stash.set_entity(kind, number, name=f"New {kind} {number}")
    change_all(stepped)
    stepped.drain()
    wrong = []
    for number in range(1, SCENES + 1):
        scene, item = env.stash.scene(number), env.item(number)
        for kind, name in (("tag", "genre"), ("performer", "actor")):
            wanted = {name_of(kind, one) for one in scene[f"{kind}s"]}
            if not wanted <= set(item["tags"].get(name, [])):  # an agent's own are there, too
                wrong.append((number, wanted, item["tags"].get(name)))
        if item["fields"].get("studio") != name_of("studio", scene["studio"]):
            wrong.append((number, scene["studio"], item["fields"].get("studio")))
    assert wrong == []
    assert writes(env)


def test_a_thing_that_changes_again_meanwhile_stays(stepped: BulkWorker) -> None:
    """A mark that arrives while Stash answers leads to another look."""
    env = stepped.env
    change_all(stepped)
    env.stash.fault("delay", operation="SceneIds", nth=1, seconds=0.5)

    def again() -> None:
        wait_for(lambda: env.stash.counts().get("SceneIds", 0))
        with open_store(stepped) as connection:
            enqueue(connection, "performer", [3], now=stepped.clock(), urgency=BACKGROUND)

    asking = threading.Thread(target=again)
    asking.start()
    stepped.resident.step()
    asking.join()
    left = queue.carried(stepped.resident.store.connection, now=stepped.clock())
    assert [(row.kind, row.id) for row in left] == [("performer", 3)]
    stepped.drain()
    assert stepped.env.rows() == []


@pytest.mark.parametrize("operation", ["SceneIds", "ScenesById"])
def test_an_edit_does_not_wait_for_what_stash_is_asked_for_many(
    stepped: BulkWorker, operation: str
) -> None:
    """Neither for their ids nor for their details: its answer is there before theirs."""
    env = stepped.env
    change_all(stepped)
    env.stash.fault("delay", operation=operation, nth=1, seconds=2.0)

    def edit() -> None:
        wait_for(lambda: env.stash.counts().get(operation, 0))
        with open_store(stepped) as connection:
            enqueue(connection, "scene", [9], now=stepped.clock())

    asking = threading.Thread(target=edit)
    asking.start()
    wait_for(lambda: stepped.resident.step() and answered_at(env, "SceneAndSettings"))
    asking.join()
    wait_for(lambda: answered_at(env, operation))
    assert answered_at(env, "SceneAndSettings")[0] < answered_at(env, operation)[0]


def test_one_thing_that_cannot_be_asked_for_does_not_stop_the_others(stepped: BulkWorker) -> None:
    """A question about many that Stash cannot answer is asked again thing by thing."""
    stepped.mark_as(BACKGROUND, [1, 2, 3], "tag")
    stepped.env.stash.fault("graphql_error", operation="SceneIds", times=2, message="broken")
    stepped.drain()
    waiting = stepped.env.rows()
    assert [(row["kind"], row["id"]) for row in waiting] == [("tag", 1)]
    stepped.settle()
    assert stepped.env.rows() == []


def answered_at(env: Installation, operation: str) -> list[float]:
    """When Stash had answered a question, in Unix seconds, the first time first."""
    return [
        one["at"] + one["seconds"]
        for one in env.stash.requests(headers=False)
        if one["operation"] == operation and one["seconds"]
    ]


def name_of(kind: str, number: int) -> str:
    """The name of a thing once the first five of its kind are renamed."""
    names = {"studio": STUDIOS, "tag": TAGS, "performer": PERFORMERS}[kind]
    return f"New {kind} {number}" if number <= 5 else names[number - 1]


def open_store(stepped: BulkWorker) -> sqlite3.Connection:
    """A connection of another process's kind; it commits by itself when it is left."""
    return sqlite3.connect(stepped.resident.store.path("plexsync.sqlite"), timeout=30)
