"""The search for a scene's items, step by step: whom it asks, what it believes, what it raises."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from xml.etree.ElementTree import Element, SubElement

import pytest

from errors import Scope
from matching.resolve import PROVEN_FOR, Found, Resolver, held_paths
from plex.error_types import (
    AmbiguousMatch,
    BadResponse,
    ItemGone,
    PlexError,
    ServerChanged,
    ServerUnreachable,
    TooManyAlike,
)
from plex.matcher import Candidate
from stash.scene import Scene, SceneFile
from store import ledger
from store.ledger import LedgerEntry, SceneRecord
from store.store import Store
from tests.plex_in_miniature import an_item
from validation.config import PlexSyncConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from plex.item import PlexItem

NOW = 1_900_000_000.0
A, B = "/plex/A.mp4", "/plex/B.mp4"
#: Files that lie in no library.
OUT, AWAY = "/private/x/Out.mp4", "/private/y/Out.mp4"
#: What Stash says that the files of the scene have for a hash.
HASH = "ab" * 8


class PlexOnHand:
    """Plex, its libraries and an index as far as the search asks them, and what it asked.

    ``at`` gives by path the keys that Plex's own search lists, or what it fails with.
    """

    machine_identifier = "server"

    def __init__(self, folder: Path) -> None:
        self.store = Store(str(folder / "data"))
        self.at: dict[str, list[int] | PlexError] = {}
        self.items: dict[int, PlexItem | PlexError] = {}
        #: Items as they were read a moment ago, where they are others by now.
        self.old: dict[int, PlexItem] = {}
        self.asked: list[str] = []
        self.read: list[int] = []
        self.server = "server"
        self.is_new = self.caseless = False
        self.known_library = True
        self.read_anew = 0
        self.index: dict[str, list[int] | None] | None = None
        self.corrected: dict[str, list[int]] = {}
        self.sections = [1]
        #: Below this folder no library lies; items whose files have such a name all the same.
        self.outside = "/private"
        self.named: list[int] = []
        #: Items whose files differ from the one that is searched for in case only.
        self.tied: list[int] = []
        #: Items whose files are the scene's by their hash.
        self.same: set[int] = set()
        #: What Stash has for a hash of the files.
        self.hash: str | None = HASH

    # Plex

    def probe(self) -> str:
        """Who answers."""
        return self.server

    def query(self, path: str, _params: object = None) -> Any:
        """An item as Plex says it, or its tree; one that it does not have is gone."""
        if path.endswith("/tree"):
            return self._tree(int(path.split("/")[-2]))
        key = int(path.rpartition("/")[2])
        self.read.append(key)
        found = self.items.get(key, ItemGone("gone"))
        if isinstance(found, PlexError):
            raise found
        said = Element("MediaContainer", librarySectionID="1")
        video = SubElement(said, "Video", ratingKey=str(key), type="movie")
        for file in found.all_files:
            SubElement(SubElement(video, "Media"), "Part", file=file)
        return said

    def _tree(self, key: int) -> Element:
        tree = Element("MediaContainer")
        told = HASH if key in self.same else "1" * 16
        for one in self._files([key]):
            SubElement(tree, "MediaPart", file=one.file, openSubtitleHash=told)
        return tree

    def _files(self, of: Iterable[int]) -> list[Candidate]:
        items = [(key, self.items[key]) for key in of]
        return [
            Candidate(key, file, None)
            for key, item in items
            if not isinstance(item, PlexError)
            for file in item.all_files
        ]

    def search(self, _libraries: object, path: str) -> Iterator[Any]:
        """What Plex's own search lists."""
        self.asked.append(path)
        found = self.at.get(path, [])
        if isinstance(found, PlexError):
            raise found
        items = [SimpleNamespace(ratingKey=key) for key in found]
        tied = self._files(self.tied)
        yield SimpleNamespace(files=[path] if found else [], items=items, tied=tied)

    def has(self, key: int, file: str) -> None:
        """It has an item with that file, too."""
        self.items[key] = _with_key(an_item(files=(file,)), key)

    # Its libraries

    def keys(self) -> list[int]:
        """The libraries that are searched."""
        return self.sections

    def known_folders(self) -> list[str]:
        """Their folders."""
        return ["/plex"]

    def knows(self, *_: object) -> bool:
        """Whether an item's library is one of theirs."""
        return self.known_library

    def ignores_case(self) -> bool:
        """Whether Plex's files ignore it."""
        return self.caseless

    def renew(self) -> bool:
        """Whether there are others by now."""
        if self.is_new:
            self.sections = [1, 2]
        return self.is_new

    def read_again(self) -> None:
        """They are read anew."""
        self.read_anew += 1

    def reach(self, path: str) -> list[Any]:
        """Every path lies in one, unless it is said to lie outside."""
        one = SimpleNamespace(type="show", locations=("/plex",))
        return [] if path.startswith(self.outside) else [one]

    def same_named(self, path: str, _size: object) -> list[Candidate]:
        """The files of that name, wherever they lie."""
        self.asked.append(f"*{path}")
        return self._files(self.named)

    def describe(self) -> str:
        """Their titles."""
        return "'Films'"

    # The index

    def items_holding(self, path: str) -> list[int] | None:
        """What the index has."""
        assert self.index is not None
        return self.index.get(path, [])

    def correct(self, path: str, rating_keys: Iterable[int]) -> None:
        """It is told better."""
        self.corrected[path] = list(rating_keys)

    # The search

    def find(self, *paths: str, record: SceneRecord | None = None) -> Found:
        """Look for scene 1 with these files."""
        config = PlexSyncConfig("http://plex:32400", "t0ken")
        resolver = Resolver(
            self.store,
            cast("Any", self),
            config,
            cast("Any", self),
            cast("Any", self.search),
            clock=lambda: NOW,
        )
        resolver.index = self if self.index is not None else None
        scene = Scene(id=1, files=tuple(SceneFile(path, None, self.hash) for path in paths))
        known = {
            key: self.old.get(key, one)
            for key, one in self.items.items()
            if not isinstance(one, PlexError)
        }
        found = resolver.find(scene, record, known)
        resolver.advice.keep(self.store)
        return found

    def remember(self, *keys: int, places: str, resolved_at: float = NOW) -> SceneRecord:
        """Let the ledger have items of scene 1, found at these places."""
        for key in keys:
            ledger.acknowledge(
                self.store.connection, LedgerEntry("server", key, 1, 1, "{}", ""), now=1.0
            )
        return SceneRecord(1, "", "", "[]", places, resolved_at, "", "", 0, 0)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[PlexOnHand]:
    """A Plex with item 7, which holds A, and item 8, which holds B."""
    made = PlexOnHand(tmp_path)
    made.items = {7: an_item(files=(A,)), 8: an_item(files=(B,))}
    made.items = {key: _with_key(one, key) for key, one in made.items.items()}
    try:
        yield made
    finally:
        made.store.close()


