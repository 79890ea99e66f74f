"""Rules that look at a tag's other names and at what is above it, on the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stash.scene import NamedRef, TagAbove
from stash.tags import KnownTag, TagTree
from store.enqueue import EDIT
from sync.known_tags import KnownTags
from tests.bulk_worker import BulkWorker, bulk_worker, synced
from tests.installation import Installation, shared_installation
from worker import fan_out

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 6
ALL = range(1, SCENES + 1)


env = shared_installation(SCENES)
stepped = bulk_worker()


class Tags:
    """Pets, in it Dogs, in it Poodle that is also called Caniche; by name their ids."""

    def __init__(self, env: Installation) -> None:
        self.stash = env.stash
        self.pets, self.dogs, self.poodle, self.plain = (
            env.stash.add_entity("tag", name) for name in ("Pets", "Dogs", "Poodle", "HD")
        )
        env.stash.set_entity("tag", self.dogs, parents=[self.pets])
        env.stash.set_entity("tag", self.poodle, parents=[self.dogs], aliases=["Caniche"])
        for scene in ALL:
            env.stash.set_scene(scene, tag_ids=[self.plain])
        env.stash.set_scene(1, tag_ids=[self.poodle, self.plain])

    def close(self) -> None:
        """Take them away again."""
        for number in (self.pets, self.dogs, self.poodle, self.plain):
            self.stash.delete_entity("tag", number)


@pytest.fixture
def tags(env: Installation) -> Iterator[Tags]:
    """Tags of their own for each test."""
    made = Tags(env)
    yield made
    made.close()


def in_plex(env: Installation, scene: int = 1) -> tuple[set[str], set[str]]:
    """Genres and labels of a scene's item."""
    found = env.item(scene)["tags"]
    return set(found.get("genre", ())), set(found.get("label", ()))


def changed(stepped: BulkWorker, tag: int) -> None:
    """Tell of a tag as a hook does, and do what follows."""
    stepped.mark_as(EDIT, [tag], "tag")
    stepped.drain()
    assert stepped.rows() == {}


def test_names_parents_and_their_changes_reach_the_scenes_below(
    stepped: BulkWorker, tags: Tags
) -> None:
    """A grandchild is a child; whichever tag's hook tells of a change, its scenes follow."""
    env, stash = stepped.env, stepped.env.stash
    env.settings(sync_fields="tags", tag_rules="children of pets => parent too; label: Caniche")
    stepped.mark(1)
    stepped.drain()
    assert in_plex(env) == ({"Pets", "HD"}, {"Poodle"})
    stash.set_entity("tag", tags.dogs, parents=[])
    changed(stepped, tags.dogs)  # which scene 1 does not carry
    assert in_plex(env) == ({"HD"}, {"Poodle"})
    stash.set_entity("tag", tags.dogs, parents=[tags.pets])
    changed(stepped, tags.pets)  # Stash tells of the tag whose form it was done in
    assert in_plex(env) == ({"Pets", "HD"}, {"Poodle"})
    stash.set_entity("tag", tags.pets, name="Animals")
    changed(stepped, tags.pets)
    assert in_plex(env) == ({"HD"}, {"Poodle"})
    stash.set_entity("tag", tags.pets, aliases=["PETS"])
    changed(stepped, tags.pets)
    assert in_plex(env) == ({"Animals", "HD"}, {"Poodle"})
    stash.set_entity("tag", tags.poodle, aliases=[])
    changed(stepped, tags.poodle)
    assert in_plex(env) == ({"Animals", "Poodle", "HD"}, set())


def test_a_deleted_parent_reaches_the_scenes_below(stepped: BulkWorker, tags: Tags) -> None:
    """Only the ledger knows by then which scenes those are."""
    env = stepped.env
    env.settings(sync_fields="tags", tag_rules="children of Pets => parent")
    synced(stepped, ALL)
    assert in_plex(env)[0] == {"Pets", "HD"}
    env.stash.delete_entity("tag", tags.pets)
    changed(stepped, tags.pets)
    assert in_plex(env)[0] == {"Poodle", "HD"}


def test_only_rules_that_name_a_tag_cost_a_question(stepped: BulkWorker, tags: Tags) -> None:
    """Without rules none; else all tags once, and after that the newest alone, once a worker."""
    env = stepped.env
    stepped.late = 3600.0
    synced(stepped, ALL)
    stepped.forget_requests()
    stepped.mark(1)
    changed(stepped, tags.plain)
    assert stepped.asked_stash("Tags") == stepped.asked_stash("Changes") == 0

    env.settings(sync_fields="tags", tag_rules="drop: HD")
    stepped.forget_requests()
    for _ in range(2):
        stepped.background(ALL)
        stepped.drain()
    assert (stepped.asked_stash("Tags"), stepped.asked_stash("Changes")) == (1, 1)

    context = stepped.resident.worker.context  # as a worker that starts anew
    context.tags = KnownTags(stepped.resident.store, context.stash, stepped.clock)
    stepped.forget_requests()
    stepped.mark(1)
    stepped.drain()
    assert (stepped.asked_stash("Tags"), stepped.asked_stash("Changes")) == (0, 1)

    env.stash.options(advance_seconds=5)
    env.stash.set_entity("tag", tags.poodle, aliases=["hd"])
    changed(stepped, tags.poodle)
    assert stepped.asked_stash("Tags") == 1
    assert in_plex(env)[0] == set()


