"""The very same requests once more, as bare as Python can send them."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from simulator.demo_town import Town

#: Headers that http.client writes by itself.
_OWN: Final = {"host", "content-length", "connection"}
#: What the benchmark asks Stash itself, to start a task and to see it end.
_NOT_OURS: Final = {"Save", "Run", "Job"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One recorded request: when it came (epoch seconds), to which server, and all it said."""

    at: float
    server: str
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


def recorded(built: Town) -> list[Asked]:
    """Everything both servers were asked by the plugin since they last forgot, in order."""
    asked = [
        Asked(one["at"], built.plex.url, one["method"], one["target"], _kept(one["headers"]))
        for one in built.plex.requests()
    ]
    for one in built.stash.requests():
        if one["operation"] in _NOT_OURS:
            continue
        said = {"query": one["query"], "variables": one["variables"]}
        body = json.dumps(said).encode() if one["method"] == "POST" else None
        headers = _kept(one["headers"])
        asked.append(Asked(one["at"], built.stash.url, one["method"], one["target"], headers, body))
    return sorted(asked, key=lambda one: one.at)


def replay(asked: Sequence[Asked], at_once: int) -> float:
    """Send recorded requests in their order over kept connections; give the seconds it took.

    Args:
        asked: What to send.
        at_once: Threads, each with one connection to every server.

    Raises:
        RuntimeError: A server did not answer one of them as it did the first time.
    """
    turns = iter(asked)
    lock = threading.Lock()
    failures: list[str] = []

    def send() -> None:
        connections: dict[str, http.client.HTTPConnection] = {}
        while not failures:
            with lock:
                one = next(turns, None)
            if one is None:
                break
            connection = connections.get(one.server)
            if connection is None:
                connection = http.client.HTTPConnection(urlsplit(one.server).netloc, timeout=60)
                connections[one.server] = connection
            connection.request(one.method, one.target, one.body, dict(one.headers))
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                failures.append(f"{one.method} {one.target[:80]}: {reply.status}")
        for connection in connections.values():
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(at_once)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    if failures:
        raise RuntimeError(f"the replay went another way: {failures[0]}")
    return took


def _kept(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in headers.items() if name.lower() not in _OWN}
