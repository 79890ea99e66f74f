"""What was watched in Plex is played in Stash, at Plex's time of it, exactly once."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from simulator.library import catalogue_file
from tests.asking_worker import AskingWorker
from tests.installation import Installation, installation, wait_for
from tests.stepped_worker import SteppedWorker, step
from worker import from_plex
from worker.launcher import ProcessLock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 12
#: A view from before, by Plex's clock.
LONG_AGO = int(time.time()) - 90 * 86400


class Watched(AskingWorker):
    """A worker, looked at by its plays; ``now`` is when the test began."""

    def __init__(self, env: Installation, stepped: SteppedWorker) -> None:
        super().__init__(env, stepped)
        self.now = self.at

    def watch(self, scene: int, at: int, account: int = 1) -> int:
        """Let somebody see a scene's item to its end, so many seconds after the test began."""
        self.env.plex.watched(self.key(scene), self.now + at, account)
        return self.now + at

    def look(self, later: float = 700.0) -> None:
        """Let the worker look, a while after its last look."""
        resident = self.later(later)
        plays = resident.from_plex.plays
        if not plays.is_wanted:
            resident.from_plex.ask_if_due(resident._changes)
        elif plays.is_ready(resident.worker.context.clock()):
            resident._changes(plays.look, plays.WORDS)

    def adds(self) -> int:
        """Count the plays that Stash was asked to add."""
        asked = self.env.stash.requests()
        return sum(
            len(one["variables"]["times"]) for one in asked if one["operation"] == "AddPlays"
        )

    def forget_plays(self, *, mark: int | None = None) -> None:
        """Let the database forget the plays, as one from a backup does that was made before."""
        with closing(sqlite3.connect(self.env.data / "plexsync.sqlite", timeout=30)) as store:
            store.execute("DELETE FROM play")
            if mark is not None:
                store.execute(
                    "UPDATE meta SET value = json_replace(value, '$.' || "
                    "(SELECT key FROM json_each(value)) || '.newest', ?) WHERE key = 'plays'",
                    (mark,),
                )
            store.commit()


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """The switch was turned on after one view, and the worker has looked once."""
    with installation(tmp_path, SCENES, plays_to_stash=True) as env, step(env) as stepped:
        made = Watched(env, stepped)
        env.plex.watched(env.item(1)["ratingKey"], LONG_AGO)
        made.look()
        yield made


def test_what_is_watched_becomes_a_play_at_its_time(watched: Watched) -> None:
    """Each view is one play, with Plex's own time, also two of one scene; older ones are not."""
    first, second, other = watched.watch(2, 10), watched.watch(2, 5000), watched.watch(3, 60)
    watched.look()
    assert watched.plays(2) == [first, second]
    assert watched.plays(3) == [other]
    assert watched.plays(1) == []
    for _ in range(3):
        watched.look()
    assert watched.adds() == 3


def test_a_look_that_finds_nothing_costs_one_request(watched: Watched) -> None:
    """Plex is asked for its history and nothing else, and Stash for nothing."""
    watched.watch(2, 10)
    watched.look()
    for server in (watched.env.plex, watched.env.stash):
        server.clear_requests()
    watched.look()
    assert watched.env.plex.counts() == {**watched.env.plex.counts(), "total": 1, "history": 1}
    assert watched.env.stash.counts()["total"] == 0


def test_a_plex_that_is_off_is_not_named_every_minute(watched: Watched) -> None:
    """A look that fails says so once an hour, and at once when it fails otherwise."""
    watched.env.plex.fault("status", path="/status/sessions/history", times=7, status=500)
    watched.env.plex.fault("status", path="/status/sessions/history", times=1, status=418)

    def told() -> int:
        return watched.env.log().count("(looking for plays, again later)")

    before = told()
    for _ in range(5):
        watched.look(70.0)
    assert told() == before + 1
    watched.look(3600.0)
    watched.look(70.0)
    assert told() == before + 2
    watched.look(70.0)
    assert told() == before + 3


