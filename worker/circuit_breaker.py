"""May the queue move? A server that is down, or a wrong setting, holds all of it as one state.

A hold (store/holds.py) costs one cheap request now and then, whatever the length of the
queue. The first answer after an outage frees everything that waited for the server.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import plex.error_types
import stash.exceptions
from errors import NextStep, Scope, SyncError, counted
from plex.error_types import (
    AmbiguousMatch,
    ImageTooLarge,
    LibraryNotFound,
    NotInPlexYet,
    PlexError,
    RateLimited,
    RequestTooLarge,
)
from store import braked, holds, meta, notice, queue
from store.queue import LONGEST_WAIT
from sync import redaction
from validation.config import PlexSyncConfig, settings_fingerprint

if TYPE_CHECKING:
    import sqlite3
    from types import ModuleType

    from sync.context import Context

#: Seconds between two probes: the server is down.
PROBE = (2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
#: The server gives signs of life, yet scene after scene fails: one of them now and then,
#: often enough that others behind it are reached.
SUSPECT = PROBE[:6]
#: A wrong setting: tried again by itself, in case it was mended on Plex's side.
MEND = (60.0, 300.0, 900.0)
#: Plex, or what stands before it, says that a setting is wrong. While either starts that
#: passes: a proxy shows a page or leads elsewhere, Plex refuses a token that is right.
REFUSED = (2.0, 5.0, 10.0, 30.0, *MEND)
#: Seconds after a probe before which no edit brings the next one forward.
EDIT_ASKS = 10.0
#: Somebody asks for fewer requests and does not say for how long.
RATE_LIMIT = (30.0, 60.0, 120.0, 300.0)

#: Seconds between two looks at the settings: while the queue waits for their mend,
#: and while Plex is down; as long as somebody is likely to be at it, and later on.
READ_SETTINGS = (5.0, 30.0)
READ_IN_OUTAGE = (30.0, 300.0)
AT_IT = 900.0


def _about_the_server(module: ModuleType, next_step: NextStep) -> tuple[str, ...]:
    return tuple(
        name
        for name, error in vars(module).items()
        if isinstance(error, type)
        and issubclass(error, SyncError)
        and error.__module__ == module.__name__
        and (error.scope, error.next_step) == (Scope.SERVER, next_step)
    )


#: By lane, the reasons of rows that wait on their own for what the lane waits for.
SERVER_FAULTS = {
    holds.STASH: _about_the_server(stash.exceptions, NextStep.RETRY),
    holds.PLEX: _about_the_server(plex.error_types, NextStep.RETRY),
    holds.SETTINGS: _about_the_server(plex.error_types, NextStep.PAUSE),
}


#: Reasons of scenes that a changed setting may mend: another path_map, other libraries, an
#: address without a proxy's limit before it.
MENDED_BY_SETTINGS = (NotInPlexYet, AmbiguousMatch, RequestTooLarge, ImageTooLarge)


class CircuitBreaker:
    """Holds the queue, probes what it waits for, and lets it go on."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings_read_at: float | None = None
        self._tried_at_mark: int | None = None
        # When Plex was tried last, and the newest revision then: a later edit asks anew.
        self._tried_at = 0.0
        # 0 where a worker before us held it: then a hook has just started us.
        self._tried_for = 0
        # Until then nobody brings a probe forward: the server asked us to stay away.
        self._quiet_until = 0.0
        # Holds by their lane since what it waits for last did its work.
        self._held: dict[str, int] = {}
        # Settings opened Plex once: never to be asked of the store again.
        self._was_open = False
        # Lanes held on suspicion: the server gave a sign of life all the while.
        self._suspected: set[str] = set()

    def lets_pass(self) -> bool:
        """Say whether work can go on now; clears holds that are over."""
        waiting = {hold.lane: hold for hold in holds.all_holds(self._connection)}
        if holds.STASH in waiting:
            newest = queue.newest_revision(self._connection)
            # Whatever was marked since, Stash lived to say so: ask it now.
            if not self._is_over(waiting[holds.STASH]) and newest == self._tried_at_mark:
                return False
            self._tried_at_mark = newest
        if not waiting and self._context.config is not None:
            return True
        others = [waiting[lane] for lane in (holds.SETTINGS, holds.PLEX) if lane in waiting]
        asked = self._asked_by_edit_at() <= self._context.clock()
        # The first of them decides: without settings Plex is not asked, though its time is up.
        is_due = not others or asked or self._is_over(others[0])
        if not is_due and not self._may_read_settings(others):
            return False
        if not self._read_settings():
            return False
        for hold in others:
            if hold.fingerprint == self._context.fingerprint and not self._try_again(hold, asked):
                return False
            self.clear(hold.lane)
        return True

    def adopt(self, settings: dict[str, object]) -> bool:
        """Adopt a settings map; wrong ones hold the queue and are named. Say whether it is good."""
        context = self._context
        fingerprint = settings_fingerprint(settings)
        if fingerprint == context.fingerprint:
            if context.config is not None and not self._is_first_time():
                return True
            hold = holds.get(self._connection, holds.SETTINGS)
            if hold and hold.fingerprint == fingerprint and not self._is_over(hold):
                self._note_before_settings()
                return False  # known to be wrong, and said
        context.log.hide([settings.get("plex_token")])
        try:
            config = PlexSyncConfig.from_settings(settings)
        except SyncError as fault:
            context.adopt(None, fingerprint)
            self._note_before_settings()
            self.hold_for(fault)
            return False
        context.adopt(config, fingerprint)
        redaction.follow(context.store, context.log, wanted=config.redact_logs)
        refusal = self._refusal() if self._is_first_time() else None
        if refusal is not None:
            self._note_before_settings()
            self.hold_for(refusal)
            return False
        self.clear(holds.SETTINGS)
        self._release_what_settings_mend(fingerprint)
        return True

    def _is_first_time(self) -> bool:
        """Say whether no settings were ever good: what opens nothing is not complete."""
        if not self._was_open:
            begun = meta.get(self._connection, meta.LEDGER) or {}
            seen = meta.get(self._connection, meta.SETTINGS_SEEN)
            self._was_open = bool(seen) or begun.get("from") != "nothing"
        return not self._was_open

    def _refusal(self) -> SyncError | None:
        """Ask Plex whether these settings open it; None also where it cannot be asked."""
        try:
            self._context.client().section_infos()
        except SyncError as fault:
            return fault if lane_of(fault) == holds.SETTINGS else None
        return None

    def _release_what_settings_mend(self, fingerprint: str) -> None:
        """Make due what waited under other settings, once for each change of them."""
        known = meta.get(self._connection, meta.SETTINGS_SEEN)
        if known == fingerprint:
            return
        due = 0
        with self._context.store.transaction() as connection:
            meta.put(connection, meta.SETTINGS_SEEN, fingerprint)
            if not known:
                self._leave_what_nobody_saw(connection)
            for error in MENDED_BY_SETTINGS:
                due += queue.make_due(connection, reason=error.__name__)
            held = braked.look_at_all(connection)
        if due:
            self._context.log.info(
                f"the settings changed: going on with {counted(due, 'scene')} that waited"
            )
        if held:
            self._context.log.info(
                f"the settings changed: looking again at {counted(held, 'scene')} held back"
            )

    def _note_before_settings(self) -> None:
        """Note how far the queue reaches while no settings were ever good.

        By revision and not by time, so that a clock that jumps changes nothing. A database
        that was lost or put back is left out: all of its scenes are to be compared.
        """
        if not self._is_first_time():
            return
        newest = queue.newest_revision(self._connection)
        if meta.get(self._connection, meta.BEFORE_SETTINGS) != newest:
            meta.put(self._connection, meta.BEFORE_SETTINGS, newest)

    def _leave_what_nobody_saw(self, connection: sqlite3.Connection) -> None:
        """Write nothing by ourselves that was queued before anybody could press Preview."""
        newest = meta.get(connection, meta.BEFORE_SETTINGS)
        if newest is None:
            return
        scenes = queue.forget_unasked(connection, newest)
        if meta.get(connection, meta.SWEEP) is None:
            # Else the first sweep would mark the very same scenes again.
            meta.put(connection, meta.SWEEP_SINCE, self._context.clock())
        self._context.log.info(
            "the settings are complete for the first time: what was saved before was never "
            f"compared and is left to Preview and Sync all ({counted(scenes, 'scene')})"
        )

    def probe(self, lane: str) -> None:
        """Ask the server that a lane waits for for a sign of life, as cheaply as can be.

        Plex is asked who it is, which needs no token, and for SETTINGS also for its
        libraries, which does.

        Raises:
            errors.SyncError: There is none, or the token opens nothing.
        """
        if lane == holds.STASH:
            self._context.stash.settings()
            return
        client = self._context.client()
        client.probe()
        if lane == holds.SETTINGS:
            client.section_infos()

    def hold_for(self, fault: SyncError) -> None:
        """Let the whole queue wait for what a fault is about, as long as that takes as a rule."""
        self.hold(lane_of(fault), fault, steps_for(fault))

    def hold(self, lane: str, fault: SyncError, steps: tuple[float, ...]) -> None:
        """Let the whole queue wait; say it once, and where the user looks."""
        context, log = self._context, self._context.log
        now = context.clock()
        before = holds.get(self._connection, lane)
        # A server that answers when asked how it is and then fails at its work again
        # is asked as seldom as one that does not answer at all.
        attempts = before.attempts if before else self._held.get(lane, 0)
        self._held[lane] = attempts + 1
        self._tried_at, self._tried_for = now, queue.newest_revision(self._connection)
        self._suspected.discard(lane)
        hold = holds.Hold(
            lane,
            now + wait_for(fault, steps, attempts),
            now,  # the store keeps the beginning of one that runs
            attempts + 1,
            fault.reason,
            log.clean(log.words(fault)),
            fault.setting or "",
            context.fingerprint,
        )
        stays_away = isinstance(fault, RateLimited) or fault.retry_after
        self._quiet_until = hold.until if stays_away else 0.0
        with context.store.transaction() as connection:
            holds.put(connection, hold)
            notice.leave(connection)
        if lane != holds.STASH:
            context.forget_plex()
        if before is None or before.message != hold.message:
            log.error(f"{log.words(fault)} (the queue waits)")

    def suspect(self, lane: str, fault: SyncError) -> None:
        """Hold the queue although the server gives signs of life: scene after scene fails."""
        self.hold(lane, fault, SUSPECT)
        self._suspected.add(lane)

    def clear(self, lane: str) -> None:
        """End a lane's wait; what waited for that server on its own becomes due now."""
        suspected = lane in self._suspected
        self._suspected.discard(lane)
        due = 0
        with self._context.store.transaction() as connection:
            cleared = holds.clear(connection, lane)
            if cleared and not suspected:
                for reason in SERVER_FAULTS[lane]:
                    due += queue.make_due(connection, reason=reason, parked=False)
            notice.leave(connection)
        if cleared:
            more = f", {counted(due, 'scene')} with it" if due else ""
            self._context.log.info(f"{lane}: no longer waiting, going on{more}")

    def served(self, lane: str | None = None) -> None:
        """Note that what a lane waits for (None for all of them) did its work."""
        if lane is None:
            self._held.clear()
        else:
            self._held.pop(lane, None)

    def next_look(self) -> float | None:
        """Give the Unix time at which a hold should be looked at again, None without one."""
        waiting = {hold.lane: hold for hold in holds.all_holds(self._connection)}
        if not waiting:
            return None
        if holds.STASH in waiting:
            return waiting[holds.STASH].until  # nothing else can be looked at before
        first = waiting.get(holds.SETTINGS) or waiting[holds.PLEX]
        # The settings may be mended at any moment, and Stash is near.
        soon = self._context.clock() + self._pause(list(waiting.values()))
        return min(first.until, soon, self._asked_by_edit_at())

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._context.store.connection

    def _read_settings(self) -> bool:
        """Read the settings from Stash and adopt them; say whether they are complete."""
        self._settings_read_at = self._context.clock()
        try:
            settings = self._context.stash.settings()
        except SyncError as fault:
            self.hold(holds.STASH, fault, PROBE)
            return False
        self.clear(holds.STASH)
        return self.adopt(settings)

    def _is_over(self, hold: holds.Hold) -> bool:
        now = self._context.clock()
        return hold.until <= now or hold.until > now + LONGEST_WAIT

    def _may_read_settings(self, waiting: list[holds.Hold]) -> bool:
        if self._settings_read_at is None:
            return True
        return not 0 <= self._context.clock() - self._settings_read_at < self._pause(waiting)

    def _pause(self, waiting: list[holds.Hold]) -> float:
        """Give the seconds between two looks at the settings."""
        now = self._context.clock()
        return min(
            (READ_SETTINGS if hold.lane == holds.SETTINGS else READ_IN_OUTAGE)[
                not 0 <= now - hold.since < AT_IT
            ]
            for hold in waiting
        )

    def _asked_by_edit_at(self) -> float:
        """Give the Unix time at which an edit brings the next probe forward, inf without one."""
        if self._suspected or not queue.edit_waits(self._connection, after=self._tried_for):
            return math.inf
        moment = max(self._tried_at + EDIT_ASKS, self._quiet_until)
        now = self._context.clock()
        return now if moment > now + LONGEST_WAIT else moment  # the clock was set back

    def _try_again(self, hold: holds.Hold, asked: bool) -> bool:
        """Ask the server once, cheaply, if it is time or somebody asks; a fault renews the hold.

        It may be another one by now: a server that was down is back and refuses the token.
        """
        if not (asked or self._is_over(hold)):
            return False
        try:
            self.probe(hold.lane)
        except SyncError as fault:
            if lane_of(fault) != hold.lane:
                holds.clear(self._connection, hold.lane)
            self.hold_for(fault)
            return False
        return True


