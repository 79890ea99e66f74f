"""The studio above a scene's own: what stands in Plex, and a change of it reaches the scenes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from merge.desired import studio_name
from simulator.library import STUDIOS
from stash.scene import NamedRef, Scene
from store.enqueue import EDIT
from tests.bulk_worker import BulkWorker, key_of, stepped_bulk, synced, writes
from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 24
#: The studio above all of the catalogue's.
ABOVE = len(STUDIOS) + 1


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module, in which all studios have one parent."""
    with installation(tmp_path_factory.mktemp("parents"), SCENES) as made:
        assert made.stash.add_entity("studio", "Above") == ABOVE
        for number in range(1, ABOVE):
            made.stash.set_entity("studio", number, parent=ABOVE)
        yield made


@pytest.fixture(autouse=True)
def named(env: Installation) -> Iterator[None]:
    """The parent has its name again after each test."""
    yield
    env.stash.set_entity("studio", ABOVE, name="Above")


def studios(stepped: BulkWorker) -> set[tuple[str, str]]:
    """Each scene's own studio in Stash, and what stands in Plex."""
    found = set()
    for number in range(1, SCENES + 1):
        own = STUDIOS[stepped.env.stash.scene(number)["studio"] - 1]
        found.add((own, str(stepped.env.item(number)["fields"].get("studio"))))
    return found


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [("studio", "Own"), ("parent", "Above"), ("both", "Above / Own")],
)
def test_the_studio_is_what_was_chosen(choice: str, wanted: str) -> None:
    """Itself, the one above it, or both; one that has none above it stands by itself."""
    above = NamedRef(1, "Above")
    child = Scene(id=1, studio=NamedRef(2, "Own", parent=above))
    assert studio_name(child, choice) == wanted
    assert studio_name(Scene(id=1, studio=above), choice) == "Above"
    assert studio_name(Scene(id=1), choice) == ""


@pytest.mark.parametrize("choice", ["", "parent", "both"])
def test_a_renamed_parent_reaches_the_scenes_of_its_children(
    env: Installation, choice: str
) -> None:
    """Where its name stands in Plex: one request for many scenes; where it does not, none."""
    shown = {"": "{own}", "parent": "{above}", "both": "{above} / {own}"}[choice]

    def wanted(above: str) -> set[tuple[str, str]]:
        owns = {own for own, _ in studios(stepped)}
        return {(own, shown.format(own=own, above=above)) for own in owns}

    with stepped_bulk(env, sync_fields="studio", studio_name=choice) as stepped:
        synced(stepped, range(1, SCENES + 1))
        assert studios(stepped) == wanted("Above")
        env.stash.set_entity("studio", ABOVE, name="New Above")
        stepped.mark_as(EDIT, [ABOVE], "studio")
        stepped.drain()
        assert studios(stepped) == wanted("New Above")
        assert len(writes(env)) <= len(STUDIOS)


def test_a_studio_that_gets_another_parent_takes_its_scenes_along(env: Installation) -> None:
    """Its own hook tells of that; without a parent it stands by itself again."""
    with stepped_bulk(env, sync_fields="studio", studio_name="both") as stepped:
        synced(stepped, range(1, SCENES + 1))
        own = env.stash.scene(1)["studio"]
        env.stash.set_entity("studio", own, parent=None)
        stepped.mark_as(EDIT, [own], "studio")
        stepped.drain()
        assert env.item(1)["fields"]["studio"] == STUDIOS[own - 1]
        env.stash.set_entity("studio", own, parent=ABOVE)


def test_a_renamed_parent_takes_its_collection_along(env: Installation) -> None:
    """Items leave the collection of its old name and are in that of the new one."""
    with stepped_bulk(
        env,
        sync_fields="parent_studio_collection",
        parent_studio_collection_prefix="Network: ",
    ) as stepped:
        synced(stepped, range(1, SCENES + 1))
        env.plex.person_sets(key_of(env, 3), tags={"collection": ["Network: Above", "Favourites"]})
        env.stash.set_entity("studio", ABOVE, name="New Above")
        stepped.mark_as(EDIT, [ABOVE], "studio")
        stepped.drain()
        for number in range(1, SCENES + 1):
            wanted = {"Network: New Above"} | ({"Favourites"} if number == 3 else set())
            assert set(env.item(number)["tags"]["collection"]) == wanted
