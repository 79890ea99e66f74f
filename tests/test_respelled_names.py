"""Names of which only case or blanks changed in Stash: corrected in Plex once, and never again."""

from __future__ import annotations

from typing import Any

import pytest

from merge.members import Known, merge_members
from plex.item import Member
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, writes
from tests.installation import shared_installation

SCENES = 6
LISTS = {"tag": "genre", "performer": "actor"}


env = shared_installation(SCENES)
stepped = bulk_worker(sync_fields="title, tags, performers")


def look(stepped: BulkWorker) -> list[dict[str, str]]:
    """Look at scene 1 as after a save; give the edits that it took."""
    stepped.late += 60.0
    stepped.forget_requests()
    stepped.hook(1)
    stepped.drain()
    return [params for _, params in writes(stepped.env)]


def carrying(stepped: BulkWorker, kind: str, name: str, *more: str) -> int:
    """Let scene 1 carry a name that nobody else has, and others, synced; give its id."""
    ids = [stepped.env.stash.add_entity(kind, one) for one in (name, *more)]
    carried: dict[str, Any] = {f"{kind}_ids": [str(one) for one in ids]}
    stepped.env.stash.set_scene(1, **carried)
    assert look(stepped)
    return ids[0]


def names(stepped: BulkWorker, kind: str) -> set[str]:
    """The names that Plex shows."""
    return set(stepped.env.plex.item(key_of(stepped.env, 1))["tags"].get(LISTS[kind], ()))


@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("new", ["ODD Name", "odd   name"], ids=["case", "blanks"])
def test_a_name_spelled_otherwise_is_corrected_with_two_edits(
    stepped: BulkWorker, kind: str, new: str
) -> None:
    """It leaves and comes back, for Plex takes both spellings for one; the others stay."""
    stepped.env.plex.switches(tag_rows_stay=False)
    number = carrying(stepped, kind, "odd name", "Beside it")
    stepped.env.stash.set_entity(kind, number, name=new)
    gone, back = look(stepped)
    assert names(stepped, kind) == {new, "Beside it"}
    assert f"{LISTS[kind]}[].tag.tag-" in gone
    assert f"{LISTS[kind]}[0].tag.tag" in back
    assert LISTS[kind] in stepped.env.plex.item(key_of(stepped.env, 1))["locked"]
    assert look(stepped) == []


@pytest.mark.parametrize("kind", LISTS)
def test_where_plex_keeps_its_spelling_nobody_asks_again(stepped: BulkWorker, kind: str) -> None:
    """A tag's row is the whole server's: what Plex makes of the one try is the answer."""
    number = carrying(stepped, kind, f"stubborn {kind}")
    stepped.env.stash.set_entity(kind, number, name=f"STUBBORN {kind}")
    assert len(look(stepped)) == 2
    assert names(stepped, kind) == {f"stubborn {kind}"}
    assert look(stepped) == []
    stepped.task(range(1, SCENES + 1))
    stepped.drain()
    stepped.late += 60.0
    stepped.forget_requests()
    stepped.task(range(1, SCENES + 1))
    stepped.drain()
    assert writes(stepped.env) == []


def test_a_name_that_left_and_could_not_come_back_comes_with_the_next_look(
    stepped: BulkWorker,
) -> None:
    """Its absence is no person's doing, though the list is locked."""
    stepped.env.plex.switches(tag_rows_stay=False)
    number = carrying(stepped, "tag", "half way", "Beside it")
    stepped.env.stash.set_entity("tag", number, name="Half Way")
    stepped.env.plex.fault("status", status=500, method="PUT", path="genre%5B0%5D", times=1)
    look(stepped)
    assert names(stepped, "tag") == {"Beside it"}
    stepped.settle()
    assert names(stepped, "tag") == {"Half Way", "Beside it"}
    assert look(stepped) == []


def test_an_agent_s_spelling_of_a_name_stays(stepped: BulkWorker) -> None:
    """What stood there before us in other letters is the same name, and not ours to correct."""
    key = key_of(stepped.env, 1)
    stepped.env.plex.agent_sets(key, tags={"genre": ["agents own"]})
    number = carrying(stepped, "tag", "Agents Own", "Beside it")
    stepped.env.stash.set_entity("tag", number, name="AGENTS OWN")
    assert look(stepped) == []
    assert names(stepped, "tag") == {"agents own", "Beside it"}


def known(**more: Any) -> Known:
    """What is known of a list that we wrote."""
    return Known(**{"before": ("Ann",), "given": ("Ann",), "tried": (), "sure": ("Ann",), **more})


def test_a_performer_spelled_otherwise_keeps_role_and_picture() -> None:
    """They are the item's, and the one who comes back is the one who left."""
    theirs = (Member("Ann", "The cook", "http://pictures/ann"), Member("Bea"))
    decided = merge_members(theirs, ("ANN",), known(), by_hand=True)
    assert decided.edit is not None
    assert decided.edit.respelled == ("Ann",)
    assert decided.edit.members[0] == Member("ANN", "The cook", "http://pictures/ann")
    assert decided.edit.there == {"Bea"}


def test_of_two_that_have_one_name_none_is_corrected() -> None:
    """Removing one by its name would remove both."""
    theirs = (Member("Ann", "The cook"), Member("Ann", "The maid"))
    assert merge_members(theirs, ("ANN",), known(), by_hand=True).edit is None
