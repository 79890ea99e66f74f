"""The tag_rules setting: where each of a scene's tags goes in Plex, and by which names. Pure.

Rules stand on lines of their own or between semicolons, and each is of one kind:

- ``only: A, B``: a tag that no rule names is not written;
- ``drop: X``, or ``nowhere: X``: never written;
- ``X, Y => Z``: written as Z, several tags as one; ``X => Z too``: as Z beside its own name;
- ``label: A``, ``collection: A``, ``genre: A``: where it goes, which is a genre otherwise.

Wherever a rule names a tag ``children of C`` may stand, which is every tag below C, however
far; ``children of C => parent`` writes them as C, ``=> parent too`` as both.

A rule looks at a tag as Stash names it, by its name or an alias, so what one rule renames no
other rule sees, and the order of the rules does not matter. Only where it goes is also asked
of the name that it is written by, and of that alone where it is written beside its own.
Of the rules of a kind the nearest to the tag counts: those that name it itself, else those
that name what is right above it, and so on; of several equally near ones all, but one that
drops it goes first. Two rules that disagree about what both name are a fault. Names are
compared by ``tag_key``. One that holds a comma, a semicolon, an arrow or a quote, or begins or
ends like a rule, is put in double quotes, a quote inside doubled.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where a tag can go, the first where no rule says it.
GENRE, LABEL, COLLECTION = PLACES = ("genre", "label", "collection")
_ARROW = "=>"
_TOKEN = re.compile(r'"((?:[^"\n]|"")*)"|(=>|[,;"\n])|((?:(?!=>)[^,;"\n])+)')
_WORDS = "only|drop|nowhere|genre|label|collection"
_KEYWORD = re.compile(rf"\s*({_WORDS})s?\s*:", re.IGNORECASE)
_CHILDREN = re.compile(r"children\s+of(?:\s+|\Z)", re.IGNORECASE)
_PARENT = re.compile(r"parent", re.IGNORECASE)
_TOO = re.compile(r"\s+too\Z", re.IGNORECASE)
_KINDS = "write it as only: A, B or drop: A or label: A or A, B => C"
_KEEP_ONE = "keep one of them"


class Called(Protocol):
    """What has a name of its own and may have others."""

    @property
    def name(self) -> str:
        """What Stash calls it."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Its other names."""


class Above(Called, Protocol):
    """A tag above another one."""

    @property
    def steps(self) -> int:
        """How far above, 1 for a parent."""


class Tag(Called, Protocol):
    """A tag as far as rules look at it."""

    @property
    def above(self) -> Iterable[Above]:
        """Those above it, the nearest first."""


class Naming(NamedTuple):
    """A name to be written by, "" for that of the tag it was found below; beside its own?"""

    name: str
    too: bool = False


@dataclass(frozen=True, slots=True)
class Fate:
    """What the rules say of one tag, or of those below one.

    It is kept only because some rule names it: an empty one says that ``only`` lets it pass.
    """

    is_dropped: bool = False
    naming: Naming | None = None
    places: frozenset[str] = frozenset()


class Written(NamedTuple):
    """Names for each place, in the order of the tags; one may come twice."""

    genres: list[str]
    labels: list[str]
    collections: list[str]


