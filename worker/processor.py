"""The worker: looks at one dirty thing after another and ends its row with what came of it.

A fault goes to worker/retry_policy.py. TransientError and PermanentError are re-exported here.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from errors import ConfigurationError, PermanentError, SyncError, TransientError
from plex.client import PlexClient
from stash.scene import METADATA, Scene
from sync import redaction, server_seen
from sync.reconcile import Reconciler
from sync.record import Recorder
from sync.scene_filter import why_not
from worker import sign_of_life, unlock
from worker.fan_out import FanOut
from worker.retry_policy import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from log import Log
    from store.queue import QueueRow
    from store.store import Store
    from sync.plan import ScenePlan
    from sync.stash_session import StashSession
    from validation.config import PlexSyncConfig

__all__ = ["PermanentError", "SyncWorker", "TransientError"]


class SyncWorker:
    """Works on the dirty set until told otherwise.

    Args:
        store: The open data directory.
        stash: The way to Stash.
        log: The worker's log.
        config: The settings; None until they are read, or while they are wrong.
        clock: Gives Unix seconds.
        plex_client: Makes a client; the tests' way to another Plex.
    """

    def __init__(
        self,
        store: Store,
        stash: StashSession,
        log: Log,
        config: PlexSyncConfig | None = None,
        *,
        clock: Callable[[], float] = time.time,
        plex_client: Callable[..., PlexClient] | None = None,
    ) -> None:
        self.store = store
        self.stash = stash
        self.log = log
        self.config = config
        self.fingerprint = ""
        self.clock = clock
        self._make_client = plex_client or PlexClient
        self.books = Recorder(store, log, clock, fingerprint=lambda: self.fingerprint)
        self._expansion = FanOut(store, stash, clock)
        self._plex_client: PlexClient | None = None
        self._reconciler: Reconciler | None = None
        redaction.begin(store, log)
        if config is not None:
            redaction.follow(store, log, wanted=config.redact_logs)
        #: Told of the settings that come with each scene, before they are needed;
        #: False when they are wrong. worker/resident.py puts its gate here.
        self.accept_settings: Callable[[dict[str, object]], bool] = lambda _: True
        self.verdict = RetryPolicy(
            store,
            log,
            clock,
            fingerprint=lambda: self.fingerprint,
            alive=lambda lane: sign_of_life.ask(lane, self.stash, self._get_plex_client),
            drop=self.forget_plex,
        )

    def adopt(self, config: PlexSyncConfig | None, fingerprint: str) -> None:
        """Work with these settings from now on; what was opened with others is closed."""
        if fingerprint == self.fingerprint and config == self.config:
            return
        self.config, self.fingerprint = config, fingerprint
        self.forget_plex()
        self.log.hide([config.plex_token] if config else [])
        if config is not None:
            redaction.follow(self.store, self.log, wanted=config.redact_logs)

    def forget_plex(self) -> None:
        """Drop the client: after an outage another server may answer at the same address."""
        if self._plex_client is not None:
            self._plex_client.close()
        self._plex_client = self._reconciler = None

    def _get_plex_client(self) -> PlexClient:
        """Give the client for the configured server, made when first needed."""
        if self._plex_client is None:
            if self.config is None:
                raise ConfigurationError("The settings are not complete; PlexSync waits for them.")
            self._plex_client = self._make_client(
                self.config.plex_url,
                self.config.plex_token,
                connect_timeout=self.config.plex_connect_timeout,
                read_timeout=self.config.plex_read_timeout,
                verify=not self.config.plex_skip_tls_verify,
                client_identifier=self.store.client_identifier(),
            )
        return self._plex_client

    @property
    def plex(self) -> PlexClient:
        """The client for the configured server."""
        return self._get_plex_client()

    @property
    def reconciler(self) -> Reconciler:
        """What brings scenes in step with the configured server."""
        if self._reconciler is None:
            client = self._get_plex_client()
            if self.config is None:
                raise ConfigurationError("The settings are not complete; PlexSync waits for them.")
            self._reconciler = Reconciler(
                self.store,
                client,
                self.config,
                self.stash.scenes_with_path,
                cover=self.stash.cover,
                fingerprint=self.fingerprint,
                clock=self.clock,
            )
        return self._reconciler

    def work_on(self, row: QueueRow) -> None:
        """Look at one dirty thing and settle what comes of it. Raises no SyncError."""
        try:
            if row.kind == unlock.KIND:
                unlock.work_on(row, self.store, self._get_plex_client, self.log)
                return
            if row.kind != "scene":
                self._expand(row)
                return
            asked_at = self.clock()
            scene = self.stash.read_scene(row.id)
            if not self.accept_settings(self.stash.last_settings or {}):
                return  # the row stays as it is: the whole queue waits for the mend
            if scene is None:
                self.books.forget(row)
                return
            self.keep_private(scene)
            if self.config and (reason := why_not(scene, self.config)):
                self.books.skip(row, scene, reason, asked_at)
            else:
                self._process_job(scene.as_job(), row, asked_at)
                self.verdict.succeeded()
        except SyncError as fault:
            self.verdict.settle(row, fault)

    def _process_job(
        self, job: Mapping[str, Any], row: QueueRow | None = None, asked_at: float | None = None
    ) -> ScenePlan:
        """Sync what a job describes, and end its queue row in the same transaction.

        Args:
            job: ``{scene_id, update_type: "metadata", data: {path, title, ...}}``.
            row: The queue row to end, None when there is none.
            asked_at: When Stash was asked for the scene, None for just now.

        Raises:
            PermanentError: An unknown update_type, or no path.
            faults.SyncError: What Plex said; what succeeded before is recorded.
        """
        scene_id, update_type = job.get("scene_id"), job.get("update_type")
        if update_type != METADATA:
            message = f"Scene {scene_id}: PlexSync knows no update of type {update_type!r}."
            self.log.error(message)
            raise PermanentError(message)
        scene = Scene.from_job(job)
        if not scene.files:
            raise PermanentError(f"Scene {scene_id} has no file path, so Plex cannot have it.")
        look = self.reconciler.look(scene, asked_at=asked_at)
        server = self.plex.machine_identifier  # no question within the transaction
        with self.store.transaction():
            self.books.record(look, row, server)
            self.books.note_time()
        server_seen.note(self.store, self.reconciler)
        if look.fault:
            raise look.fault
        self.log.info(self._told(look))
        return look

    def record(self, looks: Sequence[tuple[QueueRow, ScenePlan]]) -> None:
        """End the rows of several looks in one transaction, then settle what failed of them."""
        server = self.plex.machine_identifier  # no question within the transaction
        with self.store.transaction():
            for row, look in looks:
                self.books.record(look, row, server)
            self.books.note_time()
        server_seen.note(self.store, self.reconciler)
        lines = []
        for row, look in looks:
            self.keep_private(look.scene)
            if look.fault:
                self.verdict.settle(row, look.fault)
            else:
                lines.append(self.log.clean(self._told(look)))
                self.verdict.succeeded()
        self.log.info_all(lines)

    def keep_private(self, scene: Scene) -> None:
        """Keep a scene's title and paths out of the log from here on, if the settings say so."""
        redaction.keep_private(self.log, scene, self.config)

    def _told(self, look: ScenePlan) -> str:
        """Give the log's one line about a look."""
        fields = ", ".join(dict.fromkeys(name for one in look.written for name in one.changes))
        items = ", ".join(f"item {key}" for key in look.items)
        what = f"{look.outcome} {fields}".strip()
        # What a note says of a field may quote Plex's title.
        said = (
            [note.partition(":")[0] for note in look.notes] if self.log.is_redacted else look.notes
        )
        notes = "".join(f"; {note}" for note in said)
        return f"scene {look.scene.id} {look.scene.title!r}: {what} ({items or 'no item'}){notes}"

    def _expand(self, row: QueueRow) -> None:
        scenes = self._expansion.run(row)
        if scenes is None:
            return  # an edit by hand comes first
        with self.store.transaction():
            self.books.end(row, "expanded")
        self.log.info(f"{row.kind} {row.id} changed: {scenes} scenes to look at")
