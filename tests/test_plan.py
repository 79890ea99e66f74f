"""The plan that a preview keeps: exactly what the next "Sync all" asks of Plex, and its age."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from merge import effects
from plex.fields import LISTS, SCALARS
from simulator.library import catalogue_file
from store import differences, planned
from store.store import Store
from tasks import page_plan, preview
from tasks.task import Task
from tests.bulk_worker import key_of
from tests.installation import Installation, installation, shared_installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 500
#: Synced before, and looked at from then on; the last ten are left out.
FORMER = range(1, 201)
CHOSEN = range(1, SCENES - 9)
TEXT = {field.wire: field.name for field in SCALARS}
LIST = {field.wire: field.name for field in LISTS}
PLACES = {"posters": "poster", "poster": "poster", "arts": "background", "art": "background"}
TABLES = ("dirty", "item", "scene", "carries", "history", "difference", "hold", "part", "tally")
PNG = b"\x89PNG\r\n\x1a\n"

#: Of each kind of scene in ``mixed`` one, a field, and what is to be said of it.
EXPECTED = (
    (1, "title", effects.OURS),
    (1, "summary", effects.OURS),
    (21, "title", effects.KEPT),
    (33, "title", effects.PERSONS),  # a person chose Stash's
    (33, "summary", effects.TAKEN),
    (41, "title", effects.PERSONS),
    (41, "studio", effects.KEPT),
    (51, "title", effects.CLEARED),
    (51, "sort_title", effects.CLEARED),
    (51, "summary", effects.CLEARED),
    (51, "tags", effects.REMOVED),
    (61, "tags", effects.ADDED),
    (61, "performers", effects.REMOVED),
    (71, "summary", effects.AGENTS),
    (101, "poster", effects.PICTURES),
    (114, "poster", effects.PICTURES),
    (200, "title", effects.KEPT),  # it was undone
    (201, "studio", effects.AGENTS),
    (221, "title", effects.KEPT),
    (231, "title", effects.FILLED),  # locked by the thousand, over its file's name
    (241, "background", effects.KEPT),
    (301, "title", effects.FILLED),
    (301, "studio", effects.FILLED),
    (301, "tags", effects.ADDED),
)

#: What happens to a field of an item: (rating key, field, what).
Said = set[tuple[int, str, str]]


env = shared_installation(SCENES, only_organized=True)


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a plan of this process keep all it finds, so that it can be compared."""
    monkeypatch.setattr(planned, "EXAMPLES", 10**6)


def made(env: Installation) -> list[planned.Planned]:
    """Run the task's own code, and give the plan that it keeps."""
    store = Store(str(env.data))
    task = Task(store, str(env.plugin_dir / "plexsync.py"), {})
    try:
        preview.run(task)
        rows = store.connection.execute("SELECT * FROM planned ORDER BY number").fetchall()
    finally:
        task.close()
    return [planned.Planned._make(row) for row in rows]


def organized(env: Installation, scenes: range) -> None:
    """Choose scenes to be synced."""
    for scene in scenes:
        env.stash.set_scene(scene, organized=True)


def by_hand(env: Installation, scenes: range, **fields: str) -> None:
    """Let a person edit items in Plex."""
    for scene in scenes:
        env.plex.person_sets(key_of(env, scene), fields=fields)


def edited_in_stash(env: Installation, scenes: range, **values: Any) -> None:
    """Change scenes without a hook."""
    for scene in scenes:
        env.stash.set_scene(scene, **values)


def person_chooses(env: Installation, scene: int, place: str, lock: str) -> None:
    """Upload a picture and lock it, as Plex Web does."""
    key = key_of(env, scene)
    assert env.plex.ask("POST", f"/library/metadata/{key}/{place}", PNG).status == 200
    env.plex.person_sets(key, lock=[lock])


