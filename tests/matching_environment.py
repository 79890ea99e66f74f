"""A Plex stand-in with a real store and the reconciler in this process, for tests of matching.

Stash's side is plain ``Scene`` objects made from the catalogue, so that a test
can say exactly what it wants; everything towards Plex goes over sockets.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from errors import SyncError
from log import Log
from plex.client import PlexClient
from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_scene
from stash.client import CoverReading
from stash.scene import NamedRef, Scene, SceneFile
from store.store import Store
from sync import pipeline, write
from sync.batch import Batch
from sync.context import Context
from sync.record import Recorder
from validation.config import PlexSyncConfig
from validation.path_map import PathMap
from worker.processor import search_plex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from matching.resolve import PathLookup
    from plex.item import PlexItem
    from sync.plan import ScenePlan
    from sync.stash_session import StashSession

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


class StashOnHand:
    """What the pipeline asks of Stash, answered from a test's own notes."""

    def __init__(self, env: Environment) -> None:
        self._env = env

    def cover(self, one: Scene, etag: str = "") -> CoverReading:
        """Give a scene's cover unless it is known, or fail as the test wants it."""
        found = self._env.covers.get(one.id)
        if found and not isinstance(found, SyncError):
            now = f'"{hashlib.md5(found, usedforsecurity=False).hexdigest()}"'
            if etag == now:
                return CoverReading(None, now, is_known=True)
        self._env.downloads.append(one.id)
        if isinstance(found, SyncError):
            raise found
        return CoverReading(found, now if found else "")

    def scenes_with_path(self, path: str, is_same: Callable[[str], bool]) -> list[int]:
        """Give the scenes that hold a file, found as Stash finds them: LIKE, for ASCII."""
        self._env.asked.append(path)
        return [
            number
            for known, numbers in self._env.owners.items()
            if known.lower() == path.lower() and is_same(known)
            for number in numbers
        ]

    def read_scenes(self, ids: Iterable[int]) -> dict[int, Scene]:
        """Give scenes in full, as they are in the catalogue unless a test says otherwise."""
        return {number: self._env.scenes.get(number) or scene(number) for number in ids}


class Reconciler:
    """The pipeline for one scene at a time, stage by stage, as a new worker has it."""

    def __init__(self, context: Context, *, dry: bool) -> None:
        self.context = context
        self.recorder = Recorder(context, settle=_never, succeeded=lambda: None)
        self.index: PathLookup | None = None
        self._dry = dry

    @property
    def client(self) -> PlexClient:
        """Plex."""
        return self.context.client()

    def plan(
        self, one: Scene, known: Mapping[int, PlexItem] | None = None
    ) -> tuple[Batch, ScenePlan]:
        """Plan a scene; what stands in its way is raised."""
        batch = Batch.of_scenes([one])
        batch.items = dict(known or {})
        for stage in pipeline.PREVIEW if self._dry else pipeline.PLAN:
            for _ in stage(self.context, batch):
                pass
            if self.index is not None:
                batch.index = self.index
        if not self._dry:
            self.recorder.settle(batch)
        (plan,) = batch.plans
        if plan.fault and not plan.found:
            raise plan.fault
        return batch, plan

    def look(self, one: Scene, known: Mapping[int, PlexItem] | None = None) -> ScenePlan:
        """Plan and write a scene; nothing is recorded yet. One that is dry is only planned."""
        batch, plan = self.plan(one, known)
        if not self._dry:
            write.intend(self.context, batch)
            for _ in write.write(self.context, batch):
                pass
        return plan


def _never(*_: object) -> None:
    raise AssertionError("there is no queue")


@dataclass
class Environment:
    """A reconciler with everything it works on."""

    plex: PlexControl
    store: Store
    folder: Path
    owners: dict[str, list[int]] = field(default_factory=dict)
    scenes: dict[int, Scene] = field(default_factory=dict)
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
        log = Log(self.store.directory)
        with PlexClient(config.plex_url, config.plex_token, read_timeout=5.0) as client:
            context = Context(
                self.store,
                cast("StashSession", StashOnHand(self)),
                log,
                client=lambda: client,
                search=search_plex,
                clock=lambda: self.now,
            )
            context.adopt(config, "")
            yield Reconciler(context, dry=dry)
        log.close()

    def record(self, plan: ScenePlan) -> ScenePlan:
        """Record what was carried out, as the worker does."""
        with self.reconciler() as reconciler:
            reconciler.recorder.record(Batch.of_scenes([plan.scene]), [plan])
        return plan

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
        self.scenes.clear()
        self.asked.clear()
        self.covers.clear()
        self.downloads.clear()
        with self.store.transaction() as connection:
            for table in ("dirty", "hold", "item", "scene", "carries", "history", "tally"):
                connection.execute(f"DELETE FROM {table}")
            connection.execute("DELETE FROM meta WHERE key <> 'sequence'")


@contextlib.contextmanager
def start_environment(folder: Path, scenes: int = 6, **options: Any) -> Iterator[Environment]:
    """A Plex stand-in and an empty store, for one block."""
    store = Store(str(folder / "plexsync-data"))
    try:
        with start_plex(scenes, **options) as plex:
            yield Environment(plex, store, folder)
    finally:
        store.close()
