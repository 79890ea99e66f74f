"""Items of which Plex says, to the letter, what it said when they were in step."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plex.item import cut_answer, parse_item, whole_answers
from plex.response import parse_container
from store import differences
from tests.bulk_worker import BulkWorker, key_of, stepped_bulk, synced, writes
from tests.installation import Installation, shared_installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 12
ALL = range(1, SCENES + 1)
AGREED = "title,studio,date,performers,tags"


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, whose scenes were found in step twice."""
    with stepped_bulk(env, sync_fields=AGREED) as made:
        synced(made, ALL)
        made.resident.task_lock.release()
        look_again(made)
        yield made


def look_again(stepped: BulkWorker) -> None:
    """Run another task over all scenes, a minute later, and count from zero."""
    stepped.late += 60.0
    stepped.forget_requests()
    stepped.task(ALL)
    stepped.drain()
    stepped.resident.task_lock.release()


def noted(stepped: BulkWorker) -> dict[int, str]:
    """What is noted of items, by the scene that owns them."""
    rows = stepped.resident.store.connection.execute("SELECT scene, seen FROM item")
    return {scene: seen for scene, seen in rows if seen}


def tamper(connection: sqlite3.Connection, scene: int) -> None:
    """Let the ledger say that a title of ours stands there which does not: a comparison shows."""
    connection.execute(
        """UPDATE item SET base = replace(base, '"title":"', '"title":"Not ') WHERE scene = ?""",
        (scene,),
    )


def test_what_is_as_it_was_is_not_compared_again(stepped: BulkWorker) -> None:
    """Neither parsed nor merged: even a ledger that would not agree is not looked at."""
    assert set(noted(stepped)) == set(ALL)
    tamper(stepped.resident.store.connection, 3)
    look_again(stepped)
    assert stepped.asked_stash("ScenesById") == stepped.asked_stash("SceneAndSettings") == 0
    assert writes(stepped.env) == []
    assert stepped.rows() == {}


def test_a_comparison_would_have_shown(stepped: BulkWorker) -> None:
    """The same without the note: so the test before this one is one."""
    connection = stepped.resident.store.connection
    tamper(connection, 3)
    connection.execute("UPDATE item SET seen = '' WHERE scene = 3")
    look_again(stepped)
    assert stepped.asked_stash("ScenesById") + stepped.asked_stash("SceneAndSettings") == 1


@pytest.mark.parametrize("what", ["title", "genre", "lock"])
def test_whatever_changes_at_the_item_is_seen(stepped: BulkWorker, what: str) -> None:
    """A word, a tag or a lock: the item is compared, and an agent's word gives way."""
    env, key = stepped.env, key_of(stepped.env, 5)
    if what == "title":
        env.plex.person_sets(key, unlock=["title"])
        env.plex.agent_sets(key, fields={"title": "An agent's title"})
    elif what == "genre":
        env.plex.person_sets(key, tags={"genre": ["By hand"]})
    else:
        env.plex.person_sets(key, lock=["contentRating"])
    before = noted(stepped)[5]
    look_again(stepped)
    assert noted(stepped).get(5) != before
    look_again(stepped)
    assert noted(stepped).get(5, "") not in {"", before}
    assert writes(env) == []
    assert env.item(5)["fields"]["title"] == env.stash.scene(5)["title"]


def test_other_settings_compare_everything(stepped: BulkWorker) -> None:
    """What was noted under other settings counts for nothing."""
    before = noted(stepped)
    stepped.env.settings(sync_fields="title,studio")
    look_again(stepped)
    after = noted(stepped)
    assert all(after[scene] != before[scene] for scene in ALL)


def test_a_write_ends_what_was_noted(stepped: BulkWorker) -> None:
    """An edit by hand changes entry and item; the next look compares them."""
    stepped.env.stash.set_scene(2, title="Another title")
    stepped.hook(2)
    stepped.drain()
    assert set(noted(stepped)) == set(ALL) - {2}
    look_again(stepped)
    assert set(noted(stepped)) == set(ALL)
    assert writes(stepped.env) == []


def test_an_answer_about_a_kept_value_is_carried_out(stepped: BulkWorker) -> None:
    """What a person answered meanwhile is not overlooked because the item stands still."""
    env, connection = stepped.env, stepped.resident.store.connection
    env.plex.person_sets(key_of(env, 4), fields={"title": "By hand"})
    look_again(stepped)
    (number,) = connection.execute("SELECT number FROM difference").fetchone()
    look_again(stepped)
    assert env.item(4)["fields"]["title"] == "By hand"
    differences.answer(connection, differences.USE_STASH, [number])
    look_again(stepped)
    assert env.item(4)["fields"]["title"] == env.stash.scene(4)["title"]


ITEMS = st.lists(
    st.fixed_dictionaries(
        {
            "title": st.text(st.characters(codec="utf-8", categories=["L", "P", "S", "Z"])),
            "genres": st.lists(st.text(st.characters(codec="ascii", categories=["L", "P", "S"]))),
            "children": st.sampled_from(["", "Extras", "comment"]),
        }
    ),
    min_size=1,
    max_size=5,
)


@given(ITEMS)
def test_a_cut_answer_says_what_it_said_as_a_whole(items: list[dict[str, object]]) -> None:
    """Whatever is in it: it is cut at its items, or not at all."""
    root = ET.Element("MediaContainer", size=str(len(items)), librarySectionID="1")
    for number, wanted in enumerate(items, 1):
        item = ET.SubElement(root, "Video", title=str(wanted["title"]), ratingKey=str(number))
        for genre in wanted["genres"]:  # type: ignore[attr-defined]
            ET.SubElement(item, "Genre", {"tag": genre})
        if wanted["children"] == "Extras":
            ET.SubElement(ET.SubElement(item, "Extras"), "Video", ratingKey="77", title="</Video>")
        if wanted["children"] == "comment":
            item.append(ET.Comment("<Video ratingKey='9'></Video>"))
    body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    texts = cut_answer(body)
    if texts is None:
        plain = all(one["children"] == "" and one["genres"] for one in items)
        assert not plain
        return
    again = [
        parse_item(element)
        for part in whole_answers(texts.values())
        for element in parse_container(part) or ()
    ]
    assert again == [parse_item(element) for element in root]
    assert list(texts) == [item.rating_key for item in again]


@pytest.mark.parametrize("name", ["file-hit", "tree"])
def test_what_a_real_plex_sent_is_cut(repo_root: Path, name: str) -> None:
    """The answers of a Plex 1.43 are written in the form that is cut, to the last byte."""
    recorded = repo_root / "tests" / "data" / "plex" / "pms-1.43" / f"{name}.json"
    interactions = json.loads(recorded.read_text(encoding="utf-8"))["interactions"]
    bodies = [one["response"]["body"]["string"].encode() for one in interactions]
    with_items = [body for body in bodies if b"<Video " in body]
    assert with_items
    for body in with_items:
        texts = cut_answer(body)
        assert texts is not None
        assert whole_answers(texts.values()) == [body.rstrip()]
        (root,) = (parse_container(part) for part in whole_answers(texts.values()))
        assert root is not None
        assert list(texts) == [int(element.get("ratingKey", "")) for element in root]
