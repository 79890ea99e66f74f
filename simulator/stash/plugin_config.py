"""A plugin's yml as Stash reads it.

Stash refuses a plugin whose yml holds a key that it does not know, and says so in
its log only; the other plugins load. Scalars of any kind become text
(``defaultArgs: {n: 5}`` hands over ``"5"``). Hook names are not checked: an
unknown one never fires.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class PluginLoadError(Exception):
    """Stash would skip this plugin; the text is what its log would say."""


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """One entry of ``tasks`` or ``hooks`` (then with ``triggered_by``)."""

    name: str = ""
    description: str = ""
    exec_args: list[str] = field(default_factory=list)
    default_args: Mapping[str, str] = field(default_factory=dict)
    triggered_by: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PluginConfig:
    """A plugin as Stash knows it: ``id`` is the file's name, ``folder`` Stash's PluginDir."""

    id: str
    folder: Path
    name: str = ""
    description: str = ""
    url: str = ""
    version: str = ""
    interface: str = "raw"
    err_log: str = "error"
    exec: list[str] = field(default_factory=list)
    tasks: list[TaskConfig] = field(default_factory=list)
    hooks: list[TaskConfig] = field(default_factory=list)
    ui: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def task(self, name: str) -> TaskConfig | None:
        """The task called ``name``, or None."""
        return next((task for task in self.tasks if task.name == name), None)


def load_plugin(path: Path) -> PluginConfig:
    """Read one yml.

    Raises:
        PluginLoadError: Stash would not load it.
    """
    try:
        # The base loader leaves every scalar the text that it is.
        found = _snake(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
        for name in ("tasks", "hooks"):
            found[name] = [TaskConfig(**_snake(entry)) for entry in found.get(name) or ()]
        return PluginConfig(path.stem, path.parent, **found)
    except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise PluginLoadError(f"Error loading plugin {path}: yaml: {error}") from error


def _snake(body: dict[str, Any]) -> dict[str, Any]:
    """Keys as the dataclasses spell them; empty values are left out."""
    return {
        re.sub(r"[A-Z]", lambda hit: "_" + hit.group().lower(), key): value
        for key, value in body.items()
        if value
    }
