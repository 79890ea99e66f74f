"""Items and sections as the elements Plex shows for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.plex.filters import guid
from simulator.plex.items import EPISODE, KIND_NAMES, MOVIE, SEASON, SHOW, TAG_ELEMENTS, Item
from simulator.plex.media_page import media_element
from simulator.plex.xml import Attributes, Element, Value

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.sections import Section
    from simulator.plex.switches import Switches

TAG_PREFIX: Final = "/system/bundle/media/flags/"
TAG_VERSION: Final = 1775731696

_BEFORE_TYPE: Final = ("studio",)
_AFTER_TITLE: Final = (
    "titleSort",
    "originalTitle",
    "editionTitle",
    "contentRating",
    "summary",
    "rating",
    "audienceRating",
    "userRating",
    "year",
    "tagline",
)


@dataclass(frozen=True, slots=True)
class View:
    """How much of an item is shown: a listing is terse, one item's own page is full."""

    full: bool
    exclude_elements: frozenset[str] = frozenset()
    exclude_fields: frozenset[str] = frozenset()
    only_elements: frozenset[str] | None = None
    guids: bool = False

    def shows(self, element: str) -> bool:
        """Whether the view shows elements of this name."""
        if self.only_elements is not None and element not in self.only_elements:
            return False
        return element not in self.exclude_elements


def view_of(pairs: Sequence[tuple[str, str]], switches: Switches, *, full: bool) -> View:
    """The view a query asks for, as far as the switches let it be honoured."""
    wanted = dict(pairs)

    def names(key: str) -> frozenset[str]:
        return frozenset(name for name in wanted.get(key, "").split(",") if name)

    honoured = switches.exclude_honoured
    only = switches.include_elements == "only" and "includeElements" in wanted
    return View(
        full=full,
        exclude_elements=names("excludeElements") if honoured else frozenset(),
        exclude_fields=names("excludeFields") if honoured else frozenset(),
        only_elements=names("includeElements") if only else None,
        guids=full or wanted.get("includeGuids") == "1",
    )


def item_element(library: Library, item: Item, view: View) -> Element:
    """One item as a ``<Video>`` (or ``<Directory>`` for shows and seasons)."""
    section = library.sections[item.section_id]
    below = item.kind in {SHOW, SEASON}
    attributes: Attributes = {
        "ratingKey": str(item.key),
        "key": f"/library/metadata/{item.key}" + ("/children" if below else ""),
    }
    if item.parent is not None:
        attributes.update(_ancestry(item))
    attributes["guid"] = guid(item, section)
    values = item.values or {}
    for name in _BEFORE_TYPE:
        if name in values:
            attributes[name] = values[name]
    attributes["type"] = KIND_NAMES[item.kind]
    attributes["title"] = item.title
    if view.full:
        attributes["librarySectionTitle"] = section.title
        attributes["librarySectionID"] = item.section_id
        attributes["librarySectionKey"] = f"/library/sections/{item.section_id}"
    for name in _AFTER_TITLE:
        if name in values:
            attributes[name] = values[name]
        elif name == "summary":
            # Recorded: an item without a summary still has the empty attribute.
            attributes[name] = ""
    if item.kind in {SHOW, EPISODE, SEASON}:
        attributes["index"] = item.index if item.kind == EPISODE else 1
    if item.parent is not None:
        attributes["parentIndex"] = 1
    _image_attributes(item, attributes)
    if item.parts:
        attributes["duration"] = item.parts[0].duration_ms
    if "originallyAvailableAt" in values:
        attributes["originallyAvailableAt"] = values["originallyAvailableAt"]
    if below:
        leaves = _leaf_count(library, item)
        attributes.update(leafCount=leaves, viewedLeafCount=0)
    attributes["addedAt"] = item.added_at
    attributes["updatedAt"] = item.updated_at
    for name in view.exclude_fields:
        attributes.pop(name, None)
    children = _children(item, view, attributes, library.switches)
    name = "Directory" if below else "Video"
    return Element(name, attributes, children, json_name="Metadata")


def section_element(section: Section) -> Element:
    """One library of the section list, with its folders."""
    image = "movie" if section.style.type == "movie" else "show"
    attributes: Attributes = {
        "allowSync": True,
        "art": f"/:/resources/{image}-fanart.jpg",
        "composite": f"/library/sections/{section.section_id}/composite/{section.scanned_at}",
        "filters": True,
        "refreshing": section.refreshing,
        "thumb": f"/:/resources/{image}.png",
        "key": str(section.section_id),
        "type": section.style.type,
        "title": section.title,
        "agent": section.style.agent,
        "scanner": section.style.scanner,
        "language": section.style.language,
        "uuid": section.uuid,
        "updatedAt": section.scanned_at,
        "createdAt": section.created_at,
        "scannedAt": section.scanned_at,
        "content": True,
        "directory": True,
        "contentChangedAt": section.content_changed_at,
        "hidden": 0,
    }
    folders = [
        Element("Location", {"id": section.section_id * 100 + number, "path": path})
        for number, path in enumerate(section.locations)
    ]
    return Element("Directory", attributes, folders)


