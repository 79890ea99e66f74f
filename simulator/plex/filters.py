"""The query part of a listing: which parameters filter, how, and which are ignored.

An operator is the end of a parameter's *name*: ``title%3D=x`` is the name
``title=``. What is not understood is ignored without a word and the whole
section comes back, which is how the real server punishes a typing mistake.
"""

from __future__ import annotations

import re
import time
from calendar import timegm
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from simulator.plex.items import TAG_ELEMENTS, Item

if TYPE_CHECKING:
    from simulator.plex.library import Library
    from simulator.plex.sections import Section

Pairs = Sequence[tuple[str, str]]
Test = Callable[[Item], bool]

# A field may be qualified with the type it belongs to, as in `movie.title`.
_NAME: Final = re.compile(r"^(?:(?:movie|show|season|episode)\.)?([A-Za-z]+)([!<>=]*)$")
_RELATIVE: Final = re.compile(r"^-(\d+)(mon|[smhdwy]?)$")
_SECONDS: Final = {
    "": 1,
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "mon": 2_592_000,
    "y": 31_536_000,
}
_STRINGS: Final = frozenset({"title", "titleSort", "studio", "originalTitle", "summary"})
_DATES: Final = frozenset({"addedAt", "updatedAt", "originallyAvailableAt"})
_NUMBERS: Final = frozenset({"year", "userRating", "rating", "audienceRating", "duration"})
_EXACT: Final = frozenset({"contentRating", "editionTitle"})


class MissingTypeError(Exception):
    """``file=`` without ``type=``: the real server answers 500."""


def select(library: Library, section: Section, pairs: Pairs) -> list[Item]:
    """The items of ``section`` the query asks for, in the order it asks for.

    Raises:
        MissingTypeError: For ``file=`` without ``type=``.
    """
    kind = _kind(pairs)
    if kind is None and any(name == "file" for name, _ in pairs):
        raise MissingTypeError
    wanted = section.default_kind if kind is None else kind
    checks: list[Test] = []
    fewest: list[Item] | None = None
    for name, value in pairs:
        narrowed = _narrow(library, section, name, value)
        if narrowed is not None:
            checks.append(narrowed[1])
            if narrowed[0] is not None and (fewest is None or len(narrowed[0]) < len(fewest)):
                fewest = narrowed[0]
    if fewest is None:
        items = section.sorted_items(wanted)
    else:
        living = {item.key: item for item in fewest if item.kind == wanted and not item.deleted}
        items = sorted(living.values(), key=lambda item: (item.sort_key, item.key))
    for check in checks:
        items = [item for item in items if check(item)]
    return _sorted(items, pairs)


def tests(library: Library, section: Section, pairs: Pairs) -> list[Test]:
    """Every filter of the query as a test on one item (for edits of filtered items)."""
    narrowed = (_narrow(library, section, name, value) for name, value in pairs)
    return [found[1] for found in narrowed if found is not None]


def _kind(pairs: Pairs) -> int | None:
    for name, value in pairs:
        if name == "type" and value.isdigit():
            return int(value)
    return None


def _narrow(
    library: Library, section: Section, name: str, value: str
) -> tuple[list[Item] | None, Test] | None:
    """(candidates or None, test) for one parameter, or None for one that is ignored."""
    match = _NAME.match(name)
    if match is None:
        return None
    field, operator = match.groups()
    terms = value.split(",")
    if "" in terms:
        return None
    if field == "file":
        return _file(library, section, operator, terms)
    test: Test | None = None
    if field in _STRINGS:
        test = _string(lambda item: (str(item.value(field) or ""),), operator, terms, exact=False)
    elif field in _EXACT:
        test = _exact(field, operator, frozenset(terms))
    elif field in _DATES:
        test = _date(library, field, operator, terms)
    elif field in _NUMBERS:
        test = _number(field, operator, terms)
    elif field in TAG_ELEMENTS:
        test = _tag(field, operator, terms)
    elif field == "guid" and operator == "":
        wanted = frozenset(terms)
        test = lambda item: guid(item, section) in wanted  # noqa: E731 -- one of a row of tests
    elif field == "id" and operator == "":
        keys = {int(term) for term in terms if term.isdigit()}
        found = [library.items[key] for key in keys if key in library.items]
        inside = [item for item in found if item.section_id == section.section_id]
        return inside, lambda item: item.key in keys
    return None if test is None else (None, test)


def guid(item: Item, section: Section) -> str:
    """The item's guid, as its section's agent spells it."""
    if item.matched:
        kinds = {1: "movie", 2: "show", 3: "season", 4: "episode"}
        return f"plex://{kinds[item.kind]}/{item.matched}"
    if section.agentless:
        return f"tv.plex.agents.none://{item.key}"
    return f"local://{item.key}"


def _file(
    library: Library, section: Section, operator: str, terms: list[str]
) -> tuple[list[Item] | None, Test] | None:
    switches = library.switches
    if operator and switches.file_operators == "ignore":
        return None
    test = _string(
        lambda item: tuple(part.path for part in item.parts),
        operator,
        terms,
        exact=switches.file_case_sensitive,
        wildcards=switches.file_like_wildcards,
    )
    if test is None:
        return None
    if operator or switches.file_like_wildcards:
        return None, test
    candidates: list[Item] = []
    for term in terms:
        found = section.paths.candidates(term)
        if found is None:
            return None, test
        candidates.extend(found)
    return candidates, test


