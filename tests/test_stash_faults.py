from __future__ import annotations

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests

from errors import NextStep, Scope, SyncError
from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import (
    StashAnswerError,
    StashConnectionUnusable,
    StashQueryRefused,
    StashRefused,
    StashTimeout,
    StashUnavailable,
    StashUnreachable,
    translate_stash_exception,
)
from stash.scene import Scene
from tests.stash_wire import Wire, of_json, plain, running_wire, version_of
from tests.wire import Asked, answer
from tests.wire import Wire as RawWire

if TYPE_CHECKING:
    from simulator.wire import Reply

COVERED = Scene(id=1, cover="/scene/1/screenshot?t=1")


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A Stash that asks for nothing."""
    with running_wire() as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[StashClient]:
    """A client that already read the API key."""
    with closing(StashClient(wire.connection)) as made:
        version_of(made)
        yield made


@pytest.mark.parametrize(
    ("fault", "step", "scope"),
    [
        (StashUnreachable, NextStep.RETRY, Scope.SERVER),
        (StashTimeout, NextStep.RETRY, Scope.SERVER),
        (StashUnavailable, NextStep.RETRY, Scope.SERVER),
        (StashRefused, NextStep.RETRY, Scope.SERVER),
        (StashConnectionUnusable, NextStep.RETRY, Scope.SERVER),
        (StashAnswerError, NextStep.RETRY, Scope.SCENE),
        (StashQueryRefused, NextStep.PAUSE, Scope.SERVER),
    ],
)
def test_each_class_says_what_happens_next(
    fault: type[SyncError], step: NextStep, scope: Scope
) -> None:
    """What the worker does follows from the class alone."""
    assert (fault("x").next_step, fault("x").scope) == (step, scope)


ODD = {
    "internal error": (plain(500), StashUnavailable),
    "bad gateway": (plain(502, b"<html>"), StashUnavailable),
    "too many": (plain(429), StashUnavailable),
    "not found": (plain(404, b"404 page not found"), StashUnavailable),
    "plain to tls": (
        plain(400, b"Client sent an HTTP request to an HTTPS server."),
        StashUnavailable,
    ),
    "no content": (plain(204), StashUnavailable),
    "moved": (plain(301, headers={"Location": "https://elsewhere/graphql"}), StashRefused),
    "page": (plain(200, b"<html>hello</html>"), StashAnswerError),
    "nothing": (plain(200, b""), StashAnswerError),
    "list": (plain(200, b"[1]"), StashAnswerError),
    "empty object": (plain(200, b"{}"), StashAnswerError),
    "null data": (plain(200, b'{"data": null}'), StashAnswerError),
    "list data": (plain(200, b'{"data": [1]}'), StashAnswerError),
    "nested for ever": (plain(200, b"[" * 200_000), StashAnswerError),
    "endless number": (plain(200, b'{"data": ' + b"9" * 5000 + b"}"), StashAnswerError),
    "no text": (plain(200, b"\xff\xfe\x00"), StashAnswerError),
    "errors beside data": (
        of_json({"data": {"findScene": None}, "errors": [{"message": "m"}]}),
        StashAnswerError,
    ),
    "odd errors": (of_json({"data": {"findScene": None}, "errors": "odd"}), StashAnswerError),
    "unknown field": (
        of_json({"errors": [{"message": "unknown field"}]}, 422),
        StashQueryRefused,
    ),
    "unknown text": (plain(422, b"not json"), StashQueryRefused),
    "unknown field, in 400": (
        of_json(
            {
                "errors": [
                    {"message": "unknown", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
                ],
                "data": None,
            },
            400,
        ),
        StashQueryRefused,
    ),
    "other errors in 400": (of_json({"errors": [{"message": "no"}]}, 400), StashUnavailable),
    "odd errors in 400": (of_json({"errors": [1, {"extensions": 2}]}, 400), StashUnavailable),
}


@pytest.mark.parametrize("odd", ODD)
def test_every_odd_answer_has_its_class(wire: Wire, client: StashClient, odd: str) -> None:
    """Status and shape of an answer decide which error is raised."""
    wire.always, fault = ODD[odd]
    with pytest.raises(SyncError) as caught:
        client.read_scenes([1])
    assert type(caught.value) is fault
    assert str(wire.connection.port) in caught.value.message or fault in {
        StashAnswerError,
        StashQueryRefused,
    }


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        (plain(500), StashUnavailable),
        (plain(418), StashUnavailable),
        (plain(302, headers={"Location": "/login"}), StashRefused),
    ],
)
def test_a_failing_cover_is_not_a_missing_one(
    wire: Wire, client: StashClient, reply: Reply, fault: type[SyncError]
) -> None:
    """None means that there is no cover; a server in trouble raises instead."""
    wire.always = reply
    with pytest.raises(fault):
        client.cover(COVERED)


def test_an_answer_that_is_cut_short_is_unreachable(wire: Wire, client: StashClient) -> None:
    """Half a document is no document, and half a cover no cover."""
    wire.faults.add("truncate", {"times": None})
    with pytest.raises(StashUnreachable, match=str(wire.port)):
        client.read_scenes([1])
    with pytest.raises(StashUnreachable):
        client.cover(COVERED)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("99999999", 3600.0), ("soon", None), (None, None)]
)
def test_stash_may_say_how_long_to_stay_away(
    wire: Wire, client: StashClient, header: str | None, seconds: float | None
) -> None:
    """Retry-After in seconds is passed on, an hour at most; anything else is ignored."""
    wire.always = plain(503, headers={"Retry-After": header} if header else {})
    with pytest.raises(StashUnavailable) as caught:
        version_of(client)
    assert caught.value.retry_after == seconds


def test_data_beside_errors_does_not_count(wire: Wire, client: StashClient) -> None:
    """A whole answer with an error beside it may lack anything, so it is an error."""
    whole = {"version": {"version": "v0.30.1"}}
    wire.always = of_json({"data": whole, "errors": []})
    assert version_of(client) == "v0.30.1"
    wire.always = of_json({"data": whole, "errors": [{"message": "and yet"}]})
    with pytest.raises(StashAnswerError, match="and yet"):
        version_of(client)


@pytest.mark.parametrize("status", ["SETUP", "NEEDS_MIGRATION"])
def test_a_stash_that_is_not_up_is_not_the_scenes_fault(
    wire: Wire, client: StashClient, status: str
) -> None:
    """Internal errors during set-up or migration are blamed on the server, not on a scene."""
    internal = {"errors": [{"message": "Internal system error. Error <nil>"}], "data": None}
    wire.scripted += [of_json(internal), of_json({"data": {"systemStatus": {"status": status}}})]
    with pytest.raises(StashUnavailable):
        client.read_scenes([1])
    assert client.read_scenes([1]).scenes


def test_what_stash_said_is_quoted_in_one_short_line(wire: Wire, client: StashClient) -> None:
    """The first message is told, on one line and cut where it gets long."""
    wire.always = of_json({"errors": [{"message": "first\n line. " + "x " * 2500}], "data": None})
    with pytest.raises(StashAnswerError, match=r"first line\. x") as caught:
        version_of(client)
    assert len(caught.value.message) < 400
    assert "\n" not in caught.value.message


def test_nobody_listens() -> None:
    """A closed port is StashUnreachable, and its sentence says where."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connection = StashConnection("http", "127.0.0.1", taken.getsockname()[1])
        with closing(StashClient(connection)) as client, pytest.raises(StashUnreachable) as caught:
            version_of(client)
    assert connection.url in caught.value.message


