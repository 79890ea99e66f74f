from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from errors import Scope, SyncError, TransientError
from simulator.library import jpeg
from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import StashRefused, StashUnavailable
from stash.scene import Scene
from tests.stash_wire import COOKIE, Wire, of_json, plain, running_wire, version_of
from tests.wire import Wire as RawWire

if TYPE_CHECKING:
    from simulator.wire import Reply

KEY = "THE-API-KEY-OF-THIS-TEST"
YOUNGER = "A-YOUNGER-COOKIE"


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A Stash with a password, which accepts the cookie it gave."""
    with running_wire() as running:
        running.let_in(COOKIE)
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[StashClient]:
    """A client that holds the cookie."""
    with closing(StashClient(wire.connection)) as made:
        yield made


def shown(wire: Wire) -> list[tuple[str, str]]:
    """Cookie and API key of each request so far."""
    headers = [asked["headers"] for asked in wire.asked()]
    return [(each.get("cookie", ""), each.get("apikey", "")) for each in headers]


def test_the_cookie_opens_stash(wire: Wire, client: StashClient) -> None:
    """Every request shows the plugin's cookie and, while it is accepted, nothing else."""
    wire.doors.api_key = KEY
    assert version_of(client) == "v0.30.1"
    assert version_of(client) == "v0.30.1"
    assert shown(wire) == [(f"session={COOKIE}", "")] * 3
    assert wire.operations() == ["ApiKey", "Version", "Version"]


def shown_next(client: StashClient) -> str | None:
    """The cookie that the next request will show."""
    return client._transport.credentials.headers().get("Cookie")


def test_a_reissued_cookie_takes_the_place_of_the_old_one(wire: Wire, client: StashClient) -> None:
    """The youngest cookie that Stash sent is the only one shown, and is there to be stored."""
    wire.doors.reissue = YOUNGER
    wire.let_in(COOKIE, YOUNGER)
    version_of(client)
    wire.let_in(YOUNGER)
    version_of(client)
    assert shown(wire)[-1] == (f"session={YOUNGER}", "")
    assert shown_next(client) == f"session={YOUNGER}"
    assert wire.connection.cookie_value == COOKIE


def test_a_cookie_is_found_among_others() -> None:
    """Each cookie has a header of its own; an odd one does not hide the next."""
    others = ["theme=dark, light; Path=/", "=", f"session={YOUNGER}; Path=/; Max-Age=3600"]
    body = b'{"data": {"version": {"version": "x"}}}'
    head = "".join(f"Set-Cookie: {cookie}\r\n" for cookie in others)
    said = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode() + body
    with RawWire(lambda *_: said) as wire:
        connection = StashConnection("http", "127.0.0.1", wire.port, "session", COOKIE)
        with closing(StashClient(connection)) as client:
            version_of(client)
            assert shown_next(client) == f"session={YOUNGER}"


@pytest.mark.parametrize(
    "odd",
    [
        *("session=; Path=/", "other=x; Path=/", 'session="a b"; Path=/', "=", "session"),
        *("session=gone; Max-Age=0", "sessions=x", "Session=x", "session=\x01x"),
    ],
)
def test_an_odd_cookie_is_not_taken(wire: Wire, client: StashClient, odd: str) -> None:
    """Empty, foreign and malformed cookies leave the good one in place."""
    version_of(client)
    wire.scripted.append(
        of_json({"data": {"version": {"version": "x"}}}, headers={"Set-Cookie": odd})
    )
    version_of(client)
    assert shown_next(client) == f"session={COOKIE}"


def test_the_key_is_used_once_the_cookie_is_dead(wire: Wire, client: StashClient) -> None:
    """When the cookie expires the API key takes over, and the dead cookie is not shown again."""
    wire.doors.api_key = KEY
    version_of(client)
    wire.let_in()
    wire.journal.clear()
    assert version_of(client) == "v0.30.1"
    assert version_of(client) == "v0.30.1"
    assert shown(wire) == [(f"session={COOKIE}", ""), ("", KEY), ("", KEY)]


def test_a_key_that_could_not_be_read_is_read_later(wire: Wire, client: StashClient) -> None:
    """Trouble of the server at the first question does not cost PlexSync the key."""
    wire.doors.api_key = KEY
    wire.scripted.append(plain(503))
    with pytest.raises(StashUnavailable):
        version_of(client)
    version_of(client)
    wire.let_in()
    assert version_of(client) == "v0.30.1"


def test_a_cover_behind_the_login_page_is_fetched_with_the_key(
    wire: Wire, client: StashClient
) -> None:
    """Stash refuses pictures by sending to the login page; the key is tried then, too."""
    wire.doors.api_key = KEY
    scene = client.read_scenes([1]).scenes[1]
    wire.let_in()
    assert client.cover(scene).image == jpeg(b"1")
    assert [one["target"] for one in wire.asked() if "login" in one["target"]] == []


