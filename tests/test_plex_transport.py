from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from net import sockets
from plex import transport
from plex.error_types import (
    BadAddress,
    BadResponse,
    NotAPlexServer,
    ServerTimeout,
    ServerUnreachable,
    TlsError,
)
from plex.exceptions import translate_plex_exception
from plex.response import PlexHttpError
from plex.transport import PlexTransport, plexapi_session, plugin_version
from tests.wire import HTML, Asked, Wire, answer, container, free_port, self_signed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import requests
    from typing_extensions import Self

    from errors import SyncError

    SessionFor = Callable[..., Any]

FOREVER = 3600.0
"""A timeout that would hang the test if it were the one that counts."""


USUAL: dict[str, Any] = {
    "connect_timeout": 5.0,
    "read_timeout": 5.0,
    "client_identifier": "install-1",
}


@dataclass
class Said:
    """What a success says, as requests names it."""

    content: bytes
    ok: bool = True

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()


class Short:
    """The short way, asked as a session of requests is."""

    def __init__(self, url: str, **options: Any) -> None:
        self._url = url
        self._options = USUAL | options
        self._transport = PlexTransport(url, **self._options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._transport.close()

    def request(
        self,
        method: str,
        url: str,
        headers: dict[str, str] | None = None,
        data: Any = None,
        timeout: float | None = None,
    ) -> Said:
        """Send a request; ``url`` begins with that of the server."""
        if timeout is not None:
            self._transport.close()
            self._transport = PlexTransport(self._url, **self._options | {"read_timeout": timeout})
        target = url.removeprefix(self._url) or "/"
        return Said(self._transport.ask(method, target, headers or {}, data).body)

    def get(self, url: str, **options: Any) -> Said:
        """Ask."""
        return self.request("GET", url, **options)

    def put(self, url: str, **options: Any) -> Said:
        """Edit."""
        return self.request("PUT", url, **options)

    def post(self, url: str, **options: Any) -> Said:
        """Upload."""
        return self.request("POST", url, **options)


def plexapis(url: str, **options: Any) -> requests.Session:
    """The session that plexapi is given."""
    return plexapi_session(PlexTransport(url, **USUAL | options))


@pytest.fixture(params=[Short, plexapis], ids=["short", "plexapi's"])
def session_for(request: pytest.FixtureRequest) -> SessionFor:
    """Either way to Plex, with short, unhurried defaults: they keep the same bounds."""
    found: SessionFor = request.param
    return found


def fault_of(call: Callable[[], object]) -> SyncError:
    """The fault that a call ends in, as the adapter above would see it."""
    try:
        call()
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is translated
        return translate_plex_exception(exc)
    pytest.fail("nothing was raised")


def always(reply: bytes) -> Callable[[Asked, socket.socket], bytes]:
    """A reply that does not depend on what was asked."""
    return lambda _asked, _sock: reply


# --- only to that server -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_redirect_is_never_followed(session_for: SessionFor, status: int, method: str) -> None:
    """The other server is not asked, so neither the edit nor the token goes astray."""
    with Wire(always(container())) as other:
        reply = answer(b"x" * 100, status, Location=f"{other.url}/elsewhere")
        with Wire(always(reply)) as wire, session_for(wire.url) as session:
            with pytest.raises(PlexHttpError) as raised:
                session.request(method, f"{wire.url}/a?title.value=b")
            assert raised.value.status == status
            assert raised.value.path == "/a"
            assert len(wire.asked) == 1
        assert other.asked == []


def test_a_redirect_s_endless_body_is_not_read(session_for: SessionFor) -> None:
    """Not even to look where the redirect leads."""

    def flood(_asked: Asked, sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n")
        while True:
            sock.sendall(b"x" * 65536)

    with (
        Wire(flood) as wire,
        session_for(wire.url, read_timeout=FOREVER) as session,
        pytest.raises(PlexHttpError),
    ):
        session.get(f"{wire.url}/a")


@pytest.mark.parametrize(
    "target", ["{other}/x", "http://localhost:{port}/x", "https://127.0.0.1/x"]
)
def test_another_address_is_refused_before_anything_is_sent(target: str) -> None:
    """A request to another scheme, host or port cannot carry the token away.

    Only plexapi can ask for one: what goes the short way has no address of its own.
    """
    with Wire(always(container())) as other, Wire(always(container())) as wire:
        url = target.format(other=other.url, port=wire.port)
        with plexapis(wire.url) as session:
            fault = fault_of(lambda: session.get(url, headers={"X-Plex-Token": "t"}))
        assert isinstance(fault, BadAddress)
        assert other.asked == wire.asked == []


@pytest.mark.parametrize(
    "url",
    ["", "plex:32400", "ftp://plex", "http://", "http://[::1", "http://a:b", "http://" + "a" * 70],
)
def test_an_unusable_address_is_told_at_the_first_request(
    session_for: SessionFor, url: str
) -> None:
    """Making the session does no harm; using it says what is wrong with plex_url."""
    with session_for(url) as session:
        fault = fault_of(lambda: session.get(f"{url}/identity"))
    assert fault.setting == "plex_url" or isinstance(fault, ServerUnreachable)


def test_neither_proxies_nor_netrc_are_asked(
    session_for: SessionFor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment of Stash cannot lead requests elsewhere or add credentials."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with Wire(always(container())) as proxy, Wire(always(container())) as wire:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with session_for(wire.url) as session:
            session.get(f"{wire.url}/a")
        assert proxy.asked == []
        assert "authorization" not in wire.asked[0].headers


def test_cookies_are_neither_kept_nor_sent(session_for: SessionFor) -> None:
    """Threads share no state through a cookie jar."""
    reply = answer(b"<MediaContainer/>", Set_Cookie="a=b; Path=/")
    with Wire(always(reply)) as wire, session_for(wire.url) as session:
        session.get(f"{wire.url}/a")
        session.get(f"{wire.url}/a")
        assert len(getattr(session, "cookies", ())) == 0
        assert "cookie" not in wire.asked[1].headers


def test_every_request_shows_the_same_identity(session_for: SessionFor) -> None:
    """PlexSync's own headers win over those that plexapi brings, which differ by process."""
    with Wire(always(container())) as wire, session_for(wire.url) as session:
        for _ in range(2):
            session.get(
                f"{wire.url}/a",
                headers={"X-Plex-Client-Identifier": "0xdeadbeef", "X-Plex-Product": "PlexAPI"},
            )
        for asked in wire.asked:
            assert asked.headers["x-plex-client-identifier"] == "install-1"
            assert asked.headers["x-plex-product"] == "PlexSync"
            assert asked.headers["x-plex-device-name"] == "PlexSync"
            assert asked.headers["x-plex-version"] == plugin_version()
            assert "x-plex-token" not in asked.headers


def test_the_version_is_the_manifest_s(repo_root: Path) -> None:
    """What Plex lists as PlexSync's version stands in PlexSync.yml and nowhere else."""
    assert f"version: {plugin_version()}\n" in (repo_root / "PlexSync.yml").read_text("utf-8")


# --- statuses and bodies -----------------------------------------------------------------------


@pytest.mark.parametrize("status", [206, 304, 400, 401, 403, 404, 429, 498, 500, 503, 520, 599])
def test_any_other_status_is_raised_with_its_headers_and_body(
    session_for: SessionFor, status: int
) -> None:
    """Numbers that plexapi has no name for come through, and so does Retry-After."""
    body = b"" if status == 304 else b"<h1>no</h1>"
    with (
        Wire(always(answer(body, status, kind=HTML, Retry_After="7"))) as wire,
        session_for(f"{wire.url}/plex") as session,
    ):
        with pytest.raises(PlexHttpError) as raised:
            session.put(f"{wire.url}/plex/library/metadata/1?title.value=Private")
        assert raised.value.status == status
        assert raised.value.method == "PUT"
        assert raised.value.path == "/library/metadata/1"
        assert raised.value.headers["retry-after"] == "7"
        assert raised.value.excerpt == body
        assert "Private" not in str(raised.value)


def test_an_error_s_body_cannot_hide_its_status(session_for: SessionFor) -> None:
    """A body that is endless, cut off or damaged leaves the status what it is."""

    def reply(asked: Asked, sock: socket.socket) -> bytes | None:
        if asked.path == "/cut":
            sock.sendall(answer(b"half", 503, length=9))
            return None
        if asked.path == "/damaged":
            return answer(b"not gzip", 503, Content_Encoding="gzip")
        sock.sendall(answer(b"<Response code='503'/>" + b" " * 20000, 503, length=10**9))
        return None

    with Wire(reply) as wire, session_for(wire.url) as session:
        for path in ("/cut", "/damaged", "/endless"):
            with pytest.raises(PlexHttpError) as raised:
                session.get(wire.url + path)
            assert raised.value.status == 503
            assert len(raised.value.excerpt) <= 8192


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"<html><body>Log in</body></html>", kind="text/html; charset=utf-8"),
        answer(b"Log in", kind=HTML),
        answer(b"\n<!DOCTYPE HTML><p>Log in", kind="application/xml"),
        answer(b"<p>Log in</p>", kind="application/xml"),
        answer(b'<!DOCTYPE a [<!ENTITY b "c">]><MediaContainer a="&b;"/>'),
        answer('<!DOCTYPE a><MediaContainer size="0"/>'.encode("utf-16")),
    ],
)
def test_a_page_in_place_of_an_answer_is_not_plex(session_for: SessionFor, reply: bytes) -> None:
    """A login page with status 200 is a wrong address, not an empty library."""
    with Wire(always(reply)) as wire, session_for(wire.url) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), NotAPlexServer)


