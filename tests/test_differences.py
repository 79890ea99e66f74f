"""Differences that stay: what Plex keeps although Stash has another value, and three answers.

The page's operations run as Stash runs them; the worker is stepped by the test.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.bulk_worker import BulkWorker, bulk_worker, key_of, synced, writes
from tests.installation import Installation, shared_installation

SCENES = 100
ALL = range(1, SCENES + 1)
FIELDS = "title, sort_title, summary, studio, performers, tags, date, rating, director"
#: Field of Plex -> what Stash's edit form calls it.
IN_STASH = {"title": "title", "summary": "details"}


env = shared_installation(SCENES)
stepped = bulk_worker(sync_fields=FIELDS)


def by_hand(stepped: BulkWorker, scene: int, **change: Any) -> None:
    """Let a person edit a scene's item in Plex."""
    stepped.env.plex.person_sets(key_of(stepped.env, scene), **change)


def look(stepped: BulkWorker, *scenes: int) -> None:
    """Look at scenes, each by itself."""
    stepped.mark(*scenes)
    stepped.drain()


def inbox(stepped: BulkWorker, field: str, **more: Any) -> list[dict[str, Any]]:
    """Give the rows of one field, all pages of them."""
    rows: list[dict[str, Any]] = []
    before = None
    while True:
        told = stepped.env.run(mode="page_differences", field=field, before=before, **more)
        rows += told["output"]["rows"]
        before = told["output"]["next"]
        if before is None:
            return rows


def sizes(stepped: BulkWorker) -> dict[str, int]:
    """How many rows the page says there are, by field."""
    told = stepped.env.run(mode="page_state")["output"]["differences"]
    return {group["field"]: group["size"] for group in told}


def answer(stepped: BulkWorker, how: str, **which: Any) -> int:
    """Answer as the page does, and let the worker carry it out; give how many rows it were."""
    told = stepped.env.run(mode="answer", answer=how, **which)["output"]
    stepped.drain()
    assert stepped.rows() == {}
    return int(told["rows"])


def picture_of(env: Installation, scene: int) -> dict[str, Any]:
    """An item but for the clocks that any edit moves."""
    item = env.item(scene)
    return {
        name: value for name, value in item.items() if name not in ("updatedAt", "art", "thumb")
    }


@pytest.mark.timeout(300)
def test_two_hundred_hand_edits_are_answered_three_ways(stepped: BulkWorker) -> None:
    """After it both sides agree or it is settled, and no other field of any item changed."""
    env = stepped.env
    synced(stepped, ALL)
    for scene in ALL:
        fields = {"title": f"Hand {scene}", "summary": f"By a person, {scene}.\n\nVerbatim"}
        by_hand(stepped, scene, fields=fields)
    stepped.background(ALL)
    stepped.drain()
    assert sizes(stepped) == {"title": SCENES, "summary": SCENES}
    in_plex = {scene: picture_of(env, scene) for scene in ALL}
    in_stash = {scene: env.stash.scene(scene) for scene in ALL}
    stepped.forget_requests()

    titles = {row["scene"]: row["number"] for row in inbox(stepped, "title", limit=200)}
    summaries = {row["scene"]: row["number"] for row in inbox(stepped, "summary")}
    assert titles.keys() == summaries.keys() == set(ALL)
    use, keep = range(1, 31), range(31, 61)
    assert answer(stepped, "use_stash", numbers=[titles[scene] for scene in use]) == 30
    assert answer(stepped, "keep_plex", numbers=[titles[scene] for scene in keep]) == 30
    written = len(writes(env))
    assert written <= 60  # a title, and its sort title
    assert answer(stepped, "take", field="title", until=max(titles.values())) == 40
    assert len(writes(env)) == written  # nothing comes back to Plex
    assert answer(stepped, "take", numbers=[summaries[scene] for scene in use]) == 30
    assert len(writes(env)) == written
    assert answer(stepped, "keep_plex", numbers=[summaries[scene] for scene in keep]) == 30
    assert answer(stepped, "use_stash", field="summary", until=max(summaries.values())) == 40

    assert sizes(stepped) == {}
    for scene in ALL:
        plex, stash = picture_of(env, scene), env.stash.scene(scene)
        expected = {**in_plex[scene], "fields": dict(in_plex[scene]["fields"])}
        wanted = dict(in_stash[scene])
        if scene in use:
            expected["fields"]["title"] = wanted["title"]
            # As in Stash: the sort title follows the title, and is not one more field.
            expected["fields"]["titleSort"] = plex["fields"].get("titleSort")
            wanted["details"] = expected["fields"]["summary"]
        elif scene not in keep:
            wanted["title"] = expected["fields"]["title"]
            expected["fields"]["summary"] = wanted["details"]
        assert plex == {**expected, "fields": {k: v for k, v in expected["fields"].items() if v}}
        del stash["updated_at"], wanted["updated_at"]
        assert stash == wanted

    stepped.forget_requests()
    stepped.late += 60
    stepped.task(ALL)
    stepped.drain()
    assert writes(env) == []
    assert sizes(stepped) == {}


