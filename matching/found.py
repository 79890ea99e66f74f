"""What a lookup found for one scene, and how its record tells what was searched."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from errors import SyncError
    from plex.item import PlexItem
    from store.ledger import SceneRecord

#: Seconds after which a scene's items are looked up anew although all is well:
#: a copy in a second library would otherwise never be noticed.
RESOLVE_AGAIN = 86400.0


@dataclass(slots=True)
class Found:
    """What was found for one scene.

    ``paths`` are the scene's files as Plex should name them, ``aliases`` other
    names that were proven to mean one of them, ``places`` what was searched
    (for the scene's record), ``resolved_at`` the Unix time of the last
    real lookup, ``read`` all that was read on the way, ``gone`` the rating keys
    that Plex neither has nor lists, ``fault`` the first problem with one of several items.
    """

    paths: tuple[str, ...]
    sections: tuple[int, ...]
    resolved_at: float
    aliases: list[str] = field(default_factory=list)
    items: list[PlexItem] = field(default_factory=list)
    read: dict[int, PlexItem] = field(default_factory=dict)
    gone: list[int] = field(default_factory=list)
    fault: SyncError | None = None

    @property
    def held(self) -> tuple[str, ...]:
        """Every name under which an item may hold one of the files."""
        return (*self.paths, *self.aliases)

    @property
    def places(self) -> str:
        """What was searched, for the scene's record."""
        return json.dumps([sorted(self.paths), list(self.sections), sorted(self.aliases)])

    def is_known(self, record: SceneRecord | None) -> bool:
        """Say whether the last look at the scene was lately and searched the same, so holds."""
        return (
            record is not None
            and searched(record.places) == searched(self.places)
            and 0 <= self.resolved_at - record.resolved_at < RESOLVE_AGAIN
        )


def held_paths(places: str) -> list[str]:
    """Give every name of a scene's files at Plex out of its record's ``places``."""
    paths, _, *aliases = json.loads(places)
    return [*paths, *(aliases[0] if aliases else ())]


def searched(places: str) -> list[object]:
    """Give what decides whether a lookup is still good: the paths and the libraries."""
    found: list[object] = json.loads(places)
    return found[:2]
