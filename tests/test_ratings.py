"""Ratings go both ways: given in Plex or in Stash they are the other's, and none is lost.

The stand-ins are real servers and the worker is stepped; each test has scenes of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.base import Base, Pending
from merge.compare import rating100
from merge.desired import Desired, rating
from merge.ratings import taken_over
from merge.three_way import Merge, merge
from simulator.library import catalogue_file
from tests.asking_worker import AskingWorker
from tests.bulk_worker import BulkWorker, writes
from tests.installation import installation
from tests.plex_in_miniature import an_item

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 60
FIELDS = "title, rating"


class Rated(AskingWorker):
    """A worker, looked at by its ratings."""

    stepped: BulkWorker

    def look(self, later: float = 700.0) -> None:
        """Let the worker look, a while after its last look, and do all that comes of it."""
        self.ask(later)
        self.stepped.drain()

    def sync(self, *scenes: int) -> None:
        """Look at scenes as "Sync all" does."""
        self.stepped.background(scenes)
        self.stepped.drain()

    def stash(self, scene: int) -> int | None:
        """Give a scene's rating in Stash."""
        found: int | None = self.env.stash.scene(scene)["rating100"]
        return found

    def plex(self, scene: int) -> float | None:
        """Give an item's rating in Plex."""
        found: float | None = self.env.item(scene)["fields"].get("userRating")
        return found

    def puts(self) -> int:
        """Count the edits that Plex got so far."""
        return len(writes(self.env))

    def mutations(self) -> int:
        """Count the ratings that Stash was asked to set so far."""
        return self.env.stash.counts().get("TakeIntoScene", 0)

    def quiet(self) -> bool:
        """Say whether nothing is written to either side, however often the worker looks."""
        self.look()
        self.sync(*range(1, SCENES + 1))
        self.forget()
        self.look()
        self.sync(*range(1, SCENES + 1))
        return (self.puts(), self.mutations()) == (0, 0)

    def settings(self, **changes: Any) -> None:
        """Store the settings, and let the worker read them."""
        super().settings(sync_fields=FIELDS, **changes)


@pytest.fixture(scope="module")
def rated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rated]:
    """All scenes are in step, rated 60 but for the first ten, which nobody rated."""
    folder = tmp_path_factory.mktemp("rated")
    options: dict[str, Any] = {"sync_fields": FIELDS, "ratings_to_stash": True}
    with installation(folder, SCENES, **options) as env:
        env.kill_workers()
        for scene in range(1, SCENES + 1):
            env.stash.set_scene(scene, rating100=None if scene <= 10 else 60)
        stepped = BulkWorker(env)
        made = Rated(env, stepped)
        made.settings(ratings_to_stash=True)
        made.sync(*range(1, SCENES + 1))
        made.look()
        yield made
        stepped.close()


def test_a_rating_given_in_plex_is_the_scene_s(rated: Rated) -> None:
    """Also where Stash had another one, by both ways of finding it, and nothing comes back."""
    rated.forget()
    rated.rates(1, 8)
    rated.rates(11, 9)
    rated.look()
    assert (rated.stash(1), rated.stash(11)) == (80, 90)
    rated.rates(2, 7)
    rated.sync(2)
    assert rated.stash(2) == 70
    rated.stepped.drain()
    assert (rated.puts(), rated.mutations()) == (0, 3)
    assert rated.quiet()


def test_a_rating_given_in_stash_still_goes_to_plex(rated: Rated) -> None:
    """And is no news to the next look, whether or not the edit counts as rating by hand."""
    for edits_rate, scene in ((False, 12), (True, 13)):
        rated.env.plex.switches(edits_rate=edits_rate)
        rated.env.save(scene, rating100=85)
        rated.stepped.drain()
        assert rated.plex(scene) == 8.5
        rated.forget()
        rated.look()
        assert rated.env.plex.counts()["total"] == 1
        assert (rated.stash(scene), rated.mutations()) == (85, 0)
    rated.env.plex.switches(edits_rate=False)


