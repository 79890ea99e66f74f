"""Edits of items: the fields, tags and locks one PUT carries in its query, and their images.

Modelled on the official contract and on what clients that work send; nobody
has published a recording of such a PUT, so every doubtful point that PlexSync
could stumble over is a switch.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from simulator.library import jpeg
from simulator.plex import collections
from simulator.plex.items import EPISODE, MOVIE, TAG_ELEMENTS, Image, Item, Tagging, file_stem
from simulator.plex.library import Library, agent_answer

_COMMON: Final = frozenset(
    (
        "title titleSort summary contentRating originallyAvailableAt rating "
        "audienceRating userRating year"
    ).split()
)
_MOVIE_ONLY: Final = frozenset(("studio", "tagline", "originalTitle"))
_EPISODE_TAGS: Final = frozenset(("actor", "collection", "director", "label", "writer"))
_NUMBERS: Final = {"rating": float, "audienceRating": float, "userRating": float, "year": int}

_FIELD: Final = re.compile(r"^(\w+)\.(value|locked)$")
_TAG: Final = re.compile(r"^(\w+)\[(\d*)\]\.(tag\.tag|tag\.tag-|tag\.thumb|tagging\.text)$")
_DATE: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")

# List name in the address -> (field that is locked, word in upload keys).
IMAGES: Final = {"posters": ("thumb", "posters"), "arts": ("art", "art")}
# Names under which one image is selected -> list name.
SINGULAR: Final = {"poster": "posters", "thumb": "posters", "art": "arts"}
#: A larger upload is answered with 500.
LARGEST: Final = 10 * 1024 * 1024


class EditRefusedError(Exception):
    """An edit the server turns down: the status that it answers, and why."""


@dataclass(slots=True)
class Plan:
    """One PUT, understood: fields to set, locks to move, tags to clear, remove and add."""

    values: dict[str, str | int | float | None] = field(default_factory=dict)
    locks: dict[str, bool] = field(default_factory=dict)
    # By kind and index: the tag, and what it says about this item and about the person.
    adds: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    # (kind, names to remove)
    removes: list[tuple[str, list[str]]] = field(default_factory=list)


def parse(pairs: Sequence[tuple[str, str]], kind: int) -> Plan:
    """What the query asks to be changed on items of ``kind``.

    Raises:
        EditRefusedError: 400 for a field the kind does not have, 500 for a value
            that is none, such as a date that is no date.
    """
    plan = Plan()
    fields, tags, lockable = _known(kind)
    for name, value in pairs:
        if "." not in name and "[" not in name:
            continue
        plain, tag = _FIELD.match(name), _TAG.match(name)
        if plain and plain[2] == "value" and plain[1] in fields:
            plan.values[plain[1]] = _value(plain[1], value)
        elif plain and plain[2] == "locked" and plain[1] in lockable:
            plan.locks[plain[1]] = value not in {"0", "false", ""}
        elif tag and tag[1] in tags and tag[3] == "tag.tag-":
            # The list is encoded once as a whole and once name by name, so that a
            # comma inside a name is no separator.
            plan.removes.append((tag[1], [unquote(name) for name in value.split(",")]))
        elif tag and tag[1] in tags:
            plan.adds.setdefault((tag[1], tag[2]), {})[tag[3]] = value
        else:
            raise EditRefusedError(400, f"there is no {name!r} on this type")
    return plan


def apply(library: Library, item: Item, plan: Plan) -> None:
    """Carry the plan out on one item, and move the clocks an edit moves."""
    if "userRating" in plan.values and library.switches.edits_rate:
        item.rated_at = library.now()
    for name, value in plan.values.items():
        item.set_value(name, value)
        if name == "originallyAvailableAt" and "year" not in plan.values:
            item.set_value("year", int(str(value)[:4]) if value else None)
    for name, locked in plan.locks.items():
        item.lock(name, locked=locked)
    switches = library.switches
    adds = [(kind, said) for (kind, _), said in plan.adds.items() if said.get("tag.tag")]
    if switches.adds_come_first:
        _add(library, item, adds)
    for kind, names in plan.removes:
        gone = {name.lower() for name in names}
        item.tags[kind] = [one for one in item.tags[kind] if one.row.tag.lower() not in gone]
    if plan.removes and not switches.tag_rows_stay:
        library.forget_unused_rows()
    if not switches.adds_come_first:
        _add(library, item, adds)
    touched = [said["tag.tag"] for kind, said in adds if kind == "collection"]
    touched += [name for kind, names in plan.removes if kind == "collection" for name in names]
    _settle(library, item, touched)
    _changed(library, item)


def change(
    library: Library,
    item: Item,
    fields: dict[str, Any],
    tags: dict[str, list[str]],
    *,
    person: bool,
) -> None:
    """Set fields and whole tag lists as a person in Plex Web does, or as an agent does.

    A person's change locks what it touches; an agent's leaves locked fields
    alone and locks nothing.
    """
    for name, value in fields.items():
        if person or name not in item.locked:
            item.set_value(name, value)
    for kind, names in tags.items():
        if person or kind not in item.locked:
            before = [tagging.row.tag for tagging in item.tags[kind]]
            item.tags[kind].clear()
            _add(library, item, [(kind, {"tag.tag": name}) for name in names])
            if kind == "collection":
                _settle(library, item, [*before, *names])
    if person:
        for name in (*fields, *tags):
            item.lock(name, locked=True)
    _changed(library, item)


def refresh(library: Library, item: Item) -> None:
    """A metadata refresh: the agent's words, or without one the file's name, where unlocked."""
    if item.matched:
        fields, tags = agent_answer(int(item.matched, 16))
        change(library, item, dict(fields), tags, person=False)
    elif library.sections[item.section_id].agentless and item.parts:
        title = file_stem(item.parts[0].file.path)
        change(library, item, {"title": title}, {}, person=False)


def _settle(library: Library, item: Item, names: Sequence[str]) -> None:
    if names:
        collections.settle(library, library.sections[item.section_id], names)


def _changed(library: Library, item: Item) -> None:
    section = library.sections[item.section_id]
    section.unsorted.add(item.kind)
    section.content_changed_at += 1
    item.updated_at = library.now()


@functools.cache
def _known(kind: int) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Fields and tags that items of a kind have, and what of them can be locked."""
    fields = _COMMON | _MOVIE_ONLY if kind == MOVIE else _COMMON
    tags = _EPISODE_TAGS if kind == EPISODE else frozenset(TAG_ELEMENTS)
    return fields, tags, fields | tags | {"thumb", "art"}


