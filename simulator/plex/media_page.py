"""Files as the elements Plex shows for them, on an item's page and in its tree."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from simulator.plex.filters import guid
from simulator.plex.xml import Attributes, Element

if TYPE_CHECKING:
    from simulator.plex.items import Item, Part
    from simulator.plex.library import Library


def tree_element(library: Library, item: Item) -> Element:
    """The item with its files and their OpenSubtitles hashes, as ``/tree`` shows it."""
    switches = library.switches
    parts = []
    for part in item.parts:
        attributes: Attributes = {"id": part.part_id, "file": part.path, "size": part.size}
        if switches.oshash_known and part.oshash:
            shown = part.oshash if switches.oshash_padded else part.oshash.lstrip("0")
            attributes["openSubtitleHash"] = shown
            attributes["hash"] = hashlib.sha1(
                part.path.encode("utf-8", "surrogatepass"), usedforsecurity=False
            ).hexdigest()
        attributes["duration"] = part.duration_ms
        streams = [
            Element("MediaStream", {"id": part.part_id * 2 - 1, "index": 0, "type": 1}),
            Element("MediaStream", {"id": part.part_id * 2, "index": 1, "type": 2}),
        ]
        media = Element(
            "MediaItem", {"id": part.part_id}, [Element("MediaPart", attributes, streams)]
        )
        parts.append(media)
    own: Attributes = {
        "id": item.key,
        "title": item.title,
        "guid": guid(item, library.sections[item.section_id]),
        "parentTitle": item.parent.title if item.parent else "",
        "instanceRatingKey": "",
        "index": item.index or 1,
        "originallyAvailableAt": str(item.value("originallyAvailableAt") or ""),
        "addedAt": item.added_at,
        "refreshedAt": item.updated_at,
    }
    return Element("MetadataItem", own, parts)


def media_element(part: Part, *, full: bool, file: bool) -> Element:
    """A version of an item with its one file; ``full`` adds streams, ``file`` its path."""
    container = part.path.rpartition(".")[2].lower()[:8] or "mp4"
    own: Attributes = {
        "id": part.part_id,
        "key": f"/library/parts/{part.part_id}/1777598686/file.{container}",
        "duration": part.duration_ms,
        "file": part.path,
        "size": part.size,
        "container": container,
        "videoProfile": "high",
    }
    if not file:
        del own["file"]
    streams = _streams(part) if full else []
    return Element(
        "Media",
        {
            "id": part.part_id,
            "duration": part.duration_ms,
            "bitrate": 3250,
            "width": 1280,
            "height": 720,
            "aspectRatio": 1.78,
            "audioChannels": 1,
            "audioCodec": "aac",
            "videoCodec": "h264",
            "videoResolution": "720",
            "container": container,
            "videoFrameRate": "NTSC",
            "videoProfile": "high",
            "hasVoiceActivity": False,
        },
        [Element("Part", own, streams)],
    )


def _streams(part: Part) -> list[Element]:
    first = part.part_id * 2 - 1
    return [
        Element(
            "Stream",
            {
                "id": first,
                "streamType": 1,
                "default": True,
                "codec": "h264",
                "index": 0,
                "bitrate": 3000,
                "frameRate": 29.97,
                "height": 720,
                "width": 1280,
                "displayTitle": "720p (H.264)",
            },
        ),
        Element(
            "Stream",
            {
                "id": first + 1,
                "streamType": 2,
                "selected": True,
                "default": True,
                "codec": "aac",
                "index": 1,
                "channels": 1,
                "samplingRate": 44100,
                "displayTitle": "Unknown (AAC Mono)",
            },
        ),
    ]
