"""From where an item was stopped in Plex to the scene's resume time in Stash; one way.

Three-way, as all else: what Stash had when we last looked, what it has, what Plex has. Where
Stash's moved meanwhile somebody watched there, and it stays until Plex moves again. Somebody
who is still watching moves Plex's all the time: it is taken once it stands still from one
look to the next. What Plex takes away, because it was seen to its end, is taken from Stash
only if it came from Plex.

There is no way back: the contract's only means to tell Plex a place is that of a player which
reports what it plays (POST /:/timeline), and that would show as somebody watching.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from errors import SyncError
from merge.former import Former
from stash.activity import resume_times, save_resume_time
from store import activity, history
from store.activity import Stopped
from sync.holding import scenes_of
from sync.plan import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from plex.activity import Touched
    from stash.scene import Scene
    from sync.context import Context

#: The word for a resume time among the changes that the page shows, and in what is undone.
FIELD, UNDO = "stopped in Plex", "resume_time"
#: Seconds by which two places may differ and be the same.
SAME = 0.5
#: Seconds until what Stash refused, or does not have, is tried again.
AGAIN = 3600


@dataclass(slots=True)
class _Sight:
    """An item that moved: how it was first seen, with Stash's resume time then, and last."""

    first: tuple[int, int]
    stash: float
    last: Touched


class ResumePoints:
    """Brings where items were stopped to Stash."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sights: dict[int, _Sight] = {}
        self._later: dict[int, float] = {}

    def look(self, rows: Iterable[Touched], give_way: Callable[[], bool] = lambda: False) -> int:
        """Look at what was watched lately; give how many scenes got another resume time.

        Asks nobody anything where nothing moved since.

        Raises:
            StashMutationUnknown: This Stash keeps no resume times as PlexSync knows them.
            errors.SyncError: A server could not be asked; the next look finds the same.
        """
        now = self._context.clock()
        self._later = {key: at for key, at in self._later.items() if 0 < at - now <= AGAIN}
        listed = {row.rating_key: row for row in rows}
        # What moved would be listed anew, so what is not listed any more stands still.
        listed = {key: one.last for key, one in self._sights.items()} | listed
        news = {key: row for key, row in listed.items() if self._is_news(row)}
        self._sights = {key: one for key, one in self._sights.items() if key in news}
        still = set()
        for key, sight in self._sights.items():
            if _place(news[key]) == _place(sight.last):
                still.add(key)
            sight.last = news[key]
        asked = [key for key in news if key in still or key not in self._sights]
        count = 0
        for keys, found in scenes_of(self._context, asked):
            if give_way():
                break
            scenes = {item.rating_key: scene for item, scene in found}
            ids = [scene.id for scene in scenes.values()]
            times = self._context.stash.ask(partial(resume_times, scenes=ids))
            for key in keys:
                scene = scenes.get(key)
                if scene is None or scene.id not in times:
                    self._later[key] = now + AGAIN
                elif key in still:
                    count += self._settle(news[key], scene, times)
                else:
                    self._sights[key] = _Sight(_place(news[key]), times[scene.id], news[key])
        return count

    def concerns(self, row: Touched) -> bool:
        """Say whether an item has to be looked at: it moved, or it did when looked at last."""
        return row.rating_key in self._sights or self._is_news(row)

    def _is_news(self, row: Touched) -> bool:
        waits = self._later.get(row.rating_key, 0.0) - self._context.clock()
        if not row.viewed_at or 0 < waits <= AGAIN:
            return False
        server = self._context.server
        known = activity.stopped_item(self._context.store.connection, server, row.rating_key)
        if known is None:
            return row.offset > 0
        return (known.viewed_at, known.place) != _place(row)

    def _settle(self, row: Touched, scene: Scene, times: dict[int, float]) -> bool:
        """Bring one item's place to its scene; say whether Stash's changed."""
        context, sight = self._context, self._sights.pop(row.rating_key)
        known = activity.stopped_in_scene(context.store.connection, scene.id)
        now, new = times[scene.id], round(row.offset / 1000, 3)
        wanted = _is_wanted(row, known, sight, now)
        if wanted:
            try:
                context.stash.ask(partial(save_resume_time, scene=scene.id, seconds=new))
            except SyncError as fault:
                context.pass_over(scene.id, fault)
                self._later[row.rating_key] = context.clock() + AGAIN
                return False
            times[scene.id] = new
        ours = new > 0 and abs(times[scene.id] - new) < SAME
        server = context.server
        stopped = Stopped(row.rating_key, scene.id, *_place(row), times[scene.id], ours)
        with context.store.transaction() as connection:
            activity.note_stopped(connection, server, stopped)
            if wanted:
                former = Former(stash={UNDO: (f"{now:.3f}", f"{new:.3f}")})
                told = {FIELD: (in_words(now), in_words(new))}
                written = Written(row.rating_key, told, former)
                history.append(connection, written.as_change(scene, server, context.clock()))
        if wanted:
            context.log.info(f"scene {scene.id}: its resume time came from Plex")
        return wanted


def _place(row: Touched) -> tuple[int, int]:
    return row.viewed_at, row.offset


def _is_wanted(row: Touched, known: Stopped | None, sight: _Sight, now: float) -> bool:
    """Say whether Stash shall get an item's place, where it has another by now."""
    agreed = known.stash if known else 0.0
    if abs(now - row.offset / 1000) < SAME:
        return False
    if known and known.rating_key != row.rating_key and known.viewed_at >= row.viewed_at:
        return False  # another item of the scene was watched since, or is this one made anew
    is_agreed = abs(now - agreed) < SAME
    if not row.offset:
        return is_agreed and known is not None and known.ours
    # Plex moved on after Stash was seen where it is.
    moved_on = abs(now - sight.stash) < SAME and sight.first != _place(sight.last)
    return is_agreed or moved_on


def in_words(seconds: float) -> str:
    """Give a place as people read it, "" for the beginning."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}" if whole else ""
