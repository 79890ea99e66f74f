"""The stand-in without its socket: what a GraphQL request does and yields."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphql import OperationType
from graphql.execution import get_variable_values

from simulator.stash.database import Database
from simulator.stash.fields import CONCRETE, FIELDS
from simulator.stash.host import Connection, PluginHost
from simulator.stash.jobs import JobQueue
from simulator.stash.mutations import MUTATIONS
from simulator.stash.plan import Planner, run_operation
from simulator.stash.plugin_fields import PLUGIN_FIELDS
from simulator.stash.queries import ROOTS
from simulator.stash.schema import DEFAULT_DIR, Documents, RequestError, load_schema
from simulator.stash.sessions import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

REGISTRY = {
    **FIELDS,
    **ROOTS,
    **{("Mutation", name): one for name, one in {**MUTATIONS, **PLUGIN_FIELDS}.items()},
}


@dataclass(slots=True)
class Options:
    """How the stand-in is set up; see ``python -m simulator.stash --help``."""

    scenes: int = 0
    api_key: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    schema_dir: Path = DEFAULT_DIR
    version: str = "0.30"
    offset_minutes: int = 0
    plugin_dir: Path | None = None
    config_dir: Path | None = None
    python: str | None = None


class StashApp:
    """One Stash.

    Args:
        options: How it is set up.

    Attributes:
        settings: Plugin settings as ``configurePlugin`` stored them.
        waiting_files: Files that the next scan finds.
        connection: How plugins reach this Stash; set once the port is known.
    """

    def __init__(self, options: Options) -> None:
        self.version = options.version
        self.config_dir = Path(options.config_dir or Path.cwd())
        self.schema = load_schema(options.schema_dir, options.version)
        self.documents = Documents(self.schema)
        self.planner = Planner(self.schema, REGISTRY, CONCRETE)
        self.database = Database(options.scenes, options.offset_minutes)
        self.sessions = Sessions(options.username, options.password, options.api_key)
        self.jobs = JobQueue()
        self.settings: dict[str, dict[str, Any]] = {}
        self.waiting_files: list[dict[str, Any]] = []
        self.host: PluginHost | None = None
        if options.plugin_dir is not None:
            connection = Connection(port=0, cookie=self.sessions.make)
            self.host = PluginHost(
                options.plugin_dir, self.config_dir, connection, python=options.python
            )

    def listen(self, scheme: str, host: str, port: int) -> None:
        """Tell plugins where this Stash listens."""
        if self.host:
            self.host.connection = Connection(scheme, host, port, self.sessions.make)

    def execute(self, request: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """Run a GraphQL request and give the reply.

        Args:
            request: The posted JSON: ``query``, ``variables``, ``operationName``.
            context: Who asks, and how to notice that they went away.

        Raises:
            RequestError: the schema does not allow the request.
        """
        document = self.documents.get(str(request.get("query") or ""))
        name = request.get("operationName")
        operation = document.operation(name)
        given = request.get("variables") or {}
        definitions = operation.variable_definitions or ()
        variables = get_variable_values(self.schema, definitions, given)
        if isinstance(variables, list):
            raise RequestError("GRAPHQL_VALIDATION_FAILED", variables)
        key = name or ""
        steps = document.plans.get(key)
        if steps is None:
            steps = document.plans[key] = self.planner.plan(operation, document.fragments)
        if operation.operation is OperationType.QUERY:
            with self.database.lock:
                data, errors = run_operation(steps, variables, context)
            if data is not None:
                data |= self.planner.introspect(document.ast, operation, given)
        else:
            data, errors = run_operation(steps, variables, context)
        return {"errors": errors, "data": data} if errors else {"data": data}


@dataclass(slots=True)
class Context:
    """One request on its way: who asks, from where, and whether they still listen.

    ``watch`` gives the event that is set when the client goes away; it is
    called only when something is about to run that has to be stopped then.
    """

    app: StashApp
    base_url: str = ""
    visited: Mapping[str, int] = field(default_factory=dict)
    watch: Callable[[], threading.Event] = threading.Event
    _event: threading.Event | None = None

    @property
    def database(self) -> Database:
        """The stand-in's database."""
        return self.app.database

    @property
    def host(self) -> PluginHost | None:
        """The plugin host, if plugins are played."""
        return self.app.host

    @property
    def api_key(self) -> str:
        """The configured API key, which stream addresses carry."""
        return self.app.sessions.api_key

    def cancelled(self) -> threading.Event:
        """The event that is set when the client goes away."""
        if self._event is None:
            self._event = self.watch()
        return self._event

    def fire(
        self, trigger: str, number: int, given: Any = None, fields: list[str] | None = None
    ) -> bool:
        """Run the hooks of ``trigger``; False when the caller has gone meanwhile."""
        if self.app.host is None:
            return True
        cancel = self.cancelled()
        self.app.host.run_hook(
            trigger, number, given, fields or (), cancel=cancel, visited=self.visited
        )
        return not cancel.is_set()
