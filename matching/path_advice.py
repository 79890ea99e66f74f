"""Which path_map rule is missing, and how many scenes it would bring to their items.

Learnt from files that Plex has under another folder: proven by their hash, or at
least of the same name, folder and size. Or found by the names of a few files that Plex
must have. Only ever proposed to a person: what is written to an item is decided file
by file.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from store import meta
from validation.media_path import base_name, lies_in
from validation.path_map import PathMap, PathRule, suggest_rule

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Sequence

    from plex.libraries import Libraries
    from store.store import Store

#: Rules kept, and missing scenes remembered for counting.
MOST_RULES, MOST_SCENES = 5, 20_000
#: Files asked about to find a rule.
SAMPLE = 5


def kept_advice(connection: sqlite3.Connection, path_map: PathMap) -> dict[PathRule, int]:
    """Give how many scenes a rule would catch, most first, without rules that are in use already.

    The scenes are those seen so far.
    """
    kept = meta.get(connection, meta.PATH_ADVICE) or ()
    read = ((_read_rule(text), int(scenes)) for text, scenes in kept)
    return {rule: scenes for rule, scenes in read if rule and not _is_in_use(rule, path_map)}


def find_rule(
    libraries: Libraries, path_map: PathMap, paths: Iterable[str], known: Iterable[str] = ()
) -> str:
    """Give the rule, as it is added to ``path_map``, that most of some Stash paths call for.

    It diverts none of the ``known`` files, which Plex has where ``path_map`` leads. The libraries
    were read already.
    It is "" when Plex has no file of such a name and folder. A name alone proves nothing; two
    namesakes in two places say nothing at all.
    """
    rules: Counter[str] = Counter()
    folders, known = libraries.known_folders(), list(known)
    for path in list(paths)[:SAMPLE]:
        name = base_name(path)
        files = [one.file for one in libraries.same_named(path, None)] if name else []
        found = {
            str(rule)
            for file in files
            if base_name(file) == name
            and (rule := suggest_rule(path, file, path_map, [*_others(folders, file), *known]))
        }
        if len(found) == 1:
            rules.update(found)
    return rules.most_common(1)[0][0] if rules else ""


class PathAdvice:
    """Collects pairs of paths, and counts; ``keep`` puts away what was learnt.

    The database has the advice of earlier runs. If ``private``, no sentence names a path, for
    it may end up in a log. ``folders`` gives those of Plex's libraries, as far as they are known:
    no rule is given that would lead scenes out of them.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path_map: PathMap,
        folders: Callable[[], Sequence[str]] = tuple,
        *,
        private: bool = False,
    ) -> None:
        self.private = private
        self._folders = folders
        self._path_map = path_map
        self._earlier = kept_advice(connection, path_map)
        # The page goes by what is kept, also of a rule that a person added by hand.
        self._is_news = len(self._earlier) < len(meta.get(connection, meta.PATH_ADVICE) or ())
        self._scenes: dict[PathRule, set[int]] = {rule: set() for rule in self._earlier}
        self._missing: dict[int, str] = {}

    def missing(self, scene: int, stash_path: str) -> None:
        """Note a scene whose file lies in no folder that Plex has."""
        if len(self._missing) < MOST_SCENES:
            self._missing[scene] = stash_path
        for rule in self.rules(stash_path):
            self._count(rule, {scene})

    def learn(self, scene: int, stash_path: str, plex_path: str) -> None:
        """Note that Plex has a scene's file, or one just like it, at another path."""
        others = _others(self._folders(), plex_path)
        rule = suggest_rule(stash_path, plex_path, self._path_map, others)
        if rule is None:
            return
        if rule not in self._scenes:
            if len(self._scenes) >= 10 * MOST_RULES:
                return
            self._scenes[rule] = set()
        below = {one for one, path in self._missing.items() if self._would_lead(rule, path)}
        self._count(rule, below | {scene})

    def best(self, stash_path: str) -> tuple[str, int] | None:
        """Give the rule that would catch most scenes, this one among them, and how many."""
        fitting = [(self._total(rule), str(rule)) for rule in self.rules(stash_path)]
        if not fitting:
            return None
        scenes, text = max(fitting)
        return text, scenes

    def rules(self, stash_path: str) -> list[PathRule]:
        """Give the learnt rules that would map a path."""
        return [rule for rule in self._scenes if self._would_lead(rule, stash_path)]

    def sentence(self, stash_path: str) -> str:
        """Give a sentence with the best rule for a path, "" when none is known."""
        found = self.best(stash_path)
        if found is None:
            return ""
        text, scenes = found
        caught = "this scene" if scenes == 1 else f"{scenes} scenes seen so far"
        if self.private:
            return f"The setting Path Map lacks a rule; PlexSync's page names it (for {caught})."
        return f"With the rule {text} in the setting Path Map Plex would be found for {caught}."

    def keep(self, store: Store) -> None:
        """Keep the rules that would catch most scenes for the page, if there is news."""
        folders = self._folders()
        for rule in list(self._scenes):
            # Plex's folders may be others than when it was learnt.
            others = [one for one in folders if not lies_in(one, rule.plex)]
            if self._path_map.diverts(rule, others):
                del self._scenes[rule]
                self._is_news = True
        if not self._is_news:
            return
        self._is_news = False
        ranked = sorted(self._scenes, key=lambda rule: (-self._total(rule), str(rule)))
        kept = [[str(rule), self._total(rule)] for rule in ranked[:MOST_RULES]]
        with store.transaction() as connection:
            meta.put(connection, meta.PATH_ADVICE, kept)

    def _would_lead(self, rule: PathRule, stash_path: str) -> bool:
        alone = PathMap((rule,))
        if not alone.matches(stash_path):
            return False
        # A rule for a folder further below goes first.
        return self._path_map.with_rule(rule).leads(stash_path, alone.to_plex(stash_path))

    def _count(self, rule: PathRule, scenes: set[int]) -> None:
        before = self._total(rule)
        self._scenes[rule] |= scenes
        total = self._total(rule)
        # The page need not know each one: writing is what costs.
        if total != before and (total <= 20 or total // 100 != before // 100):
            self._is_news = True

    def _total(self, rule: PathRule) -> int:
        return max(self._earlier.get(rule, 0), len(self._scenes[rule]))


def _read_rule(text: str) -> PathRule | None:
    try:
        rules = PathMap.parse(text).rules
    except ValueError:
        return None
    return rules[0] if len(rules) == 1 else None


def _is_in_use(rule: PathRule, path_map: PathMap) -> bool:
    return path_map.leads(rule.stash, rule.plex)


def _others(folders: Iterable[str], path: str) -> list[str]:
    """Give those of some folders that a path does not lie in."""
    return [folder for folder in folders if not lies_in(path, folder)]
