"""A plugin's yml, read as strictly as Stash reads it.

Stash refuses a plugin whose yml holds an unknown or doubled key, a list where
text belongs, or a setting of an unknown type, and says so in its log only; the
other plugins load. Scalars of any kind become text (``defaultArgs: {n: 5}``
hands over ``"5"``). Hook names are not checked: an unknown one never fires.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SETTING_TYPES = ("STRING", "NUMBER", "BOOLEAN")
INTERFACES = ("raw", "rpc", "js")

# Go type name of each mapping, as Stash's error names it, and its keys.
_TEXT, _LIST, _MAP = "string", "[]string", "map[string]string"
_TASK = {"name": _TEXT, "description": _TEXT, "execArgs": _LIST, "defaultArgs": _MAP}
_SHAPES: Mapping[str, Mapping[str, str]] = {
    "plugin.Config": {
        **dict.fromkeys(("name", "description", "url", "version", "interface", "errLog"), _TEXT),
        "exec": _LIST,
        "tasks": "[]plugin.OperationConfig",
        "hooks": "[]plugin.HookConfig",
        "ui": "plugin.UIConfig",
        "settings": "map[string]plugin.SettingConfig",
    },
    "plugin.OperationConfig": _TASK,
    "plugin.HookConfig": {**_TASK, "triggeredBy": _LIST},
    "plugin.SettingConfig": dict.fromkeys(("displayName", "description", "type"), _TEXT),
    "plugin.UIConfig": {
        **dict.fromkeys(("requires", "javascript", "css"), _LIST),
        "csp": "plugin.PluginCSP",
        "assets": _MAP,
    },
    "plugin.PluginCSP": dict.fromkeys(("script-src", "style-src", "connect-src"), _LIST),
}


class PluginLoadError(Exception):
    """Stash would skip this plugin; the text is what its log would say."""


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """One entry of ``tasks`` or ``hooks`` (then with ``triggered_by``)."""

    name: str = ""
    description: str = ""
    exec_args: tuple[str, ...] = ()
    default_args: Mapping[str, str] = field(default_factory=dict)
    triggered_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SettingConfig:
    """One entry of ``settings``."""

    display_name: str = ""
    description: str = ""
    type: str = "STRING"


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """A plugin as Stash knows it after reading ``path``."""

    path: Path
    name: str = ""
    description: str = ""
    url: str = ""
    version: str = ""
    interface: str = "raw"
    err_log: str = "error"
    exec: tuple[str, ...] = ()
    tasks: tuple[TaskConfig, ...] = ()
    hooks: tuple[TaskConfig, ...] = ()
    ui: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, SettingConfig] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The plugin's id: the file's name without ``.yml``."""
        return self.path.stem

    @property
    def folder(self) -> Path:
        """What Stash calls PluginDir: the folder of the yml."""
        return self.path.parent

    def task(self, name: str) -> TaskConfig | None:
        """The task called ``name``, or None."""
        return next((task for task in self.tasks if task.name == name), None)


def load_plugin(path: Path) -> PluginConfig:
    """Read one yml.

    Raises:
        PluginLoadError: Stash would not load it.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PluginLoadError(f"Error loading plugin {path}: yaml: {error}") from error
    reader = _Reader(path)
    found = reader.value(root, "plugin.Config") if root is not None else {}
    if reader.problems:
        reader.fail("unmarshal errors:\n  " + "\n  ".join(reader.problems))
    interface = found.get("interface", "raw") or "raw"
    if interface not in INTERFACES:
        reader.fail(f"invalid interface type {interface}")
    bodies: dict[str, dict[str, Any]] = found.get("settings", {})
    settings = {key: SettingConfig(**_snake(body)) for key, body in bodies.items()}
    for key, setting in settings.items():
        if setting.type not in SETTING_TYPES:
            reader.fail(f"invalid setting type {setting.type} for {key}")
    return PluginConfig(
        path=path,
        interface=interface,
        err_log=found.get("errLog", "error") or "error",
        exec=tuple(found.get("exec", ())),
        tasks=tuple(TaskConfig(**_snake(task)) for task in found.get("tasks", ())),
        hooks=tuple(TaskConfig(**_snake(hook)) for hook in found.get("hooks", ())),
        ui=found.get("ui", {}),
        settings=settings,
        **{key: found.get(key, "") for key in ("name", "description", "url", "version")},
    )


def index_problems(config: PluginConfig) -> list[str]:
    """What the community's plugin index would refuse though Stash loads it.

    Its schema asks for a version of the form x.y.z and for a display name and a
    type of every setting.
    """
    problems = []
    if not re.fullmatch(r"\d+\.\d+\.\d+", config.version):
        problems.append(f"version {config.version!r} is not of the form x.y.z")
    problems += [
        f"setting {key} has no displayName"
        for key, setting in config.settings.items()
        if not setting.display_name
    ]
    return problems


def _snake(body: dict[str, Any]) -> dict[str, Any]:
    """Keys as the dataclasses spell them; lists become tuples."""
    return {
        re.sub(r"[A-Z]", lambda hit: "_" + hit.group().lower(), key): (
            tuple(value) if isinstance(value, list) else value
        )
        for key, value in body.items()
        if value is not None
    }


class _Reader:
    """Turns YAML nodes into plain values, noting every misfit with its line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problems: list[str] = []

    def fail(self, text: str) -> NoReturn:
        raise PluginLoadError(f"Error loading plugin {self.path}: yaml: {text}")

    def note(self, node: yaml.Node, text: str) -> None:
        self.problems.append(f"line {node.start_mark.line + 1}: {text}")

    def value(self, node: yaml.Node, shape: str) -> Any:
        """``node`` as ``shape`` asks; None for an empty value."""
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
            return {} if shape.startswith(("map", "plugin.")) else [] if shape[0] == "[" else None
        if shape == _TEXT:
            if isinstance(node, yaml.ScalarNode):
                return node.value
        elif shape.startswith("[]"):
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, shape[2:]) for item in node.value]
        elif isinstance(node, yaml.MappingNode):
            return self.mapping(node, shape)
        kind = "map" if isinstance(node, yaml.MappingNode) else "seq"
        kind = "str" if isinstance(node, yaml.ScalarNode) else kind
        self.note(node, f"cannot unmarshal !!{kind} into {shape}")
        return None

    def mapping(self, node: yaml.MappingNode, shape: str) -> dict[str, Any]:
        """``node`` as a struct or a map, with unknown and doubled keys noted."""
        keys = _SHAPES.get(shape)
        inner = shape.removeprefix("map[string]")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            if key in found:
                already = f"key {key!r} already set in map"
                self.note(
                    key_node,
                    already if keys is None else f"field {key} already set in type {shape}",
                )
            elif keys is not None and key not in keys:
                self.note(key_node, f"field {key} not found in type {shape}")
            else:
                found[key] = self.value(value_node, inner if keys is None else keys[key])
                if found[key] is None and inner == _TEXT and keys is None:
                    found[key] = ""
        return found