def test_what_is_settled_comes_back_when_a_value_changes(stepped: BulkWorker) -> None:
    """Keep Plex is about these two values: another one in Plex is another difference."""
    synced(stepped, ALL[:5])
    by_hand(stepped, 3, fields={"title": "Settled"})
    look(stepped, 3)
    (row,) = inbox(stepped, "title")
    assert (row["theirs"], row["ours"]) == ("Settled", stepped.env.stash.scene(3)["title"])
    assert answer(stepped, "keep_plex", numbers=[row["number"]]) == 1
    look(stepped, 3)
    assert sizes(stepped) == {}
    by_hand(stepped, 3, fields={"title": "Once more"})
    stepped.background(ALL[:5])
    stepped.drain()
    (again,) = inbox(stepped, "title")
    assert again["theirs"] == "Once more"
    assert again["number"] > row["number"]


@pytest.mark.parametrize("how", ["use_stash", "take"])
def test_an_answer_is_about_the_values_that_were_seen(stepped: BulkWorker, how: str) -> None:
    """Where a person changes the value once more, the answer to the one before does nothing."""
    env = stepped.env
    synced(stepped, ALL[:5])
    before = env.stash.scene(4)["details"]
    by_hand(stepped, 4, fields={"summary": "Seen"})
    look(stepped, 4)
    (row,) = inbox(stepped, "summary")
    by_hand(stepped, 4, fields={"summary": "Not seen"})
    assert answer(stepped, how, numbers=[row["number"]]) == 1
    assert env.item(4)["fields"]["summary"] == "Not seen"
    assert env.stash.scene(4)["details"] == before
    (again,) = inbox(stepped, "summary")
    assert (again["theirs"], again["answer"]) == ("Not seen", "")


def test_a_stash_that_refuses_a_value_is_quoted(stepped: BulkWorker) -> None:
    """The row says why and stays open; the next answer is tried anew."""
    env = stepped.env
    synced(stepped, ALL[:5])
    by_hand(stepped, 5, fields={"summary": "Not wanted there"})
    look(stepped, 5)
    (row,) = inbox(stepped, "summary")
    env.stash.fault("graphql_error", operation="TakeIntoScene", message="details too rude")
    assert answer(stepped, "take", numbers=[row["number"]]) == 1
    (open_,) = inbox(stepped, "summary")
    assert (open_["number"], open_["answer"]) == (row["number"], "")
    assert "Stash refused sceneUpdate: details too rude" in open_["why"]
    assert answer(stepped, "take", numbers=[row["number"]]) == 1
    assert inbox(stepped, "summary") == []
    assert env.stash.scene(5)["details"] == "Not wanted there"


@pytest.mark.parametrize("how", ["use_stash", "take"])
@pytest.mark.parametrize("when", ["reset_before", "reset_after"])
def test_an_answer_survives_a_server_that_is_away(stepped: BulkWorker, how: str, when: str) -> None:
    """It is carried out by the look that succeeds, and until then the row stays as answered."""
    env = stepped.env
    synced(stepped, ALL[:6])
    ours = env.stash.scene(6)["title"]
    by_hand(stepped, 6, fields={"title": f"By hand, {how} {when}"})
    look(stepped, 6)
    (row,) = inbox(stepped, "title")
    server = env.stash if how == "take" else env.plex
    operation = "TakeIntoScene" if how == "take" else ""
    method = "POST" if how == "take" else "PUT"
    server.fault(when, method=method, operation=operation, times=None)
    env.run(mode="answer", answer=how, numbers=[row["number"]])
    stepped.drain()
    server.clear_faults()
    stepped.settle()
    wanted = f"By hand, {how} {when}" if how == "take" else ours
    assert (env.item(6)["fields"]["title"], env.stash.scene(6)["title"]) == (wanted, wanted)
    assert sizes(stepped) == {}


