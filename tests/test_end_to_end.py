"""From a save in Stash to the item in Plex, through outages, wrong settings and edits at bad times.

Stash runs the plugin here, from the exec of PlexSync.yml, and the worker is the
process that the hook started. What would take minutes is stepped by hand.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_file, catalogue_scene
from store import holds, inbox
from tests.installation import installation, shared_installation, wait_for
from tests.stepped_worker import SteppedWorker, step
from tests.wire import free_port
from validation.settings_reader import shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.installation import Installation

LOGIN = {"username": "user"}
MODES = {"no login": {}, "login": {**LOGIN, "api_key": "the-api-key-of-this-stash"}}


env = shared_installation(12)


@pytest.fixture
def calm(env: Installation) -> Iterator[Installation]:
    """The installation without faults, before and after."""
    env.settings()
    yield env
    env.plex.clear_faults()
    env.stash.clear_faults()
    env.settings()


@pytest.fixture
def stepped(calm: Installation) -> Iterator[SteppedWorker]:
    """The worker, stepped by the test, with nothing to do."""
    with step(calm) as found:
        found.settle()
        yield found


def title(env: Installation, scene: int) -> Any:
    """Give the title that Plex shows."""
    return env.item(scene)["fields"].get("title")


def a_minute_later(env: Installation) -> None:
    """Make the store believe that its line was last said long ago."""
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite")) as store, store:
        store.execute("UPDATE meta SET value = json_set(value, '$[1]', 0) WHERE key = 'notice'")
    inbox.offer(str(env.data), inbox.CLOSED)  # its minute is over, too


def the_hold(env: Installation, lane: str) -> dict[str, Any]:
    """Wait until a lane is held; give the hold."""
    found: dict[str, Any] = wait_for(
        lambda: next(iter(env.query("SELECT * FROM hold WHERE lane = ?", lane)), None)
    )
    return found


# --- the main job ------------------------------------------------------------------------------


def test_a_saved_scene_shows_in_plex(calm: Installation) -> None:
    """One save: title, studio, summary, date, performers and tags are on the right item."""
    scene = catalogue_scene(1)
    calm.save(1, title="A new — title", details="Two\nlines", date="2020-02-29")
    calm.settled()
    item = calm.item(1)
    fields = item["fields"]
    assert fields["title"] == "A new — title"
    assert fields["studio"] == scene.studio
    assert fields["summary"] == "Two\nlines"
    assert fields["originallyAvailableAt"] == "2020-02-29"
    assert {role["tag"] for role in item["roles"]} == set(scene.performers)
    assert set(item["tags"]["genre"]) == set(scene.tags)
    assert calm.crash() == ""


def test_the_hook_asks_neither_server_anything(calm: Installation) -> None:
    """With the worker stopped, a save leaves no request of ours in either server's log."""
    with step(calm):
        calm.plex.clear_requests()
        calm.stash.clear_requests()
        assert calm.hook(1)["output"].endswith("woken")
        assert calm.plex.requests() == []
        assert calm.stash.requests() == []
    calm.hook(1)
    calm.settled()


def test_an_unknown_scene_is_nothing_to_do(calm: Installation) -> None:
    """A hook for a scene that is gone ends without a word to Plex, and stops no other."""
    calm.hook(1)
    calm.settled()
    calm.plex.clear_requests()
    assert "output" in calm.hook(987_654)
    calm.settled()
    assert calm.plex.requests() == []
    assert "scene 987654 is not in Stash any more" in calm.log()


def test_a_deleted_scene_leaves_plex_alone(stepped: SteppedWorker) -> None:
    """Deleting a scene forgets what we knew of it; its item stays as it is."""
    env = stepped.env
    number = env.stash.add_scene("/stash/media/gone.mp4", title="Soon gone")
    env.plex.add_item("/plex/media/gone.mp4")
    stepped.hook(number)
    stepped.settle()
    assert env.plex.item_at("/plex/media/gone.mp4")["fields"]["title"] == "Soon gone"
    env.stash.delete_scene(number)
    stepped.hook(number)
    stepped.settle()
    assert env.plex.item_at("/plex/media/gone.mp4")["fields"]["title"] == "Soon gone"
    assert env.query("SELECT 1 FROM item WHERE scene = ?", number) == []


