"""Start a Stash stand-in as its own process, and steer it.

The Stash side of ``simulator.control``::

    with start_stash(scenes=10, plugin_dir=repo, config_dir=tmp_path) as stash:
        stash.graphql('mutation{sceneUpdate(input:{id:1,title:"x"}){id}}')
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from simulator.control import Answer, ControlClient, running


class GraphQLError(Exception):
    """The stand-in answered with errors or with another status than 200."""


class StashControl(ControlClient):
    """Steers the Stash stand-in at ``url``."""

    def __init__(self, url: str, api_key: str = "") -> None:
        super().__init__(url)
        self.api_key = api_key

    # As a client of Stash

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

    def cookie(self) -> str:
        """A fresh session cookie's value, such as plugins get."""
        return str(self.call("cookie"))

    def link(self) -> dict[str, Any]:
        """The way to it, with a fresh cookie, as a plugin gets it."""
        cookie = {"Name": "session", "Value": self.cookie()}
        return {"Scheme": "http", "Host": "127.0.0.1", "Port": self.port, "SessionCookie": cookie}

    # Data, changed behind Stash's back: no hook runs

    def scene(self, number: int) -> dict[str, Any]:
        """Everything about one scene; ``cover`` is its length in bytes."""
        return dict(self.call("scene", number=number))

    def set_scene(self, number: int, *, touch: bool = True, **values: Any) -> dict[str, Any]:
        """Change a scene without a hook.

        Args:
            number: Its id.
            touch: Whether ``updated_at`` moves on.
            values: Keys of ``SceneUpdateInput``, and ``cover`` ("none", "new:<words>" or
                base64), ``move`` (a new path for its first file) and ``add_file`` (keys of a file).
        """
        return dict(self.call("set_scene", number=number, touch=touch, **values))

    def add_scene(self, *paths: str, **values: Any) -> int:
        """A new scene with files at ``paths``; gives its id."""
        files = [{"path": path} for path in paths]
        return int(self.call("add_scene", files=files, **values))

    def delete_scene(self, number: int) -> None:
        """Take a scene away."""
        self.call("delete_scene", number=number)

    def move_folder(self, old: str, new: str) -> list[int]:
        """Let a scan find a folder elsewhere: only paths change; gives the ids of its scenes."""
        return list(self.call("move_folder", old=old, new=new))

    def add_entity(self, kind: str, name: str, disambiguation: str = "") -> int:
        """A new studio, performer, tag or group; gives its id."""
        told = {"kind": kind, "name": name, "disambiguation": disambiguation}
        return int(self.call("add_entity", **told))

    def rename(self, kind: str, number: int, name: str) -> None:
        """Rename a studio, performer, tag or group; its own ``updated_at`` moves on."""
        self.call("rename", kind=kind, number=number, name=name)

    def set_entity(self, kind: str, number: int, **values: Any) -> None:
        """Change ``parent``, ``parents``, ``aliases``, ``details`` or ``image`` of one.

        Its ``updated_at`` moves on.

        ``image`` is any words, which give one JPEG of their own, or "" for none.
        """
        self.call("set_entity", kind=kind, number=number, **values)

    def delete_entity(self, kind: str, number: int) -> None:
        """Take one away and off every scene."""
        self.call("delete_entity", kind=kind, number=number)

    # The server

    def settings(self, plugin_id: str, values: Mapping[str, Any] | None) -> None:
        """Store a plugin's whole settings map; None forgets that any was ever stored."""
        self.call("settings", plugin_id=plugin_id, values=values)

    def options(self, **wanted: Any) -> dict[str, Any]:
        """Set ``offset_minutes`` of its clock, or move it on by ``advance_seconds``.

        Also sets who has to log in (``username``, "" for nobody) and the ``api_key``.
        """
        return dict(self.call("options", **wanted))

    def hook(self, trigger: str, number: int) -> None:
        """Run the hooks of a trigger, without changing anything."""
        self.call("hook", trigger=trigger, number=number)

    def runs(self, since: int = 0) -> list[dict[str, Any]]:
        """Every plugin process so far: name, sent, output, error, log, progress, seconds, pid."""
        return list(self.call("runs", since=since))

    def log(self) -> list[tuple[str, str]]:
        """What plugins brought into Stash's log: level and text."""
        return [(level, text) for level, text in self.call("log")]


@contextlib.contextmanager
def start_stash(scenes: int = 10, **options: Any) -> Iterator[StashControl]:
    """A Stash stand-in with the first ``scenes`` scenes of the catalogue, for one block.

    Args:
        scenes: How many it holds.
        options: Those of ``simulator.stash.app.Options``, and ``port``.

    Raises:
        StandInError: If it does not start.
    """
    with running("simulator.stash", {"scenes": scenes, **options}) as stand_in:
        control = StashControl(stand_in.url, str(options.get("api_key") or ""))
        control.process = stand_in
        yield control
