"""The body of an answer: read piece by piece, never more than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from http.client import HTTPException

import urllib3

from plex.error_types import BadResponse, NotAPlexServer
from plex.markup import check_markup, check_root
from plex.statuses import PlexHttpError

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer, decompressed; a page of 5,000 items has about 8 MB."""

EXCERPT_BYTES = 8 * 1024
"""Of the body of an error, enough for Plex's maintenance notice."""

PIECE = 64 * 1024

LONGEST_NUMBER = 18
"""Digits; Python refuses to read numbers of thousands of them."""

SUCCESS = frozenset(range(200, 300)) - {206}
"""We never ask for a part, so a partial answer is half of one."""


def by_name(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give headers by name in lower case; what came twice is one list, as HTTP has it."""
    found: dict[str, str] = {}
    for name, text in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def accept(
    method: str,
    path: str,
    status: int,
    headers: Mapping[str, str],
    pieces: Iterable[bytes],
    most: int = MOST_BYTES,
) -> bytes:
    """Give the body of an answer that means success, decompressed.

    Args:
        method: "GET", "PUT", ... of the request.
        path: Below plex_url, without its query.
        status: Of the answer.
        headers: Of the answer, as ``by_name`` gives them.
        pieces: The body as it comes, compressed or not.
        most: Longest body that is read, decompressed.

    Raises:
        PlexHttpError: The status means no success.
        NotAPlexServer: A web page came back, or markup that Plex never sends.
        BadResponse: The answer is longer than allowed, cut off or damaged.
        OSError, http.client.HTTPException, urllib3.exceptions.HTTPError: The
            connection failed on the way.
    """
    if status not in SUCCESS:
        raise PlexHttpError(
            status, method=method, path=path, headers=headers, excerpt=_excerpt(headers, pieces)
        )
    body = _whole(headers, pieces, most)
    _check(method, headers, body)
    return body


def _unpacked(headers: Mapping[str, str], pieces: Iterable[bytes], most: int) -> Iterator[bytes]:
    """Yield the body decoded, and stop within a piece after ``most`` bytes."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise BadResponse.about("Plex's answer is compressed in a way that was not asked for.")
    unpack = None if encoding in ("identity", "") else zlib.decompressobj(zlib.MAX_WBITS | 32)
    began = False
    for piece in pieces:
        began = True
        if unpack is None:
            yield piece
            most -= len(piece)
        else:
            part = unpack.decompress(piece, most + 1)
            yield part
            most -= len(part)
        if most < 0:
            return
    if unpack is not None and began and not unpack.eof:
        raise BadResponse.about("Plex's answer was cut off in the middle.")


def _whole(headers: Mapping[str, str], pieces: Iterable[bytes], most: int) -> bytes:
    declared = headers.get("content-length", "")
    try:
        number = declared if declared.isascii() and declared.isdigit() else "0"
        if len(number) > LONGEST_NUMBER or int(number) > most:
            body = None  # do not even begin
        else:
            body = b"".join(_unpacked(headers, pieces, most))
    except zlib.error:
        raise BadResponse.about("Plex's answer was damaged on the way.") from None
    except urllib3.exceptions.ProtocolError as exc:
        if any(isinstance(part, OSError) for part in exc.args):
            raise  # the network's doing, and told by its errno
        raise BadResponse.about("Plex's answer was cut off in the middle.") from None
    if body is None or len(body) > most:
        raise BadResponse.about("Plex's answer is longer than PlexSync is ready to read.")
    return body


def _excerpt(headers: Mapping[str, str], pieces: Iterable[bytes]) -> bytes:
    """Read the beginning of an error's body; what came, if the rest does not."""
    found = b""
    try:
        for piece in _unpacked(headers, pieces, EXCERPT_BYTES):
            found += piece
    except (urllib3.exceptions.HTTPError, HTTPException, OSError, zlib.error, BadResponse):
        pass
    return found[:EXCERPT_BYTES]


def _check(method: str, headers: Mapping[str, str], body: bytes) -> None:
    """Refuse what is no answer of Plex before anybody parses it.

    plexapi would take any well-formed XML for an answer, and a login page with it.
    """
    if not body.strip():
        return
    if headers.get("content-type", "").lower().startswith("text/html"):
        raise NotAPlexServer.about("A web page came back where Plex should answer.")
    root = check_markup(body)
    if root and method == "GET":
        check_root(root)
