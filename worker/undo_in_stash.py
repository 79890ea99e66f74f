"""Gives a scene in Stash back what it had before something came from Plex.

Each only while it is as it came: a play is taken out where Stash has it, a rating and a
resume time go back to what they were. Both sides then rest as they are: that is committed
first, so that no look can bring the same again.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from merge.base import Base
from merge.compare import rating100
from merge.ratings import RATING, given_back
from stash.exceptions import StashMutationRefused
from stash.plays import delete_plays
from stash.resume import resume_times, save_resume_time
from store import ledger, resume
from sync.plays import FIELD as PLAYS
from sync.resume import FIELD as STOPPED
from sync.resume import SAME, UNDO
from sync.take import FROM_PLEX, put_into_stash, rating_in_stash

if TYPE_CHECKING:
    from merge.former import Former
    from store.history import Change
    from sync.context import Context


def give_back_in_stash(context: Context, change: Change, former: Former) -> list[str]:
    """Give back what came from Plex; give what stays because somebody changed it since.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    kept: list[str] = []
    try:
        if former.plays:
            name = PLAYS
            context.stash.ask(partial(delete_plays, scene=change.scene, times=former.plays))
        if UNDO in former.stash:
            name = STOPPED
            kept += _resume_time(context, change, *former.stash[UNDO])
        if RATING in former.stash:
            name = FROM_PLEX[RATING]
            kept += _rating(context, change, *former.stash[RATING])
    except StashMutationRefused as refusal:
        context.log.warning(f"scene {change.scene}: {context.log.words(refusal)}")
        kept.append(name)
    return kept


def _resume_time(context: Context, change: Change, old: str, new: str) -> list[str]:
    times = context.stash.ask(partial(resume_times, scenes=[change.scene]))
    here = times.get(change.scene, -1.0)
    if abs(here - float(old)) < SAME:
        return []
    if abs(here - float(new)) >= SAME:
        return [STOPPED]
    with context.store.transaction() as connection:
        resume.note_in_stash(connection, change.scene, float(old))
    save = partial(save_resume_time, scene=change.scene, seconds=float(old))
    context.stash.ask(save)
    return []


def _rating(context: Context, change: Change, old: str, new: str) -> list[str]:
    here = rating_in_stash(context, change.scene)
    if here == rating100(old):
        return []
    if here != rating100(new):
        return [FROM_PLEX[RATING]]
    with context.store.transaction() as connection:
        for entry in ledger.entries_of(connection, change.server, change.scene):
            base = given_back(Base.from_json(entry.base), old, new)
            rests = entry._replace(base=base.to_json())
            ledger.acknowledge(connection, rests, now=context.clock())
    put_into_stash(context, change.scene, RATING, old)
    return []