def test_an_empty_web_page_confirms_an_edit(session_for: SessionFor) -> None:
    """That is how Plex answers a PUT; a proxy may even call the emptiness compressed."""
    for reply in (
        answer(kind=HTML),
        answer(kind=HTML, Content_Encoding="gzip"),
        answer(status=204),
    ):
        with Wire(always(reply)) as wire, session_for(wire.url) as session:
            assert session.put(f"{wire.url}/a").content == b""


def test_text_is_utf_8_unless_plex_says_otherwise(session_for: SessionFor) -> None:
    """Without a charset requests would read Latin-1, and plexapi would hand on the damage."""
    body = "<MediaContainer title='ü'/>".encode()
    with Wire(always(answer(body, kind="text/xml"))) as wire, session_for(wire.url) as session:
        assert "ü" in session.get(f"{wire.url}/a").text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_answer_is_unpacked(session_for: SessionFor, encoding: str) -> None:
    """Packed answers are asked for as gzip, and either usual kind is read."""
    body = b"<MediaContainer/>" + b" " * 300_000
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    with (
        Wire(always(answer(packed, Content_Encoding=encoding))) as wire,
        session_for(wire.url) as session,
    ):
        assert session.get(f"{wire.url}/a").content == body
        assert wire.asked[0].headers["accept-encoding"] == "gzip"


