"""Finds Stash's performers, tags and studios by the names that Plex has, for a scene to get them.

None is made: a name in Plex does not say who or what that is. Whatever the scene has already
is known by the name that Plex was given; any other has to be the only one of that name in Stash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stash.answer import read_each, read_part
from stash.exceptions import StashMutationRefused
from stash.scene import read_ref, read_studio
from validation.text import tag_key

if TYPE_CHECKING:
    from stash.client import StashClient
    from stash.scene import NamedRef
    from sync.context import Context

# Stash compares with SQL's LIKE, where letters match in either case and "_" and "%" anything.
_QUERY = """
query %(plural)sNamed($name: String!) {
  find%(plural)s(
    %(kind)s_filter: {name: {value: $name, modifier: EQUALS}}
    filter: {per_page: 100}
  ) { %(field)s { id name %(more)s } }
}
"""
_PLURALS = {"performer": "Performers", "tag": "Tags", "studio": "Studios"}
_MORE = {"performer": "disambiguation", "tag": "", "studio": "parent_studio { id name }"}
_QUERIES = {
    kind: _QUERY % {"plural": plural, "kind": kind, "field": plural.lower(), "more": _MORE[kind]}
    for kind, plural in _PLURALS.items()
}


class NotToBeTaken(StashMutationRefused):
    """Stash cannot have what Plex has, and why; nothing was asked of it."""


def only_one(context: Context, kind: str, name: str) -> NamedRef:
    """Give the performer, tag or studio that a name of Plex means.

    Raises:
        NotToBeTaken: Stash has none or several of that name.
        errors.SyncError: Stash could not be asked.
    """

    def ask(client: StashClient) -> list[NamedRef]:
        found = read_part(client.query(_QUERIES[kind], {"name": name}), f"find{_PLURALS[kind]}")
        read = read_studio if kind == "studio" else read_ref
        return list(read_each(found.get(_PLURALS[kind].lower()), f"{kind}s of a name", read))

    found = context.stash.ask(ask)
    exact = [one for one in found if one.name == name]
    fitting = exact or [one for one in found if tag_key(one.name) == tag_key(name)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise NotToBeTaken(
            f"Stash has {len(fitting)} {kind}s called “{name}”, so it cannot be told which that "
            "is. Add the one you mean to the scene in Stash, or choose another answer."
        )
    raise NotToBeTaken(
        f"Stash has no {kind} called “{name}”, and PlexSync makes none. Make it in Stash and "
        "answer once more, or choose another answer."
    )
