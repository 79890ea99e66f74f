"""Addresses below ``/library/metadata/{ids}``, and ratings."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from simulator.plex import edits, images
from simulator.plex.answers import container, done, error, page, reads
from simulator.plex.media_page import tree_element
from simulator.plex.pages import TAG_PREFIX, TAG_VERSION, item_element, view_of
from simulator.plex.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.plex.items import Item
    from simulator.plex.library import Library
    from simulator.plex.xml import Attributes

_DOWNLOAD_SECONDS: Final = 10


def edit(library: Library, request: Request, items: Sequence[Item], kind: int) -> Reply:
    """Carry the edit in the query out on ``items``, which are all of ``kind``."""
    try:
        plan = edits.parse(request.pairs, kind, library.switches)
    except edits.EditRefusedError as refusal:
        return error(refusal.status)
    for item in items:
        edits.apply(library, item, plan)
    return done()


class ItemRoutes:
    """Answers what is asked of single items; the caller holds the library's lock."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.images = images.ImageStore()

    def answer(self, request: Request, ids: str, words: list[str], data: bytes | None) -> Reply:
        """The reply about ``ids`` (a comma list); ``words`` is what follows in the path.

        ``data`` is the image a POST to ``posters`` or ``arts`` brings, else None.
        """
        items = self.library.named(ids)
        if not items:
            return error(404)
        method = request.method
        reading = reads(request)
        if not words:
            if reading:
                return self._items_page(request, items, full=True)
            if method == "PUT":
                return edit(self.library, request, items, items[0].kind)
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
            return page(request, container(own, [element]))
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
        return page(request, container(attributes, elements))

    def rate(self, request: Request) -> Reply:
        """The reply to ``PUT /:/rate``: 0 to 10 rates, -1 clears."""
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

    def upload_bytes(self, request: Request) -> bytes:
        """The image a POST brings, fetched if it brings an address; empty if there is none.

        A download may take long, so this is for callers that do not hold the lock.
        """
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
            if reads(request):
                own: Attributes = {
                    "identifier": "com.plexapp.plugins.library",
                    "mediaTagPrefix": TAG_PREFIX,
                    "mediaTagVersion": TAG_VERSION,
                }
                return page(request, container(own, images.photos(item, what)))
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
        if (which or what == "file") and reads(request):
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
