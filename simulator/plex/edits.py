"""Edits of items: the fields, tags and locks one PUT carries in its query.

Modelled on the official contract and on what clients that work send; nobody
has published a recording of such a PUT, so every doubtful point that PlexSync
could stumble over is a switch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote

from simulator.plex.items import EPISODE, MOVIE, TAG_ELEMENTS, Item, Tagging, file_stem
from simulator.plex.library import Library, agent_answer

_COMMON: Final = frozenset(
    (
        "title titleSort summary contentRating originallyAvailableAt addedAt rating "
        "audienceRating userRating year"
    ).split()
)
_MOVIE_ONLY: Final = frozenset(("studio", "tagline", "originalTitle"))
_EPISODE_TAGS: Final = frozenset(("actor", "collection", "director", "label", "writer"))
_NUMBERS: Final = {
    "rating": float,
    "audienceRating": float,
    "userRating": float,
    "year": int,
    "addedAt": int,
}

_FIELD: Final = re.compile(r"^(\w+)\.(value|locked)$")
_TAG: Final = re.compile(r"^(\w+)\[(\d*)\]\.(tag|tag\.tag|tag\.tag-|tag\.thumb|tagging\.text)$")
_DATE: Final = re.compile(r"^\d{4}-\d{2}-\d{2}$")


class EditRefusedError(Exception):
    """An edit the server turns down; ``status`` is what it answers."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(slots=True)
class TagAdd:
    """One ``kind[i]``: the tag, and what it says about this item and about the person."""

    kind: str
    tag: str = ""
    text: str | None = None
    thumb: str | None = None


@dataclass(slots=True)
class Plan:
    """One PUT, understood: fields to set, locks to move, tags to clear, remove and add."""

    values: dict[str, str | int | float | None] = field(default_factory=dict)
    locks: dict[str, bool] = field(default_factory=dict)
    # By kind and index.
    adds: dict[tuple[str, str], TagAdd] = field(default_factory=dict)
    # (kind, names to remove), None for all of them.
    removes: list[tuple[str, list[str] | None]] = field(default_factory=list)
    removes_come_last: bool = False


def parse(pairs: Sequence[tuple[str, str]], kind: int) -> Plan:
    """What the query asks to be changed on items of ``kind``.

    Raises:
        EditRefusedError: 400 for a field the kind does not have, 500 for a value
            that is none, such as a date that is no date.
    """
    plan = Plan()
    for name, value in pairs:
        if "." not in name and "[" not in name:
            continue
        plain, tag = _FIELD.match(name), _TAG.match(name)
        if plain and plain[2] == "value" and _known_field(plain[1], kind):
            plan.values[plain[1]] = _value(plain[1], value)
        elif plain and plain[2] == "locked" and _known_lock(plain[1], kind):
            plan.locks[plain[1]] = value not in {"0", "false", ""}
        elif tag and _known_tag(tag[1], kind):
            _parse_tag(plan, tag, value)
        else:
            raise EditRefusedError(400, f"there is no {name!r} on this type")
    return plan


def apply(library: Library, item: Item, plan: Plan) -> None:
    """Carry the plan out on one item, and move the clocks an edit moves."""
    for name, value in plan.values.items():
        item.set_value(name, value)
        if name == "originallyAvailableAt" and "year" not in plan.values:
            item.set_value("year", int(str(value)[:4]) if value else None)
    for name, locked in plan.locks.items():
        item.lock(name, locked=locked)
    order, adds = library.switches.tag_order, [add for add in plan.adds.values() if add.tag]
    adds_first = order == "add_first" or (order == "url_order" and plan.removes_come_last)
    if adds_first:
        _add(library, item, adds)
    _remove(item, plan.removes)
    if not adds_first:
        _add(library, item, adds)
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
        if person or not item.is_locked(name):
            item.set_value(name, value)
    for kind, names in tags.items():
        if person or not item.is_locked(kind):
            item.taggings(kind).clear()
            _add(library, item, [TagAdd(kind, name) for name in names])
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


def _changed(library: Library, item: Item) -> None:
    section = library.sections[item.section_id]
    section.unsorted.add(item.kind)
    section.content_changed_at += 1
    item.updated_at = library.now()


def _known_field(name: str, kind: int) -> bool:
    return name in _COMMON or (name in _MOVIE_ONLY and kind == MOVIE)


def _known_tag(name: str, kind: int) -> bool:
    return name in (_EPISODE_TAGS if kind == EPISODE else TAG_ELEMENTS)


def _known_lock(name: str, kind: int) -> bool:
    return name in {"thumb", "art"} or _known_field(name, kind) or _known_tag(name, kind)


def _value(name: str, value: str) -> str | int | float | None:
    if value == "":
        return None
    if name == "originallyAvailableAt" and not _DATE.match(value):
        raise EditRefusedError(500, f"{value!r} is no date")
    try:
        return _NUMBERS[name](value) if name in _NUMBERS else value
    except ValueError:
        raise EditRefusedError(500, f"{value!r} is no {name}") from None


def _parse_tag(plan: Plan, match: re.Match[str], value: str) -> None:
    kind, index, what = match.groups()
    if what in {"tag", "tag.tag-"}:
        # The list is encoded once as a whole and once name by name, so that a
        # comma inside a name is no separator.
        names = [unquote(name) for name in value.split(",")] if what == "tag.tag-" else None
        plan.removes.append((kind, names))
        plan.removes_come_last = True
        return
    add = plan.adds.setdefault((kind, index), TagAdd(kind))
    if what == "tag.tag":
        add.tag = value
        plan.removes_come_last = False
    elif what == "tag.thumb":
        add.thumb = value
    else:
        add.text = value


def _add(library: Library, item: Item, adds: list[TagAdd]) -> None:
    if library.switches.tag_writes == "replace":
        for kind in {add.kind for add in adds}:
            item.taggings(kind).clear()
    for add in adds:
        row = library.tag_row(add.kind, add.tag)
        if add.thumb is not None:
            row.thumb = add.thumb
        taggings = item.taggings(add.kind)
        here = next((tagging for tagging in taggings if tagging.row is row), None)
        if here is None:
            taggings.append(Tagging(row, add.text or ""))
        elif add.text is not None:
            here.text = add.text


def _remove(item: Item, removes: list[tuple[str, list[str] | None]]) -> None:
    for kind, names in removes:
        taggings = item.taggings(kind)
        gone = None if names is None else {name.lower() for name in names}
        taggings[:] = [t for t in taggings if gone is not None and t.row.tag.lower() not in gone]
