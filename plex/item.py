"""A Plex item: what one ``GET /library/metadata/{rating key}`` says about it.

Only the full item will do: a listing cuts its tags off (two genres, three
roles) and leaves out locks, so a difference taken from one would delete.

To parse 250 items takes as long as Plex takes to send them, and of those that are as they were
last time nothing has to be known but that. So an answer about many is cut where its items begin,
each text stands for its item by a digest, and only what is new is parsed. What is not written as
Plex writes it (one element after another, attributes in double quotes, no comments) is not cut,
and parsed as a whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from os.path import splitext
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

from plex.error_types import BadResponse, ItemGone
from plex.fields import LISTS, SCALARS, whole_number
from plex.response import parse_container
from validation.media_path import base_name, path_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plex.client import PlexClient

#: Rating keys in one request; the URL stays far below any limit.
BATCH = 100
# Without waking the disks or a refresh.
_AS_IT_IS = (("checkFiles", "0"), ("skipRefresh", "1"))


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a list: a genre, a label, a collection, or an actor with role and picture."""

    name: str
    role: str = ""
    thumb: str = ""


@dataclass(frozen=True, slots=True)
class PlexItem:
    """One item in full.

    ``values`` holds text by field name ("" when unset), ``lists`` members by
    field name in Plex's order, ``locked`` the field names that are locked (ours,
    except for fields we do not know, which keep Plex's name), ``files`` one
    tuple of part paths for each media, first media first. ``library_uuid`` is that of
    the library as the same answer names it, "" where it does not.
    """

    rating_key: int
    section: int
    type: str
    values: Mapping[str, str]
    lists: Mapping[str, tuple[Member, ...]]
    locked: frozenset[str]
    files: tuple[tuple[str, ...], ...]
    thumb: str = ""
    art: str = ""
    updated_at: int = 0
    rated_at: int = 0
    guid: str = ""
    added_at: int = 0
    library_uuid: str = ""

    def holds(self, path: str) -> bool:
        """Say whether one of the item's parts is this file (as Plex names it)."""
        wanted = path_key(path)
        return any(path_key(file) == wanted for media in self.files for file in media)

    @property
    def all_files(self) -> tuple[str, ...]:
        """Every part's path, the owner's (first media's first part) first."""
        return tuple(file for media in self.files for file in media)

    @property
    def stem(self) -> str:
        """The first file's name without folder and extension, "" when there is no file."""
        return splitext(base_name(self.all_files[0]))[0] if self.all_files else ""


_OUR_NAME = {field.wire: field.name for field in SCALARS + LISTS}


def parse_item(element: Element, section: int = 0, library_uuid: str = "") -> PlexItem:
    """Read one ``<Video>`` element; what lies deeper (an extra's own tags) is not looked at.

    The container's librarySectionID and librarySectionUUID are used where it has none.
    Without a usable rating key it is a ``BadResponse``.
    """
    rating_key = whole_number(element.get("ratingKey"))
    if rating_key <= 0:
        raise BadResponse("Plex sent an item without a rating key; PlexSync tries again later.")
    return PlexItem(
        rating_key=rating_key,
        section=whole_number(element.get("librarySectionID")) or section,
        type=element.get("type", ""),
        values={field.name: element.get(field.wire, "") for field in SCALARS},
        lists={
            field.name: tuple(
                Member(child.get("tag", ""), child.get("role", ""), child.get("thumb", ""))
                for child in element.findall(field.element)
                if child.get("tag")
            )
            for field in LISTS
        },
        locked=frozenset(
            _OUR_NAME.get(child.get("name", ""), child.get("name", ""))
            for child in element.findall("Field")
            if child.get("locked") == "1"
        ),
        files=tuple(
            tuple(part.get("file", "") for part in media.findall("Part") if part.get("file"))
            for media in element.findall("Media")
        ),
        thumb=element.get("thumb", ""),
        art=element.get("art", ""),
        updated_at=whole_number(element.get("updatedAt")),
        rated_at=whole_number(element.get("lastRatedAt")),
        guid=element.get("guid", ""),
        added_at=whole_number(element.get("addedAt")),
        library_uuid=element.get("librarySectionUUID") or library_uuid,
    )


