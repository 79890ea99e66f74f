"""Small raw-socket servers for tests of the transport: they send exactly what they are told."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self

XML = "text/xml;charset=utf-8"
HTML = "text/html"


@dataclass(frozen=True)
class Asked:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]


Reply = Callable[[Asked, socket.socket], "bytes | None"]
"""Gives the bytes to send, or None after it has dealt with the socket and wants it closed."""


def answer(
    body: bytes = b"",
    status: int = 200,
    *,
    kind: str = XML,
    length: int | None = None,
    **headers: str,
) -> bytes:
    """Build one HTTP reply; ``Retry_After="3"`` becomes a header ``Retry-After: 3``."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Type: {kind}"]
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def container(inner: str = "", **attributes: str) -> bytes:
    """Build a reply with a MediaContainer, as Plex would."""
    told = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return answer(f"<MediaContainer{told}>{inner}</MediaContainer>".encode())


@dataclass
class Wire:
    """A server on a free loopback port; use it in a ``with`` block.

    Each connection has a thread and stays open until the reply is None or the
    peer goes. ``asked`` has the requests in the order they were read. The body
    of a request is left in the network for ``body_after`` seconds.
    """

    reply: Reply
    tls: ssl.SSLContext | None = None
    body_after: float = 0.0
    host: str = "127.0.0.1"
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> Self:
        family, *_, address = socket.getaddrinfo(self.host, 0, type=socket.SOCK_STREAM)[0]
        self._listener = socket.create_server(address, family=family)
        self.port = int(self._listener.getsockname()[1])
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        # shutdown wakes the accepting thread, which close alone does not on Linux.
        for sock in [self._listener, *self._open]:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(10)

    @property
    def url(self) -> str:
        """Its address as plex_url has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def paths(self) -> list[str]:
        """Method and path of each request, in order."""
        return [f"{asked.method} {asked.path}" for asked in self.asked]

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(sock)
            self._start(self._serve, sock, self.connections)

    def _serve(self, sock: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, ValueError):  # the peer went, or the test is over
            if self.tls is not None:
                sock = self.tls.wrap_socket(sock, server_side=True)
                self._open.append(sock)
            with sock.makefile("rb") as reader:
                while (asked := self._read(reader, number)) is not None:
                    self.asked.append(asked)
                    said = self.reply(asked, sock)
                    if said is None:
                        break
                    sock.sendall(said)
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _read(self, reader: BinaryIO, number: int) -> Asked | None:
        line = reader.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers: dict[str, str] = {}
        while line := reader.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0))
        if length:
            time.sleep(self.body_after)
        return Asked(method, target, headers, reader.read(length), number)


def free_port() -> int:
    """A loopback port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


# --- a certificate of its own making -----------------------------------------------------------
# Neither a key in the repo nor a tool outside of Python: ECDSA on P-256 fits on a page. The key
# is the same each time and known to everybody who reads this.

_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
_KEY = int.from_bytes(hashlib.sha256(b"a key for tests only").digest(), "big") % _N

_Point = tuple[int, int]


def _add(a: _Point | None, b: _Point | None) -> _Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % _P == 0:
        return None
    if a == b:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, _P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, _P)
    x = (slope * slope - a[0] - b[0]) % _P
    return x, (slope * (a[0] - x) - a[1]) % _P


def _times(factor: int) -> _Point:
    result: _Point | None = None
    power: _Point | None = _G
    while factor:
        if factor & 1:
            result = _add(result, power)
        power = _add(power, power)
        factor >>= 1
    assert result is not None
    return result


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def _integer(value: int) -> bytes:
    return _der(2, value.to_bytes(value.bit_length() // 8 + 1, "big"))


_SEQUENCE, _SET, _BITS, _OCTETS, _OID = 0x30, 0x31, 3, 4, 6
_CURVE = _der(_OID, bytes.fromhex("2a8648ce3d030107"))
_SIGNED_BY = _der(_SEQUENCE, _der(_OID, bytes.fromhex("2a8648ce3d040302")))


def _sign(message: bytes) -> bytes:
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    nonce = int.from_bytes(hashlib.sha256(message + b"nonce").digest(), "big") % _N
    r = _times(nonce)[0] % _N
    s = pow(nonce, -1, _N) * (digest + r * _KEY) % _N
    return _der(_SEQUENCE, _integer(r), _integer(s))


def _pem(label: str, der: bytes) -> str:
    return f"-----BEGIN {label}-----\n{base64.encodebytes(der).decode()}-----END {label}-----\n"


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's TLS context with a certificate for 127.0.0.1 that nobody has reason to trust."""
    return _context(folder / "server.pem", _certificate("PlexSync tests", "PlexSync tests", 1))


def signed_by_authority(folder: Path) -> ssl.SSLContext:
    """The same with one that an authority signed, whose own certificate is ``authority.pem``."""
    authority = _certificate("An authority", "An authority", 1, is_authority=True)
    (folder / "authority.pem").write_text(_pem("CERTIFICATE", authority))
    return _context(folder / "server.pem", _certificate("PlexSync tests", "An authority", 2))


def _context(path: Path, certificate: bytes) -> ssl.SSLContext:
    key = _der(_SEQUENCE, _integer(1), _der(_OCTETS, _KEY.to_bytes(32, "big")), _der(0xA0, _CURVE))
    path.write_text(_pem("CERTIFICATE", certificate) + _pem("EC PRIVATE " + "KEY", key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _certificate(subject: str, issuer: str, serial: int, *, is_authority: bool = False) -> bytes:
    x, y = _times(_KEY)
    public = _der(_BITS, b"\0\4", x.to_bytes(32, "big"), y.to_bytes(32, "big"))
    names = _der(_SEQUENCE, _der(0x87, bytes([127, 0, 0, 1])))
    extensions = [_extension("551d11", names)]
    if is_authority:
        extensions.append(_extension("551d13", _der(_SEQUENCE, _der(1, b"\xff"))))
    to_sign = _der(
        _SEQUENCE,
        _der(0xA0, _integer(2)),
        _integer(serial),
        _SIGNED_BY,
        _name(issuer),
        _der(_SEQUENCE, _der(23, b"200101000000Z"), _der(23, b"491231235959Z")),
        _name(subject),
        _der(
            _SEQUENCE,
            _der(_SEQUENCE, _der(_OID, bytes.fromhex("2a8648ce3d0201")), _CURVE),
            public,
        ),
        _der(0xA3, _der(_SEQUENCE, *extensions)),
    )
    return _der(_SEQUENCE, to_sign, _SIGNED_BY, _der(_BITS, b"\0", _sign(to_sign)))


def _name(text: str) -> bytes:
    common = _der(_SEQUENCE, _der(_OID, bytes.fromhex("550403")), _der(12, text.encode()))
    return _der(_SEQUENCE, _der(_SET, common))


def _extension(number: str, value: bytes) -> bytes:
    return _der(_SEQUENCE, _der(_OID, bytes.fromhex(number)), _der(_OCTETS, value))
