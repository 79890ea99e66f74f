"""Where somebody stopped in Plex is the scene's resume time in Stash, and never against Stash's.

The stand-ins are real servers and the worker is stepped; each test has scenes of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from stash.activity import resume_times
from store import meta
from tests.asking_worker import AskingWorker
from tests.installation import installation
from tests.stepped_worker import step
from worker.from_plex import AGAIN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 40


class Stopped(AskingWorker):
    """A worker, looked at by its resume times."""

    def stops(self, scene: int, seconds: float) -> None:
        """Let the owner stop an item, a second after whatever was watched last."""
        self.at += 1
        self.env.plex.stopped(self.key(scene), self.at, seconds)

    def ends(self, scene: int) -> None:
        """Let the owner see an item to its end."""
        self.at += 1
        self.env.plex.watched(self.key(scene), self.at)

    def in_stash(self, scene: int, seconds: float) -> None:
        """Let somebody stop a scene in Stash, as its player does."""
        self.env.stash.graphql(
            "mutation($id:ID!,$at:Float){sceneSaveActivity(id:$id,resume_time:$at,playDuration:9)}",
            id=str(scene),
            at=seconds,
        )

    def look(self, times: int = 2, later: float = 700.0) -> None:
        """Let the worker look some times: what stands still from one to the next is brought."""
        for _ in range(times):
            resident = self.later(later)
            resident._changes(resident.from_plex.touched.look, "looking for ratings")
            self.stepped.drain()

    def look_at_plays(self) -> None:
        """Let the worker ask for the history, a while after its last look."""
        resident = self.later(700.0)
        resident._changes(resident.from_plex.plays.look, resident.from_plex.plays.WORDS)

    def stash(self, scene: int) -> float:
        """Give a scene's resume time in Stash."""
        return float(self.env.stash.scene(scene)["resume_time"])

    def mutations(self) -> int:
        """Count the resume times that Stash was asked to set so far."""
        return self.env.stash.counts().get("SaveResumeTime", 0)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopped]:
    """One installation for all tests here."""
    options: dict[str, Any] = {"plays_to_stash": True}
    folder = tmp_path_factory.mktemp("stopped")
    with installation(folder, SCENES, **options) as env, step(env) as stepped:
        made = Stopped(env, stepped)
        made.look()
        yield made


def test_where_it_was_stopped_is_where_stash_resumes(stopped: Stopped) -> None:
    """To the second, once it stands still; with one request a look, no hook, and no PUT."""
    stopped.forget()
    runs = len(stopped.env.stash.runs())
    stopped.stops(1, 321.5)
    stopped.look(1)
    assert stopped.mutations() == 0  # somebody may be watching still
    stopped.stops(1, 400.25)
    stopped.look(1)
    assert stopped.mutations() == 0
    stopped.look(1)
    assert stopped.stash(1) == 400.25
    stopped.forget()
    stopped.look(3)
    plex = stopped.env.plex.counts()
    assert (plex["total"], plex["all_listings"], stopped.env.stash.counts()["total"]) == (3, 3, 0)
    assert len(stopped.env.stash.runs()) == runs
    assert stopped.stepped.rows() == {}


def test_stash_s_own_place_is_left(stopped: Stopped) -> None:
    """One that was there before, and one that is newer than ours; the next stop in Plex counts."""
    stopped.in_stash(2, 50)
    stopped.stops(2, 300)
    stopped.stops(3, 300)
    stopped.look()
    assert (stopped.stash(2), stopped.stash(3)) == (50, 300)
    stopped.stops(3, 310)
    stopped.in_stash(3, 60)
    stopped.look(4)
    assert (stopped.stash(2), stopped.stash(3)) == (50, 60)
    stopped.stops(2, 320)
    stopped.stops(3, 320)
    stopped.look()
    assert (stopped.stash(2), stopped.stash(3)) == (320, 320)


def test_who_goes_on_in_plex_is_followed_there(stopped: Stopped) -> None:
    """Stash stood still while Plex moved on, so Plex's is the newer one."""
    stopped.in_stash(4, 50)
    stopped.stops(4, 60)
    stopped.look(1)
    stopped.stops(4, 200)
    stopped.look(2)
    assert stopped.stash(4) == 200


