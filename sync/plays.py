"""From views in Plex to plays in Stash, each exactly once.

A play is known by its scene and the second in which it ended, by Plex's clock. Stash itself
is the witness: its plays are read before any is added, so that doing it again adds nothing,
whatever died in between, and whatever the database forgot. What Stash has is then noted, so
that a play that somebody takes out in Stash stays out (docs/adr/0016).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from errors import SyncError, counted
from merge.former import Former
from stash.activity import add_plays, play_times
from store import activity, history
from sync.holding import scenes_of
from sync.plan import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from plex.activity import View
    from stash.scene import Scene
    from sync.context import Context

#: The word for a play among the changes that the page shows.
FIELD = "played in Plex"
#: Scenes whose plays are noted with one commit.
COMMIT = 50


@dataclass(slots=True)
class Brought:
    """What became of some views: plays that Stash lacked, and views that are to be tried later."""

    added: int = 0
    later: list[View] = field(default_factory=list)


def by_scene(context: Context, views: Sequence[View]) -> Iterator[tuple[Scene | None, list[View]]]:
    """Give the views of each scene that is synced; of None those that belong to no such scene.

    Raises:
        errors.SyncError: Plex or Stash as a whole could not be asked.
    """
    of_item: dict[int, list[View]] = {}
    for view in views:
        of_item.setdefault(view.rating_key, []).append(view)
    for keys, found in scenes_of(context, filter(None, of_item)):
        scenes = {scene.id: scene for _, scene in found}
        rest = {key: of_item[key] for key in keys}
        of_scene: dict[int, list[View]] = {}
        for item, scene in found:
            of_scene.setdefault(scene.id, []).extend(rest.pop(item.rating_key))
        for number, some in sorted(of_scene.items()):
            yield scenes[number], some
        yield None, [view for some in rest.values() for view in some]
    yield None, of_item.get(0, [])


def missing(context: Context, scene: Scene, views: Iterable[View]) -> list[int]:
    """Give the Unix seconds of the plays that a scene would get, the oldest first.

    Raises:
        StashMutationUnknown: This Stash keeps no plays as PlexSync knows them.
        errors.SyncError: Stash could not be asked.
    """
    times = _times(context, scene, views)
    known = context.stash.ask(lambda client: play_times(client, scene.id)) if times else None
    return sorted(set(times) - (known or set()))


def _times(context: Context, scene: Scene, views: Iterable[View]) -> list[int]:
    """Give the times of a scene's views that were not brought to Stash yet, nor undone there."""
    connection = context.store.connection
    times = {view.viewed_at for view in views} - activity.plays_of_scene(connection, scene.id)
    return sorted(times - activity.undone_among(connection, list(times)))


def bring(
    context: Context,
    found: Iterable[tuple[Scene | None, list[View]]],
    give_way: Callable[[], bool] = lambda: False,
) -> Brought:
    """Add the plays that Stash lacks, scene by scene, of what ``by_scene`` gives.

    ``give_way`` says whether something more urgent waits; the rest is then tried later.

    Raises:
        StashMutationUnknown: This Stash keeps no plays as PlexSync knows them.
        errors.SyncError: A server could not be asked; what was added before is noted.
    """
    brought = Brought()
    done: list[_Done] = []
    try:
        for scene, some in found:
            if scene is None or give_way():
                brought.later += some
                continue
            try:
                done.append(_bring_to(context, scene, some))
            except SyncError as fault:
                context.pass_over(scene.id, fault)
                brought.later += some
                continue
            brought.added += len(done[-1].added)
            if len(done) >= COMMIT:
                _note(context, done)
    finally:
        _note(context, done)
    return brought


@dataclass(slots=True)
class _Done:
    """What was brought to one scene: its views, those that were news, and the plays added."""

    scene: Scene
    views: Sequence[View]
    times: Sequence[int]
    added: Sequence[int]


def _bring_to(context: Context, scene: Scene, views: Sequence[View]) -> _Done:
    """Bring the views of one scene."""
    times = _times(context, scene, views)
    added = context.stash.ask(lambda client: add_plays(client, scene.id, times)) if times else []
    return _Done(scene, views, times, added)


def _note(context: Context, done: list[_Done]) -> None:
    """Note what Stash has in one transaction; forgotten, it would be read there again."""
    if not done:
        return
    server = context.server
    with context.store.transaction() as connection:
        for one in done:
            undone = activity.undone_among(connection, [view.viewed_at for view in one.views])
            for view in one.views:
                scene = activity.NO_SCENE if view.viewed_at in undone else one.scene.id
                activity.note_play(connection, server, view.rating_key, view.viewed_at, scene)
            if one.times:
                last = next(view for view in one.views if view.viewed_at == one.times[-1])
                former = Former(plays=tuple(one.added))
                written = Written(last.rating_key, {FIELD: ("", in_words(one.times))}, former)
                change = written.as_change(one.scene, server, context.clock())
                history.append(connection, change)
    for one in done:
        if one.added:
            context.log.info(
                f"scene {one.scene.id}: {counted(len(one.added), 'play')} came from Plex"
            )
    done.clear()


def in_words(times: Sequence[int]) -> str:
    """Give one word for all of a scene's plays, for lists that keep only so many."""
    last = datetime.fromtimestamp(times[-1]).astimezone().strftime("%Y-%m-%d %H:%M")
    return last if len(times) == 1 else f"{len(times)} times, the last {last}"
