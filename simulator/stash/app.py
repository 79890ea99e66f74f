"""One Stash without its socket, and the request at hand: what the resolvers work on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.stash.database import Database
from simulator.stash.host import Connection, PluginConfig, PluginHost
from simulator.stash.jobs import JobQueue
from simulator.stash.sessions import Sessions


class StashApp:
    """One Stash.

    Args:
        scenes: Scenes of the shared catalogue.
        api_key: The API key that was generated; empty is none.
        username: With one, everybody has to log in; nobody does here: tests are given cookies.
        version: ``0.27`` is played with the schema of that time, all others with the newest.
        offset_minutes: UTC offset of its clock.
        plugin_dir: Folder of the plugins; None plays none, so no hooks run.
        config_dir: What plugins are told as Dir.
        cover_etags: Covers come with an ETag, and not again to who has them (Stash's
            pkg/utils/http.go, read; older ones have it in pkg/utils/image.go); False is a
            Stash, or a proxy before it, that drops this.

    Attributes:
        host: The plugin host, None where no plugins are played.
        settings: Plugin settings as ``configurePlugin`` stored them.
    """

    def __init__(
        self,
        *,
        scenes: int = 0,
        api_key: str = "",
        username: str = "",
        version: str = "0.30",
        offset_minutes: int = 0,
        plugin_dir: str | Path | None = None,
        config_dir: str | Path = ".",
        cover_etags: bool = True,
    ) -> None:
        self.version = version
        self.config_dir = Path(config_dir)
        self.database = Database(scenes, offset_minutes)
        self.sessions = Sessions(username, api_key)
        self.jobs = JobQueue()
        self.settings: dict[str, dict[str, Any]] = {}
        self.host: PluginHost | None = None
        self.cover_etags = cover_etags
        self._plugin_dir = plugin_dir

    def listen(self, port: int) -> None:
        """Load the plugins, who are told that this Stash listens here."""
        if self._plugin_dir is not None:
            link = Connection(port, self.sessions.make)
            self.host = PluginHost(self._plugin_dir, self.config_dir, link)

    def plugins(self) -> list[PluginConfig]:
        """The plugins that were loaded."""
        return list(self.host.plugins.values()) if self.host else []


@dataclass(slots=True)
class Context:
    """One request on its way: who asks, from where, and whether they still listen.

    ``cancelled`` gives the event that is set when the client goes away; it is
    called only when something is about to run that has to be stopped then.
    ``between`` is called between two members of a list: then others may be served.
    """

    stash: StashApp
    base_url: str
    visited: Mapping[str, int]
    cancelled: Callable[[], threading.Event]
    between: Callable[[], None] = lambda: None

    @property
    def database(self) -> Database:
        """The stand-in's database."""
        return self.stash.database

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
