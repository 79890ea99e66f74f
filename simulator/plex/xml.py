"""A small tree that is written as Plex's XML or as Plex's JSON.

The recorded bytes show the habits copied here: one element a line, `` />`` for
an element without children, and a ``MediaContainer`` that is never self-closing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

Value = str | int | float
Attributes = dict[str, Value]

XML_TYPE: Final = "text/xml;charset=utf-8"
JSON_TYPE: Final = "application/json"

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL: Final = re.compile(r'[&<>"\x00-\x1f]')
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class Element:
    """One element: a name, attributes in their order, children in theirs.

    A bool attribute is 1 or 0 in XML and true or false in JSON.
    """

    __slots__ = ("attributes", "children", "name")

    def __init__(self, name: str, attributes: Attributes, children: Sequence[Element] = ()) -> None:
        self.name = name
        self.attributes = attributes
        self.children = children


def to_xml(root: Element) -> bytes:
    """The document as Plex would send it, UTF-8, with its declaration."""
    out = [_DECLARATION]
    _write(root, out, always_open=True)
    return "".join(out).encode("utf-8", "surrogatepass")


def to_json(root: Element) -> bytes:
    """The same as JSON: lists only where there are children, numbers as numbers."""
    return json.dumps({root.name: _plain(root)}, ensure_ascii=False).encode()


def _entity(match: re.Match[str]) -> str:
    character = match.group()
    # Line breaks must be written as references, or a parser makes them blanks;
    # other control characters cannot be written in XML 1.0 at all.
    named = _ENTITIES.get(character)
    if named:
        return named
    return f"&#{ord(character)};" if character in "\t\n\r" else ""


def _write(element: Element, out: list[str], *, always_open: bool = False) -> None:
    out.append("<" + element.name)
    for name, value in element.attributes.items():
        if isinstance(value, str):
            text = _SPECIAL.sub(_entity, value)
        elif value is True or value is False:
            text = "1" if value else "0"
        else:
            text = str(value)
        out.append(f' {name}="{text}"')
    if element.children or always_open:
        out.append(">\n")
        for child in element.children:
            _write(child, out)
        out.append(f"</{element.name}>\n")
    else:
        out.append(" />\n")


def _plain(element: Element) -> dict[str, Any]:
    plain: dict[str, Any] = dict(element.attributes)
    for child in element.children:
        # In JSON the videos and photos of a library answer are all "Metadata".
        name = "Metadata" if child.name in {"Video", "Photo"} else child.name
        plain.setdefault(name, []).append(_plain(child))
    return plain
