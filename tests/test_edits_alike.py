from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from plex.client import PlexClient
from plex.edits import MOST_ALIKE, Edit, ListEdit, likeness, write_alike
from plex.error_types import RejectedEdit
from plex.item import Member
from store.queue import QueueRow
from sync import write
from sync.batch import Batch
from tests.matching_environment import Environment, scene

if TYPE_CHECKING:
    from simulator.control import PlexControl
    from sync.plan import ScenePlan

# More than fit into one common request.
SCENES = 120
SUMMARY = "The same words"


def edits(plex: PlexControl, count: int, **values: str) -> list[Edit]:
    """The same change for some items."""
    return [Edit(key, 1, "movie", dict(values)) for key in plex.rating_keys()[:count]]


def planned(env: Environment, client_looks: list[ScenePlan], *numbers: int) -> None:
    """Plan and intend scenes that differ from Plex in nothing but one common summary and tags."""
    with env.reconciler() as reconciler:
        for number in numbers:
            title = env.plex.item_at(scene(number).files[0].path.replace("/stash", "/plex"))
            same = scene(number, title=title["fields"]["title"], details=SUMMARY, tags=())
            batch, look = reconciler.plan(same)
            write.intend(reconciler.context, batch)
            client_looks.append(look)


def together(looks: list[ScenePlan], *rows: QueueRow) -> Batch:
    """All of them in one batch."""
    return Batch.of_scenes([look.scene for look in looks], rows)


def test_one_request_changes_many_items(plex: PlexControl) -> None:
    """A change that is the same for a hundred items is one PUT."""
    with PlexClient(plex.url, plex.token) as client:
        plex.clear_requests()
        write_alike(client, edits(plex, MOST_ALIKE, studio="Common"))
    assert plex.counts()["writes"] == 1
    studios = [plex.item(key)["fields"].get("studio") for key in plex.rating_keys()]
    assert studios.count("Common") == MOST_ALIKE


@pytest.mark.parametrize("count", [0, MOST_ALIKE + 1])
def test_none_and_too_many_are_refused_before_anything_is_sent(
    plex: PlexControl, count: int
) -> None:
    """No request ever carries an empty list of ids, for that would mean the whole library."""
    with PlexClient(plex.url, plex.token) as client:
        plex.clear_requests()
        with pytest.raises(ValueError, match="cannot be one request"):
            write_alike(client, edits(plex, count, studio="Never"))
    assert plex.counts()["writes"] == 0


def test_different_changes_are_refused(plex: PlexControl) -> None:
    """Edits that are not alike never travel together."""
    pair = edits(plex, 1, studio="One") + edits(plex, 2, studio="Two")[1:]
    with (
        PlexClient(plex.url, plex.token) as client,
        pytest.raises(ValueError, match="2 kinds"),
    ):
        write_alike(client, pair)


def test_what_makes_edits_alike() -> None:
    """Library, type, values, members and removals count; the item does not."""
    base = Edit(1, 1, "movie", {"studio": "A"}, {"tags": ListEdit((Member("x"),), ("y",))})
    alike = Edit(2, 1, "movie", {"studio": "A"}, {"tags": ListEdit((Member("x"),), ("y",))})
    others = [
        Edit(2, 2, "movie", {"studio": "A"}, base.lists),
        Edit(2, 1, "movie", {"studio": "B"}, base.lists),
        Edit(2, 1, "movie", {"studio": "A"}, {"tags": ListEdit((Member("x"),))}),
        Edit(2, 1, "movie", {"studio": "A"}, {"tags": ListEdit((Member("z"),), ("y",))}),
        Edit(2, 1, "movie", {"studio": "A"}, base.lists, lock=("thumb",)),
    ]
    assert likeness(base) == likeness(alike)
    assert all(likeness(base) != likeness(other) for other in others)


def test_a_change_that_needs_two_requests_goes_alone() -> None:
    """What does not fit into one request is never shared."""
    assert likeness(Edit(1, 1, "movie", {"summary": "é" * 2000, "title": "x" * 5000})) is None


def test_looks_that_plan_the_same_are_written_together(env: Environment) -> None:
    """Two scenes with one and the same change cost one PUT and are marked as written."""
    looks: list[ScenePlan] = []
    planned(env, looks, 1, 2)
    env.plex.clear_requests()
    with env.reconciler() as reconciler:
        write.write_together(reconciler.context, together(looks), looks)
        assert [look.is_written for look in looks] == [True, True]
        for look in looks:
            write.carry_out(reconciler.context, look)
    assert len(env.targets("PUT")) == 1
    assert [look.outcome for look in looks] == ["changed", "changed"]


def test_a_look_that_may_not_be_written_is_left_out(env: Environment) -> None:
    """A scene that was marked again meanwhile is in no common request."""
    looks: list[ScenePlan] = []
    planned(env, looks, 1, 2, 3)
    env.plex.clear_requests()
    with env.reconciler() as reconciler:
        # Its row is not there as it was read.
        row = QueueRow("scene", 2, 1, 1, 0, 0, "", "", 0.0)
        write.write_together(reconciler.context, together(looks, row), looks)
    assert [look.is_written for look in looks] == [True, False, True]
    assert str(looks[1].planned[0].after.rating_key) not in env.targets("PUT")[0]


def test_a_refused_common_write_is_left_to_each_look(env: Environment) -> None:
    """Nobody is blamed for a common request that failed; each look writes its own."""
    looks: list[ScenePlan] = []
    planned(env, looks, 1, 2)
    env.plex.fault("status", method="PUT", status=400, times=2)
    with env.reconciler() as reconciler:
        write.write_together(reconciler.context, together(looks), looks)
        assert not any(look.is_written for look in looks)
        for look in looks:
            write.carry_out(reconciler.context, look)
    assert isinstance(looks[0].fault, RejectedEdit)
    assert looks[1].fault is None


def test_a_dead_server_ends_common_writes(env: Environment) -> None:
    """When Plex is gone the next group is not tried, too."""
    looks: list[ScenePlan] = []
    planned(env, looks, 1, 2)
    with env.reconciler() as reconciler:
        for number in (3, 4):
            _, other = reconciler.plan(scene(number, title="Another", details="", tags=()))
            looks.append(other)
        rule = env.plex.fault("reset_before", method="PUT", times=None)
        write.write_together(reconciler.context, together(looks), looks)
    hits = {one["id"]: one["hits"] for one in env.plex.faults()}
    assert hits[rule] <= 2  # once, and once more on a fresh connection
