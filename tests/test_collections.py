"""The pages of collections: pictures and words of studios, groups and performers, sent once."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import STUDIOS, catalogue_file, jpeg
from store.enqueue import BACKGROUND, EDIT
from sync.collections import ALL, KIND
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, stepped_bulk
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Of more than thirty studios; most tests do with a few of them.
SCENES, FEW = 60, 12


def names(scenes: int) -> set[str]:
    """The studios of the first scenes, by name."""
    return {catalogue_file(number).folder for number in range(1, scenes + 1)}


NAMES = names(FEW)
ONE = catalogue_file(1).folder


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module, in which every studio has a logo and words."""
    with installation(tmp_path_factory.mktemp("collections"), SCENES) as made:
        made.stash.options(advance_seconds=-7200)  # all of it is settled
        for number, name in enumerate(STUDIOS, 1):
            made.stash.set_entity("studio", number, image=f"logo of {name}", details=f"On {name}")
        made.stash.options(advance_seconds=60)
        made.at_rest()
        yield made


stepped = bulk_worker(sync_fields="studio_collection")


def sync(stepped: BulkWorker, scenes: int = FEW) -> None:
    """Bring scenes in step, and the pages of collections with them, counting requests anew."""
    stepped.forget_requests()
    stepped.background(range(1, scenes + 1))
    stepped.mark_as(BACKGROUND, [ALL], KIND)
    stepped.drain()
    assert stepped.env.rows() == []


def logo(name: str) -> str:
    """What Plex calls a studio's logo by."""
    return sha1(jpeg(f"logo of {name}".encode()))


def sha1(image: bytes) -> str:
    """The hash of some bytes, as Plex names an upload."""
    return hashlib.sha1(image, usedforsecurity=False).hexdigest()


def shown(collection: dict[str, Any]) -> str:
    """The hash of the upload that a collection shows, "" for none."""
    chosen = [one["key"] for one in collection["posters"] if one["selected"]]
    return chosen[0].rpartition("/")[2] if chosen else ""


def all_shown(env: Installation) -> dict[str, str]:
    """What each collection shows, by its title."""
    return {one["fields"]["title"]: shown(one) for one in env.plex.collections()}


def one_of(env: Installation, title: str = ONE) -> dict[str, Any]:
    """All about one collection."""
    (found,) = [one for one in env.plex.collections() if one["fields"]["title"] == title]
    return found


def alter(env: Installation, number: int, **values: str) -> None:
    """Change a studio in Stash, in a second of its own."""
    env.stash.options(advance_seconds=60)
    env.stash.set_entity("studio", number, **values)


def person_uploads(env: Installation, key: int, image: bytes = b"\x89PNG mine") -> None:
    """Choose a picture in Plex by hand."""
    assert env.plex.ask("POST", f"/library/metadata/{key}/posters", body=image).status == 200


def asked(env: Installation) -> list[str]:
    """Each request to Plex about collections and their pages: method and path."""
    keys = {str(one["ratingKey"]) for one in env.plex.collections()}
    paths = [
        (request["method"], request["target"].partition("?")[0])
        for request in env.plex.requests(headers=False)
    ]
    return [
        f"{method} {path}"
        for method, path in paths
        if path.endswith("/collections") or keys & set(re.split("[/,]", path))
    ]


def test_thirty_studios_get_their_logos_in_one_run(env: Installation) -> None:
    """A "Sync all" hangs every logo and writes every text; the next one asks for one list."""
    env.kill_workers()
    env.plex.reset()
    env.settings(sync_fields="studio_collection")
    env.run(mode="sync_all")
    wanted = names(SCENES)
    assert len(wanted) >= 30
    assert all_shown(env) == {name: logo(name) for name in wanted}
    assert {one["fields"]["summary"] for one in env.plex.collections()} == {
        f"On {name}" for name in wanted
    }
    assert all({"thumb", "summary"} <= set(one["locked"]) for one in env.plex.collections())
    sent = [line for line in asked(env) if line.startswith("POST")]
    assert len(sent) == len(set(sent)) == len(wanted)
    env.plex.clear_requests()
    env.run(mode="sync_all")
    assert asked(env) == ["GET /library/sections/1/collections"]
    assert env.plex.counts().get("writes", 0) == 0