def test_without_the_switch_nothing_is_asked_and_nothing_written(watched: Watched) -> None:
    """As it was before; and what was watched meanwhile does not count when it is on again."""
    watched.settings()
    watched.env.plex.clear_requests()
    watched.watch(2, 10)
    watched.look()
    assert watched.env.plex.counts()["total"] == 0
    watched.settings(plays_to_stash=True)
    watched.look()
    after = watched.watch(3, 20)
    watched.look()
    assert (watched.plays(2), watched.plays(3)) == ([], [after])


def test_an_answer_that_was_lost_adds_nothing_twice(watched: Watched) -> None:
    """Stash has the play and nobody noted it: the next look reads it there."""
    watched.env.stash.fault("reset_after", operation="AddPlays")
    at = watched.watch(2, 10)
    watched.look()
    assert watched.plays(2) == [at]
    watched.look()
    watched.look()
    assert watched.plays(2) == [at]
    assert watched.adds() == 1
    assert watched.env.query("SELECT scene, viewed_at FROM play") == [{"scene": 2, "viewed_at": at}]


@pytest.mark.parametrize("mark", [None, LONG_AGO], ids=["forgotten", "old"])
def test_a_database_from_a_backup_adds_nothing_twice(watched: Watched, mark: int | None) -> None:
    """Whatever it forgot, Stash knows."""
    at = watched.watch(2, 10)
    watched.look()
    watched.forget_plays(mark=mark)
    watched.look()
    assert watched.plays(2) == [at]
    assert watched.adds() == 1


def test_an_item_that_is_made_anew_adds_nothing_twice(watched: Watched) -> None:
    """Its views come under another rating key, at the same times."""
    at = watched.watch(2, 10)
    watched.look()
    watched.env.plex.rekey(watched.env.item(2)["ratingKey"])
    watched.look()
    later = watched.watch(2, 20)
    watched.look()
    assert watched.plays(2) == [at, later]
    assert watched.adds() == 2


def test_a_history_that_is_cut_short_takes_nothing_away(watched: Watched) -> None:
    """What Stash has it keeps, and what comes next comes once."""
    first = watched.watch(2, 10)
    watched.look()
    watched.env.plex.forget_views(watched.now + 10_000)
    watched.look()
    second = watched.watch(2, 20)
    watched.look()
    assert watched.plays(2) == [first, second]
    assert watched.adds() == 2


def test_a_history_without_a_word_is_no_empty_one(tmp_path: Path) -> None:
    """Taken for "nothing was ever seen" it would let all views from before count."""
    with installation(tmp_path, SCENES, plays_to_stash=True) as env, step(env) as stepped:
        watched = Watched(env, stepped)
        watched.watch(1, -5000)
        env.plex.fault("status", path="/status/sessions/history", status=200, body="")
        watched.look()
        assert "Plex sent an empty history" in env.log()
        for _ in range(2):
            watched.look()
        assert watched.plays(1) == []
        seen = watched.watch(1, 10)
        watched.look()
        assert watched.plays(1) == [seen]


@pytest.mark.parametrize("off", [-40 * 86400, -3600, 3600, 80_000])
def test_plex_s_clock_may_differ(watched: Watched, off: int) -> None:
    """From when on views count is told by Plex's own clock, as is the time of a play."""
    at = watched.watch(2, off)
    watched.look()
    again = watched.watch(2, off + 30)
    watched.look()
    assert watched.plays(2) == [at, again]


def test_a_clock_that_was_wrong_for_a_while_hides_nothing(watched: Watched) -> None:
    """A view from years ahead is no play, and those of today are."""
    watched.watch(3, 900 * 86400)
    watched.look()
    at = watched.watch(2, 10)
    watched.look()
    assert (watched.plays(2), watched.plays(3)) == ([at], [])


def test_a_view_that_is_told_late_is_found(watched: Watched) -> None:
    """A device that was offline tells what it played after others were told."""
    late = watched.watch(2, 5000)
    watched.look()
    early = watched.watch(3, 100)
    watched.look()
    assert (watched.plays(2), watched.plays(3)) == ([late], [early])


