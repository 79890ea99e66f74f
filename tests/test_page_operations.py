"""The page's questions, asked as Stash asks them: by runPluginOperation over the real process."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from simulator.control import start_plex
from simulator.library import catalogue_file
from store import ledger, meta
from store.store import Store
from tasks import operation, page
from tasks.task import Task
from tests.installation import Installation, installation, wait_for
from tests.plex_tv import PlexTv
from tests.plex_tv import serving as plex_tv_stand_in
from tests.wire import free_port
from tools import bench_page

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OPERATION = 'mutation($args: Map!){runPluginOperation(plugin_id:"PlexSync",args:$args)}'


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for all tests that leave it as they found it."""
    with installation(tmp_path_factory.mktemp("page"), scenes=6) as found:
        found.run(mode="page_state")  # makes the database, for tests that run alone
        yield found


def ask(env: Installation, mode: str, **arguments: Any) -> Any:
    """Ask as the browser does."""
    reply = env.stash.graphql(OPERATION, args={"mode": mode, **arguments})
    return reply["runPluginOperation"]


def empty(env: Installation) -> None:
    """Take every row out of the queue."""
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("DELETE FROM dirty")
        store.commit()


# --- the state -------------------------------------------------------------------------------


def test_a_fresh_installation_says_that_nothing_happened_yet(tmp_path: Path) -> None:
    """The very first look needs no worker, no settings and no earlier hook."""
    with installation(tmp_path, scenes=1) as fresh:
        state = ask(fresh, "page_state")
        assert state["state"]["kind"] == "new"
        assert state["server"] is None
        assert state["last_look"] is None
        assert not state["worker"]["alive"]
        assert state["history"] == state["groups"] == []


def test_a_synced_scene_shows_in_the_state(env: Installation) -> None:
    """After a save the page knows the server, its libraries, the change field by field."""
    before = time.time()
    env.save(1, title="Shown on the page")
    env.title_becomes(1, "Shown on the page")
    env.settled()
    # Once its rows are gone the worker is busy for a moment longer.
    state = wait_for(lambda: (s := ask(env, "page_state"))["state"]["kind"] != "busy" and s)
    assert state["state"]["kind"] == "partly"  # nothing is known of the other scenes
    assert state["server"]["name"] == "Plex stand-in"
    assert state["server"]["machine"] == env.plex.state()["machineIdentifier"]
    assert state["server"]["url"] == env.plex.url
    assert state["server"]["libraries"]
    assert state["worker"]["alive"]
    assert state["last_look"] >= before - 1
    assert state["rate"] >= 1
    newest = state["history"][0]
    assert newest["scene"] == 1
    assert newest["changes"][0][0::2] == ["title", "Shown on the page"]


def test_a_long_value_is_cut_in_the_history(env: Installation) -> None:
    """A summary of ten thousand letters does not travel to the browser with every look."""
    env.save(2, details="x" * 10_000)
    wait_for(lambda: env.item(2)["fields"].get("summary") == "x" * 10_000)
    env.settled()
    changes = [one["changes"] for one in ask(env, "page_state")["history"] if one["scene"] == 2]
    values = {name: after for name, _, after in changes[0]}
    assert len(values["summary"]) == 300


def test_a_scene_never_says_that_it_is_in_step_where_something_is_kept(env: Installation) -> None:
    """A person's title stays in Plex: the tab says so, after this look and after any later one."""
    env.save(5, title="Stash's own", details="Stash's words")
    env.title_becomes(5, "Stash's own")
    env.settled()
    env.plex.person_sets(env.item(5)["ratingKey"], fields={"title": "A person's"})
    for details in ("Words", "More words", "Yet more words"):
        env.save(5, details=details)
        env.settled()
        assert env.item(5)["fields"]["summary"] == details
        state = ask(env, "scene_state", id=5)["state"]
        assert state["kind"] == "kept"
        assert "title" in state["sentence"]
        assert "Plex shows what Stash has" not in state["sentence"]
    env.save(5, title="Changed in Stash, too")
    env.title_becomes(5, "Changed in Stash, too")
    env.settled()
    assert ask(env, "scene_state", id=5)["state"]["kind"] == "good"


