"""Whose an item is when the files of several scenes make it up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from plex.item import PlexItem
    from stash.scene import Scene
    from store.ledger import LedgerEntry


def owner_of(
    item: PlexItem,
    scene: Scene,
    paths: Iterable[str],
    entry: LedgerEntry | None,
    scenes_at: Callable[[str], Collection[int]],
) -> int:
    """Give the scene an item belongs to: that of its first file; so titles never flip.

    Stash is asked only where it matters: about files that are not this scene's,
    and about an item that so far was another scene's.

    Args:
        item: The item.
        scene: The scene that is looked at; it holds one of the item's files.
        paths: Its files as Plex names them.
        entry: The item's ledger entry, or None.
        scenes_at: Gives the ids of Stash's scenes that hold a file, by Plex's path.
    """
    own = {path_key(path) for path in paths}
    contested = entry is not None and entry.scene not in (0, scene.id)
    for file in item.all_files:
        is_own = path_key(file) in own
        if is_own and not contested:
            return scene.id
        owners = set(scenes_at(file))
        if is_own:
            owners.add(scene.id)
        if owners:
            return min(owners)
    return scene.id
