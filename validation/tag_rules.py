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
compared by ``tag_key``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from validation.text import tag_key

#: Where a tag can go, the first where no rule says it.
GENRE, LABEL, COLLECTION = PLACES = ("genre", "label", "collection")


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
