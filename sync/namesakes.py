"""Performers of one name: Plex takes them for one person, so Stash's disambiguation goes along.

Plex knows people by name alone, over the whole server. So a performer who has a disambiguation in
Stash, and somebody of the same name beside them there, is called as Stash shows them in every item;
one who has nobody is called by the bare name. Which names are several people's is read from Stash
the first time it matters, and again when a performer changed. Whoever is called otherwise by
then has their scenes looked at, once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from stash import entities
from store import ledger, meta
from store.enqueue import BACKGROUND, enqueue
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from stash.scene import NamedRef, Scene
    from store.store import Store
    from sync.stash_session import StashSession


class Namesakes:
    """The names that several performers of Stash have, kept in the store.

    ``keys`` are their keys (``validation.text.tag_key``), as last read; the clock gives Unix
    seconds.
    """

    def __init__(self, store: Store, stash: StashSession, clock: Callable[[], float]) -> None:
        self._store = store
        self._stash = stash
        self._clock = clock
        self._read: list[NamedRef] | None = None
        self._kept = meta.get(store.connection, meta.NAMESAKES)
        self.keys: frozenset[str] = frozenset((self._kept or {}).get("keys", ()))

    def look(self, scenes: Iterable[Scene], look_up: Callable[[], None] | None = None) -> None:
        """Read the names if that matters to a scene, and one of its performers is new.

        Nothing is stored; ``look_up`` as for ``StashSession.ask``.

        Raises:
            errors.SyncError: Stash could not be asked.
        """
        last = -1 if self._kept is None else self._kept["last"]
        told_apart = (one.id for scene in scenes for one in scene.performers if one.disambiguation)
        if self._read is None and any(number > last for number in told_apart):
            self._ask(look_up)

    def look_again(self) -> None:
        """Read the names once more, if they ever mattered; errors as ``look``."""
        if self._kept is not None:
            self._ask(None)

    def commit(self, besides: Collection[int] = ()) -> None:
        """Keep what was read, and have the scenes looked at of those who are called otherwise now.

        But for those of performers ``besides``, which are looked at anyway.
        """
        if self._read is None:
            return
        changed = self.keys.symmetric_difference((self._kept or {}).get("keys", ()))
        otherwise = {
            one.id for one in self._read if one.disambiguation and tag_key(one.name) in changed
        }.difference(besides)
        kept = {"last": max((one.id for one in self._read), default=0), "keys": sorted(self.keys)}
        if kept != self._kept:
            with self._store.transaction() as connection:
                meta.put(connection, meta.NAMESAKES, kept)
                if otherwise:
                    otherwise &= set(ledger.carried_ids(connection, "performer"))
                now = self._clock()
                enqueue(connection, "performer", sorted(otherwise), now=now, urgency=BACKGROUND)
        self._kept, self._read = kept, None

    def _ask(self, look_up: Callable[[], None] | None) -> None:
        self._read = self._stash.ask(entities.performers, look_up)
        counted = Counter(tag_key(one.name) for one in self._read)
        told_apart = {tag_key(one.name) for one in self._read if one.disambiguation}
        self.keys = frozenset(key for key in told_apart if counted[key] > 1)
