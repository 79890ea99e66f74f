"""Start a stand-in as its own process, and steer it: the Plex side.

``launch`` starts any stand-in that prints one JSON line when it listens;
``start_plex`` is that plus a ``PlexControl``. Both end the process when the
``with`` block ends, and the process ends by itself if we die first.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
READY_SECONDS: Final = 60.0


class StandInError(Exception):
    """A stand-in did not start, or turned a control request down."""


@dataclass(frozen=True, slots=True)
class StandIn:
    """A running stand-in: its process and the JSON object it said it was ready with."""

    process: subprocess.Popen[str]
    ready: Mapping[str, Any]

    @property
    def url(self) -> str:
        """Its base address, without a slash at the end."""
        return str(self.ready["url"])

    def stop(self) -> None:
        """End the process now, as a power cut would; safe to call twice."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def launch(
    module: str, arguments: Sequence[str] = (), *, ready_seconds: float = READY_SECONDS
) -> StandIn:
    """Start ``python -m module arguments --exit-with-parent`` and wait for its first line.

    The stand-in must print one JSON object on stdout once it listens and must
    know ``--exit-with-parent`` (end when stdin closes). Its stderr is ours.

    Raises:
        StandInError: If it ends, says something else, or says nothing in time.
    """
    command = [sys.executable, "-m", module, *arguments, "--exit-with-parent"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
        env=environment,
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    stdout = process.stdout
    assert stdout is not None
    reader = threading.Thread(target=lambda: lines.put(stdout.readline()), daemon=True)
    reader.start()
    try:
        line = lines.get(timeout=ready_seconds)
        return StandIn(process, json.loads(line))
    except (queue.Empty, ValueError) as error:
        StandIn(process, {}).stop()
        raise StandInError(
            f"{module} did not say it was ready (it ended with {process.returncode})"
        ) from error


@contextlib.contextmanager
def running(
    module: str, arguments: Sequence[str] = (), *, ready_seconds: float = READY_SECONDS
) -> Iterator[StandIn]:
    """The same as ``launch``, ended when the block ends."""
    stand_in = launch(module, arguments, ready_seconds=ready_seconds)
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
    """Speaks JSON to the ``/sim/`` addresses of any stand-in; one connection a call."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._parts = urlsplit(self.url)

    def call(self, method: str, path: str, payload: Any = None) -> Any:
        """What the stand-in answers, as Python objects.

        Raises:
            StandInError: If it answers with anything but 200.
        """
        connection = self._connection()
        try:
            body = None if payload is None else json.dumps(payload).encode()
            connection.request(method, path, body, {"Connection": "close"})
            reply = connection.getresponse()
            text = reply.read().decode()
        finally:
            connection.close()
        if reply.status != 200:
            raise StandInError(f"{method} {path}: {reply.status} {text}")
        return json.loads(text) if text else None

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "127.0.0.1", self._parts.port
        if self._parts.scheme == "https":
            # The certificate is the test's own, and often wrong on purpose.
            anything = ssl.create_default_context()
            anything.check_hostname = False
            anything.verify_mode = ssl.CERT_NONE
            return http.client.HTTPSConnection(host, port, timeout=60, context=anything)
        return http.client.HTTPConnection(host, port, timeout=60)


class PlexControl(ControlClient):
    """Steers the Plex stand-in at ``url``.

    ``token`` is the owner's; ``shared_token`` may read but not write.
    """

    def __init__(self, url: str, token: str, shared_token: str = "") -> None:
        super().__init__(url)
        self.token = token
        self.shared_token = shared_token
        self.process: StandIn | None = None

    def __repr__(self) -> str:
        return f"PlexControl({self.url!r})"

    # Faults

    def fault(
        self,
        action: str,
        *,
        method: str = "",
        path: str = "",
        nth: int = 1,
        times: int | None = 1,
        **options: Any,
    ) -> int:
        """Put one fault in force; gives its id.

        Args:
            action: One of ``simulator.plex.faults.ACTIONS``.
            method: Only requests with this method; empty is any.
            path: Regular expression searched in the raw path and query.
            nth: The first matching request that meets the fault.
            times: How many meet it; None is all of them.
            options: What the action takes: ``seconds``, ``status``, ``body``,
                ``headers``, ``location``, ``keep``, ``bytes``, ``apply``...
        """
        match = {"method": method, "path": path, "nth": nth, "times": times}
        rules = self.call("POST", "/sim/faults", {"match": match, "action": action, **options})
        return int(rules[0]["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Every rule with ``seen`` (requests that matched) and ``hits`` (that met it)."""
        return list(self.call("GET", "/sim/faults"))

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Drop one rule or all; what hangs because of it goes on."""
        self.call("DELETE", "/sim/faults" if rule_id is None else f"/sim/faults/{rule_id}")

    # What was asked

    def requests(
        self, since: int = 0, limit: int = 250_000, *, headers: bool = True
    ) -> list[dict[str, Any]]:
        """Requests in order: number, at, method, target, status, bytes_in/out, fault, headers."""
        query = f"since={since}&limit={limit}&headers={int(headers)}"
        return list(self.call("GET", f"/sim/requests?{query}")["requests"])

    def counts(self) -> dict[str, int]:
        """How many requests of each kind (``simulator.plex.journal.KINDS``), and ``total``."""
        return dict(self.call("GET", "/sim/state")["counts"])

    def clear_requests(self) -> None:
        """Forget the requests and set the counters to zero."""
        self.call("DELETE", "/sim/requests")

    # Items

    def item(self, key: int | str) -> dict[str, Any]:
        """Everything about one item: files, fields, tags, roles, locked, posters, times."""
        return dict(self.call("GET", f"/sim/items/{key}"))

    def item_at(self, path: str) -> dict[str, Any]:
        """The item that holds the file ``path`` (as Plex sees it)."""
        return dict(self.call("GET", f"/sim/items?path={quote(path, safe='')}"))

    def key_of(self, path: str) -> int:
        """Rating key of the item that holds the file ``path``."""
        return int(self.item_at(path)["ratingKey"])

    def rating_keys(self) -> list[int]:
        """Every rating key there is, shows and seasons too, in order."""
        return [int(key) for key in self.call("GET", "/sim/items")]

    def person_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as somebody in Plex Web: ``fields=``, ``tags=``, both then locked.

        Also takes ``lock=``, ``unlock=`` (names) and ``files=``.
        """
        return dict(self.call("PUT", f"/sim/items/{key}", {"by": "person", **change}))

    def agent_sets(self, key: int | str, **change: Any) -> dict[str, Any]:
        """Change an item as an agent's refresh: locked ones stay, nothing gets locked.

        ``changed`` in the answer names what really changed.
        """
        return dict(self.call("PUT", f"/sim/items/{key}", {"by": "agent", **change}))

    def refresh(self, key: int | str) -> dict[str, Any]:
        """A refresh without news: an agentless item's unlocked title becomes the file name."""
        return dict(self.call("POST", f"/sim/items/{key}/refresh"))

    def add_item(self, path: str, **facts: Any) -> dict[str, Any]:
        """A new item (``size``, ``oshash``, ``title``, ``section``, ``files``).

        With ``when="scan"`` it appears only after a scan that covers its folder.
        """
        return dict(self.call("POST", "/sim/items", {"path": path, **facts}))

    def delete_item(self, key: int | str) -> None:
        """Take an item away, as emptying the trash does."""
        self.call("DELETE", f"/sim/items/{key}")

    def rekey(self, key: int | str) -> int:
        """Give an item a new rating key, as removing and adding it again does."""
        return int(self.call("POST", f"/sim/items/{key}/rekey")["ratingKey"])

    # The server

    def switches(self, **wanted: Any) -> dict[str, Any]:
        """Move switches (``simulator.plex.switches``); gives the position of all."""
        if wanted:
            return dict(self.call("PUT", "/sim/switches", wanted))
        return dict(self.call("GET", "/sim/switches"))

    def latency(self, milliseconds: float) -> None:
        """Let every Plex request wait this long before it is handled."""
        self.call("POST", "/sim/latency", {"ms": milliseconds})

    def add_section(
        self, style: str = "other", title: str = "", locations: Sequence[str] = ()
    ) -> int:
        """A new empty library (``other``, ``movie``, ``show``, ``photo``, ``music``); its id."""
        wanted = {"type": style, "title": title, "locations": list(locations)}
        return int(self.call("POST", "/sim/sections", wanted)["section"])

    def delete_section(self, section: int) -> None:
        """Delete a library: Plex answers 404 to whatever is asked of it."""
        self.call("DELETE", f"/sim/sections/{section}")

    def scan(self, section: int = 1, path: str | None = None) -> int:
        """Let a scan happen now; gives how many waiting items it found."""
        wanted = {"section": section, "path": path}
        return int(self.call("POST", "/sim/scan", wanted)["found"])

    def state(self) -> dict[str, Any]:
        """Identity, tokens, sections and counts."""
        return dict(self.call("GET", "/sim/state"))

    def reset(self) -> None:
        """Items, switches, faults, latency and the journal as when the process started."""
        self.call("POST", "/sim/reset")

    def ask(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        *,
        token: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One raw request to the Plex side, for looking at what exactly it says.

        Args:
            method: Such as ``PUT``.
            target: Raw path and query, sent as it is.
            body: Bytes to send.
            token: Empty is the owner's, None sends none.
            headers: More headers.
        """
        sent = dict(headers or {})
        if token is not None:
            sent["X-Plex-Token"] = token or self.token
        connection = self._connection()
        try:
            connection.request(method, target, body, sent)
            reply = connection.getresponse()
            return Answer(reply.status, dict(reply.getheaders()), reply.read())
        finally:
            connection.close()

    def stop(self) -> None:
        """End the process; does nothing for one that ``start_plex`` did not start."""
        if self.process is not None:
            self.process.stop()


@contextlib.contextmanager
def start_plex(scenes: int = 10, **options: Any) -> Iterator[PlexControl]:
    """A Plex stand-in with the first ``scenes`` files of the catalogue, for one block.

    Args:
        scenes: Files of ``simulator.library.catalogue`` it holds.
        options: The process's own options with underscores, such as
            ``section_type="show"``, ``matched=True``, ``port=32400``,
            ``latency_ms=5``, ``tls_cert=...``, or ``switches={...}``.

    Raises:
        StandInError: If it does not start.
    """
    arguments = ["--scenes", str(scenes)]
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True:
            arguments.append(flag)
        elif value is not False and value is not None:
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            arguments += [flag, text]
    with running("simulator.plex", arguments) as stand_in:
        control = PlexControl(stand_in.url, str(stand_in.ready["token"]))
        control.process = stand_in
        control.shared_token = str(control.state()["sharedToken"])
        yield control


def free_port() -> int:
    """A TCP port on loopback that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