@pytest.mark.parametrize("mutation", ["scenesUpdate", "bulkSceneUpdate"])
def test_a_bulk_edit_reaches_every_scene(calm: Installation, mutation: str) -> None:
    """List and bulk edits are synced scene by scene."""
    if mutation == "scenesUpdate":
        text = "mutation($i:[SceneUpdateInput!]!){scenesUpdate(input:$i){id}}"
        given: Any = [{"id": str(scene), "details": mutation} for scene in (2, 3, 4)]
    else:
        text = "mutation($i:BulkSceneUpdateInput!){bulkSceneUpdate(input:$i){id}}"
        given = {"ids": ["2", "3", "4"], "details": mutation}
    calm.stash.graphql(text, i=given)
    wait_for(lambda: all(calm.item(n)["fields"].get("summary") == mutation for n in (2, 3, 4)))


# --- edits at bad times ------------------------------------------------------------------------


def test_an_edit_during_the_flight_of_another_wins(calm: Installation) -> None:
    """A save while its scene is being written ends with the newer words in Plex."""
    for method in ("GET", "PUT"):
        calm.save(2, title=f"calm {method}")
        calm.title_becomes(2, f"calm {method}")
        calm.settled()
        rule = calm.plex.fault("delay", method=method, path="/library/", seconds=0.6)
        calm.save(2, title=f"first {method}")
        wait_for(lambda: calm.plex.faults()[-1]["hits"])
        calm.save(2, title=f"second {method}")
        calm.title_becomes(2, f"second {method}")
        calm.settled()
        assert title(calm, 2) == f"second {method}"
        calm.plex.clear_faults(rule)


def test_an_edit_during_a_backoff_is_looked_at_at_once(calm: Installation) -> None:
    """A scene that waits for its next try is tried again as soon as it is edited."""
    calm.plex.fault("status", method="PUT", status=500, times=1)
    calm.save(3, title="fails once")
    row = wait_for(lambda: next((row for row in calm.rows() if row["due_at"]), None))
    assert row["attempts"] == 1
    assert row["due_at"] > time.time()
    calm.save(3, title="edited meanwhile")
    calm.title_becomes(3, "edited meanwhile", 10)
    calm.settled()


def test_a_backoff_ends_by_itself(stepped: SteppedWorker) -> None:
    """Without any further edit the next try comes by its schedule."""
    stepped.env.stash.set_scene(3, title="by itself")
    stepped.env.plex.fault("status", method="PUT", status=500, times=3)
    stepped.hook(3)
    stepped.drain()
    assert stepped.rows()[3].attempts == 1
    waits = [stepped.wait()]
    stepped.drain()
    waits.append(stepped.wait())
    stepped.settle()
    assert title(stepped.env, 3) == "by itself"
    assert 0 < waits[0] < waits[1]


def test_edits_while_the_queue_waits_end_with_the_last_one(stepped: SteppedWorker) -> None:
    """However often a scene is saved while Plex is away, Plex ends up with what Stash has."""
    written = "SELECT title FROM history WHERE scene = 4"
    before = len(stepped.env.query(written))
    stepped.env.plex.fault("maintenance", times=None)
    for words in ("one", "two", "three"):
        stepped.env.stash.set_scene(4, title=words)
        stepped.hook(4)
        stepped.drain()
    stepped.env.plex.clear_faults()
    stepped.settle()
    assert title(stepped.env, 4) == "three"
    assert stepped.env.query(written)[before:] == [{"title": "three"}]


