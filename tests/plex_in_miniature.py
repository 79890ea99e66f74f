"""A Plex of one item, pure: what a PUT does to it, under either reading of the unknowns.

It reads the parameters as they go over the wire, so that what the merge wants
and what plex/edits.py makes of it are judged together.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from plex.edits import requests_for
from plex.fields import LISTS, SCALARS
from plex.item import Member, PlexItem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plex.edits import Edit, Params

OUR_NAME = {field.wire: field.name for field in SCALARS + LISTS}
_TAG = re.compile(r"(\w+)\[(\d*)\]\.(tag\.tag|tag\.tag-|tagging\.text|tag\.thumb)")


@dataclass(frozen=True)
class Reading:
    """How this Plex takes what nobody knows for certain.

    ``replaces``: tags sent replace the list rather than join it; ``adds_first``:
    of one request's additions and removals; ``hides_sort_title``: titleSort is
    left out where it is the title.
    """

    replaces: bool = False
    adds_first: bool = False
    hides_sort_title: bool = False


def an_item(
    values: Mapping[str, str] | None = None,
    lists: Mapping[str, Iterable[str | Member]] | None = None,
    locked: Iterable[str] = (),
    files: tuple[str, ...] = ("/plex/media/The File.mp4",),
    kind: str = "movie",
) -> PlexItem:
    """An item with these values and lists by field name; everything else is empty."""
    members = {
        name: tuple(one if isinstance(one, Member) else Member(one) for one in given)
        for name, given in (lists or {}).items()
    }
    return PlexItem(
        rating_key=7,
        section=1,
        type=kind,
        values={**{field.name: "" for field in SCALARS}, **(values or {})},
        lists={**{field.name: () for field in LISTS}, **members},
        locked=frozenset(locked),
        files=(files,),
    )


def put(item: PlexItem, edit: Edit, reading: Reading, *, requests: int | None = None) -> PlexItem:
    """The item after an edit, or after only its first ``requests`` requests."""
    sent = requests_for(edit) if requests is None else requests_for(edit, longest=60)[:requests]
    for params in sent:
        item = _one_put(item, params, reading)
    return item


def _one_put(item: PlexItem, params: Params, reading: Reading) -> PlexItem:
    assert params[:2] == [("type", "1"), ("id", str(item.rating_key))]
    values, locked = dict(item.values), set(item.locked)
    added: dict[str, list[Member]] = {}
    removed: dict[str, list[str]] = {}
    for name, text in params[2:]:
        field, _, what = name.rpartition(".")
        tag = _TAG.fullmatch(name)
        if tag is None:
            if what == "locked":
                locked = locked | {OUR_NAME[field]} if text == "1" else locked - {OUR_NAME[field]}
            else:
                assert what == "value"
                values[OUR_NAME[field]] = text
        elif tag[3] == "tag.tag":
            added.setdefault(OUR_NAME[tag[1]], []).append(Member(text))
        elif tag[3] == "tag.tag-":
            removed[OUR_NAME[tag[1]]] = [unquote(one) for one in text.split(",")]
    if reading.hides_sort_title and values["sort_title"] == values["title"]:
        values["sort_title"] = ""
    lists = dict(item.lists)
    for name in {*added, *removed}:
        steps = [_add, _remove] if reading.adds_first else [_remove, _add]
        for step in steps:
            lists[name] = step(lists[name], added.get(name, []), removed.get(name, []), reading)
    when = item.updated_at + 1
    return replace(item, values=values, lists=lists, locked=frozenset(locked), updated_at=when)


def _add(
    members: tuple[Member, ...], added: list[Member], removed: list[str], reading: Reading
) -> tuple[Member, ...]:
    kept = () if reading.replaces and added else members
    known = {member.name.lower() for member in kept}
    return (*kept, *(member for member in added if member.name.lower() not in known))


def _remove(
    members: tuple[Member, ...], added: list[Member], removed: list[str], reading: Reading
) -> tuple[Member, ...]:
    gone = {name.lower() for name in removed}
    return tuple(member for member in members if member.name.lower() not in gone)
