"""A small tree that is written as Plex's XML or as Plex's JSON.

The recorded bytes show the habits copied here: one element a line, `` />`` for
an element without children, and a ``MediaContainer`` that is never self-closing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

Value = str | int | float
Attributes = dict[str, Value]

XML_TYPE: Final = "text/xml;charset=utf-8"
JSON_TYPE: Final = "application/json"
HTML_TYPE: Final = "text/html"

_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPECIAL: Final = re.compile(r'[&<>"\x00-\x1f]')
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
# In JSON the video and directory entries of a library answer are all "Metadata".
_METADATA: Final = frozenset({"Video", "Photo"})


class Element:
    """One element: a name, attributes in their order, children in theirs.

    A bool attribute is 1 or 0 in XML and true or false in JSON. ``json_name``
    is the key of the list that holds it in JSON.
    """

    __slots__ = ("attributes", "children", "json_name", "name")

    def __init__(
        self,
        name: str,
        attributes: Attributes | None = None,
        children: Iterable[Element] = (),
        json_name: str | None = None,
    ) -> None:
        self.name = name
        self.attributes: Attributes = attributes if attributes is not None else {}
        self.children = list(children)
        self.json_name = json_name or ("Metadata" if name in _METADATA else name)


def to_xml(root: Element) -> bytes:
    """The document as Plex would send it, UTF-8, with its declaration."""
    out = [_DECLARATION]
    _write(root, out, always_open=True)
    return "".join(out).encode("utf-8", "surrogatepass")


def to_json(root: Element) -> bytes:
    """The same as JSON: lists only where there are children, numbers as numbers."""
    return json.dumps({root.name: _plain(root)}, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def status_page(status: int, phrase: str) -> bytes:
    """The HTML page Plex answers errors with."""
    return (
        f"<html><head><title>{phrase}</title></head><body><h1>{status} {phrase}</h1></body></html>"
    ).encode()


def escaped(text: str) -> str:
    """``text`` as it may stand between double quotes in XML."""
    return _SPECIAL.sub(_entity, text)


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
        plain.setdefault(child.json_name, []).append(_plain(child))
    return plain