def listing_attributes(section: Section, kind: int) -> Attributes:
    """What a listing's ``MediaContainer`` says about its section, after the counts."""
    name = KIND_NAMES.get(kind, "movie")
    image = "movie" if section.style.type == "movie" else "show"
    return {
        "allowSync": True,
        "art": f"/:/resources/{image}-fanart.jpg",
        "identifier": "com.plexapp.plugins.library",
        "librarySectionID": section.section_id,
        "librarySectionTitle": section.title,
        "librarySectionUUID": section.uuid,
        "mediaTagPrefix": TAG_PREFIX,
        "mediaTagVersion": TAG_VERSION,
        "thumb": f"/:/resources/{image}.png",
        "title1": section.title,
        "title2": f"All {name.capitalize()}s",
        "viewGroup": name,
        "viewMode": 65592,
    }


def _ancestry(item: Item) -> Attributes:
    parent = item.parent
    if parent is None:
        return {}
    found: Attributes = {
        "parentRatingKey": str(parent.key),
        "parentKey": f"/library/metadata/{parent.key}",
        "parentTitle": parent.title,
    }
    top = parent.parent
    if top is not None:
        found.update(
            grandparentRatingKey=str(top.key),
            grandparentKey=f"/library/metadata/{top.key}",
            grandparentTitle=top.title,
        )
    return found


def _image_attributes(item: Item, attributes: Attributes) -> None:
    shown = item.images or {}
    for name, which, when in (("thumb", "posters", item.thumb_at), ("art", "arts", item.art_at)):
        if which not in shown or any(image.selected for image in shown[which]):
            attributes[name] = f"/library/metadata/{item.key}/{name}/{when}"


def _leaf_count(library: Library, item: Item) -> int:
    if item.kind == SEASON:
        return sum(1 for _ in library.children(item))
    return sum(_leaf_count(library, season) for season in library.children(item))


def _children(item: Item, view: View, attributes: Attributes, switches: Switches) -> list[Element]:
    children: list[Element] = []
    if view.shows("Media"):
        file_hidden = "file" in view.exclude_fields
        children.extend(
            media_element(part, full=view.full, file=not file_hidden) for part in item.parts
        )
    if view.shows("Image"):
        for kind, name in (("coverPoster", "thumb"), ("background", "art")):
            if name in attributes:
                url: Value = attributes[name]
                children.append(Element("Image", {"alt": item.title, "type": kind, "url": url}))
    if item.kind == MOVIE and view.shows("UltraBlurColors"):
        children.append(
            Element(
                "UltraBlurColors",
                {
                    "topLeft": "49053c",
                    "topRight": "0404f7",
                    "bottomRight": "0404f7",
                    "bottomLeft": "ae0343",
                },
            )
        )
    children.extend(_tags(item, view, switches))
    if item.matched and view.guids and view.shows("Guid"):
        children.append(Element("Guid", {"id": f"tmdb://{int(item.matched, 16)}"}))
    if view.full and view.shows("Field"):
        children.extend(
            Element("Field", {"locked": True, "name": name}) for name in item.locked or ()
        )
    return children


def _tags(item: Item, view: View, switches: Switches) -> list[Element]:
    if not item.tags:
        return []
    found: list[Element] = []
    for kind, element in TAG_ELEMENTS.items():
        taggings = item.tags.get(kind)
        # Listings do not show labels at all.
        if not taggings or not view.shows(element) or (kind == "label" and not view.full):
            continue
        if not view.full:
            limit = {"genre": switches.listing_genres, "actor": switches.listing_roles}.get(kind, 0)
            found.extend(
                Element(element, {"tag": tagging.row.tag})
                for tagging in taggings[: limit or len(taggings)]
            )
            continue
        for tagging in taggings:
            row = tagging.row
            attributes: Attributes = {
                "id": row.tag_id,
                "filter": f"{kind}={row.tag_id}",
                "tag": row.tag,
            }
            if tagging.text:
                attributes["role"] = tagging.text
            if row.thumb:
                attributes["thumb"] = row.thumb
            found.append(Element(element, attributes))
    return found
