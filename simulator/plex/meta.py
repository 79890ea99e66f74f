"""The ``Meta`` part of a listing (which filters and sorts a section has) and its collections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulator.plex.items import COLLECTION, KIND_NAMES, TagRow
from simulator.plex.xml import Attributes, Element

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.sections import Section

# Collections are items of their own with rating keys of their own.
COLLECTION_KEYS: Final = 9_000_000

_FIELDS: Final = (
    ("title", "string"),
    ("titleSort", "string"),
    ("studio", "string"),
    ("summary", "string"),
    ("userRating", "integer"),
    ("year", "integer"),
    ("contentRating", "tag"),
    ("genre", "tag"),
    ("collection", "tag"),
    ("director", "tag"),
    ("writer", "tag"),
    ("producer", "tag"),
    ("country", "tag"),
    ("actor", "tag"),
    ("label", "tag"),
    ("addedAt", "date"),
    ("originallyAvailableAt", "date"),
)
_OPERATORS: Final = {
    "string": ("=", "!=", "==", "!==", "<=", ">="),
    "integer": ("=", "!=", ">>=", "<<="),
    "tag": ("=", "!="),
    "date": ("<<=", ">>="),
}
_SORTS: Final = ("titleSort", "addedAt", "updatedAt", "originallyAvailableAt", "year", "userRating")


def meta_element(section: Section) -> Element:
    """Types with their filters, sorts and fields, and the operators of each kind of field."""
    # `file` is not listed although the server filters by it: that is recorded.
    kinds = {section.default_kind, section.file_kind}
    types = [_type_element(section, kind) for kind in sorted(kinds)]
    operators = [
        Element(
            "FieldType",
            {"type": name},
            [Element("Operator", {"key": key, "title": key}) for key in keys],
        )
        for name, keys in _OPERATORS.items()
    ]
    return Element("Meta", {}, types + operators)


def collection_elements(library: Library, section: Section) -> list[Element]:
    """The section's collections; one without items does not exist."""
    counts: dict[int, tuple[TagRow, int]] = {}
    for items in section.items.values():
        for item in items:
            for tagging in (item.tags or {}).get("collection", ()):
                row = tagging.row
                counts[row.tag_id] = (row, counts.get(row.tag_id, (row, 0))[1] + 1)
    elements = []
    for tag_id, (row, count) in sorted(counts.items()):
        key = COLLECTION_KEYS + tag_id
        attributes: Attributes = {
            "ratingKey": str(key),
            "key": f"/library/collections/{key}/children",
            "guid": f"collection://{key}",
            "type": KIND_NAMES[COLLECTION],
            "title": row.tag,
            "subtype": section.style.type,
            "summary": "",
            "index": tag_id,
            "addedAt": library.now(),
            "updatedAt": library.now(),
            "childCount": str(count),
        }
        elements.append(Element("Directory", attributes, json_name="Metadata"))
    return elements


def _type_element(section: Section, kind: int) -> Element:
    name = KIND_NAMES[kind]
    base = f"/library/sections/{section.section_id}"
    children = [
        Element(
            "Filter",
            {
                "filter": field,
                "filterType": "string",
                "key": f"{base}/{field}",
                "title": field.capitalize(),
                "type": "filter",
            },
        )
        for field, field_type in _FIELDS
        if field_type == "tag"
    ]
    children += [
        Element(
            "Sort",
            {
                "default": "asc" if key == "titleSort" else "",
                "defaultDirection": "asc" if key == "titleSort" else "desc",
                "descKey": f"{key}:desc",
                "key": key,
                "title": key,
            },
        )
        for key in _SORTS
    ]
    children += [
        Element("Field", {"key": f"{name}.{field}", "title": field, "type": field_type})
        for field, field_type in _FIELDS
    ]
    return Element(
        "Type",
        {
            "key": f"{base}/all?type={kind}",
            "type": name,
            "title": f"{name.capitalize()}s",
            "active": kind == section.default_kind,
        },
        children,
    )
