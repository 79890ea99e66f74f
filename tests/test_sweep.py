from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from errors import SyncError
from store import meta, queue
from tests.stash_stand_in import serving
from tests.swept_stash import SCENES, SweptStash
from worker import moved_files
from worker import sweep as sweep_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stash.changes import Newest


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SweptStash]:
    """A Stash of its own, and one sweep done."""
    with serving(SCENES) as stash:
        made = SweptStash(stash, tmp_path / "data")
        assert made.swept() == []
        made.later()
        yield made
        made.close()


def test_nothing_happened_costs_three_requests(world: SweptStash) -> None:
    """A calm Stash is asked for the newest of each kind, moved files and a page, no more."""
    for scene in range(1, SCENES + 1):
        world.looked_at(scene)
    for _ in range(3):
        assert world.swept() == []
        assert world.requests() <= 3
        world.later()
    world.later(86400)  # the look that reaches further back
    assert world.swept() == []
    assert world.requests() <= 3


def test_changes_without_hooks_are_found(world: SweptStash) -> None:
    """Auto-tag, a generated cover, an edit whose hook was lost: each moves updated_at."""
    world.stash.set_scene(5, rating100=80)
    world.stash.set_scene(90, cover="new:generated")
    assert world.swept() == [("scene", 5), ("scene", 90)]
    world.later()
    assert world.swept() == []


def test_a_new_scene_s_cover_is_found_within_a_minute(world: SweptStash) -> None:
    """A scan fires its hook before the cover is there, and none when it is."""
    world.sweep.run_if_due()
    new = world.stash.add_scene("/stash/media/new.mp4", cover="none")
    world.looked_at(new)  # by its hook
    world.later(1)
    assert world.sweep.run_if_due() == 0
    for wait, cover in ((15, "first"), (30, "second")):
        world.stash.set_scene(new, cover=f"new:{cover}")
        world.later(wait)
        world.stash.clear_requests()
        assert world.sweep.run_if_due() == 1
        world.store.connection.execute("DELETE FROM dirty")
    world.later(45)
    world.stash.clear_requests()
    assert world.sweep.run_if_due() == 0
    assert world.requests() == 0


def test_a_stash_that_was_put_back_is_looked_at_whole(world: SweptStash) -> None:
    """A rename that its backup does not have moves no scene, and no time tells of it."""
    for scene in (1, 2, 3):
        world.looked_at(scene, ("tag", 1))
    newest = world.stash.add_entity("tag", "Deleted in the end")
    world.later()
    world.stash.set_entity("tag", 1, name="Since the backup")
    assert ("tag", 1) in world.swept()
    world.later()
    world.stash.options(advance_seconds=-7200)
    world.stash.set_entity("tag", 1, name="As in the backup")
    world.stash.options(advance_seconds=7200)
    assert {("scene", 1), ("scene", 2), ("scene", 3)} <= set(world.swept())
    for scene in range(1, SCENES + 1):
        world.looked_at(scene, ("tag", 1))
    assert world.swept() == []
    world.stash.delete_entity("tag", newest)
    assert world.swept() == []


def test_a_flood_of_changes_is_found_whole(world: SweptStash) -> None:
    """More changes than one page holds are all found, for a few large pages."""
    for scene in range(1, SCENES + 1):
        world.stash.set_scene(scene, organized=True)
    assert len(world.swept()) == SCENES
    assert world.requests() <= 5


