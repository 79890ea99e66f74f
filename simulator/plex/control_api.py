"""The stand-in's own addresses under ``/sim/``: what tests and the demo steer it with.

Every answer is JSON. Nothing here needs a token, is logged, delayed or meets a
fault; only clients on this machine are served.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator.plex import edits
from simulator.plex.faults import BadRuleError, FaultPlan
from simulator.plex.images import offered
from simulator.plex.items import KIND_NAMES, TAG_ELEMENTS, Item
from simulator.plex.library import FileFacts, Library
from simulator.plex.sections import STYLES
from simulator.plex.switches import UnknownSwitchError
from simulator.plex.wire import Reply, Request

if TYPE_CHECKING:
    from simulator.plex.journal import Journal
    from simulator.plex.routes import PlexRoutes


class ControlRefusedError(Exception):
    """A control request that makes no sense; ``status`` is what it is answered with."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Latency:
    """Milliseconds every Plex request waits before it is handled."""

    def __init__(self, milliseconds: float) -> None:
        self.milliseconds = milliseconds


class ControlApi:
    """Carries out control requests on the parts of the stand-in.

    Args:
        library: What Plex holds.
        routes: The Plex side, for its tokens and scans.
        journal: The requests so far.
        faults: The fault rules.
        latency: How long every request waits.
        fill: Puts the first items into an empty library; called now and at every reset.
    """

    def __init__(
        self,
        library: Library,
        routes: PlexRoutes,
        journal: Journal,
        faults: FaultPlan,
        latency: Latency,
        fill: Callable[[], None],
    ) -> None:
        self.library = library
        self.routes = routes
        self.journal = journal
        self.faults = faults
        self.latency = latency
        self._fill = fill
        self._start = (library.switches.as_dict(), latency.milliseconds)
        fill()

    def answer(self, request: Request) -> Reply:
        """The reply to one request below ``/sim/``."""
        words = [word for word in request.path.split("/") if word][1:]
        try:
            wanted = json.loads(request.body) if request.body else {}
            with self.library.lock:
                result = self._dispatch(request, words, wanted)
        except ControlRefusedError as refusal:
            return _json({"error": str(refusal)}, refusal.status)
        except (BadRuleError, UnknownSwitchError) as refusal:
            return _json({"error": str(refusal)}, 400)
        except (KeyError, TypeError, ValueError) as mistake:
            return _json({"error": f"{type(mistake).__name__}: {mistake}"}, 400)
        return _json(result)

    def _dispatch(self, request: Request, words: list[str], wanted: Any) -> Any:
        method, name = request.method, words[0] if words else ""
        if name == "faults":
            return self._faults(method, words[1:], wanted)
        if name == "requests":
            return self._requests(request, method)
        if name == "items":
            return self._items(request, method, words[1:], wanted)
        if name == "switches":
            if method == "PUT":
                self.library.switches.update(wanted)
            return self.library.switches.as_dict()
        if name == "latency" and method == "POST":
            self.latency.milliseconds = float(wanted["ms"])
            return {"ms": self.latency.milliseconds}
        if name == "reset" and method == "POST":
            return self._reset()
        if name == "sections" and method == "POST":
            return self._add_section(wanted)
        if name == "sections" and method == "DELETE":
            self.library.remove_section(int(words[1]))
            return None
        if name == "scan" and method == "POST":
            section = self.library.sections[int(wanted.get("section", 1))]
            return {"found": self.routes.sections.finish_scan(section, wanted.get("path"))}
        if name == "tags" and method == "GET":
            rows = self.library.tag_rows.items()
            return [
                {"kind": kind, "id": row.tag_id, "tag": row.tag, "thumb": row.thumb}
                for (kind, _), row in rows
            ]
        if name in {"", "state"} and method == "GET":
            return self._state()
        raise ControlRefusedError(404, f"nothing answers {method} {request.path}")

    def _reset(self) -> dict[str, Any]:
        """Everything as it was when the process started; requests that hang are let go."""
        self.faults.remove()
        switches, self.latency.milliseconds = self._start
        self.library.switches.update(switches)
        self.library.clear()
        self._fill()
        self.journal.clear()
        return self._state()

    def _faults(self, method: str, words: list[str], wanted: Any) -> Any:
        if method == "POST":
            rules = wanted if isinstance(wanted, list) else [wanted]
            return [self.faults.add(rule).as_dict() for rule in rules]
        if method == "DELETE":
            self.faults.remove(int(words[0]) if words else None)
        return self.faults.rules()

    def _requests(self, request: Request, method: str) -> Any:
        if method == "DELETE":
            self.journal.clear()
            return {}
        return self.journal.report(
            int(request.argument("since") or 0),
            int(request.argument("limit") or 10_000),
            headers=request.argument("headers") != "0",
        )

    def _items(self, request: Request, method: str, words: list[str], wanted: Any) -> Any:
        if not words:
            if method == "POST":
                return self._add_item(wanted)
            path = request.argument("path")
            if path is not None:
                return _item(self._one(self.library.find_path(path)))
            return sorted(self.library.items)
        item = self._one(self.library.items.get(int(words[0])))
        if len(words) > 1 and method == "POST":
            if words[1] == "rekey":
                return {"ratingKey": self.library.rekey(item)}
            if words[1] == "refresh":
                if wanted:
                    return self._change(item, wanted, person=False)
                edits.refresh(self.library, item)
                return _item(item)
        elif method == "PUT":
            return self._change(item, wanted, person=wanted.get("by", "person") == "person")
        elif method == "DELETE":
            self.library.remove_item(item)
            return {}
        elif method == "GET":
            return _item(item)
        raise ControlRefusedError(404, f"nothing answers {method} {request.path}")

    def _change(self, item: Item, wanted: dict[str, Any], *, person: bool) -> dict[str, Any]:
        unknown = set(wanted) - {"by", "fields", "tags", "lock", "unlock", "files"}
        unknown |= set(wanted.get("tags") or {}) - set(TAG_ELEMENTS)
        if unknown:
            raise ControlRefusedError(400, f"an item has no {sorted(unknown)}")
        fields, tags = wanted.get("fields") or {}, wanted.get("tags") or {}
        changed = []
        if fields or tags:
            changed = edits.change(self.library, item, fields, tags, person=person)
        for name in wanted.get("lock") or ():
            item.lock(name, locked=True)
        for name in wanted.get("unlock") or ():
            item.lock(name, locked=False)
        if "files" in wanted:
            self.library.replace_files(item, _files(wanted["files"]))
        return {**_item(item), "changed": changed}

    def _add_item(self, wanted: dict[str, Any]) -> dict[str, Any]:
        section = self.library.sections[int(wanted.get("section", 1))]
        files = _files(wanted.get("files") or [wanted])
        title = str(wanted.get("title") or "")
        when = wanted.get("when", "now")
        if when == "scan":
            self.library.waiting.append((section.section_id, files, title))
            return {"waiting": len(self.library.waiting)}
        if when != "now":
            raise ControlRefusedError(400, f"when is 'now' or 'scan', not {when!r}")
        return _item(self.library.add_item(section, files, title))

    def _add_section(self, wanted: dict[str, Any]) -> dict[str, Any]:
        style = str(wanted.get("type", "other"))
        if style not in STYLES:
            raise ControlRefusedError(400, f"type is one of {sorted(STYLES)}, not {style!r}")
        section = self.library.add_section(
            style, str(wanted.get("title") or ""), wanted.get("locations") or ()
        )
        return {"section": section.section_id}

    def _state(self) -> dict[str, Any]:
        return {
            "machineIdentifier": self.routes.server.machine_id,
            "token": self.routes.token,
            "sharedToken": self.routes.shared_token,
            "items": len(self.library.items),
            "waiting": len(self.library.waiting),
            "latency_ms": self.latency.milliseconds,
            "counts": self.journal.counts(),
            "sections": [
                {
                    "id": section.section_id,
                    "title": section.title,
                    "type": section.style.type,
                    "agent": section.style.agent,
                    "locations": section.locations,
                    "uuid": section.uuid,
                    "items": {KIND_NAMES[k]: len(v) for k, v in section.items.items()},
                }
                for section in self.library.sections.values()
            ],
        }

    def _one(self, item: Item | None) -> Item:
        if item is None:
            raise ControlRefusedError(404, "there is no such item")
        return item


