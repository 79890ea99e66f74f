"""Posters and backgrounds: uploaded bytes known by their SHA-1, and which one is selected."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from simulator.plex.items import EPISODE, SEASON, Image, Item
from simulator.plex.xml import Attributes, Element

if TYPE_CHECKING:
    from simulator.plex.library import Library

# List name in the address -> (field that is locked, word in upload keys).
KINDS: Final = {"posters": ("thumb", "posters"), "arts": ("art", "art")}
# Names under which one image is selected or removed -> list name.
SINGULAR: Final = {"poster": "posters", "thumb": "posters", "art": "arts"}

# One grey pixel, for everybody who asks for an image nobody uploaded.
PLACEHOLDER: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a"
    "7e9b550000000a49444154789c636800000082008177cd72b60000000049454e44ae426082"
)


class ImageStore:
    """All uploaded bytes of the server, each kept once."""

    def __init__(self) -> None:
        self._bytes: dict[str, bytes] = {}

    def put(self, data: bytes) -> str:
        """Keep ``data``; gives its SHA-1 in hex."""
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        self._bytes[digest] = data
        return digest

    def get(self, key: str) -> bytes:
        """The bytes behind an image key; a placeholder for keys nobody uploaded."""
        return self._bytes.get(key.rpartition("/")[2], PLACEHOLDER)


def offered(item: Item, which: str) -> list[Image]:
    """The images of the item; a list to be changed in place. One comes from the file itself."""
    if item.images is None:
        item.images = {}
    if which not in item.images:
        own = Image(f"media://{item.key:040x}/{which}.jpg", "local", selected=True)
        item.images[which] = [own]
    return item.images[which]


def upload_key(item: Item, which: str, digest: str) -> str:
    """The key Plex gives uploaded bytes; below a show it also names season and episode."""
    word = KINDS[which][1]
    if item.kind == SEASON:
        return f"upload://{word}/seasons/{item.index or 1}/{digest}"
    if item.kind == EPISODE:
        return f"upload://{word}/seasons/1/episodes/{item.index}/{digest}"
    return f"upload://{word}/{digest}"


def upload(library: Library, store: ImageStore, item: Item, which: str, data: bytes) -> str:
    """Keep an uploaded image: the same bytes are the same image. Gives its key."""
    key = upload_key(item, which, store.put(data))
    images = offered(item, which)
    if all(image.key != key for image in images):
        images.append(Image(key, "", selected=False))
    if library.switches.upload_selects:
        select(library, item, which, key)
    if library.switches.upload_locks:
        item.lock(KINDS[which][0], locked=True)
    return key


def select(library: Library, item: Item, which: str, key: str) -> bool:
    """Show this image from now on; False if the item has no such image."""
    images = offered(item, which)
    if all(image.key != key for image in images):
        return False
    for image in images:
        image.selected = image.key == key
    _touch(library, item, which)
    return True


def unset(library: Library, item: Item, which: str) -> None:
    """Show no image and lock that choice; uploaded bytes stay, as nothing can delete them."""
    for image in offered(item, which):
        image.selected = False
    item.lock(KINDS[which][0], locked=True)
    _touch(library, item, which)


def photos(item: Item, which: str) -> list[Element]:
    """The item's images as the list under ``/posters`` or ``/arts`` shows them."""
    elements = []
    for image in offered(item, which):
        address = f"/library/metadata/{item.key}/file?url={quote(image.key, safe='')}"
        attributes: Attributes = {"key": address}
        if image.provider:
            attributes["provider"] = image.provider
        attributes.update(ratingKey=image.key, selected=image.selected, thumb=address)
        elements.append(Element("Photo", attributes))
    return elements


def _touch(library: Library, item: Item, which: str) -> None:
    now = library.now()
    # The epoch in an image's address changes with every change of the image.
    if which == "posters":
        item.thumb_at = max(now, item.thumb_at + 1)
    else:
        item.art_at = max(now, item.art_at + 1)
    if library.switches.edit_bumps_updated_at:
        item.updated_at = now
