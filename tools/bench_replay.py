"""The very same requests once more, as bare as Python can send them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from simulator.environment import Environment

#: Headers that http.client writes by itself.
_OWN: Final = {"host", "content-length", "connection"}
#: What the benchmark asks Stash itself, to start a task and to see it end.
_NOT_OURS: Final = {"Save", "Run", "Job"}


@dataclass(frozen=True, slots=True)
class Asked:
    """One recorded request: when it came and was answered (epoch seconds), and all it said."""

    at: float
    answered: float
    server: str
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(default=None, repr=False)


def recorded(built: Environment) -> list[Asked]:
    """Everything both servers were asked by the plugin since they last forgot, in order."""
    asked = [_asked(built.plex.url, one) for one in built.plex.requests()]
    for one in built.stash.requests():
        if one["operation"] in _NOT_OURS:
            continue
        said = {"query": one["query"], "variables": one["variables"]}
        body = json.dumps(said).encode() if one["method"] == "POST" else None
        asked.append(_asked(built.stash.url, one, body))
    return sorted(asked, key=lambda one: one.at)


def replay(asked: Sequence[Asked]) -> float:
    """Send recorded requests again, as concurrently as they came; give the seconds it took.

    Those that overlapped go together over connections of their own, each after the one that
    was answered before it came; all else goes one after the other.

    Raises:
        RuntimeError: A server did not answer one of them as it did the first time.
    """
    steps = [in_lanes(step) for step in overlapping(asked)]
    senders = [_Sender() for _ in range(max(map(len, steps)))]
    began = time.perf_counter()
    with ThreadPoolExecutor(len(senders)) as threads:
        for step in steps:
            if len(step) == 1:
                senders[0].send_all(step[0])
            else:
                list(threads.map(_Sender.send_all, senders, step))
    took = time.perf_counter() - began
    for sender in senders:
        sender.close()
    return took


def overlapping(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Requests in their order, in lists of those that were under way together."""
    steps: list[list[Asked]] = []
    until = 0.0
    for one in asked:
        if not steps or one.at >= until:
            steps.append([])
        steps[-1].append(one)
        until = max(until, one.answered)
    return steps


def in_lanes(asked: Sequence[Asked]) -> list[list[Asked]]:
    """Requests that were under way together, in as few lists as have no two at one time."""
    lanes: list[list[Asked]] = []
    for one in asked:
        free = (lane for lane in lanes if lane[-1].answered <= one.at)
        lane = next(free, None)
        if lane is None:
            lanes.append([one])
        else:
            lane.append(one)
    return lanes


class _Sender:
    """Sends over one kept connection to each server."""

    def __init__(self) -> None:
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def send_all(self, lane: Sequence[Asked]) -> None:
        """Send requests one after the other, and read their answers."""
        for one in lane:
            connection = self._connections.get(one.server)
            if connection is None:
                connection = http.client.HTTPConnection(urlsplit(one.server).netloc, timeout=60)
                self._connections[one.server] = connection
            connection.request(one.method, one.target, one.body, dict(one.headers))
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                raise RuntimeError(
                    f"the replay went another way: {one.method} {one.target[:80]}: {reply.status}"
                )

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.close()


def _asked(server: str, one: Mapping[str, Any], body: bytes | None = None) -> Asked:
    answered = one["at"] + one["seconds"]
    headers = {
        name: str(value) for name, value in one["headers"].items() if name.lower() not in _OWN
    }
    return Asked(one["at"], answered, server, one["method"], one["target"], headers, body)
