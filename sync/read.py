"""The stages that read: the ledger, the path index, scenes from Stash, items from Plex.

Each is a generator of short steps; what it yields says whether the step that comes next
may take long, or what is awaited before it. Only these stages ask for many things at a time,
so only they look up, between two requests, whether something more urgent waits.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from matching.resolve import held_paths
from plex.error_types import RequestTooLarge
from plex.item import PlexItem, parse_texts, read_texts
from store import ledger, meta
from store.queue import chunks
from sync.batch import Interrupted
from sync.look_up import awaited
from sync.scene_filter import why_not

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence

    from plex.client import PlexClient
    from plex.item import Text
    from stash.scene import SceneStamp
    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Asking, Step

#: Full items asked for with one request.
ITEMS = 250
#: Scenes that are gone through in one step, some milliseconds long.
STEP = 50
#: Ids that lie further apart than so many times their number cost more than they save.
SPARSE = 4


def records(context: Context, batch: Batch) -> Iterator[Step]:
    """Read what the ledger has of the scenes."""
    batch.records = ledger.scene_records(context.store.connection, batch.ids)
    yield False


def index(context: Context, batch: Batch) -> Iterator[Step]:
    """Bring the path index in step, if so many scenes have to be searched that it pays."""
    plex = context.plex
    plex.libraries.read_for(meta.get(context.store.connection, meta.TASK_BEGAN) or 0.0)
    if batch.is_alone:
        return
    searched = sum(_is_searched(context, batch, number) for number in batch.ids)
    ahead = searched * max(batch.waiting, len(batch.ids)) / len(batch.ids)
    waited = any(row.due_at for row in batch.rows.values())
    for found in plex.index.prepare(ahead, waited=waited):
        if found is not None:
            batch.index = found
            return
        yield True
        check(context, batch)


def scenes(context: Context, batch: Batch) -> Iterator[Step]:
    """Read in full the scenes that were not read and may not stay unread."""
    wanted = [
        number for number in batch.ids if number not in batch.scenes and number not in batch.as_read
    ]
    if wanted:
        check(context, batch)
        look_up = partial(check, context, batch)
        batch.scenes |= yield from context.stash.reading_scenes(wanted, look_up)
        yield False


def tags(context: Context, batch: Batch) -> Iterator[Step]:
    """Complete the tags of the scenes that were read, where rules look at aliases and parents."""
    if context.config:
        rules = context.config.tag_rules
        batch.scenes = context.tags.completed(batch.scenes.values(), rules)
    yield False


def names(context: Context, batch: Batch) -> Iterator[Step]:
    """Learn which names are several performers', if that was never asked or one is new."""
    if context.settings.shows_performers:
        context.namesakes.look(batch.scenes.values(), partial(check, context, batch))
    yield False


def items(context: Context, batch: Batch) -> Iterator[Step]:
    """Read items in full: those remembered for the scenes, and those that the index has.

    They are not parsed yet. Of one scene alone the match reads them itself.
    """
    if batch.is_alone:
        return
    numbers = [number for number in batch.ids if number not in batch.left_out]
    known = ledger.remembered(context.store.connection, context.server, numbers)
    for chunk in chunks(numbers, STEP):
        context.plex.resolver.index = batch.index
        for number in chunk:
            paths = held_paths(batch.records[number].places) if number in batch.as_read else ()
            if number in batch.scenes:
                paths = context.plex.resolver.paths_of(batch.scenes[number])
            listed = context.plex.resolver.listed(paths)
            if listed is None:
                batch.unlisted.add(number)
            batch.wanted[number] = tuple(dict.fromkeys((*known.get(number, ()), *(listed or ()))))
        yield False
        check(context, batch)
    wanted = list(dict.fromkeys(key for keys in batch.wanted.values() for key in keys))
    questions = [partial(_read, context.client(), chunk) for chunk in chunks(wanted, ITEMS)]
    read = yield from awaited(questions, partial(check, context, batch), context.plex.readers)
    for texts, parsed in read:
        batch.texts |= texts
        batch.items |= parsed
    yield False


def parsed(context: Context, batch: Batch) -> Iterator[Step]:
    """Parse the items of all scenes but those that are known to be in step."""
    keys = {
        key
        for number, wanted in batch.wanted.items()
        if number not in batch.unchanged
        for key in wanted
    }
    for chunk in chunks(sorted(keys & batch.texts.keys()), STEP):
        batch.items |= parse_texts(batch.texts[key] for key in chunk)
        yield False
        check(context, batch)


def stamps(
    context: Context, batch: Batch
) -> Generator[Asking[list[SceneStamp]], None, Mapping[int, SceneStamp]]:
    """Read id, updated_at and paths of scenes; yield while that is awaited.

    Returns them by id, nothing if the ids lie far apart.
    """
    first, last = min(batch.ids), max(batch.ids)
    if last - first >= SPARSE * len(batch.ids):
        return {}
    page = yield from context.stash.asking(
        lambda client: client.stamps_after(first - 1, last - first + 1),
        partial(check, context, batch),
    )
    return {stamp.id: stamp for stamp in page}


def check(context: Context, batch: Batch) -> None:
    """Go on only if nothing more urgent waits.

    Raises:
        Interrupted: Something does.
    """
    if context.interrupts(batch):
        raise Interrupted


def _is_searched(context: Context, batch: Batch, number: int) -> bool:
    """Say whether a scene's items have to be looked up, as far as it can be told by now."""
    if number in batch.scenes:
        return not why_not(batch.scenes[number], context.settings)
    record = batch.records.get(number)
    return (
        record is None
        or record.outcome != ledger.SKIPPED
        or record.fingerprint != context.fingerprint
    )


def _read(client: PlexClient, keys: Sequence[int]) -> tuple[dict[int, Text], dict[int, PlexItem]]:
    try:
        return read_texts(client, keys)
    except RequestTooLarge:
        half = len(keys) // 2
        if not half:
            raise
        (texts, items), (more, others) = _read(client, keys[:half]), _read(client, keys[half:])
        return texts | more, items | others
