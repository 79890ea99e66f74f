"""The root fields of Mutation that are played, and the hooks each of them sets off.

A hook runs after the change is made and before the reply; the reply is read
again afterwards. What sets off no hook in Stash sets off none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.stash.edits import apply_bulk, apply_input, check_input
from simulator.stash.inputs import entity_input, scene_destroy, scene_update, without_nulls
from simulator.stash.plan import StashError
from simulator.stash.queries import PLURALS, number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.stash.app import Context
    from simulator.stash.plan import Resolver
    from simulator.stash.records import Entity, Scene


def change_scene(
    context: Context, number: int, edit: Callable[[Scene], None], *, touch: bool = True
) -> Scene:
    """Let ``edit`` change a scene that may not be there."""
    try:
        return context.database.change(number, edit, touch=touch)
    except KeyError:
        raise StashError(f"scene with id {number} not found") from None


def _update_one(context: Context, given: dict[str, Any]) -> int:
    database, number = context.database, number_of(given["id"])
    with database.lock:
        # Checked first: a refused edit does not move updated_at.
        check_input(database, given)
        change_scene(context, number, lambda scene: apply_input(database, scene, given))
    return number


def _scene_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given = arguments["input"]
    number = _update_one(context, given)
    context.fire("Scene.Update.Post", number, scene_update(given), list(given))
    return context.database.scene(number)


def _scenes_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    items = arguments["input"]
    numbers = [_update_one(context, given) for given in items]
    shared = [scene_update(given) for given in items]
    for number, given in zip(numbers, items, strict=True):
        if not context.fire("Scene.Update.Post", number, shared, list(given)):
            break
    return [context.database.scene(number) for number in numbers]


def _bulk_scene_update(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given, database = arguments["input"], context.database
    numbers = [number_of(one) for one in given.get("ids") or ()]
    with database.lock:
        check_input(database, given)
        for number in numbers:
            if database.scene(number) is None:
                raise StashError(f"scene with id {number} not found")
        for number in numbers:
            change_scene(context, number, lambda scene: apply_bulk(database, scene, given))
    shared = without_nulls(given)
    for number in numbers:
        if not context.fire("Scene.Update.Post", number, shared, list(given)):
            break
    return [context.database.scene(number) for number in numbers]


def _scene_create(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given, database = dict(arguments["input"]), context.database
    given.pop("file_ids", None)
    check_input(database, given)
    scene = database.add_scene()
    change_scene(context, scene.id, lambda one: apply_input(database, one, given))
    context.fire("Scene.Create.Post", scene.id)
    return database.scene(scene.id)


def _destroy_scenes(context: Context, numbers: list[int], given: dict[str, Any]) -> bool:
    gone = []
    with context.database.lock:
        for number in numbers:
            if context.database.scene(number) is None:
                raise StashError(f"scene with id {number} not found")
        gone = [scene for one in numbers if (scene := context.database.remove_scene(one))]
    for scene in gone:
        file = scene.files[0] if scene.files else None
        told = scene_destroy(
            given, oshash=file.oshash if file else "", path=file.path if file else ""
        )
        if not context.fire("Scene.Destroy.Post", scene.id, told):
            break
    return True


def _scene_destroy(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    given = arguments["input"]
    return _destroy_scenes(context, [number_of(given["id"])], given)


def _scenes_destroy(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    given = arguments["input"]
    return _destroy_scenes(context, [number_of(one) for one in given["ids"]], given)


def _scene_merge(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given, database = arguments["input"], context.database
    target = number_of(given["destination"])
    with database.lock:
        sources = [number_of(one) for one in given["source"] if number_of(one) != target]
        files = [file for one in sources for file in getattr(database.scene(one), "files", ())]
        values = {key: value for key, value in (given.get("values") or {}).items() if key != "id"}

        def merge(scene: Scene) -> None:
            scene.files = [*scene.files, *files]
            apply_input(database, scene, values)

        change_scene(context, target, merge)
        for number in sources:
            database.remove_scene(number)
    return database.scene(target)  # no hook of any kind


def _count(name: str, *, change: int, touch: bool = False) -> Resolver:
    """A counter mutation: no hook, and ``updated_at`` stays."""

    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        def edit(scene: Scene) -> None:
            now = getattr(scene, name)
            setattr(scene, name, 0 if change == 0 else max(0, now + change))

        scene = change_scene(context, number_of(arguments["id"]), edit, touch=touch)
        return getattr(scene, name)

    return resolve


def _save_activity(_: Any, arguments: dict[str, Any], context: Context) -> bool:
    def edit(scene: Scene) -> None:
        scene.resume_time = arguments.get("resume_time") or 0
        scene.play_duration += arguments.get("playDuration") or 0

    change_scene(context, number_of(arguments["id"]), edit, touch=False)
    return True


def _screenshot(_: Any, arguments: dict[str, Any], context: Context) -> str:
    def edit(scene: Scene) -> None:
        scene.cover = None

    change_scene(context, number_of(arguments["id"]), edit)
    return "todo"


def _entity(context: Context, kind: str, number: Any) -> Entity:
    found = context.database.entities[kind].get(number_of(number))
    if found is None:
        raise StashError(f"{kind} with id {number} not found")
    return found


def _taken(context: Context, kind: str, name: str | None, number: int = 0) -> None:
    """Names of studios, performers and tags are unique."""
    for one in context.database.entities[kind].values():
        if name and one.id != number and one.name.lower() == name.lower() and kind != "group":
            raise StashError(f"{kind} with name '{name}' already exists")


def _create(kind: str) -> Resolver:
    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        given = dict(arguments["input"])
        _taken(context, kind, given["name"])
        more = {key: value for key, value in given.items() if key != "name"}
        entity = context.database.add_entity(kind, given["name"], **more)
        context.fire(f"{kind.title()}.Create.Post", entity.id, entity_input(kind, "Create", given))
        return entity

    return resolve


def _update(kind: str) -> Resolver:
    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        given = arguments["input"]
        with context.database.lock:
            entity = _entity(context, kind, given["id"])
            _taken(context, kind, given.get("name"), entity.id)
            entity.name = given.get("name") or entity.name
            rest = {key: value for key, value in given.items() if key not in {"id", "name"}}
            entity.more |= rest
            entity.updated_at = context.database.now()
        told = entity_input(kind, "Update", given)
        context.fire(f"{kind.title()}.Update.Post", entity.id, told, list(given))
        return entity

    return resolve


def _destroy(kind: str, *, many: bool) -> Resolver:
    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> bool:
        ids = arguments["ids"] if many else [arguments["input"]["id"]]
        numbers = [_entity(context, kind, one).id for one in ids]
        for number in numbers:
            context.database.remove_entity(kind, number)
        told = list(ids) if many else {"id": str(ids[0])}
        for number in numbers:
            if not context.fire(f"{kind.title()}.Destroy.Post", number, told):
                break
        return True

    return resolve


def _tags_merge(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    given = arguments["input"]
    target = _entity(context, "tag", given["destination"])
    sources = [_entity(context, "tag", one).id for one in given["source"]]
    for number in sources:
        context.database.replace_tag(number, target.id)
    told = {"source": [str(one) for one in given["source"]], "destination": str(target.id)}
    context.fire("Tag.Merge.Post", target.id, told)
    return target


MUTATIONS: dict[str, Resolver] = {
    "sceneUpdate": _scene_update,
    "scenesUpdate": _scenes_update,
    "bulkSceneUpdate": _bulk_scene_update,
    "sceneCreate": _scene_create,
    "sceneDestroy": _scene_destroy,
    "scenesDestroy": _scenes_destroy,
    "sceneMerge": _scene_merge,
    "sceneIncrementO": _count("o_counter", change=1),
    "sceneDecrementO": _count("o_counter", change=-1),
    "sceneResetO": _count("o_counter", change=0),
    "sceneIncrementPlayCount": _count("play_count", change=1),
    "sceneResetPlayCount": _count("play_count", change=0),
    "sceneSaveActivity": _save_activity,
    "sceneGenerateScreenshot": _screenshot,
    "tagsMerge": _tags_merge,
}
for _kind, _plural in PLURALS.items():
    MUTATIONS |= {
        f"{_kind}Create": _create(_kind),
        f"{_kind}Update": _update(_kind),
        f"{_kind}Destroy": _destroy(_kind, many=False),
        f"{_plural}Destroy": _destroy(_kind, many=True),
    }
