r"""How Stash's folders are called where Plex runs, and the grammar of the setting path_map.

    /stash/dir => /plex/dir; D:\videos\ => /videos; "/odd; name" => /odd

Rules are separated by ``;``, the two sides of a rule by ``=>``. A side may be
wrapped in double quotes (Windows' "Copy as path" does it): inside them nothing
separates, and a quote is written twice. In a side that starts with ``/`` a
backslash before ``;`` or ``=>`` makes it part of the name, too; in any other side
it does not, because ``D:\videos\;`` is how people end a Windows folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from validation.media_path import UNC_ROOT, MediaPath, name_key, path_key, same_path
from validation.text import OUTER_BLANKS, is_safe_line, strip_pasted

RULE_END = ";"
ARROW = "=>"

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_SEPARATOR = re.compile(r"(?<!\\)(\\*)(;|=>)")
_NEXT = re.compile(r";|=>|\Z")
_EXAMPLE = "/stash/dir => /plex/dir"
_TAIL_TO_TRUST = 2


@dataclass(frozen=True)
class PathRule:
    """One folder: ``stash`` as Stash sees it, ``plex`` as Plex sees it.

    Both are whole paths; separators are made uniform and those at the end
    dropped. ``str()`` gives the rule as it is typed into path_map.

    Raises:
        ValueError: If a side is not a whole path.
    """

    stash: str
    plex: str

    def __post_init__(self) -> None:
        for side in ("stash", "plex"):
            path: str = getattr(self, side)
            if fault := _side_fault(path):
                raise ValueError(fault)
            parts = MediaPath.of(path)
            object.__setattr__(self, side, parts.prefix(len(parts.names)))

    def __str__(self) -> str:
        return f"{quoted(self.stash)} {ARROW} {quoted(self.plex)}"


@dataclass(frozen=True)
class PathMap:
    """The user's rules, and the translation of paths by them.

    The rule with the longest matching folder wins, wherever it stands; Plex may have one
    folder of Stash's under several, each with a rule of its own. A folder
    matches whole names only: ``/data`` is in ``/data/a`` but not in ``/database``.
    Accents match composed or decomposed; case must be equal unless the rule's
    Stash side is a Windows path. Without rules every path stays as it is.
    """

    rules: tuple[PathRule, ...] = ()
    _to_plex: tuple[_Direction, ...] = field(init=False, repr=False, compare=False)
    _to_stash: tuple[_Direction, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        forth = (_Direction.between(rule.stash, rule.plex) for rule in self.rules)
        back = (_Direction.between(rule.plex, rule.stash) for rule in self.rules)
        object.__setattr__(self, "_to_plex", _longest_first(forth))
        object.__setattr__(self, "_to_stash", _longest_first(back))

    @classmethod
    def parse(cls, text: str) -> PathMap:
        """The rules in ``text``, all of which can be used, else ValueError with every fault."""
        path_map, faults = read_path_map(text)
        if faults:
            raise ValueError("; ".join(faults))
        return path_map

    def __str__(self) -> str:
        """The text that ``parse`` reads back as this map."""
        return f"{RULE_END} ".join(map(str, self.rules))

    def matches(self, path: str) -> bool:
        """Whether a rule applies to this Stash-side path."""
        parts = MediaPath.of(path)
        keys = parts.keys
        return any(direction.covers(keys) for direction in self._to_plex)

    def with_rule(self, rule: PathRule) -> PathMap:
        """These rules and one more."""
        return PathMap((*self.rules, rule))

    def leads(self, path: str, plex_path: str) -> bool:
        """Whether ``plex_path`` is one of the ``targets`` of Stash's ``path``, however spelled."""
        return any(same_path(target, plex_path) for target in self.targets(path))

    def diverts(self, rule: PathRule, folders: Iterable[str]) -> bool:
        """Whether one more rule would lead elsewhere what leads to one of some folders at Plex."""
        then = self.with_rule(rule)
        return any(
            not then.leads(path, folder) for folder in folders for path in self.to_stash(folder)
        )

    def to_plex(self, path: str) -> str:
        """The first of ``targets``."""
        return self.targets(path)[0]

    def targets(self, path: str) -> tuple[str, ...]:
        """The paths by which Plex may know Stash's ``path``; itself if no rule applies.

        Several if path_map gives its folder several targets, in the order of the rules.
        What follows the folder stays verbatim, but for the separators, which become
        those of the target.
        """
        parts = MediaPath.of(path)
        keys = parts.keys
        covering = [direction for direction in self._to_plex if direction.covers(keys)]
        if not covering:
            return (path,)
        longest = covering[0].keys
        found = (one.apply(parts) for one in covering if one.keys == longest)
        return tuple(dict.fromkeys(found))

    def to_stash(self, path: str) -> tuple[str, ...]:
        """Every Stash-side path that ``targets`` turns into this Plex-side ``path``.

        Longest Plex folder first; ``path`` itself is last, if no rule applies to
        it. Empty when Stash cannot have a name for it.
        """
        parts = MediaPath.of(path)
        keys = parts.keys
        candidates = [
            direction.apply(parts) for direction in self._to_stash if direction.covers(keys)
        ]
        return tuple(
            candidate
            for candidate in dict.fromkeys([*candidates, path])
            if self.leads(candidate, path)
        )


