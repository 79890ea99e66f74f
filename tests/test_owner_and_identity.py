"""Whose an item is, how Stash is asked for that, and whether a ledger entry is about this item."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from matching.identity import entry_of, files_of, identity_of
from matching.owner import holders_of, owner_of, spellings
from merge.base import Base
from stash.scene import Scene
from store import ledger
from store.ledger import LedgerEntry, SceneRecord
from tests.plex_in_miniature import an_item
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Callable

    from plex.item import PlexItem

COMPOSED, DECOMPOSED = "\u00e9", "e\u0301"


class Asked:
    """A Stash that has some files, and what it was asked for."""

    def __init__(self, **scenes: str) -> None:
        self.scenes = {int(name[1:]): path for name, path in scenes.items()}
        self.texts: list[str] = []

    def __call__(self, text: str, is_same: Callable[[str], bool]) -> list[int]:
        """Give the scenes as Stash does: LIKE for ASCII letters, "_" for any one letter."""
        self.texts.append(text)
        return [
            number
            for number, path in self.scenes.items()
            if len(path) == len(text)
            and all(a in ("_", b) or alike(a, b) for a, b in zip(text, path, strict=True))
            and is_same(path)
        ]


def alike(one: str, other: str) -> bool:
    """SQL's LIKE knows the case of ASCII letters only."""
    return one.isascii() and other.isascii() and one.lower() == other.lower()


def never() -> bool:
    """A question about Plex that must not be asked."""
    raise AssertionError("nobody asks")


# --- spellings ---------------------------------------------------------------------------------


def test_a_plain_path_is_asked_for_once() -> None:
    """As it is, and as Stash itself would write it."""
    assert spellings("/a/b.mp4") == ("/a/b.mp4",)
    assert spellings("\\\\?\\C:\\a/b.mp4") == ("\\\\?\\C:\\a/b.mp4", "C:\\a\\b.mp4")
    assert spellings("/b.mp4", is_caseless=True) == ("/b.mp4",)


def test_a_path_with_accents_is_asked_for_in_each_form() -> None:
    """A share may name its folders in one and the file in the other."""
    found = spellings(f"/{COMPOSED}/{COMPOSED}.mp4")
    assert set(found) == {
        f"/{one}/{other}.mp4" for one in (COMPOSED, DECOMPOSED) for other in (COMPOSED, DECOMPOSED)
    }
    assert len(found) == 4
    assert set(spellings(f"/{COMPOSED}.mp4")) == {f"/{COMPOSED}.mp4", f"/{DECOMPOSED}.mp4"}


def test_letters_beyond_ascii_stand_for_any_where_case_does_not_count() -> None:
    """Only letters that have a case, and never one of ASCII."""
    found = spellings("C:\\Ж1\\№.mp4", is_caseless=True)
    assert set(found) == {
        "C:\\Ж1\\№.mp4",
        "C:\\_1\\№.mp4",
    }


# --- who holds a file --------------------------------------------------------------------------


def test_the_scenes_that_hold_a_file_however_it_is_spelled() -> None:
    """By the rules backwards, in either composition, and each text is asked for once."""
    path_map = PathMap.parse("/stash => /plex; /stash/ => /plex")
    stash = Asked(s1=f"/stash/{COMPOSED}.mp4", s2=f"/stash/{DECOMPOSED}.mp4", s3="/stash/x.mp4")
    assert holders_of(f"/plex/{COMPOSED}.mp4", path_map, stash, never) == {1, 2}
    assert len(stash.texts) == len(set(stash.texts)) == 4
    both = PathMap.parse(f"/{COMPOSED} => /{COMPOSED}")
    stash = Asked(s1=f"/{COMPOSED}/{COMPOSED}.mp4")
    assert holders_of(f"/{DECOMPOSED}/{COMPOSED}.mp4", both, stash, never) == {1}
    assert len(stash.texts) == len(set(stash.texts)) == 4


def test_another_file_in_other_letters_counts_only_where_plex_ignores_case() -> None:
    """Which is asked only where it decides."""
    path_map = PathMap.parse("/stash => /plex")
    stash = Asked(s1="/stash/A.mp4", s2="/stash/a.mp4")
    assert holders_of("/plex/a.mp4", path_map, stash, lambda: False) == {2}
    assert holders_of("/plex/a.mp4", path_map, stash, lambda: True) == {1, 2}
    alone = Asked(s2="/stash/a.mp4")
    assert holders_of("/plex/a.mp4", path_map, alone, never) == {2}


