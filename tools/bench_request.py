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

import requests

from plex.client import PlexClient
from simulator.environment import Environment, env
from stash.client import StashClient
from stash.connection import StashConnection
from tools.bench_row import Row, paired

#: Most that a request may cost against the same by bare http.client.
LIMIT: Final = 1.2
EDITS: Final = "/library/sections/1/all"

VERSION_QUESTION = "query Version { version { version } }"


def rows(folder: Path, pairs: int, times: int) -> Iterator[Row]:
    """Measure and give the rows about one request, each way in turn, some times at a stretch."""
    with env(folder / "requests", 2) as built, ExitStack() as stack:
        session = stack.enter_context(requests.Session())
        session.trust_env = False
        yield _row(
            "one PUT through PlexClient : by bare http.client",
            (_put_ours(built, stack), *_bare_put(built, stack, session)),
            pairs,
            times,
        )
        yield _row(
            "one question through StashClient : by http.client",
            (_question_ours(built, stack), *_bare_question(built, stack, session)),
            pairs,
            times,
        )


def _row(what: str, ways: tuple[Callable[[int], object], ...], pairs: int, times: int) -> Row:
    """Measure three ways in turn: ours, by http.client, by a session of requests."""
    took: list[list[float]] = [[] for _ in ways]
    for way in ways:
        way(0)  # opens the connection
    for number in range(1, pairs + 1):
        for kept, way in zip(took, ways, strict=True):
            began = time.process_time()
            for count in range(times):
                way(number * times + count)
            kept.append((time.process_time() - began) / times)
    ours, bare, by_requests = took
    beside = paired("", by_requests, bare, show=_microseconds)
    return paired(
        what,
        ours,
        bare,
        LIMIT,
        show=_microseconds,
        remark=f"processor time of one; a session of requests {beside.ours}, {beside.ratio:.1f}",
    )


def _microseconds(value: float) -> str:
    return f"{value * 1e6:.0f} us"


def _edit(key: int, number: int) -> list[tuple[str, str]]:
    title = ("title.value", f"Edit {number}")
    return [("type", "1"), ("id", str(key)), title, ("title.locked", "1")]


def _put_ours(built: Environment, stack: ExitStack) -> Callable[[int], object]:
    client = stack.enter_context(PlexClient(built.plex.url, built.plex.token))
    key = built.item(1)["ratingKey"]
    return lambda number: client.query(EDITS, _edit(key, number), method="PUT")


def _bare_put(
    built: Environment, stack: ExitStack, session: requests.Session
) -> tuple[Callable[[int], object], ...]:
    key = built.item(1)["ratingKey"]
    token = {"X-Plex-Token": built.plex.token}
    bare = http.client.HTTPConnection(urlsplit(built.plex.url).netloc, timeout=30)
    stack.callback(bare.close)

    def put(number: int) -> bytes:
        bare.request("PUT", f"{EDITS}?{urlencode(_edit(key, number))}", headers=token)
        return bare.getresponse().read()

    def put_by_requests(number: int) -> bytes:
        url = built.plex.url + EDITS
        return session.put(url, params=_edit(key, number), headers=token, timeout=30).content

    return put, put_by_requests


def _question_ours(built: Environment, stack: ExitStack) -> Callable[[int], object]:
    place = urlsplit(built.stash.url)
    connection = StashConnection(
        place.scheme, str(place.hostname), int(place.port or 0), "session", built.stash.cookie()
    )
    client = stack.enter_context(closing(StashClient(connection)))
    return lambda _: client.query(VERSION_QUESTION, {})


def _bare_question(
    built: Environment, stack: ExitStack, session: requests.Session
) -> tuple[Callable[[int], object], ...]:
    question = {"query": VERSION_QUESTION, "variables": {}}
    shown = {"Cookie": f"session={built.stash.cookie()}", "Content-Type": "application/json"}
    bare = http.client.HTTPConnection(urlsplit(built.stash.url).netloc, timeout=30)
    stack.callback(bare.close)

    def ask(_: int) -> object:
        bare.request("POST", "/graphql", json.dumps(question).encode(), shown)
        return json.loads(bare.getresponse().read())

    def ask_by_requests(_: int) -> object:
        url = f"{built.stash.url}/graphql"
        return session.post(url, json=question, headers=shown, timeout=30).json()

    return ask, ask_by_requests
