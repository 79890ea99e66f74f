"""Posters and backgrounds: uploaded bytes known by their SHA-1, and which one is selected."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from simulator.plex.items import EPISODE, Image, Item

if TYPE_CHECKING:
    from simulator.plex.library import Library

# List name in the address -> (field that is locked, word in upload keys).
KINDS: Final = {"posters": ("thumb", "posters"), "arts": ("art", "art")}
# Names under which one image is selected or removed -> list name.
SINGULAR: Final = {"poster": "posters", "thumb": "posters", "art": "arts"}
#: A larger upload is answered with 500.
LARGEST: Final = 10 * 1024 * 1024


def offered(item: Item, which: str) -> list[Image]:
    """The images of the item; a list to be changed in place. One comes from the file itself."""
    if item.images is None:
        item.images = {}
    if which not in item.images:
        item.images[which] = [Image(f"media://{item.key:040x}/{which}.jpg", selected=True)]
    return item.images[which]


def upload(library: Library, item: Item, which: str, data: bytes) -> None:
    """Take an uploaded image: the same bytes are the same image."""
    field, word = KINDS[which]
    # Below a show the key also names season and episode, so only its end can be trusted.
    place = f"seasons/1/episodes/{item.index}/" if item.kind == EPISODE else ""
    digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    key = f"upload://{word}/{place}{digest}"
    images = offered(item, which)
    if all(image.key != key for image in images):
        images.append(Image(key, selected=False))
    if library.switches.upload_selects:
        select(library, item, which, key)
    if library.switches.upload_locks:
        item.lock(field, locked=True)


def select(library: Library, item: Item, which: str, key: str) -> bool:
    """Show this image from now on; False if the item has no such image."""
    images = offered(item, which)
    if all(image.key != key for image in images):
        return False
    _show(library, item, which, key)
    return True


def unset(library: Library, item: Item, which: str) -> None:
    """Show no image and lock that choice; uploaded bytes stay, as nothing can delete them."""
    item.lock(KINDS[which][0], locked=True)
    _show(library, item, which, "")


def _show(library: Library, item: Item, which: str, key: str) -> None:
    for image in offered(item, which):
        image.selected = image.key == key
    # The epoch in an image's address changes with every change of the image.
    if which == "posters":
        item.thumb_at = max(library.now(), item.thumb_at + 1)
    else:
        item.art_at = max(library.now(), item.art_at + 1)
    item.updated_at = library.now()