def test_seen_to_its_end_it_begins_anew_if_it_was_ours(stopped: Stopped) -> None:
    """Plex takes the place away then; one that somebody set in Stash stays."""
    stopped.stops(5, 300)
    stopped.stops(6, 300)
    stopped.look()
    stopped.in_stash(6, 70)
    stopped.in_stash(7, 70)
    for scene in (5, 6, 7):
        stopped.ends(scene)
    stopped.look(3)
    assert [stopped.stash(scene) for scene in (5, 6, 7)] == [0, 70, 70]


def test_of_two_items_the_one_that_was_watched_last_counts(stopped: Stopped) -> None:
    """And the owner alone of an item that scenes share gets its place."""
    env = stopped.env
    copy = env.plex.add_item("/plex/media/copy.mp4")["ratingKey"]
    env.stash.set_scene(8, add_file={"path": "/stash/media/copy.mp4"})
    other = env.stash.add_scene("/stash/media/copy.mp4", title="The same file")
    stopped.stops(8, 100)
    env.plex.stopped(copy, stopped.at - 5, 500)
    stopped.look()
    assert (stopped.stash(8), stopped.stash(other)) == (100, 0)
    env.plex.stopped(copy, stopped.at + 5, 600)
    stopped.look()
    assert (stopped.stash(8), stopped.stash(other)) == (600, 0)


def test_an_answer_that_was_lost_is_asked_for_again(stopped: Stopped) -> None:
    """Stash has it and nobody noted it: it is found there, and known for ours."""
    stopped.env.stash.fault("reset_after", operation="SaveResumeTime")
    stopped.stops(9, 300)
    stopped.forget()
    stopped.look(5)
    assert (stopped.stash(9), stopped.mutations()) == (300, 1)
    stopped.ends(9)
    stopped.look()
    assert stopped.stash(9) == 0


def test_a_refusal_is_said_and_holds_up_no_other(stopped: Stopped) -> None:
    """Stash's reason is in the log, and it is tried again."""
    stopped.env.stash.fault("graphql_error", operation="SaveResumeTime", message="disk I/O error")
    stopped.stops(10, 300)
    stopped.stops(11, 300)
    stopped.look()
    assert sorted((stopped.stash(10), stopped.stash(11))) == [0, 300]
    assert "Stash refused sceneSaveActivity: disk I/O error" in stopped.env.log()
    stopped.look(2, later=AGAIN)
    assert (stopped.stash(10), stopped.stash(11)) == (300, 300)


def test_a_stash_that_cannot_is_named_once_an_hour_and_syncing_goes_on(stopped: Stopped) -> None:
    """No scene fails for it."""
    refusal = '{"errors": [{"message": "Unknown argument \\"resume_time\\"", "extensions": '
    refusal += '{"code": "GRAPHQL_VALIDATION_FAILED"}}], "data": null}'
    stopped.env.stash.fault(
        "status", operation="SaveResumeTime", times=None, status=422, body=refusal
    )
    stopped.stops(12, 300)
    stopped.look(4)
    assert stopped.env.log().count("cannot do sceneSaveActivity") == 1
    stopped.env.stash.clear_faults()
    stopped.env.stash.set_scene(13, title="Goes on")
    stopped.stepped.hook(13)
    stopped.stepped.drain()
    assert stopped.env.item(13)["fields"]["title"] == "Goes on"
    stopped.look(3, later=AGAIN)
    assert stopped.stash(12) == 300


def test_it_is_shown_and_undone(stopped: Stopped) -> None:
    """Given back where it is as it came, and not brought again until Plex moves."""
    stopped.in_stash(14, 0)
    stopped.stops(14, 3723)
    stopped.stops(15, 300)
    stopped.look()
    (change,) = stopped.env.run(mode="page_history", scenes=[14], limit=1)["output"]["changes"]
    assert change["changes"] == [["stopped in Plex", "", "1:02:03"]]
    (came,) = stopped.env.run(mode="scene_state", id=14)["output"]["came"]
    assert (came["field"], came["before"], came["after"]) == ("stopped in Plex", "", "1:02:03")
    stopped.in_stash(15, 90)
    for scene in (14, 15):
        assert stopped.env.run(mode="undo_scene", id=scene)["output"]["items"] == 1
    stopped.stepped.drain()
    stopped.look(3)
    assert (stopped.stash(14), stopped.stash(15)) == (0, 90)
    told = stopped.env.query("SELECT scene, undone FROM history WHERE undone <> '' ORDER BY scene")
    assert [(row["scene"], row["undone"]) for row in told] == [
        (14, "back"),
        (15, "stopped in Plex"),
    ]
    stopped.stops(14, 500)
    stopped.look()
    assert stopped.stash(14) == 500


