"""The Plex stand-in as a server: who may ask, and what is answered at which address.

``python -m simulator.plex`` starts it as a process.
"""

from __future__ import annotations

import hashlib
import http.client
import threading
import zlib
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Final, TypeVar

from simulator.plex import edits, pages
from simulator.plex.control_api import PlexControlApi
from simulator.plex.items import COLLECTION, Item
from simulator.plex.library import Library, Section, Switches
from simulator.plex.xml import XML_TYPE, Attributes, Element, to_xml
from simulator.server import Server
from simulator.wire import Reply, Request

Row = TypeVar("Row")

#: How long a scan takes.
SCAN_SECONDS: Final = 0.1

_DATES: Final = {
    "addedAt": attrgetter("added_at"),
    "updatedAt": attrgetter("updated_at"),
    "lastViewedAt": attrgetter("viewed_at"),
    "lastRatedAt": attrgetter("rated_at"),
}
_WATCHED: Final = ("lastViewedAt", "lastRatedAt")


def error(status: int) -> Reply:
    """The HTML page Plex answers with when something is wrong."""
    phrase = "URI Too Long" if status == 414 else http.client.responses[status]
    body = (
        f"<html><head><title>{phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>"
    )
    return Reply(status, body.encode())


def page(root: Element) -> Reply:
    """The element as XML; PlexSync and plexapi ask for nothing else."""
    return Reply(200, to_xml(root), XML_TYPE)


