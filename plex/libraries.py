"""The library sections that are searched: which, who of them can hold a path, and their scan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plex.exceptions import LibraryNotFound
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.matcher import ignores_case, same_named
from validation.media_path import MediaPath, path_key
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient
    from plex.matcher import Candidate
    from plex.sections import SectionInfo

#: Seconds a list of sections is trusted.
FRESH = 300.0


class Libraries:
    """The sections named by the setting plex_libraries, read when first needed.

    Args:
        client: Plex.
        names: The names; empty means every movie and other-videos library.
        clock: Gives monotonic seconds.
    """

    def __init__(
        self, client: PlexClient, names: Sequence[str], *, clock: Callable[[], float]
    ) -> None:
        self._client = client
        self._names = tuple(names)
        self._clock = clock
        self._sections: list[SectionInfo] = []
        self._objects: dict[int, Any] = {}
        self._read_at: float | None = None

    def sections(self) -> list[SectionInfo]:
        """Give the sections, in Plex's order.

        Raises:
            LibraryNotFound: A name of the setting is no library with videos.
            errors.SyncError: Plex could not be asked.
        """
        if self._read_at is None or self._clock() - self._read_at > FRESH:
            self._sections = self._chosen(self._client.section_infos())
            self._objects.clear()
            self._read_at = self._clock()
        return self._sections

    def read_again(self) -> None:
        """Believe the list no longer: it is read when it is next needed."""
        self._read_at = None

    def knows(self, section: int, uuid: str) -> bool:
        """Say whether a section may be the one with this uuid, as far as either side says one."""
        known = {one.uuid for one in self.sections() if one.key == section and one.uuid}
        return not uuid or not known or uuid in known

    def keys(self) -> list[int]:
        """Give the sections' keys."""
        return [section.key for section in self.sections()]

    def describe(self) -> str:
        """Name the sections for a sentence: 'Movies', 'Clips'."""
        return ", ".join(repr(section.title) for section in self.sections())

    def reach(self, path: str) -> list[SectionInfo]:
        """Give the sections with a folder that the path lies in; one without folders may hold any.

        Case is ignored here: it only spares requests, the match itself decides.
        """
        return [
            section
            for section in self.sections()
            if not any(map(path_key, section.locations)) or lies_in(section, path, ignore_case=True)
        ]

    def sections_for(self, path: str) -> list[Any]:
        """Give plexapi's objects for the sections that can hold a file, to be searched."""
        return [self._object(section) for section in self.reach(path)]

    def ignores_case(self) -> bool:
        """Say whether Plex runs where file systems usually ignore case."""
        return any(ignores_case(self._object(section)) for section in self.sections())

    def same_named(self, path: str, size: int | None) -> list[Candidate]:
        """Give the files of that base name (and size, if given) in any folder; none is proven."""
        sections = map(self._object, self.sections())
        return [one for section in sections for one in same_named(section, path, size)]

    def _object(self, section: SectionInfo) -> Any:
        """Give plexapi's object: made only where it is searched, for plexapi loads slowly."""
        if section.key not in self._objects:
            self._objects[section.key] = self._client.section(section)
        return self._objects[section.key]

    def _chosen(self, sections: Sequence[SectionInfo]) -> list[SectionInfo]:
        if not self._names:
            return [section for section in sections if is_chosen(section, ())]
        by_name = {tag_key(section.title): section for section in sections}
        chosen = []
        for name in self._names:
            section = by_name.get(tag_key(name))
            if section is None or section.type not in LEAF_TYPE_OF_SECTION:
                offer = ", ".join(
                    repr(one.title) for one in sections if one.type in LEAF_TYPE_OF_SECTION
                )
                problem = "Plex has no library" if section is None else "there are no videos in"
                raise LibraryNotFound(
                    f"{problem} {name!r}, which the setting plex_libraries names. "
                    f"Libraries with videos: {offer or 'none'}. PlexSync waits until it is mended.",
                    setting="plex_libraries",
                )
            chosen.append(section)
        return chosen


def is_chosen(section: SectionInfo, names: Sequence[str]) -> bool:
    """Say whether plex_libraries, as the names in it, means a section; empty is every video one."""
    if not names:
        return section.type == "movie"
    return tag_key(section.title) in {tag_key(name) for name in names}


def folder_of(path: str) -> str:
    """Give the folder of a file as Plex names it, "" when the path has none."""
    parts = MediaPath.of(path)
    return parts.prefix(len(parts.names) - 1) if len(parts.names) > 1 else ""


def lies_in(section: SectionInfo, path: str, *, ignore_case: bool = False) -> bool:
    """Say whether a path is, or lies below, one of a library's own locations."""
    fold = str.casefold if ignore_case else str
    key = fold(path_key(path))
    return bool(key) and any(
        key == place or key.startswith(place.rstrip("/") + "/")
        for location in section.locations
        if (place := fold(path_key(location)))
    )


def scan_folder(client: PlexClient, section: SectionInfo, folder: str) -> None:
    """Ask Plex for a partial scan; it does that in its own time.

    A GET, although it changes something: servers since 1.32.7 answer 404 to PUT and
    POST. Plex confirms every path, also one that lies nowhere, so the folder is
    checked against the library's own locations first.

    Args:
        client: Plex.
        section: The library section.
        folder: The folder as Plex names it.

    Raises:
        ValueError: The folder does not lie in the section; a scan of the whole
            library is never asked for.
        errors.SyncError: Plex could not be asked.
    """
    if not lies_in(section, folder):
        raise ValueError(f"{folder!r} lies in no folder of the library {section.key}")
    client.query(f"/library/sections/{section.key}/refresh", (("path", folder),))