def test_a_backoff_delays_nobody_else(stepped: SteppedWorker) -> None:
    """One scene that fails again and again does not stand in front of the others."""
    key = stepped.env.item(5)["ratingKey"]
    stepped.env.plex.fault("status", method="PUT", path=f"/{key}[?/]|id={key}", status=500, times=6)
    for scene in (5, 6, 7):
        stepped.env.stash.set_scene(scene, title=f"not delayed {scene}")
    stepped.hook(5, 6, 7)
    stepped.drain()
    assert [title(stepped.env, scene) for scene in (6, 7)] == ["not delayed 6", "not delayed 7"]
    assert set(stepped.rows()) == {5}
    stepped.settle()
    assert title(stepped.env, 5) == "not delayed 5"


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("plex_url", ""),
        ("plex_url", "localhost:32400"),
        ("plex_token", ""),
        ("plex_connect_timeout", -3),
        ("sync_fields", "title, colour"),
        ("path_map", "no arrow here"),
        ("plex_libraries", "No Such Library"),
    ],
)
def test_a_wrong_setting_parks_nothing_and_is_named(
    stepped: SteppedWorker, setting: str, value: Any
) -> None:
    """The queue waits, names the setting, keeps the row untouched, and goes on after the mend."""
    env = stepped.env
    words = f"after mending {setting}"
    env.stash.set_scene(6, title=words)
    env.settings(**{setting: value})
    stepped.hook(6)
    stepped.drain()
    assert stepped.holds()[holds.SETTINGS].setting == setting
    assert shown_name(setting) in stepped.holds()[holds.SETTINGS].message
    row = stepped.rows()[6]
    assert (row.due_at, row.attempts, row.reason) == (0, 0, "")
    assert shown_name(setting) in stepped.notice()
    env.settings()
    stepped.late += 6  # the next look at the settings, not the end of the hold
    stepped.drain()
    assert title(env, 6) == words
    assert stepped.holds() == {}
    assert stepped.notice() == ""


def test_a_mended_setting_goes_on_without_a_restart(calm: Installation) -> None:
    """The same worker goes on by itself; meanwhile the next hook warns, once a minute at most."""
    calm.hook(1)
    calm.settled()
    workers = calm.workers()
    calm.settings(plex_token="")
    calm.stash.set_scene(1, title="waits for the mend")
    calm.hook(1)
    hold = the_hold(calm, "settings")
    assert hold["setting"] == "plex_token"
    a_minute_later(calm)
    said = [calm.hook(scene)["stderr"] for scene in (2, 3, 4)]
    spoken = [line for line in said if line]
    assert len(spoken) == 1
    assert spoken[0].startswith("\x01w\x02")
    assert "Plex Token" in spoken[0]
    assert all(row["attempts"] == 0 for row in calm.rows())
    calm.settings()
    calm.title_becomes(1, "waits for the mend", 20)
    calm.settled()
    assert calm.workers() == workers


def test_a_warning_reaches_stashs_log_through_a_save(calm: Installation) -> None:
    """What waits for a person stands in Stash's own log, at warning level, after a save."""
    calm.settings(plex_url="nonsense")
    calm.hook(1)
    the_hold(calm, "settings")
    before = len(calm.stash.log())
    a_minute_later(calm)
    calm.save(2, title="saved all the same")
    found = [(level, text) for level, text in calm.stash.log()[before:] if "Plex URL" in text]
    assert [level for level, _ in found] == ["warning"]
    calm.settings()
    calm.hook(2)
    calm.settled()


# --- Plex away ---------------------------------------------------------------------------------


def test_plex_in_maintenance_holds_and_releases(calm: Installation) -> None:
    """A 503 of a starting Plex is one state for the whole queue, and ends by itself."""
    calm.plex.fault("maintenance", times=None)
    for scene in (1, 2, 3):
        calm.stash.set_scene(scene, title=f"after maintenance {scene}")
        calm.hook(scene)
    assert the_hold(calm, "plex")["reason"] == "ServerStarting"
    assert {(row["due_at"], row["attempts"]) for row in calm.rows()} == {(0, 0)}
    calm.plex.clear_faults()
    calm.settled()
    assert [title(calm, scene) for scene in (1, 2, 3)] == [
        f"after maintenance {scene}" for scene in (1, 2, 3)
    ]
    assert calm.query("SELECT 1 FROM hold") == []


def test_plex_refusing_connections_costs_one_probe_now_and_then(tmp_path: Any) -> None:
    """While nobody listens at Plex's port nothing is spent; when it is back all is written."""
    port = free_port()
    with installation(tmp_path, scenes=5, plex={"port": port}) as env, step(env) as stepped:
        env.plex.stop()
        stepped.hook(1, 2, 3, 4, 5)
        for _ in range(5):
            stepped.drain()
            stepped.wait()
        assert stepped.holds()[holds.PLEX].reason == "ServerUnreachable"
        assert {(row.due_at, row.attempts) for row in stepped.rows().values()} == {(0, 0)}
        assert "Waiting: 5;" in stepped.notice()
        with start_plex(5, port=port) as back:
            env.plex = PlexControl(env.plex.url, back.token)
            env.settings(plex_token=back.token)
            stepped.settle()
            for scene in range(1, 6):
                shown = back.item_at(catalogue_file(scene).plex_path)["fields"]["title"]
                assert shown == catalogue_scene(scene).title
        assert stepped.notice() == ""