def test_a_list_becomes_stash_s_and_nothing_else(stepped: BulkWorker) -> None:
    """What a person took out comes back, what a person added goes; no tag is made in Stash."""
    env = stepped.env
    tags = [env.stash.add_entity("tag", name) for name in ("Alpha", "Beta")]
    env.stash.set_scene(7, tag_ids=tags)
    synced(stepped, ALL[:8])
    assert env.item(7)["tags"]["genre"] == ["Alpha", "Beta"]
    by_hand(stepped, 7, tags={"genre": ["Alpha", "Mine"]})
    look(stepped, 7)
    (row,) = inbox(stepped, "tags")
    assert (row["theirs"], row["ours"]) == ("Alpha, Mine", "Alpha, Beta")
    assert answer(stepped, "take", numbers=[row["number"]]) == 1
    (refused,) = inbox(stepped, "tags")
    assert "Stash has no tag called “Mine”" in refused["why"]
    assert env.stash.scene(7)["tags"] == tags
    assert answer(stepped, "use_stash", numbers=[row["number"]]) == 1
    assert sorted(env.item(7)["tags"]["genre"]) == ["Alpha", "Beta"]
    assert sizes(stepped) == {}
    look(stepped, 7)
    assert sorted(env.item(7)["tags"]["genre"]) == ["Alpha", "Beta"]


def test_performers_are_taken_where_stash_knows_each_of_them(stepped: BulkWorker) -> None:
    """None is made and none guessed: who is unknown, or one of two, is named."""
    env = stepped.env
    wild = "100% Jo_n"
    ids = {
        name: env.stash.add_entity("performer", name) for name in ("Ann", "Bea, M.", "Cia", wild)
    }
    for twin in ("one", "two"):
        env.stash.add_entity("performer", "Twin", disambiguation=twin)
    env.stash.add_entity("performer", "100 percent John")  # LIKE would find it, too
    env.stash.set_scene(11, performer_ids=[str(ids["Ann"]), str(ids["Cia"])])
    synced(stepped, [11])

    def tried(*names: str) -> list[dict[str, Any]]:
        by_hand(stepped, 11, tags={"actor": list(names)})
        look(stepped, 11)
        (row,) = inbox(stepped, "performers")
        stepped.forget_requests()
        assert answer(stepped, "take", numbers=[row["number"]]) == 1
        assert writes(env) == []
        return inbox(stepped, "performers")

    for unknown, why in (("Nobody", "no performer called “Nobody”"), ("Twin", "2 performers")):
        (row,) = tried("Ann", unknown)
        assert why in row["why"]
        assert env.stash.scene(11)["performers"] == [ids["Ann"], ids["Cia"]]
    assert tried("Ann", "Bea, M.", wild) == []
    assert env.stash.scene(11)["performers"] == [ids["Ann"], ids["Bea, M."], ids[wild]]
    look(stepped, 11)
    assert writes(env) == []
    assert env.item(11)["tags"]["actor"] == ["Ann", "Bea, M.", wild]


_TAGS = [("tag", "Sun"), ("tag", "Rain")]
THINGS = "title, studio, performers, tags, group_collections"
SHARED = range(12, 52)


