"""The library sections that are searched: which, who of them can hold a path, and their scan."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from plex.error_types import LibraryNotFound
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.matcher import ignores_case, same_named
from validation import media_path
from validation.media_path import MediaPath, path_key
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from plex.client import PlexClient, SectionInfo
    from plex.matcher import Candidate

#: Seconds a list of sections is trusted, and those after which a file that no library
#: has is reason enough to ask for it again.
FRESH, YOUNG = 60.0, 2.0


class Libraries:
    """The sections named by the setting plex_libraries, read when first needed.

    No names mean every movie and other-videos library; the clock gives monotonic seconds.
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
        self._task = 0.0

    def sections(self) -> list[SectionInfo]:
        """Give the sections, in the order of the setting, else in Plex's.

        Raises ``LibraryNotFound`` where a name of the setting is no library with videos.
        """
        if not self._is_younger(FRESH):
            self.read_again()
        return self._sections

    def read_again(self) -> list[SectionInfo]:
        """Read the list afresh; give all libraries of the server. Errors as ``sections``."""
        infos = self._client.section_infos()
        self.take(infos)
        return infos

    def take(self, infos: Sequence[SectionInfo]) -> None:
        """Use a list that was just read. Raises as ``sections``; then the next use reads anew."""
        self._objects.clear()
        self._read_at = None
        self._sections, missing = choose(infos, self._names)
        if missing:
            raise _not_found(missing[0], infos)
        self._read_at = self._clock()

    def read_for(self, task: float) -> None:
        """Trust no list from before a task, which is known by when it began.

        Whoever starts one may just have made a library.
        """
        if task != self._task:
            self._task, self._read_at = task, None

    def renew(self) -> bool:
        """Read the list afresh unless that was just done; say whether others are searched now.

        Errors as ``sections``.
        """
        if self._is_younger(YOUNG):
            return False
        before = [(one.key, one.locations) for one in self._sections]
        self.read_again()
        return before != [(one.key, one.locations) for one in self._sections]

    def knows(self, section: int, uuid: str) -> bool:
        """Say whether a section may be the one with this uuid, as far as either side says one."""
        known = {one.uuid for one in self.sections() if one.key == section and one.uuid}
        return not uuid or not known or uuid in known

    def keys(self) -> list[int]:
        """Give the sections' keys."""
        return [section.key for section in self.sections()]

    def known_folders(self) -> list[str]:
        """Give the folders of the sections that were read last; nothing is asked."""
        return [folder for section in self._sections for folder in section.locations]

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
        return [one for section in self.sections() for one in self._named_in(section, path, size)]

    def _named_in(self, section: SectionInfo, path: str, size: int | None) -> list[Candidate]:
        try:
            return same_named(self._object(section), path, size)
        except LibraryNotFound:
            self._read_at = None  # deleted since, or made anew under another key
            return []

    def _object(self, section: SectionInfo) -> Any:
        """Give plexapi's object: made only where it is searched, for plexapi loads slowly."""
        if section.key not in self._objects:
            self._objects[section.key] = self._client.section(section)
        return self._objects[section.key]

    def _is_younger(self, seconds: float) -> bool:
        return self._read_at is not None and 0 <= self._clock() - self._read_at <= seconds


def choose(
    infos: Sequence[SectionInfo], names: Sequence[str]
) -> tuple[list[SectionInfo], list[str]]:
    """Choose the sections that plex_libraries means, and give the names that mean none.

    All libraries of that very title, be they several; where there is none, those whose
    title differs in case or blanks only. Photos and music have titles of their own: a
    library of them is neither chosen nor in the way. No names mean every movie and
    other-videos library.
    """
    if not names:
        return [info for info in infos if info.type == "movie"], []
    videos = [info for info in infos if info.type in LEAF_TYPE_OF_SECTION]
    chosen: dict[int, SectionInfo] = {}
    missing = []
    for name in names:
        exact = [info for info in videos if _title(info.title) == _title(name)]
        found = exact or [info for info in videos if tag_key(info.title) == tag_key(name)]
        chosen.update((info.key, info) for info in found)
        if not found:
            missing.append(name)
    return list(chosen.values()), missing


def _title(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _not_found(name: str, infos: Sequence[SectionInfo]) -> LibraryNotFound:
    offer = ", ".join(repr(one.title) for one in infos if one.type in LEAF_TYPE_OF_SECTION)
    other = next((one for one in infos if tag_key(one.title) == tag_key(name)), None)
    problem = f"Plex has no library {name!r}"
    if other is not None:
        kind = {"artist": "a music library", "photo": "a photo library"}.get(
            other.type, f"a library of the type {other.type!r}"
        )
        problem = (
            f"{other.title!r} in Plex is {kind}, and only movie, other-videos and TV show "
            f"libraries can be synced"
        )
    return LibraryNotFound(
        f"{problem}; the setting Plex Libraries names it. "
        f"Libraries with videos: {offer or 'none'}. PlexSync waits until it is mended.",
        setting="plex_libraries",
    )


def folder_of(path: str) -> str:
    """Give the folder of a file as Plex names it, "" when the path has none."""
    parts = MediaPath.of(path)
    return parts.prefix(len(parts.names) - 1) if len(parts.names) > 1 else ""


def lies_in(section: SectionInfo, path: str, *, ignore_case: bool = False) -> bool:
    """Say whether a path is, or lies below, one of a library's own locations."""
    return any(
        media_path.lies_in(path, location, ignore_case=ignore_case)
        for location in section.locations
    )


def scan_folder(client: PlexClient, section: SectionInfo, folder: str) -> None:
    """Ask Plex for a partial scan; it does that in its own time.

    A GET, although it changes something: servers since 1.32.7 answer 404 to PUT and
    POST. Plex confirms every path, also one that lies nowhere, so the folder is
    checked against the library's own locations first.

    Raises:
        ValueError: The folder does not lie in the section; a scan of the whole
            library is never asked for.
    """
    if not lies_in(section, folder):
        raise ValueError(f"{folder!r} lies in no folder of the library {section.key}")
    client.query(f"/library/sections/{section.key}/refresh", (("path", folder),))