def test_where_both_changed_stash_wins_as_for_texts(rated: Rated) -> None:
    """Plex's is replaced, and the log says what was; so too where neither was ever agreed on."""
    rated.rates(14, 2)
    rated.env.stash.set_scene(14, rating100=90)
    rated.forget()
    rated.look()
    assert (rated.stash(14), rated.plex(14)) == (90, 9)
    assert "rating: '2' was edited in Plex and is replaced: Stash changed too" in rated.env.log()
    assert rated.quiet()


def test_a_rating_that_is_taken_away_is_taken_away_where_it_was_ours(rated: Rated) -> None:
    """On either side: one that somebody gave there himself stays."""
    rated.rates(3, 8)  # Stash gets it, and loses it
    rated.rates(4, 8)  # Stash gets it, then loses it, and Plex keeps its own
    rated.look()
    assert (rated.stash(3), rated.stash(4)) == (80, 80)
    rated.rates(3, None)
    rated.rates(15, None)  # Stash's own: it stays there
    rated.env.save(4, rating100=None)
    rated.env.save(16, rating100=None)  # Plex has it from us: it goes
    rated.look()
    assert (rated.stash(3), rated.plex(3)) == (None, None)
    assert (rated.stash(15), rated.plex(15)) == (60, None)
    assert (rated.stash(4), rated.plex(4)) == (None, 8)
    assert (rated.stash(16), rated.plex(16)) == (None, None)
    assert rated.quiet()
    rated.rates(4, 6)  # a new word
    rated.env.save(15, rating100=50)
    rated.look()
    assert (rated.stash(4), rated.plex(15)) == (60, 5)
    assert rated.quiet()


def test_a_rating_of_ours_that_was_changed_in_plex_is_not_ours_any_more(rated: Rated) -> None:
    """Stash's was written, then Plex's came: when Stash loses it, Plex keeps its own."""
    rated.rates(17, 3)
    rated.look()
    assert rated.stash(17) == 30
    rated.env.save(17, rating100=None)
    rated.look()
    assert (rated.stash(17), rated.plex(17)) == (None, 3)
    assert rated.quiet()


def test_stash_s_word_of_this_moment_is_not_overwritten(rated: Rated) -> None:
    """Between reading the scene and telling Stash somebody rates there: the edit's look decides."""
    rated.rates(18, 2)
    rated.forget()
    rated.env.stash.fault("delay", operation="Rating", seconds=0.0)
    from sync import take  # noqa: PLC0415

    before = take.rating_in_stash

    def rated_meanwhile(context: Any, scene: int) -> int:
        rated.env.stash.set_scene(18, rating100=100)
        return before(context, scene)

    take.rating_in_stash = rated_meanwhile
    try:
        rated.look()
    finally:
        take.rating_in_stash = before
        rated.env.stash.clear_faults()
    assert (rated.stash(18), rated.mutations()) == (100, 0)
    rated.sync(18)
    assert (rated.stash(18), rated.plex(18)) == (100, 10)


def test_a_refusal_is_named_and_stops_no_other(rated: Rated) -> None:
    """Stash's reason stands with the scene; the next look tries again."""
    rated.env.stash.fault("graphql_error", operation="TakeIntoScene", message="disk I/O error")
    rated.rates(19, 8)
    rated.rates(20, 8)
    rated.look()
    assert sorted((rated.stash(19) or 0, rated.stash(20) or 0)) == [60, 80]
    refused = 19 if rated.stash(19) == 60 else 20
    state = rated.env.run(mode="scene_state", id=refused)["output"]
    assert "Stash refused sceneUpdate: disk I/O error" in state["note"]
    rated.sync(19, 20)
    assert (rated.stash(19), rated.stash(20)) == (80, 80)
    assert rated.quiet()