def read_path_map(text: str) -> tuple[PathMap, tuple[str, ...]]:
    """The usable rules in ``text``, and for each that is not what is wrong and how to mend it.

    A fault names its rule by number and quotes no path, so it may be logged with redact_logs on.
    A rule that is there twice counts once; of several targets for one folder each is one.
    """
    rules: dict[tuple[tuple[str, ...], str], PathRule] = {}
    faults: list[str] = []
    for number, (sides, unreadable) in enumerate(split_rules(text), 1):
        if fault := unreadable or _fault_of(sides):
            faults.append(f"rule {number} {fault}")
        else:
            rule = PathRule(*sides)
            rules.setdefault((MediaPath.of(rule.stash).keys, path_key(rule.plex)), rule)
    return PathMap(tuple(rules.values())), tuple(faults)


def suggest_rule(
    stash_path: str, plex_path: str, path_map: PathMap, others: Iterable[str] = ()
) -> PathRule | None:
    """The shortest rule by which ``path_map`` would lead from one path to the other.

    It is for the user to confirm, and diverts nothing from the ``others``, folders at Plex. None
    when ``path_map`` leads there already, or when the paths do not share at least the base name
    and its folder: a base name alone proves nothing.
    """
    stash, plex = MediaPath.of(stash_path), MediaPath.of(plex_path)
    if not stash.root or not plex.root or path_map.leads(stash_path, plex_path):
        return None
    # A mapped name keeps its case, so case may differ only where Plex does not mind.
    tails = (
        [name_key(name, windows=plex.windows) for name in reversed(path.names)]
        for path in (stash, plex)
    )
    shared = 0
    # Stops at the shorter path: that its names run out is not a difference.
    for one, other in zip(*tails, strict=False):
        if one != other:
            break
        shared += 1
    if shared < _TAIL_TO_TRUST:
        return None
    shared = min(shared, *(len(path.names) - _names_in_root(path) for path in (stash, plex)))
    for count in range(shared, 0, -1):
        rule = PathRule(*(path.prefix(len(path.names) - count) for path in (stash, plex)))
        works = path_map.with_rule(rule).leads(stash_path, plex_path)
        if works and not path_map.diverts(rule, others):
            return rule
    return None


@dataclass(frozen=True)
class _Direction:
    """One rule read one way, taken apart once instead of for each path."""

    keys: tuple[str, ...]
    target: str
    target_is_windows: bool

    @classmethod
    def between(cls, source: str, target: str) -> _Direction:
        return cls(MediaPath.of(source).keys, target, MediaPath.of(target).windows)

    def covers(self, keys: tuple[str, ...]) -> bool:
        return keys[: len(self.keys)] == self.keys

    def apply(self, parts: MediaPath) -> str:
        rest = parts.below(len(self.keys) - 1)
        if not rest:
            return self.target
        if self.target_is_windows:
            rest = rest.replace("/", "\\")
        elif parts.windows:
            rest = rest.replace("\\", "/")
        separator = "\\" if self.target_is_windows else "/"
        return self.target.removesuffix(separator) + separator + rest


