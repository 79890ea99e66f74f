"""From studios, performers, tags and groups to the scenes that carry them.

Stash knows who carries them now; the ledger knows who carried them when we last
looked, which is all that is left after a deletion or a merge. Whoever tags for an
evening changes hundreds of them, so Stash is asked for many with one question, and
a scene that carries several is marked once. A tag may have a hundred thousand scenes,
so they are marked some at a time, an edit by hand is served in between, and the rows
themselves end last.

Where a rule for tags looks at what is above a tag, the scenes below one that changed are
marked as well: those that are below it now, by Stash, and those that were, by the ledger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from stash import changes
from store import ledger, queue
from sync.batch import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from stash.client import RefKind
    from store.store import Store
    from sync.stash_session import StashSession

#: Things of one kind that Stash is asked for with one question.
THINGS_AT_ONCE = 100
#: Ids of scenes in one answer of Stash; it looks for each in the list of all.
SCENES_A_PAGE = 10_000
#: Scenes marked in one transaction.
SCENES_AT_ONCE = 500


class FanOut:
    """Marks the scenes of many things; ``below`` gives the tags below some that changed."""

    def __init__(
        self,
        store: Store,
        stash: StashSession,
        clock: Callable[[], float],
        below: Callable[[Iterable[int]], Iterable[int]] = lambda _: (),
    ) -> None:
        self._store = store
        self._stash = stash
        self._clock = clock
        self._below = below
        # Where a run was interrupted: things of which all scenes up to one are marked, by
        # the rows that they are marked for.
        self._places: dict[tuple[object, frozenset[object]], int] = {}

    def run(self, rows: Sequence[queue.QueueRow]) -> Iterator[tuple[Sequence[queue.QueueRow], int]]:
        """Mark all scenes that carry, or carried, what some rows are about.

        They were read from the queue just now: what they are about changed before, so a
        scene that is marked for one of them needs no second mark for another.

        Yields:
            Rows whose scenes are all marked, which the caller ends, and how many scenes
            they have that none before them had. Stops early when an edit by hand came:
            the rows that are left stay, and a call for them goes on where this one was.

        Raises:
            errors.SyncError: Stash could not be asked.
        """
        marked: set[int] = set()
        known = {row[:3] for row in rows}
        self._places = {place: last for place, last in self._places.items() if place[1] <= known}
        try:
            if tags := [row for row in rows if row.kind == "tag"]:
                # What is below some ends none of their rows.
                below = sorted(set(self._below(row.id for row in tags)))
                for chunk in queue.chunks(below, THINGS_AT_ONCE):
                    self._mark_carriers("tag", chunk, tags, marked)
            for kind in dict.fromkeys(row.kind for row in rows):
                alike = [row for row in rows if row.kind == kind]
                for group in queue.chunks(alike, THINGS_AT_ONCE):
                    before = len(marked)
                    self._mark_scenes_of(group, marked)
                    yield group, len(marked) - before
        except Interrupted:
            return
        self._places.clear()

    def _mark_scenes_of(self, rows: Sequence[queue.QueueRow], marked: set[int]) -> None:
        kind, numbers = rows[0].kind, [row.id for row in rows]
        self._mark_carriers(kind, numbers, rows, marked)
        carried = ledger.scenes_carrying(self._store.connection, kind, numbers)
        before = [scene for scene in carried if scene not in marked]
        for chunk in queue.chunks(before, SCENES_AT_ONCE):
            self._mark(chunk, marked)

    def _mark_carriers(
        self, kind: str, numbers: Sequence[int], rows: Sequence[queue.QueueRow], marked: set[int]
    ) -> None:
        place = ((kind, *numbers), frozenset(row[:3] for row in rows))
        of = (cast("RefKind", kind), numbers)
        more = True
        while more:
            last = self._places.get(place, 0)
            page = self._stash.ask(
                lambda client: changes.scene_ids(client, last, SCENES_A_PAGE, of),  # noqa: B023
                self._look_up,
            )
            more = len(page) == SCENES_A_PAGE
            for chunk in queue.chunks(page, SCENES_AT_ONCE):
                self._mark(chunk, marked)
                self._places[place] = chunk[-1]

    def _mark(self, scenes: Sequence[int], marked: set[int]) -> None:
        self._look_up()
        new = [scene for scene in scenes if scene not in marked]
        if new:
            self._store.mark("scene", new, now=self._clock())
            marked.update(new)

    def _look_up(self) -> None:
        if self._store.edit_waits(of_scene=True):
            raise Interrupted
