"""The task "Check connection": names the one setting at fault, and how to mend it.

In the order in which things are needed: the settings, Plex's address, its
token, the libraries, and whether the files of Stash lie where Plex sees them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults import ConfigurationError, SyncError
from plex.client import PlexClient
from plex.libraries import Libraries
from validation.config import PlexSyncConfig
from worker import voice

if TYPE_CHECKING:
    from stash.stamp import SceneStamp
    from worker.task import Task

#: Scenes whose files are looked for.
SAMPLE = 20


def run(task: Task) -> str:
    """Check everything; give the good news.

    Raises:
        faults.SyncError: What is wrong first, with ``.setting``.
    """
    try:
        news = check(task)
    except SyncError as fault:
        where = f"Setting {fault.setting}: " if fault.setting else ""
        voice.say("ERROR", where + fault.message)
        raise type(fault)(where + fault.message, setting=fault.setting) from None
    voice.say("INFO", news)
    return news


def check(task: Task) -> str:
    """Do the checks; give a sentence about what was found."""
    settings = task.stash.settings()
    token = settings.get("plex_token")
    task.log.hide([token if isinstance(token, str) else None])
    config = PlexSyncConfig.from_settings(settings)
    with PlexClient(
        config.plex_url,
        config.plex_token,
        connect_timeout=config.plex_connect_timeout,
        read_timeout=config.plex_read_timeout,
        verify=not config.plex_skip_tls_verify,
        client_identifier=task.store.client_identifier(),
    ) as client:
        client.probe()
        name = client.friendly_name
        libraries = Libraries(client, config.plex_libraries, clock=lambda: 0.0)
        if not libraries.sections():
            raise ConfigurationError(
                f"Plex server {name!r} has no movie or other-videos library. Make one in Plex, "
                "or name a show library here.",
                setting="plex_libraries",
            )
        stamps = task.stash.client().scene_ids_after(0, SAMPLE)
        placed = _sample(config, libraries, stamps)
    return f"Connected to Plex server {name!r}, libraries {libraries.describe()}; {placed}"


def _sample(config: PlexSyncConfig, libraries: Libraries, stamps: list[SceneStamp]) -> str:
    paths = [path for stamp in stamps for path in stamp.paths[:1]]
    if not paths:
        return "Stash has no scene with a file yet."
    inside = [path for path in paths if libraries.reach(config.path_map.to_plex(path))]
    if not inside:
        raise ConfigurationError(_no_folder(config, libraries, paths[0]), setting="path_map")
    found = [path for path in inside if libraries.items_holding(config.path_map.to_plex(path))]
    return (
        f"of {len(paths)} scenes looked at, {len(inside)} lie in a library folder "
        f"and {len(found)} are in Plex already."
    )


def _no_folder(config: PlexSyncConfig, libraries: Libraries, path: str) -> str:
    mapped = config.path_map.to_plex(path)
    folders = [str(place) for section in libraries.sections() for place in section.locations]
    return (
        f"Stash's file {path} is {mapped} for Plex, but Plex's libraries lie in "
        f"{', '.join(folders)}. Give the rule that turns one into the other, "
        f"such as /stash/folder => {folders[0] if folders else '/plex/folder'}."
    )
