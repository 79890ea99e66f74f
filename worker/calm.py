"""What is done when nothing is left to do: look for changes that nobody told of, on both sides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from errors import SyncError
from worker.new_in_plex import NewInPlex
from worker.sweep import CALM, Sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.stash_session import StashSession
    from worker.processor import SyncWorker


class Calm:
    """Sweeps Stash at a calm rhythm, and asks Plex for what scenes wait for.

    Args:
        worker: Whose servers and store are used.
        stash: The way to Stash.
        clock: Gives Unix seconds.
    """

    def __init__(
        self, worker: SyncWorker, stash: StashSession, clock: Callable[[], float] = time.time
    ) -> None:
        self._worker = worker
        self._clock = clock
        self._sweep = Sweep(worker.store, stash, worker.log, clock)
        self._appearing = NewInPlex(worker.store, clock)
        self._sweep_at = 0.0  # the first one as soon as there is a moment

    def look_around(self) -> bool:
        """Look for changes, as far as it is time to; say whether there is something to do now."""
        return self._sweep_stash() or self._ask_plex()

    def _sweep_stash(self) -> bool:
        now = self._clock()
        if 0 < self._sweep_at - now <= CALM:
            return False
        self._sweep_at = now + CALM
        try:
            return self._sweep.run() > 0
        except SyncError as fault:
            self._worker.log.warning(
                f"{self._worker.log.words(fault)} (looking for changes, again later)"
            )
            return False

    def _ask_plex(self) -> bool:
        try:
            return self._appearing.look(self._worker.reconciler) > 0
        except SyncError as fault:
            self._worker.log.warning(
                f"{self._worker.log.words(fault)} (looking for new files, again later)"
            )
            return False
