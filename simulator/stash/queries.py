"""The root fields of Query that are played."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from simulator.stash.plan import StashError
from simulator.stash.search import (
    find_entities,
    find_scenes,
    page_of,
    search_scenes,
    sort_entities,
    sort_scenes,
)

if TYPE_CHECKING:
    from simulator.stash.app import Context
    from simulator.stash.plan import Resolver

PLURALS = {"studio": "studios", "performer": "performers", "tag": "tags", "group": "groups"}


def number_of(text: Any, what: str = "id") -> int:
    """An id as a number.

    Raises:
        StashError: it is not one; Stash words it like Go does.
    """
    try:
        return int(text)
    except (TypeError, ValueError) as error:
        raise StashError(
            f'converting {what}: strconv.Atoi: parsing "{text}": invalid syntax'
        ) from error


def _find_scene(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    if arguments.get("id") is None:
        return None
    return context.database.scene(number_of(arguments["id"]))


def _find_scenes(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    database = context.database
    wanted = arguments.get("filter") or {}
    asked = arguments.get("ids") or arguments.get("scene_ids")
    if asked:
        ids = [number_of(one) for one in asked]
        page = [(one, database.scene(one)) for one in ids]
        for number, scene in page:
            if scene is None:
                raise StashError(f"scene with id {number} not found")
        return SimpleNamespace(count=len(ids), scenes=[scene for _, scene in page])
    ids = find_scenes(database, arguments.get("scene_filter"))
    if wanted.get("q"):
        ids = search_scenes(database, ids, wanted["q"])
    shown = page_of(sort_scenes(database, ids, wanted), wanted)
    return SimpleNamespace(count=len(ids), scenes=[database.scene(one) for one in shown])


def _find_one(kind: str) -> Resolver:
    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        return context.database.entities[kind].get(number_of(arguments["id"]))

    return resolve


def _find_many(kind: str) -> Resolver:
    plural = PLURALS[kind]

    def resolve(_: Any, arguments: dict[str, Any], context: Context) -> Any:
        database, wanted = context.database, arguments.get("filter") or {}
        known = database.entities[kind]
        asked = arguments.get("ids") or arguments.get(f"{kind}_ids")
        if asked:
            for number in map(number_of, asked):
                if number not in known:
                    raise StashError(f"{kind} with id {number} not found")
            found = shown = [known[int(one)] for one in asked]
        else:
            found = find_entities(database, kind, arguments.get(f"{kind}_filter"))
            if wanted.get("q"):
                found = [one for one in found if wanted["q"].lower() in one.name.lower()]
            shown = page_of(sort_entities(found, wanted), wanted)
        return SimpleNamespace(count=len(found), **{plural: shown})

    return resolve


def _configuration(_: Any, __: Any, context: Context) -> Any:
    config_dir = Path(context.app.config_dir)
    general = SimpleNamespace(
        apiKey=context.app.sessions.api_key,
        username=context.app.sessions.username,
        password="*****" if context.app.sessions.username else "",
        databasePath=str(config_dir / "stash-go.sqlite"),
        configFilePath=str(config_dir / "config.yml"),
        maxSessionAge=context.app.sessions.max_age,
        parallelTasks=1,
    )
    return SimpleNamespace(general=general, ui={})


def _plugin_settings(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    stored = context.app.settings
    include = arguments.get("include")
    if include is None:
        return dict(stored)
    return {name: stored[name] for name in include if name in stored}


def _system_status(_: Any, __: Any, context: Context) -> Any:
    config_dir = Path(context.app.config_dir)
    return SimpleNamespace(
        databaseSchema=75,
        databasePath=str(config_dir / "stash-go.sqlite"),
        configPath=str(config_dir / "config.yml"),
        appSchema=75,
        status="OK",
        os="linux",
        workingDir=str(Path.cwd()),
        homeDir=os.path.expanduser("~"),  # noqa: PTH111 - Path.home fails without a home
        ffmpegPath="/usr/bin/ffmpeg",
        ffprobePath="/usr/bin/ffprobe",
    )


def _version(_: Any, __: Any, context: Context) -> Any:
    return SimpleNamespace(
        version=f"v{context.app.version}.1", hash="5tand1n00", build_time="2025-12-18 00:00:00"
    )


def _plugins(_: Any, __: Any, context: Context) -> Any:
    return list(context.app.host.plugins.values()) if context.app.host else []


def _find_job(_: Any, arguments: dict[str, Any], context: Context) -> Any:
    return context.app.jobs.find(str(arguments["input"]["id"]))


QUERIES: dict[str, Resolver] = {
    "findScene": _find_scene,
    "findScenes": _find_scenes,
    "configuration": _configuration,
    "systemStatus": _system_status,
    "version": _version,
    "plugins": _plugins,
    "jobQueue": lambda _, __, context: context.app.jobs.queue(),
    "findJob": _find_job,
    "stats": lambda _, __, context: SimpleNamespace(scene_count=len(context.database.scene_ids())),
}
for _kind, _plural in PLURALS.items():
    QUERIES[f"find{_kind.title()}"] = _find_one(_kind)
    QUERIES[f"find{_plural.title()}"] = _find_many(_kind)

ROOTS: dict[tuple[str, str], Resolver] = {("Query", name): one for name, one in QUERIES.items()}
ROOTS["ConfigResult", "plugins"] = _plugin_settings