def test_two_items_of_one_scene_count_each_view_once(watched: Watched) -> None:
    """Each item's own views, and no view for both."""
    env = watched.env
    second = env.plex.add_section("other", "Second", ["/plex/second"])
    copy = env.plex.add_item("/plex/media/copy.mp4", section=second)["ratingKey"]
    env.stash.set_scene(2, add_file={"path": "/stash/media/copy.mp4"})
    first = watched.watch(2, 10)
    env.plex.watched(copy, watched.now + 20)
    env.plex.watched(copy, first)  # both at the same second: one play
    watched.look()
    watched.look()
    assert watched.plays(2) == [first, watched.now + 20]


def test_an_item_that_scenes_share_counts_for_its_owner(watched: Watched) -> None:
    """It is the scene that syncing gives the item to."""
    other = watched.env.stash.add_scene(catalogue_file(2).stash_path, title="The same file")
    at = watched.watch(2, 10)
    watched.look()
    assert (watched.plays(2), watched.plays(other)) == ([at], [])


def test_an_item_that_was_proven_by_its_hash_counts_too(watched: Watched) -> None:
    """Where no rule of path_map leads from Plex to Stash, the ledger knows the scene."""
    watched.settings(plays_to_stash=True, path_map="")
    watched.stepped.hook(2)
    watched.stepped.drain()
    at = watched.watch(2, 10)
    watched.look()
    assert watched.plays(2) == [at]


def test_scenes_that_are_left_out_are_left_alone(watched: Watched) -> None:
    """Those that the settings leave out, and libraries that they do not name."""
    watched.settings(plays_to_stash=True, only_organized=True)
    watched.watch(2, 10)
    watched.env.stash.set_scene(3, organized=True)
    at = watched.watch(3, 10)
    watched.look()
    assert (watched.plays(2), watched.plays(3)) == ([], [at])


def test_the_owner_s_views_count_and_everybody_s_if_chosen(watched: Watched) -> None:
    """Account 1 is the owner."""
    mine, guest = watched.watch(2, 10), watched.watch(2, 20, account=77)
    watched.look()
    assert watched.plays(2) == [mine]
    watched.settings(plays_to_stash=True, plays_of_all_accounts=True)
    watched.look()
    assert watched.plays(2) == [mine, guest]


def test_what_others_watched_before_does_not_count_once_everybody_s_views_do(
    watched: Watched,
) -> None:
    """The owner's last view may be long ago when Plays To Stash is turned on."""
    watched.settings()
    watched.look()
    watched.watch(2, -5 * 86400, account=77)
    watched.settings(plays_to_stash=True)
    watched.look()
    watched.settings(plays_to_stash=True, plays_of_all_accounts=True)
    guest = watched.watch(3, 10, account=77)
    watched.look()
    assert (watched.plays(2), watched.plays(3)) == ([], [guest])


def test_a_server_that_ignores_filters_tells_the_same(watched: Watched) -> None:
    """What is asked for is looked for once more in what comes."""
    watched.env.plex.switches(history_filters=False)
    at = watched.watch(2, 10)
    watched.watch(2, 20, account=77)
    watched.look()
    assert (watched.plays(1), watched.plays(2)) == ([], [at])


def test_more_views_than_a_page_are_found_in_one_look(watched: Watched) -> None:
    """Page after page, back to where the last look ended."""
    keys = [watched.env.item(scene)["ratingKey"] for scene in range(1, 7)]
    for number in range(1100):
        watched.env.plex.watched(keys[number % 6], watched.now + number)
    watched.look()
    assert sum(len(watched.plays(scene)) for scene in range(1, 7)) == 1100
    watched.look()
    assert watched.adds() == 1100