def test_an_answer_that_was_lost_writes_nothing_twice(rated: Rated) -> None:
    """Stash has the rating and nobody noted it: the next look finds it, and knows whose it is."""
    rated.env.stash.fault("reset_after", operation="TakeIntoScene")
    rated.rates(21, 8)
    rated.look()
    assert rated.stash(21) == 80
    rated.stepped.settle()
    rated.forget()
    assert rated.quiet()
    rated.rates(21, None)
    rated.look()
    assert rated.stash(21) is None  # it was ours


def test_an_item_that_scenes_share_rates_its_owner_alone(rated: Rated) -> None:
    """And a scene with two items gets one rating, which the other item gets in turn."""
    env = rated.env
    other = env.stash.add_scene(catalogue_file(22).stash_path, title="The same file")
    rated.sync(22, other)
    rated.rates(22, 9)
    copy = env.plex.add_item("/plex/media/copy.mp4")["ratingKey"]
    env.stash.set_scene(23, add_file={"path": "/stash/media/copy.mp4"})
    rated.stepped.hook(23)
    rated.stepped.drain()
    env.plex.rates(copy, 9, rated.at)
    rated.look()
    assert (rated.stash(22), rated.stash(other)) == (90, None)
    assert (rated.stash(23), rated.plex(23)) == (90, 9)
    assert rated.quiet()


def test_undo_gives_the_scene_its_rating_back_and_both_rest(rated: Rated) -> None:
    """Said in the recent changes; Plex keeps what was given there until somebody rates anew."""
    rated.rates(24, 9)
    rated.look()
    (change,) = rated.env.run(mode="page_history", scenes=[24], limit=1)["output"]["changes"]
    assert change["changes"] == [["rated in Plex", "6", "9"]]
    last = rated.env.run(mode="scene_state", id=24)["output"]["last_change"]
    assert last["fields"] == ["rated in Plex"]
    rated.forget()
    assert rated.env.run(mode="undo_scene", id=24)["output"]["items"] == 1
    rated.stepped.drain()
    assert (rated.stash(24), rated.plex(24)) == (60, 9)
    rated.look()
    rated.sync(24)
    assert (rated.puts(), rated.mutations()) == (0, 1)
    assert rated.quiet()
    rated.rates(24, 4)
    rated.look()
    assert rated.stash(24) == 40
    rated.rates(25, 9)
    rated.look()
    rated.env.save(25, rating100=75)
    rated.stepped.drain()
    rated.env.run(mode="undo_scene", id=25)
    rated.stepped.drain()
    assert rated.stash(25) == 75


def test_undoing_one_change_after_the_other_leaves_plex_s_last_word(rated: Rated) -> None:
    """Each gives Stash what it had before, and Plex's last word is news to nobody."""
    for stars in (9, 4):
        rated.rates(30, stars)
        rated.look()
    for before in (90, 60):
        rated.env.run(mode="undo_scene", id=30)
        rated.stepped.drain()
        rated.look()
        assert (rated.stash(30), rated.plex(30)) == (before, 4)
    assert rated.quiet()


def test_what_came_from_another_plex_rests_in_this_one_once_it_is_undone(rated: Rated) -> None:
    """Or from this one, before it got a new identity: a person's rating there stays."""
    rated.env.save(6, rating100=60)
    rated.stepped.drain()
    rated.rates(6, 9)
    rated.look()
    with rated.stepped.resident.store.transaction() as connection:
        connection.execute("UPDATE history SET server = 'another' WHERE scene = 6")
    assert rated.env.run(mode="undo_scene", id=6)["output"]["items"] == 1
    rated.stepped.drain()
    rated.look()
    assert (rated.stash(6), rated.plex(6)) == (60, 9)
    assert rated.quiet()