@pytest.mark.parametrize("many", [1, 20, 45])
def test_a_deletion_between_two_pages_hides_nothing(
    world: SweptStash, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    """What follows moves up by as many as are gone; the sweep steps back for it, and ends."""
    monkeypatch.setattr(sweep_module, "LARGE", 20)
    everything = range(1, SCENES + 1)
    for scene in everything:
        world.stash.set_scene(scene, organized=True)
    pages: list[list[int]] = []
    gone: list[int] = []
    page_of = world.sweep._page

    def page(kind: str, number: int) -> Newest:
        if number == 4 and not gone:
            gone.extend([one for ids in pages for one in ids][:many])
            for scene in gone:
                world.stash.delete_scene(scene)
        found = page_of(kind, number)
        pages.append([one.id for one in found.entries])
        return found

    monkeypatch.setattr(world.sweep, "_page", page)
    found = world.swept()
    assert {("scene", one) for one in everything if one not in gone} <= set(found)
    assert len(gone) == many
    assert world.requests() <= 20


def test_a_change_that_was_seen_is_no_news(world: SweptStash) -> None:
    """A scene that the worker looked at well after its last change is not marked."""
    world.stash.set_scene(5, title="Seen")
    world.later(10)
    world.looked_at(5)
    assert world.swept() == []


def test_a_change_in_the_second_of_our_look_is_looked_at_again(world: SweptStash) -> None:
    """Two changes in one second carry one time: the second may have come after our look."""
    world.stash.set_scene(5, title="Seen?")
    world.looked_at(5)
    assert world.swept(at_once=True) == [("scene", 5)]


def test_a_change_in_the_second_of_the_watermark_is_not_lost(world: SweptStash) -> None:
    """What changes right after a sweep, within the same second, is found by the next."""
    world.stash.set_scene(5, title="First")
    first = world.stash.scene(5)["updated_at"]
    assert world.swept(at_once=True) == [("scene", 5)]
    world.stash.set_scene(6, title="Second")
    assert ("scene", 6) in world.swept()
    assert world.stash.scene(6)["updated_at"][:18] == first[:18]


@pytest.mark.parametrize("kind", ["studio", "performer", "tag", "group"])
def test_a_renamed_thing_is_found(world: SweptStash, kind: str) -> None:
    """A rename without a hook marks the thing itself, for the worker to expand."""
    number = world.stash.add_entity(kind, "Old")
    assert world.swept() == [(kind, number)]
    world.later()
    assert world.swept() == []
    world.stash.set_entity(kind, number, name="New")
    assert world.swept() == [(kind, number)]


@pytest.mark.parametrize("kind", ["studio", "performer", "tag", "group"])
@pytest.mark.parametrize("beside", [False, True])
def test_a_deleted_thing_is_found(world: SweptStash, kind: str, beside: bool) -> None:
    """What scenes carried and Stash no longer has is marked, though another one was made."""
    gone, other = world.stash.add_entity(kind, "Gone"), world.stash.add_entity(kind, "Other")
    world.looked_at(3, (kind, gone), (kind, other))
    world.swept()
    world.later()
    world.stash.delete_entity(kind, gone)
    expected = [(kind, gone)]
    if beside:
        expected.append((kind, world.stash.add_entity(kind, "New one")))
    assert sorted(world.swept()) == sorted(expected)
    world.later()
    # Until its scenes are looked at the ledger still has it; nothing is counted twice.
    assert world.swept() == []


def test_merged_tags_are_found(world: SweptStash) -> None:
    """A merge leaves the scenes' own times alone; the tag that is gone leads to them."""
    source = world.stash.add_entity("tag", "Source")
    target = world.stash.add_entity("tag", "Target")
    world.stash.set_scene(8, tag_ids=[source])
    world.looked_at(8, ("tag", source))
    world.swept()
    world.later()
    before = world.stash.scene(8)["updated_at"]
    world.stash.graphql(
        "mutation($i: TagsMergeInput!){tagsMerge(input:$i){id}}",
        i={"source": [str(source)], "destination": str(target)},
    )
    assert world.stash.scene(8)["updated_at"] == before
    assert ("tag", source) in world.swept()


@pytest.mark.parametrize("minutes", [-300, 330, -720, 840])
@pytest.mark.parametrize("crowd", [0, SCENES])
def test_a_changed_time_zone_hides_nothing(world: SweptStash, minutes: int, crowd: int) -> None:
    """New changes that sort below old ones, or far above them, are found, once."""
    for scene in range(1, crowd + 1):
        world.stash.set_scene(scene, organized=True)
    world.swept()
    world.later(60)
    world.stash.options(offset_minutes=minutes)
    world.stash.set_scene(3, title="In the new zone")
    first = world.swept()
    # Behind a crowd of old times the first one may hide until the text goes past them.
    world.later(abs(minutes) * 60 + 60)
    world.stash.set_scene(4, title="Later")
    second = world.swept()
    found = [*first, *second]
    assert ("scene", 3) in found
    assert ("scene", 4) in second
    world.later(60)
    assert world.swept() == []


def test_a_hidden_change_is_found_with_the_next_visible_one(world: SweptStash) -> None:
    """A change that sorts below a crowd is not passed over when a later one shows."""
    for scene in range(1, SCENES + 1):
        world.stash.set_scene(scene, organized=True)
    world.swept()
    world.later(60)
    world.stash.options(offset_minutes=-300)
    world.stash.set_scene(3, title="Hidden")
    assert world.swept() == []
    world.later(6 * 3600)
    world.stash.set_scene(4, title="Visible")
    assert world.swept() == [("scene", 3), ("scene", 4)]


@pytest.mark.parametrize("kind", ["scene", "tag"])
def test_a_change_hidden_by_a_zone_there_and_back_is_found_within_a_day(
    world: SweptStash, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """What sorted below old entries while the clock was behind is found by a wider look, once."""
    monkeypatch.setattr(moved_files, "LARGE", 1)  # so that nothing else finds it
    tag = world.stash.add_entity("tag", "Hidden")
    for number in range(50):
        world.stash.add_entity("tag", f"Crowd {number}")
    for scene in range(1, SCENES + 1):
        world.stash.set_scene(scene, organized=True)
    world.swept()
    world.later(60)
    world.stash.options(offset_minutes=-300)
    world.stash.set_scene(3, title="Hidden")
    world.stash.set_entity("tag", tag, name="Hidden no more")
    hidden = (kind, 3 if kind == "scene" else tag)
    found = world.swept()
    world.stash.options(offset_minutes=0)
    world.later(60)
    world.stash.set_scene(4, title="Back")
    world.stash.add_entity("tag", "Back")
    found += world.swept()
    assert hidden not in found
    for _ in range(4):
        world.later(6 * 3600)
        found += world.swept()
    assert found.count(hidden) == 1
    assert found.count(("scene", 4)) == 1  # seen in time, so it is no news to the wider look
    world.later(86400)
    assert world.swept() == []


def test_a_clock_that_was_wrong_does_not_blind_the_sweep(world: SweptStash) -> None:
    """An entry years ahead is neither found again and again nor taken for the watermark."""
    world.stash.options(advance_seconds=10 * 365 * 86400)
    world.stash.set_scene(2, title="From the future")
    world.stash.options(advance_seconds=-10 * 365 * 86400)
    assert world.swept() == []
    world.later()
    world.stash.set_scene(3, title="Now")
    assert world.swept() == [("scene", 3)]


@pytest.mark.parametrize("jump", [3600.0, 86400.0, 365 * 86400.0])
def test_a_clock_that_was_ahead_and_is_set_back_hides_nothing(
    world: SweptStash, jump: float
) -> None:
    """What was noted while both clocks were ahead is newer than all that comes for as long."""
    tag, other = world.stash.scene(1)["tags"][:2]
    world.later(jump)
    world.stash.set_entity("tag", other, name="While it was ahead")
    assert world.swept() == [("tag", other)]
    world.later(600 - jump)
    for name in ("After it was set back", "And again"):
        world.stash.set_entity("tag", tag, name=name)
        assert ("tag", tag) in world.swept()
        world.later()


def test_a_failed_sweep_loses_nothing(world: SweptStash) -> None:
    """When Stash fails on the way the watermark stays, and the next sweep finds it all."""
    world.stash.set_scene(5, title="Lost?")
    world.stash.fault("graphql_error", operation="Moved", message="broken")
    with pytest.raises(SyncError):
        world.sweep.run()
    assert world.swept() == [("scene", 5)]


def test_a_page_that_stash_cannot_give_holds_up_no_watermark(world: SweptStash) -> None:
    """Where going round fails, what else changed is marked all the same, and only once."""
    tag = world.stash.add_entity("tag", "New")
    world.later()
    world.stash.fault("graphql_error", operation="StampPage", message="broken", times=None)
    for marks in (1, 0):
        with pytest.raises(SyncError):
            world.sweep.run()
        connection = world.store.connection
        rows = connection.execute("SELECT kind, id FROM dirty").fetchall()
        assert rows == [("tag", tag)] * marks
        connection.execute("DELETE FROM dirty")
        world.later()


@pytest.mark.parametrize("version", ["0.27", "0.29", "0.30"])
def test_a_sweep_completes_with_any_stash(version: str, tmp_path: Path) -> None:
    """Also with one that refuses what it does not know in its own way: watermarks move on."""
    with serving(SCENES, version=version) as stash:
        world = SweptStash(stash, tmp_path / "data")
        world.swept()
        tag = stash.add_entity("tag", "Deleted unheard")
        world.looked_at(7, ("tag", tag))
        world.swept()
        before = meta.get(world.store.connection, meta.SWEEP)
        stash.delete_entity("tag", tag)
        world.later()
        assert ("tag", tag) in world.swept()
        after = meta.get(world.store.connection, meta.SWEEP)
        for kind, known in before.items():
            if isinstance(known, dict):
                assert after[kind]["looked_at"] > known["looked_at"], kind
        world.close()


def test_the_watermark_outlives_the_worker(world: SweptStash) -> None:
    """A worker that starts anew goes on from the store's watermark."""
    world.stash.set_scene(5, title="While nobody lived")
    world.sweep = world.new_sweep()
    assert world.swept() == [("scene", 5)]


def test_a_sweep_of_some_kinds_leaves_the_others_alone(world: SweptStash) -> None:
    """A task that looks at all scenes anyway asks for the rest, and moves no other watermark."""
    tag = world.stash.add_entity("tag", "New")
    world.stash.set_scene(5, title="Changed")
    assert world.sweep.run(("studio", "performer", "tag", "group")) == 1
    assert queue.get(world.store.connection, "tag", tag)
    assert world.swept() == [("scene", 5), ("tag", tag)]
