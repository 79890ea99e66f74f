"""Looks at what was watched in Plex, and lets it count as played in Stash.

One request a look where nothing new was watched (worker/from_plex.py says when one is due): the
history since the newest view that was seen, and a day before, for a device that was offline
tells late what it played. From when on
views count is kept by Plex's own clock: since the newest view that was there when the worker
first saw plays_to_stash on (docs/adr/0016). What is older comes by the task "Bring plays over".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plex.views import OWNER, View, views_since
from stash.exceptions import StashMutationUnknown
from store import activity, meta
from sync.plays import bring, by_scene
from worker.launcher import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.context import Context

#: Whoever brings plays holds this lock: the worker for a look, or the task.
LOCK = "plays.lock"
#: Seconds that a look reaches back before the newest view, and by which a view may lie ahead.
OVERLAP = 86400
#: Seconds until a view is tried again whose scene Stash does not have, or that Stash refused.
AGAIN = 3600


class PlaysFromPlex:
    """Brings new views to Stash.

    Args:
        context: Both servers, the settings and the store.
        give_way: Says whether an edit by hand waits; what is left is then looked at after it.

    Attributes:
        has_news: The last look saw a view that it had not seen, or was the first of all.
        is_done: The last look came to its end.
    """

    WORDS = "looking for plays"

    def __init__(self, context: Context, give_way: Callable[[], bool]) -> None:
        self._context = context
        self._store = context.store
        self._give_way = give_way
        self._lock = ProcessLock(context.store.directory, LOCK)
        self.has_news = self.is_done = False
        self._rests_until = 0.0
        # Views that could not be brought, and when each is tried again.
        self._later: dict[View, float] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for plays."""
        config = self._context.config
        return config is not None and config.plays_to_stash

    def is_ready(self, now: float) -> bool:
        """Say whether it makes sense to look: this Stash did not lack the mutation just now."""
        return not 0 < self._rests_until - now <= AGAIN

    def look(self) -> int:
        """Bring what was watched since; give 0, for that makes no work.

        Raises:
            errors.SyncError: A server could not be asked; the next look finds the same.
        """
        self.has_news = self.is_done = False
        now = self._context.clock()
        if not self._lock.acquire():
            return 0
        try:
            self._look(now)
        except StashMutationUnknown:
            self._rests_until = now + AGAIN
            raise
        finally:
            self._lock.release()
        self.is_done = True
        return 0

    def _look(self, now: float) -> None:
        client, connection = self._context.client(), self._store.connection
        server = client.machine_identifier
        marks: dict[str, Any] = meta.get(connection, meta.PLAYS) or {}
        account = None if self._context.settings.plays_of_all_accounts else OWNER
        mark = marks.get(server)
        if mark is None:
            newest = _newest_before(self._context, int(now), account)
            mark = {"since": newest + 1, "newest": newest}
            self._keep({**marks, server: mark})
            self.has_news = True  # so that the listing's mark is set beside this one
            return
        since = max(mark["since"], mark["newest"] - OVERLAP)
        seen = [
            view
            for view in views_since(client, since, account)
            if view.viewed_at <= now + OVERLAP  # else Plex's clock was wrong
        ]
        self._later = {view: at for view, at in self._later.items() if view in seen}
        known = activity.noted_plays(connection, server, since)
        new = [
            view
            for view in seen
            if (view.rating_key, view.viewed_at) not in known
            and not 0 < self._later.get(view, 0.0) - now <= AGAIN
        ]
        if new:
            self.has_news = True
            found = by_scene(self._context, new)
            brought = bring(self._context, found, self._give_way)
            if self._give_way():
                return  # not all of them were tried
            self._later |= dict.fromkeys(brought.later, now + AGAIN)
        newest = max((view.viewed_at for view in seen), default=mark["newest"])
        if newest > mark["newest"]:
            self._keep({**marks, server: {**mark, "newest": newest}})

    def forget(self) -> None:
        """Begin anew when plays are wanted again: what is watched meanwhile does not count."""
        if self._context.config is not None and meta.get(self._store.connection, meta.PLAYS):
            self._keep({})

    def _keep(self, marks: dict[str, Any]) -> None:
        with self._store.transaction() as connection:
            meta.put(connection, meta.PLAYS, marks)


def _newest_before(context: Context, now: int, account: int | None) -> int:
    """Give the time of the newest view whose time can be true, 0 where there is none."""
    for view in views_since(context.client(), 0, account, page=20):
        if view.viewed_at <= now + OVERLAP:
            return view.viewed_at
    return 0