def test_a_play_that_is_taken_out_in_stash_stays_out(watched: Watched) -> None:
    """A person's word, also when Plex makes the item anew."""
    at = watched.watch(2, 10)
    watched.look()
    watched.env.stash.graphql(
        "mutation($times:[Timestamp!]){sceneDeletePlay(id:2,times:$times){count}}",
        times=[time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))],
    )
    watched.look()
    watched.env.plex.rekey(watched.env.item(2)["ratingKey"])
    watched.look()
    assert watched.plays(2) == []
    assert watched.adds() == 1


def test_a_scene_that_comes_later_gets_its_play(watched: Watched) -> None:
    """Plex knew the file first; it is tried again within the day."""
    key = watched.env.plex.add_item("/plex/media/new.mp4")["ratingKey"]
    watched.env.plex.watched(key, watched.now + 10)
    watched.look()
    number = watched.env.stash.add_scene("/stash/media/new.mp4")
    watched.look()
    assert watched.plays(number) == []
    watched.look(from_plex.AGAIN)
    assert watched.plays(number) == [watched.now + 10]


def test_a_stash_that_keeps_no_plays_is_named_and_syncing_goes_on(watched: Watched) -> None:
    """Probed, said once an hour, and no scene fails for it."""
    refusal = '{"errors": [{"message": "Cannot query field \\"sceneAddPlay\\"", "extensions": '
    refusal += '{"code": "GRAPHQL_VALIDATION_FAILED"}}], "data": null}'
    watched.env.stash.fault("status", operation="AddPlays", times=None, status=422, body=refusal)
    at = watched.watch(2, 10)
    watched.look()
    watched.look()
    assert watched.env.log().count("cannot do sceneAddPlay") == 1
    watched.env.stash.set_scene(4, title="Goes on")
    watched.stepped.hook(4)
    watched.stepped.drain()
    assert watched.env.item(4)["fields"]["title"] == "Goes on"
    watched.env.stash.clear_faults()
    watched.look(from_plex.AGAIN)
    assert watched.plays(2) == [at]


def test_a_refusal_is_said_and_holds_up_no_other_scene(watched: Watched) -> None:
    """Stash's reason is in the log, and the scene is tried again."""
    watched.env.stash.fault("graphql_error", operation="AddPlays", message="disk I/O error")
    first, second = watched.watch(2, 10), watched.watch(3, 10)
    watched.look()
    assert "scene 2: Stash refused sceneAddPlay: disk I/O error" in watched.env.log()
    assert (watched.plays(2), watched.plays(3)) == ([], [second])
    watched.look(from_plex.AGAIN)
    assert watched.plays(2) == [first]


def test_plays_fire_no_hook_and_plex_is_not_written_to(watched: Watched) -> None:
    """Nothing comes back as an edit: no time of the scene moves, no row waits, no PUT is sent."""
    before = watched.env.stash.scene(2)["updated_at"]
    runs = len(watched.env.stash.runs())
    watched.watch(2, 10)
    watched.look()
    assert watched.env.stash.scene(2)["updated_at"] == before
    assert len(watched.env.stash.runs()) == runs
    assert watched.stepped.rows() == {}
    assert watched.env.plex.counts()["writes"] == 0


def test_two_stashes_each_get_their_own(watched: Watched, tmp_path: Path) -> None:
    """Each has a database of its own, and its own Stash as the witness."""
    with installation(tmp_path / "second", SCENES) as env:
        env.settings(plays_to_stash=True, plex_url=watched.env.plex.url)
        with step(env) as stepped:
            other = Watched(env, stepped)
            other.look()
            at = watched.watch(2, 10)
            for one in (watched, other, watched, other):
                one.look()
            assert watched.plays(2) == other.plays(2) == [at]


def test_the_scene_s_tab_says_what_came_from_plex(watched: Watched) -> None:
    """The newest first; recent changes have it, too."""
    first, second = watched.watch(2, 10), watched.watch(2, 20)
    watched.look()
    assert watched.env.run(mode="scene_state", id=2)["output"]["plays"] == [second, first]
    assert watched.env.run(mode="scene_state", id=3)["output"]["plays"] == []
    (change,) = watched.env.run(mode="page_state")["output"]["history"]
    (field, before, after), scene = change["changes"][0], change["scene"]
    assert (scene, field, before) == (2, "played in Plex", "")
    assert after.startswith("2 times, the last 20")


