"""Items, sections and the server itself as the elements Plex shows for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final
from urllib.parse import quote

from simulator.plex import collections
from simulator.plex.collections import Collection
from simulator.plex.edits import offered, shows
from simulator.plex.items import KIND_NAMES, MOVIE, TAG_ELEMENTS, Item, Part, Season, View
from simulator.plex.library import Library, Section, Switches
from simulator.plex.xml import Attributes, Element, Value

VERSION: Final = "1.43.1.10611-1e34174b1"
#: What most containers say.
LIBRARY: Final[Attributes] = {
    "identifier": "com.plexapp.plugins.library",
    "mediaTagPrefix": "/system/bundle/media/flags/",
    "mediaTagVersion": 1775731696,
}

# What every file's <Media> says.
_MEDIA: Final[Attributes] = {
    "bitrate": 3250,
    "width": 1280,
    "height": 720,
    "aspectRatio": 1.78,
    "audioChannels": 1,
    "audioCodec": "aac",
    "videoCodec": "h264",
    "videoResolution": "720",
    "videoFrameRate": "NTSC",
    "videoProfile": "high",
    "hasVoiceActivity": False,
}
# A listing shows only so many tags of these kinds, and no labels at all.
_LISTED_TAGS: Final = {"genre": 2, "actor": 3, "label": 0}


def container(attributes: Attributes, elements: Sequence[Element] = ()) -> Element:
    """A ``MediaContainer`` whose ``size`` comes first and counts its entries."""
    size: Attributes = {"size": len(elements)}
    return Element("MediaContainer", {**size, **attributes}, elements)


def server_page(machine_id: str, name: str) -> Element:
    """The page behind ``/``: of what the recorded one says, that which tells servers apart."""
    own: Attributes = {"friendlyName": name, "machineIdentifier": machine_id, "myPlex": True}
    return container({**own, "platform": "Linux", "version": VERSION})


def identity_page(machine_id: str) -> Element:
    """The page behind ``/identity``, which needs no token."""
    own: Attributes = {"apiVersion": "1.2.0", "claimed": True}
    return container({**own, "machineIdentifier": machine_id, "version": VERSION})


def library_page() -> Element:
    """The page behind ``/library``."""
    own: Attributes = {"allowSync": False, "art": "/:/resources/library-art.png", "content": ""}
    entry = Element("Directory", {"key": "sections", "title": "Library Sections"})
    return container({**own, **LIBRARY, "title1": "Plex Library", "title2": ""}, [entry])


def sections_page(sections: Iterable[Section]) -> Element:
    """The list of libraries."""
    own: Attributes = {"allowSync": False, "title1": "Plex Library"}
    return container(own, [_section_element(section) for section in sections])


def _section_element(section: Section) -> Element:
    """One library of the section list, with its folders."""
    attributes: Attributes = {
        "allowSync": True,
        "art": f"/:/resources/{section.type}-fanart.jpg",
        "composite": f"/library/sections/{section.section_id}/composite/{section.scanned_at}",
        "filters": True,
        "refreshing": section.refreshing,
        "thumb": f"/:/resources/{section.type}.png",
        "key": str(section.section_id),
        "title": section.title,
        **section.style,
        "uuid": section.uuid,
        "updatedAt": section.scanned_at,
        "createdAt": section.scanned_at,
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
    return {
        "allowSync": True,
        "art": f"/:/resources/{section.type}-fanart.jpg",
        **LIBRARY,
        **section_attributes(section),
        "thumb": f"/:/resources/{section.type}.png",
        "title1": section.title,
        "title2": f"All {name.capitalize()}s",
        "viewGroup": name,
        "viewMode": 65592,
    }


def section_attributes(section: Section) -> Attributes:
    """How a container names its section."""
    return {
        "librarySectionID": section.section_id,
        "librarySectionTitle": section.title,
        "librarySectionUUID": section.uuid,
    }


def items_page(library: Library, items: Sequence[Item]) -> Element:
    """Items in full, one or several."""
    section = library.sections[items[0].section_id]
    own: Attributes = {"allowSync": True, **section_attributes(section), **LIBRARY}
    return container(own, [item_element(library, item, full=True) for item in items])


def item_element(
    library: Library, item: Item, *, full: bool, without: frozenset[str] = frozenset()
) -> Element:
    """One item as a ``<Video>``, ``full`` on its own page and terse in a listing.

    ``without`` has the names of the elements and fields that are left out.
    """
    section = library.sections[item.section_id]
    if isinstance(item, Collection):
        return collections.element(section, item, item.locked if full else None)
    address = f"/library/metadata/{item.key}"
    # Absent where there is nothing, as the official contract and plexapi (video.py) have it.
    said: dict[str, Value | None] = {
        "ratingKey": str(item.key),
        "key": address,
        **(_ancestry(item.season) if item.season else {}),
        "guid": _guid(item, section),
        "type": KIND_NAMES[item.kind],
        "title": item.title,
        "librarySectionTitle": section.title if full else None,
        "librarySectionID": item.section_id if full else None,
        "librarySectionKey": f"/library/sections/{item.section_id}" if full else None,
        # Recorded: an item without a summary still has the empty attribute.
        "summary": "",
        **item.values,
        "index": item.index or None,
        "thumb": f"{address}/thumb/{item.thumb_at}" if shows(item, "posters") else None,
        "art": f"{address}/art/{item.art_at}" if shows(item, "arts") else None,
        "duration": item.parts[0].file.duration_ms if item.parts else None,
        "viewOffset": item.view_offset or None,
        "viewCount": item.view_count or None,
        "lastViewedAt": item.viewed_at or None,
        "lastRatedAt": item.rated_at or None,
        "addedAt": item.added_at,
        "updatedAt": item.updated_at,
    }
    attributes: Attributes = {name: one for name, one in said.items() if one is not None}
    children = _children(item, attributes, full=full, without=without)
    for name in without:
        attributes.pop(name, None)
    return Element("Video", attributes, children)


def tree_page(library: Library, item: Item) -> Element:
    """The item with its files and their OpenSubtitles hashes, as ``/tree`` shows it."""
    own: Attributes = {
        "id": item.key,
        "title": item.title,
        "guid": _guid(item, library.sections[item.section_id]),
        "parentTitle": "Season 1" if item.season else "",
        "instanceRatingKey": "",
        "index": item.index or 1,
        "originallyAvailableAt": str(item.values.get("originallyAvailableAt", "")),
        "addedAt": item.added_at,
        "refreshedAt": item.updated_at,
    }
    parts = [_tree_part(part, library.switches) for part in item.parts]
    return container(LIBRARY, [Element("MetadataItem", own, parts)])


def view_element(view: View) -> Element:
    """One row of the history, as the official contract lists its attributes.

    Assumed, no recording shows it: a row whose item is gone stays, without a rating key.
    """
    attributes: Attributes = {"historyKey": f"/status/sessions/history/{view.number}"}
    item = view.item
    if item is not None:
        attributes["key"] = f"/library/metadata/{item.key}"
        attributes["ratingKey"] = str(item.key)
        attributes["librarySectionID"] = str(item.section_id)
        attributes["title"] = item.title
        attributes["type"] = KIND_NAMES[item.kind]
    attributes["viewedAt"] = view.viewed_at
    attributes["accountID"] = view.account
    attributes["deviceID"] = 1
    return Element("Video", attributes)


def images_page(item: Item, which: str) -> Element:
    """The item's images, as the list under ``/posters`` or ``/arts`` shows them."""
    photos = []
    for image in offered(item, which):
        address = f"/library/metadata/{item.key}/file?url={quote(image.key, safe='')}"
        shown: Attributes = {"key": address, "ratingKey": image.key, "selected": image.selected}
        photos.append(Element("Photo", {**shown, "thumb": address}))
    return container(LIBRARY, photos)


