"""The fields that can be synced, and the sync_fields setting that chooses among them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

FIELDS = (
    "title",
    "sort_title",
    "studio",
    "summary",
    "date",
    "rating",
    "content_rating",
    "performers",
    "director",
    "tags",
    "labels",
    "group_collections",
    "studio_collection",
    "parent_studio_collection",
    "performer_collections",
    "poster",
    "background",
)
"""What sync_fields may name, in the order of the documentation."""

COLLECTION_FIELDS = frozenset(
    ("group_collections", "studio_collection", "parent_studio_collection", "performer_collections")
)
"""Those that put items into collections."""

#: What is synced when sync_fields is empty: everything but the collections.
#: Labels are written only where ``tag_rules`` sends a tag there.
DEFAULT_FIELDS = tuple(name for name in FIELDS if name not in COLLECTION_FIELDS)
# Anything else is not repeated: it may be a token in the wrong box.
_LIKE_A_FIELD = re.compile(r"[A-Za-z _-]{1,24}")
# What people call a field of ours elsewhere: in Stash, in Plex, in NFO files.
_OTHER_NAMES = {
    "actors": "performers",
    "art": "background",
    "cast": "performers",
    "collections": "group_collections",
    "cover": "poster",
    "description": "summary",
    "details": "summary",
    "directors": "director",
    "genres": "tags",
    "groups": "group_collections",
    "image": "poster",
    "movies": "group_collections",
    "plot": "summary",
    "release_date": "date",
    "year": "date",
}


def read_fields(names: Iterable[str]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The fields that ``names`` choose, and for each unknown name what to write instead.

    Case, and blanks or hyphens for underscores, do not matter: "Sort Title".
    """
    chosen: set[str] = set()
    faults: list[str] = []
    for typed in dict.fromkeys(names):
        name = "_".join(re.split(r"[\s_-]+", typed.lower()))
        if name in FIELDS:
            chosen.add(name)
            continue
        readable = _LIKE_A_FIELD.fullmatch(typed) is not None
        near = difflib.get_close_matches(name, FIELDS, n=1) if readable else []
        meant = _OTHER_NAMES.get(name) or (near[0] if near else "")
        advice = f"did you mean {meant}?" if meant else f"possible are {', '.join(FIELDS)}"
        shown = f'"{typed}"' if readable else "of that name"
        faults.append(f"knows no field {shown}; {advice}")
    return frozenset(chosen), tuple(faults)