def mixed(env: Installation) -> None:
    """Bring about every kind of difference between Stash, Plex and what was synced."""
    new = env.stash.add_entity("tag", "Only in Stash")
    respelled = env.stash.add_entity("tag", "odd name")
    organized(env, FORMER)
    edited_in_stash(env, range(91, 101), tag_ids=[str(respelled), "3"])
    env.run(mode="sync_all")
    env.run(mode="undo_scene", id=200)
    env.settled()
    by_hand(env, range(21, 31), title="By a person, kept")
    by_hand(env, range(31, 36), title="To be Stash's", summary="To be taken")
    for scene in (*range(21, 31), *range(31, 36)):
        env.hook(scene)
    env.settled()
    env.kill_workers()

    edited_in_stash(env, range(1, 21), title="Changed in Stash", details="And\nmore", rating100=35)
    with contextlib.closing(Store(str(env.data))) as store, store.transaction() as connection:
        for field, answer in (("title", differences.USE_STASH), ("summary", differences.TAKE)):
            query = "SELECT number FROM difference WHERE field = ? AND scene BETWEEN 31 AND 35"
            numbers = [one for (one,) in connection.execute(query, (field,))]
            assert differences.answer(connection, answer, numbers)[0] == 5
    by_hand(env, range(41, 51), title="By a person, in vain", studio="Kept")
    edited_in_stash(env, range(41, 51), title="Changed in Stash, too")
    edited_in_stash(env, range(51, 61), title="", details="", rating100=None, tag_ids=[])
    edited_in_stash(env, range(61, 71), tag_ids=[str(new), "1"], performer_ids=["5", "7"])
    for scene in range(71, 81):
        env.plex.person_sets(key_of(env, scene), unlock=["summary", "genre"])
        env.plex.agent_sets(
            key_of(env, scene), fields={"summary": "An agent's"}, tags={"genre": ["Agent's"]}
        )
    env.stash.set_entity("tag", respelled, name="ODD Name")
    edited_in_stash(env, range(101, 106), cover="new:another")
    edited_in_stash(env, range(106, 111), cover="none")
    for scene in range(111, 116):
        person_chooses(env, scene, "posters", "thumb")
    edited_in_stash(env, range(113, 116), cover="new:another one")
    for scene in range(121, 126):
        env.plex.delete_item(key_of(env, scene))
        env.stash.delete_scene(scene + 5)
        env.stash.set_scene(scene + 10, organized=False)
        env.plex.rekey(key_of(env, scene + 15))
    for scene in range(141, 146):
        env.plex.person_sets(key_of(env, scene), tags={"genre": ["A person's", "Own"]})
        env.stash.set_scene(scene, tag_ids=["1", str(new)])

    organized(env, range(FORMER.stop, CHOSEN.stop))
    for scene in range(201, 221):
        key = key_of(env, scene)
        fields = {"studio": "An agent's", "summary": "An agent's", "contentRating": "R"}
        env.plex.agent_sets(key, fields=fields, tags={"genre": ["Agent's"]})
    by_hand(env, range(221, 231), title="Set long ago", summary="And this")
    for scene in range(231, 236):
        env.plex.person_sets(key_of(env, scene), lock=["title", "summary", "genre", "thumb"])
    edited_in_stash(env, range(236, 241), title="", details="")
    for scene in range(241, 246):
        person_chooses(env, scene, "arts", "art")
    for scene in range(251, 261):  # one item of two scenes, each of which has something to say
        path = catalogue_file(scene).stash_path
        shares = env.stash.add_scene(path, title=f"Shares with {scene}")
        env.stash.set_scene(shares, organized=True)
    second = env.plex.add_section("movie", "Second")
    for scene in range(261, 266):  # two items of one scene
        env.plex.add_item(catalogue_file(scene).plex_path, section=second)


def parts(names: str) -> list[str]:
    """Take names apart as people read them; one of them has a comma itself."""
    return [name for name in names.split(", ") if name]


def said(plan: list[planned.Planned]) -> Said:
    """What a plan says about fields of items; of lists, member by member."""
    found: Said = set()
    for one in plan:
        key, field = one.rating_key, one.field
        if one.effect in (effects.KEPT, effects.TAKEN):
            continue
        if one.effect == effects.PICTURES:
            found.add((key, field, "shown"))
        elif one.effect in (effects.ADDED, effects.REMOVED, effects.RESPELLED):
            found |= {(key, field, f"+{name}") for name in parts(one.after)}
            found |= {(key, field, f"-{name}") for name in parts(one.before)}
        else:
            found.add((key, field, one.after))
    return found


