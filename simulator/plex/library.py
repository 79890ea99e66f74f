"""Sections and everything in them: the stand-in's database."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from simulator.library import PLEX_ROOT, CatalogueFile, catalogue_files
from simulator.plex.agent import agent_answer
from simulator.plex.items import (
    EPISODE,
    SEASON,
    SHOW,
    Item,
    Part,
    Tagging,
    TagRow,
    file_stem,
)
from simulator.plex.sections import CATALOGUE_EPOCH, STYLES, Section

if TYPE_CHECKING:
    from simulator.plex.switches import Switches

# Rating keys are far from scene numbers on purpose: mixing them up must show.
FIRST_KEY: Final = 20_001
WINDOWS_ROOT: Final = "D:\\Media"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a new item's file is: ``path`` as Plex sees it, ``size`` in bytes, ``oshash``."""

    path: str
    size: int = 1_000_000
    oshash: str = ""
    duration_ms: int = 600_000


class Library:
    """All sections, tags and items of the server, under one lock.

    Args:
        switches: Positions of the unknowns; read at every use.
    """

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, as a server that was just installed."""
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        self.tag_rows: dict[tuple[str, str], TagRow] = {}
        self.tags_by_id: dict[int, TagRow] = {}
        self.waiting: list[tuple[int, tuple[FileFacts, ...], str]] = []
        self._sections_made = 0
        self._next_key = FIRST_KEY
        self._next_part = 1
        self._next_tag = 1
        self._shows: dict[tuple[int, str], Item] = {}

    def now(self) -> int:
        """The stand-in's clock, in epoch seconds."""
        return int(time.time()) + self.switches.clock_offset_s

    def add_section(self, style: str, title: str = "", locations: Iterable[str] = ()) -> Section:
        """A new, empty library; ``style`` is a key of ``STYLES``."""
        self._sections_made += 1
        section_id = self._sections_made
        wanted = STYLES[style]
        section = Section(
            section_id=section_id,
            style=wanted,
            title=title or wanted.title,
            locations=list(locations) or [PLEX_ROOT],
            uuid=str(uuid.uuid5(uuid.NAMESPACE_URL, f"plexsync-section-{section_id}")),
        )
        self.sections[section_id] = section
        return section

    def remove_section(self, section_id: int) -> None:
        """Take a library away with all its items; its number is not given again."""
        for key in [key for key, item in self.items.items() if item.section_id == section_id]:
            del self.items[key]
        del self.sections[section_id]

    def fill(self, section: Section, count: int, *, matched: bool, windows: bool) -> None:
        """Put the first ``count`` files of the shared catalogue into ``section``."""
        if windows:
            section.locations = [WINDOWS_ROOT]
        for file in catalogue_files(count):
            path = windows_path(file) if windows else file.plex_path
            facts = FileFacts(path, file.size, file.oshash, file.duration_ms)
            item = self.add_item(section, (facts,), added_at=CATALOGUE_EPOCH + file.number)
            if matched:
                self._match(item, file.number)
        section.content_changed_at = count + 1

    def add_item(
        self,
        section: Section,
        files: tuple[FileFacts, ...],
        title: str = "",
        added_at: int | None = None,
    ) -> Item:
        """A new item holding ``files`` (several are several versions), as a scan makes it."""
        when = self.now() if added_at is None else added_at
        parts = tuple(self._part(facts) for facts in files)
        parent = self._season_of(section, files[0].path, when) if section.file_kind == 4 else None
        item = self._new_item(
            section, section.file_kind, title or file_stem(files[0].path), parts, when
        )
        if parent is not None:
            item.parent = parent
            parent.index += 1
            item.index = parent.index
        for part in parts:
            section.paths.add(item, part.path)
        section.content_changed_at += 1
        return item

    def replace_files(self, item: Item, files: tuple[FileFacts, ...]) -> None:
        """Give the item other files; Plex does not move ``updatedAt`` for that."""
        section = self.sections[item.section_id]
        item.parts = tuple(self._part(facts) for facts in files)
        for part in item.parts:
            section.paths.add(item, part.path)
        section.content_changed_at += 1

    def remove_item(self, item: Item) -> None:
        """The item is gone; its rating key answers 404 from now on."""
        section = self.sections[item.section_id]
        item.deleted = True
        self.items.pop(item.key, None)
        section.items[item.kind] = [
            other for other in section.items.get(item.kind, []) if other is not item
        ]
        section.content_changed_at += 1

    def rekey(self, item: Item) -> int:
        """Give the item a new rating key, as a remove and re-add scan does."""
        self.items.pop(item.key, None)
        item.key = self._take_key()
        self.items[item.key] = item
        section = self.sections[item.section_id]
        section.stale.add(item.kind)
        section.content_changed_at += 1
        return item.key

    def tag_row(self, kind: str, tag: str) -> TagRow:
        """The server-wide row for a tag, made if it is new."""
        name = tag.lower() if self.switches.tags_ignore_case else tag
        row = self.tag_rows.get((kind, name))
        if row is None:
            row = TagRow(self._next_tag, tag)
            self._next_tag += 1
            self.tag_rows[kind, name] = row
            self.tags_by_id[row.tag_id] = row
        return row

    def named(self, ids: str) -> list[Item]:
        """The items of a comma list of rating keys, in its order; unknown ones are left out."""
        keys = dict.fromkeys(int(word) for word in ids.split(",") if word.isdigit())
        return [self.items[key] for key in keys if key in self.items]

    def find_path(self, path: str) -> Item | None:
        """The item holding exactly this file, or None."""
        for section in self.sections.values():
            for item in section.paths.candidates(f"/{path}/") or []:
                if not item.deleted and any(part.path == path for part in item.parts):
                    return item
        return None

    def appear(self, covered: Callable[[int, str], bool]) -> list[Item]:
        """Let the waiting files that a scan covers become items."""
        found, kept = [], []
        for section_id, files, title in self.waiting:
            if covered(section_id, files[0].path):
                found.append(self.add_item(self.sections[section_id], files, title))
            else:
                kept.append((section_id, files, title))
        self.waiting = kept
        return found

    def children(self, parent: Item) -> Iterator[Item]:
        """Items directly below ``parent``, in order."""
        kind = SEASON if parent.kind == SHOW else EPISODE
        for item in self.sections[parent.section_id].items.get(kind, []):
            if item.parent is parent:
                yield item

    def _new_item(
        self, section: Section, kind: int, title: str, parts: tuple[Part, ...], when: int
    ) -> Item:
        item = Item(self._take_key(), kind, section.section_id, title, parts, when)
        self.items[item.key] = item
        section.items.setdefault(kind, []).append(item)
        section.stale.add(kind)
        return item

    def _season_of(self, section: Section, path: str, when: int) -> Item:
        folder = path.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
        season = self._shows.get((section.section_id, folder))
        if season is None:
            show = self._new_item(section, SHOW, folder, (), when)
            show.index = 1
            season = self._new_item(section, SEASON, "Season 1", (), when)
            season.parent = show
            self._shows[section.section_id, folder] = season
        return season

    def _part(self, facts: FileFacts) -> Part:
        part = Part(self._next_part, facts.path, facts.size, facts.oshash, facts.duration_ms)
        self._next_part += 1
        return part

    def _take_key(self) -> int:
        self._next_key += 1
        return self._next_key - 1

    def _match(self, item: Item, number: int) -> None:
        """Fill the item as an agent that found it would: no locks, and not Stash's words."""
        item.matched = f"{number:024x}"
        fields, tags = agent_answer(number)
        for name, value in fields.items():
            item.set_value(name, value)
        for kind, names in tags.items():
            item.taggings(kind).extend(Tagging(self.tag_row(kind, name)) for name in names)


def windows_path(file: CatalogueFile) -> str:
    """The file's path on a Plex that runs on Windows."""
    return f"{WINDOWS_ROOT}\\{file.folder}\\{file.name}"
