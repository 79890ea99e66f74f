"""Addresses below ``/library/sections/{id}``: listings, edits of many items, scans."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from simulator.plex import edits
from simulator.plex.answers import container, done, error, page, reads
from simulator.plex.filters import MissingTypeError, select, tests
from simulator.plex.item_routes import edit
from simulator.plex.items import COLLECTION
from simulator.plex.meta import collection_elements, meta_element
from simulator.plex.pages import item_element, listing_attributes, section_element, view_of

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.sections import Section
    from simulator.plex.wire import Reply, Request
    from simulator.plex.xml import Attributes, Element

T = TypeVar("T")


class SectionRoutes:
    """Answers what is asked of one library; the caller holds the library's lock."""

    def __init__(self, library: Library) -> None:
        self.library = library

    def answer(self, request: Request, section: Section, words: list[str]) -> Reply:
        """The reply about ``section``; ``words`` is what follows in the path."""
        reading = reads(request)
        if not words and reading:
            return page(request, container({"allowSync": False}, [section_element(section)]))
        if words == ["all"]:
            if reading:
                return self._listing(request, section)
            return self._edit_section(request, section) if request.method == "PUT" else error(404)
        if words == ["collections"] and reading:
            return self._collections(request, section)
        if words == ["refresh"]:
            # PUT and POST are gone since 1.32.7, whatever the contract says.
            return self._scan(request, section) if request.method == "GET" else error(404)
        if words == ["emptyTrash"] and request.method == "PUT":
            return done()
        return error(404)

    def _listing(self, request: Request, section: Section) -> Reply:
        if request.argument("type") == str(COLLECTION):
            return self._collections(request, section)
        try:
            found = select(self.library, section, request.pairs)
        except MissingTypeError:
            return error(500)
        kind = int(request.argument("type") or 0) or section.default_kind
        view = view_of(request.pairs, self.library.switches, full=False)
        return self._listed(
            request, section, found, kind, lambda item: item_element(self.library, item, view)
        )

    def _collections(self, request: Request, section: Section) -> Reply:
        elements = collection_elements(self.library, section)
        return self._listed(request, section, elements, COLLECTION, lambda element: element)

    def _listed(
        self,
        request: Request,
        section: Section,
        found: Sequence[T],
        kind: int,
        show: Callable[[T], Element],
    ) -> Reply:
        start, size = self._paging(request)
        limit = request.argument("limit") or ""
        if limit.isdigit():
            # With a limit the server does not know, and does not tell, the real total.
            found = found[: int(limit)]
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
        reply = page(request, container(attributes, elements, counted=len(found)))
        reply.headers.extend(headers)
        return reply

    def _paging(self, request: Request) -> tuple[int, int | None]:
        """(start, size); size is None for an unpaged answer. One without the other is none."""
        start = request.plex_argument("X-Plex-Container-Start") or ""
        size = request.plex_argument("X-Plex-Container-Size") or ""
        cap = self.library.switches.page_cap
        if not (start.isdigit() and size.isdigit()):
            return 0, cap or None
        return int(start), min(int(size), cap) if cap else int(size)

    def _edit_section(self, request: Request, section: Section) -> Reply:
        kind = request.argument("type") or ""
        if not kind.isdigit():
            return error(400)
        filters = [pair for pair in request.pairs if "." not in pair[0] and "[" not in pair[0]]
        checks = tests(self.library, section, filters)
        ids = request.argument("id")
        # No id is no mistake to Plex: the edit is meant for everything. Neither is an
        # empty one, alone or after a comma: an empty term of a filter matches all.
        everything = ids is None or "" in ids.split(",")
        items = section.sorted_items(int(kind)) if everything else self.library.named(ids or "")
        chosen = [
            item
            for item in items
            if item.kind == int(kind)
            and item.section_id == section.section_id
            and all(check(item) for check in checks)
        ]
        if not chosen and not everything:
            return error(404) if self.library.switches.unknown_id == "404" else done()
        return edit(self.library, request, chosen, int(kind))

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
