"""All tags of Stash with their other names and what is above them, for rules that look at that.

Asked for on their own and page by page: with each scene's tags Stash would look them up
anew, tag by tag and scene by scene.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .answer import read_each, read_id, read_object, read_part, read_text
from .queries import belonging_to
from .scene import NamedRef, Scene, TagAbove

if TYPE_CHECKING:
    from .client import StashClient

#: Tags of one request.
TAGS_A_PAGE = 1000

# Only what Stash 0.27 has.
_PAGE = """
query Tags($page: FindFilterType!) {
  findTags(filter: $page) { tags { id name aliases parents { id } } }
}
"""


_NEWEST = """
query NewestTagged($scenes: SceneFilterType, $page: FindFilterType!) {
  findScenes(scene_filter: $scenes, filter: $page) { scenes { id title tags { id name } } }
}
"""


class KnownTag(NamedTuple):
    """One tag: its other names, and the ids of the tags right above it."""

    id: int
    name: str
    aliases: tuple[str, ...] = ()
    parents: tuple[int, ...] = ()


class TagTree:
    """All tags by id, and what is above and below each."""

    def __init__(self, tags: Iterable[KnownTag]) -> None:
        self.tags: Mapping[int, KnownTag] = {tag.id: tag for tag in tags}
        self._refs: dict[tuple[int, bool], NamedRef] = {}
        self._children: dict[int, list[int]] | None = None

    def knows(self, ref: NamedRef) -> bool:
        """Say whether a scene's tag is here by the name that it has."""
        known = self.tags.get(ref.id)
        return known is not None and known.name == ref.name

    def completed(self, ref: NamedRef, *, above: bool) -> NamedRef:
        """Give a scene's tag with its other names, and those above; one not known as it is."""
        if not self.knows(ref):
            return ref
        if (ref.id, above) not in self._refs:
            upper = tuple(self._above(ref.id)) if above else ()
            known = self.tags[ref.id]
            self._refs[ref.id, above] = replace(ref, aliases=known.aliases, above=upper)
        return self._refs[ref.id, above]

    def below(self, numbers: Iterable[int]) -> set[int]:
        """Give all tags below some, however far, without these."""
        if self._children is None:
            self._children = {}
            for tag in self.tags.values():
                for parent in tag.parents:
                    self._children.setdefault(parent, []).append(tag.id)
        known = set(numbers)
        below: set[int] = set()
        left = list(known)
        while left:
            new = set(self._children.get(left.pop(), ())) - known
            known |= new
            below |= new
            left += new
        return below

    def _above(self, number: int) -> Iterable[TagAbove]:
        """Give those above a tag, each once by its shortest way; Stash allows no circle."""
        known, here, steps = {number}, [number], 0
        while here:
            steps += 1
            upper = [one for lower in here for one in self.tags[lower].parents]
            here = [one for one in dict.fromkeys(upper) if one in self.tags and one not in known]
            known.update(here)
            for one in here:
                yield TagAbove(one, steps, self.tags[one].name, self.tags[one].aliases)


def read_tags(client: StashClient) -> list[KnownTag]:
    """Read all tags, ids ascending."""
    return client.read_pages(_PAGE, ("findTags", "tags"), TAGS_A_PAGE, _tag)


def newest_tagged(client: StashClient, size: int, numbers: Iterable[int] = ()) -> list[Scene]:
    """Read up to ``size`` scenes that were saved last, with no more than their titles and tags.

    Where numbers are given, only those that carry one of these tags.
    """
    wanted = list(numbers)
    page = {"page": 1, "per_page": size, "sort": "updated_at", "direction": "DESC"}
    scenes = belonging_to("tag", wanted) if wanted else {}
    part = read_part(client.query(_NEWEST, {"scenes": scenes, "page": page}), "findScenes")
    return list(read_each(part.get("scenes"), "scenes", lambda raw, _: Scene.from_graphql(raw)))


def _tag(raw: object, what: str) -> KnownTag:
    tag = read_object(raw, what)
    number = read_id(tag.get("id"), f"an id in {what}")
    return KnownTag(
        number,
        read_text(tag.get("name"), f"a name in {what}"),
        read_each(tag.get("aliases"), f"tag {number}'s aliases", read_text),
        read_each(tag.get("parents"), f"tag {number}'s parents", _parent),
    )


def _parent(raw: object, what: str) -> int:
    return read_id(read_object(raw, what).get("id"), f"an id in {what}")