def test_a_dead_cookie_without_a_key_is_refused(wire: Wire, client: StashClient) -> None:
    """Without a key the refusal is final, after one request, and asks for a new cookie."""
    version_of(client)
    wire.let_in()
    wire.journal.clear()
    with pytest.raises(StashRefused) as caught:
        version_of(client)
    assert "next hook or task" in caught.value.message
    assert caught.value.scope is Scope.SERVER
    assert isinstance(caught.value, TransientError)
    assert len(wire.asked()) == 1
    with pytest.raises(StashRefused):
        client.cover(Scene(id=1, cover="/scene/1/screenshot?t=1"))


def test_no_empty_key_is_ever_sent(wire: Wire, client: StashClient) -> None:
    """Stash without a key says "": showing that would be refused even without a password."""
    version_of(client)
    wire.let_in()
    with pytest.raises(StashRefused):
        version_of(client)
    assert all("apikey" not in asked["headers"] for asked in wire.asked())


def test_a_replaced_key_is_forgotten_and_the_cookie_tried_again(
    wire: Wire, client: StashClient
) -> None:
    """After the key is refused as well, the next attempt starts over with the cookie."""
    wire.doors.api_key = KEY
    version_of(client)
    wire.let_in()
    version_of(client)
    wire.doors.api_key = KEY + "x"
    with pytest.raises(StashRefused, match="API key"):
        version_of(client)
    wire.let_in(COOKIE)
    assert version_of(client) == "v0.30.1"
    wire.let_in()
    assert version_of(client) == "v0.30.1"
    assert shown(wire)[-1] == ("", KEY + "x")


def test_a_cookie_that_is_dead_from_the_start_is_refused(wire: Wire, client: StashClient) -> None:
    """A stored cookie that expired meanwhile is a refusal, each time it is tried."""
    wire.let_in()
    for _ in range(2):
        with pytest.raises(StashRefused, match="session cookie"):
            version_of(client)


def test_without_a_cookie_stash_is_asked_bare() -> None:
    """Stash without a password needs no cookie; with one, the refusal says what is missing."""
    with running_wire(cookie=None) as wire, closing(StashClient(wire.connection)) as client:
        assert version_of(client) == "v0.30.1"
        assert shown(wire) == [("", "")]
        wire.let_in(COOKIE)
        with pytest.raises(StashRefused, match="no session cookie"):
            version_of(client)


@pytest.mark.parametrize("answer", [of_json({"errors": [{"message": "no"}]}), plain(200, b"{")])
def test_an_unreadable_key_does_not_stop_the_work(
    wire: Wire, client: StashClient, answer: Reply
) -> None:
    """As long as the cookie works, PlexSync works without the key."""
    wire.scripted.append(answer)
    assert version_of(client) == "v0.30.1"


@pytest.mark.parametrize("key", ["a\r\nX: y", "kéy", " ", 7])
def test_a_key_that_no_header_can_carry_is_ignored(
    wire: Wire, client: StashClient, key: object
) -> None:
    """A key that would break the header, and end up in an error's text, is not kept."""
    wire.scripted.append(of_json({"data": {"configuration": {"general": {"apiKey": key}}}}))
    version_of(client)
    wire.let_in()
    with pytest.raises(StashRefused):
        version_of(client)


def test_being_locked_out_is_a_refusal_that_says_why(wire: Wire, client: StashClient) -> None:
    """HTTP 403 is Stash's answer to the open internet; no key is tried against it."""
    wire.doors.api_key = KEY
    version_of(client)
    wire.always = plain(403, b"You have attempted to access Stash over the internet")
    wire.journal.clear()
    with pytest.raises(StashRefused, match="403"):
        version_of(client)
    assert len(wire.asked()) == 1


def test_no_error_shows_cookie_or_key(wire: Wire, client: StashClient) -> None:
    """Even when Stash itself quotes them, neither is in a message, a traceback or a repr."""
    wire.doors.api_key = KEY
    version_of(client)
    echo = {"errors": [{"message": f"bad session {COOKIE} and key {KEY}"}], "data": None}
    texts = [repr(client), repr(client._transport.connection), str(vars(client))]
    for answer in (
        of_json(echo),
        of_json(echo, 422),
        plain(500, COOKIE.encode()),
        plain(401),
    ):
        wire.always = answer
        with pytest.raises(SyncError) as caught:
            version_of(client)
        texts += traceback.format_exception(caught.value)
    assert any("bad session ***" in text for text in texts)
    assert not [text for text in texts if COOKIE in text or KEY in text]