def server_of(fault: SyncError) -> str:
    """Give the server that a fault is about: STASH or PLEX."""
    return holds.PLEX if isinstance(fault, PlexError) else holds.STASH


def lane_of(fault: SyncError) -> str:
    """Give the lane that waits because of a fault: STASH, PLEX or SETTINGS."""
    return holds.SETTINGS if fault.next_step is NextStep.PAUSE else server_of(fault)


def steps_for(fault: SyncError) -> tuple[float, ...]:
    """Give the steps, in seconds, by which the queue waits because of a fault."""
    if fault.next_step is NextStep.PAUSE:
        # A library that is not there does not come by itself while a server starts.
        passes = isinstance(fault, PlexError) and not isinstance(fault, LibraryNotFound)
        return REFUSED if passes else MEND
    return RATE_LIMIT if isinstance(fault, RateLimited) else PROBE


def wait_for(fault: SyncError, steps: tuple[float, ...], attempts: int) -> float:
    """Give the seconds to wait after so many earlier attempts; the last step repeats.

    A server that asks for a longer time gets it (what it may ask is bounded where its
    Retry-After is read); it is never asked again sooner than by our own steps.
    """
    step = steps[min(max(attempts, 0), len(steps) - 1)]
    return max(fault.retry_after or 0.0, step)
