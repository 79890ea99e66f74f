"""The worker's way to Stash: the newest connection that a hook or task left, and the settings.

A cookie grows old and Stash may come back at another port, so the connection
kept in the store is looked at again whenever Stash refuses or is not there.
"""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import StashRefused, StashUnreachable
from store import meta
from sync.look_up import awaited, finish

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from log import Log
    from stash.client import CoverReading, ScenesReading
    from stash.scene import Pictured, Scene
    from store.store import Store
    from sync.look_up import Asking

_T = TypeVar("_T")

#: Long questions under way together: one batch's, and that of the batch that is read ahead.
READERS = 2


class StashSession:
    """Reads from Stash; every method raises only errors.SyncError.

    Args:
        store: Where hooks leave the connection.
        log: Told of the cookie so that it never writes it.
        make_client: Makes a client; the tests' way to other timeouts.
    """

    def __init__(
        self,
        store: Store,
        log: Log,
        make_client: Callable[[StashConnection], StashClient] = StashClient,
    ) -> None:
        self.make_client = make_client
        self._store = store
        self._log = log
        self._client: StashClient | None = None
        self._readers = ThreadPoolExecutor(READERS)
        self._given: object = None
        self.last_settings: dict[str, object] | None = None
        self._settings_at = -math.inf

    def read_scene(self, scene_id: int) -> Scene | None:
        """Give a scene, None when Stash has none; the settings come along (``last_settings``)."""
        return self.read_scenes([scene_id]).get(scene_id)

    def settings(self, since: float = math.inf) -> dict[str, object]:
        """Give the plugin's settings map: as it is now, or as it came along with scenes.

        Args:
            since: A monotonic time: what was asked for later than that is recent enough.
        """
        if self.last_settings is None or self._settings_at < since:
            now = time.monotonic()
            self._keep(self.ask(lambda client: client.settings()), now)
        return self.last_settings or {}

    def ask(
        self, question: Callable[[StashClient], _T], look_up: Callable[[], None] | None = None
    ) -> _T:
        """Ask anything of the client, once more with a newer connection if there is one.

        Args:
            question: What to ask.
            look_up: Called while the answer is waited for, see sync/look_up.py; None for
                what takes no longer than any other question.
        """
        answer: _T = finish(self.asking(question, look_up))
        return answer

    def asking(
        self, question: Callable[[StashClient], _T], look_up: Callable[[], None] | None = None
    ) -> Generator[Asking[_T], None, _T]:
        """Ask as ``ask`` does; yield while the answer is awaited, and return it."""
        client = self.client()
        try:
            return (yield from self._asked(client, question, look_up))
        except (StashRefused, StashUnreachable):
            newer = self.client(renew=True)
            if newer is client:
                raise
            return (yield from self._asked(newer, question, look_up))

    def scenes_with_path(self, path: str, is_same: Callable[[str], bool]) -> list[int]:
        """Give the ids of the scenes with a file at a path that ``is_same`` takes for it."""
        found = self.ask(lambda client: client.scenes_with_path(path, is_same))
        return [scene.id for scene in found]

    def read_scenes(self, scene_ids: Iterable[int]) -> dict[int, Scene]:
        """Read scenes in full; those that Stash does not have are absent.

        The settings come along, as of one scene.
        """
        wanted = list(scene_ids)
        return finish(self.reading_scenes(wanted)) if wanted else {}

    def reading_scenes(
        self, scene_ids: Sequence[int], look_up: Callable[[], None] | None = None
    ) -> Generator[Asking[ScenesReading], None, dict[int, Scene]]:
        """Read scenes as ``read_scenes`` does; yield as ``asking``, and return them.

        An answer that nobody waits for any more is not taken apart: that would take Python's
        time away from the edit by hand for which it was given up.
        """
        now, is_given_up = time.monotonic(), threading.Event()

        def look() -> None:
            if is_given_up.is_set():
                raise CancelledError

        def question(client: StashClient) -> ScenesReading:
            return client.read_scenes(scene_ids, look)

        try:
            reading = yield from self.asking(question, look_up)
        finally:
            is_given_up.set()
        self._keep(reading.settings, now)
        return reading.scenes

    def cover(self, scene: Pictured, etag: str = "") -> CoverReading:
        """Give a scene's cover, or a picture of its like, unless it is that of the ETag."""
        return self.ask(lambda client: client.cover(scene, etag))

    def client(self, *, renew: bool = False) -> StashClient:
        """Give the client for Stash.

        Every hook brings a new cookie, so the newest connection replaces the
        one in use only when the address changed or ``renew`` asks for it.

        Raises:
            StashConnectionUnusable: No hook or task has left a usable connection yet.
        """
        given = meta.get(self._store.connection, meta.CONNECTION)
        if self._client is not None and given == self._given:
            return self._client
        if self._client is None or renew or _address(given) != _address(self._given):
            connection = StashConnection.from_server_connection(given)
            self.close()
            self._log.hide([connection.cookie_value])
            self._client, self._given = self.make_client(connection), given
        return self._client

    @property
    def given(self) -> dict[str, object]:
        """The connection in use, as a hook or task left it; empty while there is none."""
        return self._given if isinstance(self._given, dict) else {}

    def close(self) -> None:
        """Close the connection to Stash."""
        if self._client is not None:
            self._client.close()
            self._client = None
            self._readers.shutdown(wait=False)
            self._readers = ThreadPoolExecutor(READERS)

    def _asked(
        self,
        client: StashClient,
        question: Callable[[StashClient], _T],
        look_up: Callable[[], None] | None,
    ) -> Generator[Asking[_T], None, _T]:
        if look_up is None:
            return question(client)
        (answer,) = yield from awaited([partial(question, client)], look_up, self._readers)
        return answer

    def _keep(self, settings: dict[str, object], asked_at: float) -> None:
        self.last_settings, self._settings_at = settings, asked_at


def _address(given: object) -> object:
    if not isinstance(given, dict):
        return None
    return [given.get(name) for name in ("Scheme", "Host", "Port")]
