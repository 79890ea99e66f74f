"""Whose an item is when the files of several scenes make it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from plex.item import PlexItem
    from stash.scene import Scene


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

    Args:
        item: The item.
        scene: The scene that is looked at; it is synced, and holds one of the item's files.
        paths: Its files as Plex names them.
        scenes_at: Gives the ids of Stash's scenes that hold a file, by Plex's path.
        says: Tells of a scene whether it has anything to say; None of one that is left out.
        is_contested: Another scene had, or wants, the item.
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
