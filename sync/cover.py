"""A scene's cover, as the worker passes it on: fetched at most once, told by its version."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from errors import SyncError
from plex import images
from stash.changes import instant

if TYPE_CHECKING:
    from collections.abc import Callable

    from stash.scene import Scene


#: Stash tells versions by the second of the last save: this marks one that may not be the
#: last of its second.
UNSURE = "~"
SAME_SECOND = 2.0


def version_of(scene: Scene) -> str:
    """Give Stash's version of a scene's cover, one word; "-" for no cover."""
    if not scene.cover:
        return "-"
    version = scene.cover.partition("?t=")[2] or scene.updated_at
    return version.replace(" ", "") or "0"


class Cover:
    """A scene's cover, fetched when first needed and then kept.

    Args:
        scene: The scene.
        fetch: Gives the bytes, None when there is no picture to show.
        now: Unix seconds, taken before the cover is fetched.
    """

    def __init__(
        self, scene: Scene, fetch: Callable[[Scene], bytes | None], now: float = math.inf
    ) -> None:
        self._scene = scene
        #: Stash's version of the cover; another one than ``version_of`` gives while a
        #: further save could still carry the same, so that it is fetched once more then.
        self.version = version_of(scene)
        if now - instant(scene.updated_at) < SAME_SECOND:
            self.version += UNSURE
        self._fetch = fetch
        self._image: bytes | None = None
        self._fault: SyncError | None = None
        self._fetched = False

    @property
    def sha1(self) -> str:
        """The SHA-1 of what was fetched, "-" for nothing."""
        return images.digest(self._image) if self._image else "-"

    def image(self) -> bytes | None:
        """Give the bytes, None when there is no picture to show; raises Stash's errors."""
        if not self._fetched:
            self._fetched = True
            try:
                self._image = self._fetch(self._scene) if self._scene.cover else None
            except SyncError as fault:
                self._fault = fault
        if self._fault is not None:
            raise self._fault
        return self._image
