"""Start a stand-in as its own process, and steer it.

The process ends when the ``with`` block ends, and by itself if we die first::

    with start_stash(scenes=10, plugin_dir=repo, config_dir=tmp_path) as stash:
        stash.graphql('mutation{sceneUpdate(input:{id:1,title:"x"}){id}}')
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from simulator.plex.control_api import PlexControlApi
    from simulator.server import ControlApi
    from simulator.stash.server import StashControlApi
else:  # whoever steers needs to know what can be called, and none of what carries it out
    ControlApi = PlexControlApi = StashControlApi = object

ROOT: Final = Path(__file__).resolve().parent.parent


class StandInError(Exception):
    """A stand-in did not start, or turned a control request down."""


class GraphQLError(Exception):
    """The stand-in answered with errors or with another status than 200."""


class StandIn:
    """The process of ``python -m module`` with these options, and its ``url`` once it listens.

    Raises:
        StandInError: If it ends or says something else.
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
        try:
            self.url = str(json.loads(stdout.readline())["url"])
        except ValueError as error:
            self.close()
            raise StandInError(f"{module} did not say that it is ready") from error

    def close(self) -> None:
        """End it now, as a power cut would; safe to call twice."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw reply: status, headers by the name they were sent with, body as sent."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ControlClient(ControlApi):
    """Steers the stand-in at ``url``; ``port`` is where it listens.

    What its ``ControlApi`` has, in the stand-in's own process, can be called here.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = int(urlsplit(url).port or 0)
        self.process: StandIn | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[..., Any]:
            """One of the stand-in's methods.

            Raises:
                AttributeError: It would be none that may be called from here.
            """
            if name.startswith("_"):
                raise AttributeError(name)
            return functools.partial(self.call, name)

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

    def call(self, name: str, /, *given: Any, **named: Any) -> Any:
        """What a method of the stand-in's ``ControlApi`` gives, as Python objects.

        Raises:
            StandInError: If it cannot do that.
        """
        reply = self.send("POST", f"/sim/{name}", json.dumps([given, named], default=str).encode())
        if reply.status != 200:
            raise StandInError(f"{name}: {reply.body.decode()}")
        return json.loads(reply.body)

    def counts(self) -> Counter[str]:
        """What the stand-in has counted; 0 for whatever there was none of."""
        return Counter(self.call("counts"))

    def stop(self) -> None:
        """End the process; does nothing for one that is not ours."""
        if self.process is not None:
            self.process.close()


class PlexControl(ControlClient, PlexControlApi):
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


class StashControl(ControlClient, StashControlApi):
    """Steers the Stash stand-in at ``url``."""

    def __init__(self, url: str, api_key: str = "") -> None:
        super().__init__(url)
        self.api_key = api_key

    def post(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float = 60,
    ) -> Answer:
        """Post a GraphQL request with exactly these headers."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        kind = {"Content-Type": "application/json", **(headers or {})}
        return self.send("POST", "/graphql", body, kind, timeout=timeout)

    def graphql(self, query: str, **variables: Any) -> Any:
        """The ``data`` of a GraphQL request, sent with the API key if there is one.

        Raises:
            GraphQLError: there were errors.
        """
        answer = self.post(query, variables, {"ApiKey": self.api_key} if self.api_key else {})
        reply = json.loads(answer.body or b"{}")
        if answer.status != 200 or reply.get("errors"):
            raise GraphQLError(f"HTTP {answer.status}: {reply}")
        return reply["data"]

    def link(self) -> dict[str, Any]:
        """The way to it, with a fresh cookie, as a plugin gets it."""
        cookie = {"Name": "session", "Value": self.cookie()}
        return {"Scheme": "http", "Host": "127.0.0.1", "Port": self.port, "SessionCookie": cookie}


@contextlib.contextmanager
def start_plex(scenes: int = 10, **options: Any) -> Iterator[PlexControl]:
    """A Plex stand-in with the first ``scenes`` files of the catalogue, for one block.

    The options are those of ``simulator.plex.server.PlexServer``.
    """
    tokens = {"token": "sim-plex-owner-token", "shared_token": "sim-plex-shared-token"}
    wanted = {"scenes": scenes, **tokens, **options}
    with contextlib.closing(StandIn("simulator.plex", wanted)) as stand_in:
        control = PlexControl(stand_in.url, wanted["token"], wanted["shared_token"])
        control.process = stand_in
        yield control


@contextlib.contextmanager
def start_stash(scenes: int = 10, **options: Any) -> Iterator[StashControl]:
    """A Stash stand-in with the first ``scenes`` scenes of the catalogue, for one block.

    The options are those of ``simulator.stash.app.StashApp``, and ``port``.
    """
    wanted = {"scenes": scenes, **options}
    with contextlib.closing(StandIn("simulator.stash", wanted)) as stand_in:
        control = StashControl(stand_in.url, str(options.get("api_key") or ""))
        control.process = stand_in
        yield control
