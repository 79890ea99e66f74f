"""What a fault means: the one place that decides retry, wait, park or pause.

    RETRY, scene   the same scene again by a stored schedule; parked after many tries
    RETRY, server  the whole queue waits for the server; the scene's tries are not spent
    WAIT           on the long schedule of what is not in Plex yet
    PARK           until the scene is edited or retried by hand
    PAUSE          the whole queue waits for a mended setting

By class and scope alone, never by a message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults import NextStep, Scope, SyncError
from plex.exceptions import RateLimited
from store import dirty, history, holds
from store.mark import TASK
from worker import schedule, state

if TYPE_CHECKING:
    from collections.abc import Callable

    from store.dirty import DirtyRow
    from store.store import Store
    from worker.log import Log

#: Faults in a row, each of another scene, after which the server counts as down
#: although it answers a probe.
FAULTS_IN_A_ROW = 5


class Verdict:
    """Settles faults.

    Args:
        store: Where rows and holds are.
        log: The worker's log.
        clock: Gives Unix seconds.
        fingerprint: Gives the fingerprint of the settings in use.
        probe: Asks Plex for a sign of life; raises a SyncError when there is none.
        drop: Called when Plex is down: what was open to it is worthless.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        clock: Callable[[], float],
        *,
        fingerprint: Callable[[], str],
        probe: Callable[[], object],
        drop: Callable[[], None],
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._fingerprint = fingerprint
        self._probe = probe
        self._drop = drop
        self._faults_in_a_row = 0

    def succeeded(self) -> None:
        """Note that a scene went through: the server is up."""
        self._faults_in_a_row = 0

    def settle(self, row: DirtyRow, fault: SyncError) -> None:
        """Decide what a fault means for its row, or for the whole queue."""
        if fault.next_step is NextStep.PAUSE:
            self.hold(holds.SETTINGS, fault, schedule.MEND)
        elif fault.next_step is NextStep.WAIT:
            self._postpone(row, fault, schedule.after(schedule.APPEAR, row.attempts))
        elif fault.next_step is NextStep.PARK:
            self._postpone(row, fault, None)
        elif fault.scope is Scope.SERVER and self._is_down(fault):
            lane = holds.PLEX if fault.reason in state.PLEX_FAULTS else holds.STASH
            self.hold(lane, fault, schedule.PROBE)
        elif row.attempts + 1 >= schedule.MOST_TRIES:
            self._postpone(row, fault, None)
        else:
            wait = schedule.asked(fault.retry_after, schedule.after(schedule.RETRY, row.attempts))
            self._postpone(row, fault, wait)

    def _is_down(self, fault: SyncError) -> bool:
        """Tell a server that is down from a request that it cannot cope with.

        A scene whose own request times out must not stop all others, so a
        server that answers a probe is not down, unless scene after scene fails.
        """
        self._faults_in_a_row += 1
        if fault.reason not in state.PLEX_FAULTS or isinstance(fault, RateLimited):
            return True
        if self._faults_in_a_row >= FAULTS_IN_A_ROW:
            return True
        try:
            self._probe()
        except SyncError:
            return True
        return False

    def hold(self, lane: str, fault: SyncError, steps: tuple[float, ...]) -> None:
        """Let the whole queue wait; say it once, and where the user looks."""
        now = self._clock()
        before = holds.get(self._store.connection, lane)
        attempts = before.attempts if before else 0
        wait = schedule.asked(fault.retry_after, schedule.after(steps, attempts))
        hold = holds.Hold(
            lane,
            now + wait,
            before.since if before else now,
            attempts + 1,
            fault.reason,
            self._log.clean(fault.message),
            fault.setting or "",
            self._fingerprint(),
        )
        with self._store.transaction() as connection:
            holds.put(connection, hold)
            state.leave_notice(connection)
        if lane == holds.PLEX:
            self._drop()
        if before is None or before.message != hold.message:
            self._log.error(f"{fault.message} (the queue waits)")

    def _postpone(self, row: DirtyRow, fault: SyncError, wait: float | None) -> None:
        due_at = None if wait is None else self._clock() + wait
        message = self._log.clean(fault.message)
        with self._store.transaction() as connection:
            counted = dirty.postpone(
                connection, row, due_at=due_at, reason=fault.reason, message=message
            )
            if row.urgency == TASK and counted:
                outcome = "waiting" if fault.next_step is NextStep.WAIT else "failed"
                history.count(connection, outcome, fault.reason)
            state.leave_notice(connection)
        then = "parked" if wait is None else f"next look {schedule.in_words(wait)}"
        log = self._log
        tell = log.info if fault.next_step is NextStep.WAIT else log.warning
        tell(f"scene {row.id}: {fault.message} ({fault.reason}, {then})")