def chunked(*pieces: bytes, end: bool = True) -> bytes:
    """A reply whose body comes in chunks of no declared length in all."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    return head + body + (b"0\r\n\r\n" if end else b"")


LIMIT = 100_000
LONG = b"<MediaContainer/>" + b" " * LIMIT


@pytest.fixture
def limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit that is reached sooner than the product's."""
    monkeypatch.setattr(transport, "MOST_BYTES", LIMIT)


@pytest.mark.parametrize(
    "reply",
    [
        answer(LONG),
        answer(LONG * 50, Connection="close"),
        chunked(*[LONG] * 5),
        answer(gzip.compress(LONG), Content_Encoding="gzip"),
        answer(gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip"),
        answer(b"<MediaContainer", length=10**9),
        answer(gzip.compress(gzip.compress(LONG)), Content_Encoding="gzip, gzip"),
        answer(gzip.compress(LONG), Content_Encoding="gzip", Content_encoding="gzip"),
        answer(b"x", Content_Encoding="br"),
    ],
    ids=["plain", "last", "chunks", "gzip", "bomb", "declared", "twice", "twice told", "brotli"],
)
@pytest.mark.usefixtures("limited")
def test_an_answer_beyond_the_limit_is_refused(session_for: SessionFor, reply: bytes) -> None:
    """The limit counts what comes out of decompression, which has one layer."""
    with Wire(always(reply)) as wire, session_for(wire.url) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), BadResponse)