def test_a_file_that_windows_spells_otherwise_is_the_same() -> None:
    """Letters beyond ASCII, too, whichever of the two servers runs there."""
    for rules, file, path in (
        ("C:\\v => /plex", "/plex/Жук.mp4", "C:\\v\\жУК.mp4"),
        ("/stash => D:\\plex", "D:\\plex\\Жук.mp4", "/stash/жУК.mp4"),
    ):
        stash = Asked(s1=path)
        assert holders_of(file, PathMap.parse(rules), stash, never) == {1}
    other = Asked(s1="C:\\v\\Ёук.mp4")
    path_map = PathMap.parse("C:\\v => /plex")
    assert holders_of("/plex/Жук.mp4", path_map, other, lambda: True) == set()
    stash = Asked(s1="/stash/жУК.mp4")
    assert holders_of("/plex/Жук.mp4", PathMap.parse("/stash => /plex"), stash, never) == set()


def test_a_scene_that_has_the_very_path_holds_it_although_a_rule_sends_it_elsewhere() -> None:
    """What Stash calls as it was asked for is that file."""
    path_map = PathMap.parse("/a => /x; /a/b => /y")
    stash = Asked(s1="/a/b/c.mp4", s2="/a/c.mp4")
    assert holders_of("/x/c.mp4", path_map, stash, never) == {2}
    assert holders_of("/y/c.mp4", path_map, stash, never) == {1}


# --- whose it is -------------------------------------------------------------------------------

FIRST, SECOND = "/plex/first.mp4", "/plex/second.mp4"


@pytest.mark.parametrize(
    ("own", "holders", "words", "contested", "owner"),
    [
        # Its own file comes first, and nobody else wants the item: nothing is asked.
        ([FIRST], {}, {}, False, 5),
        ([SECOND], {FIRST: [3]}, {3: True}, False, 3),
        ([SECOND], {FIRST: [3]}, {3: False}, False, 5),
        ([SECOND], {FIRST: [3]}, {3: None}, False, 5),
        ([SECOND], {FIRST: [9, 3]}, {3: True, 9: True}, False, 3),
        ([SECOND], {FIRST: [9, 3]}, {3: False, 9: True}, False, 9),
        ([FIRST], {FIRST: [3]}, {3: True, 5: True}, True, 3),
        ([FIRST], {FIRST: [9]}, {5: True, 9: True}, True, 5),
        ([FIRST], {}, {5: True}, True, 5),
        ([FIRST], {FIRST: [3]}, {3: None, 5: True}, True, 5),
        ([FIRST], {FIRST: [3]}, {3: None, 5: False}, True, 5),
        ([FIRST], {}, {5: None}, True, 5),
        # Where none says anything, the first that is synced.
        ([FIRST], {FIRST: [9, 3]}, {3: False, 5: False, 9: False}, True, 3),
        ([FIRST], {FIRST: [3], SECOND: [2]}, {2: False, 3: False, 5: False}, True, 3),
        ([FIRST], {FIRST: [3], SECOND: [2]}, {2: True, 3: False, 5: False}, True, 2),
    ],
)
def test_whose_an_item_is(
    own: list[str],
    holders: dict[str, list[int]],
    words: dict[int, bool | None],
    contested: bool,
    owner: int,
) -> None:
    """The first scene with something to say, in the order of the files and the numbers."""
    item = an_item(files=(FIRST, SECOND))
    asked: list[str] = []

    def scenes_at(file: str) -> list[int]:
        asked.append(file)
        return holders.get(file, [])

    found = owner_of(item, Scene(id=5), own, scenes_at, words.__getitem__, is_contested=contested)
    assert found == owner
    if own == [FIRST] and not contested:
        assert not asked


# --- identity ----------------------------------------------------------------------------------

SERVER, OTHER = "server-now", "server-before"


def keep(connection: sqlite3.Connection, **more: Any) -> None:
    """Put an entry of item 7 into the ledger."""
    base = Base(values={"title": "T"}, wrote=frozenset({"title"}))
    entry = LedgerEntry(SERVER, 7, 1, 1, base.to_json(), "")._replace(**more)
    ledger.acknowledge(connection, entry, now=1.0)


