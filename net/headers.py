"""The headers of a request and of its answer, for what is asked by the thousand.

http.client puts a request's head together line by line, though ours differ in their
first line alone, and gives an answer's head to a parser that knows everything that a
mail may hold. Both together took a quarter of a bulk sync's time (docs/adr/0010). All
else, what a head means for its body above all, stays http.client's own.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import http.client
import io
import re
import socket
from collections.abc import Mapping
from functools import lru_cache
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

from net.sockets import timed

if TYPE_CHECKING:
    from email.message import Message

#: As in http.client: bytes of one line, and lines.
LONGEST_LINE = 65536
MOST_LINES = 100

#: Seconds: a wait beyond this is taken as this, so a slip cannot stop us for a year.
LONGEST_RETRY_AFTER = 3600.0
_NAME = re.compile(r"[a-z0-9-]+")
_TARGET = re.compile(r"/[!-~]*")
_LINE = re.compile(r"[ -~\xa0-\xff]*")
#: Methods whose requests say how long their body is even when there is none.
_WITH_BODY = frozenset({"PUT", "POST", "PATCH"})


def request_head(
    method: str, target: str, host: str, headers: Mapping[str, str], body: bytes | None
) -> bytes:
    """Give all of a request but its body, which will be sent behind it.

    The target is path and query, encoded; the host name and port as the header "Host" has them;
    headers are all others but the length of the body.

    Raises:
        http.client.InvalidURL: The target would not be one word on one line.
        ValueError: Nor would a header; its text is not quoted.
    """
    if not _TARGET.fullmatch(target):
        raise http.client.InvalidURL("the target of a request must be one word, encoded")
    length = f"Content-Length: {len(body or b'')}\r\n" if body or method in _WITH_BODY else ""
    first = f"{method} {target} HTTP/1.1\r\n".encode("ascii")
    return b"".join((first, _lines(host, tuple(headers.items())), length.encode(), b"\r\n"))


@lru_cache(8)
def _lines(host: str, headers: tuple[tuple[str, str], ...]) -> bytes:
    for name, text in (("Host", host), *headers):
        if not _NAME.fullmatch(name.lower()) or not _LINE.fullmatch(text):
            raise ValueError(f"the header {name!r} holds what no header may hold")
    return "".join(f"{name}: {text}\r\n" for name, text in (("Host", host), *headers)).encode(
        "latin-1"
    )


def read_headers(source: io.BufferedIOBase, **_: object) -> dict[str, str] | Message:
    """Read the lines up to the empty one; give their texts by name in lower case.

    What is not simply name, colon and text, each name once, is left to http.client's own
    parser. Whatever a newer one gives beside the lines is not needed: the limits are ours.

    Raises:
        http.client.HTTPException: A line is too long, or there are too many.
    """
    lines: list[bytes] = []
    while (line := source.readline(LONGEST_LINE + 1)) not in (b"\r\n", b"\n", b""):
        if len(line) > LONGEST_LINE:
            raise http.client.LineTooLong("header line")
        lines.append(line)
        if len(lines) >= MOST_LINES:  # the empty one counts, there as here
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


def _swift(slow: FunctionType) -> FunctionType:
    """Give a function of http.client's, whatever its version, with another reader of headers."""
    swift = FunctionType(
        slow.__code__,
        {**vars(http.client), "parse_headers": read_headers},
        slow.__name__,
        slow.__defaults__,
        slow.__closure__,
    )
    swift.__kwdefaults__ = slow.__kwdefaults__
    return swift


class SwiftResponse(http.client.HTTPResponse):
    """An answer that has to be complete by its deadline (`net.sockets.timed`).

    Its head is read by ``read_headers``: ``headers`` may be its plain dict.
    """

    begin: Any = _swift(cast("FunctionType", http.client.HTTPResponse.begin))

    def __init__(self, sock: socket.socket, method: str | None = None) -> None:
        super().__init__(timed(sock), method=method)


def retry_after(text: str) -> float | None:
    """Read a header "Retry-After" (RFC 9110, 10.2.3: a count of seconds, or a date).

    It comes as seconds from now, 0 to ``LONGEST_RETRY_AFTER``; None if it says nothing.
    """
    if re.fullmatch(r"[0-9]{1,12}", text.strip()):
        seconds = float(text)
    else:
        try:
            until = email.utils.parsedate_to_datetime(text)
        except (TypeError, ValueError, OverflowError):
            return None
        if until.tzinfo is None:
            until = until.replace(tzinfo=dt.timezone.utc)
        seconds = (until - dt.datetime.now(dt.timezone.utc)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER)