@pytest.mark.usefixtures("limited")
def test_a_bomb_is_never_unpacked_whole(session_for: SessionFor) -> None:
    """The memory for an answer stays near the limit, whatever it would unpack to."""
    packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    bomb = b"".join(packer.compress(bytes(1_000_000)) for _ in range(60)) + packer.flush()
    reply = answer(bomb, Content_Encoding="gzip")
    with Wire(always(reply)) as wire, session_for(wire.url) as session:
        tracemalloc.start()
        try:
            fault = fault_of(lambda: session.get(f"{wire.url}/a"))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert isinstance(fault, BadResponse)
    assert peak < 30_000_000


@pytest.mark.usefixtures("limited")
def test_an_answer_just_within_the_limit_is_read(session_for: SessionFor) -> None:
    """The limit itself is still allowed, packed or not."""
    body = b"<MediaContainer/>".ljust(LIMIT)
    packed = answer(gzip.compress(body), Content_Encoding="gzip")
    for reply in (answer(body), packed, chunked(body)):
        with Wire(always(reply)) as wire, session_for(wire.url) as session:
            assert session.get(f"{wire.url}/a").content == body


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"<MediaContainer", length=100),
        chunked(b"<MediaContainer", end=False),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        answer(gzip.compress(LONG)[:-9], Content_Encoding="gzip"),
        answer(b"not gzip at all", Content_Encoding="gzip"),
        answer(gzip.compress(LONG)[:40] + b"\xff" * 40, Content_Encoding="gzip"),
    ],
    ids=["length", "chunks", "bad chunk", "half gzip", "no gzip", "damaged gzip"],
)
def test_half_an_answer_is_no_answer(session_for: SessionFor, reply: bytes) -> None:
    """What is cut off or damaged is tried again and never taken for the whole."""

    def once(_asked: Asked, sock: socket.socket) -> None:
        sock.sendall(reply)

    with Wire(once) as wire, session_for(wire.url) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), BadResponse)


def test_too_many_tags_are_refused(session_for: SessionFor) -> None:
    """A body within the byte limit cannot become a tree of gigabytes."""
    body = b"<MediaContainer>" + b"<a/>" * 1_000_001 + b"</MediaContainer>"
    with Wire(always(answer(body))) as wire, session_for(wire.url) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), BadResponse)


# --- time --------------------------------------------------------------------------------------


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose backlog is full, so that no further connection is ever accepted."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for sock in waiting:
            sock.setblocking(False)
            sock.connect_ex(listener.getsockname())
        yield int(listener.getsockname()[1])
        for sock in waiting:
            sock.close()


def test_connecting_has_its_own_timeout(session_for: SessionFor, full_port: int) -> None:
    """The one number that plexapi names is for reading; connecting gives up by its own."""
    url = f"http://127.0.0.1:{full_port}"
    with session_for(url, connect_timeout=0.2) as session:
        fault = fault_of(lambda: session.get(f"{url}/a", timeout=FOREVER))
    assert isinstance(fault, ServerTimeout)
    assert "did not accept a connection" in fault.message


