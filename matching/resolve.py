"""From a scene to its Plex items, rung by rung; the first rung that is verified wins.

    remembered items    read anyway for the merge; their paths prove them
    path index          kept for bulk work, when there is one
    Plex's file filter  asked for each file in each library that can hold it
    the file's hash     where names tie, or where no library has the folder

Whatever a rung gives is believed only after the item itself was read and holds
one of the scene's files. A key that turns out stale (gone, or another file) is
looked up once more by asking Plex, never by the index that was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from errors import Scope, SyncError
from matching.found import Found, held_paths
from matching.missing import Missing
from matching.path_advice import PathAdvice
from matching.unmapped import Unmapped
from plex.exceptions import ItemGone
from plex.item import read_item
from plex.oshash import prove_tied
from store import ledger
from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from plex.client import PlexClient
    from plex.item import PlexItem
    from plex.libraries import Libraries
    from stash.scene import Scene, SceneFile
    from store.ledger import LedgerEntry, SceneRecord
    from store.store import Store
    from validation.config import PlexSyncConfig


class PathLookup(Protocol):
    """Something that knows which items hold a file, such as the path index."""

    def items_holding(self, path: str) -> list[int] | None:
        """Give rating keys, none when no item holds the file, None when it cannot say."""


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
        advice = PathAdvice(store, config.path_map, dry=dry, private=config.redact_logs)
        self._unmapped = Unmapped(client, libraries, advice, clock)
        self._missing = Missing(
            store, client, libraries, advice, clock, scan=config.scan_missing and not dry
        )

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
        mapped = {self._config.path_map.to_plex(file.path): file for file in scene.files}
        paths = tuple(mapped)
        now = self._clock()
        found = Found(paths, tuple(sorted(self._libraries.keys())), now)
        fresh = found.is_known(record)
        if record is not None and fresh:
            found.resolved_at = record.resolved_at
            found.aliases = held_paths(record.places)[len(paths) :]
        entries = ledger.entries_of(
            self._store.connection, self._client.machine_identifier, scene.id
        )
        stale = False
        if fresh and entries:
            stale = self._read(found, [entry.rating_key for entry in entries], known)
            if not stale and (found.items or found.fault):
                return self._verified(found)
        found.aliases = []
        self._look_up(scene, found, known, mapped, ask_plex=stale)
        found.resolved_at = now
        self._let_go(entries, found)
        if not found.items and not found.fault:
            raise self._missing.explain(scene, paths)
        return self._verified(found)

    def _verified(self, found: Found) -> Found:
        if found.fault is not None and not found.items:
            raise found.fault
        return found

    def _look_up(
        self,
        scene: Scene,
        found: Found,
        known: Mapping[int, PlexItem],
        mapped: Mapping[str, SceneFile],
        *,
        ask_plex: bool,
    ) -> None:
        if self.index is not None and not ask_plex:
            known_keys = [self.index.items_holding(path) for path in found.paths]
            if None not in known_keys:
                ask_plex = self._read(found, _flat(known_keys), known)
                complete = found.items or found.fault or not self._libraries.ignores_case()
                if complete and not ask_plex:
                    self._settle_unmapped(scene, found, known, mapped)
                    return
        keys: dict[int, None] = {}
        for path, file in mapped.items():
            for match in self._libraries.search(path):
                proven = prove_tied(
                    self._client, path, match.tied, file.oshash, private=self._config.redact_logs
                )
                found.aliases += [*match.files, *(one.file for one in proven)]
                keys |= dict.fromkeys(int(item.ratingKey) for item in match.items)
                keys |= dict.fromkeys(one.rating_key for one in proven)
        found.aliases = _others(found.aliases, found.paths)
        # After a stale key only what was read just now is believed.
        self._read(found, list(keys), found.read if ask_plex else known)
        self._doubt_gone(found, keys)
        self._settle_unmapped(scene, found, known, mapped)

    def _doubt_gone(self, found: Found, listed: Container[int]) -> None:
        """Take no item for gone that Plex itself lists: only both answers together say so.

        What was written to it stays known, and the scene is looked at again for it.
        """
        doubtful = next((key for key in found.gone if key in listed), None)
        found.gone = [key for key in dict.fromkeys(found.gone) if key not in listed]
        if doubtful is not None and found.items and found.fault is None:
            found.fault = ItemGone.about(f"Plex lists item {doubtful} and says that it has none.")

    def _settle_unmapped(
        self,
        scene: Scene,
        found: Found,
        known: Mapping[int, PlexItem],
        mapped: Mapping[str, SceneFile],
    ) -> None:
        """Where nothing was found by path, look for files that lie in no folder of Plex."""
        if found.items or found.fault:
            return
        files = [file for path, file in mapped.items() if not self._libraries.reach(path)]
        if not files:
            return
        index = self.index
        proven = self._unmapped.find(
            scene, files, lambda path: None if index is None else index.items_holding(path)
        )
        found.aliases = _others([one.file for one in proven], found.paths)
        self._read(found, list(dict.fromkeys(one.rating_key for one in proven)), known)

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
            if any(item.holds(path) for path in found.held):
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


def _flat(keys: Sequence[Sequence[int] | None]) -> list[int]:
    return list(dict.fromkeys(key for some in keys for key in some or ()))


def _others(names: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Give the names that say more than the paths themselves."""
    own = {path_key(path) for path in paths}
    return sorted({name for name in names if path_key(name) not in own})
