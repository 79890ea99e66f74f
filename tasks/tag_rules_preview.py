"""What rules for tags would make of the user's own scenes, while they are typed in the panel.

The rules come with the question, so that they can be tried before they are saved.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from stash.scene import NamedRef
from stash.tags import newest_tagged
from sync.known_tags import KnownTags
from validation.config import parse_settings
from validation.tag_rules import read_tag_rules

if TYPE_CHECKING:
    from stash.scene import Scene
    from stash.tags import TagTree
    from tasks.task import Task
    from validation.tag_rules import TagRules

#: Scenes that are shown, of so many that were saved last and carry what a rule names.
SHOWN, LOOKED_AT = 5, 40
#: Tags by which those scenes are asked for, and names that are listed at most.
ASKED_BY, LISTED = 100, 500


def run(task: Task) -> dict[str, Any]:
    """Show what rules (argument ``tag_rules``, which nobody has saved yet) make of scenes.

    Stash is asked for its tags, unless they are known, and for some scenes; Plex for nothing.

    Gives ``faults``, a text each, and with any nothing else but empty lists; ``scenes``, each
    ``{id, title, tags, genres, labels, collections}``, those that a rule changes first;
    ``tags``, how many there are; ``missed``, how many no rule names, and ``names``, the
    first of those in the order of the alphabet.

    Raises:
        errors.SyncError: Stash could not be asked.
    """
    given = task.arguments.get("tag_rules")
    text = given if isinstance(given, str) else ""
    problems = parse_settings({"tag_rules": text}).problems
    if faults := [one.message for one in problems if one.setting == "tag_rules"]:
        return {"faults": faults, "scenes": [], "tags": 0, "missed": 0, "names": []}
    rules, _ = read_tag_rules(text.replace("\r", "\n"))
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
