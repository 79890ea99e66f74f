"""Looks at what was stopped or rated in Plex, for Stash to get it.

One request a look where nothing is new (worker/from_plex.py says when one is due): the items
that were watched or rated since the newest that were seen, by Plex's own clock, and a while
before. Resume times are brought from here; a rating only marks its scene, for it goes the way of
all fields (sync/take.py).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from merge.base import Base
from merge.compare import unchanged
from merge.ratings import RATING
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.touched import PAGE, RATED, VIEWED, Touched, newest, touched_since
from stash.exceptions import StashMutationUnknown
from store import ledger, meta
from store.enqueue import BACKGROUND, enqueue
from sync.holding import scenes_of
from sync.resume import ResumePoints
from worker.plays_from_plex import AGAIN, OVERLAP

if TYPE_CHECKING:
    from collections.abc import Callable

    from sync.context import Context

#: Seconds that most looks reach back, and between two that reach back as far as for plays.
SHORT, FAR = 600, 3600
NEVER = float("inf")


class TouchedInPlex:
    """Finds what was stopped or rated, and gives way to an edit by hand.

    Args:
        context: Both servers, the settings and the store.
        give_way: Says whether an edit by hand waits; what is left is then looked at after it.

    Attributes:
        has_news: The last look saw an item watched or rated since the one before, or was the
            first of all.
        is_done: The last look came to its end.
    """

    WORDS = "looking for ratings"

    def __init__(self, context: Context, give_way: Callable[[], bool]) -> None:
        self._context = context
        self._store = context.store
        self._give_way = give_way
        self._resume = ResumePoints(context)
        self.has_news = self.is_done = False
        self._far_at = 0.0
        self._turn = 0
        self._known_types: tuple[str, list[int]] = ("", [])
        # What was watched around the newest view, by type of items, and told as one number.
        self._views: dict[str, tuple[int, int]] = {}
        # Ratings whose scenes were marked, with when that is to be tried again; and until when
        # no resume time is brought.
        self._told: dict[int, tuple[int, str, float]] = {}
        self._no_resume_until = 0.0

    @property
    def wanted(self) -> list[str]:
        """Plex's names of the times that the settings ask for."""
        config = self._context.config
        if config is None:
            return []
        both = ((VIEWED, config.plays_to_stash), (RATED, config.ratings_to_stash))
        return [field for field, is_on in both if is_on]

    def look(self) -> int:
        """Bring and mark what is new; give how many scenes were marked.

        Raises:
            errors.SyncError: A server could not be asked; the next look finds the same.
        """
        self.has_news = self.is_done = False
        return self._look(self._context.clock(), self.wanted)

    def _look(self, now: float, wanted: list[str]) -> int:
        client, connection = self._context.client(), self._store.connection
        types = self._types()
        item_type = types[self._turn % len(types)]
        self._turn += 1
        place = f"{client.machine_identifier} {item_type}"
        marks: dict[str, Any] = meta.get(connection, meta.TOUCHED) or {}
        mark: dict[str, int] = dict(marks.get(place) or {})
        for field in wanted:
            if field not in mark:
                self.has_news = True
                mark[field] = newest(client, item_type, field, now + OVERLAP)
        is_far = not 0 <= now - self._far_at < FAR * len(types)
        back = OVERLAP if is_far else SHORT
        since = {field: max(mark[field] - back, 1) for field in wanted}
        around, views = max(mark.get(VIEWED, 0) - SHORT, 1), 0
        marked, told = 0, dict[int, tuple[int, str, float] | None]()
        moved: list[Touched] = []
        rows = touched_since(client, item_type, since)
        while some := list(islice(rows, PAGE)):  # of a whole library only what is news is kept
            if RATED in wanted:
                marked += self._mark([row for row in some if row.rated_at])
            told |= {row.rating_key: self._told.get(row.rating_key) for row in some if is_far}
            moved += filter(self._resume.concerns, some)
            views += sum(hash(row.view) for row in some if row.viewed_at >= around)
            for field in wanted:
                known = [row.at(field) for row in some if row.at(field) <= now + OVERLAP]
                mark[field] = max([mark[field], *known])
            if self._give_way():
                return marked
        if VIEWED in wanted:
            then, before = self._views.get(place, (0, 0))
            self.has_news |= mark[VIEWED] - SHORT > around or (then == around and before != views)
        self.has_news |= marked > 0
        if VIEWED in wanted and now >= self._no_resume_until:
            try:
                self._resume.look(moved, self._give_way)
            except StashMutationUnknown:
                self._no_resume_until = now + AGAIN
                raise
            if self._give_way():
                return marked
        if is_far:
            self._far_at = now
            self._told = {key: one for key, one in told.items() if one is not None}
        self._views[place] = around, views
        if mark != marks.get(place):
            with self._store.transaction():
                meta.put(connection, meta.TOUCHED, {**marks, place: mark})
        self.is_done = True
        return marked

    def _types(self) -> list[int]:
        """Give Plex's numbers for the types of items, without asking again and again."""
        fingerprint = self._context.fingerprint
        if self._known_types[0] != fingerprint:
            types = {LEAF_TYPE_OF_SECTION["movie"]}
            if self._context.settings.plex_libraries:
                sections = self._context.plex.libraries.sections()
                types = {LEAF_TYPE_OF_SECTION[section.type] for section in sections}
            self._known_types = (fingerprint, sorted(types))
        return self._known_types[1]

    def _mark(self, rows: list[Touched]) -> int:
        """Put the scenes into the queue whose ratings the ledger does not know so."""
        news = {row.rating_key: row for row in rows if self._is_news(row)}
        scenes: set[int] = set()
        server = self._context.client().machine_identifier
        unknown = []
        for key in news:
            entry = ledger.entry(self._store.connection, server, key)
            if entry is not None and entry.scene:
                scenes.add(entry.scene)
            else:
                unknown.append(key)
        for _, found in scenes_of(self._context, list(unknown)):
            scenes |= {scene.id for _, scene in found}
            unknown = [key for key in unknown if key not in {one.rating_key for one, _ in found}]
        if scenes:
            with self._store.transaction() as connection:
                now = self._context.clock()
                enqueue(connection, "scene", sorted(scenes), now=now, urgency=BACKGROUND)
        now = self._context.clock()
        self._told |= {key: (row.rated_at, row.rating, NEVER) for key, row in news.items()}
        # Of no scene so far: a library that is new, or a file that Stash has not seen.
        self._told |= {key: (*self._told[key][:2], now + AGAIN) for key in unknown}
        return len(scenes)

    def _is_news(self, row: Touched) -> bool:
        told = self._told.get(row.rating_key)
        if told is not None:  # another word since: what came of the one before may wait still
            return told[:2] != (row.rated_at, row.rating) or self._context.clock() >= told[2]
        server = self._context.client().machine_identifier
        entry = ledger.entry(self._store.connection, server, row.rating_key)
        if entry is None or not entry.base or entry.pending:
            return True
        base = Base.from_json(entry.base)
        known = base.theirs.get(RATING, base.values.get(RATING))
        return known is None or not unchanged(RATING, known, row.rating)
