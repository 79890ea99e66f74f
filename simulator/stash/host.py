"""Stash's plugin host: loads plugins and runs their hooks, tasks and operations.

It can be used on its own, without the Stash stand-in around it.
``plugin_dir`` is walked to its last corner, as Stash does: every ``*.yml`` in it
is taken for a plugin. Stash refuses one that holds a key that it does not know,
and says so in its log only; the other plugins load. Scalars of any kind become
text (``defaultArgs: {n: 5}`` hands over ``"5"``). Hook names are not checked: an
unknown one never fires.
"""

from __future__ import annotations

import os
import random
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from simulator.stash.process import LogLine, PluginStartError, Run, run_process

# How often one hook type of one plugin may set itself off again.
MOST_REENTRIES = 10


class PluginError(Exception):
    """A plugin or task that cannot be run at all; the text is Stash's."""


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


def load_plugin(path: Path) -> PluginConfig:
    """Read one yml.

    Raises:
        yaml.YAMLError, AttributeError, TypeError, ValueError: Stash would not load it.
    """
    # The base loader leaves every scalar the text that it is.
    found = _snake(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader))
    for name in ("tasks", "hooks"):
        found[name] = [TaskConfig(**_snake(entry)) for entry in found.get(name) or ()]
    return PluginConfig(path.stem, path.parent, **found)


def _snake(body: dict[str, Any]) -> dict[str, Any]:
    """Keys as the dataclasses spell them; empty values are left out."""
    return {
        re.sub(r"[A-Z]", lambda hit: "_" + hit.group().lower(), key): value
        for key, value in body.items()
        if value
    }


