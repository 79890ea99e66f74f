from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest

from errors import SyncError
from matching.path_index import DOUBT, FORGET, SWEEP_AGAIN, PathIndex
from plex.client import PlexClient
from plex.listing import PAGE
from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_file
from store import path_index
from store.enqueue import enqueue
from store.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 40


class IndexedPlex:
    """A Plex, a store, and a clock that is turned by hand."""

    def __init__(self, plex: PlexControl, folder: Path) -> None:
        self.plex = plex
        self.store = Store(str(folder))
        self.client = PlexClient(plex.url, plex.token)
        self.now = 1_900_000_000.0

    def index(self, *sections: int) -> PathIndex:
        """An index that knows nothing but what the store knows."""
        return PathIndex(self.store, self.client, sections or (1,), clock=lambda: self.now)

    def refreshing(self, index: PathIndex) -> Iterator[None]:
        """Bring an index in step, a request at a time."""
        return index.refreshing(self.client.section_infos())

    def bring_in_step(self, index: PathIndex) -> None:
        """Bring an index in step, to the end."""
        for _ in self.refreshing(index):
            pass

    def refreshed(self) -> PathIndex:
        """One brought in step; its requests are counted from zero."""
        self.plex.clear_requests()
        index = self.index()
        self.bring_in_step(index)
        return index

    def key(self, scene: int) -> int:
        """The rating key of a catalogue scene's item."""
        return self.plex.key_of(catalogue_file(scene).plex_path)

    def listings(self) -> int:
        """Listings since the counting began."""
        return self.plex.counts()["listings"]

    def cursor(self) -> path_index.Cursor:
        """How far the index is."""
        found = path_index.cursor(self.store.connection, self.client.machine_identifier, 1)
        assert found is not None
        return found

    def later(self) -> None:
        """Move Plex's clock on, so that changes are newer than all there is."""
        self.plex.switches(clock_offset_s=self.plex.switches()["clock_offset_s"] + 100)


@pytest.fixture
def world(one_plex: PlexControl, tmp_path: Path) -> Iterator[IndexedPlex]:
    """It, as new, and an empty store."""
    one_plex.reset()
    made = IndexedPlex(one_plex, tmp_path / "data")
    yield made
    made.client.close()
    made.store.close()


def path(scene: int) -> str:
    """The file of a catalogue scene as Plex names it."""
    return catalogue_file(scene).plex_path


def test_the_first_refresh_knows_every_file(world: IndexedPlex) -> None:
    """After one sweep each path has its item, and a miss is one."""
    index = world.refreshed()
    assert index.items_holding(path(7)) == [world.key(7)]
    assert index.items_holding("/plex/media/Nowhere.mp4") == []
    assert world.listings() == 1


def test_an_index_that_was_not_refreshed_cannot_say(world: IndexedPlex) -> None:
    """Before its first refresh, and during one, an index answers None rather than a miss."""
    world.refreshed()
    assert world.index().items_holding(path(7)) is None
    for index in (world.index(), world.refreshed()):
        steps = world.refreshing(index)
        next(steps)
        assert index.items_holding(path(7)) is None


def test_nothing_changed_costs_one_request(world: IndexedPlex) -> None:
    """The list of sections alone tells that there is nothing to do."""
    world.refreshed()
    index = world.refreshed()
    assert world.plex.counts()["reads"] == 1
    assert index.items_holding(path(7)) == [world.key(7)]


def test_a_new_item_is_listed_alone(world: IndexedPlex) -> None:
    """After a scan only what is newer is asked for."""
    world.refreshed()
    newest = world.cursor().newest
    world.later()
    added = world.plex.add_item("/plex/media/New.mp4")
    index = world.refreshed()
    assert index.items_holding("/plex/media/New.mp4") == [added["ratingKey"]]
    assert world.plex.counts()["reads"] == 3
    asked = [unquote(one["target"]) for one in world.plex.requests(headers=False)]
    assert f"updatedAt>>={newest - 1}" in asked[-1]
    sizes = [r["bytes_out"] for r in world.plex.requests(headers=False)]
    assert max(sizes) < 3000