def test_a_refused_token_pauses_and_resumes(calm: Installation) -> None:
    """401 is a setting to mend: nothing is tried in vain, and the mend is noticed by itself."""
    calm.settings(plex_token="wrong-token-of-nobody")
    calm.stash.set_scene(7, title="after the 401")
    calm.plex.clear_requests()
    calm.hook(7)
    hold = the_hold(calm, "settings")
    assert (hold["reason"], hold["setting"]) == ("AuthError", "plex_token")
    asked = len(calm.plex.requests())
    time.sleep(0.5)
    assert len(calm.plex.requests()) == asked
    calm.settings()
    calm.title_becomes(7, "after the 401", 20)
    calm.settled()
    assert "wrong-token-of-nobody" not in calm.log() + calm.crash()
    assert b"wrong-token-of-nobody" not in (calm.data / "plexsync.sqlite").read_bytes()


def test_a_token_that_works_again_is_noticed_without_a_change(stepped: SteppedWorker) -> None:
    """Where the fault was mended on Plex's side, the same settings are tried again in time."""
    rule = stepped.env.plex.fault("status", status=401, times=None)
    stepped.env.stash.set_scene(7, title="plex came to its senses")
    stepped.hook(7)
    stepped.drain()
    assert stepped.holds()[holds.SETTINGS].reason == "AuthError"
    stepped.env.plex.clear_faults(rule)
    stepped.settle()
    assert title(stepped.env, 7) == "plex came to its senses"


# --- Stash away --------------------------------------------------------------------------------


def test_stash_away_holds_and_releases(stepped: SteppedWorker) -> None:
    """While Stash does not answer nothing is lost or spent; its first answer frees the queue."""
    env = stepped.env
    env.stash.set_scene(8, title="after stash came back")
    for action in ("reset_before", "status"):
        rule = env.stash.fault(action, path="/graphql", times=None, status=503)
        stepped.hook(8)
        stepped.drain()
        assert set(stepped.holds()) == {holds.STASH}
        assert (stepped.rows()[8].due_at, stepped.rows()[8].attempts) == (0, 0)
        stepped.wait()
        stepped.drain()
        env.stash.clear_faults(rule)
        stepped.settle()
        assert stepped.holds() == {}
    assert title(env, 8) == "after stash came back"


def test_a_cookie_that_expired_is_replaced_by_the_next_hook(tmp_path: Any) -> None:
    """With a login and no API key an old cookie holds the queue until a hook brings a new one."""
    with installation(tmp_path, scenes=2, stash=LOGIN) as env, step(env) as stepped:
        stepped.hook(1)
        stepped.settle()
        env.stash.set_scene(1, title="with a young cookie")
        env.stash.set_scene(2, title="with a younger one")
        env.stash.options(advance_seconds=2 * 3600)
        stepped.mark(1)
        stepped.drain()
        assert stepped.holds()[holds.STASH].reason == "StashRefused"
        assert stepped.rows()[1].attempts == 0
        stepped.hook(2)
        stepped.drain()
        assert stepped.rows() == {}
        assert title(env, 1) == "with a young cookie"


def test_a_worker_with_the_api_key_outlives_its_cookie(tmp_path: Any) -> None:
    """Where Stash has an API key the worker goes on with it when the cookie has expired."""
    with (
        installation(tmp_path, scenes=2, stash=MODES["login"]) as env,
        step(env) as stepped,
    ):
        stepped.hook(1)
        stepped.settle()
        env.stash.set_scene(1, title="with the key")
        env.stash.options(advance_seconds=2 * 3600)
        stepped.mark(1)
        stepped.drain()
        assert stepped.rows() == {}
        assert title(env, 1) == "with the key"
        assert "the-api-key-of-this-stash" not in env.log()


def test_a_login_changes_nothing_for_a_save(tmp_path: Any) -> None:
    """With a login and an API key set a save reaches Plex like without."""
    with installation(tmp_path, scenes=1, stash=MODES["login"]) as env:
        env.save(1, title="behind a login")
        env.title_becomes(1, "behind a login")
        env.settled()
        assert env.crash() == ""
