"""The GraphQL fields that are played, and the hooks that mutations set off.

A hook runs after the change is made and before the reply; the reply is read
again afterwards. What sets off no hook in Stash sets off none here.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from simulator.stash.app import Context
from simulator.stash.database import (
    find_scenes,
    named_entities,
    page_of,
    search_scenes,
    sort_entities,
    sort_scenes,
)
from simulator.stash.edits import apply_input, check_input, number_of
from simulator.stash.executor import Resolver, StashError
from simulator.stash.host import PluginConfig, PluginError
from simulator.stash.jobs import Job, JobError
from simulator.stash.process import PluginStartError
from simulator.stash.records import Entity, Scene, stamp

_PLURALS = {"studio": "Studios", "performer": "Performers", "tag": "Tags", "group": "Groups"}
# Every key of SceneUpdateInput that a hook is told, null where nothing was given (recorded).
_SCENE_UPDATE = (
    "clientMutationId id title code details director url urls date rating100 o_counter organized "
    "studio_id gallery_ids performer_ids movies groups tag_ids cover_image stash_ids resume_time "
    "play_duration play_count primary_file_id"
).split()

# --- objects ------------------------------------------------------------------------------------


def _seconds(text: str) -> int:
    """A time as Unix seconds."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def _things(kind: str, name: str) -> Resolver:
    """The things of a kind whose ids an attribute holds."""

    def resolve(source: Any, _arguments: Any, context: Context) -> list[Entity]:
        known = context.database.entities[kind]
        return [known[number] for number in getattr(source, name) if number in known]

    return resolve


def _studio(name: str) -> Resolver:
    """The studio whose id an attribute holds, or None."""
    return lambda source, _, context: context.database.entities["studio"].get(getattr(source, name))


def _picture(route: str) -> Resolver:
    """The address of a picture; one that is not there is told by its end (urlbuilders/*.go)."""

    def resolve(thing: Entity, _arguments: Any, context: Context) -> str:
        missing = "" if thing.image else "&default=true"
        place = f"{context.base_url}/{route.format(thing.id)}"
        return f"{place}?t={_seconds(thing.updated_at)}{missing}"

    return resolve


def _groups(scene: Scene, _arguments: Any, context: Context) -> list[Any]:
    known = context.database.entities["group"]
    return [
        SimpleNamespace(group=known[one], scene_index=scene.group_places.get(one))
        for one in scene.groups
        if one in known
    ]


def _paths(scene: Scene, _arguments: Any, context: Context) -> Any:
    address = f"{context.base_url}/scene/{scene.id}/screenshot?t={_seconds(scene.updated_at)}"
    return SimpleNamespace(screenshot=address)


def _declared_settings(plugin: PluginConfig, _arguments: Any, _context: Any) -> list[Any]:
    return [
        SimpleNamespace(
            name=name,
            display_name=body.get("displayName", ""),
            description=body.get("description", ""),
            type=body.get("type", "STRING"),
        )
        for name, body in sorted(plugin.settings.items())
    ]


def _play_history(scene: Scene, _arguments: Any, context: Context) -> list[str]:
    # Assumed, no recording shows one: whole seconds as every other time, the newest first.
    offset = context.database.offset_minutes
    return [stamp(at, offset) for at in sorted(scene.plays, reverse=True)]


# --- queries ------------------------------------------------------------------------------------