def _longest_first(directions: Iterable[_Direction]) -> tuple[_Direction, ...]:
    return tuple(sorted(directions, key=lambda direction: -len(direction.keys)))


def _names_in_root(path: MediaPath) -> int:
    """How many first names belong to the root: a network share has server and share."""
    return 2 if path.root == UNC_ROOT else 0


def _side_fault(path: str) -> str:
    """Why ``path`` cannot be a side of a rule, or ""."""
    parts = MediaPath.of(path)
    if not is_safe_line(path):
        return "contains control characters"
    if parts.root in ("", "\\"):
        return r"is not a whole path; it must start with / or C:\ or \\server\share"
    if parts.root == UNC_ROOT and not parts.names:
        return r"names no server; write \\server\share"
    if {".", ".."} & set(parts.names):
        return "contains . or .. as a folder; write the path without them"
    return ""


def split_rules(text: str) -> list[tuple[list[str], str]]:
    """The sides of each rule that is not empty, unquoted; and why it cannot be read, or ""."""
    rules: list[tuple[list[str], str]] = []
    position = 0
    while position <= len(text):
        sides: list[str] = []
        fault = ""
        separator = ARROW
        while separator == ARROW:
            side, separator, position, side_fault = _read_side(text, position)
            sides.append(side)
            fault = fault or side_fault
        if sides != [""] or fault:
            rules.append((sides, fault))
    return rules


def quoted(side: str) -> str:
    """``side`` as it must be written in the setting: in quotes where it needs them."""
    plain = not side.startswith('"') and RULE_END not in side and ARROW not in side
    # Behind a side may follow a separator, which a final backslash would escape.
    if plain and strip_pasted(side) == side and not (side[:1] == "/" and side[-1:] == "\\"):
        return side
    return '"' + side.replace('"', '""') + '"'


def _fault_of(sides: list[str]) -> str:
    """Why these cannot be the sides of a rule, or ""."""
    if len(sides) == 1:
        return f"has no {ARROW}; write it as {_EXAMPLE}"
    if len(sides) > 2:
        return f"has more than one {ARROW}; put a {RULE_END} between two rules"
    for side, missing in zip(sides, ("before", "behind"), strict=True):
        if not side:
            return f"has nothing {missing} the {ARROW}; write it as {_EXAMPLE}"
    for side, owner in zip(sides, ("Stash", "Plex"), strict=True):
        if fault := _side_fault(side):
            return f"has a {owner} side that {fault}"
    return ""


def _read_side(text: str, start: int) -> tuple[str, str, int, str]:
    """Read one side from ``start``: the side, what ended it, where to go on, a fault."""
    while start < len(text) and text[start] in OUTER_BLANKS:
        start += 1
    if text.startswith('"', start):
        return _read_quoted(text, start)
    pieces: list[str] = []
    escapes = text.startswith("/", start)
    position = start
    for found in _SEPARATOR.finditer(text, start):
        backslashes = len(found[1])
        pieces.append(text[position : found.start()])
        position = found.end()
        pieces.append("\\" * (backslashes // 2 if escapes else backslashes))
        if not (escapes and backslashes % 2):
            return strip_pasted("".join(pieces)), found[2], position, ""
        pieces.append(found[2])
    return strip_pasted("".join([*pieces, text[position:]])), "", len(text) + 1, ""


def _read_quoted(text: str, start: int) -> tuple[str, str, int, str]:
    found = _QUOTED.match(text, start)
    if found is None:
        return "", "", len(text) + 1, 'has an opening " but no closing one'
    ending = _NEXT.search(text, found.end())
    if ending is None:  # pragma: no cover - the pattern matches the end of the text
        raise AssertionError
    position = ending.end() if ending[0] else len(text) + 1
    fault = ""
    if strip_pasted(text[found.end() : ending.start()]):
        fault = f'has text behind a closing "; write {ARROW} or {RULE_END} there'
    return found[1].replace('""', '"'), ending[0], position, fault