def _guid(item: Item, section: Section) -> str:
    if item.matched:
        return f"plex://{KIND_NAMES[item.kind]}/{item.matched}"
    return f"tv.plex.agents.none://{item.key}" if section.agentless else f"local://{item.key}"


def _ancestry(season: Season) -> Attributes:
    return {
        "parentRatingKey": str(season.key),
        "parentKey": f"/library/metadata/{season.key}",
        "parentTitle": "Season 1",
        "parentIndex": 1,
        "grandparentRatingKey": str(season.show_key),
        "grandparentKey": f"/library/metadata/{season.show_key}",
        "grandparentTitle": season.show,
    }


def _children(
    item: Item, attributes: Attributes, *, full: bool, without: frozenset[str]
) -> list[Element]:
    children: list[Element] = []
    if "Media" not in without:
        with_path = "file" not in without
        children += [_media_element(part, full=full, with_path=with_path) for part in item.parts]
    if "Image" not in without:
        for kind, name in (("coverPoster", "thumb"), ("background", "art")):
            if name in attributes:
                shown: Attributes = {"alt": item.title, "type": kind, "url": attributes[name]}
                children.append(Element("Image", shown))
    if item.kind == MOVIE and "UltraBlurColors" not in without:
        corners = ("topLeft", "topRight", "bottomRight", "bottomLeft")
        children.append(Element("UltraBlurColors", dict.fromkeys(corners, "49053c")))
    for kind, name in TAG_ELEMENTS.items() if item.tags else ():
        if name not in without:
            children += _tag_elements(item, kind, full=full)
    if full:
        if item.matched:
            children.append(Element("Guid", {"id": f"tmdb://{int(item.matched, 16)}"}))
        locked = item.locked
        children += [Element("Field", {"locked": True, "name": name}) for name in locked]
    return children


