"""The brake: scenes that would take something away in Plex are held back, and what is said of it.

What becomes of them is decided once their run is over (worker/brake.py). An edit by hand is
never held back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import counted
from merge.brake import Taken, is_too_much, taken_away
from store import braked, ledger, meta
from store.enqueue import EDIT

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from store.queue import QueueRow
    from sync.batch import Batch
    from sync.context import Context
    from sync.plan import ScenePlan

#: Seconds for which counts what was taken away unasked: a full comparison takes as long
#: (worker/moved_files.py), and finds an older Stash a few pages at a time.
LATELY = 86400.0
#: The task that lets it happen.
GO_ON = "Go on"


def hold_back(context: Context, batch: Batch) -> None:
    """Hold back the scenes of a batch that would take something away and were not let go.

    Their plans leave the batch, and nothing is recorded of them.
    """
    held_back: list[tuple[QueueRow, Taken]] = []
    for plan in batch.plans:
        row = batch.rows.get(plan.scene.id)
        if row is not None and (taken := _unasked(row, plan, batch)):
            held_back.append((row, taken))
    if not held_back:
        return
    with context.store.transaction() as connection:
        for row, taken in held_back:
            message = f"Held back: this would {taken.in_words()}."
            braked.hold_back(connection, row.id, row.revision, taken.to_json(), message)
        if any(row.brake == braked.WAITS for row, _ in held_back):
            count_anew(connection)  # it may take away something else by now
    numbers = {row.id for row, _ in held_back}
    batch.plans = [plan for plan in batch.plans if plan.scene.id not in numbers]


def _unasked(row: QueueRow, plan: ScenePlan, batch: Batch) -> Taken:
    """Give what a scene takes away that nobody meant, as far as can be told.

    A scene that is new after "Clean" and "Scan" has a hook as one has that was edited, and is
    empty: it takes away what its item had of the scene before. With the next hook it is
    somebody's.
    """
    by_hand = row.urgency == EDIT
    is_new = plan.scene.id not in batch.records and not row.takes
    if row.brake >= braked.MAY_TAKE or (by_hand and not is_new):
        return Taken()
    return taken_by(plan, of_others=by_hand)


def taken_by(plan: ScenePlan, *, of_others: bool = False) -> Taken:
    """Give what a plan takes away from items that were in step before.

    With ``of_others`` only from those that were another scene's then.
    """
    taken = Taken()
    for one in plan.planned:
        before = one.before
        changes = one.merged.edit or one.merged.to_stash
        if not changes or before is None or not before.base:
            continue
        if not of_others or before.scene != plan.scene.id:
            taken.add_item(taken_away(one.merged, one.item, one.insist))
    return taken


def has_to_ask(connection: sqlite3.Connection, items: int, now: float) -> tuple[bool, int]:
    """Say whether taking away from so many items more is too much; and how many are in step.

    ``now`` are Unix seconds.
    """
    in_step = ledger.count_items(connection, meta.server_seen(connection))
    lately = sum(count for _, count in taken_lately(connection, now))
    return is_too_much(items + lately, in_step), in_step


def taken_lately(connection: sqlite3.Connection, now: float) -> list[tuple[float, int]]:
    """Give when something was taken away unasked, and from how many items."""
    known: list[tuple[float, int]] = meta.get(connection, meta.TAKEN) or []
    return [(at, items) for at, items in known if 0 <= now - at < LATELY]


def sum_of(takes: Iterable[str]) -> Taken:
    """Add up what rows take away (``store.braked.takes_of``)."""
    taken = Taken()
    for one in takes:
        taken.add(Taken.from_json(one))
    return taken


def sentence(taken: Taken, in_step: int) -> str:
    """Say what a person is asked, and what there is to do."""
    return (
        f"PlexSync holds back what would take something away from {counted(taken.items, 'item')}, "
        f"of {in_step:,} in step: it would {taken.in_words()}. All else is synced. If that is "
        "wrong, put it right in Stash: what takes nothing away any more is synced by itself. If it "
        f'is meant, as after a tag was deleted or Tag Rules changed, run the task "{GO_ON}" or '
        "press that button on PlexSync's page."
    )


def count_anew(connection: sqlite3.Connection) -> None:
    """Have the question to a person counted anew, inside the caller's transaction."""
    if known := meta.get(connection, meta.BRAKE):
        meta.put(connection, meta.BRAKE, {**known, "scenes": -1})
