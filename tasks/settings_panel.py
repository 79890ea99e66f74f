"""What the settings panel asks of Plex and Stash, and signing in with Plex.

Do these settings work, which libraries are there, what do rules make of the user's scenes?
The settings come with the question, so that they can be tried before they are saved. A fault
is an answer here, not an error: the panel shows it at its setting.

Nobody has to dig for a token: Plex shows a code, the user enters it at plex.tv, and the panel
asks now and then whether that happened. The PIN is kept in the store, so that the browser
cannot ask about anybody else's. The last answer is the one place where a token leaves.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from errors import SyncError
from plex import sign_in
from plex.error_types import PlexError
from plex.fields import LEAF_TYPE_OF_SECTION
from stash.scene import NamedRef
from stash.tags import newest_tagged
from store import meta
from sync.known_tags import KnownTags
from tasks import check_connection
from validation.config import parse_settings
from validation.settings_reader import SettingsError
from validation.tag_rules import read_tag_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from stash.scene import Scene
    from stash.tags import TagTree
    from tasks.task import Task
    from validation.tag_rules import TagRules


#: Scenes that are shown, of so many that were saved last and carry what a rule names.
SHOWN, LOOKED_AT = 5, 40
#: Tags by which those scenes are asked for, and names that are listed at most.
ASKED_BY, LISTED = 100, 500
#: Seconds a code is good for.
CODE_LIFE = 900.0

#: An answer of ``test_connection`` and ``libraries`` as far as nothing else is said.
_NOTHING_WRONG: dict[str, Any] = {
    "ok": True,
    "message": "",
    "setting": None,
    "faults": [],
    "rule": "",
    "server": "",
    "libraries": [],
}


def test_connection(task: Task) -> dict[str, Any]:
    """Try settings (argument ``settings``, else the saved ones).

    Returns:
        ``ok``; ``message``; ``setting``, the one at fault or None; ``faults``, what is
        wrong as ``{setting, message}`` each; ``rule``, a path_map rule that would help,
        or ""; ``server`` and ``libraries`` by name.
    """

    def check(settings: dict[str, object]) -> dict[str, Any]:
        saved = not isinstance(task.arguments.get("settings"), dict)
        found = check_connection.check(task, settings, saved=saved)
        return {
            "message": str(found),
            "server": found.server,
            "libraries": list(found.libraries),
        }

    return _answer(task, check)


def libraries(task: Task) -> dict[str, Any]:
    """Give Plex's libraries with videos (argument ``settings`` as for ``test_connection``).

    Returns:
        As ``test_connection``, with ``libraries`` as ``{name, kind, folders}``: all there are,
        whatever plex_libraries says.
    """

    def read(settings: dict[str, object]) -> dict[str, Any]:
        config = task.parse_settings({**settings, "plex_libraries": "", "path_map": ""})
        with task.open_plex(config) as client:
            infos = client.section_infos()
            return {
                "server": client.friendly_name,
                "libraries": [
                    {"name": info.title, "kind": info.type, "folders": list(info.locations)}
                    for info in infos
                    if info.type in LEAF_TYPE_OF_SECTION
                ],
            }

    return _answer(task, read)


def _answer(task: Task, ask: Callable[[dict[str, object]], dict[str, Any]]) -> dict[str, Any]:
    given = task.arguments.get("settings")
    try:
        found = ask(given if isinstance(given, dict) else task.stash.settings())
    except SyncError as fault:
        faults = _faults(fault)
        found = {
            "ok": False,
            "message": " ".join(one["message"] or "" for one in faults),
            "setting": fault.setting,
            "faults": faults,
            "rule": getattr(fault, "rule", ""),
        }
    return {**_NOTHING_WRONG, **found}


def _faults(fault: SyncError) -> list[dict[str, str | None]]:
    """Give what is wrong, setting by setting; nothing waits for what is only being tried."""
    if isinstance(fault, SettingsError):
        return [{"setting": one.setting, "message": one.sentence} for one in fault.problems]
    message = fault.while_trying() if isinstance(fault, PlexError) else fault.message
    return [{"setting": fault.setting, "message": message}]


def tag_rules(task: Task) -> dict[str, Any]:
    """Show what rules (argument ``tag_rules``, which nobody has saved yet) make of scenes.

    Stash is asked for its tags, unless they are known, and for some scenes; Plex for nothing.

    Returns:
        ``faults``, a text each, and with any nothing else but empty lists; ``scenes``, each
        ``{id, title, tags, genres, labels, collections}``, those that a rule changes first;
        ``tags``, how many there are; ``missed``, how many no rule names, and ``names``, the
        first of those in the order of the alphabet.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    text = task.arguments.get("tag_rules")
    given = {"tag_rules": text if isinstance(text, str) else ""}
    faults = [one for one in parse_settings(given).problems if one.setting == "tag_rules"]
    if faults:
        said = [one.message for one in faults]
        return {"faults": said, "scenes": [], "tags": 0, "missed": 0, "names": []}
    rules, _ = read_tag_rules(given["tag_rules"].replace("\r", "\n"))
    known = KnownTags(task.store, task.stash, time.time)
    tree = known.tree()
    named, missed = _sorted_out(tree, rules)
    scenes = known.completed(_newest(task, named), rules).values()
    shown = sorted((_with_rules(scene, rules) for scene in scenes), key=_is_plain)
    return {
        "faults": [],
        "scenes": [one for one in shown if one["tags"]][:SHOWN],
        "tags": len(tree.tags),
        "missed": len(missed),
        "names": sorted(missed, key=str.casefold)[:LISTED],
    }