def test_a_file_outside_of_all_libraries_is_looked_for_by_name_and_hash(world: PlexOnHand) -> None:
    """What proves to be it is another name of the file from now on, and a rule is learnt of it."""
    world.has(9, "/plex/x/Out.mp4")
    world.named, world.same = [7, 9], {9}
    record = world.remember(places=f'[["{OUT}"], [1], ["{B}"]]', resolved_at=NOW - 5)
    found = world.find(OUT, record=record)
    assert world.asked == [B, OUT, f"*{OUT}"]
    assert (keys(found), found.aliases, found.resolved_at) == ([9], ["/plex/x/Out.mp4"], NOW)
    assert (found.fault, found.missing) == (None, None)
    # With the rule an index is asked for the likely place, and no name is looked for.
    world.asked, world.named, world.same = [], [], {10}
    world.has(10, "/plex/y/Out.mp4")
    assert keys(world.find(AWAY)) == []
    assert world.asked == [AWAY, f"*{AWAY}"]
    world.index, world.asked = {"/plex/y/Out.mp4": [10]}, []
    assert keys(world.find(AWAY)) == [10]
    assert world.asked == []


def test_a_name_is_looked_for_only_where_no_path_brought_anything(world: PlexOnHand) -> None:
    """Neither beside an item or a fault, nor for a file that lies in a library."""
    world.named, world.same = [7], {7}
    world.at = {B: [8]}
    assert keys(world.find(OUT, B)) == [8]
    world.items[9], world.at = AmbiguousMatch("odd"), {B: [9]}
    assert world.find(OUT, B).fault is world.items[9]
    world.at = {}
    record = world.remember(places=f'[["{B}"], [1], ["{A}"]]', resolved_at=NOW - 5)
    found = world.find(B, record=record)
    assert (found.aliases, found.resolved_at) == ([A], NOW - 5)  # nothing was proven anew
    assert not [path for path in world.asked if path.startswith("*")]
    assert keys(world.find(OUT, B)) == [7]


