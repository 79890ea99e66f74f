"""From a scene to its Plex items: all of them, as they are now.

    path index          kept for bulk work, when there is one, or else
    Plex's file filter  asked for each file in each library that can hold it
    remembered items    read anyway for the merge; they never stand for the whole set
    the file's hash     where names tie, or where no library has the folder

Whatever these give is believed only after the item itself was read and holds
one of the scene's files. A key that turns out stale (gone, or another file) is
looked up once more by asking Plex, never by the index that was wrong.

Nothing is changed here: what is to be forgotten, or to be asked of Plex, comes back
with what was found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from errors import Scope, SyncError
from matching.missing import Missing, Unmapped, explain
from matching.path_advice import PathAdvice
from plex.error_types import AmbiguousMatch, ItemGone, ServerChanged, TooManyAlike
from plex.item import read_item
from plex.oshash import prove_tied
from store import ledger
from validation.media_path import path_key

if TYPE_CHECKING:
    from collections.abc import Container

    from plex.client import PlexClient
    from plex.item import PlexItem
    from plex.libraries import Libraries
    from plex.matcher import Matches
    from stash.scene import Scene, SceneFile
    from store.ledger import LedgerEntry, SceneRecord
    from store.store import Store
    from validation.config import PlexSyncConfig

#: Seconds for which another name of a file is believed that was proven to mean it.
PROVEN_FOR = 86400.0


class PathLookup(Protocol):
    """Something that knows which items hold a file, such as the path index."""

    def items_holding(self, path: str) -> list[int] | None:
        """Give rating keys, none when no item holds the file, None when it cannot say."""

    def correct(self, path: str, rating_keys: Iterable[int]) -> None:
        """Take Plex's own answer for a file, of which it said something else."""


@dataclass(slots=True)
class Found:
    """What was found for one scene.

    ``mapped`` are the scene's files by how Plex should name them, and ``paths`` these names;
    ``aliases`` other names that were proven to mean one of them, ``places`` what was searched
    (for the scene's record), ``resolved_at`` the Unix time at which the last of
    that was proven, ``read`` all that was read on the way, ``gone`` the rating keys
    that Plex neither has nor lists, ``untied`` the ledger entries that are the scene's
    no longer, ``missing`` why there is no item, ``fault`` the first problem with one of
    several items, or with the only one.
    """

    scene: Scene
    mapped: Mapping[str, SceneFile]
    paths: tuple[str, ...]
    sections: tuple[int, ...]
    resolved_at: float
    aliases: list[str] = field(default_factory=list)
    items: list[PlexItem] = field(default_factory=list)
    read: dict[int, PlexItem] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    untied: list[LedgerEntry] = field(default_factory=list)
    missing: Missing | None = None
    fault: SyncError | None = None

    @property
    def held(self) -> tuple[str, ...]:
        """Every name under which an item may hold one of the files."""
        return (*self.paths, *self.aliases)

    @property
    def places(self) -> str:
        """What was searched, for the scene's record."""
        return json.dumps([sorted(self.paths), list(self.sections), sorted(self.aliases)])

    def is_as_before(self, record: SceneRecord) -> bool:
        """Say whether the last look at the scene searched for the same in the same places."""
        return bool(json.loads(record.places)[:2] == json.loads(self.places)[:2])


def held_paths(places: str) -> list[str]:
    """Give every name of a scene's files at Plex out of its record's ``places``."""
    return [*json.loads(places)[0], *aliases_of(places)]


def aliases_of(places: str) -> list[str]:
    """Give of them those that were proven to mean one of the files."""
    found: list[str] = next(iter(json.loads(places)[2:]), [])
    return found


@dataclass(slots=True)
class _Answer:
    """What Plex said of one file: rating keys, how it names the file, what went wrong."""

    keys: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    fault: SyncError | None = None


