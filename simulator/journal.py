"""What a stand-in was asked: every request, compactly, and counts by kind."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from simulator.wire import Request

KEPT: Final = 250_000


@dataclass(slots=True)
class Entry:
    """One request. ``status`` is 0 while nothing was answered; ``at`` is epoch seconds."""

    at: float
    method: str
    target: str
    headers: Mapping[str, str]
    operation: str
    query: str
    variables: Any
    bytes_out: int = 0
    seconds: float = 0.0
    status: int = 0
    fault: str = ""


class Journal:
    """The newest quarter of a million requests, and counters that never forget."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, counters too."""
        with self._lock:
            self._entries: deque[Entry] = deque(maxlen=KEPT)
            self._counts: Counter[str] = Counter()

    def connected(self) -> None:
        """Count a connection that carries requests other than those that steer."""
        with self._lock:
            self._counts["connections"] += 1

    def open(self, request: Request, kinds: Iterable[str]) -> Entry:
        """Note a request as it arrives; the entry is completed when it is answered."""
        # A client sends the same text again and again: keep it once.
        asked = (request.operation, sys.intern(request.query), request.variables)
        of_wire = (request.method, request.target, request.headers)
        entry = Entry(time.time(), *of_wire, *asked)
        with self._lock:
            self._entries.append(entry)
            for kind in ("total", *kinds):
                self._counts[kind] += 1
        return entry

    def close(self, entry: Entry, status: int, sent: int) -> None:
        """Note how a request ended: ``sent`` body bytes, and no status if it got no answer."""
        entry.status = status
        entry.seconds = time.time() - entry.at
        entry.bytes_out = sent
        if status in {401, 403}:
            with self._lock:
                self._counts["refused"] += 1

    def counts(self) -> dict[str, int]:
        """Requests by kind since the last clear (a request may be of several kinds)."""
        with self._lock:
            return dict(self._counts)

    def report(self, *, headers: bool) -> list[dict[str, Any]]:
        """Every request that is remembered, oldest first."""
        with self._lock:
            entries = list(self._entries)
        names = [one.name for one in fields(Entry) if headers or one.name != "headers"]
        return [{name: getattr(entry, name) for name in names} for entry in entries]