def test_sizes_that_nobody_knows_speak_for_no_rule(world: PlexOnHand) -> None:
    """Two files without a size are not of the same size: only what is known is compared."""
    world.has(9, "/plex/x/Out.mp4")
    world.named, world.hash = [9], None
    with pytest.raises(AmbiguousMatch) as refusal:
        world.find(OUT)
    assert "/plex/x/Out.mp4" in refusal.value.message
    assert "=>" not in refusal.value.message


def test_of_names_that_differ_in_case_only_the_hash_tells(world: PlexOnHand) -> None:
    """The file's other spelling is remembered, and it is asked for by its own only."""
    world.has(9, "/plex/a.MP4")
    world.has(10, "/plex/a.mp4")
    world.tied, world.same = [9, 10], {10}
    for record in (None, world.remember(places=f'[["{A}"], [1], ["/plex/a.mp4"]]')):
        world.asked = []
        found = world.find(A, record=record)
        assert (keys(found), found.aliases) == ([10], ["/plex/a.mp4"])
        assert world.asked == [A]


def _with_key(item: Any, key: int) -> Any:
    return replace(item, rating_key=key)


def keys(found: Found) -> list[int]:
    """The items that were found."""
    return [item.rating_key for item in found.items]


def test_a_server_that_fails_is_raised_and_a_file_that_fails_is_not(world: PlexOnHand) -> None:
    """What was found beside it counts, and the fault is kept, so that it is tried again."""
    world.at = {A: [7], B: ServerUnreachable("down")}
    with pytest.raises(ServerUnreachable):
        world.find(A, B)
    fault = BadResponse("odd")
    fault.scope = Scope.SCENE
    world.at = {A: [7], B: fault}
    found = world.find(A, B)
    assert keys(found) == [7]
    assert found.fault is fault
    assert found.missing is None
    world.at = {B: fault}
    with pytest.raises(BadResponse):
        world.find(A, B)


def test_a_file_of_which_nobody_can_tell_is_no_fault_of_the_others(world: PlexOnHand) -> None:
    """Asking again would tell no more; where it is the only one it is the fault."""
    world.at = {A: [7], B: AmbiguousMatch("two")}
    found = world.find(A, B)
    assert (keys(found), found.fault) == ([7], None)
    world.at = {B: AmbiguousMatch("two")}
    with pytest.raises(AmbiguousMatch):
        world.find(B)


def test_a_name_that_no_search_can_find_needs_the_index(world: PlexOnHand) -> None:
    """Without one it is raised, for then the batch builds it; with one it is as any fault."""
    world.at = {A: TooManyAlike("many"), B: [8]}
    with pytest.raises(TooManyAlike):
        world.find(A, B)
    world.index = {A: None}
    found = world.find(A, B)
    assert keys(found) == [8]
    assert world.corrected == {B: [8]}  # nothing was said of the other one


def test_libraries_are_looked_at_anew_only_where_nothing_was_found(world: PlexOnHand) -> None:
    """And then searched once more; an index is in step already."""
    world.is_new = True
    world.at = {A: [7]}
    assert world.find(A).sections == (1,)
    assert world.asked == [A]
    found = world.find(B)
    assert found.sections == (1, 2)
    assert world.asked == [A, B, B]
    assert found.missing
    world.sections, world.index = [1], {}
    assert world.find(B).sections == (1,)