def test_the_page_does_not_say_in_step_where_a_cover_was_refused(env: Installation) -> None:
    """A proxy that takes no picture of this size: the page counts the scenes and names them."""
    env.run(mode="sync_all")
    assert ask(env, "page_state")["state"]["kind"] == "good"
    env.plex.fault("status", method="POST", path="/posters", status=413, times=None)
    env.stash.set_scene(1, cover="new:too large")
    env.stash.set_scene(3, cover="new:too large as well")
    env.run(mode="sync_all")
    env.plex.clear_faults()
    found = ask(env, "page_state")
    assert (found["state"]["kind"], found["refused"]) == ("except", 2)
    assert "Plex could not take the covers of 2 scenes." in found["state"]["sentence"]
    assert ask(env, "page_refused") == {"scenes": [1, 3], "next": None}
    assert ask(env, "page_refused", limit=1) == {"scenes": [1], "next": 1}
    assert ask(env, "page_refused", limit=1, after=1) == {"scenes": [3], "next": 3}
    env.settings(sync_fields="title")  # whoever wants no covers misses none
    env.run(mode="sync_all")
    assert ask(env, "page_state")["refused"] == 0
    env.settings()
    for scene in (1, 3):
        env.stash.set_scene(scene, cover=f"new:small {scene}")
    env.run(mode="sync_all")
    found = ask(env, "page_state")
    assert (found["state"]["kind"], found["refused"]) == ("good", 0)


def test_a_scene_says_that_it_is_in_step_and_names_its_item(env: Installation) -> None:
    """The scene page gets what it needs to link to the item in Plex."""
    env.save(3, title="Linked")
    env.title_becomes(3, "Linked")
    env.settled()
    answer = ask(env, "scene_state", id="3")
    assert answer["state"]["kind"] == "good"
    assert [item["rating_key"] for item in answer["items"]] == [int(env.item(3)["ratingKey"])]
    assert answer["server"]["machine"] == env.plex.state()["machineIdentifier"]


def test_a_scene_nobody_looked_at_says_so(env: Installation) -> None:
    """An unknown scene, and no id at all, are answers and not errors."""
    assert ask(env, "scene_state", id=4711)["state"]["kind"] == "unknown"
    assert ask(env, "scene_state")["state"]["kind"] == "unknown"


def test_sync_now_marks_the_scene_and_wakes_the_worker(env: Installation) -> None:
    """The button does what a save would have done."""
    env.stash.set_scene(4, title="Without a hook")
    assert ask(env, "sync_scene", id=4)["scenes"] == 1
    env.title_becomes(4, "Without a hook")
    env.settled()


# --- what waits ------------------------------------------------------------------------------


def test_a_missing_file_waits_in_its_group_until_retried(env: Installation) -> None:
    """A scene that Plex does not have is grouped with its reason, and Retry looks again."""
    number = env.stash.add_scene("/stash/media/new/late.mp4", title="Late")
    env.stash.hook("Scene.Create.Post", number)
    wait_for(lambda: ask(env, "page_state")["queue"]["waiting"])
    state = ask(env, "page_state")
    assert state["state"]["kind"] == "waiting"
    group = state["groups"][0]
    assert (group["reason"], group["size"], group["parked"]) == ("NotInPlexYet", 1, 0)
    assert group["first"] == [["scene", number]]
    assert "Path Map" in group["advice"]
    assert ask(env, "scene_state", id=number)["state"]["kind"] == "waiting"
    page = ask(env, "page_scenes", reason="NotInPlexYet")
    assert [one["id"] for one in page["scenes"]] == [number]
    env.plex.add_item("/plex/media/new/late.mp4")
    assert ask(env, "retry", id=number)["scenes"] == 1
    wait_for(lambda: env.plex.item_at("/plex/media/new/late.mp4")["fields"]["title"] == "Late")
    env.settled()


