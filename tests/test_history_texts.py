"""How the history keeps its texts: read as they were written, and small."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.former import former_of
from plex.edits import Edit, ListEdit
from plex.item import Member
from simulator.library import catalogue_scene
from store import history, schema
from store.history import pack, unpack
from tests.plex_in_miniature import an_item

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ROWS = 500
#: Bytes of the file that a change may take: of an item that was empty, and of one of which
#: all was replaced. Unpacked it was 2,100 and 4,150.
FILLED, REPLACED = 850, 1700
#: What version 4 wrote; it has to be read for ever.
WRITTEN = "01c3887443a084efe13dc0cc530494678046063c20c08ec3a2c520d130c928d93805642600"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A new database."""
    opened = schema.open_database(str(tmp_path))
    yield opened
    opened.close()


@given(st.lists(st.text(st.characters(exclude_characters="\0")), min_size=1))
def test_what_is_packed_is_read_as_it_was(texts: list[str]) -> None:
    """Whatever letters there are; half a pair of two, as a broken client sends it, too."""
    assert unpack(pack(*texts)) == texts
    assert unpack(pack("\ud83d", *texts)) == ["\ud83d", *texts]


def test_what_was_packed_before_can_be_read() -> None:
    """The dictionary is a promise: rows outlive the version that wrote them."""
    first = '{"title":["Scene 1","Müller"]}'
    second = '{"k":["title"],"t":{"title":["Scene 1","0a1b2c3d"]}}'
    assert unpack(bytes.fromhex(WRITTEN)) == [first, second]


@pytest.mark.parametrize(
    ("harmed", "words"),
    [
        ("", "not packed by us"),
        ("02c388", "not packed by us"),
        ("02ffff", "not packed by us"),
        ("01ffff", "damaged"),
        (WRITTEN[:40], "not whole"),
    ],
)
def test_what_is_damaged_is_said_to_be(harmed: str, words: str) -> None:
    """Neither a guess nor half of a text comes out."""
    with pytest.raises(ValueError, match=words):
        unpack(bytes.fromhex(harmed))


def test_what_an_older_plexsync_kept_is_shown(connection: sqlite3.Connection) -> None:
    """Rows from before the update stand in the history as they are."""
    connection.execute(
        "INSERT INTO history (at, scene, rating_key, title, changes) VALUES "
        '(1.0, 2, 3, \'t\', \'{"title":["a","b"]}\')'
    )
    history.append(
        connection,
        history.new_change(
            at=2.0,
            scene=2,
            rating_key=3,
            title="t",
            changes={"title": ["b", "c"]},
            undo="{}",
        ),
    )
    told = [json.loads(one.changes) for one in history.page(connection, limit=5)]
    assert told == [{"title": ["b", "c"]}, {"title": ["a", "b"]}]
    assert [one.undo for one in history.page(connection, limit=5)] == ["{}", ""]


@pytest.mark.parametrize(("replaced", "most"), [(False, FILLED), (True, REPLACED)])
def test_a_run_is_kept_small(connection: sqlite3.Connection, *, replaced: bool, most: int) -> None:
    """Bytes of the file a scene, its summaries prose of 300 to 1,500 letters."""
    prose = " ".join(one.read_text(encoding="utf-8") for one in (ROOT / "docs/adr").glob("*.md"))
    prose, dice = re.sub(r"[`*|#\[\]()\s]+", " ", prose), random.Random(1)

    def text(letters: int) -> str:
        start = dice.randrange(len(prose) - letters)
        return prose[start : start + letters].strip()

    def change(number: int) -> tuple[dict[str, str], dict[str, tuple[Member, ...]]]:
        scene = catalogue_scene(number)
        values = {
            "title": text(40),
            "sort_title": text(40),
            "summary": text(dice.randrange(300, 1500)),
            "studio": scene.studio,
            "date": scene.date,
            "rating": "7.5",
        }
        photo = f"https://metadata-static.plex.tv/people/{dice.getrandbits(96):024x}.jpg"
        lists = {
            "performers": tuple(Member(one, "Self", photo) for one in scene.performers),
            "tags": tuple(Member(one) for one in scene.tags),
        }
        return values, lists

    before = size_of(connection)
    connection.execute("BEGIN")
    for number in range(1, ROWS + 1):
        old, new = change(number + 50_000) if replaced else ({}, {}), change(number)
        item = an_item(*old)
        lists = {name: ListEdit(members) for name, members in new[1].items()}
        edit = Edit(item.rating_key, item.section, item.type, new[0], lists)
        sha1 = f"{dice.getrandbits(160):040x}"
        art = {"poster": (f"metadata://posters/{sha1}", sha1), "background": ("", sha1)}
        changes: dict[str, tuple[str, str]] = {
            name: (item.values[name], value) for name, value in new[0].items()
        }
        for name, members in new[1].items():
            both = (item.lists[name], members)
            first, second = (", ".join(one.name for one in some) for some in both)
            changes[name] = (first, second)
        for place in art:
            changes[place] = ("Plex's own picture", f"the scene's cover ({sha1[:8]})")
        former = former_of(item, edit).with_pictures(art, frozenset({"thumb", "art"}))
        history.append(
            connection,
            history.new_change(
                at=float(number),
                scene=number,
                rating_key=number,
                title=new[0]["title"],
                changes=changes,
                server="a" * 40,
                undo=former.to_json(),
            ),
            runs={number: 1.0},
        )
    connection.execute("COMMIT")
    taken = (size_of(connection) - before) / ROWS
    print(f"{taken:.0f} bytes a scene")  # noqa: T201 - a figure
    assert taken <= most


def size_of(connection: sqlite3.Connection) -> int:
    """Bytes of the database."""
    query = "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    size: int = connection.execute(query).fetchone()[0]
    return size
