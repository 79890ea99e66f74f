"""A list that is too long for one request, before a Plex that adds, replaces or refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from plex.client import PlexClient
from plex.edits import LONGEST_QUERY, Edit, ListEdit, make_ready, write
from plex.error_types import RequestTooLarge
from plex.item import Member
from simulator.library import catalogue_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.control import PlexControl

SCENES = 1
#: Some 20 kB of query: three requests.
NAMES = [f"tag number {number}, of many" for number in range(400)]
LONG = ListEdit(tuple(map(Member, NAMES)))


@pytest.fixture
def client(plex: PlexControl) -> Iterator[PlexClient]:
    """A way to the file's Plex."""
    with PlexClient(plex.url, plex.token) as made:
        yield made


def edit(plex: PlexControl, **more: Any) -> Edit:
    """An edit of the only item."""
    return Edit(key(plex), 1, plex.item(key(plex))["type"], **more)


def key(plex: PlexControl) -> int:
    """The only item's rating key."""
    return plex.key_of(catalogue_file(1).plex_path)


def genres(plex: PlexControl) -> set[str]:
    """The item's tags as Plex has them."""
    return set(plex.item(key(plex))["tags"].get("genre", ()))


def asked(plex: PlexControl, status: int = 200) -> list[tuple[str, dict[str, str]]]:
    """What was asked of an item and answered so: method and parameters, in order."""
    return [
        (one["method"], dict(parse_qsl(one["target"].partition("?")[2])))
        for one in plex.requests(headers=False)
        if one["status"] == status and one["target"].startswith("/library/")
    ]


def said(requests: list[tuple[str, dict[str, str]]]) -> list[str]:
    """The names that the edits among some requests said, in order."""
    return [
        text
        for method, params in requests
        if method == "PUT"
        for name, text in params.items()
        if name.endswith(".tag.tag")
    ]


def test_a_long_list_goes_in_full_pieces_and_is_read_once(
    plex: PlexControl, client: PlexClient
) -> None:
    """Each name goes once, in order and with the lock beside it, in as few requests as can be."""
    change = edit(plex, lists={"tags": LONG})
    before = genres(plex)
    plex.clear_requests()
    assert write(client, change) == 3
    requests = asked(plex)
    assert [method for method, _ in requests] == ["PUT", "PUT", "PUT", "GET"]
    assert said(requests) == NAMES
    assert all(params["genre.locked"] == "1" for _, params in requests[:3])
    sizes = [len(one["target"]) for one in plex.requests(headers=False)][:3]
    assert all(LONGEST_QUERY - 100 < size < LONGEST_QUERY + 100 for size in sizes[:2])
    assert genres(plex) == before | set(NAMES)


def test_a_long_list_begins_in_the_room_that_the_other_fields_leave(
    plex: PlexControl, client: PlexClient
) -> None:
    """The first piece goes with the title, what follows the list with its last piece."""
    change = edit(plex, values={"title": "T" * 1000}, lists={"tags": LONG}, lock=("studio",))
    plex.clear_requests()
    assert write(client, change) == 3
    puts = [params for method, params in asked(plex) if method == "PUT"]
    assert [("title.value" in one, "studio.locked" in one) for one in puts] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert all("genre.locked" in one for one in puts)
    assert said(asked(plex)) == NAMES


def test_a_name_that_leaves_no_room_begins_the_next_request(
    plex: PlexControl, client: PlexClient
) -> None:
    """Where not even the first name fits behind the other fields, no empty piece is sent."""
    size = LONGEST_QUERY - 100
    change = edit(plex, values={"summary": "s" * size}, lists={"tags": LONG})
    plex.clear_requests()
    write(client, change)
    puts = [params for method, params in asked(plex) if method == "PUT"]
    assert "genre.locked" not in puts[0]
    assert "genre[0].tag.tag" in puts[1]


