"""Finds the path_map rule that is missing, by the names of a few files that Plex must have."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from plex.fields import LEAF_TYPE_OF_SECTION
from plex.matcher import needles
from validation.path_map import base_name, suggest_rule

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plex.client import PlexClient
    from plex.libraries import Libraries

#: Files asked about, and items of each answer looked at: a base name is rare.
SAMPLE, LOOKED_AT = 5, 20


def find_rule(client: PlexClient, libraries: Libraries, paths: Iterable[str]) -> str:
    """Give the rule, as it is written into path_map, that most of some Stash paths call for.

    It is only proposed to a person: a name alone proves nothing.

    Args:
        client: Plex.
        libraries: The libraries that are searched.
        paths: Paths as Stash has them.

    Returns:
        The rule, "" when Plex has no file of such a name and folder.

    Raises:
        faults.SyncError: Plex could not be asked.
    """
    rules: Counter[str] = Counter()
    for path in list(paths)[:SAMPLE]:
        found = {
            str(rule)
            for file in _files_named(client, libraries, path)
            if (rule := suggest_rule(path, file))
        }
        if len(found) == 1:  # two namesakes in two places say nothing
            rules.update(found)
    return rules.most_common(1)[0][0] if rules else ""


def _files_named(client: PlexClient, libraries: Libraries, path: str) -> Iterable[str]:
    name = base_name(path)
    needle = next(iter(needles(path, whole_path=False)), "")
    if not name or not needle:
        return
    for section in libraries.sections():
        leaf = LEAF_TYPE_OF_SECTION.get(section.type, 1)
        root = client.query(
            f"/library/sections/{section.key}/all",
            (("type", str(leaf)), ("file", needle)),
            headers={
                "X-Plex-Container-Start": "0",
                "X-Plex-Container-Size": str(LOOKED_AT),
            },
        )
        for part in [] if root is None else root.iter("Part"):
            file = part.get("file", "")
            if base_name(file) == name:
                yield file
