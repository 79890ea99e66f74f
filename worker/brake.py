"""What becomes of scenes that are held back because they would take something away in Plex.

Decided here alone, whenever nothing of their run is left but what is held back: few are let
go and written, many wait for a person, or until they take nothing away any more. All of it
is in the store, so a worker that dies in between is followed by one that decides the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import counted
from store import braked, history, meta, notice, queue
from store.enqueue import TASK
from sync import brake

if TYPE_CHECKING:
    import sqlite3

    from merge.brake import Taken
    from sync.context import Context

#: Seconds between two looks at whether Stash was put right behind our back, as by a backup
#: of it, and scenes of each; if one was, all are looked at.
LOOK_AGAIN = 600.0
SAMPLE = 10
#: Seconds after the last hook of a scene that is new, until which a scan may bring more.
SCAN = 60.0
#: More than there can be.
ALL = 2**31


class Brake:
    """Decides over what is held back."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._looked_at = 0.0  # the first time as soon as there is a moment
        self._sample: list[int] = []

    def decide(self, *, at_rest: bool) -> bool:
        """Decide what can be decided now that nothing more urgent than a task is ready.

        ``at_rest`` says that nothing is ready at all. Gives whether scenes are to be looked at
        that were held back.
        """
        connection = self._context.store.connection
        if not braked.is_any(connection):
            if at_rest and meta.get(connection, meta.BRAKE):
                self._keep_question(connection)
            self._sample = []
            return False
        if queue.carried_waits(connection):
            return False  # more scenes of that run are to come
        if 0 <= self._context.clock() - braked.newest_edit(connection) < SCAN:
            return False  # so may be here
        run = meta.get(connection, meta.SYNC_ALL) or {}
        # Nothing of a task's run is left but what is held back.
        with_run = run.get("marked", True) and not queue.waits(connection, TASK)
        freed: int | None = 0
        if braked.count(connection, braked.UNDECIDED, with_run=with_run):
            freed = self._decide(connection, with_run=with_run)
        if at_rest or freed is None:
            self._keep_question(connection)  # before the task ends that tells it
        if with_run and queue.task_waiting(connection):
            with self._context.store.transaction():
                if scenes := braked.leave_run(connection):  # a person has to say, not the task
                    history.count(connection, "held", scenes=scenes)
        return self._look_at_all(connection) or bool(freed)

    def look_if_due(self) -> int:
        """Look again at a few of what waits for a person, now and then; give how many."""
        now = self._context.clock()
        if 0 <= now - self._looked_at < LOOK_AGAIN:
            return 0
        self._looked_at = now
        connection = self._context.store.connection
        if braked.count(connection, braked.ASKED):
            with self._context.store.transaction():
                self._sample = braked.look_again(connection, SAMPLE)
        return len(self._sample)

    def _decide(self, connection: sqlite3.Connection, *, with_run: bool) -> int | None:
        """Let go of what is undecided and give how many that were, or None: a person is asked."""
        now = self._context.clock()
        new = self._sum(braked.UNDECIDED, with_run=with_run)
        asked = self._sum(braked.ASKED)
        asks, _ = brake.has_to_ask(connection, new.items + asked.items, now)
        with self._context.store.transaction():
            if asks:
                braked.ask(connection, with_run=with_run)
                brake.count_anew(connection)
                return None
            freed = braked.let_go(connection, braked.UNDECIDED, with_run=with_run)
            lately = brake.taken_lately(connection, now)
            meta.put(connection, meta.TAKEN, [*lately, (now, new.items)])
        self._context.log.info(
            f"going on with {counted(freed, 'scene')} held back so far: it would {new.in_words()}"
        )
        return freed

    def _keep_question(self, connection: sqlite3.Connection) -> None:
        """Keep what a person is asked, as long as there is anything to ask."""
        scenes = braked.count(connection, braked.ASKED)
        known = meta.get(connection, meta.BRAKE)
        if (known or {}).get("scenes", 0) == scenes:
            return
        question = None
        if scenes:
            taken, now = self._sum(braked.ASKED), self._context.clock()
            _, in_step = brake.has_to_ask(connection, taken.items, now)
            text = brake.sentence(taken, in_step)
            question = {"at": known["at"] if known else now, "scenes": scenes, "text": text}
            if not known:
                self._context.log.warning(text)
        with self._context.store.transaction():
            meta.put(connection, meta.BRAKE, question)
            notice.leave(connection)

    def _look_at_all(self, connection: sqlite3.Connection) -> bool:
        """Look again at all that waits for a person if one of a few was put right."""
        sample, self._sample = self._sample, []
        if all(queue.get(connection, "scene", number) for number in sample):
            return False
        with self._context.store.transaction():
            return bool(braked.look_again(connection, ALL))

    def _sum(self, reason: str, *, with_run: bool = True) -> Taken:
        connection = self._context.store.connection
        return brake.sum_of(braked.takes_of(connection, reason, with_run=with_run))