def _files(wanted: list[dict[str, Any]]) -> tuple[FileFacts, ...]:
    return tuple(
        FileFacts(
            path=str(file["path"]),
            size=int(file.get("size", 1_000_000)),
            oshash=str(file.get("oshash", "")),
            duration_ms=int(file.get("duration_ms", 600_000)),
        )
        for file in wanted
    )


def _item(item: Item) -> dict[str, Any]:
    """Everything about an item, whatever a Plex page would leave out."""
    return {
        "ratingKey": item.key,
        "type": KIND_NAMES[item.kind],
        "section": item.section_id,
        "files": [
            {"path": part.path, "size": part.size, "oshash": part.oshash} for part in item.parts
        ],
        "fields": {"title": item.title, **(item.values or {})},
        "tags": {
            kind: [tagging.row.tag for tagging in taggings]
            for kind, taggings in (item.tags or {}).items()
            if taggings
        },
        "roles": [
            {"tag": t.row.tag, "role": t.text, "thumb": t.row.thumb}
            for t in (item.tags or {}).get("actor", ())
        ],
        "locked": list(item.locked or ()),
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
        "posters": _images(item, "posters"),
        "arts": _images(item, "arts"),
    }


def _images(item: Item, which: str) -> list[dict[str, Any]]:
    return [{"key": image.key, "selected": image.selected} for image in offered(item, which)]


def _json(result: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(result).encode(), "application/json")
