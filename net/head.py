"""The head of an answer, read without the mail parser that http.client gives it to.

That parser knows everything that a mail may hold and takes a third of the time that
a request to Plex costs us (docs/adr/0008). All else, what a head means for its body
above all, stays http.client's own.
"""

from __future__ import annotations

import http.client
import io
import re
from types import FunctionType
from typing import TYPE_CHECKING, Any

from net.sockets import TimedResponse

if TYPE_CHECKING:
    from email.message import Message

#: As in http.client: bytes of one line, and lines.
LONGEST_LINE = 65536
MOST_LINES = 100
_NAME = re.compile(r"[a-z0-9-]+")


def read_headers(source: io.BufferedIOBase, _class: object = None) -> dict[str, str] | Message:
    """Read the lines up to the empty one.

    Returns:
        Their texts by name in lower case. What is not simply name, colon and text, each
        name once, is left to http.client's own parser.

    Raises:
        http.client.HTTPException: A line is too long, or there are too many.
    """
    lines: list[bytes] = []
    while (line := source.readline(LONGEST_LINE + 1)) not in (b"\r\n", b"\n", b""):
        if len(line) > LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        lines.append(line)
        if len(lines) > MOST_LINES:
            raise http.client.HTTPException(f"got more than {MOST_LINES} headers")
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("iso-8859-1").rstrip("\r\n").partition(":")
        key = name.lower()
        plain = colon and _NAME.fullmatch(key) and "\r" not in value and key not in found
        if not plain:
            return http.client.parse_headers(io.BytesIO(b"".join([*lines, b"\r\n"])))
        found[key] = value.strip(" \t")
    return found


class SwiftResponse(TimedResponse):
    """An answer whose head is read by ``read_headers``."""

    # http.client's own code, whatever its version, but for the one function it calls.
    begin: Any = FunctionType(
        http.client.HTTPResponse.begin.__code__,
        {**vars(http.client), "parse_headers": read_headers},
        "begin",
    )