def test_retry_takes_one_or_a_reason_or_all(env: Installation) -> None:
    """What is retried becomes due at once; a retry of nothing touches nothing."""
    env.kill_workers()
    later = time.time() + 3600
    parked = [(90_001, None, "RejectedEdit", "a"), (90_002, None, "RejectedEdit", "b")]
    waiting = [(90_003, later, "ServerError", "c"), (90_004, later, "ServerError", "d")]
    env.fill([*parked, *waiting])
    assert ask(env, "page_state")["state"]["kind"] == "attention"
    assert ask(env, "retry")["scenes"] == 0
    assert ask(env, "retry", id="90001")["scenes"] == 1
    assert ask(env, "retry", reason="ServerError")["scenes"] == 2
    # The worker that Retry started finds that Stash has no such scenes, and forgets them.
    assert ask(env, "retry", all=True)["scenes"] == 1
    env.settled()


def test_pages_of_a_reason_follow_one_another_without_gap_or_repeat(env: Installation) -> None:
    """Parked ones come first, then by their next look; the last page says that it is the last."""
    later = time.time() + 3600
    parked = [(91_000 + n, None, "RejectedEdit", "x") for n in range(7)]
    waiting = [(92_000 + n, later + 7 - n, "RejectedEdit", "x") for n in range(7)]
    env.fill([*parked, *waiting])
    seen, after = [], None
    for _ in range(4):
        page = ask(env, "page_scenes", reason="RejectedEdit", limit=5, after=after)
        seen += [one["id"] for one in page["scenes"]]
        after = page["next"]
        if after is None:
            break
    assert after is None
    assert seen == [row[0] for row in parked] + [row[0] for row in reversed(waiting)]
    empty(env)


@pytest.mark.parametrize("after", ["x", [1], [None, 3, "y"], {"a": 1}, [None, "scene", 10**30]])
def test_a_senseless_cursor_starts_at_the_beginning(env: Installation, after: Any) -> None:
    """Whatever a browser sends, the answer is a page."""
    assert ask(env, "page_scenes", reason="None", after=after, limit="many")["scenes"] == []


# --- quick, small and quiet ------------------------------------------------------------------


def test_a_look_at_100_000_scenes_stays_small_and_quick(env: Installation) -> None:
    """Only groups cross the wire, and a look costs little more than one at an empty queue."""
    env.kill_workers()

    def seconds() -> float:
        taken = []
        for _ in range(7):
            start = time.perf_counter()
            env.run(mode="page_state")
            taken.append(time.perf_counter() - start)
        return min(taken)

    of_none = seconds()
    later = time.time() + 3600
    env.fill([(200_000 + n, later + n, "NotInPlexYet", "no item " * 10) for n in range(100_000)])
    answer = env.run(mode="page_state")["output"]
    assert answer["queue"]["waiting"] == 100_000
    assert len(json.dumps(answer)) < 20_000
    assert seconds() <= 4 * of_none  # what a busy machine adds to one of the two must not decide
    empty(env)


def test_no_look_walks_the_whole_ledger(tmp_path: Path) -> None:
    """Each look takes about as many of SQLite's steps with 2,000 scenes as with 20."""

    def steps(scenes: int) -> dict[str, int]:
        with contextlib.closing(Store(str(tmp_path / str(scenes)))) as store:
            bench_page.fill(store, scenes)
            counted: list[None] = []
            found = {}
            store.connection.set_progress_handler(lambda: counted.append(None), 10)
            for mode in sorted(bench_page.OPERATIONS.keys() & page.READS.keys() - {"page_state"}):
                counted.clear()
                arguments = {**bench_page.OPERATIONS[mode], "id": 1_010, "limit": 3}
                page.READS[mode](Task(store, "", arguments))
                found[mode] = len(counted)
        return found

    few, many = steps(20), steps(2_000)
    assert {mode: many[mode] for mode in few if many[mode] > 3 * few[mode] + 60} == {}


def test_nothing_is_asked_about_what_was_put_right_and_no_more_is_compared_than_there_is(
    tmp_path: Path,
) -> None:
    """Both are as of an earlier moment: the question until the worker rests, the count of Stash."""
    task = Task(Store(str(tmp_path)), "", {})
    with task.store.transaction() as connection:
        meta.put(connection, meta.BRAKE, {"at": 1.0, "scenes": 1, "text": "Take away?"})
        meta.put(connection, meta.SWEEP, {"scene": {"count": 2}})
        seen = ledger.SceneRecord(0, "", "", "", "", 0.0, "unchanged", "", 1.0, 0.0)
        ledger.record_scenes(connection, [(seen._replace(id=one), []) for one in (1, 2, 3)])
    state = page.page_state(task)
    assert state["question"] is None
    assert state["state"]["kind"] == "good"
    assert (state["known"]["compared"], state["known"]["total"]) == (3, 3)
    task.close()