def _value(name: str, value: str) -> str | int | float | None:
    if value == "":
        return None
    if name == "originallyAvailableAt" and not _DATE.match(value):
        raise EditRefusedError(500, f"{value!r} is no date")
    try:
        return _NUMBERS[name](value) if name in _NUMBERS else value
    except ValueError:
        raise EditRefusedError(500, f"{value!r} is no {name}") from None


def _add(library: Library, item: Item, adds: list[tuple[str, dict[str, str]]]) -> None:
    if library.switches.tag_writes == "replace":
        for kind in {kind for kind, _ in adds}:
            item.tags[kind].clear()
    for kind, said in adds:
        row, taggings = library.tag_row(kind, said["tag.tag"]), item.tags[kind]
        row.thumb = said.get("tag.thumb", row.thumb)
        here = next((tagging for tagging in taggings if tagging.row is row), None)
        if here is None:
            here = Tagging(row)
            taggings.append(here)
        here.text = said.get("tagging.text", here.text)


def offered(item: Item, which: str) -> list[Image]:
    """The images of the item; a list to be changed in place. One comes from the file itself."""
    if which not in item.images:
        item.images[which] = [Image(f"media://{item.key:040x}/{which}.jpg", selected=True)]
    return item.images[which]


def shows(item: Item, which: str) -> bool:
    """Whether an item shows one of its images; what comes from the file is shown at first."""
    images = item.images.get(which)
    return images is None or any(image.selected for image in images)


def shown(item: Item, which: str) -> bytes:
    """The bytes of the image that the item shows, b"" for none.

    One that is no upload is a JPEG with its key.
    """
    image = next((one for one in offered(item, which) if one.selected), None)
    return b"" if image is None else image.data or jpeg(image.key.encode())


def upload(library: Library, item: Item, which: str, data: bytes) -> None:
    """Take an uploaded image: the same bytes are the same image."""
    field, word = IMAGES[which]
    # Below a show the key also names season and episode, so only its end can be trusted.
    place = f"seasons/1/episodes/{item.index}/" if item.kind == EPISODE else ""
    digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    key = f"upload://{word}/{place}{digest}"
    images = offered(item, which)
    if all(image.key != key for image in images):
        images.append(Image(key, selected=False, data=data))
    if library.switches.upload_selects:
        select(library, item, which, key)
    if library.switches.upload_locks:
        item.lock(field, locked=True)


def select(library: Library, item: Item, which: str, key: str) -> bool:
    """Show this image from now on; False if the item has no such image."""
    images = offered(item, which)
    if all(image.key != key for image in images):
        return False
    for image in images:
        image.selected = image.key == key
    # The epoch in an image's address changes with every change of the image.
    if which == "posters":
        item.thumb_at = max(library.now(), item.thumb_at + 1)
    else:
        item.art_at = max(library.now(), item.art_at + 1)
    item.updated_at = library.now()
    return True
