"""How the fields of Stash's object types are read from the stand-in's records."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from simulator.stash.records import Entity, Scene, seconds_of

if TYPE_CHECKING:
    from simulator.stash.plan import Resolver
    from simulator.stash.plugin_yaml import PluginConfig

TYPE_NAMES = {"studio": "Studio", "performer": "Performer", "tag": "Tag", "group": "Group"}
# Interfaces and unions that are played, by the one type that stands for them.
CONCRETE = {"BaseFile": "VideoFile", "VisualFile": "VideoFile"}


def _id(source: Any, _arguments: Any, _context: Any) -> str:
    return str(source.id)


def _entities(kind: str) -> Resolver:
    def resolve(scene: Scene, _arguments: Any, context: Any) -> list[Entity]:
        known = context.database.entities[kind]
        return [known[number] for number in scene.related(kind) if number in known]

    return resolve


def _studio(scene: Scene, _arguments: Any, context: Any) -> Entity | None:
    known: dict[int, Entity] = context.database.entities["studio"]
    return None if scene.studio is None else known.get(scene.studio)


def _parent_studio(studio: Entity, _arguments: Any, context: Any) -> Entity | None:
    parent = studio.more.get("parent_id")
    return context.database.entities["studio"].get(int(parent)) if parent else None


def _groups(scene: Scene, _arguments: Any, context: Any) -> list[Any]:
    known = context.database.entities["group"]
    return [
        SimpleNamespace(group=known[number], movie=known[number], scene_index=index)
        for number, index in scene.groups
        if number in known
    ]


def _paths(scene: Scene, _arguments: Any, context: Any) -> Any:
    base = f"{context.base_url}/scene/{scene.id}"
    when = seconds_of(scene.updated_at)
    key = f"?apikey={context.api_key}" if context.api_key else ""
    return SimpleNamespace(
        screenshot=f"{base}/screenshot?t={when}",
        preview=f"{base}/preview",
        stream=f"{base}/stream{key}",
        webp=f"{base}/webp",
        vtt=f"{base}/vtt",
        sprite=f"{base}/sprite",
        caption=f"{base}/caption",
    )


def _image_path(kind: str) -> Resolver:
    def resolve(entity: Entity, _arguments: Any, context: Any) -> str:
        when = seconds_of(entity.updated_at)
        return f"{context.base_url}/{kind}/{entity.id}/image?t={when}&default=true"

    return resolve


def _carried(kind: str) -> Resolver:
    def resolve(entity: Entity, _arguments: Any, context: Any) -> int:
        return len(context.database.carriers(kind).get(entity.id, ()))

    return resolve


def _more(name: str, unset: Any) -> Resolver:
    return lambda entity, _arguments, _context: entity.more.get(name, unset)


def _fingerprints(file: Any, _arguments: Any, _context: Any) -> list[Any]:
    return [SimpleNamespace(type="oshash", value=file.oshash)]


def _fingerprint(file: Any, arguments: dict[str, Any], _context: Any) -> str | None:
    return str(file.oshash) if arguments["type"] == "oshash" else None


def _constant(value: Any) -> Resolver:
    return lambda *_: value


def _plugin_tasks(plugin: PluginConfig, _arguments: Any, _context: Any) -> Any:
    return list(plugin.tasks) or None


def _plugin_hooks(plugin: PluginConfig, _arguments: Any, _context: Any) -> Any:
    return list(plugin.hooks) or None


def _plugin_settings(plugin: PluginConfig, _arguments: Any, _context: Any) -> Any:
    return [
        SimpleNamespace(
            name=key,
            display_name=setting.display_name,
            description=setting.description,
            type=setting.type,
        )
        for key, setting in sorted(plugin.settings.items())
    ]


FIELDS: dict[tuple[str, str], Resolver] = {
    ("Scene", "id"): _id,
    ("Scene", "studio"): _studio,
    ("Scene", "performers"): _entities("performer"),
    ("Scene", "tags"): _entities("tag"),
    ("Scene", "groups"): _groups,
    ("Scene", "movies"): _groups,
    ("Scene", "paths"): _paths,
    ("Scene", "url"): lambda scene, *_: scene.urls[0] if scene.urls else None,
    ("VideoFile", "id"): _id,
    ("VideoFile", "fingerprints"): _fingerprints,
    ("VideoFile", "fingerprint"): _fingerprint,
    ("VideoFile", "format"): _constant("mp4"),
    ("VideoFile", "width"): _constant(1920),
    ("VideoFile", "height"): _constant(1080),
    ("VideoFile", "video_codec"): _constant("h264"),
    ("VideoFile", "audio_codec"): _constant("aac"),
    ("VideoFile", "frame_rate"): _constant(25),
    ("VideoFile", "bit_rate"): _constant(4_000_000),
    ("VideoFile", "parent_folder_id"): _constant("1"),
    ("Plugin", "tasks"): _plugin_tasks,
    ("Plugin", "hooks"): _plugin_hooks,
    ("Plugin", "settings"): _plugin_settings,
    ("Plugin", "requires"): lambda plugin, *_: plugin.ui.get("requires") or None,
    ("Plugin", "enabled"): lambda plugin, _, context: plugin.id not in context.host.disabled,
    ("Plugin", "paths"): _constant(SimpleNamespace(javascript=None, css=None)),
    ("PluginHook", "hooks"): lambda hook, *_: list(hook.triggered_by),
}
for _kind, _type in TYPE_NAMES.items():
    FIELDS |= {
        (_type, "id"): _id,
        (_type, "image_path"): _image_path(_kind),
        (_type, "scene_count"): _carried(_kind),
        (_type, "custom_fields"): _more("custom_fields", {}),
        (_type, "stash_ids"): _more("stash_ids", []),
        (_type, "rating100"): _more("rating100", None),
        (_type, "favorite"): _more("favorite", False),
        (_type, "details"): _more("details", ""),
        (_type, "aliases"): _more("aliases", []),
        (_type, "urls"): _more("urls", []),
    }
FIELDS |= {
    ("Performer", "alias_list"): _more("alias_list", []),
    ("Performer", "disambiguation"): _more("disambiguation", ""),
    ("Performer", "gender"): _more("gender", None),
    ("Performer", "birthdate"): _more("birthdate", None),
    ("Tag", "description"): _more("description", ""),
    ("Tag", "sort_name"): _more("sort_name", ""),
    ("Group", "aliases"): _more("aliases", ""),
    ("Group", "date"): _more("date", None),
    ("Group", "director"): _more("director", ""),
    ("Group", "synopsis"): _more("synopsis", ""),
    ("Group", "front_image_path"): _constant(None),
    ("Movie", "id"): _id,
    ("Studio", "parent_studio"): _parent_studio,
}