def test_a_look_does_not_wait_for_a_writer(env: Installation) -> None:
    """While somebody holds the write lock, the page still answers."""
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("BEGIN IMMEDIATE")
        for mode in ("page_state", "page_scenes", "scene_state"):
            assert "output" in env.run(mode=mode)
        store.rollback()


def test_no_answer_holds_a_secret(env: Installation) -> None:
    """Neither the token nor Stash's cookie is in any answer, not even in that of a failing test."""
    cookie = json.loads(env.query("SELECT value FROM meta WHERE key = 'connection'")[0]["value"])
    secrets = [env.plex.token, cookie["SessionCookie"]["Value"]]
    wrong = {"plex_url": env.plex.url, "plex_token": "Canary-" + "7" * 20}
    answers = [
        ask(env, "page_state"),
        ask(env, "scene_state", id=1),
        ask(env, "test_connection"),
        ask(env, "test_connection", settings=wrong),
        ask(env, "libraries"),
    ]
    for secret in [*secrets, wrong["plex_token"]]:
        assert secret not in json.dumps(answers)


def test_an_unknown_mode_is_refused_in_words(env: Installation) -> None:
    """A mode that does not exist is an error with a sentence, and so is none at all."""
    assert "knows no task" in env.run(mode="page_stats")["error"]
    assert "knows no task" in env.run(mode=["page_state"])["error"]


# --- settings that test themselves -----------------------------------------------------------


def good(env: Installation, **changes: Any) -> dict[str, Any]:
    """Settings that work, with changes."""
    return {
        "plex_url": env.plex.url,
        "plex_token": env.plex.token,
        "path_map": "/stash/media => /plex/media",
        **changes,
    }


def test_good_settings_are_confirmed_before_they_are_saved(env: Installation) -> None:
    """The settings come with the question; what is saved plays no part."""
    env.settings(plex_token="nonsense-token")
    answer = ask(env, "test_connection", settings=good(env))
    env.settings()
    assert answer["ok"]
    assert answer["server"] == "Plex stand-in"
    assert "in Plex already" in answer["message"]


def test_a_test_changes_nothing_but_its_own_answer(env: Installation) -> None:
    """Another server is tried, found well, and not taken for the one that the page shows."""
    env.save(1, title="Known to the page")
    env.title_becomes(1, "Known to the page")
    env.at_rest()
    tables = ("hold", "item", "scene", "part", "part_cursor", "history", "dirty")

    def kept() -> dict[str, Any]:
        found: dict[str, Any] = {name: env.query(f"SELECT * FROM {name}") for name in tables}
        # Which way Stash can be reached is brought by whoever asks, whatever is asked.
        query = "SELECT * FROM meta WHERE key NOT IN ('connection', 'sweep', 'round', 'backup')"
        return {**found, "meta": env.query(query)}

    before, shown = kept(), ask(env, "page_state")["server"]
    assert ask(env, "scene_state", id=1)["items"]
    with start_plex(6, name="Another Plex", machine_id="1" * 40) as other:
        mine = good(env, plex_url=other.url, plex_token=other.token)
        answer = ask(env, "test_connection", settings=mine)
        assert (answer["ok"], answer["server"]) == (True, "Another Plex")
        assert ask(env, "libraries", settings=mine)["ok"]
    assert not ask(env, "test_connection", settings=good(env, plex_token="wrong-1234"))["ok"]
    assert ask(env, "page_state")["server"] == shown
    assert ask(env, "scene_state", id=1)["items"]
    assert kept() == before


