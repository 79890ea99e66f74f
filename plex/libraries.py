"""The library sections that are searched: which, and who of them can hold a path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plex.exceptions import LibraryNotFound
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.matcher import find_plex_items_by_path, ignores_case, same_named, search
from validation.path_map import path_key
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient
    from plex.matcher import Candidate, Matches
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
            faults.SyncError: Plex could not be asked.
        """
        if self._read_at is None or self._clock() - self._read_at > FRESH:
            self._sections = self._chosen(self._client.section_infos())
            self._objects.clear()
            self._read_at = self._clock()
        return self._sections

    def keys(self) -> list[int]:
        """Give the sections' keys."""
        return [section.key for section in self.sections()]

    def describe(self) -> str:
        """Name the sections for a sentence: 'Movies', 'Clips'."""
        return ", ".join(repr(section.title) for section in self.sections())

    def reach(self, path: str) -> list[SectionInfo]:
        """Give the sections with a folder that the path lies in.

        Case is ignored here: it only spares requests, the match itself decides.
        """
        key = path_key(path).casefold()
        return [section for section in self.sections() if _covers(section, key)]

    def items_holding(self, path: str) -> list[int]:
        """Give the rating keys of all items that hold a file, library by library.

        Raises:
            faults.SyncError: As ``plex.matcher.find_plex_items_by_path``.
        """
        return [
            int(item.ratingKey)
            for section in self.reach(path)
            for item in find_plex_items_by_path(self._object(section), path)
        ]

    def search(self, path: str) -> list[Matches]:
        """Search every library that can hold a file; errors as ``plex.matcher.search``."""
        return [search(self._object(section), path) for section in self.reach(path)]

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
            return [section for section in sections if section.type == "movie"]
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


def _covers(section: SectionInfo, key: str) -> bool:
    folders = [path_key(place).casefold() for place in section.locations]
    return not folders or any(
        key.startswith(folder.rstrip("/") + "/") for folder in folders if folder
    )