def _tag_elements(item: Item, kind: str, *, full: bool) -> list[Element]:
    name, taggings = TAG_ELEMENTS[kind], item.tags.get(kind, [])
    if not full:
        listed = taggings[: _LISTED_TAGS.get(kind, len(taggings))]
        return [Element(name, {"tag": tagging.row.tag}) for tagging in listed]
    found = []
    for tagging in taggings:
        row = tagging.row
        shown: Attributes = {"id": row.tag_id, "filter": f"{kind}={row.tag_id}", "tag": row.tag}
        if tagging.text:
            shown["role"] = tagging.text
        if row.thumb:
            shown["thumb"] = row.thumb
        found.append(Element(name, shown))
    return found


def _media_element(part: Part, *, full: bool, with_path: bool) -> Element:
    """A version of an item with its one file; ``full`` adds the streams."""
    file, number = part.file, part.part_id
    kind = file.path.rpartition(".")[2].lower()[:8] or "mp4"
    both: Attributes = {"id": number, "duration": file.duration_ms, "container": kind}
    own: Attributes = {
        **both,
        "key": f"/library/parts/{number}/1777598686/file.{kind}",
        "size": file.size,
        "videoProfile": "high",
    }
    if with_path:
        own["file"] = file.path
    stream: Attributes = {"id": number, "streamType": 1, "codec": "h264", "index": 0}
    streams = [Element("Stream", stream)] if full else []
    return Element("Media", {**both, **_MEDIA}, [Element("Part", own, streams)])


def _tree_part(part: Part, switches: Switches) -> Element:
    file = part.file
    own: Attributes = {"id": part.part_id, "file": file.path, "size": file.size}
    if switches.oshash_known and file.oshash:
        padded = switches.oshash_padded
        own["openSubtitleHash"] = file.oshash if padded else file.oshash.lstrip("0")
        path = file.path.encode("utf-8", "surrogatepass")
        own["hash"] = hashlib.sha1(path, usedforsecurity=False).hexdigest()
    own["duration"] = file.duration_ms
    stream = Element("MediaStream", {"id": part.part_id, "index": 0, "type": 1})
    return Element("MediaItem", {"id": part.part_id}, [Element("MediaPart", own, [stream])])
