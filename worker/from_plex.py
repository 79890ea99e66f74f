"""When Plex is asked what was watched, stopped and rated: one question a look, if nothing is new.

There are two questions, the history and the listing of what was touched, and each of them
shows that the other has something to tell: a view moves its item in the listing. So a look asks
one of them, and the other only where that one shows something new (docs/adr/0025). The listing
is asked as a rule, for it shows more; the history in between, for what no listing shows.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from store import queue
from worker.plays_from_plex import PlaysFromPlex
from worker.touched_in_plex import TouchedInPlex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sync.context import Context

    Question = PlaysFromPlex | TouchedInPlex

#: Seconds between two looks, and at night, unless somebody has just been watching.
EVERY, AT_NIGHT = 60, 600
#: Hours by this machine's clock that are night, and seconds for which somebody is taken to be up.
NIGHT, UP = range(1, 7), 7200
#: Seconds after which the history is asked although no listing showed a view; of every account's
#: views a listing shows only the owner's, so then the two take turns.
HISTORY = 600


class FromPlex:
    """Looks at a calm rhythm, and gives way to an edit by hand.

    Args:
        context: Both servers, the settings and the store.

    Attributes:
        plays: Asks for the history.
        touched: Asks for what was stopped and rated.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.plays = PlaysFromPlex(context, self._edit_waits)
        self.touched = TouchedInPlex(context, self._edit_waits)
        self._due_at = 0.0
        self._asked_history_at = 0.0
        self._news_at = 0.0
        # What is to be asked because the other one showed something new, and what led last.
        self._both: set[Question] = {self.plays, self.touched}
        self._owed: set[Question] = set()
        self._led: Question | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings ask for anything of Plex."""
        return bool(self.touched.wanted)

    def ask_if_due(self, ask: Callable[[Callable[[], int], str], bool]) -> bool:
        """Ask Plex what is new, if it is time to; say whether there is something to do now.

        Args:
            ask: Calls a look, named for the log; says whether it gave more than 0. A fault of
                the look is its matter, and the next look finds the same.
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
                self._owed |= self._both - {one}
            if one.is_done:
                self._owed.discard(one)
                if one is self.plays:
                    self._asked_history_at = now
            if self._edit_waits():
                self._due_at = 0.0  # what gave way is looked at after it
                self._owed.add(one)
                return True
        if time.localtime(now).tm_hour in NIGHT and now - self._news_at > UP:
            self._due_at = now + AT_NIGHT
        return found

    def _in_turn(self, now: float) -> Iterator[Question]:
        """Give what is asked now: one of the two, and the other if that is owed by then."""
        age = 0 if self._context.settings.plays_of_all_accounts else HISTORY
        old = self._led is not self.plays and not 0 <= now - self._asked_history_at < age
        asks_history = self.plays.is_wanted and self.plays.is_ready(now)
        lead: Question = self.touched
        if asks_history and (old or self.plays in self._owed):
            lead = self.plays
        self._led = lead
        yield lead
        if lead is self.plays and self.touched in self._owed:
            yield self.touched
        elif lead is self.touched and asks_history and self.plays in self._owed:
            yield self.plays

    def _edit_waits(self) -> bool:
        """Say whether an edit by hand waits, one that is still in the inbox included."""
        self._context.store.take_in()
        return queue.edit_waits(self._context.store.connection)