@pytest.mark.timeout(300)
def test_two_hundred_things_that_scenes_share_are_taken(stepped: BulkWorker) -> None:
    """One mutation a scene, nothing comes back to Plex, and no other field of either changed."""
    env = stepped.env
    env.settings(
        sync_fields=THINGS,
        tag_rules="label: Family, Kids, Guests",
        group_collection_prefix="Series: ",
    )
    studios, people = ("First Films", "Second Films"), ("Ann One", "Bea Two", "Cia Three")
    tags, groups = ("Warm", "Cold", "Wet", "Family", "Kids"), ("Acme Nights", "Acme Days")
    ids = {
        name: env.stash.add_entity(kind, name)
        for kind, names in {
            "studio": studios,
            "performer": people,
            "tag": tags,
            "group": groups,
        }.items()
        for name in names
    }
    for scene in SHARED:
        env.stash.set_scene(
            scene,
            studio_id=str(ids["First Films"]),
            performer_ids=[str(ids["Ann One"]), str(ids["Bea Two"])],
            tag_ids=[str(ids[one]) for one in ("Warm", "Cold", "Family", "Kids")],
            groups=[
                {"group_id": str(ids["Acme Nights"]), "scene_index": scene},
                {"group_id": str(ids["Acme Days"]), "scene_index": 2},
            ],
        )
    synced(stepped, SHARED)
    for scene in SHARED:
        by_hand(
            stepped,
            scene,
            fields={"studio": "Second Films"},
            tags={
                "actor": ["Bea Two", "Cia Three"],
                "genre": ["Wet", "Cold"],
                "label": ["Kids", "A person's own"],
                "collection": ["Series: Acme Nights", "Favourites"],
            },
        )
    stepped.background(SHARED)
    stepped.drain()
    fields = ("studio", "performers", "tags", "labels", "collections")
    assert sizes(stepped) == dict.fromkeys(fields, len(SHARED))
    in_plex = {scene: picture_of(env, scene) for scene in SHARED}
    in_stash = {scene: env.stash.scene(scene) for scene in SHARED}
    rows = [row["number"] for field in fields for row in inbox(stepped, field, limit=200)]
    stepped.forget_requests()

    assert answer(stepped, "take", numbers=rows) == len(rows) == 200
    assert stepped.asked_stash("TakeIntoScene") == len(SHARED)
    assert sizes(stepped) == {}
    stepped.late += 60
    stepped.task(SHARED)
    stepped.drain()
    assert writes(env) == []
    for scene in SHARED:
        assert picture_of(env, scene) == in_plex[scene]
        wanted = {
            **in_stash[scene],
            "studio": ids["Second Films"],
            "performers": [ids["Bea Two"], ids["Cia Three"]],
            "tags": [ids["Cold"], ids["Kids"], ids["Wet"]],
            "groups": [ids["Acme Nights"]],
            "group_places": {str(ids["Acme Nights"]): scene},
        }
        found = env.stash.scene(scene)
        del found["updated_at"], wanted["updated_at"]
        assert {**found, "tags": sorted(found["tags"])} == {
            **wanted,
            "tags": sorted(wanted["tags"]),
        }


@pytest.fixture(scope="module")
def weather(env: Installation) -> dict[str, int]:
    """Some studios and tags of Stash: their ids by name."""
    named = [("studio", "Other Films"), ("studio", "Parent Films"), ("studio", "Child Films")]
    ids = {name: env.stash.add_entity(kind, name) for kind, name in (*named, *_TAGS)}
    env.stash.set_entity("studio", ids["Child Films"], parent=ids["Parent Films"])
    return ids


@pytest.mark.parametrize(
    ("settings", "change", "field", "why"),
    [
        ({}, {"fields": {"studio": "Nobody's"}}, "studio", "no studio called “Nobody's”"),
        (
            {"studio_name": "parent"},
            {"fields": {"studio": "Child Films"}},
            "studio",
            "PlexSync writes it as “Parent Films”",
        ),
        (
            {"tag_rules": "Sun => Sunny"},
            {"tags": {"genre": ["Sun"]}},
            "tags",
            "PlexSync writes it as “Sunny”",
        ),
        (
            {"tag_rules": "drop: Sun"},
            {"tags": {"genre": ["Sun"]}},
            "tags",
            "does not write “Sun” as a genre",
        ),
        (
            {"tag_rules": "label: Rain; genre: Rain"},
            {"tags": {"label": []}, "lock": ["label"]},
            "labels",
            "stands for more in Plex than this: “Rain”",
        ),
        (
            {"sync_fields": "title, studio_collection"},
            {"tags": {"collection": []}, "lock": ["collection"]},
            "collections",
            "stands for the scene's studio",
        ),
    ],
)
def test_what_cannot_be_taken_is_said(
    stepped: BulkWorker,
    weather: dict[str, int],
    settings: dict[str, str],
    change: dict[str, Any],
    field: str,
    why: str,
) -> None:
    """Nothing is half taken: both sides stay as they are, and the row says why."""
    env = stepped.env
    env.settings(**{"sync_fields": THINGS, **settings})
    env.stash.set_scene(
        53,
        studio_id=str(weather["Other Films"]),
        tag_ids=[str(weather[t]) for t in ("Sun", "Rain")],
    )
    synced(stepped, [53])
    by_hand(stepped, 53, **change)
    look(stepped, 53)
    (row,) = inbox(stepped, field)
    before = env.stash.scene(53)
    stepped.forget_requests()
    assert answer(stepped, "take", numbers=[row["number"]]) == 1
    (refused,) = inbox(stepped, field)
    assert why in refused["why"]
    assert (env.stash.scene(53), writes(env)) == (before, [])
    assert stepped.asked_stash("TakeIntoScene") == 0