def test_a_preview_names_the_ratings_that_would_come(rated: Rated) -> None:
    """And changes nothing."""
    rated.rates(26, 9)
    rated.forget()
    said = rated.env.run(mode="preview")
    assert "rated in Plex" in said["stderr"] + str(said["output"])
    assert rated.mutations() == 0
    groups = rated.env.run(mode="page_plan")["output"]["groups"]
    taken = [group["size"] for group in groups if group["effect"] == "taken"]
    assert taken == [1]
    rated.look()


def test_a_server_that_ignores_the_filters_tells_the_same(rated: Rated) -> None:
    """The newest are asked for first, and no further than to the last look."""
    rated.env.plex.switches(watch_filters=False)
    rated.rates(27, 9)
    rated.forget()
    rated.look()
    assert rated.stash(27) == 90
    rated.env.plex.switches(watch_filters=True)


def test_without_the_switch_all_is_as_before(rated: Rated) -> None:
    """Plex is asked nothing, and what a person rated there stays; on again, it comes.

    Unless somebody settled that it shall stay as it is.
    """
    rated.settings()
    rated.rates(28, 9)
    rated.rates(29, 9)
    rated.forget()
    rated.look()
    assert rated.env.plex.counts()["total"] == 0
    rated.sync(28, 29)
    assert (rated.stash(28), rated.plex(28), rated.puts()) == (60, 9, 0)
    rows = rated.env.run(mode="page_differences", field="rating")["output"]["rows"]
    settled = [row["number"] for row in rows if row["scene"] == 29]
    rated.env.run(mode="answer", answer="keep_plex", numbers=settled)
    rated.settings(ratings_to_stash=True)
    rated.sync(28, 29)
    assert (rated.stash(28), rated.stash(29)) == (90, 60)
    assert rated.quiet()
    rated.rates(28, 8)
    rated.look()
    assert rated.stash(28) == 80
    rated.settings(ratings_to_stash=True, overwrite_plex_edits=True)
    rated.rates(28, 3)
    rated.rates(5, 3)
    rated.look()
    assert (rated.stash(28), rated.plex(28), rated.stash(5)) == (80, 8, 30)
    rated.settings(ratings_to_stash=True)


def test_ratings_that_vanish_from_plex_together_are_held_back(rated: Rated) -> None:
    """As after its database was put back: Stash keeps them until a person says so."""
    many = range(31, 61)
    for scene in many:
        rated.rates(scene, 8)
    rated.look()
    assert {rated.stash(scene) for scene in many} == {80}
    for scene in many:
        rated.rates(scene, None)
    rated.look()
    assert {rated.stash(scene) for scene in many} == {80}
    assert "would empty the rating in Stash of 30 items" in rated.env.log()
    for scene in many:
        rated.rates(scene, 8)
    rated.look()
    assert rated.stepped.rows() == {}


def test_ratings_of_plex_s_that_are_older_again_leave_stash_s(rated: Rated) -> None:
    """Its database was put back: what was given since would be lost on both sides."""
    ours, theirs = 11, 1  # rated in Stash first, so that we locked it in Plex, and never before
    for scene in (ours, theirs):
        rated.rates(scene, 6 if scene == theirs else 5)
    before = rated.at
    rated.look()
    for scene in (ours, theirs):
        rated.rates(scene, 9)
    rated.look()
    assert (rated.stash(ours), rated.stash(theirs)) == (90, 90)
    rated.env.plex.rates(rated.key(ours), 5, before - 1)
    rated.env.plex.rates(rated.key(theirs), 6, before)
    rated.sync(ours, theirs)
    assert (rated.stash(ours), rated.stash(theirs)) == (90, 90)
    assert (rated.plex(ours), rated.plex(theirs)) == (5, 6)
    listed = rated.env.query("SELECT scene, theirs, ours FROM difference WHERE field = 'rating'")
    assert {(row["scene"], row["theirs"], row["ours"]) for row in listed} >= {
        (ours, "5", "9"),
        (theirs, "6", "9"),
    }
    assert rated.quiet()
    for scene in (ours, theirs):
        rated.rates(scene, 3)  # a person's, and newer
    rated.look()
    assert (rated.stash(ours), rated.stash(theirs)) == (30, 30)
    assert rated.quiet()