def test_a_server_that_says_nothing_of_changes_is_asked_all_the_same(world: IndexedPlex) -> None:
    """Where contentChangedAt is missing, silence is not taken for rest."""
    sections = (
        '<MediaContainer size="1"><Directory key="1" type="movie" title="Scenes">'
        '<Location path="/plex/media"/></Directory></MediaContainer>'
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(sections)}\r\n\r\n"
    world.plex.fault("raw", path="/library/sections$", body=head + sections, times=None)
    world.refreshed()
    world.later()
    added = world.plex.add_item("/plex/media/New.mp4")
    assert world.refreshed().items_holding("/plex/media/New.mp4") == [added["ratingKey"]]


def test_a_deleted_item_leads_to_a_sweep_and_leaves_the_index(world: IndexedPlex) -> None:
    """A total that does not add up is a deletion, which nothing else would show."""
    world.refreshed()
    world.later()
    world.plex.delete_item(world.key(3))
    index = world.refreshed()
    assert index.items_holding(path(3)) == []
    assert index.items_holding(path(4)) == [world.key(4)]


def test_an_item_that_was_removed_and_added_again_is_found(world: IndexedPlex) -> None:
    """A new rating key for the same file is seen although the library kept its size."""
    world.refreshed()
    world.later()
    old = world.key(5)
    world.plex.delete_item(old)
    new = world.plex.add_item(path(5))["ratingKey"]
    assert new != old
    assert world.refreshed().items_holding(path(5)) == [new]


def test_a_new_key_in_the_second_of_the_last_look_is_found(world: IndexedPlex) -> None:
    """Plex counts in seconds, so what came in the newest one is asked for once more."""
    world.later()
    world.plex.agent_sets(world.key(3), fields={"studio": "Somebody"})
    world.refreshed()
    world.plex.delete_item(world.key(5))
    new = world.plex.add_item(path(5))["ratingKey"]
    assert world.refreshed().items_holding(path(5)) == [new]


def test_a_new_key_for_an_old_file_is_found_whenever_it_was_added(world: IndexedPlex) -> None:
    """An item that Plex numbered anew keeps its age, and is still no item that was known."""
    world.refreshed()
    world.later()
    old = world.key(5)
    new = world.plex.rekey(old)
    world.plex.agent_sets(new, fields={"studio": "Somebody"})
    assert world.refreshed().items_holding(path(5)) == [new]


def test_an_item_without_files_is_counted_once(world: IndexedPlex) -> None:
    """It has no row that would tell, so only one that was just added counts as new."""
    empty = world.key(6)
    world.plex.agent_sets(empty, files=[])
    world.refreshed()
    world.later()
    world.plex.agent_sets(empty, fields={"studio": "Somebody"})
    world.refreshed()
    assert (world.cursor().items, world.cursor().generation) == (SCENES, 1)


def test_a_new_item_without_files_is_counted(world: IndexedPlex) -> None:
    """When it was added tells that it is new, and the total adds up without a sweep."""
    world.refreshed()
    world.later()
    added = world.plex.add_item("/plex/media/New.mp4")
    world.plex.agent_sets(added["ratingKey"], files=[])
    world.refreshed()
    assert (world.cursor().items, world.cursor().generation) == (SCENES + 1, 1)


def test_what_plex_itself_says_of_a_file_counts_until_the_next_refresh(world: IndexedPlex) -> None:
    """Then the index is in step again, and what it said before is not remembered either."""
    index = world.refreshed()
    assert index.items_holding(path(8)) == [world.key(8)]
    index.correct(path(7), [99])
    index.correct(path(9), [])
    assert [index.items_holding(path(scene)) for scene in (7, 8, 9)] == [[99], [world.key(8)], []]
    world.later()
    world.plex.delete_item(world.key(8))
    world.bring_in_step(index)
    found = [index.items_holding(path(scene)) for scene in (7, 8, 9)]
    assert found == [[world.key(7)], [], [world.key(9)]]


