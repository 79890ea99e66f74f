"""Plex's addresses: who may ask, and which part answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.plex import images
from simulator.plex.answers import container, error, page, reads
from simulator.plex.item_routes import ItemRoutes
from simulator.plex.pages import section_element
from simulator.plex.section_routes import SectionRoutes

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.server_page import ServerPage
    from simulator.plex.wire import Reply, Request


class PlexRoutes:
    """Answers every address of the Plex side.

    Args:
        library: What there is; every access is under its lock.
        server: The server's own name, identifier and version.
        token: The owner's token.
        shared_token: A token that may read but not write.
    """

    def __init__(self, library: Library, server: ServerPage, token: str, shared_token: str) -> None:
        self.library = library
        self.server = server
        self.token = token
        self.shared_token = shared_token
        self.sections = SectionRoutes(library)
        self.items = ItemRoutes(library)

    def answer(self, request: Request) -> Reply:
        """The reply to one request, with its effects carried out."""
        switches = self.library.switches
        if switches.max_url_bytes and len(request.target) > switches.max_url_bytes:
            return error(414)
        words = [word for word in request.path.split("/") if word]
        if words == ["identity"]:
            return page(request, self.server.identity())
        refusal = self._refusal(request, words)
        if refusal is not None:
            return refusal
        upload = request.method == "POST" and len(words) == 4 and words[3] in images.KINDS
        data = self.items.upload_bytes(request) if upload else None
        with self.library.lock:
            if not words:
                return page(request, self.server.root())
            if words[0] == "library":
                return self._library(request, words[1:], data)
            if words == [":", "rate"]:
                return self.items.rate(request)
            if words == ["activities"]:
                return page(request, self.server.activities(self.library))
        return error(404)

    def _refusal(self, request: Request, words: list[str]) -> Reply | None:
        token = request.plex_argument("X-Plex-Token") or ""
        if token == self.token or (not token and self.library.switches.allow_empty_token):
            return None
        if token and token == self.shared_token:
            owners_only = words == ["library"] or words[-1:] == ["refresh"]
            return None if reads(request) and not owners_only else error(403)
        return error(401)

    def _library(self, request: Request, words: list[str], data: bytes | None) -> Reply:
        if not words:
            return page(request, self.server.library())
        if words in (["sections"], ["sections", "all"]):
            elements = [section_element(s) for s in self.library.sections.values()]
            return page(
                request, container({"allowSync": False, "title1": "Plex Library"}, elements)
            )
        if words[0] == "sections" and words[1].isdigit():
            section = self.library.sections.get(int(words[1]))
            if section is not None:
                return self.sections.answer(request, section, words[2:])
        if words[0] == "metadata" and len(words) > 1:
            return self.items.answer(request, words[1], words[2:], data)
        return error(404)
