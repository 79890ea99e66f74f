"""A scene's cover on its way from Stash: asked for once, held once, and only where it is needed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from errors import SyncError
from plex import images
from stash.changes import SAME_SECOND, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from merge.picture import Picture
    from stash.client import CoverReading
    from stash.scene import Pictured

#: Stash tells versions by the second of the last save: this marks one that may not be the
#: last of its second.
UNSURE = "~"
#: In place of what is not there.
NONE = "-"


class Cover:
    """The cover of a scene, or of what else has one, fetched when first needed and then kept.

    What Stash says it still has is not fetched: its SHA-1 is in ``known``, what the ledger has
    of it for each place in which it hangs. ``fetch`` asks Stash for it, unless it is that of an
    ETag; ``now`` are Unix seconds, taken before.
    """

    def __init__(
        self,
        scene: Pictured,
        fetch: Callable[[Pictured, str], CoverReading],
        now: float = math.inf,
        known: Iterable[Picture] = (),
    ) -> None:
        self._scene = scene
        #: Stash's version of the cover; another one than ``version_of`` gives while a
        #: further save could still carry the same, so that it is fetched once more then.
        self.version = version_of(scene)
        if now - instant(scene.updated_at) < SAME_SECOND:
            self.version += UNSURE
        #: What Stash knows the cover by, "-" while it has not said so.
        self.etag = NONE
        #: The SHA-1 of the cover as far as it was asked for, "-" for none.
        self.sha1 = NONE
        self._fetch = fetch
        self._known = {one.etag: one.sha1 for one in known if NONE not in (one.etag, one.sha1)}
        self._image: bytes | None = None
        self._fault: SyncError | None = None
        self._is_asked = self._is_fetched = False

    def ask(self) -> str:
        """Give the SHA-1 of the cover, "-" where there is no picture to show.

        Raises:
            errors.SyncError: Stash could not be asked.
        """
        if not self._is_asked:
            self._read(next(iter(self._known), ""))
        if self._fault is not None:
            raise self._fault
        return self.sha1

    def image(self) -> bytes | None:
        """Give the bytes, None when there is no picture to show; raises as ``ask``."""
        self.ask()
        if self.sha1 != NONE and not self._is_fetched:
            self._read("")
        if self._fault is not None:
            raise self._fault
        return self._image

    def _read(self, etag: str) -> None:
        self._is_asked = True
        if not self._scene.cover:
            return
        try:
            reading = self._fetch(self._scene, etag)
        except SyncError as fault:
            self._fault = fault
            return
        self.etag = reading.etag or NONE
        if reading.is_known:
            self.sha1 = self._known[etag]
            return
        self._is_fetched, self._image = True, reading.image
        self.sha1 = images.digest(reading.image) if reading.image else NONE


def version_of(scene: Pictured) -> str:
    """Give Stash's version of a scene's cover, one word; "-" for no cover."""
    if not scene.cover:
        return NONE
    version = scene.cover.partition("?t=")[2] or scene.updated_at
    return version.replace(" ", "") or "0"
