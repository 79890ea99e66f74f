from __future__ import annotations

import itertools
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from plex import listing
from plex.client import PlexClient
from plex.error_types import BadResponse
from plex.listing import count, pages
from simulator.library import catalogue_file
from tests.wire import Asked, Wire, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.control import PlexControl

SCENES = 25
MOVIE = 1


@pytest.fixture
def client(plex: PlexControl) -> Iterator[PlexClient]:
    """A client of it."""
    with PlexClient(plex.url, plex.token) as made:
        yield made


def listings(plex: PlexControl) -> list[dict[str, list[str]]]:
    """The parameters of each listing so far."""
    return [
        parse_qs(urlsplit(request["target"]).query)
        for request in plex.requests(headers=False)
        if urlsplit(request["target"]).path.endswith("/all")
    ]


def test_pages_give_every_item_with_its_files(plex: PlexControl, client: PlexClient) -> None:
    """Every item comes once, with its paths, over as many pages as are needed."""
    found = list(pages(client, 1, MOVIE, size=10))
    assert [page.size for page in found] == [10, 10, 5]
    assert {page.total for page in found} == {SCENES}
    files = {file for page in found for item in page.items for file in item.files}
    assert files == {catalogue_file(number).plex_path for number in range(1, SCENES + 1)}
    assert all(item.updated_at and item.added_at for page in found for item in page.items)
    assert len(listings(plex)) == 3


def test_pages_go_on_after_what_came(plex: PlexControl, client: PlexClient) -> None:
    """A server that sends fewer than asked hides nothing."""
    plex.switches(page_cap=7)
    keys = [item.rating_key for page in pages(client, 1, MOVIE, size=10) for item in page.items]
    assert len(set(keys)) == len(keys) == SCENES
    assert len(listings(plex)) == 4


def test_pages_leave_out_what_weighs_but_never_the_files(
    plex: PlexControl, client: PlexClient
) -> None:
    """Tags and summaries are not asked for; Media, which carries the paths, is."""
    list(pages(client, 1, MOVIE))
    asked = listings(plex)[0]
    assert "Genre" in asked["excludeElements"][0]
    assert "Media" not in asked["excludeElements"][0]
    assert "file" not in asked["excludeFields"][0]


def test_our_own_edits_do_not_shift_the_pages(plex: PlexControl, client: PlexClient) -> None:
    """Titles that change between two pages hide no item: the order is not that of titles."""
    keys = []
    for page in pages(client, 1, MOVIE, size=10):
        keys += [item.rating_key for item in page.items]
        for key in keys:
            plex.person_sets(key, fields={"title": f"zzz {key}"})
    assert len(set(keys)) == SCENES


def test_rows_that_are_no_item_count_for_the_next_page(
    plex: PlexControl, client: PlexClient
) -> None:
    """A row without a rating key moves the pages on, or the listing would never end."""
    strange = '<Video title="strange" />' * 3
    body = f'<MediaContainer size="3" totalSize="3">{strange}</MediaContainer>'
    plex.fault("raw", path="/all", body=_reply(body))
    found = list(pages(client, 1, MOVIE))
    assert [(page.total, page.size, page.items) for page in found] == [(3, 3, ())]


def test_a_listing_that_ends_too_early_is_an_error(plex: PlexControl, client: PlexClient) -> None:
    """A page of nothing before the total is reached raises instead of asking for ever."""
    plex.fault("raw", path="/all", body=_reply('<MediaContainer size="0" totalSize="9" />'))
    with pytest.raises(BadResponse, match="0 of 9"):
        list(pages(client, 1, MOVIE))


@pytest.mark.parametrize("rows", ["the same", "no items"])
def test_a_listing_that_repeats_itself_is_an_error(
    plex: PlexControl, client: PlexClient, rows: str
) -> None:
    """A server that ignores where a page starts, and promises a milliard items, is asked twice."""
    row = '<Video ratingKey="7"/><Video ratingKey="8"/>' if rows == "the same" else "<Video/>" * 2
    body = f'<MediaContainer size="2" totalSize="1000000000">{row}</MediaContainer>'
    plex.fault("raw", path="/all", times=None, body=_reply(body))
    found = []
    plex.clear_requests()
    with pytest.raises(BadResponse, match="repeats itself"):
        found += [page.size for page in pages(client, 1, MOVIE, size=2)]
    assert len(plex.requests()) == (2 if rows == "the same" else 1)


def test_a_listing_that_invents_items_for_ever_is_an_error(
    client: PlexClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even with news on each page a listing ends somewhere."""
    monkeypatch.setattr(listing, "MOST", 60)
    invented = itertools.count(1)

    def page(asked: Asked, _sock: object) -> bytes:
        rows = "".join(f'<Video ratingKey="{next(invented)}"/>' for _ in range(10))
        told = f'<MediaContainer size="10" totalSize="1000000000">{rows}</MediaContainer>'
        return answer(told.encode(), kind="text/xml")

    with Wire(page) as wire, PlexClient(wire.url, "token") as asker:
        with pytest.raises(BadResponse, match="after 60 items"):
            list(pages(asker, 1, MOVIE, size=10))
        assert len(wire.asked) == 7


def test_an_incremental_listing_gives_only_what_is_newer(
    plex: PlexControl, client: PlexClient
) -> None:
    """The filter on updatedAt is spelt so that the server obeys it."""
    newest = max(item.updated_at for page in pages(client, 1, MOVIE) for item in page.items)
    plex.switches(clock_offset_s=1000)
    plex.person_sets(plex.key_of(catalogue_file(4).plex_path), fields={"title": "Newer"})
    found = list(pages(client, 1, MOVIE, (("updatedAt>>", str(newest)),)))
    assert [len(page.items) for page in found] == [1]


def test_count_costs_no_item(plex: PlexControl, client: PlexClient) -> None:
    """The size of a library is one small answer."""
    plex.clear_requests()
    assert count(client, 1, MOVIE) == SCENES
    assert plex.requests()[0]["bytes_out"] < 1000


def _reply(body: str) -> str:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head + body
