"""What tests and the demo steer the Plex stand-in with, on its side of the socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from simulator.plex import edits
from simulator.plex.images import offered
from simulator.plex.items import KIND_NAMES, TAG_ELEMENTS, FileFacts, Item
from simulator.plex.switches import Switches
from simulator.server import ControlApi, Server

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.wire import Reply, Request


class PlexControlApi(ControlApi):
    """Carries out what ``simulator.control.PlexControl`` asks.

    Args:
        server: Whose requests and faults these are.
        library: What Plex holds.
        machine_id: Plex's own identifier.
        fill: Puts the first items into an empty library; called now and at every reset.
    """

    def __init__(
        self, server: Server, library: Library, machine_id: str, fill: Callable[[], None]
    ) -> None:
        super().__init__(server)
        self.library = library
        self.machine_id = machine_id
        self._fill = fill
        self._latency_ms = server.latency_ms
        fill()

    def carry_out(self, request: Request) -> Reply:
        """Nothing else happens in the library meanwhile."""
        with self.library.lock:
            return super().carry_out(request)

    def _state(self) -> dict[str, Any]:
        names = [{"title": section.title} for section in self.library.sections.values()]
        return {"machineIdentifier": self.machine_id, "sections": names}

    def _reset(self) -> None:
        self.server.faults.remove()
        self.server.latency_ms = self._latency_ms
        self.library.switches = Switches()
        self.library.clear()
        self._fill()
        self.server.journal.clear()

    def _switches(self, **wanted: Any) -> dict[str, Any]:
        for name, value in wanted.items():
            setattr(self.library.switches, name, value)
        return asdict(self.library.switches)

    def _add_section(self, style: str, title: str, locations: Sequence[str]) -> int:
        return self.library.add_section(style, title, locations).section_id

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
        return _everything(item)

    def _refresh(self, key: int | str) -> dict[str, Any]:
        edits.refresh(self.library, self.library.items[int(key)])
        return self._item(key)

    def _delete_item(self, key: int | str) -> None:
        self.library.remove_item(self.library.items[int(key)])

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
        "posters": [asdict(image) for image in offered(item, "posters")],
        "arts": [asdict(image) for image in offered(item, "arts")],
    }