def _find_scenes(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    database, wanted = context.database, arguments.get("filter") or {}
    with database.lock:
        if arguments.get("ids"):
            shown = ids = [number_of(one) for one in arguments["ids"]]
        else:
            ids = find_scenes(database, arguments.get("scene_filter") or {})
            if wanted.get("q"):
                ids = search_scenes(database, ids, wanted["q"])
            shown = page_of(sort_scenes(database, ids, wanted), wanted)
        scenes = [database.scenes.get(number) for number in shown]
    if None in scenes:
        raise StashError(f"scene with id {shown[scenes.index(None)]} not found")
    return SimpleNamespace(count=len(ids), scenes=scenes)


def _find_entities(kind: str) -> Resolver:
    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        wanted, known = arguments.get("filter") or {}, context.database.entities[kind]
        named = named_entities(list(known.values()), arguments.get(f"{kind}_filter"))
        page = page_of(sort_entities(named, wanted), wanted)
        return SimpleNamespace(count=len(named), **{_PLURALS[kind].lower(): page})

    return resolve


def _plugin_settings(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    stored, include = context.stash.settings, arguments.get("include")
    return {name: one for name, one in stored.items() if include is None or name in include}


def _version(_: Any, __: Any, context: Context) -> Any:
    version = f"v{context.stash.version}.1"
    return SimpleNamespace(version=version, hash="5tand1n00", build_time="2025-12-18 00:00:00")


# --- mutations of scenes ------------------------------------------------------------------------


def _edit(context: Context, ids: list[Any], given: dict[str, Any]) -> list[int]:
    """Apply an input to scenes; give their numbers."""
    numbers, database = [number_of(one) for one in ids], context.database
    with database.lock:
        # Checked first: a refused edit does not move updated_at.
        check_input(database, given)
        try:
            for number in numbers:
                database.change(number, lambda scene: apply_input(scene, given), touch=True)
        except KeyError as missing:
            raise StashError(f"scene with id {missing} not found") from None
    return numbers


def _told(given: dict[str, Any]) -> dict[str, Any]:
    """What a hook is told of a ``SceneUpdateInput``."""
    return {**dict.fromkeys(_SCENE_UPDATE), **given}


def _saved(context: Context, numbers: list[int], given: list[Any], told: Any) -> list[Any]:
    """Run the hooks of scenes that were saved, while the caller waits; read the scenes again."""
    for number, one in zip(numbers, given, strict=True):
        if not context.fire("Scene.Update.Post", number, told, list(one)):
            break
    return [context.database.scenes.get(number) for number in numbers]


def _scene_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given = arguments["input"]
    return _saved(context, _edit(context, [given["id"]], given), [given], _told(given))[0]


def _scenes_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    items = arguments["input"]
    numbers = [_edit(context, [given["id"]], given)[0] for given in items]
    return _saved(context, numbers, items, [_told(given) for given in items])


def _bulk_scene_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given = arguments["input"]
    numbers = _edit(context, given["ids"], given)
    # Unlike the others this one tells no nulls.
    told = {key: value for key, value in given.items() if value is not None}
    return _saved(context, numbers, [given] * len(numbers), told)


def _played(arguments: dict[str, Any]) -> list[int]:
    """The whole seconds of the times that were given; Stash's short forms are not played."""
    times = arguments.get("times") or [stamp(time.time())]
    try:
        return [_seconds(text) for text in times]
    except ValueError as error:
        raise StashError(str(error)) from None


# The activity of a scene is kept beside it: updated_at stays and no hook runs (watched on 0.30.1).
def _change_activity(
    context: Context, arguments: dict[str, Any], edit: Callable[[Scene], None]
) -> Any:
    number = number_of(arguments["id"])
    try:
        scene = context.database.change(number, edit, touch=False)
    except KeyError:
        # Assumed, no recording shows it: plays have a foreign key, as tags have.
        raise StashError("FOREIGN KEY constraint failed") from None
    history = _play_history(scene, {}, context)
    return SimpleNamespace(count=len(history), history=history)


def _add_play(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    times = _played(arguments)
    return _change_activity(context, arguments, lambda scene: scene.plays.extend(times))


def _delete_play(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    times = _played(arguments)

    def edit(scene: Scene) -> None:
        for at in times:
            if at in scene.plays:
                scene.plays.remove(at)

    return _change_activity(context, arguments, edit)


def _save_activity(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    def edit(scene: Scene) -> None:
        if arguments.get("resume_time") is not None:
            scene.resume_time = float(arguments["resume_time"])

    _change_activity(context, arguments, edit)
    return True


def _tags_merge(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given, database = arguments["input"], context.database
    target = number_of(given["destination"])
    for number in given["source"]:
        database.remove_entity("tag", number_of(number), instead=target)
    told = {"source": [str(one) for one in given["source"]], "destination": str(target)}
    context.fire("Tag.Merge.Post", target, told)  # and no Scene hook
    return database.entities["tag"][target]


# --- mutations of plugins and jobs --------------------------------------------------------------


def _configure_plugin(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    context.stash.settings[str(arguments["plugin_id"])] = dict(arguments["input"])
    return arguments["input"]


def _run_plugin_task(_: Any, arguments: dict[str, Any], context: Context) -> str:
    plugin_id, name = str(arguments["plugin_id"]), arguments.get("task_name")
    host, args = context.stash.host, arguments.get("args_map")

    def work(job: Job) -> None:
        progress = functools.partial(setattr, job, "progress")
        try:
            host.run_task(plugin_id, name, args, cancel=job.cancel, on_progress=progress)
        except PluginError as error:
            raise JobError(f"Error creating plugin task: {error}") from error
        except PluginStartError as error:
            raise JobError(f"Error running plugin task: {error}") from error

    description = arguments.get("description") or name or plugin_id
    return context.stash.jobs.add(f"Running plugin task: {description}", work).id


def _run_plugin_operation(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    host, plugin_id = context.stash.host, str(arguments["plugin_id"])
    if plugin_id not in host.plugins:
        raise StashError(
            "Internal system error. Error "
            "<runtime error: invalid memory address or nil pointer dereference>"
        )
    try:
        run = host.run_operation(plugin_id, arguments.get("args") or {}, context.cancelled())
    except PluginStartError as error:
        raise StashError(str(error)) from error
    if run.error is not None:
        raise StashError(run.error)
    return run.output


RESOLVERS: dict[tuple[str, str], Resolver] = {
    ("Scene", "id"): lambda scene, *_: str(scene.id),
    ("Scene", "studio"): _studio("studio"),
    ("Studio", "parent_studio"): _studio("parent"),
    ("Studio", "image_path"): _picture("studio/{}/image"),
    ("Performer", "image_path"): _picture("performer/{}/image"),
    ("Group", "front_image_path"): _picture("group/{}/frontimage"),
    ("Group", "synopsis"): lambda group, *_: group.details,
    ("Scene", "performers"): _things("performer", "performers"),
    ("Scene", "tags"): _things("tag", "tags"),
    ("Scene", "groups"): _groups,
    ("Tag", "parents"): _things("tag", "parents"),
    ("Scene", "paths"): _paths,
    ("Scene", "play_history"): _play_history,
    ("Scene", "play_count"): lambda scene, *_: len(scene.plays),
    ("VideoFile", "id"): lambda file, *_: str(file.id),
    ("VideoFile", "fingerprints"): lambda file, *_: [
        SimpleNamespace(type="oshash", value=file.oshash)
    ],
    ("ConfigResult", "plugins"): _plugin_settings,
    ("Plugin", "enabled"): lambda *_: True,
    ("Plugin", "settings"): _declared_settings,
    ("PluginHook", "hooks"): lambda hook, *_: hook.triggered_by,
    ("Query", "findScene"): lambda _, given, context: context.database.scenes.get(
        number_of(given["id"])
    ),
    ("Query", "findScenes"): _find_scenes,
    ("Query", "configuration"): lambda _, __, context: SimpleNamespace(
        general=context.stash.sessions
    ),
    ("ConfigGeneralResult", "apiKey"): lambda sessions, *_: sessions.api_key,
    ("Query", "systemStatus"): lambda *_: SimpleNamespace(
        databaseSchema=75, appSchema=75, status="OK", os="linux"
    ),
    ("Query", "version"): _version,
    ("Query", "plugins"): lambda _, __, context: list(context.stash.host.plugins.values()),
    ("Query", "findJob"): lambda _, given, context: context.stash.jobs.find(given["input"]["id"]),
    ("Mutation", "sceneUpdate"): _scene_update,
    ("Mutation", "scenesUpdate"): _scenes_update,
    ("Mutation", "bulkSceneUpdate"): _bulk_scene_update,
    ("Mutation", "sceneAddPlay"): _add_play,
    ("Mutation", "sceneDeletePlay"): _delete_play,
    ("Mutation", "sceneSaveActivity"): _save_activity,
    ("Mutation", "tagsMerge"): _tags_merge,
    ("Mutation", "configurePlugin"): _configure_plugin,
    ("Mutation", "runPluginTask"): _run_plugin_task,
    ("Mutation", "runPluginOperation"): _run_plugin_operation,
    ("Mutation", "stopJob"): lambda _, given, context: context.stash.jobs.stop(given["job_id"]),
}
for _kind, _plural in _PLURALS.items():
    RESOLVERS[_kind.title(), "id"] = lambda thing, *_: str(thing.id)
    RESOLVERS["Query", f"find{_plural}"] = _find_entities(_kind)
