"""What tests may ask of the Plex stand-in, beside what any client may."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from simulator.plex import collections, edits
from simulator.plex.items import COLLECTION, KIND_NAMES, TAG_ELEMENTS, FileFacts, Item, View
from simulator.plex.library import Library
from simulator.server import ControlApi, Server
from simulator.wire import Reply, Request


class PlexControlApi(ControlApi):
    """The methods beside those of every stand-in; ``key`` is a rating key."""

    def __init__(
        self, server: Server, library: Library, machine_id: str, restart: Callable[[], None]
    ) -> None:
        super().__init__(server)
        self.library, self.machine_id, self.restart = library, machine_id, restart

    def carry_out(self, request: Request) -> Reply:
        """Nothing else happens in the library meanwhile."""
        with self.library.lock:
            return super().carry_out(request)

    # Items

    def item(self, key: int | str) -> dict[str, Any]:
        """Everything about one item: files, fields, tags, roles, locked, posters, times."""
        return _everything(self._found(key))

    def item_at(self, path: str) -> dict[str, Any]:
        """The item that holds the file ``path`` (as Plex sees it)."""
        item = self.library.find_path(path)
        if item is None:
            raise KeyError(f"there is no item with {path}")
        return _everything(item)

    def key_of(self, path: str) -> int:
        """Rating key of the item that holds the file ``path``."""
        return int(self.item_at(path)["ratingKey"])

    def rating_keys(self) -> list[int]:
        """Every rating key there is, in order."""
        return sorted(self.library.items)

    def person_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as somebody in Plex Web: ``fields=``, ``tags=``, both then locked.

        Also takes ``lock=``, ``unlock=`` (names) and ``files=``; with ``updated_at=``
        (epoch seconds) it is a database that was put back.
        """
        return self._change(self._found(key), person=True, **change)

    def agent_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as an agent's refresh: locked ones stay, nothing gets locked."""
        return self._change(self._found(key), person=False, **change)

    def refresh(self, key: int | str) -> dict[str, Any]:
        """A refresh without news: an agentless item's unlocked title becomes the file name."""
        edits.refresh(self.library, self._found(key))
        return self.item(key)

    def watched(self, key: int | str, at: float, account: int = 1) -> int:
        """Let an account have seen an item to its end at a time; gives the row's number."""
        item, when = self._found(key), int(at)
        self.library.views.append(View(len(self.library.views) + 1, item, when, account))
        if account == 1:
            # Seen to its end: nothing is left to resume (an assumption; no recording shows it).
            item.view_offset = 0
            item.view_count += 1
            item.viewed_at = max(item.viewed_at, when)
        return len(self.library.views)

    def stopped(self, key: int | str, at: float, seconds: float) -> None:
        """Let the owner have stopped an item at a place, so many seconds from its beginning."""
        item = self._found(key)
        item.view_offset, item.viewed_at = int(seconds * 1000), int(at)

    def rates(self, key: int | str, rating: float | None, at: float) -> None:
        """Let the owner rate an item by hand, 0 to 10; None takes the rating away.

        As PUT /:/rate does: no lock, and no edit of the item (an assumption).
        """
        item = self._found(key)
        item.set_value("userRating", rating)
        item.rated_at = int(at)

    def forget_views(self, before: float) -> None:
        """Let the server cut its history short: rows from before a time are gone."""
        views = self.library.views
        self.library.views = [view for view in views if view.viewed_at >= int(before)]

    def add_item(
        self,
        path: str,
        section: int = 1,
        when: str = "now",
        files: Sequence[dict[str, Any]] = (),
        **facts: Any,
    ) -> dict[str, Any]:
        """A new item with one file (``size``, ``oshash``), or with ``files``.

        With ``when="scan"`` it appears only after a scan that covers its folder.
        """
        told = [FileFacts(**file) for file in files or [{"path": path, **facts}]]
        if when == "scan":
            self.library.waiting.append((self.library.sections[section], told))
            return {}
        return _everything(self.library.add_item(self.library.sections[section], told))

    def delete_item(self, key: int | str) -> None:
        """Take an item away, as emptying the trash does."""
        self.library.remove_item(self._found(key))

    def rekey(self, key: int | str, to: int = 0) -> int:
        """Give an item a new rating key, as removing and adding it again does.

        With ``to`` it is a free one of before, as in a database that was put back.
        """
        return self.library.rekey(self._found(key), to)

    def collections(self, section: int = 1) -> list[dict[str, Any]]:
        """Everything about each collection of a library, by title."""
        found = self.library.sections[section].sorted_items(COLLECTION)
        return [_everything(one) for one in found]

    def make_collection(self, title: str, section: int = 1, *, smart: bool = False) -> int:
        """Make a collection as somebody in Plex Web, without items; gives its rating key."""
        where = self.library.sections[section]
        return collections.make(self.library, where, title, smart=smart).key

    # The server

    def state(self) -> dict[str, Any]:
        """Its identity, sections, and how many files wait for a scan."""
        names = [{"title": section.title} for section in self.library.sections.values()]
        waiting = len(self.library.waiting)
        return {"machineIdentifier": self.machine_id, "sections": names, "waiting": waiting}

    def switches(self, **wanted: Any) -> dict[str, Any]:
        """Move switches (``simulator.plex.library.Switches``); gives the position of all."""
        for name, value in wanted.items():
            setattr(self.library.switches, name, value)
        return asdict(self.library.switches)

    def add_section(
        self, style: str = "other", title: str = "", locations: Sequence[str] = ()
    ) -> int:
        """A new empty library (a key of ``simulator.plex.library.STYLES``); its id."""
        return self.library.add_section(style, title, locations).section_id

    def delete_section(self, section: int) -> None:
        """Delete a library: Plex answers 404 to whatever is asked of it."""
        self.library.remove_section(section)

    def scan(self, section: int = 1) -> None:
        """Let a scan happen now."""
        self.library.finish_scan(self.library.sections[section], None)

    def reset(self) -> None:
        """Items, switches, faults, latency and the journal as when the process started."""
        self.restart()

    def _found(self, key: int | str) -> Item:
        return self.library.items[int(key)]

    def _change(
        self,
        item: Item,
        *,
        person: bool,
        fields: dict[str, Any] | None = None,
        tags: dict[str, list[str]] | None = None,
        lock: Sequence[str] = (),
        unlock: Sequence[str] = (),
        files: Sequence[dict[str, Any]] | None = None,
        updated_at: int | None = None,
    ) -> dict[str, Any]:
        if set(tags or ()) - set(TAG_ELEMENTS):
            raise ValueError(f"there are the tags {sorted(TAG_ELEMENTS)}, not {sorted(tags or ())}")
        if fields or tags:
            edits.change(self.library, item, fields or {}, tags or {}, person=person)
        for name in (*lock, *unlock):
            item.lock(name, locked=name in lock)
        if files is not None:
            self.library.replace_files(item, [FileFacts(**file) for file in files])
        if updated_at is not None:
            item.updated_at = updated_at
        return _everything(item)


def _everything(item: Item) -> dict[str, Any]:
    """All about an item, whatever a Plex page would leave out."""
    tags = {kind: taggings for kind, taggings in item.tags.items() if taggings}
    return {
        "ratingKey": item.key,
        "type": KIND_NAMES[item.kind],
        "files": [
            {"path": one.file.path, "size": one.file.size, "oshash": one.file.oshash}
            for one in item.parts
        ],
        "fields": {"title": item.title, **item.values},
        "tags": {kind: [one.row.tag for one in taggings] for kind, taggings in tags.items()},
        "roles": [
            {"tag": one.row.tag, "role": one.text, "thumb": one.row.thumb}
            for one in tags.get("actor", ())
        ],
        "locked": list(item.locked),
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        "posters": _told(item, "posters"),
        "arts": _told(item, "arts"),
    }


def _told(item: Item, which: str) -> list[dict[str, Any]]:
    images = edits.offered(item, which)
    return [{"key": image.key, "selected": image.selected} for image in images]
