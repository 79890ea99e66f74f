"""Start a stand-in as its own process, and steer it: what both have, and the Plex side.

The process ends when the ``with`` block ends, and by itself if we die first.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
READY_SECONDS: Final = 60.0


class StandInError(Exception):
    """A stand-in did not start, or turned a control request down."""


class StandIn:
    """The process of ``python -m module`` with these options, and its ``url`` once it listens.

    Raises:
        StandInError: If it ends, says something else, or says nothing in time.
    """

    def __init__(self, module: str, options: Mapping[str, Any]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, json.dumps(options, default=str)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        stdout = self.process.stdout
        assert stdout is not None
        lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True).start()
        try:
            self.url = str(json.loads(lines.get(timeout=READY_SECONDS))["url"])
        except (queue.Empty, ValueError) as error:
            self.stop()
            raise StandInError(f"{module} did not say that it is ready") from error

    def stop(self) -> None:
        """End it now, as a power cut would; safe to call twice."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@contextlib.contextmanager
def running(module: str, options: Mapping[str, Any]) -> Iterator[StandIn]:
    """A ``StandIn`` for one block."""
    stand_in = StandIn(module, options)
    try:
        yield stand_in
    finally:
        stand_in.stop()


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw reply: status, headers by the name they were sent with, body as sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ControlClient:
    """Steers the stand-in at ``url``; ``port`` is where it listens."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(urlsplit(url).port or 0)
        self.process: StandIn | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def send(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 60,
    ) -> Answer:
        """One raw request over a connection of its own, target and headers as they are."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, target, body, {"Connection": "close", **(headers or {})})
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def call(self, name: str, /, **wanted: Any) -> Any:
        """What a method of the stand-in's ``ControlApi`` gives, as Python objects.

        Raises:
            StandInError: If it cannot do that.
        """
        reply = self.send("POST", f"/sim/{name}", json.dumps(wanted, default=str).encode())
        if reply.status != 200:
            raise StandInError(f"{name}: {reply.body.decode()}")
        return json.loads(reply.body)

    def fault(
        self,
        action: str,
        *,
        method: str = "",
        path: str = "",
        operation: str = "",
        query: str = "",
        nth: int = 1,
        times: int | None = 1,
        **options: Any,
    ) -> int:
        """Put one fault in force; gives its id.

        Args:
            action: One of those in ``simulator.faults``.
            method: Only requests with this method; empty is any.
            path: Regular expression searched in the raw path and query.
            operation: Exact name of the GraphQL operation; empty is any request.
            query: Regular expression searched in the GraphQL text.
            nth: The first matching request that meets the fault.
            times: How many meet it; None is all of them.
            options: What the action takes: ``seconds``, ``status``, ``body``,
                ``headers``, ``content_type``, ``location``, ``message``, ``bytes``,
                ``polite`` (no RST), ``apply`` (what was asked is done all the same).
        """
        texts = {"method": method, "path": path, "operation": operation, "query": query}
        match = {**texts, "nth": nth, "times": times}
        return int(self.call("fault", action=action, match=match, options=options))

    def faults(self) -> list[dict[str, Any]]:
        """Every rule: ``id``, ``seen`` (requests that matched) and ``hits`` (that met it)."""
        return list(self.call("faults"))

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Drop one rule or all; what hangs because of it goes on."""
        self.call("clear_faults", rule_id=rule_id)

    def requests(self, *, headers: bool = True) -> list[dict[str, Any]]:
        """Requests in order: at, method, target, status, bytes_in/out, fault, headers...

        Of those to Stash also ``operation``, ``query`` and ``variables``.
        """
        return list(self.call("requests", headers=headers))

    def counts(self) -> dict[str, int]:
        """How many requests there were: ``total``, and those of each kind.

        The kinds are ``PlexServer.kinds``, for Stash the operation's name, or else
        method and path. ``connections`` counts those that carried any of them.
        """
        return dict(self.call("counts"))

    def clear_requests(self) -> None:
        """Forget the requests and set the counters to zero."""
        self.call("clear_requests")

    def latency(self, milliseconds: float) -> None:
        """Let every request wait this long before it is handled."""
        self.call("latency", milliseconds=milliseconds)

    def state(self) -> dict[str, Any]:
        """Plex: its identity, sections, and files that wait for a scan. Stash: its time."""
        return dict(self.call("state"))

    def stop(self) -> None:
        """End the process; does nothing for one that is not ours."""
        if self.process is not None:
            self.process.stop()


class PlexControl(ControlClient):
    """Steers the Plex stand-in at ``url``.

    ``token`` is the owner's; ``shared_token`` may read but not write.
    """

    def __init__(self, url: str, token: str, shared_token: str = "") -> None:
        super().__init__(url)
        self.token = token
        self.shared_token = shared_token

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One raw request to the Plex side; an empty token is the owner's, None sends none."""
        sent = {} if token is None else {"X-Plex-Token": token or self.token}
        return self.send(method, target, body, {**sent, **(headers or {})})

    # Items

    def item(self, key: int | str) -> dict[str, Any]:
        """Everything about one item: files, fields, tags, roles, locked, posters, times."""
        return dict(self.call("item", key=key))

    def item_at(self, path: str) -> dict[str, Any]:
        """The item that holds the file ``path`` (as Plex sees it)."""
        return dict(self.call("item_at", path=path))

    def key_of(self, path: str) -> int:
        """Rating key of the item that holds the file ``path``."""
        return int(self.item_at(path)["ratingKey"])

    def rating_keys(self) -> list[int]:
        """Every rating key there is, shows and seasons too, in order."""
        return list(self.call("rating_keys"))

    def person_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as somebody in Plex Web: ``fields=``, ``tags=``, both then locked.

        Also takes ``lock=``, ``unlock=`` (names) and ``files=``; with ``updated_at=``
        (epoch seconds) it is a database that was put back.
        """
        return dict(self.call("change", key=key, person=True, **change))

    def watched(self, key: int | str, at: float, account: int = 1) -> int:
        """Let an account have seen an item to its end at a time; gives the row's number."""
        return int(self.call("watched", key=key, at=int(at), account=account))

    def stopped(self, key: int | str, at: float, seconds: float) -> None:
        """Let the owner have stopped an item at a place, so many seconds from its beginning."""
        self.call("stopped", key=key, at=int(at), offset_ms=int(seconds * 1000))

    def rates(self, key: int | str, rating: float | None, at: float) -> None:
        """Let the owner rate an item by hand, 0 to 10; None takes the rating away."""
        self.call("rates", key=key, rating=rating, at=int(at))

    def forget_views(self, before: float) -> None:
        """Let the server cut its history short: rows from before a time are gone."""
        self.call("forget_views", before=int(before))

    def agent_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as an agent's refresh: locked ones stay, nothing gets locked."""
        return dict(self.call("change", key=key, person=False, **change))

    def refresh(self, key: int | str) -> dict[str, Any]:
        """A refresh without news: an agentless item's unlocked title becomes the file name."""
        return dict(self.call("refresh", key=key))

    def add_item(self, path: str, **facts: Any) -> dict[str, Any]:
        """A new item (``size``, ``oshash``, ``section``, ``files``).

        With ``when="scan"`` it appears only after a scan that covers its folder.
        """
        return dict(self.call("add_item", path=path, **facts))

    def delete_item(self, key: int | str) -> None:
        """Take an item away, as emptying the trash does."""
        self.call("delete_item", key=key)

    def collections(self, section: int = 1) -> list[dict[str, Any]]:
        """Everything about each collection of a library, by title."""
        return list(self.call("collections", section=section))

    def make_collection(self, title: str, section: int = 1, *, smart: bool = False) -> int:
        """Make a collection as somebody in Plex Web, without items; gives its rating key."""
        return int(self.call("make_collection", section=section, title=title, smart=smart))

    def rekey(self, key: int | str) -> int:
        """Give an item a new rating key, as removing and adding it again does."""
        return int(self.call("rekey", key=key))

    # The server

    def switches(self, **wanted: Any) -> dict[str, Any]:
        """Move switches (``simulator.plex.library.Switches``); gives the position of all."""
        return dict(self.call("switches", **wanted))

    def add_section(
        self, style: str = "other", title: str = "", locations: Sequence[str] = ()
    ) -> int:
        """A new empty library (a key of ``simulator.plex.library.STYLES``); its id."""
        return int(self.call("add_section", style=style, title=title, locations=locations))

    def delete_section(self, section: int) -> None:
        """Delete a library: Plex answers 404 to whatever is asked of it."""
        self.call("delete_section", section=section)

    def scan(self, section: int = 1) -> int:
        """Let a scan happen now; gives how many waiting items it found."""
        return int(self.call("scan", section=section))

    def reset(self) -> None:
        """Items, switches, faults, latency and the journal as when the process started."""
        self.call("reset")


@contextlib.contextmanager
def start_plex(scenes: int = 10, **options: Any) -> Iterator[PlexControl]:
    """A Plex stand-in with the first ``scenes`` files of the catalogue, for one block.

    Args:
        scenes: Files of ``simulator.library.catalogue`` it holds.
        options: Those of ``simulator.plex.server.PlexServer``.

    Raises:
        StandInError: If it does not start.
    """
    tokens = {"token": "sim-plex-owner-token", "shared_token": "sim-plex-shared-token"}
    wanted = {"scenes": scenes, **tokens, **options}
    with running("simulator.plex", wanted) as stand_in:
        control = PlexControl(stand_in.url, wanted["token"], wanted["shared_token"])
        control.process = stand_in
        yield control


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
