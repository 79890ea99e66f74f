"""Whose an item of Plex is: the scene that syncing gives it to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matching.identity import entry_of
from plex.item import BATCH, read_items
from store.queue import chunks
from sync.scene_filter import why_not

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plex.item import PlexItem
    from stash.scene import Scene
    from sync.context import Context


def scenes_of(
    context: Context, rating_keys: Iterable[int]
) -> Iterator[tuple[Sequence[int], list[tuple[PlexItem, Scene]]]]:
    """Give, for some items at a time, their keys and those that belong to a synced scene.

    An item belongs to the scene that the ledger names, or else to the first that is synced
    and holds one of its files; of the libraries that are not synced it belongs to none.

    Raises:
        errors.SyncError: Plex or Stash as a whole could not be asked.
    """
    libraries = set(context.plex.libraries.keys())
    keys = sorted(set(rating_keys))
    for some in chunks(keys, BATCH):
        read = read_items(context.client(), some).values()
        items = [one for one in read if one.section in libraries]
        owners = {item.rating_key: _owner(context, item) for item in items}
        found = _first(context, items, owners)
        rest = [item for item in items if item.rating_key not in found]
        others = {item.rating_key: _holders(context, item) for item in rest}
        found |= _first(context, rest, others)
        yield some, [(one, found[one.rating_key]) for one in items if one.rating_key in found]


def _first(
    context: Context, items: Sequence[PlexItem], candidates: Mapping[int, Sequence[int]]
) -> dict[int, Scene]:
    """Give the first of each item's candidates that is synced; they are read together."""
    numbers = {one for some in candidates.values() for one in some}
    scenes = context.stash.read_scenes(sorted(numbers))
    found: dict[int, Scene] = {}
    for item in items:
        for number in candidates[item.rating_key]:
            scene = scenes.get(number)
            if scene is not None and not why_not(scene, context.settings):
                found[item.rating_key] = scene
                break
    return found


def _owner(context: Context, item: PlexItem) -> list[int]:
    entry = entry_of(context.store.connection, context.server, item)
    return [entry.scene] if entry is not None and entry.scene else []


def _holders(context: Context, item: PlexItem) -> list[int]:
    numbers = (number for file in item.all_files for number in sorted(context.scenes_at(file)))
    return list(dict.fromkeys(numbers))