def test_the_task_brings_older_plays_once_and_says_first_how_many(watched: Watched) -> None:
    """With and without the switch; what Stash has already is not counted."""
    watched.env.plex.watched(watched.env.item(3)["ratingKey"], LONG_AGO)
    watched.env.plex.watched(watched.env.item(3)["ratingKey"], LONG_AGO + 500)
    watched.env.plex.watched(watched.env.item(4)["ratingKey"], LONG_AGO, 77)
    strange = watched.env.plex.add_item("/plex/media/strange.mp4")["ratingKey"]
    watched.env.plex.watched(strange, LONG_AGO)
    new = watched.watch(3, 10)
    watched.look()
    watched.settings()
    answer = watched.env.run(mode="bring_plays")
    assert "not in Stash and brought over now: 2 plays of 2 scenes" in answer["stderr"]
    assert "5 views in Plex's history; not" in answer["stderr"]
    assert answer["output"].startswith("2 plays came over from Plex to 2 scenes. Views of items")
    assert watched.plays(1) == [LONG_AGO]
    assert watched.plays(3) == [LONG_AGO, LONG_AGO + 500, new]
    assert watched.plays(4) == []
    again = watched.env.run(mode="bring_plays")["output"]
    assert again.startswith("0 plays came over from Plex to 0 scenes.")
    assert watched.adds() == 4


def test_a_preview_lists_what_the_task_would_bring(watched: Watched) -> None:
    """Scene by scene, in the log and on the page; nothing is written, and after the task none."""
    watched.env.plex.watched(watched.env.item(3)["ratingKey"], LONG_AGO)
    watched.env.plex.watched(watched.env.item(3)["ratingKey"], LONG_AGO + 500)
    said = watched.env.run(mode="preview")
    assert '"Bring plays over" would add 3 plays of 2 scenes' in said["output"]
    assert "played in Plex 2 times, the last 20" in said["stderr"]

    def played() -> list[tuple[int, int]]:
        groups = watched.env.run(mode="page_plan")["output"]["groups"]
        rows = watched.env.run(mode="page_planned", effect="played", limit=20)["output"]["rows"]
        sizes = [group["size"] for group in groups if group["effect"] == "played"]
        return [(row["scene"], size) for row in rows for size in sizes]

    assert played() == [(1, 3), (3, 3)]
    assert watched.adds() == 0
    watched.watch(4, 10)
    watched.look()  # no sync, and no reason to call the plan old
    assert (watched.adds(), watched.env.run(mode="page_plan")["output"]["old"]) == (2, "")
    watched.env.run(mode="bring_plays")
    assert "Bring plays over" in watched.env.run(mode="page_plan")["output"]["old"]
    assert "Bring plays over" not in watched.env.run(mode="preview")["output"]
    assert played() == []
    watched.settings()
    watched.env.plex.clear_requests()
    watched.env.run(mode="preview")
    assert watched.env.plex.counts()["history"] == 0


def test_a_preview_goes_on_where_the_history_cannot_be_asked(watched: Watched) -> None:
    """Its plan is whole but for the plays, and it says why; the next one has them."""
    watched.env.stash.set_scene(5, title="Named in the preview")
    watched.env.plex.fault("status", path="/status/sessions/history", times=None, status=500)
    said = watched.env.run(mode="preview")["output"]
    watched.env.plex.clear_faults()
    assert "Named in the preview" in said
    assert 'What "Bring plays over" would add is not known: Plex' in said
    assert "500" in said
    assert "holds all scenes" not in said
    plan = watched.env.run(mode="page_plan")["output"]
    assert 'What "Bring plays over" would add is not known' in plan["text"]
    assert {group["effect"] for group in plan["groups"]} >= {"filled"}
    assert "would add 1 play of 1 scene" in watched.env.run(mode="preview")["output"]