def asked(env: Installation, before: dict[int, dict[str, Any]]) -> Said:
    """What was asked of Plex, request by request; members that were there are nothing new."""
    found: Said = set()
    for request in env.plex.requests(headers=False):
        if request["method"] == "GET":
            continue
        address = urlsplit(request["target"])
        place = re.fullmatch(r"/library/metadata/(\d+)/(posters?|arts?)", address.path)
        if place:
            found.add((int(place[1]), PLACES[place[2]], "shown"))
            continue
        pairs = parse_qsl(address.query, keep_blank_values=True)
        for key in (int(one) for one in dict(pairs)["id"].split(",")):
            for name, value in pairs:
                wire = re.split(r"[.\[]", name)[0]
                if name == f"{wire}.value":
                    found.add((key, TEXT[wire], value[: planned.SHOWN]))
                elif name.endswith("tag.tag-"):
                    names = [part for one in value.split(",") for part in parts(unquote(one))]
                    found |= {(key, LIST[wire], f"-{name}") for name in names}
                elif name.endswith("tag.tag") and value not in before[key]["tags"].get(wire, ()):
                    found |= {(key, LIST[wire], f"+{name}") for name in parts(value)}
    return found


def everything(env: Installation) -> dict[str, Any]:
    """All that a preview must not touch."""
    return {table: env.query(f"SELECT * FROM {table}") for table in TABLES}


