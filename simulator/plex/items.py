"""Items, their parts and their tags, as rows of Plex's database would hold them."""

from __future__ import annotations

from typing import Final

MOVIE: Final = 1
SHOW: Final = 2
SEASON: Final = 3
EPISODE: Final = 4
COLLECTION: Final = 18

KIND_NAMES: Final = {
    MOVIE: "movie",
    SHOW: "show",
    SEASON: "season",
    EPISODE: "episode",
    COLLECTION: "collection",
}

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


class Part:
    """One media file: ``path`` as Plex sees it, ``size`` in bytes, 16-digit ``oshash``."""

    __slots__ = ("duration_ms", "oshash", "part_id", "path", "size")

    def __init__(self, part_id: int, path: str, size: int, oshash: str, duration_ms: int) -> None:
        self.part_id = part_id
        self.path = path
        self.size = size
        self.oshash = oshash
        self.duration_ms = duration_ms


class TagRow:
    """A genre, label, person...: one row for the whole server, shared by all items.

    ``thumb`` belongs to the row, so setting a person's picture sets it everywhere.
    """

    __slots__ = ("tag", "tag_id", "thumb")

    def __init__(self, tag_id: int, tag: str) -> None:
        self.tag_id = tag_id
        self.tag = tag
        self.thumb = ""


class Tagging:
    """A tag on one item; ``text`` is the role for an actor."""

    __slots__ = ("row", "text")

    def __init__(self, row: TagRow, text: str = "") -> None:
        self.row = row
        self.text = text


class Image:
    """An image offered for an item: its key, where it came from, and whether it is selected."""

    __slots__ = ("key", "provider", "selected")

    def __init__(self, key: str, provider: str, *, selected: bool) -> None:
        self.key = key
        self.provider = provider
        self.selected = selected


class Item:
    """A movie, show, season or episode.

    ``values`` holds the edited or agent-given fields by their wire name;
    an absent one is a field Plex does not show. Times are epoch seconds.
    """

    __slots__ = (
        "added_at",
        "art_at",
        "deleted",
        "images",
        "index",
        "key",
        "kind",
        "locked",
        "matched",
        "parent",
        "parts",
        "section_id",
        "sort_key",
        "tags",
        "thumb_at",
        "title",
        "updated_at",
        "values",
    )

    def __init__(
        self,
        key: int,
        kind: int,
        section_id: int,
        title: str,
        parts: tuple[Part, ...],
        added_at: int,
    ) -> None:
        self.key = key
        self.kind = kind
        self.section_id = section_id
        self.title = title
        self.sort_key = title.lower()
        self.parts = parts
        self.added_at = added_at
        self.updated_at = added_at
        self.thumb_at = added_at
        self.art_at = added_at
        self.index = 0
        self.parent: Item | None = None
        self.matched = ""
        self.deleted = False
        # Made when first needed: most of 100,000 items are never edited.
        self.values: dict[str, str | int | float] | None = None
        self.tags: dict[str, list[Tagging]] | None = None
        self.locked: dict[str, None] | None = None
        self.images: dict[str, list[Image]] | None = None

    def value(self, name: str) -> str | int | float | None:
        """The field's value, or None where Plex shows nothing."""
        if name == "title":
            return self.title
        if name == "addedAt":
            return self.added_at
        if name == "updatedAt":
            return self.updated_at
        return self.values.get(name) if self.values else None

    def set_value(self, name: str, value: str | float | None) -> None:
        """Set one field by its wire name; None and empty text clear it."""
        if name == "title":
            self.title = str(value or "")
            self._sort_again()
        elif name == "addedAt":
            self.added_at = int(value or 0)
        else:
            if self.values is None:
                self.values = {}
            if value is None or value == "":
                self.values.pop(name, None)
            else:
                self.values[name] = value
            if name == "titleSort":
                self._sort_again()

    def taggings(self, kind: str) -> list[Tagging]:
        """The item's tags of one kind, in order; a list to be changed in place."""
        if self.tags is None:
            self.tags = {}
        return self.tags.setdefault(kind, [])

    def lock(self, name: str, *, locked: bool) -> None:
        """Lock or unlock one field."""
        if self.locked is None:
            self.locked = {}
        if locked:
            self.locked[name] = None
        else:
            self.locked.pop(name, None)

    def is_locked(self, name: str) -> bool:
        """Whether the field is locked."""
        return bool(self.locked) and name in (self.locked or ())

    def _sort_again(self) -> None:
        self.sort_key = str(self.value("titleSort") or self.title).lower()


def file_stem(path: str) -> str:
    """What Plex calls an item it knows nothing about: the file name without extension."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name
