"""The Plex stand-in as a server: ``python -m simulator.plex`` starts it as a process."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from simulator import faults
from simulator.plex.control_api import PlexControlApi
from simulator.plex.library import Library
from simulator.plex.routes import PlexRoutes
from simulator.plex.switches import Switches
from simulator.server import Server

if TYPE_CHECKING:
    from simulator.wire import Reply, Request


class PlexServer(Server):
    """One Plex server on one socket.

    Args:
        scenes: Files of the catalogue in its one section.
        host: Address to bind.
        port: 0 takes a free one.
        token: The owner's.
        shared_token: May only read.
        section_type: ``other``, ``movie`` or ``show``.
        section_title: Empty is what Plex calls such a section.
        matched: An agent has filled the items in.
        machine_id: 40 hex digits; empty is always the same.
        latency_ms: Wait before every request is handled.
    """

    idle_seconds = 20
    kinds = ("reads", "writes", "file_queries", "listings", "item_reads", "edits", "refused")

    def __init__(
        self,
        *,
        scenes: int,
        token: str,
        shared_token: str,
        host: str = "127.0.0.1",
        port: int = 0,
        section_type: str = "other",
        section_title: str = "",
        matched: bool = False,
        machine_id: str = "",
        latency_ms: float = 0.0,
    ) -> None:
        super().__init__((host, port), latency_ms)
        self.library = Library(Switches())
        self.routes = PlexRoutes(self.library, token, shared_token, machine_id)

        def fill() -> None:
            section = self.library.add_section(section_type, section_title)
            self.library.fill(section, scenes, matched=matched)

        self.control = PlexControlApi(self, self.library, self.routes.machine_id, fill)

    def note(self, request: Request) -> list[str]:
        """Count reads and writes, and what of them is dear."""
        path, reading = request.path, request.method == "GET"
        kinds = ["reads" if reading else "writes"]
        if path.startswith("/library/sections/") and path.endswith("/all"):
            if not reading:
                kinds.append("edits")
            else:
                by_file = request.argument("file") is not None
                kinds.append("file_queries" if by_file else "listings")
        elif reading and path.startswith("/library/metadata/") and path.count("/") == 3:
            kinds.append("item_reads")
        return kinds

    def answer(self, request: Request) -> Reply:
        """A Plex that is starting says nothing else."""
        starting = self.library.switches.maintenance
        return faults.maintenance(starting) if starting else self.routes.answer(request)

    def finish(self, request: Request, reply: Reply) -> None:
        """Add Plex's own headers; pack the body for clients that accept it."""
        packed = reply.body
        reply.headers += [("X-Plex-Protocol", "1.0"), ("Cache-Control", "no-cache")]
        if not request.wants_close:
            reply.headers.append(("Keep-Alive", f"timeout={self.idle_seconds}"))
        if (
            self.library.switches.gzip
            and reply.body
            and reply.content_type != "text/html"
            and "gzip" in request.headers.get("accept-encoding", "")
            and all(name != "Content-Encoding" for name, _ in reply.headers)
        ):
            packer = zlib.compressobj(1, zlib.DEFLATED, 31)
            packed = packer.compress(reply.body) + packer.flush()
            reply.headers += [
                ("Content-Encoding", "gzip"),
                ("Vary", "Origin, X-Plex-Token"),
                ("X-Plex-Content-Compressed-Length", str(len(packed))),
                ("X-Plex-Content-Original-Length", str(len(reply.body))),
            ]
        reply.body = packed
