"""What an answer of Plex has to be: a success, not too long, and XML that is safe to parse.

ElementTree never fetches anything and expat 2.4.1 or newer stops entity bombs,
but a distribution may build Python against an older one. Plex sends no DOCTYPE,
and without one there are no entities to expand, so one is refused. Depth does
no harm (ElementTree builds and frees trees without recursion); a bound on the
number of tags keeps the tree's memory in proportion.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

from net.answer import (
    UNREADABLE,
    BodyDamagedError,
    BodyHalvedError,
    BodyTooLongError,
    UnknownEncodingError,
)
from plex.error_types import AnswerTooLong, BadResponse, NotAPlexServer

if TYPE_CHECKING:
    from net.answer import Answer

#: Of one answer, decompressed; a page of 5,000 items has about 8 MB.
MOST_BYTES = 64 * 1024 * 1024
#: Of the body of an error, enough for Plex's maintenance notice.
EXCERPT_BYTES = 8 * 1024
#: We never ask for a part, so a partial answer is half of one.
SUCCESS = frozenset(range(200, 300)) - {206}
#: Start and end tags in one answer; a page of 5,000 full items has about 200,000.
MOST_TAGS = 1_000_000
#: What may stand before the first tag: UTF-8's byte order mark and white space.
_BLANK = b"\xef\xbb\xbf \t\r\n"
_UNREADABLE_IS = {
    BodyDamagedError: "was damaged on the way",
    BodyHalvedError: "was cut off in the middle",
    UnknownEncodingError: "is compressed in a way that was not asked for",
}

# What XML 1.0 cannot hold, as characters of UTF-8 and as references. Old items
# carry such bytes in their summaries, and Plex sends them on.
_ILLEGAL = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:0*(?:[0-8]|1[1-2]|1[4-9]|2\d|3[01])"
    rb"|x0*(?:[0-8bcef]|1[0-9a-f]));",
    re.IGNORECASE,
)


class PlexHttpError(Exception):
    """A status that is no success, as it came in; translate before raising on.

    ``path`` is below plex_url and without its query, "" where nobody knows it. ``excerpt`` are
    the first bytes of the body, decoded; they are only ever parsed, never shown.
    """

    def __init__(
        self,
        status: int,
        *,
        method: str = "GET",
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        excerpt: bytes = b"",
    ) -> None:
        super().__init__(f"HTTP {status} to {method} {path}")
        self.status = status
        self.method = method
        self.path = path
        self.headers = {name.lower(): value for name, value in (headers or {}).items()}
        self.excerpt = excerpt


class _RootReachedError(Exception):
    """The prolog is over; nothing after it can declare entities."""


def accept(method: str, path: str, answer: Answer, most: int = MOST_BYTES) -> bytes:
    """Give the body of an answer that means success, decompressed and safe to parse.

    plexapi would take any well-formed XML for an answer, and a login page with it,
    so what is no answer of Plex is refused here, before anybody parses it. ``most`` is the
    longest body that is read, in bytes, decompressed.

    Raises:
        PlexHttpError: The status means no success.
        NotAPlexServer: A web page came back, or markup that Plex never sends.
        BadResponse: The answer is longer than allowed, damaged, or a bare status.
        OSError, http.client.HTTPException: The connection failed on the way.
    """
    if answer.status not in SUCCESS:
        excerpt = answer.beginning(EXCERPT_BYTES)
        raise PlexHttpError(
            answer.status, method=method, path=path, headers=answer.headers, excerpt=excerpt
        )
    try:
        body = answer.body(most)
    except BodyTooLongError:
        raise AnswerTooLong.about(
            "Plex's answer is longer than PlexSync is ready to read."
        ) from None
    except UNREADABLE as exc:
        raise BadResponse.about(f"Plex's answer {_UNREADABLE_IS[type(exc)]}.") from None
    if not body.strip():
        return body
    if answer.headers.get("content-type", "").lower().startswith("text/html"):
        raise NotAPlexServer.about("A web page came back where Plex should answer.")
    root = check_markup(body)
    if root and method == "GET":
        _check_root(root)
    return body


def check_markup(body: bytes) -> str:
    """Refuse what would be dangerous to parse; give the name of the root element.

    It costs microseconds. Whether it is XML at all is not judged: "" stands for what no
    parser would come that far in.

    Raises:
        NotAPlexServer: It is a web page, or has a DOCTYPE.
        BadResponse: It has more tags than any answer of Plex.
    """
    head = body[:1024].lstrip(_BLANK).lower()
    if head.startswith((b"<!doctype html", b"<html")):
        raise NotAPlexServer.about("A web page came back where Plex should answer.")
    if body.count(b"<") > MOST_TAGS:
        raise BadResponse.about("Plex's answer has more parts than PlexSync is ready to hold.")
    root = ""

    def reached(name: str, _attributes: object) -> NoReturn:
        nonlocal root
        root = name
        raise _RootReachedError

    parser = expat.ParserCreate()
    parser.StartElementHandler = reached
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with contextlib.suppress(_RootReachedError, expat.ExpatError, ValueError, LookupError):
        parser.Parse(body, True)
    return root


def parse_container(body: bytes) -> ET.Element | None:
    """Give the ``MediaContainer`` of what `accept` gave, None for an empty body.

    An empty body is how Plex confirms a command.

    Raises:
        BadResponse: Cut off or malformed XML, or a bare status of Plex.
        NotAPlexServer: Something that is no answer of Plex.
    """
    if not body.strip():
        return None
    try:
        root = _parse(body)
    except (ET.ParseError, ValueError, LookupError):
        root = None
    if root is None:
        if not body.lstrip(_BLANK).startswith(b"<"):
            raise NotAPlexServer.about("The answer is not XML, so it does not come from Plex.")
        raise BadResponse.about("Plex's answer is cut off or is not valid XML.")
    _check_root(root.tag)
    return root


def _parse(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - accept has refused what is unsafe
    except ET.ParseError:
        text = _ILLEGAL.sub(b"", body).decode("utf-8", "replace")
        return ET.fromstring(text)  # noqa: S314


def _check_root(root: str) -> None:
    """Refuse a root element that no answer of Plex has."""
    if root == "Response":  # as it sends while it starts
        raise BadResponse.about("Plex sent a bare status instead of an answer.")
    if root != "MediaContainer":
        raise NotAPlexServer.about("The answer is XML, but not of Plex's kind.")


def _refuse_doctype(*_: object) -> NoReturn:
    raise NotAPlexServer.about("A document type came back, which Plex never sends.")
