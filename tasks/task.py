"""Where a task or an operation of the page runs: the store, the way to Stash, its arguments."""

from __future__ import annotations

import os

from store import LARGEST_ID, meta
from worker import launcher
from worker.hook import whole

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping
    from typing import Any

    from errors import SyncError
    from log import Log
    from plex.client import PlexClient
    from store.store import Store, Tables
    from sync.context import Context
    from sync.stash_session import StashSession
    from validation.config import PlexSyncConfig
#: Rows of one page, and the most that may be asked for.
ROWS_A_PAGE, LARGEST_PAGE = 20, 200


class Task:
    """Where a task runs: the open store, the way to Stash, our entry script ``plexsync.py``.

    The log and the way to Stash are loaded when first asked for: what only reads
    the store answers before either could be imported. ``arguments`` are as Stash gave them.
    """

    def __init__(self, store: Store, entry: str, arguments: dict[str, Any]) -> None:
        self.store = store
        self.entry = entry
        self.arguments = arguments
        self._log: Log | None = None
        self._stash: StashSession | None = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The store's."""
        return self.store.connection

    def number(self, name: str) -> int:
        """Give an argument that is a whole number, 0 where it is none (see ``whole``)."""
        return whole(self.arguments.get(name))

    def numbers(self, name: str) -> list[int] | None:
        """Give an argument's whole numbers, each once; None where it is no list."""
        given = self.arguments.get(name)
        if not isinstance(given, list):
            return None
        return [number for number in dict.fromkeys(map(whole, given)) if number]

    def before(self) -> int:
        """Give the argument ``before``: the number of the last row seen, or above all numbers."""
        return self.number("before") or LARGEST_ID

    def page_size(self, usual: int = ROWS_A_PAGE) -> int:
        """Give the argument ``limit``: how many rows a page may have; ``usual`` without one."""
        return min(self.number("limit") or usual, LARGEST_PAGE)

    def given_settings(self) -> dict[str, object] | None:
        """Give the argument ``settings``, a map that is to be looked at; None without one."""
        given = self.arguments.get("settings")
        return given if isinstance(given, dict) else None

    @property
    def server(self) -> str:
        """Machine identifier of the Plex that was spoken to last, "" for none so far."""
        return meta.server_seen(self.connection)

    @property
    def log(self) -> Log:
        """The log that the worker writes, too."""
        if self._log is None:
            from log import Log
            from sync import redaction

            self._log = Log(self.store.directory)
            redaction.begin(self.store, self._log)
        return self._log

    @property
    def stash(self) -> StashSession:
        """The way to Stash."""
        if self._stash is None:
            from sync.stash_session import StashSession

            self._stash = StashSession(self.store, self.log)
        return self._stash

    def read_settings(self) -> tuple[PlexSyncConfig, str]:
        """Read the settings from Stash; give them and their fingerprint.

        The log learns the token before anything else does, so that it is never written, and
        whether it may name titles and paths.

        Raises:
            errors.SyncError: Stash could not be asked, or a setting is wrong.
        """
        from validation.config import settings_fingerprint

        settings = self.stash.settings()
        config = self.parse_settings(settings)
        self.log.redact([] if config.redact_logs else None)
        return config, settings_fingerprint(settings)

    def parse_settings(self, settings: Mapping[str, object]) -> PlexSyncConfig:
        """Parse a settings map, saved or not; its token is kept out of the log first.

        Raises:
            ConfigurationError: A setting is wrong.
        """
        from validation.config import PlexSyncConfig

        self.log.hide([settings.get("plex_token")])
        return PlexSyncConfig.from_settings(settings)

    def open_plex(self, config: PlexSyncConfig) -> PlexClient:
        """Give a client for the server that the settings name; close it afterwards."""
        from worker.processor import open_plex

        return open_plex(config, self.store)

    def context(
        self,
        client: PlexClient,
        config: PlexSyncConfig,
        fingerprint: str,
        tables: Tables | None = None,
    ) -> Context:
        """Give what the stages of sync/ work with; the client is closed by whoever opened it.

        ``tables`` is where the path index is kept, None for the store.
        """
        from sync.context import Context
        from worker.processor import search_plex

        context = Context(
            self.store,
            self.stash,
            self.log,
            client=lambda: client,
            search=search_plex,
            tables=tables,
        )
        context.adopt(config, fingerprint)
        return context

    def ensure_worker(self) -> str:
        """Start or wake the worker; give how it was found, as ``launcher.ensure_worker``."""
        return launcher.ensure_worker(self.store.directory, self.entry)

    def is_held(self, lock: str) -> bool:
        """Say whether a process holds the lock of this name."""
        return launcher.ProcessLock(self.store.directory, lock).is_held()

    def only_one(self, lock: str, busy: str, *, pause: float = 0.05) -> launcher.ProcessLock:
        """Give the lock of this name, held until its block ends; tried for every ``pause`` seconds.

        Raises:
            TransientError: Another process holds it; ``busy`` is its message.
        """
        held = launcher.ProcessLock(self.store.directory, lock)
        if not held.acquire_soon(pause):
            from errors import TransientError

            raise TransientError(busy)
        return held

    def words(self, fault: SyncError) -> str:
        """Give a fault's message as Stash's log may show it; see sync/redaction.py."""
        return self._log.words(fault) if self._log else fault.message

    def close(self) -> None:
        """Close everything that is open."""
        for opened in (self._stash, self._log):
            if opened:
                opened.close()
        self.store.close()


def stash_process() -> str:
    """Tell which process of Stash runs us, so that another one is known: Stash was started anew.

    Gives our parent's number and, where the system tells, the moment of its start. In a
    container Stash has the same number after each start, so the moment counts there.
    """
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="utf-8", errors="replace") as file:
            # After the name, which may hold anything, in brackets: the start is the 20th field.
            started = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = ""
    return f"{parent} {started}".strip()
