"""Sections and everything in them: the stand-in's database, and what nobody knows about Plex.

What nobody knows for certain are switches with a default: a test that only passes
with one position of a switch relies on an unknown.
"""

from __future__ import annotations

import itertools
import re
import threading
import time
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulator.library import PLEX_ROOT, catalogue_file, catalogue_scene
from simulator.plex.items import (
    EPISODE,
    MOVIE,
    FileFacts,
    Item,
    Part,
    Season,
    Tagging,
    TagRow,
    View,
    file_stem,
)

CATALOGUE_EPOCH: Final = 1_700_000_000
# Rating keys are far from scene numbers on purpose: mixing them up must show.
FIRST_KEY: Final = 20_001

_WORD: Final = re.compile(r"[^\W_]+")


# A section of each style: the title that Plex gives it, and what the list of sections shows.
# Agents and scanners as python-plexapi names them (plexapi/library.py, Library.add).
STYLES: Final = {
    style: (title, {"type": kind, "agent": agent, "scanner": scanner, "language": language})
    for style, title, kind, agent, scanner, language in (
        ("other", "Scenes", "movie", "tv.plex.agents.none", "Plex Video Files Scanner", "xn"),
        ("movie", "Movies", "movie", "tv.plex.agents.movie", "Plex Movie", "en-US"),
        ("show", "TV Shows", "show", "tv.plex.agents.series", "Plex TV Series", "en-US"),
        ("photo", "Photos", "photo", "com.plexapp.agents.none", "Plex Photo Scanner", "xn"),
        ("music", "Music", "artist", "tv.plex.agents.music", "Plex Music", "en-US"),
    )
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
    style: dict[str, str]
    title: str
    locations: list[str]
    uuid: str
    scanned_at: int = CATALOGUE_EPOCH
    content_changed_at: int = 1
    refreshing: bool = False
    items: dict[int, list[Item]] = field(default_factory=dict)
    paths: PathIndex = field(default_factory=PathIndex)
    unsorted: set[int] = field(default_factory=set)

    @property
    def type(self) -> str:
        """What Plex calls such a library: ``movie`` or ``show``."""
        return self.style["type"]

    @property
    def file_kind(self) -> int:
        """The kind that holds files."""
        return EPISODE if self.type == "show" else MOVIE

    @property
    def agentless(self) -> bool:
        """Whether nothing fetches metadata for this section."""
        return self.style["agent"].endswith(".none")

    def sorted_items(self, kind: int) -> list[Item]:
        """Items of one kind by sort title, the order Plex lists in."""
        items = self.items.setdefault(kind, [])
        if kind in self.unsorted:
            items.sort(key=lambda item: (item.sort_key, item.key))
            self.unsorted.discard(kind)
        return items


@dataclass(slots=True)
class Switches:
    """Every switch of the stand-in, in its default position.

    Attributes:
        adds_come_first: When one PUT adds and removes tags; else it removes first.
        tag_writes: ``genre[i].tag.tag=`` adds to the list (``additive``), or replaces
            it (``replace``).
        tag_rows_stay: A tag's row, and with it its spelling, outlives the last item that has
            it; False forgets it then. Nobody has recorded which: an assumption, either way.
        max_url_bytes: A longer request target is refused with 414; 0 is no limit.
        oshash_padded: ``openSubtitleHash`` keeps its leading zeros.
        oshash_known: False is a server that has not analysed its files yet.
        page_cap: Most items of one page, whatever was asked; 0 is no limit.
        empty_collections_stay: A collection stays when its last item leaves it. Users say that
            it goes; nobody has recorded it.
        upload_selects: An uploaded image becomes the selected one.
        upload_locks: An uploaded image locks its field.
        gzip: Replies are compressed for clients that accept it.
        history_filters: The history keeps to the accountID and the time that it is asked for;
            False is a server that ignores both, as listings ignore what they do not know.
        watch_filters: Listings know lastViewedAt and lastRatedAt as filters; False is a server
            that ignores both, as it ignores what it does not know. As orders they are known.
        edits_rate: A rating that comes with an edit moves lastRatedAt, as one given by hand
            does. Nobody has recorded which: an assumption, either way.
        clock_offset_s: Seconds added to the stand-in's clock.
    """

    adds_come_first: bool = False
    tag_writes: str = "additive"
    tag_rows_stay: bool = True
    max_url_bytes: int = 32_768
    oshash_padded: bool = True
    oshash_known: bool = True
    page_cap: int = 0
    empty_collections_stay: bool = False
    upload_selects: bool = True
    upload_locks: bool = True
    gzip: bool = True
    history_filters: bool = True
    watch_filters: bool = True
    edits_rate: bool = False
    clock_offset_s: int = 0


class Library:
    """All sections, tags and items of the server, under one lock."""

    def __init__(self, switches: Switches) -> None:
        self.switches = switches
        self.lock = threading.RLock()
        self.clear()

    def clear(self) -> None:
        """Forget everything, as a server that was just installed."""
        self.sections: dict[int, Section] = {}
        self.items: dict[int, Item] = {}
        # Files that the next scan finds, with their section.
        self.waiting: list[tuple[Section, Sequence[FileFacts]]] = []
        # Who saw what to its end, in the order in which it was noted.
        self.views: list[View] = []
        self._tag_rows: dict[tuple[str, str], TagRow] = {}
        self._seasons: dict[tuple[int, str], Season] = {}
        #: Rating keys, and ids of sections and parts; none is given twice.
        self.keys = itertools.count(FIRST_KEY)
        self._section_ids = itertools.count(1)
        self._part_ids = itertools.count(1)

    def now(self) -> int:
        """The stand-in's clock, in epoch seconds."""
        return int(time.time()) + self.switches.clock_offset_s

    def add_section(self, style: str, title: str = "", locations: Iterable[str] = ()) -> Section:
        """A new, empty library; ``style`` is a key of ``STYLES``."""
        usual_title, attributes = STYLES[style]
        section = Section(
            section_id=next(self._section_ids),
            style=attributes,
            title=title or usual_title,
            locations=list(locations) or [PLEX_ROOT],
            uuid=str(uuid.uuid4()),  # each library has one of its own, on whatever server
        )
        self.sections[section.section_id] = section
        return section

    def remove_section(self, section_id: int) -> None:
        """Take a library away with all its items; its number is not given again."""
        for key in [key for key, item in self.items.items() if item.section_id == section_id]:
            del self.items[key]
        del self.sections[section_id]

    def fill(self, section: Section, count: int, *, matched: bool) -> None:
        """Put the first ``count`` files of the catalogue into ``section``.

        With ``matched`` an agent has found them: no locks, and not Stash's words.
        """
        for file in map(catalogue_file, range(1, count + 1)):
            facts = FileFacts(file.plex_path, file.size, file.oshash, file.duration_ms)
            item = self.add_item(section, (facts,), added_at=CATALOGUE_EPOCH + file.number)
            if matched:
                item.matched = f"{file.number:024x}"
                fields, tags = agent_answer(file.number)
                for name, value in fields.items():
                    item.set_value(name, value)
                for kind, names in tags.items():
                    item.tags[kind].extend(Tagging(self.tag_row(kind, name)) for name in names)
        section.content_changed_at = count + 1

    def add_item(
        self, section: Section, files: Sequence[FileFacts], added_at: int | None = None
    ) -> Item:
        """A new item holding ``files`` (several are several versions), as a scan makes it."""
        when = self.now() if added_at is None else added_at
        kind, path = section.file_kind, files[0].path
        item = Item(next(self.keys), kind, section.section_id, file_stem(path), (), when)
        self.put(section, item)
        if kind == EPISODE:
            # A show is named after the file's folder.
            show = path.rpartition("/")[0].rpartition("/")[2]
            season = self._seasons.get((section.section_id, show))
            if season is None:
                season = Season(next(self.keys), next(self.keys), show)
                self._seasons[section.section_id, show] = season
            season.episodes += 1
            item.season, item.index = season, season.episodes
        self.replace_files(item, files)
        return item

    def replace_files(self, item: Item, files: Sequence[FileFacts]) -> None:
        """Give the item other files; Plex does not move ``updatedAt`` for that."""
        section = self.sections[item.section_id]
        item.parts = tuple(Part(next(self._part_ids), file) for file in files)
        for file in files:
            section.paths.add(item, file.path)
        section.content_changed_at += 1

    def remove_item(self, item: Item) -> None:
        """The item is gone; its rating key answers 404 from now on."""
        section = self.sections[item.section_id]
        item.deleted = True
        for view in self.views:
            if view.item is item:
                view.item = None
        del self.items[item.key]
        section.items[item.kind] = [one for one in section.items[item.kind] if one is not item]
        section.content_changed_at += 1

    def rekey(self, item: Item, key: int = 0) -> int:
        """Give the item a new rating key, as a remove and re-add scan does, or one it had."""
        del self.items[item.key]
        item.key = key or next(self.keys)
        self.items[item.key] = item
        section = self.sections[item.section_id]
        section.unsorted.add(item.kind)
        section.content_changed_at += 1
        return item.key

    def tag_row(self, kind: str, tag: str) -> TagRow:
        """The server-wide row for a tag, whatever its letters' case; made if it is new."""
        row = self._tag_rows.get((kind, tag.lower()))
        if row is None:
            row = self._tag_rows[kind, tag.lower()] = TagRow(len(self._tag_rows) + 1, tag)
        return row

    def forget_unused_rows(self) -> None:
        """Drop the tags that no item has, and how they were spelled."""
        used = {
            id(tagging.row)
            for item in self.items.values()
            for taggings in item.tags.values()
            for tagging in taggings
        }
        self._tag_rows = {key: row for key, row in self._tag_rows.items() if id(row) in used}

    def named(self, ids: str) -> list[Item]:
        """The items of a comma list of rating keys, in its order; unknown ones are left out."""
        keys = dict.fromkeys(int(word) for word in ids.split(",") if word.isdigit())
        return [self.items[key] for key in keys if key in self.items]

    def find_path(self, path: str) -> Item | None:
        """The item holding exactly this file, or None."""
        for section in self.sections.values():
            for item in section.paths.candidates(f"/{path}/") or []:
                if not item.deleted and any(part.file.path == path for part in item.parts):
                    return item
        return None

    def finish_scan(self, section: Section, path: str | None) -> None:
        """End a scan: waiting files below ``path`` (None: all) become items."""
        below = "" if path is None else path.rstrip("/") + "/"
        with self.lock:
            waiting, self.waiting = self.waiting, []
            for where, files in waiting:
                if where is section and files[0].path.startswith(below):
                    self.add_item(section, files)
                else:
                    self.waiting.append((where, files))
            section.refreshing = False
            section.scanned_at = self.now()

    def put(self, section: Section, item: Item) -> None:
        """Let a new item be one of a section's."""
        self.items[item.key] = item
        section.items.setdefault(item.kind, []).append(item)
        section.unsorted.add(item.kind)


def agent_answer(number: int) -> tuple[dict[str, str | int], dict[str, list[str]]]:
    """(fields, tags) the online agent has for scene ``number``; never quite what Stash says."""
    scene = catalogue_scene(number)
    fields: dict[str, str | int] = {
        "title": f"{scene.title} (agent)",
        "summary": f"Found online: {scene.title}",
        "studio": scene.studio,
        "originallyAvailableAt": scene.date,
        "year": int(scene.date[:4]),
    }
    return fields, {"genre": list(scene.tags), "actor": list(scene.performers)}