@dataclass(frozen=True, slots=True)
class TagRules:
    """What becomes of tags; all keys are ``tag_key``'s. Without a rule all become genres.

    Attributes:
        only: Whether tags that no rule names are left out.
        own: What rules say of a tag that they name; the names that others become are here, too.
        below: What they say of the tags below one.
    """

    only: bool = False
    own: Mapping[str, Fate] = field(default_factory=dict, hash=False)
    below: Mapping[str, Fate] = field(default_factory=dict, hash=False)

    @property
    def places(self) -> frozenset[str]:
        """The places beside genres that any rule sends a tag to."""
        fates = (*self.own.values(), *self.below.values())
        return frozenset().union(*(fate.places for fate in fates)) - {GENRE}

    @property
    def look_further(self) -> bool:
        """Whether it matters what else Stash knows of a tag than its name."""
        return bool(self.own or self.below)

    def apply(self, tags: Iterable[Tag]) -> Written:
        """Give what is to be written for tags of Stash."""
        written: dict[str, list[str]] = {place: [] for place in PLACES}
        for tag in tags:
            for name, places in self.of(tag):
                for place in places:
                    written[place].append(name)
        return Written(*written.values())

    def of(self, tag: Tag) -> list[tuple[str, frozenset[str]]]:
        """Give the names that one tag is written by, with the places of each."""
        said = list(self._said_of(tag)) if self.own or self.below else []
        if not said:
            return [] if self.only else [(tag.name, frozenset({GENRE}))]
        if any(fate.is_dropped for fate, _ in said[0]):
            return []
        nearest = next((near for near in said if any(fate.naming for fate, _ in near)), [])
        namings = [(fate.naming, above) for fate, above in nearest if fate.naming]
        found: dict[str, frozenset[str]] = {}
        if not namings or any(one.too for one, _ in namings):
            found[tag.name] = self._places(tag.name, said)
        for one, above in namings:
            name = one.name or above
            # What is written beside a tag's own name is a tag of its own.
            found.setdefault(name, self._places(name, [] if one.too else said))
        return list(found.items())

    def names(self, tag: Tag) -> bool:
        """Say whether any rule names a tag, by itself or as a child of another."""
        return any(self._said_of(tag))

    def _said_of(self, tag: Tag) -> Iterable[list[tuple[Fate, str]]]:
        """Give what rules say of a tag, the nearest first, with the tag that they name."""
        near = [(fate, "") for fate in _found(self.own, tag)]
        if near:
            yield near
        if not self.below:
            return
        steps: dict[int, list[tuple[Fate, str]]] = {}
        for above in tag.above:
            for fate in _found(self.below, above):
                steps.setdefault(above.steps, []).append((fate, above.name))
        yield from (steps[step] for step in sorted(steps))

    def _places(self, name: str, said: list[list[tuple[Fate, str]]]) -> frozenset[str]:
        """Give where a tag goes that is written by a name."""
        as_named = self.own.get(tag_key(name), Fate()).places
        for number, near in enumerate(said):
            # One that names the tag itself is nearer than any that names what is above it.
            is_itself = not number and not near[0][1]
            if as_named and not is_itself:
                return as_named
            places = frozenset().union(*(fate.places for fate, _ in near))
            if places:
                return places | as_named if is_itself else places
        return as_named or frozenset({GENRE})


def _found(fates: Mapping[str, Fate], tag: Called) -> list[Fate]:
    """Give what is said of a tag by its name or any alias, each once."""
    keys = dict.fromkeys(map(tag_key, (tag.name, *tag.aliases)))
    return [fates[key] for key in keys if key in fates]


class _Name(NamedTuple):
    """A name in a rule, as it is written, and by its key."""

    text: str
    is_below: bool = False
    is_quoted: bool = False

    @property
    def key(self) -> tuple[str, bool]:
        return tag_key(self.text), self.is_below


class _Rule(NamedTuple):
    """One rule: its kind ("only", "drop", a place, or "=>"), its tags, the name behind."""

    kind: str
    tags: list[_Name]
    naming: Naming = Naming("")


class _RuleError(Exception):
    """What is wrong with a rule, and how to mend it."""


def read_tag_rules(text: str) -> tuple[TagRules, tuple[str, ...]]:
    """Give the rules in ``text``, and for each fault what is wrong and how to mend it.

    A fault names its rule by number only: a name may be private, or a token in the wrong box.
    With any fault the rules are not to be used.
    """
    work = _Work()
    for number, tokens in enumerate(_split(text), 1):
        work.take(number, tokens)
    return work.result()