def test_a_play_that_was_undone_is_nobodys(watched: Watched) -> None:
    """Its item was merged into another scene's in Plex since, which has the view from then on."""
    stepped, plex = watched.stepped, watched.env.plex
    stepped.hook(1, 2)
    stepped.settle()
    other, stays = watched.watch(2, 20), watched.watch(2, 10)
    watched.look()
    assert watched.env.run(mode="undo_scene", id=2)["output"]["items"] == 1
    stepped.drain()
    assert watched.env.run(mode="scene_state", id=2)["output"]["plays"] == []
    late = watched.watch(2, 30)
    into, merged = watched.env.item(1), watched.env.item(2)
    plex.delete_item(merged["ratingKey"])
    plex.person_sets(into["ratingKey"], files=into["files"] + merged["files"])
    for at in (other, stays, late):
        plex.watched(into["ratingKey"], at)
    stepped.hook(1, 2)
    stepped.settle()
    for _ in range(2):
        watched.env.run(mode="bring_plays")
        watched.look()
        assert watched.plays(1) == [LONG_AGO, late]
        assert watched.env.run(mode="scene_state", id=1)["output"]["plays"] == [late, LONG_AGO]


def test_the_worker_waits_while_the_task_brings_plays(watched: Watched) -> None:
    """Two that read before they add could add a play twice; so one of them does."""
    at = watched.watch(2, 10)
    lock = ProcessLock(str(watched.env.data), from_plex.PLAYS_LOCK)
    assert lock.acquire()
    watched.look()
    assert watched.plays(2) == []
    assert "already" in watched.env.run(mode="bring_plays")["error"]
    lock.release()
    watched.look()
    assert watched.plays(2) == [at]


@pytest.fixture(scope="module")
def thousand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A thousand scenes for the tests below, each with views of its own time."""
    folder = tmp_path_factory.mktemp("thousand")
    with installation(folder, 1000, plays_to_stash=True) as env, step(env) as stepped:
        made = Watched(env, stepped)
        made.look()
        yield made


def test_fifty_plays_among_a_thousand_items_come_with_one_look(thousand: Watched) -> None:
    """As many as their counts; Plex is asked for its history and reads of items, by the hundred."""
    env = thousand.env
    counts = {scene: scene % 3 + 1 for scene in range(7, 1000, 20)}
    for scene, count in counts.items():
        for number in range(count):
            thousand.watch(scene, 60 * number)
    env.plex.clear_requests()
    thousand.look()
    assert {scene: len(thousand.plays(scene)) for scene in counts} == counts
    asked = env.plex.counts()
    assert (asked["history"], asked["item_reads"], asked["writes"]) == (1, 1, 0)
    env.stash.clear_requests()
    thousand.look()
    assert env.stash.counts()["total"] == 0


def test_a_thousand_plays_come_back_as_nothing(thousand: Watched) -> None:
    """No hook, no row, no PUT, and no play a second time, however often the worker looks."""
    env = thousand.env
    for key in env.plex.rating_keys():
        env.plex.watched(key, thousand.now + 1000)
    for server in (env.plex, env.stash):
        server.clear_requests()
    runs = len(env.stash.runs())
    for _ in range(3):
        thousand.look()
        thousand.stepped.drain()
    assert thousand.adds() == 1000
    assert env.plex.counts()["writes"] == 0
    assert len(env.stash.runs()) == runs
    assert thousand.stepped.rows() == {}


def test_a_living_worker_brings_plays_by_itself(tmp_path: Path) -> None:
    """Real processes: one worker that sees the switch, and a later one that finds what came."""
    with installation(tmp_path, SCENES, plays_to_stash=True) as env:
        env.at_rest()
        wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'plays'"))
        env.kill_workers()
        at = int(time.time())
        env.plex.watched(env.item(2)["ratingKey"], at)
        env.hook(5)
        wait_for(lambda: env.stash.scene(2)["plays"])
        assert env.stash.scene(2)["plays"] == [at]
        wait_for(lambda: env.query("SELECT changes FROM history WHERE scene = 2"))
