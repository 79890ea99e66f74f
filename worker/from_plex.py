"""When Plex is asked what was watched, stopped and rated: one question a look, if nothing is new.

There are two questions, the history and the listing of what was touched, and each of them
shows that the other has something to tell: a view moves its item in the listing. So a look asks
one of them, and the other only where that one shows something new (docs/adr/0025). The listing
is asked as a rule, for it shows more; the history in between, for what no listing shows.
"""

from __future__ import annotations

import time
from itertools import islice
from typing import TYPE_CHECKING, Any

from merge.base import Base
from merge.compare import unchanged
from merge.ratings import RATING
from plex.activity import (
    ITEMS_A_PAGE,
    OWNER,
    RATED,
    VIEWED,
    Touched,
    View,
    newest,
    touched_since,
    views_since,
)
from plex.fields import LEAF_TYPE_OF_SECTION
from stash.exceptions import StashMutationUnknown
from store import activity, ledger, meta
from sync.holding import scenes_of
from sync.plays import bring, by_scene
from sync.resume import ResumePoints
from worker.launcher import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync.context import Context

#: Seconds between two looks, and at night, unless somebody has just been watching.
EVERY, AT_NIGHT = 60, 600
#: Hours by this machine's clock that are night, and seconds for which somebody is taken to be up.
NIGHT, UP = range(1, 7), 7200
#: Seconds after which the history is asked although no listing showed a view; of every account's
#: views a listing shows only the owner's, so then the two take turns.
HISTORY = 600
#: Whoever brings plays holds this lock: the worker for a look, or the task.
PLAYS_LOCK = "plays.lock"
#: Seconds that a look reaches back before the newest view, and by which a view may lie ahead.
OVERLAP = 86400
#: Seconds until a view is tried again whose scene Stash does not have, or that Stash refused.
AGAIN = 3600
#: Seconds that most looks at the listing reach back, and between two that reach back as far as
#: for plays.
SHORT, FAR = 600, 3600
NEVER = float("inf")


class _Question:
    """One of the two questions; where ``give_way`` says that an edit by hand waits, it ends.

    Attributes:
        WORDS: What it looks for, for the log.
        has_news: The last look saw something watched or rated since the one before, or was the
            first of all.
        is_done: The last look came to its end.
    """

    WORDS = ""

    def __init__(self, context: Context, give_way: Callable[[], bool]) -> None:
        self._context = context
        self._store = context.store
        self._give_way = give_way
        self.has_news = self.is_done = False

    def look(self) -> int:
        """Ask, and bring what is new; give how many scenes were marked.

        Raises:
            errors.SyncError: A server could not be asked; the next look finds the same.
        """
        self.has_news = self.is_done = False
        return self._look(self._context.clock())

    def _look(self, now: float) -> int:
        raise NotImplementedError


