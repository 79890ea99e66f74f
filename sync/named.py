"""Finds Stash's performers, tags and studios by the names that Plex has, for a scene to get them.

None is made: a name in Plex does not say who or what that is. Whatever the scene has already
is known by the name that Plex was given; any other has to be the only one of that name in Stash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stash.entities import all_named
from stash.exceptions import StashMutationRefused
from validation.text import tag_key

if TYPE_CHECKING:
    from stash.scene import NamedRef
    from sync.context import Context


class NotToBeTaken(StashMutationRefused):
    """Stash cannot have what Plex has, and why; nothing was asked of it."""


def only_one(context: Context, kind: str, name: str) -> NamedRef:
    """Give the performer, tag or studio that a name of Plex means.

    Raises:
        NotToBeTaken: Stash has none or several of that name.
        errors.SyncError: Stash could not be asked.
    """
    found = context.stash.ask(lambda client: all_named(client, kind, name))
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
