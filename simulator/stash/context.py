"""What resolvers know: the parts of one Stash, and the request at hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.stash.jobs import JobQueue

if TYPE_CHECKING:
    from simulator.stash.database import Database
    from simulator.stash.host import PluginHost
    from simulator.stash.sessions import Sessions


@dataclass(slots=True)
class Stash:
    """The parts of one Stash.

    Attributes:
        host: The plugin host, None where no plugins are played.
        config_dir: Stash's own folder.
        settings: Plugin settings as ``configurePlugin`` stored them.
    """

    version: str
    database: Database
    sessions: Sessions
    config_dir: Path
    host: PluginHost | None
    jobs: JobQueue = field(default_factory=JobQueue)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class Context:
    """One request on its way: who asks, from where, and whether they still listen.

    ``watch`` gives the event that is set when the client goes away; it is
    called only when something is about to run that has to be stopped then.
    """

    stash: Stash
    base_url: str
    visited: Mapping[str, int]
    watch: Callable[[], threading.Event]
    _event: threading.Event | None = None

    @property
    def database(self) -> Database:
        """The stand-in's database."""
        return self.stash.database

    def cancelled(self) -> threading.Event:
        """The event that is set when the client goes away."""
        if self._event is None:
            self._event = self.watch()
        return self._event

    def fire(
        self, trigger: str, number: int, given: Any = None, fields: list[str] | None = None
    ) -> bool:
        """Run the hooks of ``trigger``; False when the caller has gone meanwhile."""
        if self.stash.host is None:
            return True
        cancel = self.cancelled()
        self.stash.host.run_hook(
            trigger, number, given, fields or (), cancel=cancel, visited=self.visited
        )
        return not cancel.is_set()