def test_a_single_edit_that_makes_a_collection_gives_it_its_picture(stepped: BulkWorker) -> None:
    """Behind the edit, which does not wait for it."""
    stepped.hook(1)
    stepped.drain()
    assert all_shown(stepped.env) == {ONE: logo(ONE)}
    order = [one["target"] for one in stepped.env.plex.requests(headers=False)]
    edits = [place for place, target in enumerate(order) if "collection%5B0%5D" in target]
    lists = [place for place, target in enumerate(order) if target.endswith("/collections")]
    assert edits
    assert lists
    assert max(edits) < min(lists)


def test_a_new_logo_and_new_words_follow(stepped: BulkWorker) -> None:
    """What a studio's own hook told of; a save that changed neither sends nothing."""
    env, number = stepped.env, STUDIOS.index(ONE) + 1
    sync(stepped, SCENES)
    alter(env, number, image="another", details="Other words")
    stepped.mark_as(EDIT, [number], "studio")
    stepped.drain()
    assert shown(one_of(env)) == sha1(jpeg(b"another"))
    assert one_of(env)["fields"]["summary"] == "Other words"
    alter(env, number)
    env.plex.clear_requests()
    stepped.mark_as(EDIT, [number], "studio")
    stepped.drain()
    assert env.plex.counts().get("writes", 0) == 0
    alter(env, number, image=f"logo of {ONE}", details=f"On {ONE}")


def test_stash_s_own_placeholder_is_never_hung(stepped: BulkWorker) -> None:
    """A studio without a logo leaves its collection the picture that Plex makes."""
    env, number = stepped.env, STUDIOS.index(ONE) + 1
    alter(env, number, image="", details="")
    sync(stepped)
    assert shown(one_of(env)) == ""
    assert "summary" not in one_of(env)["fields"]
    assert f"GET /studio/{number}/image" not in env.stash.counts()
    alter(env, number, image=f"logo of {ONE}", details=f"On {ONE}")


def test_groups_and_performers_have_pictures_too(env: Installation) -> None:
    """A group's front cover and synopsis, a performer's picture and details."""
    group = env.stash.add_entity("group", "Acme Nights")
    person = env.stash.scene(1)["performers"][0]
    env.stash.set_entity("group", group, image="front", details="Of the nights")
    env.stash.set_entity("performer", person, image="face", details="Of her")
    env.stash.set_scene(1, groups=[{"group_id": str(group)}])
    env.stash.options(advance_seconds=60)
    fields = "group_collections, performer_collections"
    with stepped_bulk(env, sync_fields=fields, group_collection_prefix="Series: ") as stepped:
        sync(stepped, 1)
        pages = {
            (shown(one), one["fields"].get("summary"))
            for one in env.plex.collections()
            if shown(one)
        }
        assert pages == {
            (sha1(jpeg(b"front")), "Of the nights"),
            (sha1(jpeg(b"face")), "Of her"),
        }
        assert "Series: Acme Nights" in all_shown(env)


def test_a_picture_that_a_person_chose_stays(stepped: BulkWorker) -> None:
    """Before our first look and after it, also when the logo changes; overwriting is a setting."""
    env, number = stepped.env, STUDIOS.index(ONE) + 1
    stepped.mark_as(BACKGROUND, range(1, FEW + 1))
    env.settings(sync_fields="studio_collection", plain_collections=True)
    stepped.drain()
    before = one_of(env)
    person_uploads(env, before["ratingKey"])
    later = next(one for one in env.plex.collections() if one != one_of(env))
    env.settings(sync_fields="studio_collection")
    sync(stepped)
    assert shown(one_of(env)) == sha1(b"\x89PNG mine")
    person_uploads(env, later["ratingKey"])
    sync(stepped)
    assert shown(env.plex.item(later["ratingKey"])) == sha1(b"\x89PNG mine")
    alter(env, number, image="another")
    other = STUDIOS.index(later["fields"]["title"]) + 1
    alter(env, other, image="another")
    sync(stepped)
    for key in (before["ratingKey"], later["ratingKey"]):
        assert shown(env.plex.item(key)) == sha1(b"\x89PNG mine")
    env.settings(sync_fields="studio_collection", overwrite_plex_edits=True)
    alter(env, number, image=f"logo of {ONE}")
    alter(env, other, image=f"logo of {later['fields']['title']}")
    sync(stepped)
    assert shown(one_of(env)) == logo(ONE)