def test_of_several_values_only_what_is_refused_stays(stepped: BulkWorker) -> None:
    """What Stash can have arrives all the same, each by itself."""
    env = stepped.env
    synced(stepped, [54])
    by_hand(stepped, 54, fields={"summary": "Taken", "studio": "Nobody's"})
    look(stepped, 54)
    rows = [row["number"] for field in ("summary", "studio") for row in inbox(stepped, field)]
    assert answer(stepped, "take", numbers=rows) == 2
    assert sizes(stepped) == {"studio": 1}
    assert env.stash.scene(54)["details"] == "Taken"


@pytest.mark.parametrize("when", ["reset_before", "reset_after"])
def test_what_was_taken_and_not_heard_of_is_finished(
    stepped: BulkWorker, weather: dict[str, int], when: str
) -> None:
    """Whether or not Stash made the change whose answer was lost, both sides agree in the end."""
    env = stepped.env
    env.stash.set_scene(56, studio_id=str(weather["Other Films"]), tag_ids=[str(weather["Rain"])])
    synced(stepped, [56])
    by_hand(stepped, 56, fields={"studio": "Parent Films"}, tags={"genre": ["Sun"]})
    look(stepped, 56)
    rows = [row["number"] for field in ("studio", "tags") for row in inbox(stepped, field)]
    stepped.forget_requests()
    env.stash.fault(when, method="POST", operation="TakeIntoScene")
    env.run(mode="answer", answer="take", numbers=rows)
    stepped.drain()
    assert set(sizes(stepped).values()) <= {1}
    stepped.settle()
    scene = env.stash.scene(56)
    assert (scene["studio"], scene["tags"]) == (weather["Parent Films"], [weather["Sun"]])
    assert (sizes(stepped), writes(env)) == ({}, [])
    assert stepped.asked_stash("TakeIntoScene") <= 2


def test_a_picture_that_a_person_chose_gives_way_to_the_cover(stepped: BulkWorker) -> None:
    """A poster that is kept stands in the inbox like a text, and Use Stash hangs the cover."""
    env = stepped.env
    key = key_of(env, 8)
    env.stash.set_scene(8, cover="new:the cover")
    env.plex.ask("POST", f"/library/metadata/{key}/posters", b"\xff\xd8 a person's own")
    by_hand(stepped, 8, lock=["thumb"])
    env.settings(sync_fields="title, poster")
    look(stepped, 8)
    assert sizes(stepped) == {"poster": 1}
    (row,) = inbox(stepped, "poster")
    stepped.late += 60  # Stash may have had another cover in the same second
    look(stepped, 8)
    assert inbox(stepped, "poster") == [row]
    assert answer(stepped, "use_stash", numbers=[row["number"]]) == 1
    assert sizes(stepped) == {}
    assert len(env.item(8)["posters"]) >= 2
    shown = next(one["key"] for one in env.item(8)["posters"] if one["selected"])
    cover = env.query("SELECT base FROM item WHERE rating_key = ?", key)[0]["base"]
    assert shown.rpartition("/")[2] in cover


def test_a_scene_that_is_left_out_or_gone_leaves_no_rows(stepped: BulkWorker) -> None:
    """What is not synced differs from nothing."""
    env = stepped.env
    synced(stepped, ALL[:10])
    for scene in (9, 10):
        by_hand(stepped, scene, fields={"title": "Of no interest soon"})
    look(stepped, 9, 10)
    assert sizes(stepped) == {"title": 2}
    env.stash.delete_scene(10)
    env.settings(sync_fields=FIELDS, only_organized=True)
    look(stepped, 9, 10)
    assert sizes(stepped) == {}


@pytest.mark.parametrize("settled", [False, True])
def test_what_plex_has_no_more_is_no_difference(stepped: BulkWorker, settled: bool) -> None:
    """It goes from the list with its item, and is there again with it; a settled one stays so."""
    env = stepped.env
    synced(stepped, ALL[:5])
    key = key_of(env, 2)
    by_hand(stepped, 2, fields={"title": "By hand", "summary": "By hand"})
    look(stepped, 2)
    (row,) = inbox(stepped, "title")
    if settled:
        answer(stepped, "keep_plex", numbers=[row["number"]])
    files = env.plex.item(key)["files"]
    env.plex.person_sets(key, files=[{"path": "/plex/media/elsewhere.mp4"}])
    look(stepped, 2)
    assert sizes(stepped) == {}
    env.plex.person_sets(key, files=files)
    look(stepped, 2)
    wanted = {"summary": 1} if settled else {"title": 1, "summary": 1}
    assert sizes(stepped) == wanted
