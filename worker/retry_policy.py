"""What a fault means for a row of the queue: wait, try again, park, or hold everything.

    PlexNotFound      waits on the long schedule of what is not in Plex yet
    transient         the same scene again by a stored schedule; parked after many tries
    permanent         parked until the scene is edited or retried by hand
    configuration     the whole queue waits for a mended setting

By class and scope alone, never by a message. A fault that could be the
server's is only taken for it after the server was asked for a sign of life:
one scene whose own request always hangs, or whose words a proxy takes for an
attack, must not stop the others. The other way round, scene after scene that
fails means that something is wrong which a sign of life does not show; then
the queue as a whole slows down, whatever kind of fault it is.

Every wait is bounded by a day, so that store/queue.py can tell a wrong clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import NextStep, Scope, SyncError, in_words
from plex.error_types import LibraryNotFound, PlexError, RateLimited, ServerChanged
from store import history, holds, notice, queue
from worker.circuit_breaker import lane_of, server_of, wait_for

if TYPE_CHECKING:
    from sync.context import Context
    from worker.circuit_breaker import CircuitBreaker

#: Seconds: a scene whose own request failed is tried again soon, then ever slower.
RETRY = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
#: Tries of one scene before it is parked; a server that is down costs none.
MOST_TRIES = 12
#: Not in Plex yet: a scan's hook nearly always comes before Plex knows the file.
APPEAR = (60.0, 300.0, 900.0, 3600.0, 6 * 3600.0, 86400.0)
#: Faults in a row, each of another scene, after which the queue slows down
#: although the server gives signs of life.
FAULTS_IN_A_ROW = 5


class RetryPolicy:
    """Settles faults."""

    def __init__(self, context: Context, breaker: CircuitBreaker) -> None:
        self._context = context
        self._breaker = breaker
        # By the server that failed, STASH or PLEX: the scenes since it last did its work.
        self._in_a_row: dict[str, set[tuple[str, int]]] = {}

    def succeeded(self) -> None:
        """Note that a scene went through: both servers do their work."""
        self._in_a_row.clear()
        self._breaker.served()

    def wait(self, row: queue.QueueRow, fault: SyncError) -> None:
        """Look again on the long schedule: Plex does not have it yet."""
        self._note_served(fault)
        self._postpone(row, fault, wait_for(fault, APPEAR, row.attempts))

    def park(self, row: queue.QueueRow, fault: SyncError) -> None:
        """Leave the scene until it is edited or retried by hand."""
        self._note_served(fault)
        self._postpone(row, fault, None)

    def retry(self, row: queue.QueueRow, fault: SyncError) -> None:
        """Try again by the stored schedule; what the whole queue has to wait for holds it."""
        self._note_served(fault)
        if self._concerns_all(fault):
            return
        slows_down = self._slows_down(fault, row[:2])
        # One that does goes to the back, for those behind it may do better; never parked meanwhile.
        last = not slows_down and row.attempts + 1 >= MOST_TRIES
        self._postpone(row, fault, None if last else wait_for(fault, RETRY, row.attempts))

    def retry_batch(self, fault: SyncError) -> None:
        """Decide what the fault of a whole batch means; its rows stay as they are."""
        if not self._concerns_all(fault):
            self._slows_down(fault, ("batch", 0))

    def _note_served(self, fault: SyncError) -> None:
        if server_of(fault) == holds.PLEX:
            # Whoever got as far as Plex has been served by Stash.
            self._in_a_row.pop(holds.STASH, None)
            self._breaker.served(holds.STASH)

    def _concerns_all(self, fault: SyncError) -> bool:
        """Tell a fault of the server or the settings from a scene's own; hold the queue for one.

        The sign of life that is missing says best what is wrong.
        """
        if fault.scope is not Scope.SERVER:
            return False
        if isinstance(fault, ServerChanged):
            # Nothing is wrong with it; the row comes again at once, to that server.
            self._context.forget_plex()
            self._context.log.warning(self._context.log.words(fault))
            return True
        missing: SyncError | None = fault
        if isinstance(fault, PlexError) and not isinstance(fault, RateLimited | LibraryNotFound):
            missing = self._missing_sign(lane_of(fault))
        elif fault.next_step is not NextStep.PAUSE and not isinstance(fault, PlexError):
            asks_to_wait = fault.retry_after is not None
            missing = self._missing_sign(holds.STASH) or (fault if asks_to_wait else None)
        if missing is None:
            return False
        if missing.retry_after is None:
            missing.retry_after = fault.retry_after
        self._breaker.hold_for(missing)
        return True

    def _missing_sign(self, lane: str) -> SyncError | None:
        try:
            self._breaker.probe(lane)
        except SyncError as fault:
            return fault
        return None

    def _slows_down(self, fault: SyncError, scene: tuple[str, int]) -> bool:
        """Count a scene whose own request fails; hold the queue if it is one after another."""
        failing = self._in_a_row.setdefault(server_of(fault), set())
        failing.add(scene)
        if len(failing) < FAULTS_IN_A_ROW:
            return False
        self._breaker.suspect(lane_of(fault), fault)
        return True

    def _postpone(self, row: queue.QueueRow, fault: SyncError, wait: float | None) -> None:
        log = self._context.log
        due_at = None if wait is None else self._context.clock() + wait
        said = fault.for_one_scene() if isinstance(fault, PlexError) else fault.message
        said = log.words(fault, said)
        with self._context.store.transaction() as connection:
            counts = queue.is_in_run(connection, row)
            queue.postpone(
                connection,
                row,
                due_at=due_at,
                reason=fault.reason,
                message=log.clean(said),
                is_retry=fault.next_step is NextStep.RETRY,
            )
            if counts:
                outcome = "waiting" if fault.next_step is NextStep.WAIT else "failed"
                history.count(connection, outcome, fault.reason)
            notice.leave(connection)
        if fault.next_step is NextStep.WAIT and row.reason == fault.reason:
            return  # said once: a library may hold a part of Stash on purpose
        then = "parked" if wait is None else f"next look {in_words(wait)}"
        tell = log.info if fault.next_step is NextStep.WAIT else log.warning
        tell(f"{row.kind} {row.id}: {said} ({fault.reason}, {then})")
