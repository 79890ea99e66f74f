from __future__ import annotations

import http.client
import io
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from net.head import MOST_LINES, read_headers

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
        (["a: b\r\n"] * (MOST_LINES + 1), http.client.HTTPException),
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
