"""What a scene of Stash gets instead of its studio, performers, tags and groups, as Plex has them.

Such a thing is shared by scenes, and what Plex calls it is also a matter of the settings. So a
scene is first thought of as it would be, and taken only if that would give what Plex has. Whatever
the scene has already is known by the name that Plex was given; any other is looked for by name.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from merge.compare import same
from merge.desired import collection_name, desired, performers, studio_name
from merge.members import holds_all, same_members
from stash.entities import all_named
from stash.exceptions import StashMutationRefused
from stash.scene_update import groups_of
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plex.item import Member
    from stash.scene import NamedRef, Scene
    from store.differences import Difference
    from sync.context import Context
    from sync.plan import ItemPlan

#: The lists that tags become, by their place in what the rules give (validation/tag_rules.py).
OF_TAGS = {"tags": 0, "labels": 1, "collections": 2}
ELSEWHERE = (
    "PlexSync writes it as {} in Plex, because of its settings, and that is not what Plex has. "
    "Change it in Stash, or choose another answer."
)
SHARED = (
    "What Stash would have to lose stands for more in Plex than this: {}. Change it in Stash, or "
    "choose another answer."
)
NOT_A_GROUP = (
    "The collection {} stands for the scene's studio or a performer, not for a group or a tag. "
    "Change those in Stash, or choose another answer."
)


class NotToBeTaken(StashMutationRefused):
    """Stash cannot have what Plex has, and why; nothing was asked of it."""


def having(
    context: Context, scene: Scene, item: ItemPlan, one: Difference
) -> tuple[Scene, Mapping[str, object]]:
    """Give a scene as it would be with what an item has, and what to tell Stash for it.

    Raises:
        NotToBeTaken: It cannot be, and why.
        errors.SyncError: Stash could not be asked.
    """
    if one.field == "studio":
        return _studio(context, scene, one.theirs)
    edit = item.merged.edit.lists.get(one.field)
    members = edit.members if edit else item.item.lists.get(one.field, ())
    if one.field == "performers":
        return _performers(context, scene, members)
    if one.field in OF_TAGS:
        return _members(context, scene, item, one.field, members)
    raise NotToBeTaken(f"A scene of Stash has no {one.field.replace('_', ' ')}.")


def _studio(context: Context, scene: Scene, name: str) -> tuple[Scene, Mapping[str, object]]:
    studio = only_one(context, "studio", name) if name else None
    after = replace(scene, studio=studio)
    if not same("studio", called := studio_name(after, context.settings.studio_name), name):
        raise NotToBeTaken(ELSEWHERE.format(f"“{called}”"))
    return after, {"studio_id": str(studio.id) if studio else None}


def _performers(
    context: Context, scene: Scene, members: tuple[Member, ...]
) -> tuple[Scene, Mapping[str, object]]:
    called = zip(performers(scene, context.namesakes.keys), scene.performers, strict=True)
    known = {tag_key(name): one for name, one in called}
    found = tuple(
        known.get(tag_key(one.name)) or only_one(context, "performer", one.name) for one in members
    )
    return replace(scene, performers=found), {"performer_ids": _ids(found)}


def _members(
    context: Context, scene: Scene, item: ItemPlan, field: str, members: tuple[Member, ...]
) -> tuple[Scene, Mapping[str, object]]:
    """Take what tags and groups stand for; others' labels and collections are no tags.

    A tag whose name was taken out goes, and a genre that somebody put there comes.
    """
    config, here = context.settings, {tag_key(one.name) for one in members}
    tags, known = [], set[str]()
    for tag in scene.tags:
        names = {tag_key(name) for name in config.tag_rules.apply([tag])[OF_TAGS[field]]}
        if names <= here:
            tags.append(tag)
            known |= names
    if field == "tags":
        new = [one.name for one in members if tag_key(one.name) not in known]
        tags += [only_one(context, "tag", name) for name in new]
    after = replace(scene, tags=tuple(dict.fromkeys(tags)))
    changes: dict[str, object] = {}
    if field == "collections":
        prefix = config.collection_prefixes.get("group_collections")
        groups = tuple(
            one
            for one in scene.groups
            if prefix is None or tag_key(collection_name(prefix, one.name)) in here
        )
        if groups != scene.groups:
            changes["groups"] = _left(context, scene.id, groups)
            after = replace(after, groups=groups)
    if after.tags != scene.tags:
        changes["tag_ids"] = _ids(after.tags)
        after = context.tags.completed([after], config.tag_rules)[scene.id]
    _check(context, scene, after, item, field, members)
    return after, changes


def _check(
    context: Context,
    scene: Scene,
    after: Scene,
    item: ItemPlan,
    field: str,
    members: tuple[Member, ...],
) -> None:
    """Refuse what would not make both sides agree, or would change another list as well."""
    config, keys = context.settings, context.namesakes.keys
    was = desired(scene, config, item.item.type, keys).lists
    now = desired(after, config, item.item.type, keys).lists
    wanted = now.get(field, ())
    if not holds_all(members, wanted):
        lacking = [name for name in wanted if not holds_all(members, (name,))]
        why = NOT_A_GROUP if field == "collections" else ELSEWHERE
        raise NotToBeTaken(why.format(_quoted(lacking)))
    names = [one.name for one in members]
    if field == "tags" and not same_members(wanted, names):
        lost = [name for name in names if tag_key(name) not in map(tag_key, wanted)]
        raise NotToBeTaken(
            f"By Tag Rules PlexSync does not write {_quoted(lost)} as a genre. Change the rules, "
            "or choose another answer."
        )
    others = [
        name
        for other in OF_TAGS.keys() - {field}
        for name in was.get(other, ())
        if tag_key(name) not in map(tag_key, now.get(other, ()))
    ]
    if others:
        raise NotToBeTaken(SHARED.format(_quoted(others)))


def only_one(context: Context, kind: str, name: str) -> NamedRef:
    """Give the performer, tag or studio that a name of Plex means, the only one of that name.

    None is made: a name in Plex does not say who or what that is.

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


def _left(context: Context, scene: int, groups: tuple[NamedRef, ...]) -> list[dict[str, Any]]:
    """Give the groups that stay, each with the place that the scene has in it."""
    stay = {str(one.id) for one in groups}
    known = context.stash.ask(lambda client: groups_of(client, scene))
    return [one for one in known if one["group_id"] in stay]


def _ids(refs: tuple[NamedRef, ...]) -> list[str]:
    return [str(one.id) for one in dict.fromkeys(refs)]


def _quoted(names: list[str]) -> str:
    return ", ".join(f"“{name}”" for name in names)