def test_words_that_a_person_wrote_stay(stepped: BulkWorker) -> None:
    """As with every text: a locked summary that is not ours is kept."""
    env = stepped.env
    sync(stepped)
    env.plex.person_sets(one_of(env)["ratingKey"], fields={"summary": "Mine"})
    sync(stepped)
    assert one_of(env)["fields"]["summary"] == "Mine"


def test_a_collection_that_a_person_made_is_only_joined(stepped: BulkWorker) -> None:
    """One that holds an item which is not there because of us keeps its page as it is."""
    env = stepped.env
    theirs = next(n for n in range(2, FEW) if catalogue_file(n).folder != ONE)
    env.plex.person_sets(key_of(env, theirs), tags={"collection": [ONE]})
    sync(stepped)
    assert shown(one_of(env)) == ""
    assert "summary" not in one_of(env)["fields"]
    assert ONE in env.item(1)["tags"]["collection"]
    others = {name: one for name, one in all_shown(env).items() if name != ONE}
    assert others == {name: logo(name) for name in NAMES - {ONE}}
    stepped.forget_requests()
    sync(stepped)
    assert asked(env) == ["GET /library/sections/1/collections"]


def test_a_smart_collection_of_the_same_name_is_never_written_to(stepped: BulkWorker) -> None:
    """It is made of a search, whatever it is called."""
    env = stepped.env
    smart = env.plex.make_collection(ONE, smart=True)
    sync(stepped)
    assert shown(env.plex.item(smart)) == ""
    assert not any(str(smart) in line for line in asked(env))
    assert "summary" not in env.plex.item(smart)["fields"]


@pytest.mark.parametrize("stays", [False, True])
def test_a_collection_of_ours_goes_with_its_last_item(env: Installation, stays: bool) -> None:
    """Whether Plex takes an empty one away or leaves it; one that a person made is left."""
    with stepped_bulk(env, sync_fields="studio_collection") as stepped:
        env.plex.switches(empty_collections_stay=stays)
        hers = env.plex.make_collection("Hers")
        sync(stepped)
        own = STUDIOS.index(ONE) + 1
        scenes = [n for n in range(1, FEW + 1) if catalogue_file(n).folder == ONE]
        for number in scenes:
            env.stash.set_scene(number, studio_id=str(own % len(STUDIOS) + 1))
        sync(stepped)
        sync(stepped)
        assert ONE not in all_shown(env)
        assert env.plex.item(hers)["fields"]["title"] == "Hers"
        for number in scenes:
            env.stash.set_scene(number, studio_id=str(own))


def test_another_collection_that_got_the_rating_key_inherits_nothing(stepped: BulkWorker) -> None:
    """What was hung is known by guid and time, so the new one gets its own picture."""
    env = stepped.env
    sync(stepped)
    with stepped.resident.store.transaction() as connection:
        connection.execute("UPDATE collection SET identity = 'collection://other 1', seen = ''")
    env.plex.clear_requests()
    sync(stepped)
    assert all_shown(env) == {name: logo(name) for name in NAMES}
    known = env.query("SELECT DISTINCT identity FROM collection")
    assert {"identity": "collection://other 1"} not in known
    assert not any(line.startswith("POST") for line in asked(env))