def test_a_scene_that_was_made_anew_has_what_a_person_rated(rated: Rated) -> None:
    """Deleted and scanned again, a file gets its rating in Plex back; what was ours goes."""
    env = rated.env
    rated.rates(31, 9)
    rated.look()
    env.stash.set_scene(32, rating100=60)
    rated.sync(32)
    assert (rated.stash(31), rated.plex(32)) == (90, 6)
    for scene in (31, 32):
        env.stash.delete_scene(scene)
    anew = [env.stash.add_scene(catalogue_file(scene).stash_path, title="") for scene in (31, 32)]
    rated.sync(31, 32, *anew)
    assert rated.stash(anew[0]) == 90
    items = [env.plex.item_at(catalogue_file(scene).plex_path) for scene in (31, 32)]
    assert [item["fields"].get("userRating") for item in items] == [9, None]
    assert rated.stash(anew[1]) is None
    assert rated.quiet()


# --- the merge alone ------------------------------------------------------------------------------


def step(base: Base, ours: int, theirs: float | None) -> tuple[Base, int, float | None, int, int]:
    """Merge once and carry it out; give base, both ratings, and the writes to Plex and Stash."""
    shown = "" if theirs is None else f"{theirs}"
    item = an_item({"rating": shown})
    done: Merge = merge(
        Desired({"rating": rating(ours)}, {}), item, base, Pending(), both_ways=True
    )
    after = done.base
    puts = moves = 0
    if "rating" in done.edit.values:
        puts, theirs = 1, float(done.edit.values["rating"] or 0) or None
    if done.to_stash:
        moves, value = 1, done.to_stash["rating"][0]
        ours, after = rating100(value), taken_over(after, value)
    return after, ours, theirs, puts, moves


HALVES = [half / 2 for half in range(21)]


def test_every_rating_travels_without_drift_and_once() -> None:
    """0 to 100 against 0 to 10: each comes back as it went, and the second look writes nothing."""
    for stars in range(101):
        assert rating100(rating(stars)) == stars
        base, ours, theirs, puts, moves = step(Base(), stars, None)
        assert (ours, moves, puts) == (stars, 0, int(stars > 0))
        assert step(base, ours, theirs)[1:] == (stars, theirs, 0, 0)
    for half in HALVES:
        base, ours, theirs, puts, moves = step(Base(), 0, half)
        assert (theirs, puts, moves) == (half, 0, int(half > 0))
        assert float(rating(ours) or 0) == half
        assert step(base, ours, theirs)[1:] == (ours, half, 0, 0)


@given(
    st.lists(st.tuples(st.sampled_from("sp"), st.integers(0, 100), st.sampled_from(HALVES))),
    st.integers(0, 100),
    st.one_of(st.none(), st.sampled_from(HALVES)),
)
def test_whatever_both_do_two_looks_are_enough(
    words: list[tuple[str, int, float]], ours: int, theirs: float | None
) -> None:
    """After each word one look writes at most once, and the next nothing; the last word counts."""
    base = Base()
    for who, stars, half in [("", 0, 0.0), *words]:
        before = (ours, rating100(f"{theirs or 0}"))
        if who == "s":
            ours = stars
        elif who == "p":
            theirs = half or None
        said = who and (ours, rating100(f"{theirs or 0}")) != before
        base, ours, theirs, puts, moves = step(base, ours, theirs)
        assert puts + moves <= 1
        assert step(base, ours, theirs)[1:] == (ours, theirs, 0, 0)
        if said and who == "s" and stars:
            assert rating100(f"{theirs or 0}") == stars
        if said and who == "p" and half:
            assert ours == rating100(f"{half}")
