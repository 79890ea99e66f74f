"""XML from Plex: made safe to parse, and parsed.

ElementTree never fetches anything and expat 2.4.1 or newer stops entity bombs,
but a distribution may build Python against an older one. Plex sends no DOCTYPE,
and without one there are no entities to expand, so one is refused. Depth does
no harm (ElementTree builds and frees trees without recursion); a bound on the
number of tags keeps the tree's memory in proportion.
"""

from __future__ import annotations

import contextlib
import re
from typing import NoReturn
from xml.etree import ElementTree as ET
from xml.parsers import expat

from plex.error_types import BadResponse, NotAPlexServer

MOST_TAGS = 1_000_000
"""Start and end tags in one answer; a page of 5,000 full items has about 200,000."""

_BLANK = b"\xef\xbb\xbf \t\r\n"
"""What may stand before the first tag: UTF-8's byte order mark and white space."""

# What XML 1.0 cannot hold, as characters of UTF-8 and as references. Old items
# carry such bytes in their summaries, and Plex sends them on.
_ILLEGAL = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|&#(?:0*(?:[0-8]|1[1-2]|1[4-9]|2\d|3[01])"
    rb"|x0*(?:[0-8bcef]|1[0-9a-f]));",
    re.IGNORECASE,
)


class _RootReachedError(Exception):
    """The prolog is over; nothing after it can declare entities."""


def check_markup(body: bytes) -> str:
    """Refuse what would be dangerous to parse; costs microseconds.

    Args:
        body: A whole answer, decompressed. Whether it is XML at all is not judged.

    Returns:
        The name of the root element, "" if no parser would come that far.

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


def check_root(root: str) -> None:
    """Refuse a root element that no answer of Plex has.

    Raises:
        BadResponse: A bare status, which Plex sends while it starts.
        NotAPlexServer: Anything else but ``MediaContainer``.
    """
    if root == "Response":
        raise BadResponse.about("Plex sent a bare status instead of an answer.")
    if root != "MediaContainer":
        raise NotAPlexServer.about("The answer is XML, but not of Plex's kind.")


def _refuse_doctype(*_: object) -> NoReturn:
    raise NotAPlexServer.about("A document type came back, which Plex never sends.")


def parse_container(body: bytes) -> ET.Element | None:
    """Parse one answer of Plex.

    Args:
        body: The whole answer, decompressed.

    Returns:
        Its ``MediaContainer`` root, or None for an empty body, which is how
        Plex confirms a command.

    Raises:
        BadResponse: Cut off or malformed XML, or a bare status of Plex.
        NotAPlexServer: Something that is no answer of Plex.
    """
    if not body.strip():
        return None
    check_markup(body)
    try:
        root = _parse(body)
    except (ET.ParseError, ValueError, LookupError):
        root = None
    if root is None:
        if not body.lstrip(_BLANK).startswith(b"<"):
            raise NotAPlexServer.about("The answer is not XML, so it does not come from Plex.")
        raise BadResponse.about("Plex's answer is cut off or is not valid XML.")
    check_root(root.tag)
    return root


def _parse(body: bytes) -> ET.Element:
    try:
        return ET.fromstring(body)  # noqa: S314 - check_markup has refused what is unsafe
    except ET.ParseError:
        text = _ILLEGAL.sub(b"", body).decode("utf-8", "replace")
        return ET.fromstring(text)  # noqa: S314
