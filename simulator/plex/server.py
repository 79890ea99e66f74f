"""The Plex stand-in as a server: ``python -m simulator.plex`` starts it as a process."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from simulator import faults
from simulator.plex import collections, edits
from simulator.plex.collections import COLLECTION
from simulator.plex.items import KIND_NAMES, TAG_ELEMENTS, FileFacts, Item, View
from simulator.plex.library import Library, Switches
from simulator.plex.routes import PlexRoutes
from simulator.server import ControlApi, Server
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
        name: What people call it.
        latency_ms: Wait before every request is handled.
    """

    idle_seconds = 20
    kinds = (
        "reads",
        "writes",
        "file_queries",
        "listings",
        "all_listings",
        "item_reads",
        "history",
        "edits",
        "refused",
    )

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
        name: str = "Plex stand-in",
        latency_ms: float = 0.0,
    ) -> None:
        super().__init__((host, port), latency_ms)
        self.library = Library(Switches())
        self.routes = PlexRoutes(self.library, token, shared_token, machine_id, name)
        self.control = PlexControlApi(self)
        self._start = (latency_ms, section_type, section_title, scenes, matched)
        self.reset()

    def reset(self) -> None:
        """Begin again, as when the process started."""
        self.faults.remove()
        self.library.switches = Switches()
        self.library.clear()
        self.latency_ms, style, title, scenes, matched = self._start
        self.library.fill(self.library.add_section(style, title), scenes, matched=matched)
        self.journal.clear()

    def note(self, request: Request) -> list[str]:
        """Count reads and writes, and what of them is dear."""
        path, reading = request.path, request.method == "GET"
        kinds = ["reads" if reading else "writes"]
        if path == "/library/all":
            kinds.append("all_listings")
        elif path.startswith("/library/sections/") and path.endswith("/all"):
            if not reading:
                kinds.append("edits")
            else:
                by_file = request.argument("file") is not None
                kinds.append("file_queries" if by_file else "listings")
        elif path == "/status/sessions/history/all":
            kinds.append("history")
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


