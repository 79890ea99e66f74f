"""What became of a poster or background, as the ledger keeps it, and whether that still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from plex import images

if TYPE_CHECKING:
    from merge.base import Base
    from plex.images import Kind
    from plex.item import PlexItem
    from validation.config import PlexSyncConfig

#: What became of a picture: it stands in Plex because of us, a person's own was
#: kept, Stash has none, or Plex cannot take it.
SENT, KEPT, NONE, REFUSED = "sent", "kept", "none", "refused"
#: The mark of a picture that is still to be dealt with.
OPEN = "?"


class Picture(NamedTuple):
    """What became of one picture of one item.

    ``sha1`` is that of the cover that was dealt with, ``mark`` Stash's version of
    it, ``seen`` Plex's version of its picture when that was known to be ours;
    "-" where there is none.
    """

    fate: str = NONE
    sha1: str = "-"
    mark: str = OPEN
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


def settled(base: Base, item: PlexItem, config: PlexSyncConfig) -> bool:
    """Say whether a scene that Stash did not change has nothing due for its pictures."""
    return not any(
        (picture := Picture.parse(base.images.get(kind.name))) is None
        or picture.mark == OPEN
        or is_unsure(kind, picture, base, item, config)
        for kind in wanted(config)
    )


def wanted(config: PlexSyncConfig) -> list[Kind]:
    """Give the pictures that the setting sync_fields names."""
    return [kind for kind in images.KINDS if kind.name in config.sync_fields]


def is_unsure(
    kind: Kind, picture: Picture, base: Base, item: PlexItem, config: PlexSyncConfig
) -> bool:
    """Say whether something else may stand in Plex by now although Stash should win there."""
    free = kind.lock not in item.locked and kind.lock not in base.released
    if not (config.overwrite_plex_edits or free):
        return False
    if picture.fate == KEPT:
        return True
    return picture.fate == SENT and picture.seen != shown_version(kind, item)


def shown_version(kind: Kind, item: PlexItem) -> str:
    """Give Plex's version of the picture that an item shows, one word; "-" for none."""
    address = item.thumb if kind is images.POSTER else item.art
    return address.rpartition("/")[2].replace(" ", "") or "-"
