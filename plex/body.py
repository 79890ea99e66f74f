"""The body of an answer: read piece by piece, never more than allowed."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import urllib3

from plex.kinds import BadResponse, NotAPlexServer
from plex.markup import check_markup, check_root

if TYPE_CHECKING:
    import requests

MOST_BYTES = 64 * 1024 * 1024
"""Of one answer, decompressed; a page of 5,000 items has about 8 MB."""

EXCERPT_BYTES = 8 * 1024
"""Of the body of an error, enough for Plex's maintenance notice."""

PIECE = 64 * 1024

LONGEST_NUMBER = 18
"""Digits; Python refuses to read numbers of thousands of them."""


def _pieces(response: requests.Response, most: int) -> Iterator[bytes]:
    """Yield the body decoded, and stop within a piece after ``most`` bytes."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
        raise BadResponse.about("Plex's answer is compressed in a way that was not asked for.")
    unpack = None if encoding in ("identity", "") else zlib.decompressobj(zlib.MAX_WBITS | 32)
    began = False
    for piece in response.raw.stream(PIECE, decode_content=False):
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


def read_body(response: requests.Response, most: int) -> bytes:
    """Read and decompress a whole body of at most ``most`` bytes.

    Raises:
        BadResponse: It is longer, cut off or damaged.
        urllib3.exceptions.HTTPError: The connection failed on the way.
    """
    declared = response.headers.get("Content-Length", "")
    try:
        number = declared if declared.isascii() and declared.isdigit() else "0"
        if len(number) > LONGEST_NUMBER or int(number) > most:
            body = None  # do not even begin
        else:
            body = b"".join(_pieces(response, most))
    except zlib.error:
        raise BadResponse.about("Plex's answer was damaged on the way.") from None
    except urllib3.exceptions.ProtocolError as exc:
        if any(isinstance(part, OSError) for part in exc.args):
            raise  # the network's doing, and told by its errno
        raise BadResponse.about("Plex's answer was cut off in the middle.") from None
    if body is None or len(body) > most:
        raise BadResponse.about("Plex's answer is longer than PlexSync is ready to read.")
    return body


def read_excerpt(response: requests.Response) -> bytes:
    """Read the beginning of an error's body; what came, if the rest does not."""
    found = b""
    try:
        for piece in _pieces(response, EXCERPT_BYTES):
            found += piece
    except (urllib3.exceptions.HTTPError, OSError, zlib.error, BadResponse):
        pass
    return found[:EXCERPT_BYTES]


def check_body(response: requests.Response, body: bytes) -> None:
    """Refuse what is no answer of Plex before anybody parses it.

    plexapi would take any well-formed XML for an answer, and a login page with it.

    Raises:
        NotAPlexServer, BadResponse: See `plex.markup`.
    """
    if not body.strip():
        return
    if response.headers.get("Content-Type", "").lower().startswith("text/html"):
        raise NotAPlexServer.about("A web page came back where Plex should answer.")
    root = check_markup(body)
    if root and response.request.method == "GET":
        check_root(root)
