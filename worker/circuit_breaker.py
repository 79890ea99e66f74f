"""May the queue move? Holds are looked at here, servers probed, settings read again.

A hold costs one cheap request now and then, whatever the length of the queue.
The first answer after an outage frees everything that waited for the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import SyncError
from store import holds, queue
from store.queue import LONGEST_WAIT
from validation.config import PlexSyncConfig, settings_fingerprint
from worker import schedule

if TYPE_CHECKING:
    import sqlite3

    from worker.processor import SyncWorker

#: Seconds between two looks at the settings: while the queue waits for their mend,
#: and while Plex is down; as long as somebody is likely to be at it, and later on.
LOOK_AT_SETTINGS = (5.0, 30.0)
LOOK_IN_OUTAGE = (30.0, 300.0)
AT_IT = 900.0


class CircuitBreaker:
    """Decides before each step whether the worker may go on.

    Args:
        worker: Whose queue, settings and way to the servers these are.
    """

    def __init__(self, worker: SyncWorker) -> None:
        self._worker = worker
        self._settings_read_at: float | None = None
        self._tried_at_mark: int | None = None

    def is_open(self) -> bool:
        """Say whether work can go on now; clears holds that are over."""
        waiting = {hold.lane: hold for hold in holds.all_holds(self._connection)}
        if holds.STASH in waiting:
            mark = queue.newest_mark(self._connection)
            # Whatever was marked since, Stash lived to say so: ask it now.
            if not self._is_over(waiting[holds.STASH]) and mark == self._tried_at_mark:
                return False
            self._tried_at_mark = mark
        if not waiting and self._worker.config is not None:
            return True
        others = [waiting[lane] for lane in (holds.SETTINGS, holds.PLEX) if lane in waiting]
        if others and not any(map(self._is_over, others)) and not self._may_read_settings(others):
            return False
        if not self.read_settings():
            return False
        for hold in others:
            if hold.fingerprint == self._worker.fingerprint and not self._try_again(hold):
                return False
            self._worker.verdict.clear(hold.lane)
        return True

    def read_settings(self) -> bool:
        """Read the settings from Stash and adopt them; say whether they are complete."""
        self._settings_read_at = self._worker.clock()
        try:
            settings = self._worker.stash.settings()
        except SyncError as fault:
            self._worker.verdict.hold(holds.STASH, fault, schedule.PROBE)
            return False
        self._worker.verdict.clear(holds.STASH)
        return self.adopt(settings)

    def adopt(self, settings: dict[str, object]) -> bool:
        """Adopt a settings map; wrong ones hold the queue and are named."""
        fingerprint = settings_fingerprint(settings)
        if fingerprint == self._worker.fingerprint:
            if self._worker.config is not None:
                return True
            hold = holds.get(self._connection, holds.SETTINGS)
            if hold and hold.fingerprint == fingerprint and not self._is_over(hold):
                return False  # known to be wrong, and said
        token = settings.get("plex_token")
        self._worker.log.hide([token if isinstance(token, str) else None])
        try:
            config = PlexSyncConfig.from_settings(settings)
        except SyncError as fault:
            self._worker.adopt(None, fingerprint)
            self._worker.verdict.hold(holds.SETTINGS, fault, schedule.MEND)
            return False
        self._worker.adopt(config, fingerprint)
        self._worker.verdict.clear(holds.SETTINGS)
        return True

    def next_look(self) -> float | None:
        """Give the Unix time at which a hold should be looked at again, None without one."""
        waiting = holds.all_holds(self._connection)
        if not waiting:
            return None
        earliest = min(hold.until for hold in waiting)
        if any(hold.lane != holds.STASH for hold in waiting):
            # The settings may be mended at any moment, and Stash is near.
            earliest = min(earliest, self._worker.clock() + self._pause(waiting))
        return earliest

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._worker.store.connection

    def _is_over(self, hold: holds.Hold) -> bool:
        now = self._worker.clock()
        return hold.until <= now or hold.until > now + LONGEST_WAIT

    def _may_read_settings(self, waiting: list[holds.Hold]) -> bool:
        if self._settings_read_at is None:
            return True
        return not 0 <= self._worker.clock() - self._settings_read_at < self._pause(waiting)

    def _pause(self, waiting: list[holds.Hold]) -> float:
        """Give the seconds between two looks at the settings."""
        now = self._worker.clock()
        return min(
            (LOOK_AT_SETTINGS if hold.lane == holds.SETTINGS else LOOK_IN_OUTAGE)[
                not 0 <= now - hold.since < AT_IT
            ]
            for hold in waiting
        )

    def _try_again(self, hold: holds.Hold) -> bool:
        """Ask the server once, cheaply; a fault renews the hold."""
        if not self._is_over(hold):
            return False
        try:
            self._worker.verdict.alive(hold.lane)
        except SyncError as fault:
            self._worker.verdict.hold(hold.lane, fault, schedule.of_hold(fault))
            return False
        return True
