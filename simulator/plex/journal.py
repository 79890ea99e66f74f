"""What the stand-in was asked: every request, compactly, and counts by kind."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any, Final

from simulator.plex.wire import Request, parse_headers

KEPT: Final = 250_000
_MOST_HEADS: Final = 4_096

KINDS: Final = (
    "reads",
    "writes",
    "file_queries",
    "listings",
    "item_reads",
    "tree_reads",
    "section_reads",
    "edits",
    "image_reads",
    "image_writes",
    "scans",
    "faults",
    "refused",
)


class Entry:
    """One request. ``status`` is 0 while nothing was answered; ``at`` is epoch seconds."""

    __slots__ = (
        "at",
        "bytes_in",
        "bytes_out",
        "fault",
        "head",
        "method",
        "seconds",
        "status",
        "target",
    )

    def __init__(self, request: Request, head: bytes) -> None:
        self.at = time.time()
        self.method = request.method
        self.target = request.target
        self.head = head
        self.status = 0
        self.bytes_in = len(request.body)
        self.bytes_out = 0
        self.seconds = 0.0
        self.fault = ""


class Journal:
    """The newest quarter of a million requests, and counters that never forget."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._heads: dict[bytes, bytes] = {}
        self._counts = dict.fromkeys(KINDS, 0)
        self._total = 0
        self.connections = 0

    def connected(self) -> None:
        """Count a connection that carries Plex requests."""
        with self._lock:
            self.connections += 1

    def open(self, request: Request) -> Entry:
        """Note a request as it arrives; the entry is completed when it is answered."""
        with self._lock:
            # A client sends the same headers again and again: keep them once.
            if len(self._heads) > _MOST_HEADS:
                self._heads.clear()
            entry = Entry(request, self._heads.setdefault(request.head, request.head))
            self._entries.append(entry)
            self._total += 1
            for kind in kinds_of(request):
                self._counts[kind] += 1
        return entry

    def close(self, entry: Entry, status: int, sent: int, fault: str = "") -> None:
        """Note how a request ended: ``sent`` body bytes, and the fault it met, if any."""
        entry.status = status
        entry.seconds = time.time() - entry.at
        entry.bytes_out = sent
        entry.fault = fault
        if fault or status in {401, 403}:
            with self._lock:
                self._counts["faults"] += bool(fault)
                self._counts["refused"] += status in {401, 403}

    def clear(self) -> None:
        """Forget everything, counters too."""
        with self._lock:
            self._entries.clear()
            self._counts = dict.fromkeys(KINDS, 0)
            self._total = 0
            self.connections = 0

    def counts(self) -> dict[str, int]:
        """Requests by kind since the last clear (a request may be of several kinds)."""
        with self._lock:
            return {"total": self._total, "connections": self.connections, **self._counts}

    def report(self, since: int, limit: int, *, headers: bool) -> dict[str, Any]:
        """Requests from number ``since`` (0 is the first after a clear), at most ``limit``."""
        with self._lock:
            entries = list(self._entries)
            first = self._total - len(entries)
        start = max(0, since - first)
        found = [
            {
                "number": first + start + offset,
                "at": entry.at,
                "seconds": entry.seconds,
                "method": entry.method,
                "target": entry.target,
                "status": entry.status,
                "bytes_in": entry.bytes_in,
                "bytes_out": entry.bytes_out,
                "fault": entry.fault,
                **({"headers": parse_headers(entry.head)} if headers else {}),
            }
            for offset, entry in enumerate(entries[start : start + limit])
        ]
        return {"counts": self.counts(), "first": first, "requests": found}


def kinds_of(request: Request) -> list[str]:
    """Which counters a request belongs to."""
    path, method = request.path, request.method
    reading = method in {"GET", "HEAD"}
    kinds = ["reads" if reading else "writes"]
    if path.endswith("/all") and path.startswith("/library/sections/"):
        if not reading:
            kinds.append("edits")
        elif "file" in request.raw_query and any(name == "file" for name, _ in request.pairs):
            kinds.append("file_queries")
        else:
            kinds.append("listings")
    elif path.startswith("/library/metadata/"):
        rest = path[18:].partition("/")[2]
        if rest == "tree":
            kinds.append("tree_reads")
        elif rest == "":
            kinds.append("item_reads" if reading else "edits")
        elif rest.partition("/")[0] in {"posters", "arts", "poster", "art", "thumb"}:
            kinds.append("image_reads" if reading else "image_writes")
    elif path == "/:/rate":
        kinds.append("edits")
    elif path.startswith("/library/sections"):
        kinds.append("scans" if path.endswith("/refresh") else "section_reads")
    return kinds
