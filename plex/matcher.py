"""From a path to the Plex item that holds the file: asked for, bounded, verified.

Plex's ``file=`` filter is undocumented and works (recorded from a real server):
it finds parts whose path contains the text. Three traps decide how it is used
(facts seen on real servers):

- a comma means OR even when encoded, and an empty alternative matches all, so
  only a comma-free piece is sent: of the name, then of the whole path, until one is
  telling enough;
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

from plex.error_types import AmbiguousMatch, TooManyAlike
from plex.exceptions import translate_plex_exception
from plex.fields import LEAF_TYPE_OF_SECTION
from validation.media_path import MediaPath, base_name, path_key

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Items asked for with one query: a base name rarely stands in more folders.
SEARCHED_A_PAGE = 50
#: Items looked through before a name counts as too common to search for.
MOST = 400
#: Letters from which on a plain piece of a name is worth more than a longer one with accents.
TELLING = 12
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
    """Find the item of a library section that holds a file, by its full path as Plex sees it.

    The section is plexapi's (anything with its ``key``, ``type`` and ``fetchItems``), and so is
    the item, verified against its parts: that of the lowest rating key if several hold the file,
    None when the section has none. ``every`` is filled with all that was found, also what ties.

    Raises:
        TooManyAlike: No piece of name or path is telling enough to be searched for.
        AmbiguousMatch: Several files differ in case only, and ``every`` does not take them.
    """
    found = _search(section, path)
    if every is not None:
        every.items, every.files, every.tied = found.items, found.files, found.tied
    elif found.tied:
        raise tie(path, found.tied)
    return found.items[0] if found.items else None


def _search(section: Any, path: str) -> Matches:
    """Search one section for a file, by one piece of its name or path after another.

    A piece that too many paths have in common proves nothing; one that few have does,
    for every path of the file contains it.
    """
    wanted = path_key(path)
    if not wanted:
        return Matches()
    same_but_case: dict[int, tuple[Any, Candidate]] = {}
    seen: list[tuple[Any, str]] = []
    for piece in pieces(path):
        pages = _Pages(section)
        exact: list[tuple[Any, str]] = []
        for needle in forms(piece):
            for page in pages.of(needle, peek=True):
                for item, part in _parts(page):
                    if path_key(part.file) == wanted:
                        exact.append((item, part.file))
                    elif path_key(part.file).casefold() == wanted.casefold():
                        same_but_case[int(item.ratingKey)] = item, _candidate(item, part)
        if not pages.cut_off:
            return _in_order(exact) if exact else _folded(section, same_but_case)
        seen = exact or seen
    if seen:
        return _in_order(seen)
    raise TooManyAlike(
        f"More than {MOST} files in the Plex library {getattr(section, 'title', '')!r} are named "
        f"like {path}; PlexSync does not guess. Give the file a more telling name."
    )


def same_named(section: Any, path: str, size: int | None) -> list[Candidate]:
    """Give the files of a section with the base name of ``path``, in whatever folder, none proven.

    Those known to have another size in bytes are left out. Of very many only the first are
    looked at.
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


def tie(path: str, candidates: list[Candidate], *, private: bool = False) -> AmbiguousMatch:
    """Give the fault of files that differ in case only (not raised here); as ``refused``."""
    names = refused(path, candidates, private=private)
    return AmbiguousMatch.about(f"{names}, which differ in case only.")


class _Pages:
    """The pages of searches in one section; ``cut_off`` when one of them had too many."""

    def __init__(self, section: Any) -> None:
        self._section = section
        self._leaf = LEAF_TYPE_OF_SECTION.get(getattr(section, "type", "movie"), 1)
        self.cut_off = False

    def of(self, needle: str, *, peek: bool = False) -> Iterator[list[Any]]:
        """Give the items whose paths contain a text, page by page.

        ``peek`` looks after the first page whether there are too many, and stops then.
        """
        for start in range(0, MOST, SEARCHED_A_PAGE):
            page = self._page(needle, start, SEARCHED_A_PAGE)
            yield page
            if len(page) < SEARCHED_A_PAGE:
                return
            if peek and start == 0 and self._page(needle, MOST, 1):
                break
        self.cut_off = True

    def _page(self, needle: str, start: int, size: int) -> list[Any]:
        key = (
            f"/library/sections/{self._section.key}/all"
            f"?type={self._leaf}&file={quote(needle, safe='')}"
        )
        try:
            return list(
                self._section.fetchItems(
                    key, container_start=start, container_size=size, maxresults=size
                )
            )
        except Exception as error:  # noqa: BLE001 - every one becomes ours here
            fault = translate_plex_exception(error)
        # Outside of the handler: plexapi's texts quote whole URLs.
        raise fault


def ignores_case(section: Any) -> bool:
    """Say whether the section's server runs where file systems usually ignore case."""
    platform = str(getattr(getattr(section, "_server", None), "platform", ""))
    return platform.lower() in IGNORING_CASE


def _folded(section: Any, found: dict[int, tuple[Any, Candidate]]) -> Matches:
    if not ignores_case(section):
        return Matches()
    if len(found) > 1:
        return Matches(tied=[found[key][1] for key in sorted(found)])
    return _in_order([(item, candidate.file) for item, candidate in found.values()])


def _in_order(pairs: list[tuple[Any, str]]) -> Matches:
    pairs = sorted(pairs, key=lambda pair: int(pair[0].ratingKey))
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


def pieces(path: str, *, whole_path: bool = True) -> list[str]:
    """Give the comma-free pieces of a name, then of its whole path, each the best first.

    Plain ASCII pieces are preferred when they are telling enough, because a server on
    macOS may store names decomposed.
    """
    found: dict[str, None] = {}
    parts = MediaPath.of(path)
    name = base_name(path)
    if parts.windows:
        name = name.rstrip(". ") or name
    # As Plex writes it: with uniform separators.
    whole = parts.prefix(len(parts.names)).replace("/./", "/")
    for source in (name, whole) if whole_path else (name,):
        some = [piece for part in source.split(",") if (piece := part.strip())]
        some.sort(key=lambda piece: (piece.isascii() and len(piece) >= TELLING, len(piece)))
        found.update(dict.fromkeys(reversed(some)))
    return list(found)


def forms(piece: str) -> list[str]:
    """Give the forms of a piece that a server may store."""
    return list(dict.fromkeys(unicodedata.normalize(form, piece) for form in ("NFC", "NFD")))


def needles(path: str) -> list[str]:
    """Give the texts to search for that say most of a name; none of a path without one."""
    best = pieces(path, whole_path=False)[:1]
    return [needle for piece in best for needle in forms(piece)]