class Resolver:
    """Finds the items of scenes on one server.

    ``search`` asks Plex for a file, library by library (worker/processor.py); the clock gives
    Unix seconds. Set ``index`` to something that knows paths; None asks Plex each time.
    """

    def __init__(
        self,
        store: Store,
        client: PlexClient,
        config: PlexSyncConfig,
        libraries: Libraries,
        search: Callable[[Libraries, str], Sequence[Matches]],
        *,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._client = client
        self._config = config
        self._libraries = libraries
        self._search = search
        self._clock = clock
        self.index: PathLookup | None = None
        self.advice = PathAdvice(
            store.connection, config.path_map, libraries.known_folders, private=config.redact_logs
        )
        self._unmapped = Unmapped(client, libraries, self.advice, clock)

    def find(
        self, scene: Scene, record: SceneRecord | None, known: Mapping[int, PlexItem]
    ) -> Found:
        """Give every item that holds one of the scene's files; without any, say why there is none.

        ``record`` is what the last look at the scene found; ``known`` are items read a moment
        ago, which are not read again. Raised is what says that Plex as a whole failed, or that
        nobody can tell which item it is.
        """
        mapped = self._mapped(scene)
        paths = tuple(mapped)
        now = self._clock()
        found = Found(scene, mapped, paths, tuple(sorted(self._libraries.keys())), now)
        server = self._client.machine_identifier
        entries = ledger.entries_of(self._store.connection, server, scene.id)
        remembered: list[int] = []
        if record is not None and record.may_be_of(server) and found.is_as_before(record):
            remembered = [entry.rating_key for entry in entries]
            if 0 <= now - record.resolved_at < PROVEN_FOR:
                found.aliases = held_paths(record.places)[len(paths) :]
                found.resolved_at = record.resolved_at if found.aliases else now
        self._look_up(found, known, remembered)
        # The file may lie in a library that was made, or made anew, a moment ago.
        if not found.items and not found.fault and self.index is None and self._libraries.renew():
            found.sections = tuple(sorted(self._libraries.keys()))
            self._look_up(found, known, remembered)
        found.untied = _untied(entries, found)
        if not found.items and not found.fault:
            found.missing = explain(scene, paths, self._libraries, self.advice)
        return found

    def paths_of(self, scene: Scene) -> list[str]:
        """Give a scene's files as Plex should name them."""
        return list(self._mapped(scene))

    def listed(self, paths: Iterable[str]) -> list[int] | None:
        """Give the rating keys of the items that hold one of some files, by the index alone.

        None where there is no index, or where it cannot say of one of them.
        """
        if self.index is None:
            return None
        keys: dict[int, None] = {}
        for path in paths:
            some = self.index.items_holding(path)
            if some is None:
                return None
            keys.update(dict.fromkeys(some))
        return list(keys)

    def _mapped(self, scene: Scene) -> dict[str, SceneFile]:
        path_map = self._config.path_map
        return {path: file for file in scene.files for path in path_map.targets(file.path)}

    def _look_up(
        self, found: Found, known: Mapping[int, PlexItem], remembered: Sequence[int]
    ) -> None:
        listed = self.listed(found.held)
        if listed is not None:
            stale = self._read(found, _each(remembered, listed), known)
            complete = found.items or found.fault or not self._libraries.ignores_case()
            if complete and not stale:
                self._settle_unmapped(found, known)
                return
            remembered = [item.rating_key for item in found.items]
            # After a stale key only what was read just now is believed.
            known = found.read
        keys, fault = self._ask(found)
        wanted = _each(remembered, keys)
        if self._read(found, wanted, known):
            doubtful = set(known) - {item.rating_key for item in found.items}
            again = [key for key in wanted if key not in found.gone]
            if doubtful & set(again):
                rest = {key: item for key, item in known.items() if key not in doubtful}
                self._read(found, again, {**rest, **found.read})
        _doubt_gone(found, keys)
        if fault is not None:
            if not found.items:
                raise fault
            # Nobody will tell more of it; what fails is tried again.
            if not isinstance(fault, AmbiguousMatch):
                found.fault = found.fault or fault
        self._settle_unmapped(found, known)

    def _ask(self, found: Found) -> tuple[list[int], SyncError | None]:
        """Ask Plex for each file; give what it lists, and what kept it from listing all.

        Raised is what says that Plex as a whole failed, or that no search can find a file
        where there is no index either.
        """
        own = {path_key(path).casefold() for path in found.paths}
        others = [alias for alias in found.aliases if path_key(alias).casefold() not in own]
        files = {**dict.fromkeys(others), **found.mapped}
        answers = {path: self._ask_for(path, file) for path, file in files.items()}
        names = [name for answer in answers.values() for name in answer.names]
        found.aliases = _others([*names, *others], found.paths)
        if self.index is not None:
            for path, answer in answers.items():
                if answer.fault is None:
                    self.index.correct(path, answer.keys)
        fault = next((answer.fault for answer in answers.values() if answer.fault), None)
        return _each(*(answer.keys for answer in answers.values())), fault

    def _ask_for(self, path: str, file: SceneFile | None) -> _Answer:
        """Ask Plex for one file; None where it is another name that was proven before."""
        answer = _Answer()
        try:
            for match in self._search(self._libraries, path):
                proven = prove_tied(
                    self._client,
                    path,
                    match.tied,
                    file.oshash if file else None,
                    private=self._config.redact_logs,
                )
                answer.names += [*match.files, *(one.file for one in proven)]
                answer.keys += [int(item.ratingKey) for item in match.items]
                answer.keys += [one.rating_key for one in proven]
        except SyncError as fault:
            no_search_can = isinstance(fault, TooManyAlike) and self.index is None
            if fault.scope is Scope.SERVER or no_search_can:
                raise
            answer.fault = fault
        return answer

    def _settle_unmapped(self, found: Found, known: Mapping[int, PlexItem]) -> None:
        """Where nothing was found by path, look for files that lie in no folder of Plex."""
        if found.items or found.fault:
            return
        inside = {file.path for path, file in found.mapped.items() if self._libraries.reach(path)}
        files = [file for file in found.scene.files if file.path not in inside]
        if not files:
            return
        index = self.index
        proven = self._unmapped.find(
            found.scene, files, lambda path: None if index is None else index.items_holding(path)
        )
        found.aliases = _others([one.file for one in proven], found.paths)
        found.resolved_at = self._clock()
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
            self._check_server(item)
            if key not in known:
                found.read[key] = item
            if any(item.holds(path) for path in found.held):
                found.items.append(item)
            else:
                stale = True
        return stale

    def _check_server(self, item: PlexItem) -> None:
        """Raise ``ServerChanged`` for an item that says it is of another server's library."""
        if self._libraries.knows(item.section, item.library_uuid):
            return
        before = self._client.machine_identifier
        if self._client.probe() != before:
            raise ServerChanged.about("Another Plex server answers at Plex URL than a moment ago.")
        self._libraries.read_again()  # the same one, whose libraries were made anew


def _doubt_gone(found: Found, listed: Container[int]) -> None:
    """Take no item for gone that Plex itself lists: only both answers together say so.

    What was written to it stays known, and the scene is looked at again for it.
    """
    doubtful = next((key for key in found.gone if key in listed), None)
    found.gone = [key for key in dict.fromkeys(found.gone) if key not in listed]
    if doubtful is not None and found.items and found.fault is None:
        found.fault = ItemGone.about(f"Plex lists item {doubtful} and says that it has none.")


def _untied(entries: Sequence[LedgerEntry], found: Found) -> list[LedgerEntry]:
    """Give the remembered items that no longer hold a file of the scene.

    What was written there stays known, for whichever scene the item goes to.
    So does what was written to an item that is gone while no other one holds
    the file: a server that says 404 for an hour must not turn what we locked
    into what a person locked.
    """
    if found.fault:
        return []
    held = {item.rating_key for item in found.items}
    return [
        entry
        for entry in entries
        if entry.rating_key not in held and not (found.items and entry.rating_key in found.gone)
    ]


def _each(*keys: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(chain(*keys)))


def _others(names: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Give the names that say more than the paths themselves."""
    own = {path_key(path) for path in paths}
    return sorted({name for name in names if path_key(name) not in own})
