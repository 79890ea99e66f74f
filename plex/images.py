"""An item's poster and background: what Plex offers, what is selected, and placing one more.

Plex keeps uploads by the SHA-1 of their bytes and never lets go of one: the same bytes
once more are the same upload. Episodes
have longer upload keys than movies: only the hash at the end is compared.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plex.error_types import ImageTooLarge

if TYPE_CHECKING:
    from plex.client import PlexClient

#: Bytes above which Plex answers 500; measured in the field, a little under 10 MiB.
LARGEST = 10_480_000


_BEGINNINGS = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF87a": "gif",
    b"GIF89a": "gif",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A place for an image: its field in sync_fields, its addresses, its lock, all at Plex."""

    name: str
    listed: str
    selected: str
    lock: str


POSTER = Kind("poster", "posters", "poster", "thumb")
BACKGROUND = Kind("background", "arts", "art", "art")
KINDS = (POSTER, BACKGROUND)


@dataclass(frozen=True, slots=True)
class Offered:
    """One image that an item could show; ``sha1`` is "" unless it was uploaded."""

    key: str
    sha1: str
    selected: bool


def digest(image: bytes) -> str:
    """Give the SHA-1 by which Plex knows an upload, in lower-case hex."""
    return hashlib.sha1(image, usedforsecurity=False).hexdigest()


def form_of(image: bytes) -> str:
    """Give the subtype of "image/" by a picture's first bytes, "" for what is none."""
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "webp"
    return next((form for begin, form in _BEGINNINGS.items() if image.startswith(begin)), "")


def offered(client: PlexClient, rating_key: int, kind: Kind) -> list[Offered]:
    """Give the images of an item, in Plex's order; one request."""
    root = client.query(f"/library/metadata/{rating_key}/{kind.listed}")
    return [
        Offered(key, _sha1(key), photo.get("selected", "") in ("1", "true"))
        for photo in (() if root is None else root.iter("Photo"))
        if (key := photo.get("ratingKey", ""))
    ]


def select(client: PlexClient, rating_key: int, kind: Kind, key: str) -> None:
    """Show one of the offered images from now on."""
    path = f"/library/metadata/{rating_key}/{kind.selected}"
    client.query(path, (("url", key),), method="PUT")


def upload(
    client: PlexClient, rating_key: int, kind: Kind, image: bytes, *, look: bool = True
) -> bool:
    """Send an image that an item is to show; say whether it was seen to be shown by itself.

    An upload usually becomes the selected one; nobody promises it. So with ``look`` it is
    looked whether it is shown now, and selected if it is not. Raises as ``check_size`` before
    anything is sent.
    """
    check_size(image)
    client.upload(f"/library/metadata/{rating_key}/{kind.listed}", image)
    if not look:
        return False
    sha1 = digest(image)
    same = [one for one in offered(client, rating_key, kind) if one.sha1 == sha1]
    if any(one.selected for one in same):
        return True
    if same:
        select(client, rating_key, kind, same[0].key)
    return False


def check_size(image: bytes) -> None:
    """Raise ``ImageTooLarge`` for an image that has more than ``LARGEST`` bytes."""
    if len(image) > LARGEST:
        raise ImageTooLarge(
            f"The cover has {len(image) / 1e6:.1f} MB, and Plex takes images up to "
            f"{LARGEST / 1e6:.1f} MB: the texts are synced without it. Use a smaller one in Stash."
        )


def _sha1(key: str) -> str:
    tail = key.rpartition("/")[2].lower()
    return tail if key.startswith("upload://") and len(tail) == 40 else ""