@pytest.mark.timeout(300)
def test_the_next_sync_all_does_what_the_plan_says_and_nothing_else(env: Installation) -> None:
    """500 mixed scenes: what the plan says and what Plex is then asked are equal sets."""
    mixed(env)
    known = everything(env)
    env.plex.clear_requests()
    plan = made(env)
    assert {one["method"] for one in env.plex.requests(headers=False)} == {"GET"}
    assert everything(env) == known
    kinds = {(one.scene, one.field, one.effect) for one in plan}
    assert set(EXPECTED) - kinds == set()
    (taught,) = (one for one in plan if (one.scene, one.effect) == (95, effects.RESPELLED))
    assert (taught.field, taught.before, taught.after) == ("tags", "odd name", "ODD Name")
    assert {one.title for one in plan if one.scene == 55} == {catalogue_file(55).name}
    before = {key: env.plex.item(key) for key in env.plex.rating_keys()}
    env.plex.clear_requests()
    env.stash.clear_requests()
    env.run(mode="sync_all")
    wait_for(lambda: all(row["reason"] for row in env.rows()))  # those without an item wait on
    did = asked(env, before)
    assert said(plan) - did == set(), "planned and not done"
    assert did - said(plan) == set(), "done and not planned"
    assert len(did) > 3000
    assert env.stash.scene(33)["details"] == "To be taken"


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A small installation, to be looked at as the page does."""
    with installation(tmp_path_factory.mktemp("few"), 6, sync_fields="title, studio") as made:
        yield made


def shown(env: Installation, **settings: Any) -> dict[str, Any]:
    """What the page shows of the plan; each time another process answers."""
    saved = env.stash.graphql("{configuration{plugins}}")["configuration"]["plugins"]["PlexSync"]
    given = {name: value for name, value in {**saved, **settings}.items() if name != "plex_token"}
    answer: dict[str, Any] = env.run(mode="page_plan", settings=given)["output"]
    return answer


def test_a_plan_stays_until_something_comes_after_it(few: Installation) -> None:
    """It is there after a reload, and old, with the reason, after a sync, an edit or a day."""
    assert shown(few)["groups"] == []
    assert shown(few)["old"] == ""
    few.run(mode="preview")
    plan = shown(few)
    assert [(one["effect"], one["fields"]) for one in plan["groups"]] == [
        ("filled", [["studio", 6], ["title", 6]])
    ]
    assert "6 of 6 scenes would change" in plan["text"]
    assert plan["old"] == ""
    again = shown(few)
    assert {**again, "now": 0} == {**plan, "now": 0}
    assert shown(few, path_map="/a => /b")["old"] == "The settings changed after it."
    first = few.run(mode="page_planned", effect="filled", field="studio", limit=4)["output"]
    rest = few.run(mode="page_planned", effect="filled", field="studio", after=first["next"])
    rows = first["rows"] + rest["output"]["rows"]
    assert [row["scene"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert [row["rating_key"] for row in rows] == [key_of(few, scene) for scene in range(1, 7)]
    assert (rows[0]["before"], rows[0]["after"]) == ("", catalogue_file(1).folder)
    assert rest["output"]["next"] is None

    few.save(1, title="Edited after it")
    few.title_becomes(1, "Edited after it")
    few.settled()
    assert shown(few)["old"] == "Since then 1 item was synced."
    few.run(mode="preview")
    assert shown(few)["old"] == ""
    many = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000) INSERT "
        "INTO history (at, scene, rating_key, title, changes, undo) "
        "SELECT 9e9, 1, i, '', '', '1' FROM n"
    )
    with contextlib.closing(sqlite3.connect(few.data / "plexsync.sqlite")) as store, store:
        store.execute(many)
    assert shown(few)["old"] == "Since then at least 1000 items were synced."
    with contextlib.closing(sqlite3.connect(few.data / "plexsync.sqlite")) as store, store:
        store.execute("DELETE FROM history WHERE at = 9e9")
    few.run(mode="sync_all")
    assert shown(few)["old"] == "“Sync all to Plex” came after it."
    few.run(mode="preview")
    assert (shown(few)["old"], shown(few)["groups"]) == ("", [])
    later = "UPDATE meta SET value = json_set(value, '$.at', 5.0) WHERE key = 'preview'"
    with contextlib.closing(sqlite3.connect(few.data / "plexsync.sqlite")) as store, store:
        store.execute(later)
    assert "more than a day old" in shown(few)["old"]


def test_a_preview_of_before_the_update_is_old(few: Installation) -> None:
    """What an older version kept is shown as what it is: a sum, without groups."""
    few.run(mode="page_state")
    kept = json.dumps({"at": time.time(), "text": "6 of 6 scenes would change.\n\nScene  Title"})
    with contextlib.closing(sqlite3.connect(few.data / "plexsync.sqlite")) as store, store:
        store.execute("INSERT OR REPLACE INTO meta VALUES ('preview', ?)", (kept,))
    plan = shown(few)
    assert (plan["text"], plan["groups"]) == ("6 of 6 scenes would change.", [])
    assert plan["old"] == "A PlexSync of before made it."


def test_a_preview_that_fails_leaves_the_plan_before(few: Installation) -> None:
    """A plan takes the place of the one before as a whole, or not at all."""
    few.run(mode="preview")
    plan = shown(few)["at"]
    few.plex.fault("maintenance", times=None)
    assert "error" in few.run(mode="preview")
    few.plex.clear_faults()
    assert shown(few)["at"] == plan


def test_a_look_at_the_plan_of_100_000_scenes_is_quick_and_small(few: Installation) -> None:
    """Counts and one page cross the wire, whatever was found; no table grows with a library."""
    with contextlib.closing(Store(str(few.data))) as store, store.transaction() as connection:
        sizes = {effect: {f"field {n}": 100_000 for n in range(11)} for effect in page_plan.WORDS}
        rows = (
            planned.Planned(0, effect, field, n, n, "t" * 99, "b" * 999, "a" * 999)
            for effect, fields in sizes.items()
            for field in fields
            for n in range(100)
        )
        planned.put(connection, {**planned.about(connection), "sizes": sizes}, rows)
    answer = shown(few)
    assert [one["size"] for one in answer["groups"]] == [1_100_000] * len(page_plan.WORDS)
    assert len(json.dumps(answer)) < 20_000
    page = few.run(mode="page_planned", effect="kept", field="field 7")["output"]
    assert len(json.dumps(page)) < 40_000

    def seconds(**arguments: Any) -> float:
        taken = []
        for _ in range(5):
            start = time.perf_counter()
            few.run(**arguments)
            taken.append(time.perf_counter() - start)
        return min(taken)

    other = seconds(mode="page_state")
    for arguments in ({"mode": "page_plan", "settings": {}}, {"mode": "page_planned"}):
        # What a busy machine adds to one of the two must not decide.
        assert seconds(**arguments) <= 4 * other


def test_every_effect_has_words() -> None:
    """What the merge can do to an item is what the page can say."""
    kinds = {value for name, value in vars(effects).items() if name.isupper() and name[0] != "_"}
    assert kinds - {True, False} == set(page_plan.WORDS)