def _string(
    read: Callable[[Item], tuple[str, ...]],
    operator: str,
    terms: list[str],
    *,
    exact: bool,
    wildcards: bool = False,
) -> Test | None:
    """A test of text: contains, is, begins, ends, or the opposite of the first two."""

    def fold(text: str) -> str:
        return text if exact else text.lower()

    folded = [fold(term) for term in terms]
    compare: Callable[[str], bool]
    plain = operator.removeprefix("!")
    if plain == "" and wildcards:
        flags = re.DOTALL if exact else re.DOTALL | re.IGNORECASE
        patterns = [re.compile(_like(term), flags) for term in terms]
        compare = lambda text: any(p.search(text) for p in patterns)  # noqa: E731
    elif plain == "":
        compare = lambda text: any(term in text for term in folded)  # noqa: E731
    elif plain == "=":
        compare = lambda text: text in folded  # noqa: E731
    elif operator == "<":
        compare = lambda text: text.startswith(tuple(folded))  # noqa: E731
    elif operator == ">":
        compare = lambda text: text.endswith(tuple(folded))  # noqa: E731
    else:
        return None
    wanted = not operator.startswith("!")
    return lambda item: any(compare(fold(text)) for text in read(item)) is wanted


def _like(term: str) -> str:
    return "".join(
        ".*" if letter == "%" else "." if letter == "_" else re.escape(letter) for letter in term
    )


def _date(library: Library, field: str, operator: str, terms: list[str]) -> Test | None:
    # `>>=` on the wire is the name `field>>`; the names `field>=` and `field>>=`
    # are not understood, so the whole section comes back.
    epochs = (_epoch(term, library.now()) for term in terms)
    bounds = [epoch for epoch in epochs if epoch is not None]

    def read(item: Item) -> int | None:
        if field == "originallyAvailableAt":
            return _epoch(str(item.value(field) or ""), 0)
        return item.updated_at if field == "updatedAt" else item.added_at

    def after(item: Item) -> bool:
        when = read(item)
        return when is not None and any(when > bound for bound in bounds)

    def before(item: Item) -> bool:
        when = read(item)
        return when is not None and any(when < bound for bound in bounds)

    return {
        ">>": after,
        ">": after,
        "<<": before,
        "<": before,
        "": lambda item: read(item) in bounds,
        "!": lambda item: read(item) not in bounds,
    }.get(operator)


def _epoch(term: str, now: int) -> int | None:
    """Epoch seconds of 1700000000, 2024-01-31 or -30d; None for anything else."""
    if term.isdigit():
        return int(term)
    relative = _RELATIVE.match(term)
    if relative:
        return now - int(relative[1]) * _SECONDS[relative[2]]
    try:
        return timegm(time.strptime(term, "%Y-%m-%d"))
    except ValueError:
        return None


def _number(field: str, operator: str, terms: list[str]) -> Test | None:
    try:
        numbers = [float(term) for term in terms]
    except ValueError:
        return lambda _item: False

    def read(item: Item) -> float | None:
        if field == "duration":
            return float(item.parts[0].duration_ms) if item.parts else None
        value = item.value(field)
        return None if value is None else float(value)

    def over(item: Item) -> bool:
        value = read(item)
        return value is not None and any(value > number for number in numbers)

    def under(item: Item) -> bool:
        value = read(item)
        return value is not None and any(value < number for number in numbers)

    return {
        "": lambda item: read(item) in numbers,
        "!": lambda item: read(item) not in numbers,
        ">>": over,
        "<<": under,
        ">": lambda item: over(item) or read(item) in numbers,
        "<": lambda item: under(item) or read(item) in numbers,
    }.get(operator)


def _tag(kind: str, operator: str, terms: list[str]) -> Test | None:
    wanted = {term.lower() for term in terms}

    def has(item: Item) -> bool:
        taggings = item.tags.get(kind, ()) if item.tags else ()
        return any(t.row.tag.lower() in wanted or str(t.row.tag_id) in wanted for t in taggings)

    return {"": has, "!": lambda item: not has(item)}.get(operator)


def _exact(field: str, operator: str, terms: frozenset[str]) -> Test | None:
    return {
        "": lambda item: str(item.value(field) or "") in terms,
        "!": lambda item: str(item.value(field) or "") not in terms,
    }.get(operator)


def _sorted(items: list[Item], pairs: Pairs) -> list[Item]:
    order = next((value for name, value in pairs if name == "sort"), "")
    for term in reversed(order.split(",")):
        field, _, direction = term.partition(":")
        field = field.rpartition(".")[2]
        if field in {"titleSort", "title"}:
            items = sorted(items, key=lambda item: item.sort_key, reverse=direction == "desc")
        elif field in _DATES or field in _NUMBERS:
            items = sorted(
                items,
                key=lambda item: (item.value(field) is not None, item.value(field) or 0),
                reverse=direction == "desc",
            )
    return items