class PlexControlApi(ControlApi):
    """Carries out what ``simulator.control.PlexControl`` asks."""

    def __init__(self, server: PlexServer) -> None:
        super().__init__(server)
        self.plex = server
        self.library = server.library

    def carry_out(self, request: Request) -> Reply:
        """Nothing else happens in the library meanwhile."""
        with self.library.lock:
            return super().carry_out(request)

    def _state(self) -> dict[str, Any]:
        names = [{"title": section.title} for section in self.library.sections.values()]
        identity, waiting = self.plex.routes.machine_id, len(self.library.waiting)
        return {"machineIdentifier": identity, "sections": names, "waiting": waiting}

    def _reset(self) -> None:
        self.plex.reset()

    def _switches(self, **wanted: Any) -> dict[str, Any]:
        for name, value in wanted.items():
            setattr(self.library.switches, name, value)
        return asdict(self.library.switches)

    def _add_section(self, style: str, title: str, locations: Sequence[str]) -> int:
        return self.library.add_section(style, title, locations).section_id

    def _delete_section(self, section: int) -> None:
        self.library.remove_section(section)

    def _scan(self, section: int) -> int:
        return self.library.finish_scan(self.library.sections[section], None)

    def _rating_keys(self) -> list[int]:
        return sorted(self.library.items)

    def _item(self, key: int | str) -> dict[str, Any]:
        return _everything(self.library.items[int(key)])

    def _item_at(self, path: str) -> dict[str, Any]:
        item = self.library.find_path(path)
        if item is None:
            raise KeyError(f"there is no item with {path}")
        return _everything(item)

    def _add_item(
        self,
        path: str,
        section: int = 1,
        when: str = "now",
        files: Sequence[dict[str, Any]] = (),
        **facts: Any,
    ) -> dict[str, Any]:
        told = _facts(files or [{"path": path, **facts}])
        if when == "scan":
            self.library.waiting.append((self.library.sections[section], told))
            return {}
        return _everything(self.library.add_item(self.library.sections[section], told))

    def _change(
        self,
        key: int | str,
        *,
        person: bool,
        fields: dict[str, Any] | None = None,
        tags: dict[str, list[str]] | None = None,
        lock: Sequence[str] = (),
        unlock: Sequence[str] = (),
        files: Sequence[dict[str, Any]] = (),
        updated_at: int | None = None,
    ) -> dict[str, Any]:
        item = self.library.items[int(key)]
        if set(tags or ()) - set(TAG_ELEMENTS):
            raise ValueError(f"there are the tags {sorted(TAG_ELEMENTS)}, not {sorted(tags or ())}")
        if fields or tags:
            edits.change(self.library, item, fields or {}, tags or {}, person=person)
        for name in lock:
            item.lock(name, locked=True)
        for name in unlock:
            item.lock(name, locked=False)
        if files:
            self.library.replace_files(item, _facts(files))
        if updated_at is not None:
            item.updated_at = updated_at
        return _everything(item)

    def _watched(self, key: int | str, at: int, account: int) -> int:
        view = View(len(self.library.views) + 1, self.library.items[int(key)], at, account)
        self.library.views.append(view)
        if view.item is not None and account == 1:
            # Seen to its end: nothing is left to resume (an assumption; no recording shows it).
            view.item.view_offset = 0
            view.item.view_count += 1
            view.item.viewed_at = max(view.item.viewed_at, at)
        return view.number

    def _stopped(self, key: int | str, at: int, offset_ms: int) -> None:
        item = self.library.items[int(key)]
        item.view_offset, item.viewed_at = offset_ms, at

    def _rates(self, key: int | str, rating: float | None, at: int) -> None:
        """Rate as PUT /:/rate does: no lock, and no edit of the item (an assumption)."""
        item = self.library.items[int(key)]
        item.set_value("userRating", rating)
        item.rated_at = at

    def _forget_views(self, before: int) -> None:
        self.library.views = [view for view in self.library.views if view.viewed_at >= before]

    def _refresh(self, key: int | str) -> dict[str, Any]:
        edits.refresh(self.library, self.library.items[int(key)])
        return self._item(key)

    def _delete_item(self, key: int | str) -> None:
        self.library.remove_item(self.library.items[int(key)])

    def _collections(self, section: int) -> list[dict[str, Any]]:
        found = self.library.sections[section].sorted_items(COLLECTION)
        return [_everything(one) for one in found]

    def _make_collection(self, section: int, title: str, smart: bool) -> int:
        return collections.make(
            self.library, self.library.sections[section], title, smart=smart
        ).key

    def _rekey(self, key: int | str) -> int:
        return self.library.rekey(self.library.items[int(key)])


def _facts(files: Sequence[dict[str, Any]]) -> tuple[FileFacts, ...]:
    return tuple(FileFacts(**file) for file in files)


def _everything(item: Item) -> dict[str, Any]:
    """All about an item, whatever a Plex page would leave out."""
    tags = {kind: taggings for kind, taggings in (item.tags or {}).items() if taggings}
    return {
        "ratingKey": item.key,
        "type": KIND_NAMES[item.kind],
        "files": [
            {"path": one.file.path, "size": one.file.size, "oshash": one.file.oshash}
            for one in item.parts
        ],
        "fields": {"title": item.title, **(item.values or {})},
        "tags": {kind: [one.row.tag for one in taggings] for kind, taggings in tags.items()},
        "roles": [
            {"tag": one.row.tag, "role": one.text, "thumb": one.row.thumb}
            for one in tags.get("actor", ())
        ],
        "locked": list(item.locked or ()),
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        "posters": _told(item, "posters"),
        "arts": _told(item, "arts"),
    }


def _told(item: Item, which: str) -> list[dict[str, Any]]:
    images = edits.offered(item, which)
    return [{"key": image.key, "selected": image.selected} for image in images]
