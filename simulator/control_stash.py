"""Start a Stash stand-in as its own process, and steer it.

The Stash side of ``simulator.control``::

    with start_stash(scenes=10, plugin_dir=repo, config_dir=tmp_path) as stash:
        stash.graphql('mutation{sceneUpdate(input:{id:1,title:"x"}){id}}')
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from simulator.control import ControlClient, StandIn, running

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class GraphQLError(Exception):
    """The stand-in answered with errors or with another status than 200.

    Attributes:
        status: HTTP status.
        reply: The decoded reply, or None where it was no JSON.
    """

    def __init__(self, status: int, reply: Any) -> None:
        super().__init__(f"HTTP {status}: {reply}")
        self.status = status
        self.reply = reply


class StashControl(ControlClient):
    """Steers the Stash stand-in at ``url``; ``port`` is where it listens."""

    def __init__(self, url: str, api_key: str = "") -> None:
        super().__init__(url)
        self.api_key = api_key
        self.process: StandIn | None = None

    def __repr__(self) -> str:
        return f"StashControl({self.url!r})"

    @property
    def port(self) -> int:
        """The TCP port."""
        return int(self._parts.port or 0)

    # As a client of Stash

    def post(
        self,
        query: str,
        variables: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout: float | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Post a GraphQL request with exactly these headers; give status, headers and body."""
        connection = self._connection()
        if timeout is not None:
            connection.timeout = timeout
        try:
            body = json.dumps({"query": query, "variables": variables}).encode()
            kind = {"Content-Type": "application/json", "Connection": "close"}
            connection.request("POST", "/graphql", body, {**kind, **(headers or {})})
            reply = connection.getresponse()
            return reply.status, dict(reply.headers.items()), reply.read()
        finally:
            connection.close()

    def graphql(self, query: str, **variables: Any) -> Any:
        """The ``data`` of a GraphQL request, sent with the API key if there is one.

        Raises:
            GraphQLError: there were errors.
        """
        headers = {"ApiKey": self.api_key} if self.api_key else {}
        status, _, body = self.post(query, variables, headers)
        reply = json.loads(body) if body else None
        if status != 200 or reply is None or reply.get("errors"):
            raise GraphQLError(status, reply)
        return reply["data"]

    def get(
        self, target: str, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        """GET a path such as ``/scene/1/screenshot``; give status, headers and body."""
        connection = self._connection()
        try:
            connection.request("GET", target, None, {"Connection": "close", **(headers or {})})
            reply = connection.getresponse()
            return reply.status, dict(reply.headers.items()), reply.read()
        finally:
            connection.close()

    def cookie(self) -> str:
        """A fresh session cookie's value, such as plugins get."""
        return str(self.call("GET", "/sim/cookie")["cookie"])

    # Faults

    def fault(
        self,
        action: str,
        *,
        operation: str = "",
        query: str = "",
        method: str = "",
        path: str = "",
        nth: int = 1,
        times: int | None = 1,
        **options: Any,
    ) -> int:
        """Put one fault in force; gives its id.

        Args:
            action: One of ``simulator.stash.faults.ACTIONS``.
            operation: Exact name of the GraphQL operation; empty is any request.
            query: Regular expression searched in the GraphQL text.
            method: Only requests with this method; empty is any.
            path: Regular expression searched in the request's target.
            nth: The first matching request that meets the fault.
            times: How many meet it; None is all of them.
            options: What the action takes: ``seconds``, ``status``, ``body``,
                ``content_type``, ``headers``, ``message``.
        """
        match = {"operation": operation, "query": query, "method": method, "path": path}
        rule = {"match": {**match, "nth": nth, "times": times}, "action": action, **options}
        return int(self.call("POST", "/sim/faults", rule)[0]["id"])

    def faults(self) -> list[dict[str, Any]]:
        """Every rule with ``seen`` (requests that matched) and ``hits`` (that met it)."""
        return list(self.call("GET", "/sim/faults"))

    def clear_faults(self, rule_id: int | None = None) -> None:
        """Drop one rule or all; what hangs because of it goes on."""
        self.call("DELETE", "/sim/faults" if rule_id is None else f"/sim/faults/{rule_id}")

    def latency(self, milliseconds: float) -> None:
        """Let every request wait this long before it is handled."""
        self.call("POST", "/sim/latency", {"ms": milliseconds})

    # What was asked

    def requests(self, since: int = 0, *, headers: bool = True) -> list[dict[str, Any]]:
        """Requests in order, each with operation, query, variables, status, fault, headers."""
        found = self.call("GET", f"/sim/requests?since={since}&headers={int(headers)}")
        return list(found["requests"])

    def counts(self) -> dict[str, int]:
        """``total``, ``connections``, and requests by operation name (or method and path)."""
        return dict(self.call("GET", "/sim/state")["counts"])

    def clear_requests(self) -> None:
        """Forget the requests and set the counters to zero."""
        self.call("DELETE", "/sim/requests")

    def state(self) -> dict[str, Any]:
        """Version, number of scenes, server time, counts, plugins and their load errors."""
        return dict(self.call("GET", "/sim/state"))

    # Data, changed behind Stash's back: no hook runs

    def scene(self, number: int) -> dict[str, Any]:
        """Everything about one scene; ``cover`` is its length in bytes."""
        return dict(self.call("GET", f"/sim/scenes/{number}"))

    def set_scene(self, number: int, *, touch: bool = True, **values: Any) -> dict[str, Any]:
        """Change a scene without a hook.

        Args:
            number: Its id.
            touch: Whether ``updated_at`` moves on.
            values: Keys of ``SceneUpdateInput``, and ``cover`` ("none", "new:<words>" or
                base64), ``move`` (a new path for its first file), ``add_file``
                (``{"path", "size", "oshash"}``).
        """
        return dict(self.call("PUT", f"/sim/scenes/{number}", {"touch": touch, **values}))

    def add_scene(self, *paths: str, **values: Any) -> int:
        """A new scene with files at ``paths``; gives its id."""
        files = [{"path": path} for path in paths]
        return int(self.call("POST", "/sim/scenes", {"files": files, **values})["id"])

    def delete_scene(self, number: int) -> None:
        """Take a scene away."""
        self.call("DELETE", f"/sim/scenes/{number}")

    def move_folder(self, old: str, new: str) -> list[int]:
        """Let a scan find a folder elsewhere: only paths change; gives the ids of its scenes."""
        return [int(one) for one in self.call("PUT", "/sim/folders", {"old": old, "new": new})]

    def add_entity(self, kind: str, name: str, **values: Any) -> int:
        """A new studio, performer, tag or group; gives its id."""
        return int(self.call("POST", f"/sim/entities/{kind}", {"name": name, **values})["id"])

    def rename(self, kind: str, number: int, name: str) -> None:
        """Rename a studio, performer, tag or group; its own ``updated_at`` moves on."""
        self.call("PUT", f"/sim/entities/{kind}/{number}", {"name": name})

    def delete_entity(self, kind: str, number: int) -> None:
        """Take one away and off every scene."""
        self.call("DELETE", f"/sim/entities/{kind}/{number}")

    def add_file(self, path: str, **facts: Any) -> None:
        """A file that the next ``metadataScan`` finds (``size``, ``oshash``)."""
        self.call("POST", "/sim/files", {"path": path, **facts})

    # The server

    def settings(self, plugin_id: str, values: Mapping[str, Any] | None) -> None:
        """Store a plugin's whole settings map; None forgets that any was ever stored."""
        method = "DELETE" if values is None else "PUT"
        self.call(method, f"/sim/settings/{plugin_id}", None if values is None else dict(values))

    def options(self, **wanted: Any) -> dict[str, Any]:
        """Change ``api_key``, ``username``, ``password``, ``max_age``, ``offset_minutes``.

        ``advance_seconds`` moves the server's clock on.
        """
        return dict(self.call("PUT", "/sim/options", wanted))

    def hook(
        self, trigger: str, number: int, given: Any = None, fields: list[str] | None = None
    ) -> list[dict[str, Any]]:
        """Run the hooks of a trigger, without changing anything; gives the runs."""
        wanted = {"trigger": trigger, "id": number, "input": given, "fields": fields}
        return list(self.call("POST", "/sim/hook", wanted))

    def runs(self, since: int = 0) -> list[dict[str, Any]]:
        """Every plugin process so far: name, sent, output, error, log, progress, seconds, pid."""
        return list(self.call("GET", f"/sim/runs?since={since}"))

    def log(self) -> list[tuple[str, str]]:
        """What plugins brought into Stash's log: level and text."""
        return [(level, text) for level, text in self.call("GET", "/sim/log")]

    def stop(self) -> None:
        """End the process; does nothing for one that ``start_stash`` did not start."""
        if self.process is not None:
            self.process.stop()


@contextlib.contextmanager
def start_stash(scenes: int = 10, **options: Any) -> Iterator[StashControl]:
    """A Stash stand-in with the first ``scenes`` scenes of the catalogue, for one block.

    Args:
        scenes: How many it holds.
        options: The process's own options with underscores, such as
            ``plugin_dir=...``, ``config_dir=...``, ``api_key="k"``,
            ``username="u", password="p"``, ``stash_version="0.27"``,
            ``schema_dir=...``, ``offset_minutes=-300``, ``port=9999``,
            ``latency_ms=5``, ``tls_cert=..., tls_key=...``.

    Raises:
        StandInError: If it does not start.
    """
    arguments = ["--scenes", str(scenes)]
    for name, value in options.items():
        if value is not None:
            # One word each, or a value that starts with a dash would be taken for an option.
            arguments.append(f"--{name.replace('_', '-')}={value}")
    with running("simulator.stash", arguments) as stand_in:
        control = StashControl(stand_in.url, str(options.get("api_key") or ""))
        control.process = stand_in
        yield control
