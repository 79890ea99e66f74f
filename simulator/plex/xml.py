"""A small tree that is written as Plex's XML.

The recorded bytes show the habits copied here: one element a line, `` />`` for
an element without children, and a ``MediaContainer`` that is never self-closing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

Value = str | int | float
Attributes = dict[str, Value]

XML_TYPE: Final = "text/xml;charset=utf-8"

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL: Final = re.compile(r'[&<>"\x00-\x1f]')
# Line breaks must be written as references, or a parser makes them blanks; other control
# characters cannot be written in XML 1.0 at all.
_NAMED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_ENTITIES: Final = {**_NAMED, "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}


@dataclass(slots=True, eq=False)
class Element:
    """One element: a name, attributes in their order (a bool is 1 or 0), children in theirs."""

    name: str
    attributes: Attributes
    children: Sequence[Element] = ()


def to_xml(root: Element) -> bytes:
    """The document as Plex would send it, UTF-8, with its declaration."""
    out = [_DECLARATION]
    _write(root, out, always_open=True)
    return "".join(out).encode("utf-8", "surrogatepass")


def _entity(found: re.Match[str]) -> str:
    return _ENTITIES.get(found.group(), "")


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