def test_each_fault_names_its_setting(env: Installation) -> None:
    """The one setting to mend is named, with words that say how."""
    nobody = free_port()
    folder_below = "/nowhere => /else"
    table: list[tuple[dict[str, Any], str, str]] = [
        ({"plex_url": ""}, "plex_url", "Enter the address"),
        ({"plex_token": ""}, "plex_token", "Enter the X-Plex-Token"),
        ({"plex_url": "plex:32400"}, "plex_url", "http"),
        ({"plex_url": f"http://127.0.0.1:{nobody}"}, "plex_url", "container"),
        ({"plex_url": "http://plex.invalid:32400"}, "plex_url", "not known"),
        (
            {"plex_url": env.plex.url.replace("http:", "https:"), "plex_read_timeout": 1},
            "plex_url",
            "begin with http://",
        ),
        ({"plex_token": "wrong-token-1234"}, "plex_token", "does not accept the token"),
        ({"plex_token": env.plex.shared_token}, "plex_token", "owner"),
        ({"plex_libraries": "Nowhere"}, "plex_libraries", "Nowhere"),
        ({"path_map": folder_below}, "path_map", "/stash/media"),
    ]
    for changes, setting, words in table:
        answer = ask(env, "test_connection", settings=good(env, **changes))
        assert not answer["ok"], changes
        assert (answer["setting"], words in answer["message"]) == (setting, True), answer
        # Nothing waits for settings that are only being tried.
        assert "all scenes" not in answer["message"]


def test_each_setting_at_fault_has_its_own_words(env: Installation) -> None:
    """Two empty settings are two faults, so that each can be shown at its field."""
    answer = ask(env, "test_connection", settings=good(env, plex_url="", plex_token=""))
    assert [one["setting"] for one in answer["faults"]] == ["plex_url", "plex_token"]
    assert all(one["message"].startswith("Enter ") for one in answer["faults"])


def test_paths_that_do_not_meet_come_with_the_rule_that_mends_them(env: Installation) -> None:
    """The rule is found by the files' names, and with it the same test succeeds."""
    answer = ask(env, "test_connection", settings=good(env, path_map=""))
    assert answer["setting"] == "path_map"
    assert answer["rule"]
    assert answer["rule"] in answer["message"]
    again = ask(env, "test_connection", settings=good(env, path_map=answer["rule"]))
    assert again["ok"], again


def test_the_libraries_come_with_their_folders(env: Installation) -> None:
    """The panel shows names to tick, whatever the saved names are."""
    answer = ask(env, "libraries", settings=good(env, plex_libraries="Gone"))
    assert answer["ok"]
    assert answer["libraries"][0]["folders"] == ["/plex/media"]
    refused = ask(env, "libraries", settings=good(env, plex_token="wrong-token-1234"))
    assert (refused["ok"], refused["setting"]) == (False, "plex_token")


# --- tasks ---------------------------------------------------------------------------------


def test_the_page_knows_how_the_last_task_ended(env: Installation) -> None:
    """Stash calls a task that failed finished; the page has its words, for good or ill."""
    env.settings(plex_token="")
    assert "error" in env.run(mode="preview")
    failed = ask(env, "page_state")["task"]
    env.settings()
    assert (failed["name"], failed["ok"]) == ("Preview sync", False)
    assert "Plex Token" in failed["text"]
    assert "output" in env.run(mode="preview")
    done = ask(env, "page_state")["task"]
    assert (done["ok"], "Nothing was written" in done["text"]) == (True, True)
    assert done["at"] > failed["at"]
    ask(env, "retry", all=True)
    assert ask(env, "page_state")["task"] == done


def test_the_names_of_tasks_are_those_of_the_manifest() -> None:
    """What the page calls a task is what Stash's task page calls it."""
    manifest = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
    assert {
        task["defaultArgs"]["mode"]: task["name"] for task in manifest["tasks"]
    } == operation.TASKS


# --- sign in ---------------------------------------------------------------------------------


@pytest.fixture
def plex_tv(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[PlexTv]]:
    """A stand-in for plex.tv, which the plugin processes started here speak to."""
    with plex_tv_stand_in() as made:
        monkeypatch.setenv("PLEXSYNC_PLEX_TV", made.address)
        yield made