def test_an_item_of_a_library_that_nobody_knows_asks_who_answers(world: PlexOnHand) -> None:
    """Another server is noticed; of the same one the libraries are read again."""
    world.at = {A: [7]}
    world.known_library = False
    assert keys(world.find(A)) == [7]
    assert world.read_anew == 1
    world.server = "another"
    with pytest.raises(ServerChanged, match="Another Plex server answers"):
        world.find(A)
    assert world.read_anew == 1


def test_the_index_is_believed_where_its_items_hold_the_file(world: PlexOnHand) -> None:
    """Else Plex is asked, once, and the index is told."""
    world.index = {A: [7]}
    found = world.find(A)
    assert (keys(found), found.read) == ([7], {})
    assert (found.fault, found.missing, found.gone, found.aliases) == (None, None, [], [])
    world.caseless = True
    assert keys(world.find(A)) == [7]
    assert world.asked == []
    assert world.read_anew == 0
    world.caseless = False
    world.index, world.at = {A: [8]}, {A: [7]}
    found = world.find(A)
    assert (keys(found), list(found.read)) == ([7], [7])
    assert world.asked == [A]
    assert world.read == [7]  # what was known before is as doubtful as the index
    assert world.corrected == {A: [7]}
    world.index, world.corrected = {A: None}, {}
    assert keys(world.find(A)) == [7]
    assert world.corrected == {A: [7]}
    # What it names beside a stale item is found once, and its faults are Plex's no more.
    world.items[10] = AmbiguousMatch("odd")
    world.index = {A: [7, 9, 10]}
    found = world.find(A)
    assert (keys(found), found.fault) == ([7], None)
    world.index, world.asked, world.caseless = {A: [10]}, [], True
    assert world.find(A).fault is world.items[10]
    assert world.asked == []
    world.caseless = False
    # It has none: that is an answer, but where Plex's files ignore case.
    world.index, world.asked = {}, []
    assert world.find(B).missing
    assert world.asked == []
    world.caseless = True
    assert world.find(B).missing
    assert world.asked == [B]


def test_an_item_that_failed_keeps_the_others_and_is_said(world: PlexOnHand) -> None:
    """And nothing is untied meanwhile."""
    record = world.remember(7, 9, places=f'[["{A}"], [1], []]')
    fault = AmbiguousMatch("odd")
    world.items[9] = fault
    world.at = {A: [7, 9]}
    found = world.find(A, record=record)
    assert keys(found) == [7]
    assert found.fault is fault
    assert found.untied == []
    world.items[10], world.at = AmbiguousMatch("later"), {A: [7, 9, 10]}
    assert world.find(A, record=record).fault is fault  # the first one
    unread = BadResponse("unread")
    unread.scope = Scope.SCENE
    world.at = {A: [7, 9], B: unread}
    assert world.find(A, B).fault is fault
    world.items[9] = ServerUnreachable("down")
    with pytest.raises(ServerUnreachable):
        world.find(A, record=record)


def test_an_item_that_fails_alone_is_the_fault_and_not_missing(world: PlexOnHand) -> None:
    """Nobody is told that Plex does not have the file."""
    fault = AmbiguousMatch("odd")
    world.items[9], world.at, world.is_new = fault, {A: [9]}, True
    found = world.find(A)
    assert found.aliases == []
    assert world.asked == [A]  # other libraries would not mend that
    assert (keys(found), found.fault, found.missing) == ([], fault, None)


def test_an_item_that_was_read_a_moment_too_early_is_read_again(world: PlexOnHand) -> None:
    """Plex lists it for the file, and what is known of it says otherwise."""
    world.old = {7: world.items[8]}  # type: ignore[dict-item]
    world.at = {A: [7]}
    assert keys(world.find(A)) == [7]
    assert world.read == [7]
    # What is gone is not asked for again, nor is what failed where nothing else is in doubt.
    world.at, world.read = {A: [7, 9]}, []
    assert keys(world.find(A)) == [7]
    assert world.read == [9, 7]
    world.old, world.read = {}, []
    world.items[10], world.at = AmbiguousMatch("odd"), {A: [9, 10]}
    assert keys(world.find(A)) == []
    assert world.read == [9, 10]