def test_the_next_look_begins_where_the_last_one_ended(world: IndexedPlex) -> None:
    """The newest time that a library has is kept, whether it was listed whole or in part."""
    for scene in (3, 4):
        world.later()
        world.plex.agent_sets(world.key(scene), fields={"studio": "Somebody"})
        world.refreshed()
        assert world.cursor().newest == world.plex.item(world.key(scene))["updatedAt"]
        assert world.cursor().newest > world.plex.item(world.key(1))["updatedAt"]


def test_a_filter_that_is_ignored_is_noticed(world: IndexedPlex) -> None:
    """A server that sends everything instead of what is newer leads to a sweep, not to doubles."""
    world.refreshed()
    world.later()
    for scene in range(1, SCENES + 1):  # all are newer: the same as if nothing was filtered
        world.plex.person_sets(world.key(scene), fields={"title": f"t{scene}"})
    world.plex.add_item("/plex/media/New.mp4")
    index = world.refreshed()
    assert index.items_holding("/plex/media/New.mp4")
    cursor = world.cursor()
    assert (cursor.items, cursor.generation) == (SCENES + 1, 2)


def test_a_day_later_everything_is_listed_again(world: IndexedPlex) -> None:
    """A file that was replaced without any sign of it is found within a day."""
    key = world.key(9)
    world.refreshed()
    world.plex.agent_sets(key, files=[{"path": "/plex/media/Better.mp4"}])
    assert world.refreshed().items_holding(path(9)) == [key]
    world.now += SWEEP_AGAIN
    index = world.refreshed()
    assert index.items_holding("/plex/media/Better.mp4") == [key]
    assert index.items_holding(path(9)) == []


def replaced(world: IndexedPlex, scene: int, file: str) -> None:
    """Give an item another file, and another item something to list; nothing else moves."""
    moved = world.plex.item(world.key(scene))["updatedAt"]
    world.later()
    world.plex.agent_sets(world.key(1), fields={"studio": "Somebody"})
    world.plex.agent_sets(world.key(scene), files=[{"path": file}])
    assert world.plex.item_at(file)["updatedAt"] == moved


def test_a_file_that_was_replaced_inside_an_item_is_not_said_to_be_missing(
    world: IndexedPlex,
) -> None:
    """No listing shows it, so a library that changed since its sweep cannot say what it lacks."""
    world.refreshed()
    replaced(world, 9, "/plex/media/Better.mp4")
    index = world.refreshed()
    assert index.items_holding("/plex/media/Better.mp4") is None
    assert index.items_holding("/plex/media/Better.mp4") is None  # the same for whoever asks again
    assert index.items_holding(path(7)) == [world.key(7)]
    index = world.refreshed()  # nor later, and of no more files than before
    names = ["Better", *map(str, range(DOUBT))]
    answers = [index.items_holding(f"/plex/media/{name}.mp4") for name in names]
    assert answers == [None] * DOUBT + [[]]


def test_a_single_missing_file_is_no_reason_to_list_everything(world: IndexedPlex) -> None:
    """While few are asked for at Plex, the next refresh of the same index lists nothing."""
    world.refreshed()
    replaced(world, 9, "/plex/media/Better.mp4")
    index = world.refreshed()
    assert index.items_holding("/plex/media/Better.mp4") is None
    world.plex.clear_requests()
    world.bring_in_step(index)
    assert world.listings() == 0
    assert world.cursor().generation == 1


def test_more_missing_files_than_a_sweep_has_pages_lead_to_a_sweep(world: IndexedPlex) -> None:
    """So many are asked for at Plex and no more; the next refresh lists that library anew."""
    quiet = world.plex.add_section("other", "Copies", ["/plex/copies"])
    index = world.index(1, quiet)
    world.bring_in_step(index)
    key = world.key(9)
    replaced(world, 9, "/plex/media/Better.mp4")
    world.bring_in_step(index)
    for scene in range(10, 10 + DOUBT):
        assert index.items_holding(path(scene))  # what is there is in no doubt
    answers = [index.items_holding(f"/plex/media/Nowhere {number}.mp4") for number in range(50)]
    assert answers == [None] * DOUBT + [[]] * (50 - DOUBT)
    world.bring_in_step(index)
    assert index.items_holding("/plex/media/Better.mp4") == [key]
    assert index.items_holding("/plex/media/Nowhere 1.mp4") == []
    server = world.client.machine_identifier
    swept = [path_index.cursor(world.store.connection, server, one) for one in (1, quiet)]
    assert [one and one.generation for one in swept] == [2, 1]


