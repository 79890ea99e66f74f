"""The pipeline: what happens to scenes, one that was edited or many, from Stash to Plex.

A stage takes the batch as the stages before have left it, and yields between short
steps whether the step that comes next may take long, or what is awaited before it. The
stages that plan change nothing but the batch, so that a preview is the same without the
stages behind them, and the next batch can be read while this one waits for a server, and
planned while Plex is at work on an edit of this one (docs/adr/0009).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING

from store import holds
from sync import match, preview, read, scene_filter, unchanged, write
from sync.batch import Batch, Interrupted
from sync.context import Context
from sync.look_up import Asking, Step
from sync.write import GOOD_FOR

if TYPE_CHECKING:
    from sync.record import Recorder

Stage = Callable[[Context, Batch], Iterator[Step]]

#: From the queue to a plan for each scene. Servers are read, nothing is changed.
PLAN: tuple[Stage, ...] = (
    read.records,  # what the ledger knows of the scenes
    read.index,  # which item holds which file, where many have to be searched
    unchanged.in_stash,  # scenes that Stash has as they were need not be read
    read.scenes,  # all others, in full
    read.tags,  # aliases and parents of their tags, if a rule looks at them
    scene_filter.leave_out,  # what the settings leave out is done
    read.items,  # Plex's items, in full
    unchanged.as_seen,  # scenes whose items are to the letter as when they were last in step
    read.parsed,  # the items of all others
    unchanged.in_plex,  # scenes that are in step on both sides are done
    read.scenes,  # those that are not after all
    read.tags,
    scene_filter.leave_out,
    read.names,  # which names several performers have, where that matters
    match.find_items,  # the items that hold a scene's files
    match.merge_items,  # last written, Plex now, Stash now: what each item shall get
)
#: The same, and what writing would do.
PREVIEW: tuple[Stage, ...] = (*PLAN, preview.foresee)


def sync(context: Context, recorder: Recorder, batch: Batch) -> None:
    """Take a batch through all stages at once.

    Raises:
        errors.SyncError: A server failed as a whole before anything was written.
    """
    plan(context, batch)
    recorder.settle(batch)
    apply(context, recorder, batch)


def plan(context: Context, batch: Batch, stages: tuple[Stage, ...] = PLAN) -> None:
    """Plan a batch at once, errors as ``sync``."""
    for step in _steps(context, batch, stages):
        if isinstance(step, Asking):
            step.pause()


def apply(
    context: Context,
    recorder: Recorder,
    batch: Batch,
    ahead: Callable[[], bool] = write.nothing,
) -> None:
    """Intend, write and record what was planned.

    While Plex is at work on an edit, those before are made ready and recorded, and towards
    the end ``ahead`` is called, which plans the next batch by a step.
    """

    def meanwhile() -> bool:
        try:
            if recorder.make_ready() or recorder.record_meanwhile(batch):
                return True
            return batch.is_near_end and ahead()
        except Exception:  # noqa: BLE001 - it is raised again when it is recorded
            return False

    write.intend(context, batch)
    try:
        recorder.record(batch, write.write(context, batch, meanwhile))
    finally:
        write.withdraw(context, batch)


def _steps(
    context: Context, batch: Batch, stages: tuple[Stage, ...]
) -> Generator[Step, None, None]:
    # Before the first question: whatever changes after it has to look newer.
    batch.began_at = time.monotonic()
    batch.asked_at = batch.asked_at or context.clock()
    for stage in stages:
        batch.is_read = batch.is_read or stage is match.find_items
        yield from stage(context, batch)


class Planning:
    """The plan of one batch in progress, made step by step.

    Args:
        context: The servers and the settings.
        batch: The batch.
    """

    def __init__(self, context: Context, batch: Batch) -> None:
        self.batch = batch
        self._context = context
        self._fingerprint = context.fingerprint
        self._steps = _steps(context, batch, PLAN)
        self._is_long = self._is_over = self._is_whole = False
        self._awaited: Asking[object] | None = None
        self._fault: Exception | None = None

    def step(self) -> bool:
        """Go on by one step, unless that may take long; say whether another may follow now.

        Raises nothing and settles nothing.
        """
        if not self._is_long:
            self._advance()
        return not (self._is_long or self._is_over or self._awaited)

    def read_ahead(self) -> bool:
        """Go on as ``step`` does, but not beyond what can be done while a batch before is read."""
        return not self.batch.is_read and self.step()

    def complete(self, meanwhile: Callable[[], bool] = write.nothing) -> bool:
        """Go on to the end; say whether nothing came in between. Raises and settles nothing.

        ``meanwhile`` is called while an answer is awaited, again as long as it says that more
        can be done.
        """
        while not self._is_over:
            self._advance()
            while self._awaited and not self._awaited.is_answered():
                if not meanwhile():
                    self._awaited.pause()
                    break
        return self._is_whole

    def settle(self, recorder: Recorder) -> bool:
        """Settle what needs no write, once the plan is complete.

        Returns False when something more urgent came, or the whole queue has to wait.

        Raises:
            errors.SyncError: A server failed in one of the steps.
        """
        recorder.settle(self.batch)
        if self._fault is not None:
            raise self._fault
        return self._is_whole and not holds.all_holds(self._context.store.connection)

    def is_old(self) -> bool:
        """Say whether what was read so far is too old to be written over."""
        began = self.batch.began_at
        return began is not None and time.monotonic() - began >= GOOD_FOR

    def is_outdated(self) -> bool:
        """Say whether it was planned with other settings than those in use."""
        return self._fingerprint != self._context.fingerprint

    def close(self) -> None:
        """Give up what was not finished."""
        self._steps.close()

    def _advance(self) -> None:
        if self._is_over:
            return
        self._awaited = None
        try:
            step = next(self._steps)
            self._is_long = step is True
            self._awaited = step if isinstance(step, Asking) else None
        except StopIteration:
            self._is_over = self._is_whole = True
        except Interrupted:
            self._is_over = True
        except Exception as fault:  # noqa: BLE001 - it is raised where it belongs
            self._is_over, self._fault = True, fault