def read_item(client: PlexClient, rating_key: int) -> PlexItem:
    """Read one item in full with one GET; raises ``ItemGone`` where Plex has none (any more)."""
    items = _items_in(client.query(_address([rating_key]), _AS_IT_IS))
    if rating_key not in items:
        raise ItemGone(f"Plex no longer has item {rating_key}; PlexSync looks for the file again.")
    return items[rating_key]


def read_items(client: PlexClient, rating_keys: Iterable[int]) -> dict[int, PlexItem]:
    """Read up to ``BATCH`` items in full with one GET; missing ones are left out."""
    try:
        return _items_in(client.query(_address(rating_keys), _AS_IT_IS))
    except ItemGone:  # so Plex says that it has none of them
        return {}


def read_texts(
    client: PlexClient, rating_keys: Iterable[int]
) -> tuple[dict[int, Text], dict[int, PlexItem]]:
    """Read items as ``read_items`` does; give the texts of all of them by rating key, or else them.

    They are parsed only where their texts cannot be told apart.
    """
    try:
        body = client.text(_address(rating_keys), _AS_IT_IS)
    except ItemGone:
        return {}, {}
    texts = cut_answer(body)
    return ({}, _items_in(parse_container(body))) if texts is None else (texts, {})


def parse_texts(texts: Iterable[Text]) -> dict[int, PlexItem]:
    """Read items out of their texts, by rating key."""
    found: dict[int, PlexItem] = {}
    for body in whole_answers(texts):
        found |= _items_in(parse_container(body))
    return found


def _address(rating_keys: Iterable[int]) -> str:
    return "/library/metadata/" + ",".join(str(key) for key in rating_keys)


def _items_in(root: Element | None) -> dict[int, PlexItem]:
    if root is None:
        raise BadResponse("Plex sent an empty answer for an item; PlexSync tries again.")
    section = whole_number(root.get("librarySectionID"))
    # Of the first one only, where items of several libraries are asked for: then each may
    # say its own. An item of another section says nothing by it.
    uuid = root.get("librarySectionUUID", "")
    found = (
        parse_item(element, section, uuid if _is_of(element, section) else "")
        for element in root
        if element.get("ratingKey")
    )
    return {item.rating_key: item for item in found}


def _is_of(element: Element, section: int) -> bool:
    return whole_number(element.get("librarySectionID"), section) == section


_OPENS = b"<Video "
_CLOSES = b"</Video>"
_END = b"</MediaContainer>"
_KEY = re.compile(rb'(?:[\w:.-]+="[^<"]*"\s+)*?ratingKey="([0-9]{1,18})"')


class Text(NamedTuple):
    """One item as Plex wrote it: the answer's beginning, and what is about this item."""

    head: bytes
    item: bytes

    def digest(self, *beside: str) -> str:
        """Give 24 letters that stand for it, and for what else decides what it means."""
        found = blake2b(self.item, digest_size=12)
        for text in beside:
            found.update(b"\0" + text.encode(errors="surrogatepass"))
        return found.hexdigest()


def cut_answer(body: bytes) -> dict[int, Text] | None:
    """Give the texts of an answer's items by rating key, None where it cannot be cut."""
    head, *items = body.split(_OPENS)
    if not items or b"<!" in body or not items[-1].rstrip().endswith(_END):
        return None
    items[-1] = items[-1].rstrip()[: -len(_END)]
    found: dict[int, Text] = {}
    for item in items:
        key = _KEY.match(item)
        if key is None or item.count(_CLOSES) != 1 or not item.rstrip().endswith(_CLOSES):
            return None
        found[int(key[1])] = Text(head, item)
    return found if len(found) == len(items) else None


def whole_answers(texts: Iterable[Text]) -> list[bytes]:
    """Give answers that hold some items and no others, one for each beginning."""
    by_head: dict[bytes, list[bytes]] = {}
    for text in texts:
        by_head.setdefault(text.head, []).append(text.item)
    return [
        head + b"".join(_OPENS + item for item in items) + _END for head, items in by_head.items()
    ]