def test_a_library_that_shrinks_while_it_is_listed_loses_no_item(world: IndexedPlex) -> None:
    """Pages that shift because an item went away are read again."""
    world.plex.switches(page_cap=10)
    index = world.index()
    steps = world.refreshing(index)
    for place, _ in enumerate(steps):
        if place == 2:
            world.plex.delete_item(world.key(1))
    assert all(index.items_holding(path(scene)) for scene in range(2, SCENES + 1))
    assert index.items_holding(path(1)) == []


def test_a_library_that_never_rests_is_listed_three_times_and_no_more(world: IndexedPlex) -> None:
    """Then what is known has to do, with the rows of before: they are verified when used."""
    world.refreshed()
    old, world.now = world.key(5), world.now + SWEEP_AGAIN
    world.plex.delete_item(old)
    world.plex.switches(page_cap=20)
    world.plex.clear_requests()
    index = world.index()
    for number, _ in enumerate(world.refreshing(index)):
        world.plex.add_item(f"/plex/media/Restless {number}.mp4")
    firsts = [one for one in world.plex.requests() if is_first_page(one)]
    assert len(firsts) == 3
    assert index.items_holding(path(5)) == [old]
    assert index.items_holding("/plex/media/Restless 0.mp4")


def is_first_page(request: dict[str, Any]) -> bool:
    """Whether a listing begins with this request."""
    start = request["headers"].get("x-plex-container-start")
    return "/all" in request["target"] and start == "0"


def test_a_refresh_that_dies_is_begun_again(world: IndexedPlex) -> None:
    """After a failed page the index says nothing, and the next refresh completes it."""
    world.plex.switches(page_cap=10)
    world.plex.fault("status", path="/all", nth=3, status=500)
    index = world.index()
    with pytest.raises(SyncError):
        world.bring_in_step(index)
    assert index.items_holding(path(1)) is None
    world.bring_in_step(index)
    assert index.items_holding(path(SCENES)) == [world.key(SCENES)]


def test_another_server_starts_empty(world: IndexedPlex, tmp_path: Path) -> None:
    """A replaced server shares no key with the old one, and the old rows go after a while."""
    world.refreshed()
    with start_plex(2, machine_id="f" * 40) as other, PlexClient(other.url, other.token) as client:
        index = PathIndex(world.store, client, (1,), clock=lambda: world.now)
        assert index.items_holding(path(7)) is None
        world.bring_in_step(index)
        assert index.items_holding(path(7)) == []
        connection, old = world.store.connection, world.client.machine_identifier
        world.now += 29 * 86400.0
        world.bring_in_step(index)
        assert path_index.cursor(connection, old, 1)
        world.now += FORGET + 1 - 29 * 86400.0
        world.bring_in_step(index)
        assert index.items_holding(path(1)) == [other.key_of(path(1))]
    assert path_index.cursor(connection, old, 1) is None
    assert path_index.known_items(connection, old, 1, [world.key(7), world.key(1)]) == set()


def test_a_library_that_vanished_leaves_nothing(world: IndexedPlex) -> None:
    """A deleted section's rows go, and no query finds its items."""
    server = world.client.machine_identifier
    with world.store.transaction() as connection:
        path_index.replace_items(connection, server, 99, 1, [(4711, ["/gone.mp4"])])
        path_index.put_cursor(connection, path_index.Cursor(server, 99, 1, 1, 1, 1, 1, world.now))
    world.refreshed()
    assert path_index.items_with(world.store.connection, server, "/gone.mp4") == []
    assert path_index.cursor(world.store.connection, server, 99) is None


