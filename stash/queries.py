"""The GraphQL documents about scenes, and the filters that go with them.

Only fields that Stash 0.27 has: one unknown field makes Stash refuse the whole
document. Lists that cost Stash a transaction for each scene (tags, performers,
groups) are asked for only where a scene is really read; urls, galleries and
markers never. Pages are cut by id, because Stash sorts nothing by default and
numbered pages shift while scenes come and go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCENE = """
fragment SceneParts on Scene {
  id title code details date rating100 director organized updated_at
  studio { id name parent_studio { id name } }
  performers { id name disambiguation }
  tags { id name }
  groups { group { id name } }
  files { path size fingerprints { type value } }
  paths { screenshot }
}
"""

API_KEY = "query ApiKey { configuration { general { apiKey } } }"

SYSTEM_STATUS = "query SystemStatus { systemStatus { status } }"

SETTINGS = """
query Settings($plugins: [ID!]) { configuration { plugins(include: $plugins) } }
"""

SCENE_AND_SETTINGS = (
    """
query SceneAndSettings($id: ID!, $plugins: [ID!]) {
  findScene(id: $id) { ...SceneParts }
  configuration { plugins(include: $plugins) }
}
"""
    + _SCENE
)

SCENES_BY_ID = (
    """
query ScenesById($ids: [ID!]!, $plugins: [ID!]) {
  findScenes(ids: $ids) { scenes { ...SceneParts } }
  configuration { plugins(include: $plugins) }
}
"""
    + _SCENE
)

SCENE_PAGE = (
    """
query ScenePage($scenes: SceneFilterType!, $size: Int!) {
  findScenes(scene_filter: $scenes, filter: {per_page: $size, sort: "id", direction: ASC}) {
    scenes { ...SceneParts }
  }
}
"""
    + _SCENE
)

STAMP_PAGE = """
query StampPage($scenes: SceneFilterType!, $size: Int!) {
  findScenes(scene_filter: $scenes, filter: {per_page: $size, sort: "id", direction: ASC}) {
    scenes { id updated_at files { path } }
  }
}
"""

COUNT = "query Count { findScenes(filter: {per_page: 0}) { count } }"

RATING = "query Rating($id: ID!) { findScene(id: $id) { id rating100 } }"

GROUPS_OF_SCENE = """
query GroupsOfScene($id: ID!) { findScene(id: $id) { groups { group { id } scene_index } } }
"""

_CRITERIA = {"studio": "studios", "performer": "performers", "tag": "tags", "group": "groups"}


def after(last_id: int, criteria: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give a scene filter: ids above ``last_id`` that also meet ``criteria``."""
    return {**(criteria or {}), "id": {"value": last_id, "modifier": "GREATER_THAN"}}


def with_path(path: str) -> dict[str, Any]:
    """Give criteria for scenes that have a file at ``path``, and possibly others.

    Stash compares with SQL's LIKE: letters match in either case, "_" and "%" in
    the path match anything. Whoever asks compares the paths that come back.
    """
    return {"path": {"value": path, "modifier": "EQUALS"}}


def belonging_to(kind: str, ref_ids: Iterable[int]) -> dict[str, Any]:
    """Give criteria for scenes that carry any of some studios, performers, tags or groups.

    Those themselves, not what lies below them: without a depth Stash looks at none.

    Raises:
        ValueError: ``kind`` is none of the four.
    """
    if kind not in _CRITERIA:
        raise ValueError(f"{kind!r} is not one of {', '.join(_CRITERIA)}")
    return {_CRITERIA[kind]: {"value": [str(one) for one in ref_ids], "modifier": "INCLUDES"}}