def item_with(title: str = "T", **more: Any) -> PlexItem:
    """Item 7 as Plex has it."""
    made = an_item({"title": title}, files=("/plex/B.mp4", "/plex/A.mp4"))
    return replace(made, **{"guid": "plex://movie/1", "added_at": 100, **more})


def test_an_item_is_told_from_others_by_files_guid_and_time() -> None:
    """Files in order and once each, so that equal items give equal text."""
    item = item_with()
    assert identity_of(item) == '[["/plex/A.mp4", "/plex/B.mp4"], "plex://movie/1", 100]'
    assert COMPOSED in identity_of(replace(item, files=((f"/{COMPOSED}.mp4",),)))
    entry = LedgerEntry(SERVER, 7, 1, 1, "", "", identity_of(item))
    assert files_of(entry) == ["/plex/A.mp4", "/plex/B.mp4"]
    assert files_of(entry._replace(identity="")) == []
    for damaged in ("{", "[1]", "5"):
        with pytest.raises(sqlite3.DatabaseError, match="cannot be read"):
            files_of(entry._replace(identity=damaged))


def test_an_entry_is_about_the_item_with_one_of_its_files_or_its_guid_and_second(
    connection: sqlite3.Connection,
) -> None:
    """Either is enough; an unmatched item has no guid, and then only files tell."""
    item = item_with()
    assert entry_of(connection, SERVER, item) is None
    keep(connection, identity=identity_of(item))
    moved = (("/plex/moved.mp4",),)
    assert entry_of(connection, SERVER, item)
    assert entry_of(connection, SERVER, replace(item, files=(("/plex/B.mp4",),), guid="x"))
    assert entry_of(connection, SERVER, replace(item, files=moved))
    assert entry_of(connection, SERVER, replace(item, files=moved, guid="plex://movie/2")) is None
    assert entry_of(connection, SERVER, replace(item, files=moved, added_at=101)) is None
    for blank in ({"guid": ""}, {"added_at": 0}):
        keep(connection, identity=identity_of(item_with(**blank)))
        assert entry_of(connection, SERVER, item_with(**blank, files=moved)) is None


def test_an_entry_without_identity_is_told_by_the_scene_s_files_or_by_its_texts(
    connection: sqlite3.Connection,
) -> None:
    """That is how ledgers of early versions are read."""
    keep(connection)
    assert entry_of(connection, SERVER, item_with())
    assert entry_of(connection, SERVER, item_with("Another")) is None
    record = SceneRecord(
        1, "", "", "[]", '[["/plex/A.mp4"], [1], ["/plex/alias.mp4"]]', 0, "", "", 0, 0
    )
    ledger.record_scene(connection, record, {})
    assert entry_of(connection, SERVER, item_with("Another"))
    alias = item_with("Another", files=(("/plex/alias.mp4",),))
    assert entry_of(connection, SERVER, alias)
    assert entry_of(connection, SERVER, item_with(files=(("/plex/moved.mp4",),))) is None


def test_a_text_that_is_not_ours_or_empty_says_nothing(connection: sqlite3.Connection) -> None:
    """Only what we wrote there and what is still to be read."""
    agreed = Base(values={"title": "T"})
    cleared = Base(values={"title": ""}, wrote=frozenset({"title"}))
    for base in (agreed, cleared):
        keep(connection, base=base.to_json())
        assert entry_of(connection, SERVER, item_with(base.values["title"])) is None


def test_a_server_with_a_new_identity_is_known_by_file_and_text(
    connection: sqlite3.Connection,
) -> None:
    """Both have to be right, and what it has under its own name comes first."""
    item = item_with()
    keep(connection, server=OTHER, identity=identity_of(item))
    found = entry_of(connection, SERVER, item)
    assert found
    assert (found.server, found.identity) == (SERVER, identity_of(item))
    assert entry_of(connection, SERVER, item_with("Another")) is None
    elsewhere = item_with(files=(("/plex/moved.mp4",),), guid="x")
    assert entry_of(connection, SERVER, elsewhere) is None
    keep(connection, server=OTHER)  # from before identities were noted
    assert entry_of(connection, SERVER, item) is None
    keep(connection, server=OTHER, identity=identity_of(item))
    keep(connection, identity=identity_of(elsewhere))
    assert entry_of(connection, SERVER, item) is None
