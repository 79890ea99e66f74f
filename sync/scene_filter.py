"""Which scenes are synced: one predicate for an edit, a batch and a preview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stash.scene import Scene
    from sync.batch import Batch
    from sync.context import Context
    from sync.look_up import Step
    from validation.config import PlexSyncConfig


def leave_out(context: Context, batch: Batch) -> Iterator[Step]:
    """Leave out the scenes that the settings name, and those that Stash no longer has."""
    for number in batch.ids:
        scene = batch.scenes.get(number)
        if scene is None and number not in batch.as_read:
            batch.left_out[number] = ""
        elif scene and (reason := why_not(scene, context.settings)):
            batch.left_out[number] = reason
    yield False


def why_not(scene: Scene, config: PlexSyncConfig) -> str:
    """Give the reason a scene is left as it is in Plex, or "" when it is to be synced."""
    if not scene.files:
        return "it has no file in Stash, so Plex cannot have it"
    if config.only_organized and not scene.organized:
        return "it is not organized (setting Only Organized Scenes)"
    if not config.exclude_tags:
        return ""
    excluded = {tag_key(name) for name in config.exclude_tags}
    for tag in scene.tags:
        if tag_key(tag.name) in excluded:
            return f"it carries the tag {tag.name!r} (setting Exclude Tags)"
    return ""
