"""Checks the settings against the world: names the one at fault, and how to mend it.

In the order in which things are needed: the settings, Plex's address, its
token, whose token it is, the libraries, and whether the files of Stash lie
where Plex sees them. The task "Check connection" and the settings panel ask the
same questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from errors import ConfigurationError, SyncError
from matching.path_advice import find_rule
from plex.error_types import PlexTemporaryError, ServerTimeout, ServerUnreachable
from plex.libraries import Libraries
from plex.matcher import tie
from store import holds
from sync import server_seen
from tasks import stash_log
from validation.settings_reader import shown_name
from worker import launcher
from worker.processor import search_plex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tasks.task import Task
    from validation.config import PlexSyncConfig

#: Scenes whose files are looked for.
SAMPLE = 20

#: What "this machine" is called; inside a container that is the container alone.
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104 - read, not bound


@dataclass(frozen=True)
class Checked:
    """What a check found: Plex's name, its libraries by name, how the files lie, and hints.

    ``rule`` would bring more files to their items, "" when none is known. A hint is a sentence
    about settings that can be used and do not do what they seem to.
    """

    server: str
    libraries: tuple[str, ...]
    files: str
    rule: str = ""
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = ", ".join(map(repr, self.libraries))
        found = f"Connected to Plex server {self.server!r}, libraries {named}; {self.files}"
        return " ".join([found, *self.hints])


class NothingMatchesError(ConfigurationError):
    """No file of Stash lies in a folder of Plex; ``rule`` would mend it, "" when none is known."""

    rule: str = ""


def run(task: Task) -> str:
    """Check everything with the saved settings; give the good news.

    Raises:
        errors.SyncError: What is wrong first, with ``.setting``.
    """
    try:
        news = str(check(task, task.stash.settings(), saved=True))
    except SyncError as fault:
        name = shown_name(fault.setting) if fault.setting else ""
        if name not in fault.message:
            fault.message = f"Setting {name}: {fault.message}"
        stash_log.say("ERROR", fault.message)
        raise
    holds.look_now(task.connection)  # the worker need not wait for its next probe
    launcher.wake(task.store.directory)
    return news


def check(task: Task, settings: Mapping[str, object], *, saved: bool) -> Checked:
    """Check a settings map; give what was found.

    ``saved`` says that it is the one in force. Of one that is only being tried nothing is
    kept: the page shows the server that scenes go to.

    Raises:
        errors.SyncError: What is wrong first, with ``.setting``.
    """
    config = task.parse_settings(settings)
    with task.open_plex(config) as client:
        try:
            client.probe()
        except (ServerUnreachable, ServerTimeout) as fault:
            raise _unreachable(config, fault) from None
        name = client.friendly_name
        libraries = Libraries(client, config.plex_libraries, clock=lambda: 0.0)
        if not libraries.sections():
            raise ConfigurationError(
                f"Plex server {name!r} has no movie or other-videos library. Make one in Plex, "
                "or name a show library here.",
                setting="plex_libraries",
            )
        # Plex tells only the owner about the library as a whole; others may read, not edit.
        client.query("/library")
        if saved:
            server_seen.keep(task.store, client, libraries, config.plex_url)
        files, rule = _sample(task, config, libraries)
    named = tuple(section.title for section in libraries.sections())
    return Checked(name, named, files, rule, config.hints)


def _unreachable(
    config: PlexSyncConfig, fault: ServerUnreachable | ServerTimeout
) -> PlexTemporaryError:
    """Say which setting it is, and what it usually is when nobody answers there."""
    parts = urlsplit(config.plex_url)
    hint = ""
    if parts.hostname in OWN_NAMES:
        hint = (
            " If Stash runs in a container, localhost is that container: use the address of "
            "Plex's machine in your network, or the name of Plex's container."
        )
    if parts.scheme == "https":
        hint += " If Plex does not speak https there, let Plex URL begin with http://."
    return type(fault).about(
        fault.fact, setting=fault.setting or "plex_url", hint=f"{fault.hint}{hint}".strip()
    )


def _sample(task: Task, config: PlexSyncConfig, libraries: Libraries) -> tuple[str, str]:
    stamps = task.stash.client().stamps_after(0, SAMPLE)
    paths = [path for stamp in stamps for path in stamp.paths[:1]]
    if not paths:
        return "Stash has no scene with a file yet.", ""
    inside = [path for path in paths if any(map(libraries.reach, config.path_map.targets(path)))]
    in_plex = {
        path: target
        for path in inside
        for target in config.path_map.targets(path)
        if _is_in_plex(libraries, target)
    }
    others = [path for path in paths if path not in in_plex]
    rule = find_rule(libraries, config.path_map, others, in_plex.values())
    if not inside:
        fault = NothingMatchesError(_no_folder(config, libraries, paths[0], rule))
        fault.setting, fault.rule = "path_map", rule
        raise fault
    found = (
        f"of {len(paths)} scenes looked at, {len(inside)} lie in a library folder "
        f"and {len(in_plex)} are in Plex already."
    )
    if rule:
        found += f" Plex has others in another folder; this rule in Path Map leads there: {rule}."
    return found, rule


def _is_in_plex(libraries: Libraries, path: str) -> bool:
    matches = search_plex(libraries, path)
    if tied := [one for match in matches for one in match.tied]:
        raise tie(path, tied)
    return any(match.items for match in matches)


def _no_folder(config: PlexSyncConfig, libraries: Libraries, path: str, rule: str) -> str:
    mapped = config.path_map.to_plex(path)
    folders = libraries.known_folders()
    turned = "" if mapped == path else f", which Path Map turns into {mapped}"
    if rule:
        mend = f"Plex has a file of that name elsewhere; this rule leads there: {rule}"
    else:
        first = folders[0] if folders else "/plex/folder"
        mend = f"Give the rule that leads from one to the other, such as /stash/folder => {first}"
    return (
        f"Plex knows no folder of Stash's file {path}{turned}. Its libraries lie in "
        f"{', '.join(folders)}. {mend}."
    )
