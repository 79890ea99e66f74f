"""The stand-in without its socket: what a GraphQL request does and yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import OperationType
from graphql.execution import get_variable_values

from simulator.stash.context import Context, Stash
from simulator.stash.database import Database
from simulator.stash.host import Connection, PluginHost
from simulator.stash.plan import Planner, run_operation
from simulator.stash.resolvers import RESOLVERS
from simulator.stash.schema import Documents, RequestError, load_schema
from simulator.stash.sessions import Sessions


@dataclass(slots=True)
class Options:
    """How the stand-in is set up.

    Attributes:
        scenes: Scenes of the shared catalogue.
        api_key: The API key that was generated; empty is none.
        username: With one, everybody has to log in.
        password: Nobody logs in with it here: tests are given cookies.
        version: ``0.27`` is played with the schema of that time, all others with the newest.
        offset_minutes: UTC offset of its clock.
        plugin_dir: Folder of the plugins; None plays none, so no hooks run.
        config_dir: What plugins are told as Dir.
    """

    scenes: int = 0
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    version: str = "0.30"
    offset_minutes: int = 0
    plugin_dir: str | Path | None = None
    config_dir: str | Path = "."


class StashApp:
    """One Stash.

    Attributes:
        stash: Its parts.
        sessions: Its credentials.
    """

    def __init__(self, options: Options) -> None:
        schema = load_schema(options.version)
        self.sessions = Sessions(options.username, options.api_key)
        self.stash = Stash(
            options.version,
            Database(options.scenes, options.offset_minutes),
            self.sessions,
            Path(options.config_dir),
            host=None,
        )
        self._plugin_dir = options.plugin_dir
        self._schema = schema
        self._documents = Documents(schema)
        self._planner = Planner(schema, RESOLVERS)

    def listen(self, port: int) -> None:
        """Load the plugins, who are told that this Stash listens here."""
        if self._plugin_dir is not None:
            link = Connection(port, self.sessions.make)
            self.stash.host = PluginHost(self._plugin_dir, self.stash.config_dir, link)

    def execute(self, request: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Run a GraphQL request and give the reply.

        Args:
            request: The posted JSON: ``query``, ``variables``, ``operationName``.
            context: Who asks, and how to notice that they went away.

        Raises:
            RequestError: the schema does not allow the request.
        """
        document = self._documents.get(str(request.get("query") or ""))
        name = request.get("operationName")
        operation = document.operation(name)
        definitions = operation.variable_definitions or ()
        variables = get_variable_values(self._schema, definitions, request.get("variables") or {})
        if isinstance(variables, list):
            raise RequestError("GRAPHQL_VALIDATION_FAILED", variables)
        key = name or ""
        steps = document.plans.get(key)
        if steps is None:
            steps = document.plans[key] = self._planner.plan(operation, document.fragments)
        if operation.operation is OperationType.QUERY:
            with self.stash.database.lock:
                data, errors = run_operation(steps, variables, context)
        else:
            data, errors = run_operation(steps, variables, context)
        return {"errors": errors, "data": data} if errors else {"data": data}
