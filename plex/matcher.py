"""From a path to the Plex item that holds the file: asked for, bounded, verified.

Plex's ``file=`` filter is undocumented and works (recorded from a real server):
it finds parts whose path contains the text. Three traps decide how it is used
(facts seen on real servers):

- a comma means OR even when encoded, and an empty alternative matches all, so
  only a comma-free piece of the name is sent;
- a filter that a server does not know is ignored and the whole library comes
  back, so the request is bounded and every answer is compared with the path;
- ``type`` is mandatory, without it the server answers 500.

Case counts, unless the path is a Windows path or the server says that it runs
where file systems ignore case; even there a path that differs in case is taken
only if it is the only one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from plex.exceptions import AmbiguousMatch, translate_plex_exception
from plex.fields import LEAF_TYPE_OF_SECTION
from validation.path_map import base_name, path_key

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Items asked for with one query: a base name rarely stands in more folders.
SEARCHED_A_PAGE = 50
#: Items looked through before a name counts as too common to search for.
MOST = 400
#: Platforms, as Plex names its own, whose file systems usually ignore case.
IGNORING_CASE = frozenset({"windows", "macosx"})


class Candidate(NamedTuple):
    """A file that Plex has; ``file`` as Plex names it, ``size`` in bytes or None."""

    rating_key: int
    file: str
    size: int | None


@dataclass(slots=True)
class Matches:
    """What one search found: ``items`` hold the file; ``tied`` differ from it in case only.

    ``items`` are plexapi items, lowest rating key first, ``files`` their parts
    that matched. ``tied`` is filled only when there are several and no exact one.
    """

    items: list[Any] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    tied: list[Candidate] = field(default_factory=list)


def find_plex_item_by_path(section: Any, path: str, every: Matches | None = None) -> Any | None:
    """Find the item of a library section that holds a file.

    Args:
        section: A plexapi library section (anything with its ``key``, ``type``
            and ``fetchItems``).
        path: The file's full path as Plex sees it.
        every: Filled with all that the search found, also what ties.

    Returns:
        The plexapi item, verified against its parts; the lowest rating key if
        several hold the file; None when the section has none.

    Raises:
        AmbiguousMatch: Too many names alike to look through, or several that
            differ in case only (where ``every`` does not take them).
        errors.SyncError: Plex could not be asked.
    """
    found = _search(section, path)
    if every is not None:
        every.items, every.files, every.tied = found.items, found.files, found.tied
    elif found.tied:
        raise AmbiguousMatch.about(f"{refused(path, found.tied)}, which differ in case only.")
    return found.items[0] if found.items else None


def _search(section: Any, path: str) -> Matches:
    """Search one section for a file."""
    wanted = path_key(path)
    if not wanted:
        return Matches()
    same_but_case: dict[int, tuple[Any, Candidate]] = {}
    for whole_path in (False, True):
        pages = _Pages(section)
        for needle in needles(path, whole_path=whole_path):
            for page in pages.of(needle):
                exact = Matches()
                for item, part in _parts(page):
                    if path_key(part.file) == wanted:
                        exact.items.append(item)
                        exact.files.append(part.file)
                    elif path_key(part.file).casefold() == wanted.casefold():
                        same_but_case[int(item.ratingKey)] = item, _candidate(item, part)
                if exact.items:
                    return _in_order(exact)
        if not pages.cut_off:
            return _folded(section, same_but_case)
    raise AmbiguousMatch(
        f"More than {MOST} files in the Plex library {getattr(section, 'title', '')!r} are named "
        f"like {path}; PlexSync does not guess. Give the file a more telling name."
    )


def same_named(section: Any, path: str, size: int | None) -> list[Candidate]:
    """Give the files of a section with the base name of ``path``, in whatever folder.

    Args:
        section: A plexapi library section.
        path: A path; its folders do not matter.
        size: Its size in bytes; files known to have another one are left out.

    Returns:
        None of them proven. Of very many only the first are looked at.
    """
    wanted = _name_key(path)
    found: dict[tuple[int, str], Candidate] = {}
    pages = _Pages(section)
    for needle in needles(path):
        for page in pages.of(needle):
            for item, part in _parts(page):
                if _name_key(part.file) == wanted:
                    one = _candidate(item, part)
                    if size is None or one.size in (None, size):
                        found[one.rating_key, one.file] = one
    return list(found.values())


def refused(
    path: str, candidates: list[Candidate], *, named: int = 5, private: bool = False
) -> str:
    """Give the start of a sentence that names the candidates for a file.

    ``private`` names items only: nobody may know Plex's paths beforehand to
    keep them out of a log.
    """
    names = ", ".join(
        f"item {one.rating_key}" if private else f"{one.file} (item {one.rating_key})"
        for one in candidates[:named]
    )
    more = f" and {len(candidates) - named} more" if len(candidates) > named else ""
    return f"{path} could be any of {names}{more} in Plex"


class _Pages:
    """The pages of searches in one section; ``cut_off`` when one of them had too many."""

    def __init__(self, section: Any) -> None:
        self._section = section
        self._leaf = LEAF_TYPE_OF_SECTION.get(getattr(section, "type", "movie"), 1)
        self.cut_off = False

    def of(self, needle: str) -> Iterator[list[Any]]:
        """Give the items whose paths contain a text, page by page."""
        key = (
            f"/library/sections/{self._section.key}/all"
            f"?type={self._leaf}&file={quote(needle, safe='')}"
        )
        for start in range(0, MOST, SEARCHED_A_PAGE):
            try:
                page = list(
                    self._section.fetchItems(
                        key,
                        container_start=start,
                        container_size=SEARCHED_A_PAGE,
                        maxresults=SEARCHED_A_PAGE,
                    )
                )
            except Exception as error:  # noqa: BLE001 - every one becomes ours here
                fault = translate_plex_exception(error)
            else:
                yield page
                if len(page) < SEARCHED_A_PAGE:
                    return
                continue
            # Outside of the handler: plexapi's texts quote whole URLs.
            raise fault
        self.cut_off = True


def ignores_case(section: Any) -> bool:
    """Say whether the section's server runs where file systems usually ignore case."""
    platform = str(getattr(getattr(section, "_server", None), "platform", ""))
    return platform.lower() in IGNORING_CASE


def _folded(section: Any, found: dict[int, tuple[Any, Candidate]]) -> Matches:
    if not ignores_case(section):
        return Matches()
    pairs = [found[key] for key in sorted(found)]
    if len(pairs) > 1:
        return Matches(tied=[candidate for _, candidate in pairs])
    return Matches([item for item, _ in pairs], [candidate.file for _, candidate in pairs])


def _in_order(found: Matches) -> Matches:
    pairs = sorted(
        zip(found.items, found.files, strict=True), key=lambda pair: int(pair[0].ratingKey)
    )
    return Matches([item for item, _ in pairs], [file for _, file in pairs])


def _parts(items: list[Any]) -> Iterator[tuple[Any, Any]]:
    for item in items:
        for media in getattr(item, "media", None) or ():
            for part in media.parts or ():
                if part.file:
                    yield item, part


def _candidate(item: Any, part: Any) -> Candidate:
    size = getattr(part, "size", None)
    return Candidate(int(item.ratingKey), part.file, size if isinstance(size, int) else None)


def _name_key(path: str) -> str:
    return unicodedata.normalize("NFC", base_name(path)).casefold()


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
