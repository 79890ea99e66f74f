"""A TCP proxy on loopback before a server: open, shut, jammed, behind TLS, or leading elsewhere."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

_PIECE = 65536


class TcpProxy:
    """Forwards a port of its own to a server's; use it in a ``with`` block.

    ``port`` stays the same whatever happens to the proxy.

    Args:
        target: The server's port on loopback.
    """

    def __init__(self, target: int) -> None:
        self._home = self.target = target
        self._tls: ssl.SSLContext | None = None
        self._listener: socket.socket | None = None
        self._waiting: list[socket.socket] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self.port = 0
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        for thread in self._threads:
            thread.join(10)

    def open(self, *, target: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """Let connections through, to ``target`` if there is one, from TLS if asked for."""
        self.shut()
        self.target, self._tls = target or self._home, tls
        listener = self._listen(128)
        self._start(self._accept, listener)

    def shut(self) -> None:
        """Refuse connections, and cut those there are."""
        sockets = [*self._waiting, *self._open]
        if self._listener is not None:
            sockets.append(self._listener)
        self._listener, self._waiting = None, []
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        self._open.clear()

    def jam(self) -> None:
        """Neither accept nor refuse: the queue of connections is full."""
        self.shut()
        self._listen(0)
        self._waiting = [socket.socket() for _ in range(4)]
        for sock in self._waiting:
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.port))

    def _listen(self, backlog: int) -> socket.socket:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(backlog)
        self.port = int(listener.getsockname()[1])
        self._listener = listener
        return listener

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                outside, _ = listener.accept()
            except OSError:
                return
            self._start(self._serve, outside)

    def _serve(self, outside: socket.socket) -> None:
        self._open.add(outside)
        with contextlib.suppress(OSError):
            if self._tls is not None:
                outside = self._tls.wrap_socket(outside, server_side=True)
                self._open.add(outside)
            inside = socket.create_connection(("127.0.0.1", self.target))
            self._open.add(inside)
            self._start(self._pump, inside, outside)
            self._pump(outside, inside)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while piece := source.recv(_PIECE):
                sink.sendall(piece)
        for sock in (source, sink):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
            self._open.discard(sock)