class PluginHost:
    """The plugins below ``plugin_dir``, if any, which are told ``config_dir`` as ``Dir``.

    They find their way back by ``port`` and by what ``cookie`` makes for a run: a fresh session
    cookie's value, given the hooks that already ran in this chain.
    """

    def __init__(
        self,
        plugin_dir: str | Path | None,
        config_dir: str | Path,
        port: int,
        cookie: Callable[[Mapping[str, int]], str],
    ) -> None:
        self.config_dir = Path(config_dir)
        self._port, self._cookie = port, cookie
        self.plugins: dict[str, PluginConfig] = {}
        self.log: list[LogLine] = []
        self.runs: list[Run] = []
        for path in sorted(Path(plugin_dir).rglob("*.yml")) if plugin_dir else ():
            self._load(path)

    def run_hook(
        self,
        trigger: str,
        entity_id: int,
        hook_input: Any = None,
        input_fields: Sequence[str] = (),
        *,
        cancel: threading.Event | None = None,
        visited: Mapping[str, int] | None = None,
    ) -> list[Run]:
        """Run every hook that ``trigger`` sets off, one after another; give the runs.

        A process that cannot be started ends the row, and so does ``cancel``, which is set
        when the caller has gone. ``input_fields`` are the keys of ``hook_input`` that were
        given; in a random order on stdin, as in Stash. ``visited`` has the hooks that ran
        before in this chain, from the session cookie.
        """
        context: dict[str, Any] = {"id": entity_id, "type": trigger, "input": hook_input}
        if input_fields:
            context["inputFields"] = random.sample(list(input_fields), len(input_fields))
        runs: list[Run] = []
        for plugin in self.plugins.values():
            for hook in plugin.hooks:
                key, counts = f"{plugin.id}:{trigger}", dict(visited or {})
                if trigger not in hook.triggered_by or counts.get(key, 0) >= MOST_REENTRIES:
                    continue
                counts[key] = counts.get(key, 0) + 1
                args = {**hook.default_args, "hookContext": context}
                try:
                    run = self._run(plugin, hook, trigger, args, cancel, visited=counts)
                except PluginStartError as error:
                    self._note("error", f"error executing post hooks: {error}")
                    return runs
                runs.append(run)
                if run.cancelled:
                    self._note("error", "error executing post hooks: operation cancelled")
                    return runs
                if run.error is not None:
                    self._note("error", f"{trigger} [{plugin.name}]: returned error: {run.error}")
        return runs

    def run_task(
        self,
        plugin_id: str,
        name: str | None,
        args: Mapping[str, Any] | None = None,
        *,
        cancel: threading.Event | None = None,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Run:
        """Run a task, with its default arguments below ``args``; without a name there are none.

        Raises:
            PluginError: no such plugin or task.
            PluginStartError: the process cannot be started.
        """
        plugin = self.plugins.get(plugin_id)
        if plugin is None:
            raise PluginError(f"no plugin with ID {plugin_id}")
        tasks = plugin.tasks if name else [TaskConfig()]
        task = next((task for task in tasks if task.name == (name or "")), None)
        if task is None:
            raise PluginError(f"no task with name {name} in plugin {plugin.name}")
        merged = {**task.default_args, **(args or {})}
        run = self._run(plugin, task, name or plugin_id, merged, cancel, on_progress=on_progress)
        if run.error is not None:
            self._note("error", f"Plugin returned error: {run.error}")
        return run

    def run_operation(
        self, plugin_id: str, args: Mapping[str, Any], cancel: threading.Event | None = None
    ) -> Run:
        """Run the plugin at once with ``args`` alone, as ``runPluginOperation`` does."""
        return self._run(self.plugins[plugin_id], TaskConfig(), "operation", args, cancel)

    def _load(self, path: Path) -> None:
        try:
            self.plugins[path.stem] = load_plugin(path)
        except (yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
            self._note("error", f"Error loading plugin {path}: yaml: {error}")

    def _run(
        self,
        plugin: PluginConfig,
        task: TaskConfig,
        label: str,
        args: Mapping[str, Any],
        cancel: threading.Event | None,
        *,
        visited: Mapping[str, int] | None = None,
        on_progress: Callable[[float], None] = lambda _: None,
    ) -> Run:
        link = self._link(plugin, visited or {})
        run = Run(plugin.id, label, {"server_connection": link, "args": args})
        parent = str(plugin.folder.parent)
        known = os.environ.get("PYTHONPATH")
        environ = {**os.environ, "PYTHONPATH": f"{known}{os.pathsep}{parent}" if known else parent}
        program, *words = plugin.exec
        # {pluginDir} is replaced in all words of exec but the first, and not in execArgs.
        words = [word.replace("{pluginDir}", str(plugin.folder)) for word in words]
        argv = [sys.executable if program == "python" else program, *words, *task.exec_args]

        def hear(line: LogLine) -> None:
            if line.level == "progress":
                run.progress.append(float(line.text))
                on_progress(run.progress[-1])
            else:
                run.log.append(line)
                self._note(line.level, f"[Plugin / {plugin.name}] {line.text}")

        self.runs.append(run)
        level, stop = plugin.err_log, cancel or threading.Event()
        run_process(run, argv, environ, error_level=level, cancel=stop, hear=hear)
        return run

    def _link(self, plugin: PluginConfig, visited: Mapping[str, int]) -> Any:
        """What stdin carries as ``server_connection``."""
        cookie = {
            "Name": "session",
            "Value": self._cookie(visited),
            "Quoted": False,
            "Path": "",
            "Domain": "",
            "Expires": "0001-01-01T00:00:00Z",
            "RawExpires": "",
            "MaxAge": 0,
            "Secure": False,
            "HttpOnly": False,
            "SameSite": 0,
            "Partitioned": False,
            "Raw": "",
            "Unparsed": None,
        }
        return {
            "Scheme": "http",
            "Host": "127.0.0.1",
            "Port": self._port,
            "SessionCookie": cookie,
            # Only Dir is made absolute; PluginDir stays as the plugins path was given.
            "Dir": str(self.config_dir.absolute()),
            "PluginDir": str(plugin.folder),
        }

    def _note(self, level: str, text: str) -> None:
        self.log.append(LogLine(level, text))
