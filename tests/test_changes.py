from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stash import changes
from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import StashQueryRefused
from tests.stash_stand_in import serving
from tests.wire import Wire, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.control import StashControl

SCENES = 30


def client_of(stash: StashControl) -> StashClient:
    """A client of a stand-in."""
    return StashClient(StashConnection.from_server_connection(stash.link()))


@pytest.fixture
def stash() -> Iterator[StashControl]:
    """A Stash of its own for each test."""
    with serving(SCENES) as made:
        yield made


@pytest.fixture
def client(stash: StashControl) -> Iterator[StashClient]:
    """A client of it."""
    made = client_of(stash)
    yield made
    made.close()


def test_all_kinds_come_newest_first_in_one_request(
    stash: StashControl, client: StashClient
) -> None:
    """One document tells of scenes, studios, performers, tags and groups."""
    stash.options(advance_seconds=10)
    stash.set_scene(7, title="Newest")
    tag = stash.add_entity("tag", "Newest tag")
    stash.clear_requests()
    found = changes.newest(client)
    assert set(found) == set(changes.KINDS)
    assert found["scene"].entries[0].id == 7
    assert found["scene"].count == SCENES
    assert found["tag"].entries[0].id == tag
    assert stash.counts()["Changes"] == 1


def test_further_pages_leave_nothing_out(client: StashClient) -> None:
    """Pages of a kind follow on each other."""
    pages = [changes.newest(client, ("scene",), page=page, size=8) for page in (1, 2, 3, 4, 5)]
    ids = [entry.id for page in pages for entry in page["scene"].entries]
    assert sorted(ids) == list(range(1, SCENES + 1))


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-22T19:15:12Z", 1795374912.0),
        ("2026-11-22T14:15:12-05:00", 1795374912.0),
        ("2026-11-23T05:45:12+10:30", 1795374912.0),
        ("nonsense", 0.0),
        ("", 0.0),
    ],
)
def test_an_instant_is_the_same_in_every_offset(text: str, at: float) -> None:
    """Stash's text is read with its offset; what is no date is the beginning of time."""
    assert changes.instant(text) == at


@pytest.mark.parametrize("offset", [0.0, -18000.0, 37800.0])
def test_a_written_instant_sorts_as_stash_would_write_it(offset: float) -> None:
    """The text for a filter is in the server's own offset and means the instant."""
    text = changes.text(1795374912.0, offset)
    assert changes.instant(text) == 1795374912.0
    entry = changes.Changed(1, text, 1795374912.0)
    assert (entry.offset, entry.local) == (offset, 1795374912.0 + offset)


def test_touched_files_are_found_although_the_scene_stands_still(
    stash: StashControl, client: StashClient
) -> None:
    """A moved file is found by its own time; the scene's does not move."""
    now = changes.instant(stash.state()["now"])
    stash.options(advance_seconds=100_000)
    stash.set_scene(4, touch=False, move="/stash/media/Elsewhere.mp4")
    found = changes.touched(client, changes.text(now + 50_000, 0.0), 0)
    assert [(one.id, one.paths) for one in found] == [(4, ("/stash/media/Elsewhere.mp4",))]
    assert changes.touched(client, changes.text(now + 50_000, 0.0), 4) == []


def test_an_old_stash_cannot_tell_of_files() -> None:
    """Before 0.30 the question is refused, by a class the sweep can act on."""
    with serving(3, version="0.27") as stash:
        client = client_of(stash)
        with pytest.raises(StashQueryRefused):
            changes.touched(client, "2026-01-01T00:00:00Z", 0)
        assert changes.newest(client)["scene"].count == 3
        client.close()


def test_the_ids_of_a_kind_are_all_there_are(stash: StashControl, client: StashClient) -> None:
    """All ids come, over several pages, and a deleted one is not among them."""
    added = {stash.add_entity("performer", f"P {number}") for number in range(7)}
    gone = min(added)
    stash.delete_entity("performer", gone)
    found = changes.ids_of_kind(client, "performer", size=3)
    assert added - {gone} <= found
    assert gone not in found
    assert found == changes.ids_of_kind(client, "performer")


@pytest.mark.timeout(60)
def test_a_stash_that_gives_one_page_for_ever_comes_to_an_end() -> None:
    """The same ids again are the end of a list, though the page is full."""
    page = b'{"data": {"findPerformers": {"performers": [{"id": "1"}, {"id": "2"}]}}}'
    with Wire(lambda _asked, _sock: answer(page, kind="application/json")) as wire:
        given = {"Scheme": "http", "Host": "127.0.0.1", "Port": wire.port}
        cookie = {"Name": "session", "Value": "x"}
        connection = StashConnection.from_server_connection({**given, "SessionCookie": cookie})
        client = StashClient(connection)
        assert changes.ids_of_kind(client, "performer", size=2) == {1, 2}
        client.close()


def test_scene_ids_come_in_pages_cut_by_id(stash: StashControl, client: StashClient) -> None:
    """Ids ascend from page to page, all of them or those that carry one thing."""
    tag = stash.add_entity("tag", "Carried")
    for scene in (3, 9, 21):
        stash.set_scene(scene, tag_ids=[tag])
    assert changes.scene_ids(client, 0, 4) == [1, 2, 3, 4]
    assert changes.scene_ids(client, SCENES, 4) == []
    assert changes.scene_ids(client, 0, 2, ("tag", [tag])) == [3, 9]
    assert changes.scene_ids(client, 9, 2, ("tag", [tag])) == [21]


def test_no_question_loads_what_costs_a_transaction_a_scene(
    stash: StashControl, client: StashClient
) -> None:
    """Stamps, changes and ids ask neither for tags, performers and groups nor for all at once."""
    changes.newest(client)
    changes.touched(client, "2026-01-01T00:00:00Z", 0)
    changes.scene_ids(client, 0, 10)
    client.stamps_after(0, 10)
    for request in stash.requests():
        fields = request["query"] or ""
        for costly in ("performers {", "tags {", "groups {", "urls", "galleries", "stash_ids"):
            assert f"{costly} id name" not in fields
        assert '"per_page": -1' not in str(request["variables"]).replace("'", '"')
        assert "per_page: -1" not in fields
