"""The worker: works on one row of the queue after another, and settles what comes of it.

What a scene goes through is sync/pipeline.py; what a fault means, worker/retry_policy.py.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from errors import ConfigurationError, PermanentError, SyncError, TransientError, counted
from plex.client import PlexClient
from plex.error_types import LibraryNotFound, NotInPlexYet
from plex.exceptions import PlexNotFound, PlexPermanentError, PlexTemporaryError
from plex.matcher import Matches, find_plex_item_by_path
from stash.scene import METADATA, Scene
from store import queue
from sync import collections, pipeline, redaction
from sync.batch import Batch, Interrupted
from sync.context import Context
from sync.record import Recorder
from validation.config import parse_settings
from worker import undo, unlock
from worker.brake import Brake
from worker.circuit_breaker import CircuitBreaker
from worker.fan_out import FanOut
from worker.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from log import Log
    from plex.libraries import Libraries
    from store.queue import QueueRow
    from store.store import Store
    from sync.plan import ScenePlan
    from sync.stash_session import StashSession
    from validation.config import PlexSyncConfig

__all__ = ["PermanentError", "SyncWorker", "TransientError", "open_plex", "search_plex"]


def open_plex(config: PlexSyncConfig, store: Store) -> PlexClient:
    """Make the client for the server that the settings name; nothing is sent yet."""
    return PlexClient(
        config.plex_url,
        config.plex_token,
        connect_timeout=config.plex_connect_timeout,
        read_timeout=config.plex_read_timeout,
        verify=not config.plex_skip_tls_verify,
        client_identifier=store.client_identifier(),
    )


def search_plex(libraries: Libraries, path: str) -> list[Matches]:
    """Ask Plex which items hold a file: the one way for a path that nothing remembers.

    Gives what was found, one for each library asked: only those that can hold the file are.
    ``path`` is the file as Plex names it.

    Raises:
        TooManyAlike: Too many names alike to look through; the path index can tell.
        NotInPlexYet: A library that Plex lists is none when it is asked, and no other one
            has the file.
        errors.SyncError: Plex could not be asked.
    """
    try:
        return [_search(section, path) for section in libraries.sections_for(path)]
    except LibraryNotFound:
        libraries.read_again()  # deleted, or made anew under another key
    answers = [_search_or_miss(section, path) for section in libraries.sections_for(path)]
    found = [one for one in answers if isinstance(one, Matches)]
    gone = next((one for one in answers if isinstance(one, LibraryNotFound)), None)
    if gone and not any(one.items or one.tied for one in found):
        raise NotInPlexYet.about(
            f"Plex lists a library and says that it has none: {gone.fact}",
            hint="PlexSync looks again by itself.",
        )
    return found


def _search_or_miss(section: Any, path: str) -> Matches | LibraryNotFound:
    try:
        return _search(section, path)
    except LibraryNotFound as fault:
        return fault


def _search(section: Any, path: str) -> Matches:
    matches = Matches()
    item = find_plex_item_by_path(section, path, matches)
    if item is not None and item not in matches.items:
        matches.items.insert(0, item)
    return matches


class SyncWorker:
    """Works on rows of the queue, one or a batch at a time.

    ``config`` are the settings, None until they are read or while they are wrong; ``clock``
    gives Unix seconds.
    """

    def __init__(
        self,
        store: Store,
        stash: StashSession,
        log: Log,
        config: PlexSyncConfig | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.store = store
        self.stash = stash
        self.log = log
        self.clock = clock
        self._plex_client: PlexClient | None = None
        self.context = Context(
            store,
            stash,
            log,
            client=lambda: self._get_plex_client(),  # noqa: PLW0108 - looked up when asked for
            close_client=self._close_plex_client,
            search=search_plex,
            clock=clock,
        )
        self.breaker = CircuitBreaker(self.context)
        self.retry_policy = RetryPolicy(self.context, self.breaker)
        self.brake = Brake(self.context)
        self.recorder = Recorder(self.context, self.settle, self.retry_policy.succeeded)
        self._fan_out = FanOut(store, stash, clock, self._tags_below)
        redaction.begin(store, log)
        if config is not None:
            self.context.adopt(config, "")
            redaction.follow(store, log, wanted=config.redact_logs)

    def _tags_below(self, numbers: Iterable[int]) -> set[int]:
        """Give the tags below some that changed, as far as the rules for tags look at that."""
        config = self.context.config or parse_settings(self.stash.settings()).config
        return self.context.tags.changed(numbers, config.tag_rules) if config else set()

    def _get_plex_client(self) -> PlexClient:
        """Give the client for the configured server, made when first needed.

        Raises:
            ConfigurationError: The settings are not complete.
        """
        if self._plex_client is None:
            self._plex_client = open_plex(self.context.settings, self.store)
        return self._plex_client

    def _close_plex_client(self) -> None:
        if self._plex_client is not None:
            self._plex_client.close()
            self._plex_client = None

    def work_on(self, row: QueueRow) -> None:
        """Work on one row and settle what comes of it. Raises no SyncError."""
        try:
            if row.kind in (unlock.KIND, undo.KIND):
                self._work_on_item(row)
            elif row.kind == collections.KIND:
                self._bring_collections(row)
            elif row.kind != "scene":
                self.mark_scenes_of([row])
            else:
                self._sync_scene(row)
        except SyncError as fault:
            self.settle(row, fault)

    def _sync_scene(self, row: QueueRow) -> None:
        asked_at = self.clock()
        scene = self.stash.read_scene(row.id)
        if not self.breaker.adopt(self.stash.last_settings or {}):
            return  # the row stays as it is: the whole queue waits for the mend
        batch = Batch.of_scenes([scene] if scene else [], [row], asked_at=asked_at)
        pipeline.sync(self.context, self.recorder, batch)

    def _work_on_item(self, row: QueueRow) -> None:
        # No scene brings the settings along; those from after it was marked are good for it.
        since = time.monotonic() - max(self.clock() - row.marked_at, 0.0)
        if self.breaker.adopt(self.stash.settings(since=since)):
            work_on = unlock.work_on if row.kind == unlock.KIND else undo.work_on
            work_on(row, self.context)

    def _bring_collections(self, row: QueueRow) -> None:
        if not self.breaker.adopt(self.stash.settings()):
            return  # the whole queue waits for the mend
        try:
            collections.work_on(self.context, row)
        except Interrupted:
            return  # it goes on after what is more urgent

    def _process_job(self, job: Mapping[str, Any]) -> ScenePlan:
        """Sync what a job describes; no row of the queue belongs to it.

        A job is ``{scene_id, update_type: "metadata", data: {path, title, ...}}``.

        Raises:
            PermanentError: An unknown update_type, or no path.
            PlexNotFound, PlexTemporaryError, PlexPermanentError: What Plex said; what
                succeeded before is recorded.
            errors.SyncError: Stash could not be asked, or the settings are not complete.
        """
        scene_id, update_type = job.get("scene_id"), job.get("update_type")
        if update_type != METADATA:
            message = f"Scene {scene_id}: PlexSync knows no update of type {update_type!r}."
            self.log.error(message)
            raise PermanentError(message)
        scene = Scene.from_job(job)
        if not scene.files:
            raise PermanentError(f"Scene {scene_id} has no file path, so Plex cannot have it.")
        batch = Batch.of_scenes([scene], asked_at=self.clock())
        pipeline.sync(self.context, self.recorder, batch)
        (plan,) = batch.plans
        if plan.fault:
            raise plan.fault
        return plan

    def settle(self, row: QueueRow, fault: SyncError) -> None:
        """Let a fault decide, by its type alone, what becomes of a row."""
        match fault:
            case PlexNotFound():
                self.retry_policy.wait(row, fault)
            case PlexTemporaryError() | TransientError() | ConfigurationError():
                self.retry_policy.retry(row, fault)
            case PlexPermanentError() | PermanentError() | _:
                self.retry_policy.park(row, fault)

    def mark_scenes_of(self, rows: Sequence[QueueRow]) -> None:
        """Mark the scenes of studios, performers, tags and groups, and end their rows.

        Rows that an edit by hand came before stay.

        Raises:
            errors.SyncError: Stash could not be asked; the rows that are left are as they were.
        """
        if performers := [row.id for row in rows if row.kind == "performer"]:
            self.context.namesakes.look_again()  # one may have got a name that another has
            self.context.namesakes.commit(performers)
        for done, scenes in self._fan_out.run(rows):
            with self.store.transaction():
                queue.done(self.store.connection, *done)
                if any(row.kind in collections.BEHIND.values() for row in done):
                    # A picture or words of it may have changed.
                    collections.mark(self.store.connection, self.context.config, now=self.clock())
            what = f"{done[0].kind} {done[0].id}"
            if len(done) > 1:
                what = f"{len(done)} {done[0].kind}s"
            self.log.info(f"{what} changed: {counted(scenes, 'scene')} to look at")
