"""Which of Stash's scenes hold an item's files, and whose the item is when several do.

Stash is asked by path and compares with SQL's LIKE (stash/queries.py): ASCII letters
match in either case, but accents only as they are spelled. So composed and decomposed
are asked for, and what comes back counts if it is the same file by the key that the
match goes by.
"""

from __future__ import annotations

import unicodedata
from itertools import product
from typing import TYPE_CHECKING, Literal

from validation.media_path import MediaPath, path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from plex.item import PlexItem
    from stash.scene import Scene
    from validation.path_map import PathMap

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


def holders_of(
    file: str,
    path_map: PathMap,
    scenes_with_path: Callable[[str, Callable[[str], bool]], Iterable[int]],
    ignores_case: Callable[[], bool],
) -> set[int]:
    """Give the ids of the scenes that hold a file of Plex's, however Stash spells it.

    ``scenes_with_path`` asks Stash for a path; its second argument says of a path that came
    back whether it is the file. ``ignores_case`` says whether Plex runs where file systems
    usually ignore case; it is asked only where that decides.
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
    both are combined. Where a path is caseless, letters beyond ASCII may differ in case, too:
    LIKE's "_" stands for them.
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


def owner_of(
    item: PlexItem,
    scene: Scene,
    paths: Iterable[str],
    scenes_at: Callable[[str], Collection[int]],
    says: Callable[[int], bool | None],
    *,
    is_contested: bool,
) -> int:
    """Give the scene an item belongs to, so that titles never flip.

    It is the first one that is synced and has something to say, in the order of the
    item's files, then of the scenes' numbers. Where none says anything, the first one that
    is synced. Stash is asked only where it matters: about files that are not this scene's,
    and about an item that another scene may want.

    The scene that is looked at is synced, and holds one of the item's files; ``paths`` are its
    own as Plex names them. ``scenes_at`` gives the ids of Stash's scenes that hold a file, by
    Plex's path; ``says`` tells of a scene whether it has anything to say, None of one that is
    left out. The item is contested if another scene had, or wants, it.
    """
    own = {path_key(path) for path in paths}
    silent: int | None = None
    for file in item.all_files:
        is_own = path_key(file) in own
        if is_own and not is_contested:
            return scene.id
        holders = set(scenes_at(file)) | ({scene.id} if is_own else set())
        for number in sorted(holders):
            has_words = says(number)
            if has_words:
                return number
            if has_words is False and silent is None:
                silent = number
    return scene.id if silent is None else silent
