"""The little that a sweep reads of every scene, to find the few that changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .answer import read_each, read_id, read_text, senseless


@dataclass(frozen=True, slots=True)
class SceneStamp:
    """What is cheap to know of a scene: id, updated_at as Stash writes it, paths.

    A moved file changes its path while updated_at stays, so a sweep compares both.
    """

    id: int
    updated_at: str
    paths: tuple[str, ...] = ()

    @classmethod
    def from_graphql(cls, raw: object, what: str = "a scene") -> SceneStamp:
        """Read one scene of a page.

        Raises:
            StashAnswerError: It is not a scene; the sentence names the part.
        """
        if not isinstance(raw, Mapping):
            raise senseless(what, "holds something that is not an object")
        scene_id = read_id(raw.get("id"), f"an id in {what}")
        files = read_each(raw.get("files"), f"scene {scene_id}'s files", _path)
        return cls(
            scene_id, read_text(raw.get("updated_at"), f"scene {scene_id}'s updated_at"), files
        )


def _path(raw: object, what: str) -> str:
    if not isinstance(raw, Mapping):
        raise senseless(what, "holds something that is not an object")
    return read_text(raw.get("path"), f"a path in {what}")