def test_a_token_comes_once_the_code_was_entered(env: Installation, plex_tv: type[PlexTv]) -> None:
    """Two processes share one sign-in: the code first, the token only to its own panel."""
    started = env.run(mode="plex_pin_start")["output"]
    assert (started["ok"], started["code"]) == (True, "ABCD")
    assert started["link"] == "https://plex.tv/link"
    assert env.run(mode="plex_pin_check")["output"] == {"state": "waiting"}
    plex_tv.token = "fresh-token"
    done = env.run(mode="plex_pin_check")["output"]
    assert done == {"state": "done", "token": "fresh-token"}
    assert env.run(mode="plex_pin_check")["output"] == {"state": "expired"}
    assert {path for _, path, _ in plex_tv.seen} == {"/api/v2/pins", "/api/v2/pins/4711"}
    assert len({identifier for *_, identifier in plex_tv.seen}) == 1
    assert "fresh-token" not in env.log()
    store = (env.data / "plexsync.sqlite").read_bytes()
    wal = env.data / "plexsync.sqlite-wal"
    assert b"fresh-token" not in store + (wal.read_bytes() if wal.exists() else b"")


def test_a_sign_in_uses_the_proxy_and_never_the_netrc(
    env: Installation, plex_tv: type[PlexTv], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Out to the internet the environment's proxy may be the only way; .netrc is none of ours."""
    proxied: list[tuple[str, dict[str, str]]] = []

    class Proxy(PlexTv):
        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            proxied.append((self.path, {name.lower(): v for name, v in self.headers.items()}))
            super().do_POST()

        do_GET = do_POST  # noqa: N815 - http.server's name

    (tmp_path / ".netrc").write_text(
        "machine plex.test\nlogin me\npassword canary\ndefault login me password canary\n"
    )
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PLEXSYNC_PLEX_TV", "http://plex.test")
    with plex_tv_stand_in(Proxy) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.address)
        assert env.run(mode="plex_pin_start")["output"]["code"] == "ABCD"
        assert env.run(mode="plex_pin_check")["output"] == {"state": "waiting"}
        assert [place for place, _ in proxied] == [
            "http://plex.test/api/v2/pins",
            "http://plex.test/api/v2/pins/4711",
        ]
        assert not any("authorization" in headers for _, headers in proxied)
        # A machine that reaches plex.tv itself says so, and is heard.
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PLEXSYNC_PLEX_TV", plex_tv.address)
        assert env.run(mode="plex_pin_start")["output"]["code"] == "ABCD"
        assert len(proxied) == 2
        assert plex_tv.seen


def test_a_code_that_plex_tv_forgot_has_expired(env: Installation, plex_tv: type[PlexTv]) -> None:
    """The panel is told to begin anew; an error of plex.tv's own is about one look only."""
    env.run(mode="plex_pin_start")
    plex_tv.status = 500
    failed = env.run(mode="plex_pin_check")["output"]
    assert (failed["state"], "plex.tv" in failed["message"]) == ("failed", True)
    plex_tv.status = 404
    assert env.run(mode="plex_pin_check")["output"] == {"state": "expired"}
    plex_tv.status, plex_tv.token = 200, "fresh-token"
    assert env.run(mode="plex_pin_check")["output"]["state"] == "done"


def test_a_code_is_not_asked_about_after_its_life(env: Installation, plex_tv: type[PlexTv]) -> None:
    """A quarter of an hour later the code has expired, and plex.tv is left in peace."""
    env.run(mode="plex_pin_start")
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        (text,) = store.execute("SELECT value FROM meta WHERE key = 'sign_in'").fetchone()
        kept = {**json.loads(text), "at": time.time() - 901}
        store.execute("UPDATE meta SET value = ? WHERE key = 'sign_in'", (json.dumps(kept),))
        store.commit()
    assert env.run(mode="plex_pin_check")["output"] == {"state": "expired"}
    assert [command for command, *_ in plex_tv.seen] == ["POST"]


def test_a_sign_in_without_the_internet_says_so(
    env: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The panel gets a sentence, and nothing of what the libraries said."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    for address in (f"http://127.0.0.1:{free_port()}", "http://plex-tv.invalid"):
        monkeypatch.setenv("PLEXSYNC_PLEX_TV", address)
        answer = env.run(mode="plex_pin_start")["output"]
        assert not answer["ok"]
        assert answer["message"].startswith("Stash's machine does not reach plex.tv")
        assert "enter a token by hand" in answer["message"]
        assert address not in answer["message"]


def test_the_catalogue_agrees_with_the_paths_used_here() -> None:
    """The tests above rely on where the stand-ins keep their files."""
    assert catalogue_file(1).plex_path.startswith("/plex/media/")
