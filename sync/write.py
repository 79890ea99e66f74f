"""The stage that writes: what is intended is committed, then sent, scene by scene.

Whatever dies in between, it stays known what may have arrived. One change for many
items, such as a renamed studio, is one request for a hundred of them.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from errors import NextStep, Scope, SyncError
from merge.former import Former, former_of
from plex import edits
from plex.edits import MOST_ALIKE, likeness, write_alike
from plex.error_types import RequestTooLarge
from store import ledger, queue
from sync import cover_from_plex, take
from sync.artwork import kept
from sync.cover import Cover
from sync.plan import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from plex.client import PlexClient
    from plex.edits import Edit
    from sync.batch import Batch
    from sync.context import Context
    from sync.plan import ItemPlan, ScenePlan

#: Seconds after which what was read of Plex is too old to decide over a person's edit.
GOOD_FOR = 10.0
#: Seconds before its turn at which a batch is begun to be planned, by the pace of the one before.
AHEAD = 2.0
#: What ends a batch: the circuit breaker decides whether the next one may begin.
FAILING = (NextStep.RETRY, NextStep.PAUSE)


def nothing() -> bool:
    """Do nothing while Plex is at work, and say that nothing more can be done."""
    return False


def intend(context: Context, batch: Batch) -> None:
    """Commit what is about to be written, in one transaction, before anything is sent."""
    intended = [item for plan in batch.plans for item in plan.planned if item.is_intended]
    if not intended:
        return
    now = context.clock()
    with context.store.transaction() as connection:
        ledger.intend(connection, *(item.intent for item in intended), now=now)


def withdraw(context: Context, batch: Batch) -> None:
    """Take back what was intended and not sent: it must not count as ours."""
    unsent = [
        item
        for plan in batch.plans
        if not plan.is_sent
        for item in plan.planned
        if item.is_intended
    ]
    if not unsent:
        return
    with context.store.transaction() as connection:
        for item in unsent:
            ledger.withdraw(connection, item.intent, item.before)


def write(
    context: Context, batch: Batch, meanwhile: Callable[[], bool] = nothing
) -> Iterator[ScenePlan]:
    """Write scene by scene, and give each plan that was carried out.

    Stops before its end, with ``batch.stopped``, where something more urgent waits, a
    server fails, or what was read is too old by now; what went out together with others
    is carried out all the same, for that costs no request. A scene that was marked again
    is never written.

    Args:
        context: The servers.
        batch: Planned and intended.
        meanwhile: Called while Plex is at work on an edit; says whether more can be done.
            It must not raise.
    """
    plans = [plan for plan in batch.plans if plan.found]
    if not batch.is_alone:
        write_together(context, batch, plans)
        plans.sort(key=lambda plan: not plan.is_written)
    began = time.monotonic()
    for number, plan in enumerate(plans):
        batch.stopped = batch.stopped or batch.took > GOOD_FOR or context.interrupts(batch)
        if batch.stopped and not (plan.is_written and not any(i.pictures for i in plan.planned)):
            continue
        if not plan.is_written and not _is_current(context, batch, plan):
            continue
        left = len(plans) - number
        batch.is_near_end = bool(batch.carried) and batch.took / batch.carried * left < AHEAD
        carry_out(context, plan, partial(_prepared, plans[number + 1 : number + 2], meanwhile))
        batch.carried += 1
        batch.took = time.monotonic() - began
        batch.stopped = batch.stopped or (
            plan.fault is not None and plan.fault.next_step in FAILING
        )
        yield plan


def _prepared(following: list[ScenePlan], meanwhile: Callable[[], bool]) -> bool:
    """Make the edits of the next plan ready while Plex is at work on one, then call on."""
    for plan in following:
        for item in plan.planned:
            # A picture's lock may join the edit, and what went out together is not sent again.
            if item.merged.edit and item.ready is None and not (item.pictures or plan.is_written):
                with suppress(Exception):  # it fails again where it belongs to that scene
                    item.former = former_of(item.item, item.merged.edit)
                    item.ready = edits.make_ready(item.merged.edit)
                    return True
    return meanwhile()


def carry_out(context: Context, plan: ScenePlan, meanwhile: Callable[[], bool] = nothing) -> None:
    """Write what was planned and intended; faults end up in ``plan.fault``.

    First the texts of all items, then the pictures: one that fails is tried
    again with its scene and costs no item its text.
    """
    plan.is_sent = True
    cover = Cover(plan.scene, context.stash.cover, context.clock(), plan.hung)
    done = _write_texts(context, plan, cover, meanwhile)
    if plan.fault:
        # The item that failed may be unknown to the ledger: look it up again.
        plan.record = plan.record._replace(resolved_at=0.0)
    take.bring(context, plan)
    cover_from_plex.check(context, plan, cover)
    for item, locked, _ in done:
        if item.pictures:
            _hang(context, plan, item, cover, locked)
    del cover  # one picture is held at a time
    take.into_stash(context, plan)
    for item, _, is_whole in done:
        if not is_whole or item.is_stash_unsure:
            continue  # what is pending stays so, and what arrived of it is found by the next look
        if item.before != item.after or item.merged.pending:
            plan.acknowledged.append(item.after)
    plan.record = plan.record._replace(outcome=plan.outcome, note="; ".join(plan.notes))


def _write_texts(
    context: Context, plan: ScenePlan, cover: Cover, meanwhile: Callable[[], bool]
) -> list[tuple[ItemPlan, list[str], bool]]:
    """Write all texts; give what succeeded, each with the picture locks that went along.

    Where a field is too long all others went, so the pictures may follow: the last of the
    three says whether all of the item's texts arrived.
    """
    done = []
    for item in plan.planned:
        locks: list[str] = []
        edit = item.merged.edit
        if edit and not plan.is_written:
            locks = context.plex.artwork.locks(cover, item.item, item.merged.base, item.pictures)
            edit = replace(edit, lock=(*edit.lock, *locks)) if locks else edit
            try:
                edits.write(context.client(), edit, meanwhile, item.ready)
            except SyncError as fault:
                if fault.scope is Scope.SERVER:
                    plan.fault = fault
                    break
                plan.fault = plan.fault or fault
                if isinstance(fault, RequestTooLarge):
                    done.append((item, locks, False))
                continue
        plan.items.append(item.after.rating_key)
        if edit:
            former = item.former or former_of(item.item, edit)
            plan.written.append(Written(item.after.rating_key, item.merged.changes, former))
        done.append((item, locks, True))
    return done


def _hang(
    context: Context, plan: ScenePlan, item: ItemPlan, cover: Cover, locked: list[str]
) -> None:
    """Hang the pictures of one item, or leave them open when the server is gone."""
    artwork = context.plex.artwork
    if plan.fault and plan.fault.scope is Scope.SERVER:
        hung = artwork.leave_open(item.merged.base, item.pictures, locked)
    else:
        hung = artwork.hang_planned(item, cover, locked)
    item.kept = kept(item.merged, hung.base, context.settings)
    item.after = item.after._replace(base=hung.base.to_json())
    former = Former(pictures=hung.former, locks=frozenset(hung.placed) - item.item.locked)
    plan.add_pictures(item.after.rating_key, hung.changes, hung.notes, hung.fault, former)


def _is_current(context: Context, batch: Batch, plan: ScenePlan) -> bool:
    """Say whether the scene was not marked again since it was read; one alone comes again."""
    row = batch.rows.get(plan.scene.id)
    return batch.is_alone or row is None or queue.is_current(context.store.connection, row)


def write_together(context: Context, batch: Batch, plans: Iterable[ScenePlan]) -> None:
    """Write what several scenes have planned alike; each such plan is marked as written.

    What fails here is left to be written scene by scene, where its fault is seen.
    """
    for group in _alike(plans):
        for some in queue.chunks(group, MOST_ALIKE):
            chunk = [
                plan
                for plan in some
                if _is_current(context, batch, plan) and not context.interrupts(batch)
            ]
            if len(chunk) > 1 and not _write_alike(context.client(), chunk):
                return


def _alike(plans: Iterable[ScenePlan]) -> list[list[ScenePlan]]:
    """Give the plans whose edits can travel together, in groups of two or more."""
    groups: dict[object, list[ScenePlan]] = {}
    for plan in plans:
        planned = _edits(plan)
        if len(planned) != 1:
            continue
        edit = planned[0]
        # Most titles are the only ones of their kind: their requests need not be built for that.
        key = (edit.section, edit.type, *edit.values.items(), *edit.lists.items())
        groups.setdefault((key, edit.lock, edit.unlock), []).append(plan)
    return [
        group
        for group in groups.values()
        if len(group) > 1 and likeness(_edits(group[0])[0]) is not None
    ]


def _edits(plan: ScenePlan) -> list[Edit]:
    return [item.merged.edit for item in plan.planned if item.merged.edit]


def _write_alike(client: PlexClient, plans: list[ScenePlan]) -> bool:
    """Write a chunk; say whether there is any sense in writing the next one."""
    for plan in plans:
        plan.is_sent = True
    try:
        write_alike(client, [edit for plan in plans for edit in _edits(plan)])
    except SyncError as fault:
        return fault.scope is not Scope.SERVER
    for plan in plans:
        plan.is_written = True
    return True
