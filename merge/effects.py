"""What an edit does to an item, as people ask of it: filled, replaced, cleared, come, gone. Pure.

Whose a text is that gives way is known where the merge decides (merge/three_way.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from validation.text import comparable, tag_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from plex.edits import Edit
    from plex.item import PlexItem

#: A text comes where there was none; a title that is only its file's name counts as none.
FILLED = "filled"
#: A text takes the place of another: of what Stash had, of Plex's or an agent's, of a person's.
OURS, AGENTS, PERSONS = "ours", "agents", "persons"
#: A text goes and none comes; a title becomes its file's name.
CLEARED = "cleared"
#: Members of a list that come, that go, and that stay in another spelling.
ADDED, REMOVED, RESPELLED = "added", "removed", "respelled"
#: A cover is shown as poster or background.
PICTURES = "pictures"
#: Plex keeps what it has although Stash has another; Stash gets what Plex has.
KEPT, TAKEN = "kept", "taken"
#: A view in Plex that Stash lacks, for the task "Bring plays over".
PLAYED = "played"


class Effect(NamedTuple):
    """What happens to one field of one item.

    ``kind`` is one of the constants above, ``size`` counts what it happens to: the members
    that come or go, else 1. For members ``before`` or ``after`` names only those.
    """

    kind: str
    field: str
    before: str
    after: str
    size: int = 1


def kind_of_text(name: str, value: str, theirs: str, whose: str, item: PlexItem) -> str:
    """Give the kind of what happens to a text that is ``theirs`` and will be ``value``.

    That is "" where a title becomes its file's name; ``whose`` theirs is: OURS, AGENTS or PERSONS.
    """
    if not value:
        return CLEARED
    is_title = name in ("title", "sort_title")
    is_name = is_title and comparable(theirs) == comparable(item.stem)
    return FILLED if not theirs or (is_name and whose != OURS) else whose


def effects_of(edit: Edit, kinds: Mapping[str, str], item: PlexItem) -> list[Effect]:
    """Give what an edit does to an item; ``kinds`` is what happens to each of its texts."""
    found = [Effect(kinds[name], name, item.values[name], new) for name, new in edit.values.items()]
    for name, change in edit.lists.items():
        here = {tag_key(member.name) for member in item.lists[name]}
        come = [one.name for one in change.members if tag_key(one.name) not in here]
        old = {tag_key(one) for one in change.respelled}
        new = [one.name for one in change.members if tag_key(one.name) in old]
        found += _members(ADDED, name, (), come)
        found += _members(REMOVED, name, change.removed, ())
        found += _members(RESPELLED, name, change.respelled, new)
    return found


def _members(kind: str, field: str, before: Iterable[str], after: Iterable[str]) -> list[Effect]:
    gone, come = tuple(before), tuple(after)
    if not gone and not come:
        return []
    return [Effect(kind, field, ", ".join(gone), ", ".join(come), len(come or gone))]