def test_a_tag_that_is_newer_than_what_is_known_is_looked_up_once(
    stepped: BulkWorker, tags: Tags
) -> None:
    """A scene's hook may come before its tag's; what Stash does not tell of is taken as it is."""
    env = stepped.env
    env.settings(sync_fields="tags", tag_rules="drop: children of Pets")
    synced(stepped, ALL)
    new = env.stash.add_entity("tag", "Beagle")
    env.stash.set_entity("tag", new, parents=[tags.dogs])
    env.stash.set_scene(2, tag_ids=[new, tags.plain])
    stepped.mark(2)
    stepped.drain()
    assert in_plex(env, 2)[0] == {"HD"}
    context = stepped.resident.worker.context
    assert context.config
    stepped.forget_requests()
    stranger = env.stash.scene(2)
    for _ in range(3):
        scene = context.stash.read_scene(stranger["id"])
        assert scene
        odd = NamedRef(987_654, "Elsewhere")
        read = context.tags.completed(
            [type(scene)(id=2, tags=(*scene.tags, odd))], context.config.tag_rules
        )
        assert read[2].tags[-1] == odd
    assert stepped.asked_stash("Changes") == 1
    env.stash.delete_entity("tag", new)


def test_what_may_have_changed_in_the_same_second_is_read_again(
    stepped: BulkWorker, tags: Tags
) -> None:
    """Stash's times are whole seconds, so what was read within one is not kept for long."""
    env = stepped.env
    env.stash.set_entity("tag", tags.plain, aliases=["High"])
    env.settings(sync_fields="tags", tag_rules="drop: Low")
    stepped.mark(2)
    stepped.drain()
    assert stepped.asked_stash("Tags") == 1
    context = stepped.resident.worker.context
    assert context.config
    context.tags.changed([tags.plain], context.config.tag_rules)
    context.tags.tree()
    assert stepped.asked_stash("Tags") == 2


def test_an_edit_by_hand_comes_before_the_scenes_below(
    stepped: BulkWorker, tags: Tags, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Marking goes on where it was; none of the scenes below is left out."""
    env = stepped.env
    monkeypatch.setattr(fan_out, "SCENES_AT_ONCE", 2)
    monkeypatch.setattr(fan_out, "SCENES_A_PAGE", 2)
    env.settings(sync_fields="tags", tag_rules="children of Pets => parent")
    env.stash.set_entity("tag", tags.dogs, parents=[])
    for scene in ALL:
        env.stash.set_scene(scene, tag_ids=[tags.poodle])
    synced(stepped, ALL)
    env.stash.set_entity("tag", tags.dogs, parents=[tags.pets])
    fan = stepped.resident.worker._fan_out
    mark = fan._mark

    def edited(scenes: list[int], marked: set[int]) -> None:
        if 3 in scenes and not seen:
            seen.append(3)
            stepped.mark(6)
        mark(scenes, marked)

    seen: list[int] = []
    monkeypatch.setattr(fan, "_mark", edited)
    changed(stepped, tags.pets)
    assert seen
    assert {frozenset(in_plex(env, scene)[0]) for scene in ALL} == {frozenset({"Pets"})}


def test_each_tag_above_is_told_once_by_its_shortest_way() -> None:
    """Of several ways up the shortest counts; what is gone and what goes in circles ends them."""
    tree = TagTree(
        [
            KnownTag(1, "Top", ("T",), (5,)),
            KnownTag(2, "Left", (), (1,)),
            KnownTag(3, "Right", (), (2, 99)),
            KnownTag(4, "Low", ("L",), (3, 2)),
            KnownTag(5, "Round", (), (4,)),
        ]
    )
    low = tree.completed(NamedRef(4, "Low"), above=True)
    assert low.aliases == ("L",)
    assert low.above == (
        TagAbove(3, 1, "Right"),
        TagAbove(2, 1, "Left"),
        TagAbove(1, 2, "Top", ("T",)),
        TagAbove(5, 3, "Round"),
    )
    assert tree.completed(NamedRef(4, "Low"), above=False).above == ()
    assert tree.completed(NamedRef(4, "Other"), above=True) == NamedRef(4, "Other")
    assert tree.below([2]) == {3, 4, 5, 1}
    assert tree.below([99]) == {3, 4, 5, 1, 2}
