"""One request: what the way to Plex and to Stash adds to bare http.client, in processor time.

The other process and the wire are left out by counting our own processor time only.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urlsplit

from plex.client import PlexClient
from simulator.environment import Environment, env
from stash.client import StashClient
from stash.connection import StashConnection
from tools.bench_row import Row, paired

_Way = Callable[[int], object]

#: Most that a request may cost against the same by bare http.client.
LIMIT: Final = 1.2
EDITS: Final = "/library/sections/1/all"

VERSION_QUESTION = "query Version { version { version } }"


def rows(folder: Path, pairs: int, times: int) -> Iterator[Row]:
    """Measure and give the rows about one request, each way in turn, some times at a stretch."""
    with env(folder / "requests", 2) as built, ExitStack() as stack:
        put = _put_ours(built, stack), _bare_put(built, stack)
        yield _row("one PUT through PlexClient : by bare http.client", put, pairs, times)
        asked = _question_ours(built, stack), _bare_question(built, stack)
        yield _row("one question through StashClient : by http.client", asked, pairs, times)


def _row(what: str, ways: tuple[_Way, _Way], pairs: int, times: int) -> Row:
    """Measure two ways in turn: ours, and by http.client."""
    took: tuple[list[float], list[float]] = ([], [])
    for way in ways:
        way(0)  # opens the connection
    for number in range(1, pairs + 1):
        for kept, way in zip(took, ways, strict=True):
            began = time.process_time()
            for count in range(times):
                way(number * times + count)
            kept.append((time.process_time() - began) / times)
    return paired(what, *took, LIMIT, show=_microseconds, remark="processor time of one")


def _microseconds(value: float) -> str:
    return f"{value * 1e6:.0f} us"


def _edit(key: int, number: int) -> list[tuple[str, str]]:
    title = ("title.value", f"Edit {number}")
    return [("type", "1"), ("id", str(key)), title, ("title.locked", "1")]


def _put_ours(built: Environment, stack: ExitStack) -> _Way:
    client = stack.enter_context(PlexClient(built.plex.url, built.plex.token))
    key = built.item(1)["ratingKey"]
    return lambda number: client.query(EDITS, _edit(key, number), method="PUT")


def _bare_put(built: Environment, stack: ExitStack) -> _Way:
    key = built.item(1)["ratingKey"]
    token = {"X-Plex-Token": built.plex.token}
    bare = http.client.HTTPConnection(urlsplit(built.plex.url).netloc, timeout=30)
    stack.callback(bare.close)

    def put(number: int) -> bytes:
        bare.request("PUT", f"{EDITS}?{urlencode(_edit(key, number))}", headers=token)
        return bare.getresponse().read()

    return put


def _question_ours(built: Environment, stack: ExitStack) -> _Way:
    place = urlsplit(built.stash.url)
    connection = StashConnection(
        place.scheme, str(place.hostname), int(place.port or 0), "session", built.stash.cookie()
    )
    client = stack.enter_context(closing(StashClient(connection)))
    return lambda _: client.query(VERSION_QUESTION, {})


def _bare_question(built: Environment, stack: ExitStack) -> _Way:
    question = {"query": VERSION_QUESTION, "variables": {}}
    shown = {"Cookie": f"session={built.stash.cookie()}", "Content-Type": "application/json"}
    bare = http.client.HTTPConnection(urlsplit(built.stash.url).netloc, timeout=30)
    stack.callback(bare.close)

    def ask(_: int) -> object:
        bare.request("POST", "/graphql", json.dumps(question).encode(), shown)
        return json.loads(bare.getresponse().read())

    return ask
