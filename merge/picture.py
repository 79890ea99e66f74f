"""What became of a scene's cover at one item, as the ledger keeps it beside the texts."""

from __future__ import annotations

from typing import NamedTuple

#: What became of a picture: it stands in Plex because of us, a person's own was
#: kept, Stash has none, or Plex cannot take it.
SENT, KEPT, NONE, REFUSED = "sent", "kept", "none", "refused"
#: In place of a version: this picture is still to be dealt with.
OPEN = "?"
#: Before Plex's version of a picture that was shown when ours was sent: nobody looked since.
NOT_SINCE = "~"


class Picture(NamedTuple):
    """What became of one picture of one item.

    ``sha1`` is that of the cover that was dealt with, ``version`` Stash's version of
    it, ``etag`` what Stash knows its bytes by, ``seen`` Plex's version of its picture
    when that was last looked at, or ``NOT_SINCE`` and the version from which it has to
    move on because of us; "-" where there is none.
    """

    fate: str = NONE
    sha1: str = "-"
    version: str = OPEN
    seen: str = "-"
    etag: str = "-"

    @classmethod
    def parse(cls, text: str | None) -> Picture | None:
        """Read what ``text`` gave; None for nothing or nonsense."""
        parts = (text or "").split(" ")
        return cls(*parts) if len(parts) in (4, 5) else None

    @property
    def text(self) -> str:
        """The form kept in ``Base.images``."""
        return " ".join(self)

    @property
    def left(self) -> str | None:
        """Plex's version of the picture that ours was to take the place of; None if it is known."""
        return self.seen.removeprefix(NOT_SINCE) if self.seen.startswith(NOT_SINCE) else None
