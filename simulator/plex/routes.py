"""Plex's addresses: who may ask, what each one answers, and what it changes."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from simulator.plex import edits, images
from simulator.plex.filters import MissingTypeError, select, tests
from simulator.plex.items import COLLECTION, Item
from simulator.plex.meta import collection_elements, meta_element
from simulator.plex.pages import (
    TAG_PREFIX,
    TAG_VERSION,
    item_element,
    listing_attributes,
    section_element,
    tree_element,
    view_of,
)
from simulator.plex.wire import PHRASES, Reply, Request
from simulator.plex.xml import (
    HTML_TYPE,
    JSON_TYPE,
    XML_TYPE,
    Attributes,
    Element,
    status_page,
    to_json,
    to_xml,
)

if TYPE_CHECKING:
    from simulator.plex.library import Library, Section
    from simulator.plex.server_page import ServerPage

T = TypeVar("T")

_EMPTY: Final = b""
_DOWNLOAD_SECONDS: Final = 10


def error(status: int) -> Reply:
    """The HTML page Plex answers with when something is wrong."""
    return Reply(status, status_page(status, PHRASES.get(status, "Error")), HTML_TYPE)


def done() -> Reply:
    """What Plex says to a command that worked: 200, text/html, nothing."""
    return Reply(200, _EMPTY, HTML_TYPE)


class PlexRoutes:
    """Answers every address of the Plex side.

    Args:
        library: What there is; every access is under its lock.
        page: The server's own name, identifier and version.
        token: The owner's token.
        shared_token: A token that may read but not write.
    """

    def __init__(self, library: Library, page: ServerPage, token: str, shared_token: str) -> None:
        self.library = library
        self.page = page
        self.token = token
        self.shared_token = shared_token
        self.images = images.ImageStore()

    def answer(self, request: Request) -> Reply:
        """The reply to one request, with its effects carried out."""
        switches = self.library.switches
        if switches.max_url_bytes and len(request.target) > switches.max_url_bytes:
            return error(414)
        words = [word for word in request.path.split("/") if word]
        if words == ["identity"]:
            return self._page(request, self.page.identity())
        refusal = self._refusal(request, words)
        if refusal is not None:
            return refusal
        data: bytes | None = None
        if request.method == "POST" and len(words) == 4 and words[3] in images.KINDS:
            # A download may take long: not while everybody waits for the lock.
            data = self._image_data(request)
        with self.library.lock:
            if not words:
                return self._page(request, self.page.root())
            if words[0] == "library":
                return self._library(request, words[1:], data)
            if words == [":", "rate"]:
                return self._rate(request)
            if words == ["activities"]:
                return self._page(request, self.page.activities(self.library))
        return error(404)

    def _refusal(self, request: Request, words: list[str]) -> Reply | None:
        token = request.plex_argument("X-Plex-Token") or ""
        if token == self.token or (not token and self.library.switches.allow_empty_token):
            return None
        if token and token == self.shared_token:
            reading = request.method in {"GET", "HEAD"}
            owners_only = words == ["library"] or words[-1:] == ["refresh"]
            return None if reading and not owners_only else error(403)
        return error(401)

    def _library(self, request: Request, words: list[str], data: bytes | None) -> Reply:
        if not words:
            return self._page(request, self.page.library())
        if words in (["sections"], ["sections", "all"]):
            elements = [section_element(s) for s in self.library.sections.values()]
            attributes: Attributes = {"allowSync": False, "title1": "Plex Library"}
            return self._page(request, container(attributes, elements))
        if words[0] == "sections" and words[1].isdigit():
            section = self.library.sections.get(int(words[1]))
            return error(404) if section is None else self._section(request, section, words[2:])
        if words[0] == "metadata" and len(words) > 1:
            return self._metadata(request, words[1], words[2:], data)
        return error(404)

    # Sections

    def _section(self, request: Request, section: Section, words: list[str]) -> Reply:
        reading = request.method in {"GET", "HEAD"}
        if not words and reading:
            return self._page(request, container({"allowSync": False}, [section_element(section)]))
        if words == ["all"]:
            if reading:
                return self._listing(request, section)
            return self._edit_section(request, section) if request.method == "PUT" else error(404)
        if words == ["collections"] and reading:
            elements = collection_elements(self.library, section)
            return self._listed(request, section, elements, COLLECTION, lambda element: element)
        if words == ["refresh"]:
            # PUT and POST are gone since 1.32.7, whatever the contract says.
            return self._scan(request, section) if request.method == "GET" else error(404)
        if words == ["emptyTrash"] and request.method == "PUT":
            return done()
        return error(404)

    def _listing(self, request: Request, section: Section) -> Reply:
        try:
            found = select(self.library, section, request.pairs)
        except MissingTypeError:
            return error(500)
        kind = int(request.argument("type") or 0) or section.default_kind
        view = view_of(request.pairs, self.library.switches, full=False)
        return self._listed(
            request, section, found, kind, lambda item: item_element(self.library, item, view)
        )

    def _listed(
        self,
        request: Request,
        section: Section,
        found: Sequence[T],
        kind: int,
        show: Callable[[T], Element],
    ) -> Reply:
        start, size = self._paging(request)
        total = len(found)
        attributes: Attributes = {}
        headers = [("X-Plex-Container-Total-Size", str(total))]
        if size is not None:
            found = found[start : start + size]
            attributes.update(size=len(found), totalSize=total, offset=start)
            headers.insert(0, ("X-Plex-Container-Start", str(start)))
        attributes.update(listing_attributes(section, kind))
        elements = [show(item) for item in found]
        if request.argument("includeMeta") == "1":
            elements.insert(0, meta_element(section))
        reply = self._page(request, container(attributes, elements, counted=len(found)))
        reply.headers.extend(headers)
        return reply

    def _paging(self, request: Request) -> tuple[int, int | None]:
        """(start, size); size is None for an unpaged answer. One without the other is none."""
        start = request.plex_argument("X-Plex-Container-Start") or ""
        size = request.plex_argument("X-Plex-Container-Size") or ""
        cap = self.library.switches.page_cap
        if not (start.isdigit() and size.isdigit()):
            limit = request.argument("limit") or ""
            return 0, int(limit) if limit.isdigit() else cap or None
        return int(start), min(int(size), cap) if cap else int(size)

    def _edit_section(self, request: Request, section: Section) -> Reply:
        kind = request.argument("type") or ""
        if not kind.isdigit():
            return error(400)
        filters = [pair for pair in request.pairs if "." not in pair[0] and "[" not in pair[0]]
        checks = tests(self.library, section, filters)
        ids = request.argument("id")
        # No id is no mistake to Plex: the edit is meant for everything.
        items = section.sorted_items(int(kind)) if ids is None else self._named(ids)
        chosen = [
            item
            for item in items
            if item.kind == int(kind)
            and item.section_id == section.section_id
            and all(check(item) for check in checks)
        ]
        if not chosen and ids is not None:
            return error(404) if self.library.switches.unknown_id == "404" else done()
        return self._edit(request, chosen, int(kind))

    def _edit(self, request: Request, items: Sequence[Item], kind: int) -> Reply:
        try:
            plan = edits.parse(request.pairs, kind, self.library.switches)
        except edits.EditRefusedError as refusal:
            return error(refusal.status)
        for item in items:
            edits.apply(self.library, item, plan)
        return done()

    def _scan(self, request: Request, section: Section) -> Reply:
        path = request.argument("path")
        if request.argument("force") == "1":
            for item in section.items.get(section.file_kind, []):
                edits.refresh(self.library, item)
        section.refreshing = True
        delay = self.library.switches.scan_delay_ms / 1000
        timer = threading.Timer(delay, self.finish_scan, (section, path))
        timer.daemon = True
        timer.start()
        return done()

    def finish_scan(self, section: Section, path: str | None) -> int:
        """End a scan: waiting files below ``path`` (None: all) become items. Gives how many."""
        folder = None if path is None else path.replace("\\", "/").rstrip("/")

        def covered(section_id: int, file: str) -> bool:
            if section_id != section.section_id:
                return False
            plain = file.replace("\\", "/")
            return folder is None or plain == folder or plain.startswith(f"{folder}/")

        with self.library.lock:
            finds = self.library.switches.scan_finds
            found = self.library.appear(covered) if finds else []
            section.refreshing = False
            section.scanned_at = self.library.now()
            return len(found)

    # Items

    def _named(self, ids: str) -> list[Item]:
        keys = dict.fromkeys(int(word) for word in ids.split(",") if word.isdigit())
        return [self.library.items[key] for key in keys if key in self.library.items]

    def _metadata(self, request: Request, ids: str, words: list[str], data: bytes | None) -> Reply:
        items = self._named(ids)
        if not items:
            return error(404)
        method = request.method
        reading = method in {"GET", "HEAD"}
        if not words:
            if reading:
                return self._items_page(request, items, full=True)
            if method == "PUT":
                return self._edit(request, items, items[0].kind)
            if method == "DELETE":
                for item in items:
                    self.library.remove_item(item)
                return done()
            return error(404)
        item, what = items[0], words[0]
        if what == "tree" and reading:
            element = tree_element(self.library, item)
            own: Attributes = {
                "identifier": "com.plexapp.plugins.library",
                "mediaTagPrefix": TAG_PREFIX,
                "mediaTagVersion": TAG_VERSION,
            }
            return self._page(request, container(own, [element]))
        if what in {"children", "allLeaves"} and reading:
            below = list(self.library.children(item))
            if what == "allLeaves" and item.parent is None:
                below = [leaf for season in below for leaf in self.library.children(season)]
            return self._items_page(request, below, full=False)
        if what in {"refresh", "analyze"} and method == "PUT":
            if what == "refresh":
                for one in items:
                    edits.refresh(self.library, one)
            return done()
        return self._image(request, item, what, data)

    def _items_page(self, request: Request, items: list[Item], *, full: bool) -> Reply:
        view = view_of(request.pairs, self.library.switches, full=full)
        attributes: Attributes = {
            "allowSync": True,
            "identifier": "com.plexapp.plugins.library",
        }
        if items:
            section = self.library.sections[items[0].section_id]
            attributes.update(
                librarySectionID=section.section_id,
                librarySectionTitle=section.title,
                librarySectionUUID=section.uuid,
            )
        attributes.update(mediaTagPrefix=TAG_PREFIX, mediaTagVersion=TAG_VERSION)
        elements = [item_element(self.library, item, view) for item in items]
        return self._page(request, container(attributes, elements))

    def _rate(self, request: Request) -> Reply:
        key, rating = request.argument("key") or "", request.argument("rating") or ""
        if request.method != "PUT":
            return error(404)
        try:
            stars = float(rating)
        except ValueError:
            return error(400)
        if not key.isdigit() or not -1 <= stars <= 10:
            return error(400)
        item = self.library.items.get(int(key))
        if item is None:
            return error(404)
        item.set_value("userRating", stars if stars >= 0 else None)
        if self.library.switches.rating_bumps_updated_at:
            item.updated_at = self.library.now()
        return done()

    # Images

    def _image_data(self, request: Request) -> bytes:
        url = request.argument("url")
        if url is None:
            return request.body
        if not url.startswith(("http://", "https://")):
            return b""
        try:
            with urllib.request.urlopen(url, timeout=_DOWNLOAD_SECONDS) as reply:
                return bytes(reply.read())
        except OSError:
            return b""

    def _image(self, request: Request, item: Item, what: str, data: bytes | None) -> Reply:
        method = request.method
        if what in images.KINDS:
            if method in {"GET", "HEAD"}:
                own: Attributes = {
                    "identifier": "com.plexapp.plugins.library",
                    "mediaTagPrefix": TAG_PREFIX,
                    "mediaTagVersion": TAG_VERSION,
                }
                return self._page(request, container(own, images.photos(item, what)))
            if method == "POST":
                if not data:
                    return error(400)
                if len(data) > self.library.switches.image_limit_bytes:
                    return error(500)
                images.upload(self.library, self.images, item, what, data)
                return done()
            return error(404)
        which = images.SINGULAR.get(what)
        if which and method == "PUT":
            chosen = images.select(self.library, item, which, request.argument("url") or "")
            return done() if chosen else error(404)
        if which and method == "DELETE":
            images.unset(self.library, item, which)
            return done()
        if (which or what == "file") and method in {"GET", "HEAD"}:
            return self._image_bytes(request, item, which)
        return error(404)

    def _image_bytes(self, request: Request, item: Item, which: str | None) -> Reply:
        if which is None:
            key = request.argument("url") or ""
        else:
            chosen = [image for image in images.offered(item, which) if image.selected]
            if not chosen:
                return error(404)
            key = chosen[0].key
        data = self.images.get(key)
        kind = "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
        return Reply(200, data, kind)

    def _page(self, request: Request, root: Element) -> Reply:
        if JSON_TYPE in request.headers.get("accept", ""):
            return Reply(200, to_json(root), JSON_TYPE)
        return Reply(200, to_xml(root), XML_TYPE)


def container(
    attributes: Attributes, elements: Sequence[Element], counted: int | None = None
) -> Element:
    """A ``MediaContainer`` whose ``size`` comes first and counts its entries."""
    size: Attributes = {"size": len(elements) if counted is None else counted}
    return Element("MediaContainer", {**size, **attributes}, elements)