class PlexServer(Server):
    """One Plex server on one socket.

    Args:
        scenes: Files of the catalogue in its one section.
        port: 0 takes a free one.
        token: The owner's.
        shared_token: May only read.
        section_type: ``other``, ``movie`` or ``show``.
        matched: An agent has filled the items in.
        machine_id: 40 hex digits; empty is always the same.
        name: What people call it.
    """

    idle_seconds = 20

    def __init__(
        self,
        *,
        scenes: int,
        token: str,
        shared_token: str,
        port: int = 0,
        section_type: str = "other",
        matched: bool = False,
        machine_id: str = "",
        name: str = "Plex stand-in",
    ) -> None:
        super().__init__(("127.0.0.1", port))
        self.library = Library(Switches())
        self.token, self.shared_token, self.name = token, shared_token, name
        self.machine_id = machine_id or hashlib.sha1(b"Plex stand-in").hexdigest()
        self.control = PlexControlApi(self, self.library, self.machine_id, self.reset)
        self._start = (section_type, scenes, matched)
        self.reset()

    def reset(self) -> None:
        """Begin again, as when the process started."""
        self.faults.remove()
        self.library.switches = Switches()
        self.library.clear()
        self.latency_ms, (style, scenes, matched) = 0.0, self._start
        self.library.fill(self.library.add_section(style), scenes, matched=matched)
        self.journal.clear()

    def note(self, request: Request) -> list[str]:
        """Count reads and writes, and what of them is dear."""
        kinds = ["reads" if request.method == "GET" else "writes"]
        match [request.method, *request.words]:
            case [_, "library", "all"]:
                kinds.append("all_listings")
            case ["GET", "library", "sections", _, "all"]:
                by_file = request.argument("file") is not None
                kinds.append("file_queries" if by_file else "listings")
            case [_, "library", "sections", _, "all"]:
                kinds.append("edits")
            case [_, "status", "sessions", "history", "all"]:
                kinds.append("history")
            case ["GET", "library", "metadata", _]:
                kinds.append("item_reads")
        return kinds

    def answer(self, request: Request) -> Reply:
        """The reply to one request, with its effects carried out."""
        switches, words = self.library.switches, request.words
        if 0 < switches.max_url_bytes < len(request.target):
            return error(414)
        if words == ["identity"]:
            return page(pages.identity_page(self.machine_id))
        if refused := self._refused(request):
            return error(refused)
        with self.library.lock:
            match [request.method, *words]:
                case [_]:
                    return page(pages.server_page(self.machine_id, self.name))
                case [_, "library"]:
                    return page(pages.library_page())
                case [_, "library", "sections"] | [_, "library", "sections", "all"]:
                    return page(pages.sections_page(self.library.sections.values()))
                case ["GET", "library", "all"]:
                    return self._everything(request)
                case [_, "status", "sessions", "history", "all"]:
                    return self._history(request)
                case [_, "library", "sections", number, what]:
                    return self._section(request, number, what)
                case ["DELETE", "library", "collections", key]:
                    return self._remove_collection(key)
                case [_, "library", "metadata", ids, *rest]:
                    return self._items(request, self.library.named(ids), rest)
        return error(404)

    def finish(self, request: Request, reply: Reply) -> None:
        """Add Plex's own headers; pack the body for clients that accept it."""
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

    def _refused(self, request: Request) -> int:
        """The status with which the request's token is refused; 0 for one that is good."""
        token = request.argument("X-Plex-Token") or request.headers.get("x-plex-token")
        if token == self.token:
            return 0
        if token != self.shared_token:
            return 401
        owners_only = request.words == ["library"] or request.words[-1:] == ["refresh"]
        return 403 if request.method != "GET" or owners_only else 0

    # --- sections -------------------------------------------------------------------------------

    def _section(self, request: Request, number: str, what: str) -> Reply:
        """The reply about what is below a section."""
        section = self.library.sections.get(int(number)) if number.isdigit() else None
        if section is None:
            return error(404)
        match request.method, what:
            case "GET", "all":
                return self._listing(request, section)
            case "PUT", "all":
                return self._edit_section(request, section)
            case "GET", "collections":
                # As the official contract has it: the same page as a listing of that type.
                return self._listing(request, section, COLLECTION)
            case "GET", "refresh":
                # PUT and POST are gone since 1.32.7, whatever the contract says.
                section.refreshing = True
                scanned = (section, request.argument("path"))
                timer = threading.Timer(SCAN_SECONDS, self.library.finish_scan, scanned)
                timer.daemon = True
                timer.start()
                return Reply()
        return error(404)

    def _listing(self, request: Request, section: Section, kind: int = 0) -> Reply:
        kind = kind or int(request.argument("type") or 0)
        if not kind and request.argument("file") is not None:
            return error(500)
        kind = kind or section.file_kind
        items = _with_file(section, kind, request.argument("file") or "")
        return self._items_page(request, items, pages.listing_attributes(section, kind))

    def _everything(self, request: Request) -> Reply:
        """The listing over all libraries (the contract's GET /library/all) of one type."""
        kind = int(request.argument("type") or 0)
        sections = self.library.sections.values()
        items = [item for section in sections for item in section.sorted_items(kind)]
        return self._items_page(request, items, {"allowSync": True, **pages.LIBRARY})

    def _items_page(self, request: Request, items: list[Item], own: Attributes) -> Reply:
        excluded = (request.argument(f"exclude{what}") or "" for what in ("Elements", "Fields"))
        without = frozenset(",".join(excluded).split(","))

        def element(item: Item) -> Element:
            return pages.item_element(self.library, item, full=False, without=without)

        found = _select(items, request.pairs, self.library.switches)
        return self._paged(request, found, element, own)

    def _history(self, request: Request) -> Reply:
        """The reply with what was seen, as far as the official contract tells.

        Account 1 is the owner's (plexapi's server.py says so where it asks for bandwidth).
        """
        rows = list(self.library.views)
        account, since = request.argument("accountID"), request.argument("viewedAt>")
        if self.library.switches.history_filters:
            rows = [view for view in rows if not account or str(view.account) == account]
            rows = [view for view in rows if not since or view.viewed_at >= int(since)]
        newest_first = request.argument("sort") == "viewedAt:desc"
        rows.sort(key=attrgetter("viewed_at", "number"), reverse=newest_first)
        return self._paged(request, rows, pages.view_element, {})

    def _paged(
        self, request: Request, rows: list[Row], element: Callable[[Row], Element], own: Attributes
    ) -> Reply:
        """The reply with those of some rows that were asked for."""
        counts: Attributes = {}
        headers = [("X-Plex-Container-Total-Size", str(len(rows)))]
        if (paging := self._paging(request)) is not None:
            start, size = paging
            counts = {"totalSize": len(rows), "offset": start}
            headers.insert(0, ("X-Plex-Container-Start", str(start)))
            rows = rows[start : start + size]
        reply = page(pages.container({**counts, **own}, [element(row) for row in rows]))
        reply.headers.extend(headers)
        return reply

    def _paging(self, request: Request) -> tuple[int, int] | None:
        """Start and size, from the headers or the address; one without the other is none."""
        names = ("X-Plex-Container-Start", "X-Plex-Container-Size")
        start, size = (
            request.argument(name) or request.headers.get(name.lower(), "") for name in names
        )
        cap = self.library.switches.page_cap
        if not (start.isdigit() and size.isdigit()):
            return (0, cap) if cap else None
        return int(start), min(int(size), cap) if cap else int(size)

    def _edit_section(self, request: Request, section: Section) -> Reply:
        kind, ids = request.argument("type") or "", request.argument("id")
        if not kind.isdigit():
            return error(400)
        # No id is no mistake to Plex: the edit is meant for everything. Neither is an
        # empty one, alone or after a comma: an empty term of a filter matches all.
        everything = ids is None or "" in ids.split(",")
        items = section.sorted_items(int(kind)) if everything else self.library.named(ids or "")
        chosen = [
            one for one in items if (one.kind, one.section_id) == (int(kind), section.section_id)
        ]
        if not chosen and not everything:
            return error(404)
        return self._edit(request, chosen, int(kind))

    # --- items ----------------------------------------------------------------------------------

    def _items(self, request: Request, items: Sequence[Item], words: list[str]) -> Reply:
        """The reply about items; ``words`` is what follows in the path."""
        if not items:
            return error(404)
        item = items[0]
        match [request.method, *words]:
            case ["GET"]:
                return page(pages.items_page(self.library, items))
            case ["PUT"]:
                return self._edit(request, items, item.kind)
            case [_, "tree"]:
                return page(pages.tree_page(self.library, item))
            case ["GET", ("thumb" | "art") as which, _]:
                # The official contract: /library/metadata/{ids}/{element}/{timestamp}.
                image = edits.shown(item, edits.SINGULAR[which])
                return Reply(200, image, "image/jpeg") if image else error(404)
            case ["GET", ("posters" | "arts") as which]:
                return page(pages.images_page(item, which))
            case ["POST", ("posters" | "arts") as which]:
                if not request.body:
                    return error(400)
                if len(request.body) > edits.LARGEST:
                    return error(500)
                edits.upload(self.library, item, which, request.body)
                return Reply()
            case ["PUT", ("poster" | "thumb" | "art") as which]:
                key = request.argument("url") or ""
                if edits.select(self.library, item, edits.SINGULAR[which], key):
                    return Reply()
        return error(404)

    def _remove_collection(self, key: str) -> Reply:
        """What plexapi sends to take a collection away; its items stay."""
        for item in self.library.named(key):
            if item.kind == COLLECTION:
                self.library.remove_item(item)
                return Reply()
        return error(404)

    def _edit(self, request: Request, items: Sequence[Item], kind: int) -> Reply:
        """Carry the edit in the address out on ``items``, which are all of ``kind``."""
        try:
            plan = edits.parse(request.pairs, kind)
        except edits.EditRefusedError as refusal:
            return error(refusal.args[0])
        for item in items:
            edits.apply(self.library, item, plan)
        return Reply()


