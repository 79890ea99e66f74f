"""Libraries: what type they are, what they hold, and how a path is found in them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from simulator.plex.items import EPISODE, MOVIE, SHOW, Item

CATALOGUE_EPOCH: Final = 1_700_000_000

_WORD: Final = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class SectionStyle:
    """What makes a library of one type: Plex's own type, agent and scanner."""

    type: str
    agent: str
    scanner: str
    title: str
    language: str


STYLES: Final = {
    "other": SectionStyle(
        "movie", "tv.plex.agents.none", "Plex Video Files Scanner", "Scenes", "xn"
    ),
    "movie": SectionStyle("movie", "tv.plex.agents.movie", "Plex Movie", "Movies", "en-US"),
    "show": SectionStyle("show", "tv.plex.agents.series", "Plex TV Series", "TV Shows", "en-US"),
    # Agents and scanners as python-plexapi names them (plexapi/library.py, Library.add).
    "photo": SectionStyle("photo", "com.plexapp.agents.none", "Plex Photo Scanner", "Photos", "xn"),
    "music": SectionStyle("artist", "tv.plex.agents.music", "Plex Music", "Music", "en-US"),
}


class PathIndex:
    """Finds the items whose path contains some text without reading every path.

    A word of the wanted text that has a non-word character on both sides must
    be a whole word of any path containing it; the rarest such word names the
    candidates, and the caller verifies each one.
    """

    def __init__(self) -> None:
        self._by_word: dict[str, list[Item]] = {}

    def add(self, item: Item, path: str) -> None:
        """Remember the words of one of the item's paths."""
        for word in _WORD.findall(path.lower()):
            self._by_word.setdefault(word, []).append(item)

    def candidates(self, text: str) -> list[Item] | None:
        """Every item that may contain ``text`` (a superset), or None for "read them all"."""
        lowered = text.lower()
        best: list[Item] | None = None
        for match in _WORD.finditer(lowered):
            if match.start() == 0 or match.end() == len(lowered):
                continue
            found = self._by_word.get(match.group(), [])
            if best is None or len(found) < len(best):
                best = found
        return best


@dataclass(slots=True)
class Section:
    """One library: its style, folders, counters and items by kind."""

    section_id: int
    style: SectionStyle
    title: str
    locations: list[str]
    created_at: int = CATALOGUE_EPOCH
    scanned_at: int = CATALOGUE_EPOCH
    content_changed_at: int = 1
    refreshing: bool = False
    uuid: str = ""
    items: dict[int, list[Item]] = field(default_factory=dict)
    paths: PathIndex = field(default_factory=PathIndex)
    stale: set[int] = field(default_factory=set)

    @property
    def default_kind(self) -> int:
        """The kind a listing without ``type=`` is about."""
        return SHOW if self.style.type == "show" else MOVIE

    @property
    def file_kind(self) -> int:
        """The kind that holds files."""
        return EPISODE if self.style.type == "show" else MOVIE

    @property
    def agentless(self) -> bool:
        """Whether nothing fetches metadata for this section."""
        return self.style.agent.endswith(".none")

    def sorted_items(self, kind: int) -> list[Item]:
        """Items of one kind by sort title, the order Plex lists in."""
        items = self.items.setdefault(kind, [])
        if kind in self.stale:
            items.sort(key=lambda item: (item.sort_key, item.key))
            self.stale.discard(kind)
        return items
