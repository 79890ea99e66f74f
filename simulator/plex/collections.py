"""Collections: what the items of a library have in common by a tag, with a page of its own each.

A collection comes with the first item that is tagged with its name and goes with the last one
(docs of the official API say that tags are made by writing them; that an empty one goes is told
by users only, so it is a switch). Its page is shaped as one of plexapi's recordings
(metadata_161.json): without a picture of its own it shows a composite of its items'.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from simulator.plex.items import COLLECTION, Item
from simulator.plex.library import Library, Section
from simulator.plex.xml import Attributes, Element

_TAG: Final = "collection"


@dataclass(slots=True, eq=False)
class Collection(Item):
    """One collection; a smart one is made of a search, not of tags."""

    guid: str = ""
    smart: bool = False


def settle(library: Library, section: Section, names: Iterable[str]) -> None:
    """Let the collections of these names come or go, as the items of the section have them."""
    for name in dict.fromkeys(name.lower() for name in names):
        found = _named(section, name)
        if children(section, name):
            if found is None:
                make(library, section, library.tag_row(_TAG, name).tag)
        elif found is not None and not library.switches.empty_collections_stay:
            library.remove_item(found)


def make(library: Library, section: Section, title: str, *, smart: bool = False) -> Collection:
    """A new collection, without an item so far."""
    collection = Collection(
        next(library.keys), COLLECTION, section.section_id, title, (), library.now()
    )
    collection.guid, collection.smart = f"collection://{uuid.uuid4()}", smart
    collection.images = {"posters": [], "arts": []}
    library.put(section, collection)
    return collection


def children(section: Section, name: str) -> int:
    """How many items of a section have a collection's tag."""
    return sum(
        any(tagging.row.tag.lower() == name.lower() for tagging in item.tags.get(_TAG, ()))
        for item in section.items.get(section.file_kind, ())
    )


def element(section: Section, collection: Collection, locks: Iterable[str] | None) -> Element:
    """The ``<Directory>`` of a collection; a listing says nothing of locks."""
    key = collection.key
    posters = collection.images.get("posters", [])
    composite = f"/library/collections/{key}/composite/{collection.updated_at}?width=400&height=600"
    own = f"/library/metadata/{key}/thumb/{collection.thumb_at}"
    attributes: Attributes = {
        "ratingKey": str(key),
        "key": f"/library/collections/{key}/children",
        "guid": collection.guid,
        "type": "collection",
        "title": collection.title,
        "librarySectionTitle": section.title,
        "librarySectionID": section.section_id,
        "librarySectionKey": f"/library/sections/{section.section_id}",
        "subtype": "movie",
        "summary": collection.values.get("summary", ""),
        "index": key,
        "thumb": own if any(image.selected for image in posters) else composite,
        "addedAt": collection.added_at,
        "updatedAt": collection.updated_at,
        "childCount": str(children(section, collection.title)),
    }
    if collection.smart:
        attributes["smart"] = True
    fields = [Element("Field", {"locked": True, "name": name}) for name in locks or ()]
    return Element("Directory", attributes, fields)


def _named(section: Section, name: str) -> Collection | None:
    those = [one for one in section.items.get(COLLECTION, ()) if isinstance(one, Collection)]
    return next((one for one in those if not one.smart and one.title.lower() == name), None)