def _sorted_out(tree: TagTree, rules: TagRules) -> tuple[list[int], list[str]]:
    """Give the ids of the tags that rules name, and the names of all others."""
    named: list[int] = []
    missed: list[str] = []
    for tag in tree.tags.values():
        ref = tree.completed(NamedRef(tag.id, tag.name), above=bool(rules.below))
        if rules.names(ref):
            named.append(tag.id)
        else:
            missed.append(tag.name)
    return named, missed


def _newest(task: Task, named: list[int]) -> list[Scene]:
    """Give the scenes that were saved last, of those with a tag that a rule names if there are."""
    if named:
        by = named[:ASKED_BY]
        found = task.stash.ask(lambda client: newest_tagged(client, LOOKED_AT, by))
        if found:
            return found
    return task.stash.ask(lambda client: newest_tagged(client, LOOKED_AT))


def _with_rules(scene: Scene, rules: TagRules) -> dict[str, Any]:
    written = rules.apply(scene.tags)
    return {
        "id": scene.id,
        "title": scene.title,
        "tags": [tag.name for tag in scene.tags],
        "genres": list(dict.fromkeys(written.genres)),
        "labels": list(dict.fromkeys(written.labels)),
        "collections": list(dict.fromkeys(written.collections)),
    }


def _is_plain(shown: dict[str, Any]) -> bool:
    """Say whether rules leave a scene's tags as they are."""
    return bool(shown["genres"] == shown["tags"])


def start_sign_in(task: Task) -> dict[str, Any]:
    """Ask for a new code: ``{ok, code, link, expires_in}``, or ``{ok: False, message}``."""
    try:
        pin = sign_in.start(task.store.client_identifier())
    except SyncError as fault:
        return {"ok": False, "message": fault.message}
    with task.store.transaction() as connection:
        meta.put(connection, meta.SIGN_IN, {"id": pin.id, "code": pin.code, "at": time.time()})
    return {"ok": True, "code": pin.code, "link": sign_in.LINK, "expires_in": CODE_LIFE}


def check_sign_in(task: Task) -> dict[str, Any]:
    """Say how the sign-in stands: ``{state: waiting | done | expired | failed}``.

    Done comes with ``token``, once. Failed comes with ``message`` and is about this look
    alone: the code may be good all the same.
    """
    kept = meta.get(task.store.connection, meta.SIGN_IN) or {}
    if not 0 <= time.time() - kept.get("at", 0.0) < CODE_LIFE:
        return {"state": "expired"}
    try:
        pin = sign_in.Pin(kept["id"], kept["code"])
        token = sign_in.token(task.store.client_identifier(), pin)
    except sign_in.CodeExpired:
        return {"state": "expired"}
    except SyncError as fault:
        return {"state": "failed", "message": fault.message}
    if token is None:
        return {"state": "waiting"}
    with task.store.transaction() as connection:
        meta.put(connection, meta.SIGN_IN, {})
    return {"state": "done", "token": token}