GZIPPED = gzip.compress(b'{"data": {"version": {"version": "v0.30.1"}}}')


def test_a_proxy_may_compress_what_stash_says(wire: Wire, client: StashClient) -> None:
    """Nobody asked for it, and it is read, unless it is damaged or would fill the memory."""
    packed = {"Content-Encoding": "gzip"}
    wire.always = plain(200, GZIPPED, packed)
    assert version_of(client) == "v0.30.1"
    wire.always = plain(200, GZIPPED[:10] + b"\xff" * 30, packed)
    with pytest.raises(StashUnreachable, match=r"ContentDecodingError"):
        version_of(client)
    wire.always = plain(200, gzip.compress(bytes(200 * 2**20)), packed)
    with pytest.raises(StashAnswerError, match="longer than 64 MiB"):
        version_of(client)
    for odd in (plain(200, b"?", {"Content-Encoding": "br"}), plain(200, GZIPPED[:20], packed)):
        wire.always = odd
        with pytest.raises(StashAnswerError, match="does not answer in GraphQL"):
            version_of(client)


def test_a_connection_that_stash_closed_is_opened_anew() -> None:
    """All that PlexSync asks of Stash only reads, so it is asked again without a word."""
    answered: set[int] = set()
    said = answer(b'{"data": {"version": {"version": "v0.30.1"}}}', kind="application/json")

    def once(asked: Asked, _sock: socket.socket) -> bytes | None:
        if asked.connection in answered:
            return None
        answered.add(asked.connection)
        return said

    with RawWire(once) as wire:
        connection = StashConnection("http", "127.0.0.1", wire.port)
        with closing(StashClient(connection)) as client:
            for _ in range(3):
                assert version_of(client) == "v0.30.1"
        assert [asked.connection for asked in wire.asked] == [1, 1, 2, 2, 3]


