"""What a scene of Stash is given by PlexSync, in one update, and what is read right before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import queries
from .answer import read_each, read_object, read_part, read_whole, senseless
from .mutations import mutate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .client import StashClient

_UPDATE = "mutation TakeIntoScene($input: SceneUpdateInput!) { sceneUpdate(input: $input) { id } }"


def rating_of(client: StashClient, scene: int) -> int:
    """Give the rating that a scene has at this moment, 0 for none, -1 where the scene is gone."""
    found = client.query(queries.RATING, {"id": str(scene)}).get("findScene")
    if found is None:
        return -1
    if not isinstance(found, dict):
        raise senseless(f"scene {scene}", "is not an object")
    return read_whole(found.get("rating100"), f"scene {scene}'s rating100") or 0


def groups_of(client: StashClient, scene: int) -> tuple[dict[str, Any], ...]:
    """Give a scene's groups with its place in each, as an update takes them; () of one gone."""
    found = client.query(queries.GROUPS_OF_SCENE, {"id": str(scene)}).get("findScene")
    raw = found.get("groups") if isinstance(found, dict) else []
    return read_each(raw, f"scene {scene}'s groups", _group)


def update_scene(client: StashClient, scene: int, changes: Mapping[str, object]) -> None:
    """Change a scene, by the names of Stash's SceneUpdateInput. Errors as ``mutate``."""
    mutate(client, _UPDATE, {"input": {"id": str(scene), **changes}})


def _group(raw: object, what: str) -> dict[str, Any]:
    found = read_object(raw, what)
    group = read_part(found, "group")
    return {"group_id": str(group.get("id")), "scene_index": found.get("scene_index")}
