"""What became of a scene's cover at one item, as the ledger keeps it beside the texts."""

from __future__ import annotations

from typing import NamedTuple

#: What became of a picture: it stands in Plex because of us, a person's own was
#: kept, Stash has none, or Plex cannot take it.
SENT, KEPT, NONE, REFUSED = "sent", "kept", "none", "refused"
#: In place of a version: this picture is still to be dealt with.
OPEN = "?"


class Picture(NamedTuple):
    """What became of one picture of one item.

    ``sha1`` is that of the cover that was dealt with, ``version`` Stash's version of
    it, ``seen`` Plex's version of its picture when that was known to be ours;
    "-" where there is none.
    """

    fate: str = NONE
    sha1: str = "-"
    version: str = OPEN
    seen: str = "-"

    @classmethod
    def parse(cls, text: str | None) -> Picture | None:
        """Read what ``text`` gave; None for nothing or nonsense."""
        parts = (text or "").split(" ")
        return cls(*parts) if len(parts) == 4 else None

    @property
    def text(self) -> str:
        """The form kept in ``Base.images``."""
        return " ".join(self)
