"""When to look again, in seconds. Pure; the only place with numbers for waiting.

Every wait is bounded by a day, so store/queue.py can tell a wrong clock.
"""

from __future__ import annotations

from errors import NextStep, SyncError
from plex.exceptions import RateLimited

#: A scene whose own request failed: soon, then ever slower.
RETRY = (5.0, 15.0, 60.0, 300.0, 900.0, 3600.0)
#: Tries of one scene before it is parked; a server that is down costs none.
MOST_TRIES = 12
#: Not in Plex yet: a scan's hook nearly always comes before Plex knows the file.
APPEAR = (60.0, 300.0, 900.0, 3600.0, 6 * 3600.0, 86400.0)
#: The server is down: one probe now and then for the whole queue.
PROBE = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
#: The server gives signs of life, yet scene after scene fails: one of them now and then,
#: often enough that others behind it are reached.
SUSPECT = PROBE[:6]
#: A wrong setting: tried again by itself, in case it was mended on Plex's side.
MEND = (60.0, 300.0, 900.0)
#: Somebody asks for fewer requests and does not say for how long.
RATE_LIMIT = (30.0, 60.0, 120.0, 300.0)
LONGEST_RETRY_AFTER = 3600.0


def after(steps: tuple[float, ...], attempts: int) -> float:
    """Give the wait after so many earlier attempts; the last step repeats."""
    return steps[min(max(attempts, 0), len(steps) - 1)]


def of_hold(fault: SyncError) -> tuple[float, ...]:
    """Give the steps by which the queue waits because of a fault."""
    if fault.next_step is NextStep.PAUSE:
        return MEND
    return RATE_LIMIT if isinstance(fault, RateLimited) else PROBE


def asked(retry_after: float | None, otherwise: float) -> float:
    """Give the wait a server asked for, within reason, else ``otherwise``."""
    if retry_after is None:
        return otherwise
    return min(max(retry_after, otherwise), LONGEST_RETRY_AFTER)


def in_words(seconds: float) -> str:
    """Say a wait for people: "in 5 s", "in 15 min", "in 6 h"."""
    if seconds < 60:
        return f"in {seconds:.0f} s"
    if seconds < 3600:
        return f"in {seconds / 60:.0f} min"
    return f"in {seconds / 3600:.0f} h"
