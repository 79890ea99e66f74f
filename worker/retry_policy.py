"""What a fault means: the one place that decides retry, wait, park or pause.

    RETRY   the same scene again by a stored schedule; parked after many tries
    WAIT    on the long schedule of what is not in Plex yet
    PARK    until the scene is edited or retried by hand
    PAUSE   the whole queue waits for a mended setting

By class and scope alone, never by a message. A fault that could be the
server's is only taken for it after the server was asked for a sign of life:
one scene whose own request always hangs, or whose words a proxy takes for an
attack, must not stop the others. The other way round, scene after scene that
fails means that something is wrong which a sign of life does not show; then
the queue as a whole slows down, whatever kind of fault it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import NextStep, Scope, SyncError
from plex.exceptions import LibraryNotFound, PlexError, RateLimited
from store import history, holds, queue
from worker import notice, schedule

if TYPE_CHECKING:
    from collections.abc import Callable

    from log import Log
    from store.queue import QueueRow
    from store.store import Store

#: Faults in a row, each of another scene, after which the queue slows down
#: although the server gives signs of life.
FAULTS_IN_A_ROW = 5


class RetryPolicy:
    """Settles faults.

    Args:
        store: Where rows and holds are.
        log: The worker's log.
        clock: Gives Unix seconds.
        fingerprint: Gives the fingerprint of the settings in use.
        alive: Asks the server of a lane (store/holds.py) for a sign of life, for
            SETTINGS one that needs the settings; raises a SyncError when there is none.
        drop: Called when Plex is down or a setting wrong: what was open is worthless.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        clock: Callable[[], float],
        *,
        fingerprint: Callable[[], str],
        alive: Callable[[str], object],
        drop: Callable[[], None],
    ) -> None:
        self._store = store
        self._log = log
        self._clock = clock
        self._fingerprint = fingerprint
        self.alive = alive
        self._drop = drop
        # Both by the server that failed, STASH or PLEX, since it last did its work:
        self._in_a_row: dict[str, set[tuple[str, int]]] = {}
        self._held: dict[str, int] = {}
        #: Lanes held on suspicion: the server gave a sign of life all the while.
        self._suspected: set[str] = set()

    def succeeded(self) -> None:
        """Note that a scene went through: both servers do their work."""
        self._in_a_row.clear()
        self._held.clear()

    def settle(self, row: QueueRow, fault: SyncError) -> None:
        """Decide what a fault means for its row, or for the whole queue."""
        server = _server(fault)
        if server == holds.PLEX:
            # Whoever got as far as Plex has been served by Stash.
            self._in_a_row.pop(holds.STASH, None)
            self._held.pop(holds.STASH, None)
        if fault.next_step is NextStep.WAIT:
            self._postpone(row, fault, schedule.after(schedule.APPEAR, row.attempts))
        elif fault.next_step is NextStep.PARK:
            self._postpone(row, fault, None)
        elif not self._concerns_all(fault):
            wait = schedule.asked(fault.retry_after, schedule.after(schedule.RETRY, row.attempts))
            if self._slows_down(fault, row[:2]):
                # To the back, for those behind it may do better; never parked meanwhile.
                self._postpone(row, fault, wait)
            else:
                last = row.attempts + 1 >= schedule.MOST_TRIES
                self._postpone(row, fault, None if last else wait)

    def settle_batch(self, fault: SyncError) -> None:
        """Decide what the fault of a whole batch means; its rows stay as they are."""
        if not self._concerns_all(fault):
            self._slows_down(fault, ("batch", 0))

    def _concerns_all(self, fault: SyncError) -> bool:
        """Tell a fault of the server or the settings from a scene's own; hold the queue for one.

        The sign of life that is missing says best what is wrong.
        """
        if fault.scope is not Scope.SERVER:
            return False
        missing = fault
        if isinstance(fault, PlexError) and not isinstance(fault, RateLimited | LibraryNotFound):
            pause = fault.next_step is NextStep.PAUSE
            missing = self._missing_sign(holds.SETTINGS if pause else holds.PLEX) or fault
            if missing is fault:
                return False
        elif fault.next_step is not NextStep.PAUSE and not isinstance(fault, PlexError):
            missing = self._missing_sign(holds.STASH) or fault
            if missing is fault and fault.retry_after is None:
                return False
        if missing.retry_after is None:
            missing.retry_after = fault.retry_after
        self.hold(_lane(missing), missing, schedule.of_hold(missing))
        return True

    def _missing_sign(self, lane: str) -> SyncError | None:
        try:
            self.alive(lane)
        except SyncError as fault:
            return fault
        return None

    def _slows_down(self, fault: SyncError, scene: tuple[str, int]) -> bool:
        """Count a scene whose own request fails; hold the queue if it is one after another."""
        failing = self._in_a_row.setdefault(_server(fault), set())
        if len(failing) < FAULTS_IN_A_ROW:
            failing.add(scene)
        if len(failing) < FAULTS_IN_A_ROW:
            return False
        lane = _lane(fault)
        self.hold(lane, fault, schedule.SUSPECT)
        self._suspected.add(lane)
        return True

    def hold(self, lane: str, fault: SyncError, steps: tuple[float, ...]) -> None:
        """Let the whole queue wait; say it once, and where the user looks."""
        now = self._clock()
        before = holds.get(self._store.connection, lane)
        server = _server(fault)
        # A server that answers when asked how it is and then fails at its work again
        # is asked as seldom as one that does not answer at all.
        attempts = before.attempts if before else self._held.get(server, 0)
        self._held[server] = attempts + 1
        self._suspected.discard(lane)
        wait = schedule.asked(fault.retry_after, schedule.after(steps, attempts))
        hold = holds.Hold(
            lane,
            now + wait,
            before.since if before else now,
            attempts + 1,
            fault.reason,
            self._log.clean(self._log.words(fault)),
            fault.setting or "",
            self._fingerprint(),
        )
        with self._store.transaction() as connection:
            holds.put(connection, hold)
            notice.leave_notice(connection)
        if lane != holds.STASH:
            self._drop()
        if before is None or before.message != hold.message:
            self._log.error(f"{self._log.words(fault)} (the queue waits)")

    def clear(self, lane: str) -> None:
        """End a lane's wait; what waited for that server on its own is looked at now."""
        suspected = lane in self._suspected
        self._suspected.discard(lane)
        released = 0
        with self._store.transaction() as connection:
            cleared = holds.clear(connection, lane)
            if cleared and not suspected:
                for reason in notice.SERVER_FAULTS[lane]:
                    released += queue.release(connection, reason=reason, parked=False)
            notice.leave_notice(connection)
        if cleared:
            more = f", {released} scenes with it" if released else ""
            self._log.info(f"{lane}: no longer waiting, going on{more}")

    def _postpone(self, row: QueueRow, fault: SyncError, wait: float | None) -> None:
        due_at = None if wait is None else self._clock() + wait
        said = fault.for_one_scene() if isinstance(fault, PlexError) else fault.message
        said = self._log.words(fault, said)
        message = self._log.clean(said)
        with self._store.transaction() as connection:
            counts = queue.is_in_run(connection, row)
            queue.postpone(connection, row, due_at=due_at, reason=fault.reason, message=message)
            if counts:
                outcome = "waiting" if fault.next_step is NextStep.WAIT else "failed"
                history.count(connection, outcome, fault.reason)
            notice.leave_notice(connection)
        if fault.next_step is NextStep.WAIT and row.reason == fault.reason:
            return  # said once: a library may hold a part of Stash on purpose
        then = "parked" if wait is None else f"next look {schedule.in_words(wait)}"
        log = self._log
        tell = log.info if fault.next_step is NextStep.WAIT else log.warning
        tell(f"{row.kind} {row.id}: {said} ({fault.reason}, {then})")


def _server(fault: SyncError) -> str:
    return holds.PLEX if isinstance(fault, PlexError) else holds.STASH


def _lane(fault: SyncError) -> str:
    return holds.SETTINGS if fault.next_step is NextStep.PAUSE else _server(fault)