def test_what_is_there_does_not_go_along(plex: PlexControl, client: PlexClient) -> None:
    """Of a long list only what is new and what leaves is said, each once."""
    write(client, edit(plex, lists={"tags": LONG}))
    gone, there = NAMES[:150], NAMES[150:]
    new = [f"another tag, number {number}" for number in range(150)]
    members = tuple(map(Member, [*there, *new]))
    plex.clear_requests()
    taken = write(
        client, edit(plex, lists={"tags": ListEdit(members, tuple(gone), there=frozenset(there))})
    )
    requests = asked(plex)
    assert said(requests) == new
    removed = [params.get("genre[].tag.tag-", "") for _, params in requests]
    assert sum(len(names.split(",")) for names in removed if names) == len(gone)
    assert taken == len([1 for method, _ in requests if method == "PUT"]) == 2
    assert requests[-1][0] == "GET"
    assert set(NAMES[150:]) | set(new) <= genres(plex)
    assert genres(plex).isdisjoint(gone)


def test_a_plex_that_takes_a_piece_for_the_list_gets_it_whole(
    plex: PlexControl, client: PlexClient
) -> None:
    """The read shows what is missing; then the whole list is one request, and nothing else."""
    plex.switches(tag_writes="replace")
    change = edit(plex, values={"title": "Beside it"}, lists={"tags": LONG})
    plex.clear_requests()
    assert write(client, change) == 4
    requests = asked(plex)
    assert [method for method, _ in requests] == ["PUT", "PUT", "PUT", "GET", "PUT"]
    assert said(requests[-1:]) == NAMES
    assert "title.value" not in requests[-1][1]
    assert genres(plex) == set(NAMES)


def test_only_the_list_that_is_not_there_is_sent_whole(
    plex: PlexControl, client: PlexClient
) -> None:
    """A list that arrived in its pieces is left alone when another one did not."""
    labels = [f"label number {number}, of many" for number in range(300)]
    change = edit(plex, lists={"tags": LONG, "labels": ListEdit(tuple(map(Member, labels)))})
    pieces = len(write_pieces(plex, client, change))
    plex.reset()

    puts = 0

    def meanwhile() -> None:
        nonlocal puts
        puts += 1
        if puts == pieces:  # the last one is on its way: a person takes a tag out
            plex.person_sets(key(plex), tags={"genre": NAMES[1:]})

    plex.clear_requests()
    assert write(client, change, meanwhile) == pieces + 1
    last = asked(plex)[-1][1]
    assert said([("PUT", last)]) == NAMES
    assert "label.locked" not in last


def write_pieces(plex: PlexControl, client: PlexClient, change: Edit) -> list[dict[str, str]]:
    """Write an edit; give the requests it took."""
    plex.clear_requests()
    write(client, change)
    return [params for method, params in asked(plex) if method == "PUT"]


def test_a_name_that_came_back_is_taken_out_again(plex: PlexControl, client: PlexClient) -> None:
    """What should have left is looked for in the read, too, in whatever case it is there."""
    write(client, edit(plex, lists={"tags": LONG}))
    change = edit(plex, lists={"tags": ListEdit((), tuple(NAMES))})
    back = NAMES[0].upper()
    puts = 0

    def meanwhile() -> None:
        nonlocal puts
        puts += 1
        if puts == 3:  # the last one is on its way
            plex.person_sets(key(plex), tags={"genre": [back]})

    plex.clear_requests()
    write(client, change, meanwhile)
    requests = asked(plex)
    assert [method for method, _ in requests] == ["PUT", "PUT", "PUT", "GET", "PUT"]
    assert len(requests[-1][1]["genre[].tag.tag-"].split(",")) == len(NAMES)


# --- before a limit that is shorter than ours --------------------------------------------------


def test_a_list_that_is_refused_goes_by_halves(plex: PlexControl, client: PlexClient) -> None:
    """Every name arrives in its order, however often a piece was too long, and is looked for."""
    plex.switches(max_url_bytes=2000)
    names = NAMES[:150]
    change = edit(plex, lists={"tags": ListEdit(tuple(map(Member, names)), ("Old, one", "Other"))})
    plex.clear_requests()
    taken = write(client, change)
    requests = asked(plex)
    assert said(requests) == names
    puts = [params for method, params in requests if method == "PUT"]
    assert taken == len(puts) == 8
    assert len(asked(plex, 414)) == 6  # two pieces, halved twice
    assert puts[-1]["genre[].tag.tag-"] == "Old%2C%20one,Other"
    assert requests[-1][0] == "GET"


