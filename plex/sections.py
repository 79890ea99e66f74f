"""The libraries of a Plex server, out of one ``GET /library/sections``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plex.fields import whole_number

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from plexapi.server import PlexServer

SECTIONS = "/library/sections"


@dataclass(frozen=True)
class SectionInfo:
    """One library, as ``GET /library/sections`` tells it.

    ``content_changed_at`` is a counter and no date; ``scanned_at`` is in epoch
    seconds. Both are 0 when Plex leaves them out. ``uuid`` stays the library's own for its
    life, and no other server has it. ``element`` is what Plex sent.
    """

    key: int
    title: str
    type: str
    locations: tuple[str, ...]
    content_changed_at: int
    scanned_at: int
    uuid: str = field(compare=False)
    element: Element = field(repr=False, compare=False)


def read_section_infos(root: Element | None) -> list[SectionInfo]:
    """Read all libraries, in Plex's order; none when Plex sent nothing."""
    return [
        SectionInfo(
            key=whole_number(element.get("key")),
            title=element.get("title", ""),
            type=element.get("type", ""),
            locations=tuple(
                path for place in element.iter("Location") if (path := place.get("path"))
            ),
            content_changed_at=whole_number(element.get("contentChangedAt")),
            scanned_at=whole_number(element.get("scannedAt")),
            uuid=element.get("uuid", ""),
            element=element,
        )
        for element in _libraries(root)
    ]


def make_section(server: PlexServer, info: SectionInfo) -> Any:
    """Make plexapi's section object from the same answer, of the class of its type.

    plexapi's own ``fetchItems`` knows no class for these elements, and its
    ``library.sections()`` needs a request more.
    """
    from plexapi import library  # noqa: PLC0415 - plexapi is loaded once there is a server

    kinds: dict[str, Any] = {
        "movie": library.MovieSection,
        "show": library.ShowSection,
        "artist": library.MusicSection,
        "photo": library.PhotoSection,
    }
    return kinds.get(info.type, library.LibrarySection)(server, info.element, SECTIONS)


def _libraries(root: Element | None) -> list[Element]:
    return [] if root is None else [e for e in root.iter("Directory") if whole_number(e.get("key"))]
