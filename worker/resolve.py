"""From a scene to its Plex items, rung by rung; the first rung that is verified wins.

    remembered items    read anyway for the merge; their paths prove them
    path index          kept for bulk work, when there is one
    Plex's file filter  asked for each file in each library that can hold it

Whatever a rung gives is believed only after the item itself was read and holds
one of the scene's files. A key that turns out stale (gone, or another file) is
looked up once more by asking Plex, never by the index that was wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from faults import Scope, SyncError
from plex.exceptions import ItemGone, NotInPlexYet
from plex.item import PlexItem, read_item
from store import ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from plex.client import PlexClient
    from plex.libraries import Libraries
    from stash.scene import Scene
    from store.ledger import LedgerEntry, SceneRecord
    from store.store import Store
    from validation.config import PlexSyncConfig

#: Seconds after which a scene's items are looked up anew although all is well:
#: a copy in a second library would otherwise never be noticed.
RESOLVE_AGAIN = 86400.0


class PathLookup(Protocol):
    """Something that knows which items hold a file, such as the path index."""

    def items_holding(self, path: str) -> list[int] | None:
        """Give rating keys, none when no item holds the file, None when it cannot say."""


@dataclass(slots=True)
class Found:
    """What was found for one scene.

    ``paths`` are the scene's files as Plex names them, ``places`` what was
    searched (for the scene's record), ``resolved_at`` the Unix time of the last
    real lookup, ``read`` all that was read on the way, ``gone`` the rating keys
    that Plex no longer has, ``fault`` the first problem with one of several items.
    """

    paths: tuple[str, ...]
    places: str
    resolved_at: float
    items: list[PlexItem] = field(default_factory=list)
    read: dict[int, PlexItem] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    fault: SyncError | None = None


class Resolver:
    """Finds the items of scenes on one server.

    Args:
        store: Where the ledger is.
        client: Plex.
        config: The settings.
        libraries: The libraries that are searched.
        clock: Gives Unix seconds.
        dry: Leave the ledger as it is.

    Set ``index`` to something that knows paths; None asks Plex each time.
    """

    def __init__(
        self,
        store: Store,
        client: PlexClient,
        config: PlexSyncConfig,
        libraries: Libraries,
        *,
        clock: Callable[[], float],
        dry: bool = False,
    ) -> None:
        self._store = store
        self._client = client
        self._config = config
        self._libraries = libraries
        self._clock = clock
        self._dry = dry
        self.index: PathLookup | None = None

    def find(
        self, scene: Scene, record: SceneRecord | None, known: Mapping[int, PlexItem]
    ) -> Found:
        """Give every item that holds one of the scene's files.

        Args:
            scene: The scene.
            record: What the last look at it found, or None.
            known: Items read a moment ago; they are not read again.

        Raises:
            NotInPlexYet: No item holds any of the files so far.
            faults.SyncError: Plex as a whole failed, or the only item could not be read.
        """
        paths = tuple(
            dict.fromkeys(self._config.path_map.to_plex(file.path) for file in scene.files)
        )
        places = json.dumps([sorted(paths), sorted(self._libraries.keys())])
        now = self._clock()
        fresh = (
            record is not None
            and record.places == places
            and 0 <= now - record.resolved_at < RESOLVE_AGAIN
        )
        entries = ledger.entries_of(
            self._store.connection, self._client.machine_identifier, scene.id
        )
        found = Found(paths, places, record.resolved_at if record and fresh else now)
        stale = False
        if fresh and entries:
            stale = self._read(found, [entry.rating_key for entry in entries], known)
            if not stale and (found.items or found.fault):
                return self._verified(found)
        self._look_up(found, known, ask_plex=stale)
        found.resolved_at = now
        self._let_go(entries, found)
        if not found.items and not found.fault:
            raise NotInPlexYet(self._why_missing(scene, paths))
        return self._verified(found)

    def _verified(self, found: Found) -> Found:
        if found.fault is not None and not found.items:
            raise found.fault
        return found

    def _look_up(self, found: Found, known: Mapping[int, PlexItem], *, ask_plex: bool) -> None:
        if self.index is not None and not ask_plex:
            known_keys = [self.index.items_holding(path) for path in found.paths]
            if None not in known_keys:
                if not self._read(found, _flat(known_keys), known):
                    return
                ask_plex = True
        keys = [self._libraries.items_holding(path) for path in found.paths]
        # After a stale key only what was read just now is believed.
        self._read(found, _flat(keys), found.read if ask_plex else known)

    def _read(self, found: Found, keys: Sequence[int], known: Mapping[int, PlexItem]) -> bool:
        """Read items into ``found``; say whether one of them is not what it should be."""
        found.items, found.fault = [], None
        stale = False
        for key in keys:
            try:
                item = known.get(key) or read_item(self._client, key)
            except ItemGone:
                found.gone.append(key)
                stale = True
                continue
            except SyncError as fault:
                if fault.scope is Scope.SERVER:
                    raise
                found.fault = found.fault or fault
                continue
            if key not in known:
                found.read[key] = item
            if any(item.holds(path) for path in found.paths):
                found.items.append(item)
            else:
                stale = True
        return stale

    def _let_go(self, entries: Sequence[LedgerEntry], found: Found) -> None:
        """Untie the scene from remembered items that no longer hold a file of it.

        What was written there stays known, for whichever scene the item goes to.
        So does what was written to an item that is gone while no other one holds
        the file: a server that says 404 for an hour must not turn what we locked
        into what a person locked.
        """
        held = {item.rating_key for item in found.items}
        untied = [
            entry
            for entry in entries
            if entry.rating_key not in held and not (found.items and entry.rating_key in found.gone)
        ]
        if self._dry or found.fault or not untied:
            return
        with self._store.transaction() as connection:
            for entry in untied:
                ledger.intend(connection, entry._replace(scene=0), now=self._clock())

    def _why_missing(self, scene: Scene, paths: tuple[str, ...]) -> str:
        path = paths[0]
        if not self._libraries.reach(path):
            return (
                f"Scene {scene.id}: {path} lies in no folder of the Plex libraries "
                f"{self._libraries.describe()}. If Plex names the folder differently, say so in "
                "the setting path_map; if this scene is not meant for Plex, nothing needs to be "
                "done."
            )
        return (
            f"Scene {scene.id}: Plex has no item for {path} yet. "
            "PlexSync looks again by itself once Plex has scanned it."
        )


def _flat(keys: Sequence[Sequence[int] | None]) -> list[int]:
    return list(dict.fromkeys(key for some in keys for key in some or ()))
