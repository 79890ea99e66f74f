from __future__ import annotations

import http.client
import io
import runpy
from email.message import Message
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import net.headers
from net.headers import MOST_LINES, read_headers, request_head

NAMES = st.from_regex(r"[A-Za-z0-9-]{1,20}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"))
ENDS = st.sampled_from(["\r\n", "\n"])
#: What servers, proxies and worse send: names that come twice, folded lines, lines without a colon.
LINES = st.one_of(
    st.builds(lambda name, text, end: f"{name}:{text}{end}", NAMES, TEXTS, ENDS),
    st.builds(lambda text, end: f" {text}{end}", TEXTS, ENDS),
    st.builds(lambda text, end: f"{text}{end}", TEXTS, ENDS),
    st.sampled_from(["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "a:b\rc:d\r\n"]),
)


def head(lines: list[str]) -> io.BufferedReader:
    """The bytes of a head and of what follows it."""
    return io.BufferedReader(io.BytesIO("".join([*lines, "\r\n", "body"]).encode("iso-8859-1")))


@given(st.lists(LINES, max_size=8))
def test_every_head_means_what_it_means_to_http_client(lines: list[str]) -> None:
    """Each name has the same first text, and the body begins at the same place."""
    ours, theirs = head(lines), head(lines)
    found = read_headers(ours)
    expected = http.client.parse_headers(theirs)
    assert ours.read() == theirs.read()
    for name in {*expected.keys(), *found.keys(), "Content-Length", "Transfer-Encoding"}:
        wanted = expected.get(name)
        text = found.get(name.lower())
        assert (None if text is None else text.strip()) == (
            None if wanted is None else wanted.strip()
        )


def test_as_many_headers_as_http_client_takes_are_taken() -> None:
    """The limit is theirs, to the line."""
    lines = [f"a{number}: b\r\n" for number in range(MOST_LINES - 1)]
    assert len(read_headers(head(lines))) == len(http.client.parse_headers(head(lines)))


def test_what_plex_sends_needs_no_mail_parser() -> None:
    """A usual head is read the short way; an unusual one goes to http.client."""
    usual = ["Content-Length: 0\r\n", "X-Plex-Protocol: 1.0\r\n", "Date: Thu, 26 Nov 2026\r\n"]
    assert read_headers(head(usual)) == {
        "content-length": "0",
        "x-plex-protocol": "1.0",
        "date": "Thu, 26 Nov 2026",
    }
    assert isinstance(read_headers(head([*usual, "date: again\r\n"])), Message)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (["a: " + "x" * 70_000 + "\r\n"], http.client.LineTooLong),
        (["a: b\r\n"] * MOST_LINES, http.client.HTTPException),
        ([f"a{number}: b\r\n" for number in range(MOST_LINES)], http.client.HTTPException),
    ],
)
def test_a_head_has_the_limits_of_http_client(
    lines: list[str], error: type[http.client.HTTPException]
) -> None:
    """Lines of any length, and any number of them, would fill the memory."""
    with pytest.raises(error):
        http.client.parse_headers(head(lines))
    with pytest.raises(error):
        read_headers(head(lines))


class Sink:
    """Takes what a connection sends."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        """Keep it."""
        self.sent += data


@given(
    st.sampled_from(["GET", "PUT", "POST"]),
    st.from_regex(r"/[!-~]{0,40}", fullmatch=True).filter(lambda target: target[:2] != "//"),
    st.dictionaries(
        st.sampled_from(["X-Plex-Token", "User-Agent", "Accept-Encoding"]),
        st.from_regex(r"[ -~\xa0-\xff]*", fullmatch=True),
    ),
    st.sampled_from([None, b"\x89PNG"]),
)
def test_a_request_is_the_one_that_http_client_would_send(
    method: str, target: str, headers: dict[str, str], body: bytes | None
) -> None:
    """The same first line, the same headers, the same body."""
    headers = {"Accept-Encoding": "gzip", **headers}
    sink = Sink()
    theirs = http.client.HTTPConnection("plex.lan", 32400)
    theirs.sock = sink
    theirs.request(method, target, body, headers)
    ours = request_head(method, target, "plex.lan:32400", headers, body) + (body or b"")
    first, *lines = sink.sent.split(b"\r\n")
    assert ours.split(b"\r\n")[0] == first
    assert sorted(ours.split(b"\r\n")[1:]) == sorted(lines)


@pytest.mark.parametrize("bad", ["a\r\nX-Evil: 1", "a\nb", "a\x00", "\u2014"])
def test_no_header_can_bring_another_along(bad: str) -> None:
    """What is no single line of text is refused, and not quoted."""
    with pytest.raises(ValueError, match="'X-Plex-Token'") as refused:
        request_head("GET", "/", "plex.lan", {"X-Plex-Token": bad}, None)
    assert bad not in str(refused.value)
    with pytest.raises(ValueError, match="'Host'"):
        request_head("GET", "/", bad, {}, None)


@pytest.mark.parametrize("bad", ["", "library", "/a b", "/a\r\nX: 1", "/\xe9", "/a\n"])
def test_a_target_is_one_encoded_word(bad: str) -> None:
    """A target cannot end its line, nor lead to another host."""
    with pytest.raises(http.client.InvalidURL):
        request_head("GET", bad, "plex.lan", {}, None)


def test_an_http_client_that_takes_a_limit_of_its_own_reads_answers_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From Python 3.15 on, ``begin`` has a keyword and hands it on to the parser."""
    source = "def begin(self, *, _max_headers=None):\n    self.headers = self.msg = "
    source += "parse_headers(self.fp, _max_headers=_max_headers)\n"
    newer: dict[str, Any] = {}
    exec(source, vars(http.client), newer)  # as its own does, it looks names up there
    monkeypatch.setattr(http.client.HTTPResponse, "begin", newer["begin"])
    answer = runpy.run_path(net.headers.__file__)["SwiftResponse"](Answered())
    answer.begin()
    assert answer.headers == {"content-length": "0"}


class Answered:
    """A socket with an answer's headers."""

    def makefile(self, *_: object, **__: object) -> io.BytesIO:
        """Give them."""
        return io.BytesIO(b"Content-Length: 0\r\n\r\n")

    def gettimeout(self) -> None:
        """Wait for ever."""