class PlaysFromPlex(_Question):
    """Asks for the history of views, and lets what was watched count as played in Stash.

    One request a look where nothing new was watched: the history since the newest view that was
    seen, and a day before, for a device that was offline tells late what it played. From when on
    views count is kept by Plex's own clock: since the newest view that was there when the worker
    first saw plays_to_stash on (docs/adr/0016). What is older comes by the task "Bring plays
    over".
    """

    WORDS = "looking for plays"

    def __init__(self, context: Context, give_way: Callable[[], bool]) -> None:
        super().__init__(context, give_way)
        self._lock = ProcessLock(context.store.directory, PLAYS_LOCK)
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

    def _look(self, now: float) -> int:
        """Bring what was watched since; give 0, for that makes no work."""
        if self._lock.acquire():
            try:
                self._bring(now)
                self.is_done = True
            except StashMutationUnknown:
                self._rests_until = now + AGAIN
                raise
            finally:
                self._lock.release()
        return 0

    def _bring(self, now: float) -> None:
        client, connection = self._context.client(), self._store.connection
        server = client.machine_identifier
        marks: dict[str, Any] = meta.get(connection, meta.PLAYS) or {}
        mark = marks.get(server)
        if mark is None or mark["since"] > now + OVERLAP:
            # Everybody's: another account's views may count one day, and not from before.
            views = (view.viewed_at for view in views_since(client, 0, None))
            latest = next((at for at in views if at <= now + OVERLAP), 0)
            marks[server] = {"since": latest + 1, "newest": latest}
            meta.put(connection, meta.PLAYS, marks)
            self.has_news = True  # so that the listing's mark is set beside this one
            return
        # A clock that was ahead and was set back must not hide what is watched now.
        last = mark["newest"] if mark["newest"] <= now + OVERLAP else int(now)
        since = max(mark["since"], last - OVERLAP)
        seen = list(counted_views(self._context, since, now))
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
        latest = max((view.viewed_at for view in seen), default=last)
        if latest > last or last != mark["newest"]:
            meta.put(connection, meta.PLAYS, {**marks, server: {**mark, "newest": latest}})

    def forget(self) -> None:
        """Begin anew when plays are wanted again: what is watched meanwhile does not count."""
        if self._context.config is not None and meta.get(self._store.connection, meta.PLAYS):
            meta.put(self._store.connection, meta.PLAYS, {})


def counted_views(context: Context, since: int, now: float) -> Iterator[View]:
    """Give the views at or after a time of those whose views count, newest first.

    Unix seconds. One whose time cannot be true is left out: Plex's clock was wrong.

    Raises:
        errors.SyncError: Plex could not be asked.
    """
    account = None if context.settings.plays_of_all_accounts else OWNER
    for view in views_since(context.client(), since, account):
        if view.viewed_at <= now + OVERLAP:
            yield view


class TouchedInPlex(_Question):
    """Asks for the listing of what was stopped or rated, for Stash to get it.

    One request a look where nothing is new: the items that were watched or rated since the
    newest that were seen, by Plex's own clock, and a while before. Resume times are brought from
    here; a rating only marks its scene, for it goes the way of all fields (sync/take.py).
    """

    WORDS = "looking for ratings"

    def __init__(self, context: Context, give_way: Callable[[], bool]) -> None:
        super().__init__(context, give_way)
        # By type of items: one that is not listed stands still, if its type was asked for.
        self._resume: dict[int, ResumePoints] = {}
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

    def _look(self, now: float) -> int:
        """Bring and mark what is new; give how many scenes were marked."""
        client, connection, wanted = self._context.client(), self._store.connection, self.wanted
        types = self._types()
        item_type = types[self._turn % len(types)]
        self._turn += 1
        resume = self._resume.setdefault(item_type, ResumePoints(self._context))
        place = f"{client.machine_identifier} {item_type}"
        marks: dict[str, Any] = meta.get(connection, meta.TOUCHED) or {}
        mark: dict[str, int] = dict(marks.get(place) or {})
        for field in wanted:
            # For the first time, or after a clock that was ahead was set back.
            if mark.get(field, NEVER) > now + OVERLAP:
                self.has_news = True
                mark[field] = newest(client, item_type, field, now + OVERLAP)
        is_far = not 0 <= now - self._far_at < FAR * len(types)
        back = OVERLAP if is_far else SHORT
        since = {field: max(mark[field] - back, 1) for field in wanted}
        around, views = max(mark.get(VIEWED, 0) - SHORT, 1), 0
        marked, told = 0, dict[int, tuple[int, str, float] | None]()
        moved: list[Touched] = []
        rows = touched_since(client, item_type, since)
        # Of a whole library only what is news is kept.
        while some := list(islice(rows, ITEMS_A_PAGE)):
            if RATED in wanted:
                marked += self._mark([row for row in some if row.rated_at])
            told |= {row.rating_key: self._told.get(row.rating_key) for row in some if is_far}
            moved += filter(resume.concerns, some)
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
                resume.look(moved, self._give_way)
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
        server = self._context.server
        news: dict[int, Touched] = {}
        scenes, unknown = set[int](), set[int]()
        for row in rows:
            entry = ledger.entry(self._store.connection, server, row.rating_key)
            if self._is_news(row, entry):
                news[row.rating_key] = row
                if entry is not None and entry.scene:
                    scenes.add(entry.scene)
                else:
                    unknown.add(row.rating_key)
        for _, found in scenes_of(self._context, unknown):
            scenes |= {scene.id for _, scene in found}
            unknown -= {item.rating_key for item, _ in found}
        now = self._context.clock()
        self._store.mark("scene", sorted(scenes), now=now)
        self._told |= {key: (row.rated_at, row.rating, NEVER) for key, row in news.items()}
        # Of no scene so far: a library that is new, or a file that Stash has not seen.
        self._told |= {key: (*self._told[key][:2], now + AGAIN) for key in unknown}
        return len(scenes)

    def _is_news(self, row: Touched, entry: ledger.LedgerEntry | None) -> bool:
        told = self._told.get(row.rating_key)
        if told is not None:  # another word since: what came of the one before may wait still
            return told[:2] != (row.rated_at, row.rating) or self._context.clock() >= told[2]
        if entry is None or not entry.base or entry.pending:
            return True
        base = Base.from_json(entry.base)
        known = base.theirs.get(RATING, base.values.get(RATING))
        return known is None or not unchanged(RATING, known, row.rating)