def test_a_silent_server_is_left(session_for: SessionFor) -> None:
    """A request without a timeout of its own has the session's."""

    def silent(_asked: Asked, sock: socket.socket) -> None:
        sock.recv(1)

    with Wire(silent) as wire, session_for(wire.url, read_timeout=0.2) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), ServerTimeout)


@pytest.mark.parametrize("part", ["status", "header", "body", "chunks", "error"])
def test_a_dripping_answer_is_left(session_for: SessionFor, part: str) -> None:
    """A byte now and then beats the read timeout, but not the deadline for the whole answer."""

    def drip(_asked: Asked, sock: socket.socket) -> None:
        start = {
            "status": b"HTTP/1.1 200 ",
            "header": b"HTTP/1.1 200 OK\r\nX-Long: ",
            "body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
            "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\n",
            "error": b"HTTP/1.1 404 No\r\nContent-Length: 100000\r\n\r\n",
        }
        sock.sendall(start[part])
        while True:
            time.sleep(0.02)
            sock.sendall(b"x")

    with Wire(drip) as wire, session_for(wire.url, read_timeout=0.1) as session:
        if part == "error":
            with pytest.raises(PlexHttpError):
                session.get(f"{wire.url}/a")
        else:
            assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), ServerTimeout)


def test_a_slow_answer_within_the_deadline_is_read(
    session_for: SessionFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than one read timeout in all is no fault as long as it moves."""
    monkeypatch.setattr(sockets, "READ_TIMEOUTS_PER_ANSWER", 100)

    def steady(_asked: Asked, sock: socket.socket) -> None:
        sock.sendall(answer(length=17))
        for piece in (b"<Media", b"Conta", b"iner", b"/>"):
            time.sleep(0.2)
            sock.sendall(piece)

    with Wire(steady) as wire, session_for(wire.url, read_timeout=0.7) as session:
        assert session.get(f"{wire.url}/a").content == b"<MediaContainer/>"


def test_an_upload_is_not_hurried_by_the_connect_timeout(session_for: SessionFor) -> None:
    """A server that takes its time over an image still gets all of it."""
    image = bytes(12_000_000)
    with (
        Wire(always(answer(kind=HTML)), body_after=0.4) as wire,
        session_for(wire.url, connect_timeout=0.1) as session,
    ):
        for _ in range(2):
            session.post(f"{wire.url}/library/metadata/1/posters", data=image)
        assert [len(asked.body) for asked in wire.asked] == [len(image)] * 2


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
def test_what_can_be_done_meanwhile_is_done_until_the_answer_is_there(
    secure: bool, tmp_path: Path
) -> None:
    """Again and again while more is left; once the answer is there it is read first."""
    done: list[float] = []
    answered: list[float] = []

    def reply(asked: Asked, _sock: socket.socket) -> bytes:
        time.sleep(0.3 if asked.path == "/slow" else 0)
        answered.append(time.monotonic())
        return container()

    def step(last: int) -> Callable[[], bool]:
        def one() -> bool:
            time.sleep(0.02)
            done.append(time.monotonic())
            return len(done) < last

        return one

    with Wire(reply, tls=self_signed(tmp_path) if secure else None) as wire:
        transport = PlexTransport(wire.url, **USUAL | {"verify": False})
        try:
            transport.ask("GET", "/", {})  # over TLS what comes first are session tickets
            answered.clear()
            transport.ask("PUT", "/slow", {}, None, step(1000))
            assert 3 < len(done) < 1000
            assert done[-2] < answered[0] + 0.02
            done.clear()
            transport.ask("PUT", "/slow", {}, None, step(2))
            assert len(done) == 2
        finally:
            transport.close()


# --- connections -------------------------------------------------------------------------------


def test_connections_are_kept(session_for: SessionFor) -> None:
    """Requests in a row share one connection, errors included."""
    with Wire(lambda a, _: answer(status=404 if a.path == "/no" else 200)) as wire:
        with session_for(wire.url) as session:
            for _ in range(3):
                session.get(f"{wire.url}/a")
                with pytest.raises(PlexHttpError):
                    session.get(f"{wire.url}/no")
        assert wire.connections == 1


def test_a_connection_that_rested_is_opened_anew(
    session_for: SessionFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We let go of it before Plex does."""
    monkeypatch.setattr(sockets, "IDLE_SECONDS", -1.0)
    with Wire(always(container())) as wire, session_for(wire.url) as session:
        for _ in range(3):
            session.get(f"{wire.url}/a")
        assert wire.connections == 3


def hang_up_second(asked: Asked, _sock: socket.socket, seen: set[int]) -> bytes | None:
    """Answer the first request of a connection, and hang up at the second after reading it."""
    if asked.connection in seen:
        return None
    seen.add(asked.connection)
    return container(n=str(asked.connection))


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_stale_connection_is_replaced_without_a_word(
    session_for: SessionFor, method: str
) -> None:
    """A kept connection that turns out closed costs one more try, on a new connection."""
    seen: set[int] = set()
    with Wire(lambda a, s: hang_up_second(a, s, seen)) as wire, session_for(wire.url) as session:
        for _ in range(3):
            assert session.request(method, f"{wire.url}/a").ok
        assert [asked.connection for asked in wire.asked] == [1, 1, 2, 2, 3]


def test_one_try_is_enough_even_when_all_connections_are_stale(session_for: SessionFor) -> None:
    """The second try never takes another kept connection, which may be as stale."""
    seen: set[int] = set()
    together = threading.Barrier(4)

    def reply(asked: Asked, sock: socket.socket) -> bytes | None:
        said = hang_up_second(asked, sock, seen)
        if asked.path == "/first":
            together.wait(10)
        return said

    with Wire(reply) as wire, session_for(wire.url) as session, ThreadPoolExecutor(4) as threads:
        list(threads.map(session.get, [f"{wire.url}/first"] * 4))
        assert wire.connections == 4
        for _ in range(4):
            assert session.get(f"{wire.url}/then").ok


def test_an_upload_never_takes_a_connection_that_may_be_stale(session_for: SessionFor) -> None:
    """It is not repeated, so it starts on a connection of its own."""
    seen: set[int] = set()
    with Wire(lambda a, s: hang_up_second(a, s, seen)) as wire, session_for(wire.url) as session:
        for _ in range(3):
            assert session.post(f"{wire.url}/a", data=b"image").ok
        assert [asked.connection for asked in wire.asked] == [1, 2, 3]


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_a_server_that_always_hangs_up_is_asked_once(session_for: SessionFor, method: str) -> None:
    """A new connection that is closed is no stale one, and the reader gets the hint."""
    with Wire(lambda _a, _s: None) as wire, session_for(wire.url) as session:
        fault = fault_of(lambda: session.request(method, f"{wire.url}/a"))
        assert isinstance(fault, ServerUnreachable)
        assert "Secure connections" in fault.message
        assert len(wire.asked) == 1


def test_a_reopened_connection_is_a_new_one(session_for: SessionFor) -> None:
    """Plex closed in good order and hangs up on the next connection: that is not stale again."""

    def reply(asked: Asked, sock: socket.socket) -> None:
        if asked.connection == 1:
            sock.sendall(container())

    with Wire(reply) as wire, session_for(wire.url) as session:
        session.get(f"{wire.url}/a")
        time.sleep(0.1)  # either way it went: the closing is seen before or after sending
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), ServerUnreachable)
        assert [asked.connection for asked in wire.asked] == [1, 2]


