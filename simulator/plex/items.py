"""Items, their parts and their tags, as rows of Plex's database would hold them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

MOVIE: Final = 1
EPISODE: Final = 4
COLLECTION: Final = 18
KIND_NAMES: Final = {MOVIE: "movie", EPISODE: "episode", COLLECTION: "collection"}

# Tag kind as edits name it -> element that shows it, in the order of a full item.
TAG_ELEMENTS: Final = {
    "genre": "Genre",
    "country": "Country",
    "collection": "Collection",
    "director": "Director",
    "writer": "Writer",
    "producer": "Producer",
    "actor": "Role",
    "label": "Label",
}


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file is: ``path`` as Plex sees it, ``size`` in bytes, 16-digit ``oshash``."""

    path: str
    size: int = 1_000_000
    oshash: str = ""
    duration_ms: int = 600_000


@dataclass(slots=True, eq=False)
class Part:
    """One media file of an item."""

    part_id: int
    file: FileFacts


@dataclass(slots=True, eq=False)
class Season:
    """The season of some episodes, the only one of a show; neither is an item of its own."""

    key: int
    show_key: int
    show: str
    episodes: int = 0


@dataclass(slots=True, eq=False)
class TagRow:
    """A genre, label, person...: one row for the whole server, shared by all items.

    ``thumb`` belongs to the row, so setting a person's picture sets it everywhere.
    """

    tag_id: int
    tag: str
    thumb: str = ""


@dataclass(slots=True, eq=False)
class Tagging:
    """A tag on one item; ``text`` is the role for an actor."""

    row: TagRow
    text: str = ""


@dataclass(slots=True, eq=False)
class Image:
    """An image offered for an item: its key, whether it is selected, and the bytes of an upload."""

    key: str
    selected: bool
    data: bytes = b""


@dataclass(slots=True)
class View:
    """One row of the server's history: somebody saw an item to its end.

    ``item`` is None once the item is gone. Account 1 is the owner.
    """

    number: int
    item: Item | None
    viewed_at: int
    account: int = 1


@dataclass(slots=True, eq=False)
class Item:
    """A movie, an episode, or a collection.

    ``values`` holds the edited or agent-given fields by their wire name; an absent
    one is a field Plex does not show. ``tags`` are by kind, in order.
    ``matched`` is the agent's id of the item, empty for one that no agent knows. Times are
    epoch seconds. ``viewed_at``, ``view_offset`` (milliseconds) and ``view_count`` are the
    owner's, and so is ``rated_at``.
    """

    key: int
    kind: int
    section_id: int
    title: str
    parts: tuple[Part, ...]
    added_at: int
    updated_at: int = 0
    thumb_at: int = 0
    art_at: int = 0
    sort_key: str = ""
    index: int = 0
    season: Season | None = None
    matched: str = ""
    deleted: bool = False
    viewed_at: int = 0
    view_offset: int = 0
    view_count: int = 0
    rated_at: int = 0
    values: dict[str, str | int | float] = field(default_factory=dict)
    tags: defaultdict[str, list[Tagging]] = field(default_factory=lambda: defaultdict(list))
    locked: dict[str, None] = field(default_factory=dict)
    images: dict[str, list[Image]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """A new item was last changed when it was added."""
        self.sort_key = self.title.lower()
        self.updated_at = self.thumb_at = self.art_at = self.added_at

    def set_value(self, name: str, value: str | float | None) -> None:
        """Set one field by its wire name; None and empty text clear it."""
        if name == "title":
            self.title = str(value or "")
        elif value is None or value == "":
            self.values.pop(name, None)
        else:
            self.values[name] = value
        if name in {"title", "titleSort"}:
            self.sort_key = str(self.values.get("titleSort", self.title)).lower()

    def lock(self, name: str, *, locked: bool) -> None:
        """Lock or unlock one field."""
        if locked:
            self.locked[name] = None
        else:
            self.locked.pop(name, None)


def file_stem(path: str) -> str:
    """What Plex calls an item it knows nothing about: the file name without extension."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name
