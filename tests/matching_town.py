"""A Plex stand-in with a real store and the reconciler in this process, for tests of matching.

Stash's side is plain ``Scene`` objects made from the catalogue, so that a test
can say exactly what it wants; everything towards Plex goes over sockets.
"""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from errors import SyncError
from plex.client import PlexClient
from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_scene
from stash.scene import NamedRef, Scene, SceneFile
from store import ledger
from store.store import Store
from sync.reconcile import Reconciler
from validation.config import PlexSyncConfig
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sync.plan import ScenePlan

PATH_MAP = "/stash/media => /plex/media"
TEXTS = frozenset({"title", "summary", "tags"})


def scene(number: int, *paths: str, **changes: Any) -> Scene:
    """Give a catalogue scene; ``paths`` replace its file, ``changes`` any attribute."""
    told = catalogue_scene(number)
    files = tuple(SceneFile(path) for path in paths) or (
        SceneFile(told.file.stash_path, told.file.size, told.file.oshash),
    )
    plain = Scene(
        id=number,
        title=told.title,
        details=told.details,
        tags=tuple(NamedRef(place + 1, name) for place, name in enumerate(told.tags)),
        updated_at="2026-11-22T19:15:12Z",
        files=files,
    )
    return dataclasses.replace(plain, **changes)


@dataclass
class Town:
    """A reconciler with everything it works on."""

    plex: PlexControl
    store: Store
    folder: Path
    owners: dict[str, list[int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    now: float = 1_800_000_000.0
    covers: dict[int, bytes | SyncError] = field(default_factory=dict)
    downloads: list[int] = field(default_factory=list)

    def config(self, path_map: str = PATH_MAP, **changes: Any) -> PlexSyncConfig:
        """Give settings for this Plex."""
        return dataclasses.replace(
            PlexSyncConfig(
                self.plex.url,
                self.plex.token,
                path_map=PathMap.parse(path_map) if path_map else PathMap(),
                sync_fields=TEXTS,
            ),
            **changes,
        )

    @contextlib.contextmanager
    def reconciler(
        self, path_map: str = PATH_MAP, *, dry: bool = False, **changes: Any
    ) -> Iterator[Reconciler]:
        """Give a fresh reconciler, as a worker that has just started would make."""
        config = self.config(path_map, **changes)
        with PlexClient(config.plex_url, config.plex_token, read_timeout=5.0) as client:
            yield Reconciler(
                self.store,
                client,
                config,
                self._scenes_with_path,
                cover=self._cover,
                clock=lambda: self.now,
                dry=dry,
            )

    def _cover(self, one: Scene) -> bytes | None:
        self.downloads.append(one.id)
        found = self.covers.get(one.id)
        if isinstance(found, SyncError):
            raise found
        return found

    def _scenes_with_path(self, path: str) -> list[int]:
        self.asked.append(path)
        return self.owners.get(path, [])

    def record(self, look: ScenePlan) -> ScenePlan:
        """Commit what a look did, as worker/processor.py does."""
        server = self.state["machineIdentifier"]
        with self.store.transaction() as connection:
            for key in look.gone:
                ledger.forget_item(connection, server, key)
            for entry in look.acknowledged:
                ledger.acknowledge(connection, entry, now=self.now)
            ledger.record_scene(connection, look.record, [])
        return look

    @property
    def state(self) -> dict[str, Any]:
        """Give the Plex stand-in's identity and counters."""
        return self.plex.state()

    def look(self, one: Scene, path_map: str = PATH_MAP, **changes: Any) -> ScenePlan:
        """Look at a scene once with a fresh reconciler and record it."""
        with self.reconciler(path_map, **changes) as reconciler:
            return self.record(reconciler.look(one))

    def targets(self, method: str = "") -> list[str]:
        """Give the request targets so far, oldest first."""
        return [
            request["target"]
            for request in self.plex.requests(headers=False)
            if not method or request["method"] == method
        ]

    def again(self) -> None:
        """Forget everything: items, faults, journal, ledger."""
        self.plex.reset()
        self.plex.clear_requests()
        self.now = 1_800_000_000.0
        self.owners.clear()
        self.asked.clear()
        self.covers.clear()
        self.downloads.clear()
        with self.store.transaction() as connection:
            for table in ("dirty", "hold", "item", "scene", "carries", "history", "tally"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("DELETE FROM meta WHERE key <> 'sequence'")


@contextlib.contextmanager
def start_town(folder: Path, scenes: int = 6, **options: Any) -> Iterator[Town]:
    """A Plex stand-in and an empty store, for one block."""
    store = Store(str(folder / "plexsync-data"))
    try:
        with start_plex(scenes, **options) as plex:
            yield Town(plex, store, folder)
    finally:
        store.close()