def test_a_dripping_answer_is_a_timeout() -> None:
    """A byte now and then beats the read timeout, but not the deadline of the whole answer."""

    def drip(_asked: Asked, sock: socket.socket) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            time.sleep(0.02)
            sock.sendall(b" ")

    with RawWire(drip) as wire:
        connection = StashConnection("http", "127.0.0.1", wire.port)
        with (
            closing(StashClient(connection, read_timeout=0.1)) as client,
            pytest.raises(StashTimeout),
        ):
            version_of(client)


@pytest.mark.parametrize(
    ("cut", "word"),
    [(answer(b"{", length=9), "ChunkedEncodingError"), (b"", "ConnectionError")],
)
def test_the_word_for_a_broken_connection_stays(cut: bytes, word: str) -> None:
    """It stands in messages and logs, where people look for what they have seen before."""
    with RawWire(lambda _asked, sock: sock.sendall(cut)) as wire:
        connection = StashConnection("http", "127.0.0.1", wire.port)
        with closing(StashClient(connection)) as client, pytest.raises(StashUnreachable) as caught:
            version_of(client)
    where = f"Stash at http://127.0.0.1:{wire.port}"
    assert caught.value.message == (
        f"{where} cannot be reached ({word}). PlexSync tries again by itself."
    )


def test_a_silent_stash_is_a_timeout(wire: Wire) -> None:
    """No answer within the read timeout is StashTimeout."""
    with closing(StashClient(wire.connection, read_timeout=0.2)) as client:
        version_of(client)
        wire.hold = threading.Event()
        with pytest.raises(StashTimeout):
            version_of(client)


def test_a_stash_that_falls_silent_in_the_middle_is_a_timeout() -> None:
    """Silence inside a body is the same fault as silence before it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = StashConnection("http", "127.0.0.1", listener.getsockname()[1])
        asked = threading.Event()

        def half_an_answer() -> None:
            sender, _ = listener.accept()
            with sender:
                sender.recv(65536)
                sender.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{")
                asked.wait(30)

        thread = threading.Thread(target=half_an_answer)
        thread.start()
        try:
            with (
                closing(StashClient(connection, read_timeout=0.2)) as client,
                pytest.raises(StashTimeout),
            ):
                version_of(client)
        finally:
            asked.set()
            thread.join()


def test_what_is_not_http_is_unreachable() -> None:
    """Bytes that are no HTTP at all are a server fault, never a raw exception."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = StashConnection("http", "127.0.0.1", listener.getsockname()[1])

        def greet() -> None:
            sender, _ = listener.accept()
            with sender:
                sender.recv(65536)
                sender.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

        thread = threading.Thread(target=greet)
        thread.start()
        with closing(StashClient(connection)) as client, pytest.raises(StashUnreachable):
            version_of(client)
        thread.join()


def test_a_proxy_of_the_environment_is_not_asked(
    wire: Wire, client: StashClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests to Stash go to Stash, whatever proxy the container is set up with."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert version_of(client) == "v0.30.1"


def test_errors_of_ours_pass_through_the_translation() -> None:
    """A typed error is returned as it is; what is unknown burdens only its scene."""
    ours = StashTimeout("x")
    assert translate_stash_exception(ours) is ours
    assert type(translate_stash_exception(KeyError("x"))) is StashAnswerError
    assert type(translate_stash_exception(requests.ConnectTimeout("x"))) is StashUnreachable
    assert type(translate_stash_exception(OSError(5, "x"))) is StashUnreachable


@pytest.fixture(scope="session")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], ssl.SSLContext]:
    """A certificate like Stash's own: self-signed, and for another name."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed, so no certificate can be made")
    folder: Path = tmp_path_factory.mktemp("tls")
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=stash.example", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr

    def context() -> ssl.SSLContext:
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return server

    return context


def test_a_certificate_is_not_checked_on_loopback(
    self_signed: Callable[[], ssl.SSLContext],
) -> None:
    """Stash's self-signed certificate is fine on this machine, and warns nobody."""
    with running_wire(tls=self_signed()) as wire, closing(StashClient(wire.connection)) as client:
        with warnings.catch_warnings(record=True) as seen:
            assert version_of(client) == "v0.30.1"
        assert [str(warning.message) for warning in seen] == []


class _Elsewhere(StashConnection):
    """A Stash on another machine, as far as PlexSync can tell."""

    @property
    def is_loopback(self) -> bool:
        return False


def test_a_certificate_is_checked_elsewhere(self_signed: Callable[[], ssl.SSLContext]) -> None:
    """Away from loopback an untrusted certificate ends the conversation, cookie unseen."""
    with running_wire(tls=self_signed()) as wire:
        given = wire.connection
        elsewhere = _Elsewhere(
            given.scheme, given.host, given.port, given.cookie_name, given.cookie_value
        )
        with (
            closing(StashClient(elsewhere)) as client,
            pytest.raises(StashUnreachable, match="certificate"),
        ):
            version_of(client)
        assert wire.asked() == []