def test_a_refused_connection_is_told(session_for: SessionFor) -> None:
    """Nobody listens: the server is down for all scenes."""
    url = f"http://127.0.0.1:{free_port()}"
    with session_for(url) as session:
        fault = fault_of(lambda: session.get(f"{url}/a"))
    assert isinstance(fault, ServerUnreachable)
    assert "refuses the connection" in fault.message


def test_garbage_is_no_plex(session_for: SessionFor) -> None:
    """A port that speaks another protocol is unreachable, with a hint."""

    def garbage(_asked: Asked, sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

    with Wire(garbage) as wire, session_for(wire.url) as session:
        assert isinstance(fault_of(lambda: session.get(f"{wire.url}/a")), ServerUnreachable)


def test_four_threads_get_their_own_answers(session_for: SessionFor) -> None:
    """Concurrent requests through one session do not mix."""

    def echo(asked: Asked, _sock: socket.socket) -> bytes:
        return container(path=asked.path)

    def ask(number: int) -> bool:
        path = f"/item/{number}"
        return f'path="{path}"' in session.get(wire.url + path).text

    with Wire(echo) as wire, session_for(wire.url) as session, ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(100)))
        assert wire.connections <= 4


# --- TLS ---------------------------------------------------------------------------------------


def test_an_untrusted_certificate_is_a_setting_s_matter(
    session_for: SessionFor, tmp_path: Path
) -> None:
    """Nothing is sent to a server whose certificate is not trusted."""
    with Wire(always(container()), tls=self_signed(tmp_path)) as wire:
        with session_for(wire.url) as session:
            fault = fault_of(lambda: session.get(f"{wire.url}/a"))
        assert isinstance(fault, TlsError)
        assert fault.setting == "plex_skip_tls_verify"
        assert wire.asked == []