class FromPlex:
    """Looks at a calm rhythm, and gives way to an edit by hand.

    ``plays`` asks for the history, ``touched`` for what was stopped and rated.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.plays = PlaysFromPlex(context, context.store.edit_waits)
        self.touched = TouchedInPlex(context, context.store.edit_waits)
        self._due_at = 0.0
        self._asked_history_at = 0.0
        self._news_at = 0.0
        # What is to be asked because the other one showed something new, and what led last.
        self._owed: set[_Question] = set()
        self._led: _Question | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for anything of Plex."""
        return bool(self.touched.wanted)

    def ask_if_due(self, ask: Callable[[Callable[[], int], str], bool]) -> bool:
        """Ask Plex what is new, if it is time to; say whether there is something to do now.

        ``ask`` calls a look, named for the log, and says whether it gave more than 0. A fault
        of the look is its matter, and the next look finds the same.
        """
        now = self._context.clock()
        if not self.plays.is_wanted:
            self.plays.forget()
            self._owed.discard(self.plays)
            self._asked_history_at = 0.0
        if not self.is_wanted or 0 < self._due_at - now <= AT_NIGHT:
            return False
        self._due_at = now + EVERY
        found = False
        for one in self._in_turn(now):
            found = ask(one.look, one.WORDS) or found
            if one.has_news:
                self._news_at = now
                self._owed |= {self.plays, self.touched} - {one}
            if one.is_done:
                self._owed.discard(one)
                if one is self.plays:
                    self._asked_history_at = now
            if self._context.store.edit_waits():
                self._due_at = 0.0  # what gave way is looked at after it
                self._owed.add(one)
                return True
        if time.localtime(now).tm_hour in NIGHT and now - self._news_at > UP:
            self._due_at = now + AT_NIGHT
        return found

    def _in_turn(self, now: float) -> Iterator[_Question]:
        """Give what is asked now: one of the two, and the other if that is owed by then."""
        age = 0 if self._context.settings.plays_of_all_accounts else HISTORY
        old = self._led is not self.plays and not 0 <= now - self._asked_history_at < age
        asks_history = self.plays.is_wanted and self.plays.is_ready(now)
        if asks_history and (old or self.plays in self._owed):
            self._led = self.plays
            yield self.plays
            if self.touched in self._owed:
                yield self.touched
        else:
            self._led = self.touched
            yield self.touched
            if asks_history and self.plays in self._owed:
                yield self.plays
