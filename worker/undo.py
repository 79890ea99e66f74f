"""Gives one item back what it had before one change of ours: texts, lists, locks, pictures.

What came from Plex its scene gives back in Stash, each only while it is as it came: a play is
taken out where Stash has it, a rating and a resume time go back to what they were.

Done by the worker, which alone writes to the ledger's items, as rows of their own kind
whose ids are numbers of the history; tasks/undo.py and the page mark them.

First it is committed that the fields rest as they are, so that no look can write or bring
them again, then Plex or Stash is told, then the change is marked as given back. Whatever dies in
between, doing it again finishes it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from merge.base import Base
from merge.compare import rating100
from merge.former import Former, give_back, without
from merge.picture import KEPT, Picture
from merge.ratings import RATING, given_back
from plex import edits, images
from stash.activity import delete_plays, resume_times, save_resume_time
from stash.exceptions import StashMutationRefused
from store import activity, history, ledger, queue
from store.enqueue import BACKGROUND, EDIT, enqueue
from sync import collections, server_seen
from sync.plays import FIELD as PLAYS
from sync.resume import FIELD as STOPPED
from sync.resume import SAME, UNDO
from sync.take import FROM_PLEX, put_into_stash, rating_in_stash
from worker.launcher import ProcessLock
from worker.unlock import acknowledge, as_written

if TYPE_CHECKING:
    from plex.client import PlexClient
    from plex.item import PlexItem
    from sync.context import Context

#: Kind of the rows.
KIND = "undo"
#: The task holds this lock while it lives.
LOCK = "undo.lock"


def work_on(row: queue.QueueRow, context: Context) -> None:
    """Give one change back and end the row.

    A row that its task has left behind is dropped, for Stop means stop; one that a person
    asked for on the scene's page, or that failed in its time, is done all the same.

    Raises:
        errors.SyncError: A server could not be asked, or refused.
    """
    store = context.store
    change = history.get(store.connection, row.id)
    former = Former.from_json(change.undo if change else "")
    undone = ""
    wanted = row.urgency == EDIT or row.reason or ProcessLock(store.directory, LOCK).is_held()
    if wanted and change and change.undo and not change.undone:
        changed = undo(context, change, former, now=row.marked_at)
        undone = "" if changed is None else ", ".join(changed) or history.BACK
    with store.transaction() as connection:
        if change and undone:
            history.note_undone(connection, change.number, undone)
            # Its look lists what differs now.
            enqueue(connection, "scene", [change.scene], now=row.marked_at, urgency=BACKGROUND)
            if "collections" in former.lists:  # one may be empty now
                collections.mark(connection, context.config, now=row.marked_at)
        queue.done(connection, row)
    if change and undone:
        rest = "" if undone == history.BACK else f"; changed since and kept: {undone}"
        context.log.info(f"item {change.rating_key}: given back what it had before{rest}")


def undo(
    context: Context, change: history.Change, former: Former, *, now: float
) -> tuple[str, ...] | None:
    """Give one change back; give the fields that stay because somebody changed them since.

    ``former`` is what there was before.

    None of one that another Plex got: it can be given back once that one is there again.

    Raises:
        errors.SyncError: A server could not be asked, or refused.
    """
    in_stash = give_back_in_stash(context, change, former)
    if former.is_in_stash:
        return tuple(in_stash)
    client = context.client()
    if change.server != client.machine_identifier:
        server_seen.note(context)
        return None
    found = as_written(context.store, client, change.rating_key)
    if found is None:
        return (*former.texts, *former.lists, *former.pictures)
    entry, item, known = found
    texts = give_back(former, item, known)
    pictures, hung, changed = _pictures(client, former, item)
    locks = tuple(kind.lock for kind in hung)
    rested = without(known, former, item, (*texts.back, *locks))
    rested = replace(rested, images={**rested.images, **_kept(rested, hung)})
    acknowledge(context.store, entry, rested, now)
    if texts.edit:
        edits.write(client, texts.edit)
    for kind, key in pictures:
        images.select(client, item.rating_key, kind, key)
    opened = {*texts.unlock.unlock, *(set(locks) & former.locks)}
    if opened:
        edits.write(client, replace(texts.unlock, unlock=tuple(sorted(opened))))
    return (*in_stash, *texts.changed, *changed)


def _pictures(
    client: PlexClient, former: Former, item: PlexItem
) -> tuple[list[tuple[images.Kind, str]], list[images.Kind], list[str]]:
    """Give what to select, which pictures are as before then, and which stay as they are."""
    select: list[tuple[images.Kind, str]] = []
    back: list[images.Kind] = []
    changed: list[str] = []
    for kind in images.KINDS:
        if kind.name not in former.pictures:
            continue
        old, new = former.pictures[kind.name]
        there = images.offered(client, item.rating_key, kind)
        # Nobody asked what was shown where nobody had ever chosen: it was one of Plex's own.
        old = old or next((one.key for one in there if not one.sha1), "")
        shown = next((one for one in there if one.selected), None)
        if shown is not None and shown.key == old:
            back.append(kind)
        elif shown is not None and shown.sha1 == new and old in {one.key for one in there}:
            back.append(kind)
            select.append((kind, old))
        else:
            changed.append(kind.name)
    return select, back, changed


def _kept(base: Base, hung: list[images.Kind]) -> dict[str, str]:
    """Give what the ledger keeps of pictures that were given back: a person's, from now on."""
    known = {kind: Picture.parse(base.images.get(kind.name)) for kind in hung}
    return {
        kind.name: picture._replace(fate=KEPT, seen="-").text
        for kind, picture in known.items()
        if picture
    }


def give_back_in_stash(context: Context, change: history.Change, former: Former) -> list[str]:
    """Give back what came from Plex; give what stays because somebody changed it since.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    kept: list[str] = []
    try:
        if former.plays:
            name = PLAYS
            delete = partial(delete_plays, scene=change.scene, times=former.plays)
            if context.stash.ask(delete):
                activity.note_undone(context.store.connection, change.scene, former.plays)
            else:
                kept.append(PLAYS)  # the scene is gone
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


def _resume_time(context: Context, change: history.Change, old: str, new: str) -> list[str]:
    times = context.stash.ask(partial(resume_times, scenes=[change.scene]))
    here = times.get(change.scene)
    if here is None:
        return [STOPPED]  # the scene is gone
    if abs(here - float(old)) < SAME:
        return []
    if abs(here - float(new)) >= SAME:
        return [STOPPED]
    activity.note_resume_time(context.store.connection, change.scene, float(old))
    context.stash.ask(partial(save_resume_time, scene=change.scene, seconds=float(old)))
    return []


def _rating(context: Context, change: history.Change, old: str, new: str) -> list[str]:
    here = rating_in_stash(context, change.scene)
    if here == rating100(old):
        return []
    if here != rating100(new):
        return [FROM_PLEX[RATING]]
    with context.store.transaction() as connection:
        for entry in ledger.entries_for(connection, change.scene):
            base = given_back(Base.from_json(entry.base), old, new)
            rests = entry._replace(base=base.to_json())
            ledger.acknowledge(connection, rests, now=context.clock())
    put_into_stash(context, change.scene, RATING, old)
    return []