@pytest.mark.parametrize(
    ("there", "limit"), [(NAMES[:60], 2000), (["A name that is " + "very " * 150 + "long"], 800)]
)
def test_the_members_that_are_there_stay_at_home_when_a_list_is_refused(
    plex: PlexControl, client: PlexClient, there: list[str], limit: int
) -> None:
    """One name more in a list that no proxy takes whole is one short request."""
    write(client, edit(plex, lists={"tags": ListEdit(tuple(map(Member, there)))}))
    plex.switches(max_url_bytes=limit)
    change = ListEdit(tuple(map(Member, [*there, "One more"])), there=frozenset(there))
    plex.clear_requests()
    assert write(client, edit(plex, lists={"tags": change})) == 1
    requests = asked(plex)
    assert said(requests) == ["One more"]
    assert [method for method, _ in requests] == ["PUT", "GET"]
    assert len(asked(plex, 414)) == 1


def test_one_name_that_goes_nowhere_is_said_with_its_field(
    plex: PlexControl, client: PlexClient
) -> None:
    """The fields are named, what Plex said stays, and all else of the lists has arrived."""
    plex.switches(max_url_bytes=1500)
    far = "x" * 2000
    lists = {
        "tags": ListEdit((*map(Member, NAMES[:50]), Member(far))),
        "labels": ListEdit((Member(far), Member("Short"))),
    }
    with pytest.raises(RequestTooLarge) as raised:
        write(client, edit(plex, values={"title": "Beside it"}, lists=lists))
    assert "Too long, and not in Plex: tags, labels. All else was sent." in raised.value.message
    assert "414" in raised.value.message
    assert set(NAMES[:50]) <= genres(plex)
    assert "Short" in plex.item(key(plex))["tags"]["label"]
    assert plex.item(key(plex))["fields"]["title"] == "Beside it"
    # No read afterwards: it is known that these are not there in full.
    plex.clear_requests()
    with pytest.raises(RequestTooLarge):
        write(client, edit(plex, lists=lists))
    assert "GET" not in [method for method, _ in asked(plex)]


def test_a_whole_list_that_is_refused_is_the_fault(plex: PlexControl, client: PlexClient) -> None:
    """A Plex that replaces and takes no long request cannot have the list; it is said, once."""
    plex.switches(tag_writes="replace", max_url_bytes=9000)
    change = edit(plex, lists={"tags": LONG})
    plex.clear_requests()
    with pytest.raises(RequestTooLarge, match="not in Plex: tags"):
        write(client, change)
    assert len(asked(plex, 414)) == 1


# --- made ready --------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0, 2000])
def test_an_edit_made_ready_is_written_as_any_other(
    plex: PlexControl, client: PlexClient, limit: int
) -> None:
    """The same requests in the same order, each once, also where the first is refused."""
    change = edit(
        plex, values={"title": "Ready", "summary": "s" * 900}, lists={"tags": LONG}, lock=("thumb",)
    )
    sent = []
    for ready in (None, make_ready(change)):
        plex.reset()
        plex.switches(max_url_bytes=limit)
        write(client, change, ready=ready)
        sent.append([one["target"] for one in plex.requests(headers=False)])
    assert sent[0] == sent[1]
    assert len(sent[0]) > 3


def test_what_was_made_ready_is_what_is_sent(plex: PlexControl, client: PlexClient) -> None:
    """Nothing is worked out a second time while a person waits for the edit."""
    change = edit(plex, values={"title": "Ready"})
    ready = make_ready(change)
    marked = ready._replace(first=f"{ready.first}&mark=1")
    plex.clear_requests()
    assert write(client, change, ready=marked) == 1
    (put,) = plex.requests(headers=False)
    assert put["target"].endswith("&mark=1")
    assert plex.item(key(plex))["fields"]["title"] == "Ready"