def test_verification_can_be_turned_off(
    session_for: SessionFor, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    """Then the same server is used, its connection kept, and no warning is printed."""
    with Wire(always(container()), tls=self_signed(tmp_path)) as wire:
        with session_for(wire.url, verify=False) as session:
            for _ in range(2):
                assert session.get(f"{wire.url}/a").ok
        assert wire.connections == 1
    assert [str(warning.message) for warning in recwarn] == []


def test_time_and_staleness_hold_over_tls(session_for: SessionFor, tmp_path: Path) -> None:
    """The deadline and the second try are the same on a secure connection."""
    seen: set[int] = set()

    def reply(asked: Asked, sock: socket.socket) -> bytes | None:
        if asked.path != "/drip":
            return hang_up_second(asked, sock, seen)
        sock.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while True:
            time.sleep(0.02)
            sock.sendall(b"x")

    with (
        Wire(reply, tls=self_signed(tmp_path)) as wire,
        session_for(wire.url, verify=False) as session,
    ):
        for _ in range(3):
            assert session.put(f"{wire.url}/a").ok
        assert [asked.connection for asked in wire.asked] == [1, 1, 2, 2, 3]
        fault = fault_of(lambda: session.post(f"{wire.url}/drip", timeout=0.2))
        assert isinstance(fault, ServerTimeout)


def test_https_to_a_plain_port_is_the_address_s_matter(session_for: SessionFor) -> None:
    """The scheme of plex_url is wrong, not the certificate."""

    def plain(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.recv(65536)
            sock.sendall(answer(status=400))

    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as thread:
        thread.submit(plain, listener)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with session_for(url) as session:
            fault = fault_of(lambda: session.get(f"{url}/a"))
    assert isinstance(fault, TlsError)
    assert fault.setting == "plex_url"


def test_http_to_a_secure_port_hints_at_https(session_for: SessionFor, tmp_path: Path) -> None:
    """Plex with secure connections required hangs up on plain http."""
    with Wire(always(container()), tls=self_signed(tmp_path)) as wire:
        url = wire.url.replace("https:", "http:")
        with session_for(url) as session:
            fault = fault_of(lambda: session.get(f"{url}/a"))
    assert isinstance(fault, ServerUnreachable)
    assert "https://" in fault.message