class _Work:
    """Rules on their way: by tag what is said of it, and which rule said so first."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.only = False
        self.fates: dict[tuple[str, bool], Fate] = {}
        # By tag and kind of rule, all places being one kind: the first that names it so.
        self.first: dict[tuple[tuple[str, bool], str], int] = {}

    def take(self, number: int, tokens: _Tokens) -> None:
        try:
            rule = _read_rule(tokens)
        except _RuleError as fault:
            self.faults.append(f"rule {number} {fault}")
            return
        self.only = self.only or rule.kind == "only"
        for tag in rule.tags:
            fate = self.fates.get(tag.key, Fate())
            kind = "write" if rule.kind in PLACES else rule.kind
            self.first.setdefault((tag.key, kind), number)
            if kind == "drop":
                fate = replace(fate, is_dropped=True)
            elif kind == "write":
                fate = replace(fate, places=fate.places | {rule.kind})
            elif kind == _ARROW:
                fate = self._renamed(number, tag, fate, rule.naming)
            self.fates[tag.key] = fate

    def _renamed(self, number: int, tag: _Name, fate: Fate, naming: Naming) -> Fate:
        if fate.naming and fate.naming != naming:
            other = self.first[tag.key, _ARROW]
            self.faults.append(
                f"rule {number} gives a tag another name than rule {other} does; {_KEEP_ONE}"
            )
            return fate
        # What others become is let through by ``only`` itself, too.
        target = (tag_key(naming.name or tag.text), False)
        self.first.setdefault((target, "write"), number)
        self.fates.setdefault(target, Fate())
        return replace(self.fates.get(tag.key, fate), naming=naming)

    def result(self) -> tuple[TagRules, tuple[str, ...]]:
        for (key, kind), number in self.first.items():
            if kind != "drop":
                continue
            other = self.first.get((key, _ARROW)) or self.first.get((key, "write"))
            if other is not None:
                what = f"drops a tag that rule {other} writes"
            elif (key, "only") in self.first:
                what = "drops a tag that an only rule names"
            else:
                continue
            self.faults.append(f"rule {number} {what}; {_KEEP_ONE}")
        own = {key: fate for (key, is_below), fate in self.fates.items() if not is_below}
        below = {key: fate for (key, is_below), fate in self.fates.items() if is_below}
        return TagRules(self.only, own, below), tuple(self.faults)


_Tokens = list[tuple[str, bool]]


def _split(text: str) -> list[_Tokens]:
    """Give the tokens of each rule that is not blank: text, and whether it stood in quotes."""
    rules: list[_Tokens] = [[]]
    for found in _TOKEN.finditer(text):
        if found[2] in (";", "\n"):
            rules.append([])
        elif found[1] is not None:
            rules[-1].append((found[1].replace('""', '"'), True))
        else:
            rules[-1].append((found[0], False))
    return [rule for rule in rules if any(quoted or text.strip() for text, quoted in rule)]


def _read_rule(tokens: _Tokens) -> _Rule:
    keyword = None if tokens[0][1] else _KEYWORD.match(tokens[0][0])
    if keyword:
        tokens = [(tokens[0][0][keyword.end() :], False), *tokens[1:]]
    sides: list[list[_Name]] = [[]]
    for piece in _pieces(tokens):
        if piece is None:
            sides.append([])
        else:
            sides[-1].append(piece)
    if keyword:
        return _placed(keyword[1].lower(), sides)
    if len(sides) != 2:
        count = "no" if len(sides) == 1 else "more than one"
        raise _RuleError(f"has {count} {_ARROW}; {_KINDS}")
    if not sides[0] or len(sides[1]) != 1:
        raise _RuleError(f"needs a tag before the {_ARROW} and one name behind it; {_KINDS}")
    return _renaming(sides[0], sides[1][0])


def _pieces(tokens: _Tokens) -> Iterator[_Name | None]:
    """Give the names of a rule, None for an arrow."""
    name: _Tokens = []
    for text, quoted in [*tokens, (",", False)]:
        if not quoted and text == '"':
            raise _RuleError('has an opening " but no closing one')
        if quoted or text not in (",", _ARROW):
            if quoted or text.strip():
                name.append((text, quoted))
            continue
        if name and (read := _name(name)).text:
            yield read
        name = []
        if text == _ARROW:
            yield None


def _name(pieces: _Tokens) -> _Name:
    """Read one name out of what stands between two separators."""
    text, quoted = pieces[0]
    children = None if quoted else _CHILDREN.match(text.strip())
    if children:
        rest = (text.strip()[children.end() :], False)
        pieces = [rest, *pieces[1:]] if rest[0] else pieces[1:]
        if not pieces:
            raise _RuleError("names no tag behind children of")
        text, quoted = pieces[0]
    if len(pieces) > 1:
        raise _RuleError("has text beside a name in quotes; put a comma or a semicolon there")
    text = text.strip()
    if not quoted and (_KEYWORD.match(text) or _CHILDREN.match(text)):
        raise _RuleError(
            "begins a name like a rule; put a semicolon before it, or the name in quotes if it "
            "is one"
        )
    return _Name(text, bool(children), quoted)


def _placed(kind: str, sides: list[list[_Name]]) -> _Rule:
    if len(sides) > 1:
        raise _RuleError(f"has a {_ARROW} behind {kind}; {_KINDS}")
    if not sides[0]:
        raise _RuleError(f"names no tag behind {kind}")
    return _Rule("drop" if kind == "nowhere" else kind, sides[0])


def _renaming(tags: list[_Name], behind: _Name) -> _Rule:
    if behind.is_below:
        raise _RuleError(f"has children of behind the {_ARROW}; one name has to stand there")
    text = behind.text
    too = None if behind.is_quoted else _TOO.search(text)
    text = text[: too.start()] if too else text
    below = [tag.is_below for tag in tags]
    if not behind.is_quoted and _PARENT.fullmatch(text) and any(below):
        if not all(below):
            raise _RuleError(
                "writes tags as their parent that stand without children of; make two rules"
            )
        text = ""
    return _Rule(_ARROW, tags, Naming(text, bool(too)))
