"""What scenes are synced with: both servers, the settings, and what was learnt under them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from errors import ConfigurationError, Scope, SyncError
from matching.owner import holders_of
from matching.resolve import Resolver
from plex.libraries import Libraries
from stash.exceptions import StashMutationUnknown
from store import meta
from sync.artwork import Artwork
from sync.index_policy import IndexPolicy
from sync.known_tags import KnownTags
from sync.namesakes import Namesakes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from log import Log
    from plex.client import PlexClient
    from plex.matcher import Matches
    from stash.scene import Scene
    from store.store import Store, Tables
    from sync.batch import Batch
    from sync.stash_session import StashSession
    from validation.config import PlexSyncConfig


#: Requests for many items under way together: those of one batch. An edit by hand that comes
#: meanwhile is answered beside them, and beside twice as many it took twice as long.
READERS = 2


@dataclass(frozen=True)
class Connected:
    """One Plex with what is known of it; dropped with the connection."""

    client: PlexClient
    libraries: Libraries
    resolver: Resolver
    artwork: Artwork
    index: IndexPolicy
    #: The ledger was lost once: see ``merge.three_way.merge``.
    adopts: bool
    #: The threads in which it is asked for many items (sync/look_up.py).
    readers: ThreadPoolExecutor


class Context:
    """The store, both servers and the settings, for the stages of sync/pipeline.py.

    Args:
        store: The open data directory.
        stash: The way to Stash.
        log: The worker's log.
        client: Gives the client for the configured server, made when first needed.
        close_client: Closes it; the next one is made anew.
        search: Asks Plex for a file, library by library.
        tables: Where the path index is kept; None for the store.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        stash: StashSession,
        log: Log,
        *,
        client: Callable[[], PlexClient],
        close_client: Callable[[], None] = lambda: None,
        search: Callable[[Libraries, str], Sequence[Matches]],
        tables: Tables | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.stash = stash
        self.log = log
        self.clock = clock
        self.tags = KnownTags(store, stash, clock)
        self.namesakes = Namesakes(store, stash, clock)
        self.config: PlexSyncConfig | None = None
        self.fingerprint = ""
        #: Says whether something more urgent waits, or rows may not be worked on any more.
        self.interrupted: Callable[[], bool] = lambda: False
        self.client = client
        self._close_client = close_client
        self._search = search
        self._tables: Tables = tables or store
        self._connected: Connected | None = None

    def adopt(self, config: PlexSyncConfig | None, fingerprint: str) -> None:
        """Work with these settings from now on; what was opened with others is closed."""
        if fingerprint == self.fingerprint and config == self.config:
            return
        self.config, self.fingerprint = config, fingerprint
        self.forget_plex()
        self.log.hide([config.plex_token] if config else [])

    def forget_plex(self) -> None:
        """Drop the client: after an outage another server may answer at the same address."""
        self._close_client()
        if self._connected is not None:
            self._connected.readers.shutdown(wait=False)
        self._connected = None

    def interrupts(self, batch: Batch) -> bool:
        """Say whether a batch has to give way; one scene alone is as urgent as any."""
        return not batch.is_alone and self.interrupted()

    @property
    def settings(self) -> PlexSyncConfig:
        """The settings.

        Raises:
            ConfigurationError: They are not complete.
        """
        if self.config is None:
            raise ConfigurationError("The settings are not complete; PlexSync waits for them.")
        return self.config

    @property
    def server(self) -> str:
        """Machine identifier of the configured Plex, which is asked for it once."""
        return self.client().machine_identifier

    @property
    def plex(self) -> Connected:
        """The configured server; raises as ``settings``."""
        if self._connected is None:
            client, config = self.client(), self.settings
            libraries = Libraries(client, config.plex_libraries, clock=time.monotonic)
            resolver = Resolver(
                self.store, client, config, libraries, self._search, clock=self.clock
            )
            index = IndexPolicy(self._tables, client, libraries, self.clock)
            ledger = meta.get(self.store.connection, meta.LEDGER) or {}
            adopts = ledger.get("from") == meta.LOST
            self._connected = Connected(
                client,
                libraries,
                resolver,
                Artwork(client, config, adopts=adopts),
                index,
                adopts,
                ThreadPoolExecutor(READERS),
            )
        return self._connected

    def scenes_at(self, file: str) -> set[int]:
        """Give the scenes that hold a file as Plex names it, however Stash spells it.

        Raises:
            errors.SyncError: Stash could not be asked, or the settings are not complete.
        """
        return holders_of(
            file,
            self.settings.path_map,
            self.stash.scenes_with_path,
            lambda: self.plex.libraries.ignores_case(),  # noqa: PLW0108 - only where it decides
        )

    def pass_over(self, scene: int, fault: SyncError) -> None:
        """Note a fault that is about one scene alone; any other is raised again."""
        if fault.scope is Scope.SERVER or isinstance(fault, StashMutationUnknown):
            raise fault
        self.log.warning(f"scene {scene}: {self.log.words(fault)}")

    def keep_private(self, scene: Scene | None) -> None:
        """Keep a scene's title and paths out of the log from here on, if the settings say so.

        Those of one scene are kept at a time; None leaves it at the one before.
        """
        if self.log.is_redacted and scene is not None and self.config is not None:
            paths = [file.path for file in scene.files]
            mapped = (target for path in paths for target in self.config.path_map.targets(path))
            self.log.redact([scene.title, *paths, *mapped])
