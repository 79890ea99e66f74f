"""Which of Stash's scenes hold a file that Plex names: asked in every spelling, compared by key.

Stash is asked by path and compares with SQL's LIKE (stash/queries.py): ASCII letters
match in either case, but accents only as they are spelled. So composed and decomposed
are asked for, and what comes back counts if it is the same file by the key that the
match goes by.
"""

from __future__ import annotations

import unicodedata
from itertools import product
from typing import TYPE_CHECKING, Literal

from validation.media_path import MediaPath
from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from validation.path_map import PathMap

_Form = Literal["NFC", "NFD"]
_FORMS: tuple[_Form, ...] = ("NFC", "NFD")


def holders_of(
    file: str,
    path_map: PathMap,
    scenes_with_path: Callable[[str, Callable[[str], bool]], Iterable[int]],
    ignores_case: Callable[[], bool],
) -> set[int]:
    """Give the ids of the scenes that hold a file, however Stash spells it.

    Args:
        file: The file as Plex names it.
        path_map: The rules.
        scenes_with_path: Asks Stash for a path; its second argument says of a path that
            came back whether it is the file.
        ignores_case: Says whether Plex runs where file systems usually ignore case; asked
            only where that decides.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    wanted = path_key(file)
    found: set[int] = set()
    asked: set[str] = set()
    for path in path_map.to_stash(file):
        own = path_key(path)

        def is_same(other: str, own: str = own) -> bool:
            keys = {path_key(target) for target in path_map.targets(other)}
            if wanted in keys or path_key(other) == own:
                return True
            folded = {key.casefold() for key in keys}
            return wanted.casefold() in folded and ignores_case()

        is_windows = MediaPath.of(file).windows or MediaPath.of(path).windows
        for spelling in spellings(path, is_caseless=is_windows):
            if spelling not in asked:
                asked.add(spelling)
                found.update(scenes_with_path(spelling, is_same))
    return found


def spellings(path: str, *, is_caseless: bool = False) -> tuple[str, ...]:
    """Give the texts that LIKE has to be asked for to meet a path in every spelling.

    One for plain ASCII. A share may name its folders decomposed and a file composed, so
    both are combined.

    Args:
        path: The path as Stash may have it.
        is_caseless: Letters beyond ASCII may differ in case, too: LIKE's "_" stands for them.
    """
    parts = MediaPath.of(path)
    # Without "\\?\" and with uniform separators, as Stash itself writes paths.
    folder, whole = parts.prefix(max(len(parts.names) - 1, 0)), parts.prefix(len(parts.names))
    found = dict.fromkeys((path, whole))
    if not path.isascii():
        for form, name_form in product(_FORMS, _FORMS):
            spelled = unicodedata.normalize(form, folder)
            spelled += unicodedata.normalize(name_form, whole[len(folder) :])
            found[_any_case(spelled) if is_caseless else spelled] = None
    return tuple(found)


def _any_case(text: str) -> str:
    return "".join(
        "_" if not letter.isascii() and letter.lower() != letter.upper() else letter
        for letter in text
    )
