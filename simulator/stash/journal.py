"""What the stand-in was asked: every request with its GraphQL, and counts by operation."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter, deque
from typing import Any, Final

KEPT: Final = 100_000
_OPERATION: Final = re.compile(r"\s*(?:#[^\n]*\n\s*)*(query|mutation)\s+(\w+)")
_SHARED_LIMIT: Final = 4096


class Entry:
    """One request. ``status`` is 0 while nothing was answered; ``at`` is epoch seconds."""

    __slots__ = (
        "at",
        "bytes_out",
        "fault",
        "headers",
        "method",
        "operation",
        "query",
        "seconds",
        "status",
        "target",
        "variables",
    )

    def __init__(self, method: str, target: str, headers: dict[str, str]) -> None:
        self.at = time.time()
        self.method = method
        self.target = target
        self.headers = headers
        self.query = ""
        self.operation = ""
        self.variables: Any = None
        self.status = 0
        self.bytes_out = 0
        self.seconds = 0.0
        self.fault = ""

    def as_dict(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


class Journal:
    """The newest hundred thousand requests, and counters that never forget."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._counts: Counter[str] = Counter()
        self._shared: dict[str, str] = {}
        self._total = 0
        self.connections = 0

    def open(self, entry: Entry, request: dict[str, Any] | None) -> None:
        """Note a request as it arrives, with the GraphQL it posts, if it does."""
        with self._lock:
            if request is not None:
                if len(self._shared) > _SHARED_LIMIT:
                    self._shared.clear()
                text = str(request.get("query") or "")
                entry.query = self._shared.setdefault(text, text)
                entry.variables = request.get("variables")
                entry.operation = operation_name(request)
            self._entries.append(entry)
            self._total += 1
            self._counts[entry.operation or f"{entry.method} {entry.target.partition('?')[0]}"] += 1

    def clear(self) -> None:
        """Forget everything, counters too."""
        with self._lock:
            self._entries.clear()
            self._counts.clear()
            self._total = 0
            self.connections = 0

    def counts(self) -> dict[str, int]:
        """Requests by operation name (others by method and path) since the last clear."""
        with self._lock:
            return {"total": self._total, "connections": self.connections, **self._counts}

    def report(self, since: int, limit: int, *, headers: bool) -> dict[str, Any]:
        """Requests from number ``since`` (0 is the first after a clear), at most ``limit``."""
        with self._lock:
            entries, first = list(self._entries), self._total - len(self._entries)
        start = max(0, since - first)
        found = []
        for offset, entry in enumerate(entries[start : start + limit]):
            one = {"number": first + start + offset, **entry.as_dict()}
            if not headers:
                del one["headers"]
            found.append(one)
        return {"counts": self.counts(), "first": first, "requests": found}


def operation_name(request: dict[str, Any]) -> str:
    """The name of a posted operation; empty for one without a name."""
    name = request.get("operationName")
    if name:
        return str(name)
    found = _OPERATION.match(str(request.get("query") or ""))
    return found.group(2) if found else ""