def test_an_edit_does_not_wait_for_the_collections(stepped: BulkWorker) -> None:
    """One that comes meanwhile goes ahead, and they go on behind it."""
    env = stepped.env
    stepped.background(range(1, FEW + 1))
    env.settings(sync_fields="title, studio_collection", plain_collections=True)
    stepped.drain()
    env.settings(sync_fields="title, studio_collection")
    stepped.forget_requests()
    stepped.mark_as(BACKGROUND, [ALL], KIND)
    interrupted = stepped.resident.worker.context.interrupted
    edited: list[bool] = []

    def uploads() -> list[int]:
        asked_so_far = env.plex.requests(headers=False)
        return [n for n, one in enumerate(asked_so_far) if one["target"].endswith("/posters")]

    def between() -> bool:
        # Not by the number of looks: while an answer is awaited there are as many as it takes long.
        if not edited and uploads():
            edited.append(True)
            env.stash.set_scene(2, title="In between")
            stepped.hook(2)
            stepped.resident.dispatcher._undisturbed_at = -1.0
        return interrupted()

    stepped.resident.worker.context.interrupted = between
    stepped.drain()
    targets = [one["target"] for one in env.plex.requests(headers=False)]
    edit = next(place for place, one in enumerate(targets) if "title.value" in one)
    assert min(uploads()) < edit < max(uploads())
    assert all_shown(env) == {name: logo(name) for name in NAMES}


@pytest.mark.parametrize(
    "moment",
    [("PUT", "summary.value"), ("POST", "/posters"), ("PUT", "thumb.locked")],
    ids=["words", "upload", "lock"],
)
def test_a_worker_killed_before_it_can_note_what_arrived(
    env: Installation, moment: tuple[str, str]
) -> None:
    """The next one takes it for ours: no picture goes up twice, and nothing is a person's."""
    env.kill_workers()
    env.plex.reset()
    env.settings(sync_fields="studio_collection")
    env.query("SELECT 1 FROM meta")
    number = STUDIOS.index(ONE) + 1
    method, path = moment
    env.plex.fault("hang_headers", method=method, path=path, seconds=60, apply=True)
    env.hook(1)
    wait_for(lambda: [rule for rule in env.plex.faults() if rule["hits"]])
    assert env.kill_workers() == 1
    env.plex.clear_faults()
    env.hook(number, "Studio.Update.Post")
    wait_for(lambda: shown(one_of(env)) == logo(ONE) and not env.rows())
    page = one_of(env)
    assert page["fields"]["summary"] == f"On {ONE}"
    assert {"thumb", "summary"} <= set(page["locked"])
    assert sum(line.startswith("POST") for line in asked(env)) == 1
    alter(env, number, image="another", details="")
    env.hook(number, "Studio.Update.Post")
    wait_for(lambda: shown(one_of(env)) == sha1(jpeg(b"another")) and not env.rows())
    assert "summary" not in one_of(env)["fields"]
    alter(env, number, image=f"logo of {ONE}", details=f"On {ONE}")


def test_a_collection_is_ours_though_an_answer_was_lost(stepped: BulkWorker) -> None:
    """It is not judged while an item may be in it of which nobody knows yet."""
    env = stepped.env
    scenes = [n for n in range(1, SCENES + 1) if catalogue_file(n).folder == ONE][:2]
    env.plex.fault("reset_after", method="PUT", path=f"id={key_of(env, scenes[0])}&", times=None)
    for number in scenes:
        stepped.background([number])
        stepped.drain()
    assert list(stepped.rows()) == scenes[:1]
    assert len(stepped.env.query("SELECT 1 FROM dirty")) == 1  # collections were looked at
    env.plex.clear_faults()
    stepped.settle()
    assert shown(one_of(env)) == logo(ONE)


def test_a_collection_goes_with_an_undo_that_empties_it(stepped: BulkWorker) -> None:
    """Also where Plex leaves an empty one."""
    env = stepped.env
    env.plex.switches(empty_collections_stay=True)
    stepped.background([1])
    stepped.drain()
    assert ONE in all_shown(env)
    env.run(mode="undo_scene", id=1)
    stepped.drain()
    assert env.plex.collections() == []
