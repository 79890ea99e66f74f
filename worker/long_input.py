"""A hook's input that is longer than memory should have to hold: read to its end, cut as it comes.

Stash sends the whole request along, a cover of any size included. What is long in it is
always a text, and the hook needs none of the long ones. Loaded only where the input is long;
it imports only re.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

#: Bytes of a text that are kept at most: a path or a cookie is far shorter.
LONGEST_TEXT = 64 * 2**10
#: Bytes of all that is kept; beyond that it is nothing that Stash sends.
MOST_KEPT = 4 * 2**20
#: Bytes read at a time. The expression below remembers a place for each backslash in them.
PIECE = 64 * 2**10
_TEXT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)


def shortened(start: bytes, rest: BinaryIO) -> bytes:
    """Give the JSON with an empty text in the place of each long one; b"" if too long even so.

    ``start`` is what was read so far. ``rest`` is read to its end, or Stash would wait.
    """
    kept = bytearray()
    text: bytearray | None = None  # what was read of the text at hand, None between two
    carried = b""  # a backslash whose letter is in the next piece
    for piece in _pieces(start, rest):
        if len(kept) > MOST_KEPT:
            continue
        chunk, place = carried + piece, 0
        carried = b""
        while place < len(chunk):
            if text is None:
                quote = chunk.find(b'"', place)
                end = len(chunk) if quote < 0 else quote + 1
                kept += chunk[place:end]
                text = None if quote < 0 else bytearray()
                place = end
                continue
            found = _TEXT.match(chunk, place)
            end = found.end() if found else place
            if len(text) <= LONGEST_TEXT:
                text += chunk[place:end]
            if end < len(chunk) and chunk[end : end + 1] == b"\\":
                carried, end = chunk[end:], len(chunk)
            elif end < len(chunk):
                kept += b'"' if len(text) > LONGEST_TEXT else text + b'"'
                text, end = None, end + 1
            place = end
    return b"" if len(kept) > MOST_KEPT else bytes(kept)


def _pieces(start: bytes, rest: BinaryIO) -> Iterator[bytes]:
    for place in range(0, len(start), PIECE):
        yield start[place : place + PIECE]
    while piece := rest.read(PIECE):
        yield piece