def test_an_undo_of_a_scene_that_is_gone_is_named_and_over(stopped: Stopped) -> None:
    """Nobody tries it again: there is nothing to give it back to."""
    stopped.look_at_plays()
    stopped.stops(20, 300)
    stopped.ends(21)
    stopped.look()
    stopped.look_at_plays()
    for scene, field in ((20, "stopped in Plex"), (21, "played in Plex")):
        assert stopped.env.run(mode="undo_scene", id=scene)["output"]["items"] == 1
        stopped.env.stash.delete_scene(scene)
        stopped.stepped.drain()
        assert stopped.env.rows() == []
        told = stopped.env.query(f"SELECT undone FROM history WHERE scene = {scene}")
        assert told == [{"undone": field}]


def test_what_was_undone_stays_so_when_plex_makes_the_item_anew(stopped: Stopped) -> None:
    """Under another rating key it was still stopped where it was, at the same time."""
    stopped.stops(22, 300)
    stopped.look()
    stopped.env.run(mode="undo_scene", id=22)
    stopped.stepped.drain()
    stopped.env.plex.rekey(stopped.key(22))
    stopped.look(3)
    assert stopped.stash(22) == 0
    stopped.stops(22, 400)
    stopped.look()
    assert stopped.stash(22) == 400


def test_what_came_is_undone_in_stash_whichever_plex_is_there_now(stopped: Stopped) -> None:
    """Nothing of it is asked of the Plex that it came from, nor of another."""
    stopped.stops(25, 300)
    stopped.look()
    store = stopped.stepped.resident.store
    with store.transaction() as connection:
        seen = meta.get(connection, meta.SERVER_SEEN)
        meta.put(connection, meta.SERVER_SEEN, {"machine": "another"})
    assert stopped.env.run(mode="undo_scene", id=25)["output"]["items"] == 1
    stopped.stepped.drain()
    assert stopped.stash(25) == 0
    meta.put(store.connection, meta.SERVER_SEEN, seen)


def test_a_scene_that_is_deleted_meanwhile_holds_up_no_other(stopped: Stopped) -> None:
    """Of a list of ids Stash tells nothing if it lacks one of them."""
    stopped.in_stash(24, 70)
    stopped.env.stash.delete_scene(23)
    assert resume_times(stopped.stepped.resident.stash.client(), [23, 24]) == {24: 70}


def test_undoing_a_play_takes_it_out_for_good(stopped: Stopped) -> None:
    """That one and no other; it is noted, so no look brings it again."""
    stopped.look_at_plays()
    stopped.ends(16)
    stopped.env.plex.watched(stopped.key(16), stopped.at + 100)
    stopped.env.stash.graphql('mutation{sceneAddPlay(id:16,times:["2020-01-01T00:00:00Z"]){count}}')
    stopped.look_at_plays()
    assert len(stopped.env.stash.scene(16)["plays"]) == 3
    assert stopped.env.run(mode="undo_scene", id=16)["output"]["items"] == 1
    stopped.stepped.drain()
    stopped.look_at_plays()
    assert len(stopped.env.stash.scene(16)["plays"]) == 1


def test_an_edit_goes_ahead(stopped: Stopped) -> None:
    """What was stopped waits for it, and is brought after it."""
    stopped.stops(17, 300)
    stopped.look(1)
    stopped.stepped.mark(18)
    stopped.stepped.late += 700
    stopped.stepped.resident.from_plex.ask_if_due(stopped.stepped.resident._changes)
    assert stopped.stash(17) == 0
    stopped.stepped.drain()
    stopped.look(2)
    assert stopped.stash(17) == 300


def test_who_watches_is_waited_for_where_films_and_episodes_are_looked_for_in_turn(
    tmp_path: Path,
) -> None:
    """A film that a look for episodes does not list is no film that stands still."""
    both = "Scenes, TV Shows"
    with installation(tmp_path, 2, plays_to_stash=True) as env, step(env) as stepped:
        show = env.plex.add_section("show", locations=["/plex/tv"])
        env.plex.add_item("/plex/tv/episode.mp4", section=show)
        env.settings(plays_to_stash=True, plex_libraries=both)
        stepped.resident.breaker.adopt(stepped.resident.stash.settings())
        watching = Stopped(env, stepped)
        watching.look(4)
        for minute in range(1, 8):
            watching.stops(1, minute * 60)
            watching.look(1)
            assert watching.stash(1) == 0
        watching.look(4)
        assert watching.stash(1) == 420
