"""Edits of items: the fields, tags and locks one PUT carries in its query.

Modelled on the official contract and on what clients that work send; nobody
has published a recording of such a PUT, so every doubtful point is a switch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from simulator.plex.agent import agent_answer
from simulator.plex.items import EPISODE, MOVIE, TAG_ELEMENTS, Item, Tagging, file_stem

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.switches import Switches

_COMMON: Final = frozenset(
    {
        "title",
        "titleSort",
        "summary",
        "contentRating",
        "originallyAvailableAt",
        "addedAt",
        "rating",
        "audienceRating",
        "userRating",
        "year",
    }
)
_MOVIE_ONLY: Final = frozenset({"studio", "tagline", "originalTitle", "editionTitle"})
_EPISODE_TAGS: Final = frozenset({"actor", "collection", "director", "label", "writer"})
_LOCK_ONLY: Final = frozenset({"thumb", "art", "banner", "theme", "squareArt", "clearLogo"})
_NUMBERS: Final = frozenset({"rating", "audienceRating", "userRating"})

_FIELD: Final = re.compile(r"^(\w+)\.(value|locked)$")
_TAG: Final = re.compile(
    r"^(\w+)\[(\d*)\]\.(tag|tag\.tag|tag\.tag-|tag\.thumb|tag\.art|tagging\.\w+)$"
)
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
    adds: list[TagAdd] = field(default_factory=list)
    # (kind, names to remove), None for all of them.
    removes: list[tuple[str, list[str] | None]] = field(default_factory=list)
    removes_come_last: bool = False


def parse(pairs: Sequence[tuple[str, str]], kind: int, switches: Switches) -> Plan:
    """What the query asks to be changed on items of ``kind``.

    Raises:
        EditRefusedError: 400 for a field the kind does not have (by switch), 500
            for a value that is none, such as a date that is no date.
    """
    plan = Plan()
    linked: dict[tuple[str, str], TagAdd] = {}
    for name, value in pairs:
        if "." not in name and "[" not in name:
            continue
        plain = _FIELD.match(name)
        if plain:
            _parse_field(plan, plain[1], plain[2], value, kind, switches)
            continue
        tag = _TAG.match(name)
        if tag and _known_tag(tag[1], kind):
            _parse_tag(plan, linked, tag, value)
        elif switches.unknown_field == "400":
            raise EditRefusedError(400, f"no such parameter {name!r}")
    plan.adds = [add for add in plan.adds if add.tag]
    return plan


def apply(library: Library, item: Item, plan: Plan) -> None:
    """Carry the plan out on one item, and move the clocks an edit moves."""
    for name, value in plan.values.items():
        item.set_value(name, value)
        if name == "originallyAvailableAt" and "year" not in plan.values:
            item.set_value("year", int(str(value)[:4]) if value else None)
    for name, locked in plan.locks.items():
        item.lock(name, locked=locked)
    switches = library.switches
    adds_first = switches.tag_order == "add_first" or (
        switches.tag_order == "url_order" and plan.removes_come_last
    )
    if adds_first:
        _add(library, item, plan.adds)
        _remove(item, plan.removes)
    else:
        _remove(item, plan.removes)
        _add(library, item, plan.adds)
    if switches.edit_bumps_updated_at:
        item.updated_at = library.now()
    if switches.edit_bumps_content_changed:
        library.sections[item.section_id].content_changed_at += 1
    if plan.values:
        library.sections[item.section_id].stale.add(item.kind)


def change(
    library: Library,
    item: Item,
    fields: dict[str, Any],
    tags: dict[str, list[Any]],
    *,
    person: bool,
) -> list[str]:
    """Set fields and whole tag lists as a person in Plex Web does, or as an agent does.

    A person's change locks what it touches; an agent's leaves locked fields
    alone and locks nothing. Tags are names, or for actors also objects with
    ``tag``, ``role`` and ``thumb``. Returns the names that were changed.
    """
    changed = []
    for name, value in fields.items():
        if person or not item.is_locked(name):
            item.set_value(name, value)
            changed.append(name)
    for kind, wanted in tags.items():
        if person or not item.is_locked(kind):
            item.taggings(kind).clear()
            _add(library, item, [_tag_add(kind, tag) for tag in wanted])
            changed.append(kind)
    for name in changed if person else ():
        item.lock(name, locked=True)
    section = library.sections[item.section_id]
    section.stale.add(item.kind)
    section.content_changed_at += 1
    item.updated_at = library.now()
    return changed


def refresh(library: Library, item: Item) -> None:
    """A metadata refresh: the agent's words, or without one the file's name, where unlocked."""
    section = library.sections[item.section_id]
    if item.matched:
        fields, tags = agent_answer(int(item.matched, 16))
        change(library, item, dict(fields), dict(tags), person=False)
    elif section.agentless and library.switches.none_agent_title_revert and item.parts:
        change(library, item, {"title": file_stem(item.parts[0].path)}, {}, person=False)
    item.updated_at = library.now()


def _parse_field(
    plan: Plan, name: str, what: str, value: str, kind: int, switches: Switches
) -> None:
    known = name in _COMMON or (name in _MOVIE_ONLY and kind == MOVIE)
    if name == "editionTitle" and not switches.plex_pass:
        known = False
    if what == "locked":
        if known or name in _LOCK_ONLY or _known_tag(name, kind):
            plan.locks[name] = value not in {"0", "false", ""}
            return
    elif known:
        plan.values[name] = _value(name, value)
        return
    if switches.unknown_field == "400":
        raise EditRefusedError(400, f"no field {name!r} on this type")


def _value(name: str, value: str) -> str | int | float | None:
    if value == "":
        return None
    try:
        if name in _NUMBERS:
            return float(value) if float(value) >= 0 else None
        if name in {"year", "addedAt"}:
            return int(value)
    except ValueError:
        raise EditRefusedError(500, f"{value!r} is no {name}") from None
    if name == "originallyAvailableAt" and not _DATE.match(value):
        raise EditRefusedError(500, f"{value!r} is no date")
    return value


def _known_tag(kind: str, item_kind: int) -> bool:
    return kind in (_EPISODE_TAGS if item_kind == EPISODE else TAG_ELEMENTS)


def _parse_tag(
    plan: Plan, linked: dict[tuple[str, str], TagAdd], match: re.Match[str], value: str
) -> None:
    kind, index, what = match.groups()
    if what == "tag.tag-":
        # The list is encoded once as a whole and once name by name, so that a
        # comma inside a name is no separator.
        plan.removes.append((kind, [unquote(name) for name in value.split(",")]))
        plan.removes_come_last = True
        return
    if what == "tag":
        plan.removes.append((kind, None))
        plan.removes_come_last = True
        return
    add = linked.get((kind, index))
    if add is None or (index == "" and what == "tag.tag"):
        add = linked[kind, index] = TagAdd(kind)
        plan.adds.append(add)
    if what == "tag.tag":
        add.tag = value
        plan.removes_come_last = False
    elif what == "tag.thumb":
        add.thumb = value
    elif what == "tagging.text":
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
        if names is None:
            taggings.clear()
        else:
            gone = {name.lower() for name in names}
            taggings[:] = [t for t in taggings if t.row.tag.lower() not in gone]


def _tag_add(kind: str, tag: Any) -> TagAdd:
    if isinstance(tag, dict):
        return TagAdd(kind, str(tag["tag"]), tag.get("role"), tag.get("thumb"))
    return TagAdd(kind, str(tag))
