"""From a path to the Plex item that holds the file: asked for, bounded, verified.

Plex's ``file=`` filter is undocumented and works (recorded from a real server):
it finds parts whose path contains the text. Three traps decide how it is used
(facts seen on real servers):

- a comma means OR even when encoded, and an empty alternative matches all, so
  only a comma-free piece of the name is sent;
- a filter that a server does not know is ignored and the whole library comes
  back, so the request is bounded and every answer is compared with the path;
- ``type`` is mandatory, without it the server answers 500.
"""

from __future__ import annotations

import unicodedata
from typing import Any
from urllib.parse import quote

from plex.exceptions import AmbiguousMatch, translate_plex_exception
from plex.fields import LEAF_TYPE_OF_SECTION
from validation.path_map import base_name, path_key

#: Items asked for with one query: a base name rarely stands in more folders.
PAGE = 50
#: Items looked through before a name counts as too common to search for.
MOST = 400


def find_plex_item_by_path(section: Any, path: str) -> Any | None:
    """Find the item of a library section that holds a file.

    Args:
        section: A plexapi library section (anything with its ``key``, ``type``
            and ``fetchItems``).
        path: The file's full path as Plex sees it.

    Returns:
        The plexapi item, verified against its parts; the lowest rating key if
        several hold the file; None when the section has none.

    Raises:
        AmbiguousMatch: Too many names alike to look through.
        faults.SyncError: Plex could not be asked.
    """
    found = find_plex_items_by_path(section, path)
    return found[0] if found else None


def find_plex_items_by_path(section: Any, path: str) -> list[Any]:
    """Find every item of a section that holds a file, lowest rating key first."""
    wanted = path_key(path)
    if not wanted:
        return []
    leaf = LEAF_TYPE_OF_SECTION.get(getattr(section, "type", "movie"), 1)
    for whole_path in (False, True):
        overflow = False
        for needle in needles(path, whole_path=whole_path):
            found, complete = _search(section, leaf, needle, wanted)
            if found:
                return sorted(found, key=lambda item: int(item.ratingKey))
            overflow = overflow or not complete
        if not overflow:
            return []
    raise AmbiguousMatch(
        f"More than {MOST} files in the Plex library {getattr(section, 'title', '')!r} are named "
        f"like {path}; PlexSync does not guess. Give the file a more telling name."
    )


def _search(section: Any, leaf: int, needle: str, wanted: str) -> tuple[list[Any], bool]:
    """Give the verified items for one needle, and whether all answers were looked at."""
    key = f"/library/sections/{section.key}/all?type={leaf}&file={quote(needle, safe='')}"
    start = 0
    while start < MOST:
        try:
            page = list(
                section.fetchItems(key, container_start=start, container_size=PAGE, maxresults=PAGE)
            )
        except Exception as error:  # every error is translated, none is swallowed
            raise translate_plex_exception(error) from error
        found = [item for item in page if wanted in _part_keys(item)]
        if found:
            return found, True
        if len(page) < PAGE:
            return [], True
        start += len(page)
    return [], False


def _part_keys(item: Any) -> set[str]:
    return {
        path_key(part.file)
        for media in (getattr(item, "media", None) or ())
        for part in (media.parts or ())
        if part.file
    }


def needles(path: str, *, whole_path: bool = False) -> list[str]:
    """Give the texts to search for, best first: comma-free, in the forms a server may store.

    Plain ASCII pieces are preferred when they are telling enough, because a
    server on macOS may store names decomposed.
    """
    source = path if whole_path else base_name(path)
    pieces = [piece.strip() for piece in source.split(",")]
    pieces = sorted((piece for piece in pieces if piece), key=len, reverse=True)
    if not pieces:
        return []
    plain = [piece for piece in pieces if piece.isascii() and len(piece) >= 12]
    if plain:
        return plain[:1]
    best = pieces[0]
    return list(dict.fromkeys(unicodedata.normalize(form, best) for form in ("NFC", "NFD")))