def test_a_large_library_is_forgotten_bit_by_bit(world: IndexedPlex) -> None:
    """Its cursor goes last, so that what is left of it is not left for ever."""
    connection = world.store.connection
    gone = path_index.Cursor("server", 99, 1, 1, 1, 1, 1, world.now)
    keys = range(1, path_index.ROWS_AT_ONCE + 3)
    files = [(key, [f"/gone/{key}.mp4"]) for key in keys]
    with world.store.transaction():
        path_index.replace_items(connection, "server", 99, 1, files)
        path_index.put_cursor(connection, gone)
        assert path_index.forget(connection, gone)
    assert path_index.cursor(connection, "server", 99) == gone
    assert len(path_index.known_items(connection, "server", 99, keys)) == 2
    with world.store.transaction():
        assert not path_index.forget(connection, gone)
    assert path_index.cursor(connection, "server", 99) is None
    assert path_index.known_items(connection, "server", 99, keys) == set()


def test_the_size_of_a_library_that_was_never_listed_is_part_of_the_cost(
    world: IndexedPlex,
) -> None:
    """As many requests as it has pages, on top of what any refresh takes."""
    body = f'<MediaContainer size="0" totalSize="{5 * PAGE}"/>'
    world.plex.fault("status", path="/all", status=200, body=body, content_type="text/xml")
    assert world.index().cost() == 8


def test_cost_is_what_a_refresh_may_take(world: IndexedPlex) -> None:
    """A library that was never listed is measured once, one that is known costs little."""
    index = world.index()
    server = world.client.machine_identifier
    world.plex.clear_requests()
    assert index.cost() == 3
    assert index.cost() == 3
    assert world.plex.counts()["reads"] == 2
    world.bring_in_step(index)
    cursor = path_index.cursor(world.store.connection, server, 1)
    assert cursor
    with world.store.transaction() as connection:
        path_index.put_cursor(connection, cursor._replace(items=100_000))
    assert world.index().cost() == 3
    world.now += SWEEP_AGAIN
    assert world.index().cost() == 53


def test_between_two_requests_the_store_is_free(world: IndexedPlex) -> None:
    """A hook that commits between two pages of a sweep never waits for it."""
    world.plex.switches(page_cap=10)
    for _ in world.refreshing(world.index()):
        with contextlib.closing(Store(world.store.directory)) as hook:
            hook.connection.execute("PRAGMA busy_timeout = 0")
            with hook.transaction() as connection:
                enqueue(connection, "scene", [1], now=world.now)


def test_a_file_in_several_items_gives_those_of_the_indexed_libraries(world: IndexedPlex) -> None:
    """Every copy is given, the lowest rating key first; a library left out has none."""
    file = "/plex/media/Twice.mp4"
    other = world.plex.add_section("other", "Copies", ["/plex/copies"])
    world.refreshed()
    assert world.listings() == 1  # nothing is asked about what is not searched
    keys = [world.plex.add_item(file, section=section)["ratingKey"] for section in (other, 1, 1)]
    both = world.index(1, other)
    world.bring_in_step(both)
    assert both.items_holding(file) == keys == sorted(keys)
    assert world.refreshed().items_holding(file) == keys[1:]


def test_a_lookup_is_one_question_by_server_and_path(world: IndexedPlex) -> None:
    """What the product asks is answered by the key alone, and asked once however often it is."""
    index = world.refreshed()
    asked: list[str] = []
    connection = world.store.connection
    connection.set_trace_callback(asked.append)
    for _ in range(3):
        assert index.items_holding(path(7)) == [world.key(7)]
    connection.set_trace_callback(None)
    (question,) = asked
    (step, *_) = connection.execute(f"EXPLAIN QUERY PLAN {question}").fetchall()
    assert "SEARCH" in step[3]
    assert "server=? AND path_key=?" in step[3]


def test_a_library_that_goes_while_it_is_listed_makes_misses_doubtful(world: IndexedPlex) -> None:
    """What is found is found; what is not may lie there, until the next look."""
    section = world.plex.add_section("other", "Clips", ["/plex/clips"])
    infos = world.client.section_infos()
    world.plex.delete_section(section)
    index = world.index(1, section)
    assert index.cost() == 3  # it was never listed, and there is nothing to list
    for _ in index.refreshing(infos):
        pass
    assert index.items_holding(path(7)) == [world.key(7)]
    assert index.items_holding("/plex/clips/A.mp4") is None
    world.bring_in_step(index)
    assert index.items_holding("/plex/clips/A.mp4") == []
