"""One Stash without its socket, and the request at hand: what the resolvers work on."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.stash.database import Database
from simulator.stash.host import PluginHost
from simulator.stash.jobs import JobQueue
from simulator.stash.sessions import Sessions


class StashApp:
    """One Stash.

    Args:
        port: Where plugins are told that it listens.
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
    """

    def __init__(
        self,
        port: int,
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
        self.database = Database(scenes, offset_minutes)
        self.sessions = Sessions(self.database.clock, username, api_key)
        self.jobs = JobQueue()
        # Those of plugins, as ``configurePlugin`` stored them.
        self.settings: dict[str, dict[str, Any]] = {}
        self.cover_etags = cover_etags
        self.host = PluginHost(plugin_dir, config_dir, port, self.sessions.make)


@dataclass(slots=True)
class Context:
    """One request on its way: who asks, from where, and whether they still listen.

    ``cancelled`` gives the event that is set when the client goes away; it is
    called only when something is about to run that has to be stopped then.
    """

    stash: StashApp
    base_url: str
    visited: Mapping[str, int]
    cancelled: Callable[[], threading.Event]

    @property
    def database(self) -> Database:
        """The stand-in's database."""
        return self.stash.database

    def fire(
        self, trigger: str, number: int, given: Any = None, fields: list[str] | None = None
    ) -> bool:
        """Run the hooks of ``trigger``; False when the caller has gone meanwhile."""
        if not self.stash.host.plugins:
            return True
        cancel = self.cancelled()
        self.stash.host.run_hook(
            trigger, number, given, fields or (), cancel=cancel, visited=self.visited
        )
        return not cancel.is_set()
