"""Finds Stash's performers by the names that Plex has, for a scene that shall get them.

None is made: a name in Plex does not say who that is. Whom the scene has already is known
by the name that Plex was given; any other has to be the only one of that name in Stash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from merge.desired import performers
from stash.answer import read_each, read_id, read_text, senseless
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stash.client import StashClient
    from stash.scene import Scene
    from sync.context import Context

# Stash compares with SQL's LIKE, where letters match in either case and "_" and "%" anything.
_NAMED = """
query PerformersNamed($name: String!) {
  findPerformers(
    performer_filter: {name: {value: $name, modifier: EQUALS}}
    filter: {per_page: 100}
  ) { performers { id name } }
}
"""


def find(context: Context, scene: Scene, names: Iterable[str]) -> tuple[list[int], str]:
    """Give the ids of the performers that some names mean.

    Args:
        context: The servers.
        scene: The scene that shall get them.
        names: As Plex has them.

    Returns:
        The ids, in the order of the names, and "", or none and why not, for people.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    called = zip(performers(scene, context.namesakes.keys), scene.performers, strict=True)
    known = {tag_key(name): one.id for name, one in called}
    ids: list[int] = []
    for name in names:
        fitting = [known[tag_key(name)]] if tag_key(name) in known else _named(context, name)
        if len(fitting) != 1:
            count = f"{len(fitting)} performers" if fitting else "no performer"
            return [], (
                f"Stash has {count} called “{name}”, so it cannot be told who that is. Add whom "
                "you mean to the scene in Stash, or choose another answer."
            )
        ids += fitting
    return ids, ""


def _named(context: Context, name: str) -> list[int]:
    """Give those of the very name, else those that are called so but for case and blanks."""

    def ask(client: StashClient) -> list[tuple[str, int]]:
        found = client.query(_NAMED, {"name": name}).get("findPerformers")
        if not isinstance(found, dict):
            raise senseless("the performers of a name", "are not an object")
        return list(read_each(found.get("performers"), "performers of a name", _performer))

    found = context.stash.ask(ask)
    exact = [number for one, number in found if one == name]
    return exact or [number for one, number in found if tag_key(one) == tag_key(name)]


def _performer(raw: object, what: str) -> tuple[str, int]:
    if not isinstance(raw, dict):
        raise senseless(what, "hold something that is no object")
    return read_text(raw.get("name"), what), read_id(raw.get("id"), what)
