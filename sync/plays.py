"""From views in Plex to plays in Stash, each exactly once.

A play is known by its scene and the second in which it ended, by Plex's clock. Stash itself
is the witness: its plays are read before any is added, so that doing it again adds nothing,
whatever died in between, and whatever the database forgot. What Stash has is then noted, so
that a play that somebody takes out in Stash stays out (docs/adr/0016).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from matching.identity import entry_of
from plex.exceptions import ItemGone
from plex.item import BATCH, read_items
from stash.exceptions import StashMutationUnknown
from stash.plays import add_plays, play_times
from store import history, plays
from sync.scene_filter import why_not

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plex.item import PlexItem
    from plex.views import View
    from stash.scene import Scene
    from sync.context import Context

#: The word for a play among the changes that the page shows.
FIELD = "played in Plex"


@dataclass(slots=True)
class Brought:
    """What became of some views: plays that Stash lacked, and views that are to be tried later."""

    added: int = 0
    later: list[View] = field(default_factory=list)


def by_scene(context: Context, views: Sequence[View]) -> Iterator[tuple[Scene | None, list[View]]]:
    """Give the views of each scene that is synced; of None those that belong to no such scene.

    An item belongs to the scene that syncing gives it to: the one that the ledger names, or
    else the first that is synced and holds one of its files.

    Raises:
        errors.SyncError: Plex or Stash as a whole could not be asked.
    """
    libraries = set(context.plex.libraries.keys())
    keys = sorted({view.rating_key for view in views if view.rating_key})
    for start in range(0, len(keys), BATCH):
        items = _read(context, keys[start : start + BATCH])
        owned: dict[int, list[PlexItem]] = {}
        found: dict[int, Scene] = {}
        for item in items.values():
            scene = _scene_of(context, item) if item.section in libraries else None
            if scene is not None:
                found[scene.id] = scene
                owned.setdefault(scene.id, []).append(item)
        for number, some in sorted(owned.items()):
            mine = {item.rating_key for item in some}
            yield found[number], [view for view in views if view.rating_key in mine]
        rest = set(keys[start : start + BATCH])
        rest -= {item.rating_key for some in owned.values() for item in some}
        yield None, [view for view in views if view.rating_key in rest]
    yield None, [view for view in views if not view.rating_key]


def count_missing(context: Context, scene: Scene, views: Iterable[View]) -> int:
    """Give how many plays of a scene would be added.

    Raises:
        StashMutationUnknown: This Stash keeps no plays as PlexSync knows them.
        errors.SyncError: Stash could not be asked.
    """
    times = _times(context, scene, views)
    known = context.stash.ask(lambda client: play_times(client, scene.id)) if times else None
    return len(set(times) - (known or set()))


def _times(context: Context, scene: Scene, views: Iterable[View]) -> list[int]:
    """Give the times of a scene's views that were not brought to Stash yet."""
    known = plays.of_scene(context.store.connection, scene.id)
    return sorted({view.viewed_at for view in views} - known)


def bring(
    context: Context,
    found: Iterable[tuple[Scene | None, list[View]]],
    give_way: Callable[[], bool] = lambda: False,
) -> Brought:
    """Add the plays that Stash lacks, scene by scene.

    Args:
        context: Both servers, the settings and the store.
        found: What was watched, as ``by_scene`` gives it.
        give_way: Says whether something more urgent waits; the rest is then tried later.

    Raises:
        StashMutationUnknown: This Stash keeps no plays as PlexSync knows them.
        errors.SyncError: A server could not be asked; what was added before is noted.
    """
    brought = Brought()
    for scene, some in found:
        if scene is None or give_way():
            brought.later += some
            continue
        try:
            added = _bring_to(context, scene, some)
        except StashMutationUnknown:
            raise
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            context.log.warning(f"scene {scene.id}: {context.log.words(fault)}")
            brought.later += some
            continue
        brought.added += added
    return brought


def _bring_to(context: Context, scene: Scene, views: Sequence[View]) -> int:
    """Bring the views of one scene; give how many plays Stash lacked."""
    times = _times(context, scene, views)
    added = context.stash.ask(lambda client: add_plays(client, scene.id, times)) if times else []
    server = context.client().machine_identifier
    with context.store.transaction() as connection:
        for view in views:
            plays.note(connection, server, view.rating_key, view.viewed_at, scene.id)
        if times:
            history.add(
                connection,
                at=context.clock(),
                scene=scene.id,
                rating_key=next(one.rating_key for one in views if one.viewed_at == times[-1]),
                title=scene.title,
                changes={FIELD: ["", _in_words(times)]},
            )
    if added:
        context.log.info(f"scene {scene.id}: {len(added)} plays came from Plex")
    return len(added)


def _in_words(times: Sequence[int]) -> str:
    """Give one entry of the history for all of them: it keeps only so many."""
    last = datetime.fromtimestamp(times[-1]).astimezone().strftime("%Y-%m-%d %H:%M")
    return last if len(times) == 1 else f"{len(times)} times, the last {last}"


def _read(context: Context, keys: Sequence[int]) -> dict[int, PlexItem]:
    try:
        return read_items(context.client(), keys)
    except ItemGone:
        return {}


def _scene_of(context: Context, item: PlexItem) -> Scene | None:
    connection = context.store.connection
    entry = entry_of(connection, context.client().machine_identifier, item)
    numbers: list[Callable[[], Iterable[int]]] = []
    if entry is not None and entry.scene:
        owner = entry.scene
        numbers.append(lambda: [owner])
    numbers += [partial(context.scenes_at, file) for file in item.all_files]
    for ask in numbers:
        for number in sorted(ask()):
            scene = context.stash.read_scenes([number]).get(number)
            if scene is not None and not why_not(scene, context.settings):
                return scene
    return None
