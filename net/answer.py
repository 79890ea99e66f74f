"""An answer as it comes in: its status, its headers, and a body that is never too long."""

from __future__ import annotations

import http.client
import zlib
from collections.abc import Iterator, Mapping
from email.message import Message

PIECE = 64 * 1024

#: Digits; Python refuses to read numbers of thousands of them.
LONGEST_NUMBER = 18


class BodyTooLongError(Exception):
    """The body is longer than the caller is ready to read; the rest was not read."""


class BodyDamagedError(Exception):
    """What came is not what the server compressed."""


class BodyHalvedError(Exception):
    """All came that the server announced, and it is only the beginning of what it compressed."""


class UnknownEncodingError(Exception):
    """The body is compressed in a way that nobody asked for."""


UNREADABLE = (BodyDamagedError, BodyHalvedError, UnknownEncodingError)


class Answer:
    """One answer, of which the head has been read and the body not yet."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        head: Message | Mapping[str, str] = response.headers
        self.status = response.status
        #: By name in lower case; what came twice is one list, as HTTP has it.
        self.headers = _by_name(head) if isinstance(head, Message) else head

    @property
    def cookies(self) -> list[str]:
        """Each header "Set-Cookie"; it is the one that cannot be made a list of."""
        head: Message | Mapping[str, str] = self._response.headers
        if isinstance(head, Message):
            return [str(text) for text in head.get_all("Set-Cookie", [])]
        return [head["set-cookie"]] if "set-cookie" in head else []

    def body(self, most: int) -> bytes:
        """Read the whole body, decompressed, if it has no more than ``most`` bytes then.

        Raises:
            BodyTooLongError, BodyDamagedError, BodyHalvedError, UnknownEncodingError: See there.
            http.client.IncompleteRead: It ended before it was complete.
            OSError, http.client.HTTPException: The connection failed on the way.
        """
        declared = self.headers.get("content-length", "")
        number = declared if declared.isascii() and declared.isdigit() else "0"
        if len(number) > LONGEST_NUMBER or int(number) > most:
            raise BodyTooLongError  # do not even begin
        body = b"".join(self._unpacked(most))
        if len(body) > most:
            raise BodyTooLongError
        return body

    def beginning(self, most: int) -> bytes:
        """Read at most so many bytes of the body; what came, if the rest does not."""
        found = b""
        try:
            for piece in self._unpacked(most):
                found += piece
        except (http.client.HTTPException, OSError, *UNREADABLE):
            pass
        return found[:most]

    def _unpacked(self, most: int) -> Iterator[bytes]:
        """Yield the body decoded, and stop within a piece after ``most`` bytes."""
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "", "gzip", "x-gzip", "deflate"):
            raise UnknownEncodingError
        is_plain = encoding in ("identity", "")
        unpack = None if is_plain else zlib.decompressobj(zlib.MAX_WBITS | 32)
        began = False
        for piece in self._pieces():
            began = True
            try:
                part = unpack.decompress(piece, most + 1) if unpack else piece
            except zlib.error as exc:
                raise BodyDamagedError from exc
            yield part
            most -= len(part)
            if most < 0:
                return
        if unpack and began and not unpack.eof:
            raise BodyHalvedError

    def _pieces(self) -> Iterator[bytes]:
        while piece := self._response.read(PIECE):
            yield piece
        if self._response.length:
            raise http.client.IncompleteRead(b"", self._response.length)


def _by_name(headers: Message) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, text in headers.items():
        key = name.lower()
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found