def test_what_is_remembered_and_gone_is_settled_by_what_plex_lists(world: PlexOnHand) -> None:
    """Gone is what it neither has nor lists; listed and gone is looked at again."""
    record = world.remember(7, 9, places=f'[["{A}"], [1], []]')
    world.at = {A: [7]}
    found = world.find(A, record=record)
    assert (keys(found), found.gone, found.fault) == ([7], [9], None)
    assert found.untied == []  # it goes with what is gone
    world.at = {A: [7, 9]}
    found = world.find(A, record=record)
    assert (keys(found), found.gone) == ([7], [])
    assert isinstance(found.fault, ItemGone)
    world.items[10], world.at = AmbiguousMatch("odd"), {A: [7, 9, 10]}
    assert isinstance(world.find(A, record=record).fault, AmbiguousMatch)  # it says more
    world.at = {B: [9]}
    found = world.find(B)
    assert (found.gone, found.fault) == ([], None)
    assert found.missing
    # While no other item holds the file, what was written to it stays known.
    world.at = {}
    record = world.remember(9, places=f'[["{B}"], [1], []]')
    found = world.find(B, record=record)
    assert found.gone == [9]
    assert 9 in [entry.rating_key for entry in found.untied]


def test_a_stale_key_is_asked_for_once(world: PlexOnHand) -> None:
    """Both the index and the ledger name it, and it is gone."""
    record = world.remember(9, places=f'[["{A}"], [1], []]')
    world.index, world.at = {A: [9]}, {A: [7]}
    assert keys(world.find(A, record=record)) == [7]
    assert world.read == [9, 7]


def test_an_item_that_lost_the_file_is_untied(world: PlexOnHand) -> None:
    """It stays known for whichever scene it goes to."""
    record = world.remember(7, 8, places=f'[["{A}"], [1], []]')
    world.at = {A: [7]}
    found = world.find(A, record=record)
    assert [entry.rating_key for entry in found.untied] == [8]


def test_a_record_counts_only_for_the_same_files_in_the_same_libraries(world: PlexOnHand) -> None:
    """Else nothing remembered is read for it."""
    world.at = {A: [7]}
    for places, read in (
        (f'[["{A}"], [1], []]', [9]),
        (f'[["{B}"], [1], []]', []),
        (f'[["{A}"], [1, 2], []]', []),
    ):
        world.read = []
        record = world.remember(9, places=places)
        world.find(A, record=record)
        assert world.read == read


@pytest.mark.parametrize(
    ("age", "is_believed"), [(0.0, True), (PROVEN_FOR - 1, True), (PROVEN_FOR, False), (-1, False)]
)
def test_another_name_that_was_proven_is_believed_for_a_day(
    world: PlexOnHand, age: float, is_believed: bool
) -> None:
    """From when it was proven on, and not from the last look."""
    record = world.remember(places=f'[["{A}"], [1], ["{B}"]]', resolved_at=NOW - age)
    world.at = {B: [8]}
    found = world.find(A, record=record)
    assert world.asked == ([B, A] if is_believed else [A])
    assert found.aliases == ([B] if is_believed else [])
    assert keys(found) == ([8] if is_believed else [])
    assert found.resolved_at == (NOW - age if is_believed else NOW)
    plain = world.remember(places=f'[["{A}"], [1], []]', resolved_at=NOW - 5)
    assert world.find(A, record=plain).resolved_at == NOW


def test_the_names_of_a_record_s_files_are_those_and_their_aliases() -> None:
    """Records of early versions have none."""
    assert held_paths(f'[["{A}"], [1], ["{B}"]]') == [A, B]
    assert held_paths(f'[["{A}"], [1]]') == [A]