def _select(items: list[Item], pairs: Sequence[tuple[str, str]], switches: Switches) -> list[Item]:
    """Those of some items that a listing's query asks for, in the order it asks for.

    An operator is the end of a parameter's *name*: ``updatedAt%3E%3E=1`` is the name
    ``updatedAt>>``. What is not understood is ignored without a word and the whole
    section comes back, which is how the real server punishes a typing mistake. Of the
    filters that it does understand only those are played that PlexSync sends.
    """
    dates = {f"{name}>>" for name in _DATES if switches.watch_filters or name not in _WATCHED}
    understood = {*dates, "push", "or", "pop"}
    terms = [(name, int(value)) for name, value in pairs if name in understood and value.isdigit()]
    if terms:
        items = [item for item in items if _matches(item, terms)]
    field, _, direction = dict(pairs).get("sort", "").partition(":")
    if field in _DATES:
        return sorted(items, key=_DATES[field], reverse=direction == "desc")
    return items


def _matches(item: Item, terms: Sequence[tuple[str, int]]) -> bool:
    """Whether an item is what the dates of a query ask for.

    Side by side they are all asked for; between ``push=1`` and ``pop=1`` an ``or=1`` parts
    alternatives (the official contract, "Complex Expressions"). Deeper nesting is not played.
    """
    is_wanted, ways = True, list[bool]()  # the alternatives, where any are open
    for name, value in terms:
        if name in {"push", "or"}:
            ways.append(True)
        elif name == "pop":
            is_wanted, ways = is_wanted and any(ways), []
        else:
            fits = _DATES[name[:-2]](item) > value
            if ways:
                ways[-1] = ways[-1] and fits
            else:
                is_wanted = is_wanted and fits
    return is_wanted


def _with_file(section: Section, kind: int, wanted: str) -> list[Item]:
    """Items of a kind with this text in the path of a file, in any case.

    A comma means "or", even one that was encoded, and the empty text is in every path.
    """
    words = wanted.lower().split(",")
    if "" in words:
        return section.sorted_items(kind)
    found: set[Item] = set()
    for word in words:
        some = section.paths.candidates(word)
        found.update(section.sorted_items(kind) if some is None else some)
    matching = [
        item
        for item in found
        if item.kind == kind
        and not item.deleted
        and any(word in part.file.path.lower() for part in item.parts for word in words)
    ]
    return sorted(matching, key=lambda item: (item.sort_key, item.key))
