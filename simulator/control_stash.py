"""Start a Stash stand-in as its own process, and steer it.

The Stash side of ``simulator.control``::

    with start_stash(scenes=10, plugin_dir=repo, config_dir=tmp_path) as stash:
        stash.graphql('mutation{sceneUpdate(input:{id:1,title:"x"}){id}}')
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.control import Answer, ControlClient, StandIn

if TYPE_CHECKING:
    from simulator.stash.server import StashControlApi
else:  # as in ``simulator.control``
    StashControlApi = object


class GraphQLError(Exception):
    """The stand-in answered with errors or with another status than 200."""


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
def start_stash(scenes: int = 10, **options: Any) -> Iterator[StashControl]:
    """A Stash stand-in with the first ``scenes`` scenes of the catalogue, for one block.

    The options are those of ``simulator.stash.app.StashApp``, and ``port``.
    """
    wanted = {"scenes": scenes, **options}
    with contextlib.closing(StandIn("simulator.stash", wanted)) as stand_in:
        control = StashControl(stand_in.url, str(options.get("api_key") or ""))
        control.process = stand_in
        yield control
