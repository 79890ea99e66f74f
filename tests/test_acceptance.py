"""The bar that the closest comparable plugin fails, point by point; each test names its point.

Left out here: what is about the path index (8, 10 and half of 9), settings with
defaults (14, replaced by the rule that a wrong setting makes the queue wait) and
releases (15).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import catalogue_file, catalogue_scene
from simulator.stash.host import PluginHost
from store import holds, ledger, schema
from store.enqueue import enqueue
from tests.installation import installation, shared_installation, wait_for
from tests.plugin_process import COMMAND, RECORDED, marked, no_worker, payload, recorded
from tests.plugin_process import run as run_hook
from tests.stepped_worker import SteppedWorker, settled_worker

if TYPE_CHECKING:
    from pathlib import Path

    from tests.installation import Installation


env = shared_installation(12)
stepped = settled_worker


def shown(env: Installation, scene: int) -> dict[str, Any]:
    """Give the fields that Plex shows."""
    return dict(env.item(scene)["fields"])


# --- 1: the hook -------------------------------------------------------------------------------


def best_of(command: list[str], stdin: bytes) -> float:
    """Give the seconds of one run of a process."""
    began = time.perf_counter()
    subprocess.run(command, input=stdin, capture_output=True, check=True)
    return time.perf_counter() - began


def test_point_1_the_hook_costs_hardly_more_than_python_itself(tmp_path: Path) -> None:
    """The fastest hook of ten against the fastest bare start of ten, taken in turns."""
    bare = [sys.executable, "-c", "import json, sqlite3"]
    with no_worker(tmp_path):
        run_hook(payload(tmp_path))
        pairs = [(best_of(COMMAND, payload(tmp_path)), best_of(bare, b"")) for _ in range(10)]
    hook, python = (min(column) for column in zip(*pairs, strict=True))
    # The benchmark holds it to 1.2 on a quiet machine; here others run beside us.
    assert hook < 2.5 * python


def test_point_1_a_hundred_hooks_lose_nothing_with_both_servers_dead(tmp_path: Path) -> None:
    """Concurrent hooks need neither Stash nor Plex to be there, and none is lost."""
    with no_worker(tmp_path), ThreadPoolExecutor(32) as pool:
        stdins = [payload(tmp_path, number) for number in range(1, 101)]
        answers = list(pool.map(run_hook, stdins))
        assert [one for one in answers if "error" in one] == []
        assert marked(tmp_path) == {("scene", number) for number in range(1, 101)}


@pytest.mark.parametrize(
    "name",
    [
        "bulkSceneUpdate.1-Scene.Update.Post",
        "scenesUpdate.1-Scene.Update.Post",
        "rescan-moved-file.1-Scene.Update.Post",
        "scan.1-Scene.Create.Post",
    ],
)
def test_point_1_every_shape_of_input_is_accepted(tmp_path: Path, name: str) -> None:
    """Bulk, list-valued and null input are all understood."""
    assert (RECORDED / f"{name}.json").exists()
    with no_worker(tmp_path):
        assert run_hook(json.dumps(recorded(name, tmp_path)).encode())["output"]


# --- 2 and 3: one row, and what is pushed -----------------------------------------------------


def test_point_2_any_edit_at_any_time_ends_with_plex_as_stash(env: Installation) -> None:
    """A stream of edits at all sorts of moments, with faults in between: the last word wins."""
    env.settings()
    with contextlib.suppress(AssertionError):
        env.settled(5)
    env.plex.fault("status", method="PUT", status=500, nth=2, times=2)
    env.plex.fault("reset_after", method="PUT", nth=3, times=1)
    env.plex.fault("delay", method="GET", seconds=0.2, nth=4, times=3)
    for number in range(12):
        env.save(1 + number % 3, title=f"word {number}")
        time.sleep(0.03 * (number % 4))
    env.plex.clear_faults()
    for scene, words in ((1, "word 9"), (2, "word 10"), (3, "word 11")):
        env.save(scene, title=words)
        env.title_becomes(scene, words)
    env.settled()
    assert [shown(env, scene)["title"] for scene in (1, 2, 3)] == ["word 9", "word 10", "word 11"]


def test_point_3_values_come_from_stash_not_from_the_hook(stepped: SteppedWorker) -> None:
    """A null-filled hook input, as a rating-only edit brings, wipes nothing in Plex."""
    env = stepped.env
    env.stash.set_scene(4, title="From Stash", details="Words", date="2021-03-04")
    nulls = {"id": "4", "title": None, "details": None, "date": None, "rating100": 60}
    env.hook(4, input=nulls, inputFields=["id", "rating100"])
    stepped.settle()
    fields = shown(env, 4)
    assert fields["title"] == "From Stash"
    assert fields["summary"] == "Words"
    assert fields["originallyAvailableAt"] == "2021-03-04"


def test_point_3_the_scene_is_read_again_for_each_try(stepped: SteppedWorker) -> None:
    """What a retry pushes is what Stash has then, not what it had at the first try."""
    env = stepped.env
    env.stash.set_scene(4, title="stale")
    env.plex.fault("status", method="PUT", status=500, times=1)
    stepped.hook(4)
    stepped.drain()
    env.stash.set_scene(4, title="fresh")
    stepped.settle()
    assert shown(env, 4)["title"] == "fresh"


def test_point_3_what_is_recorded_is_the_scenes_own_stamp(stepped: SteppedWorker) -> None:
    """The ledger keeps the updated_at that was pushed, so a later edit is never "synced"."""
    stepped.hook(4)
    stepped.settle()
    (record,) = stepped.env.query("SELECT updated_at FROM scene WHERE id = 4")
    assert record["updated_at"] == stepped.env.stash.scene(4)["updated_at"]


# --- 4 and 5: kills and wake-ups ---------------------------------------------------------------


def test_point_4_a_kill_at_every_request_converges(tmp_path: Path) -> None:
    """SIGKILL while each request of a first look hangs: one more hook brings all in step."""
    with installation(tmp_path, scenes=8) as env:
        env.hook(8)
        env.settled()
        env.kill_workers()
        for nth in range(1, 8):
            env.plex.clear_requests()
            env.stash.set_scene(nth, title=f"killed at {nth}")
            env.plex.fault("hang_headers", nth=nth, times=1, seconds=60)
            env.hook(nth)
            wait_for(lambda: env.plex.faults()[-1]["hits"] or not env.rows())
            killed = bool(env.plex.faults()[-1]["hits"])
            env.kill_workers()
            env.plex.clear_faults()
            wait_for(lambda: not env.worker_lives())
            env.hook(nth)
            env.settled()
            assert shown(env, nth)["title"] == f"killed at {nth}"
            puts = [one for one in env.plex.requests() if one["method"] == "PUT"]
            assert len(puts) <= 2
            env.kill_workers()
            wait_for(lambda: not env.worker_lives())
            if not killed:
                break
        assert nth > 3


def test_point_4_a_lost_answer_is_not_a_second_opinion(stepped: SteppedWorker) -> None:
    """A write that arrived although its answer did not leaves tags that are still ours."""
    env = stepped.env
    scene = catalogue_scene(5)
    stepped.hook(5)
    stepped.settle()
    extra = env.stash.add_entity("tag", "Only for a moment")
    ids = [str(tag) for tag in env.stash.scene(5)["tags"]]
    env.stash.set_scene(5, tag_ids=[*ids, str(extra)])
    env.plex.fault("reset_after", method="PUT", times=1)
    stepped.hook(5)
    stepped.drain()
    assert "Only for a moment" in env.item(5)["tags"]["genre"]
    env.stash.set_scene(5, tag_ids=ids)
    stepped.hook(5)
    stepped.settle()
    assert set(env.item(5)["tags"]["genre"]) == set(scene.tags)


def test_point_5_every_hook_leads_to_a_look(env: Installation) -> None:
    """Whether a worker lives, dies or was killed: the next hook has its scene looked at."""
    env.settings()
    for number in range(4):
        if number % 2:
            env.kill_workers()
            wait_for(lambda: not env.worker_lives())
        env.save(6, title=f"looked at {number}")
        env.title_becomes(6, f"looked at {number}")


# --- 6 and 7: faults ---------------------------------------------------------------------------

CALLS: dict[str, dict[str, Any]] = {
    "sections": {"method": "GET", "path": r"^/library/sections(\?|$)"},
    "lookup": {"method": "GET", "path": r"^/library/sections/\d+/all"},
    "item": {"method": "GET", "path": r"^/library/metadata/"},
    "write": {"method": "PUT", "path": ""},
}
FAULTS: dict[str, dict[str, Any]] = {
    "refused while open": {"action": "reset_before"},
    "answer lost": {"action": "reset_after"},
    "cut off": {"action": "truncate"},
    "login page": {"action": "html200"},
    "maintenance": {"action": "maintenance"},
    "redirect": {"action": "redirect", "location": "https://elsewhere.invalid/login"},
    **{
        str(status): {"action": "status", "status": status}
        for status in (401, 403, 408, 429, 500, 502, 503, 504, 520)
    },
}


@pytest.mark.parametrize("libraries", ["", "Scenes"])
@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_point_6_no_fault_at_any_call_site_loses_a_scene(
    stepped: SteppedWorker, fault: str, libraries: str
) -> None:
    """A fault at each call, with libraries named and not: afterwards all is in step, no button."""
    env = stepped.env
    env.settings(plex_libraries=libraries)
    for number, (site, match) in enumerate(CALLS.items()):
        if (fault, site) == ("cut off", "write"):
            continue  # there the answer is empty, and nothing of it can be missing
        scene = 7 + number % 3
        # A first look, so that every call is made.
        with stepped.resident.store.transaction() as connection:
            ledger.forget_scene(connection, scene)
        stepped.resident.worker.context.forget_plex()
        words = f"{fault}, {site}, {libraries or 'all'}"
        env.stash.set_scene(scene, title=words)
        env.plex.person_sets(env.item(scene)["ratingKey"], unlock=["title"])
        env.plex.fault(**match, **FAULTS[fault], times=None)
        stepped.hook(scene)
        stepped.drain()
        assert env.plex.faults()[-1]["hits"], site
        held = set(stepped.holds())
        row = stepped.rows()[scene]
        assert held or row.due_at, (site, row)
        assert (row.attempts == 0) == bool(held), (site, row)
        env.plex.clear_faults()
        stepped.settle()
        assert shown(env, scene)["title"] == words, site


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9", "http://plex.invalid:32400", "https://127.0.0.1:9"]
)
def test_point_6_an_outage_of_any_length_needs_no_button(stepped: SteppedWorker, url: str) -> None:
    """Refused, no such name: a week of it spends nothing, and its end is noticed."""
    env = stepped.env
    stepped.hook(10)
    stepped.settle()
    env.stash.set_scene(10, title=f"after {url}")
    env.settings(plex_url=url)
    stepped.hook(10)
    stepped.drain()
    for _ in range(6):
        stepped.late += 86400
        stepped.drain()
    assert stepped.holds()
    assert stepped.rows()[10].attempts == 0
    env.settings()
    stepped.settle()
    assert shown(env, 10)["title"] == f"after {url}"


@pytest.mark.parametrize(
    ("wrong", "setting"),
    [
        ({"plex_token": "a-token-that-was-revoked"}, "plex_token"),
        ({"plex_libraries": "Gone Library"}, "plex_libraries"),
    ],
)
def test_point_7_a_fault_of_the_settings_pauses_all_and_touches_none(
    stepped: SteppedWorker, wrong: dict[str, Any], setting: str
) -> None:
    """One clear error, no job touched, a few looks and no edit, and on with the mend."""
    env = stepped.env
    before = env.log().count("(the queue waits)")
    env.settings(**wrong)
    for scene in (1, 2, 3):
        env.stash.set_scene(scene, title=f"{setting} {scene}")
    stepped.hook(1, 2, 3)
    stepped.drain()
    assert stepped.holds()[holds.SETTINGS].setting == setting
    assert {(row.due_at, row.attempts) for row in stepped.rows().values()} == {(0, 0)}
    assert len(stepped.rows()) == 3
    env.plex.clear_requests()
    for _ in range(3):
        stepped.late += 6
        stepped.drain()
    asked = env.plex.requests()
    assert len(asked) <= 6
    assert {one["method"] for one in asked} <= {"GET"}
    assert {(row.due_at, row.attempts) for row in stepped.rows().values()} == {(0, 0)}
    assert env.log().count("(the queue waits)") == before + 1
    env.settings()
    stepped.late += 6
    stepped.drain()
    assert stepped.rows() == {}
    assert [shown(env, n)["title"] for n in (1, 2, 3)] == [f"{setting} {n}" for n in (1, 2, 3)]


# --- 9: the right item -------------------------------------------------------------------------


def test_point_9_the_same_base_name_in_two_folders_is_two_items(stepped: SteppedWorker) -> None:
    """Each scene's words go to the item with its whole path, whichever was there first."""
    env = stepped.env
    for folder in ("one", "two"):
        env.plex.add_item(f"/plex/media/{folder}/Same name.mp4")
    first = env.stash.add_scene("/stash/media/one/Same name.mp4", title="In folder one")
    only_there = env.stash.add_scene("/stash/media/three/Same name.mp4", title="In folder three")
    stepped.hook(first, only_there)
    stepped.drain()
    titles = {
        folder: env.plex.item_at(f"/plex/media/{folder}/Same name.mp4")["fields"].get("title")
        for folder in ("one", "two")
    }
    assert titles == {"one": "In folder one", "two": "Same name"}
    assert stepped.rows()[only_there].reason == "NotInPlexYet"
    env.stash.delete_scene(only_there)
    stepped.settle()


def test_point_9_every_file_and_every_library_is_updated(stepped: SteppedWorker) -> None:
    """A scene with two files, one of which two libraries hold, is written to all three items."""
    env = stepped.env
    scene = env.stash.add_scene("/stash/media/m/a.mp4", "/stash/media/m/b.mp4", title="Many")
    second = env.plex.add_section("other", "Second", ["/plex/media/m"])
    keys = [
        env.plex.add_item("/plex/media/m/a.mp4")["ratingKey"],
        env.plex.add_item("/plex/media/m/b.mp4")["ratingKey"],
        env.plex.add_item("/plex/media/m/a.mp4", section=second)["ratingKey"],
    ]
    stepped.resident.worker.context.forget_plex()  # its list of libraries is not read at every edit
    stepped.hook(scene)
    stepped.settle()
    assert [env.plex.item(key)["fields"]["title"] for key in keys] == ["Many"] * 3


def test_point_9_a_remembered_item_is_verified_by_its_path(stepped: SteppedWorker) -> None:
    """An item that holds another file by now is not the scene's any more."""
    env = stepped.env
    stepped.hook(11)
    stepped.settle()
    old = env.item(11)["ratingKey"]
    path = catalogue_file(11).plex_path
    env.plex.person_sets(old, files=[{"path": "/plex/media/quite/another.mp4"}])
    new = env.plex.add_item(path)["ratingKey"]
    before = env.plex.item(old)["fields"]["title"]
    env.stash.set_scene(11, title="On the new item")
    stepped.hook(11)
    stepped.settle()
    assert env.plex.item(new)["fields"]["title"] == "On the new item"
    assert env.plex.item(old)["fields"]["title"] == before


# --- 11 and 12: what is written ----------------------------------------------------------------


def test_point_11_what_is_written_is_locked_and_what_is_cleared_is_cleared(
    stepped: SteppedWorker,
) -> None:
    """Locks keep an agent's refresh off; an emptied field is empty; a removed tag is removed."""
    env = stepped.env
    tags = env.stash.scene(12)["tags"]
    names = catalogue_scene(12).tags
    env.stash.set_scene(12, title="Ours", details="To be cleared", date="2019-01-02")
    stepped.hook(12)
    stepped.settle()
    item = env.item(12)
    assert {"title", "summary", "originallyAvailableAt", "genre", "actor"} <= set(item["locked"])
    key = item["ratingKey"]
    env.plex.agent_sets(key, fields={"title": "The agent's", "summary": "The agent's"})
    assert shown(env, 12)["title"] == "Ours"
    env.plex.person_sets(key, tags={"genre": [*item["tags"]["genre"], "By hand"]})
    env.stash.set_scene(12, details="", tag_ids=[str(tag) for tag in tags[1:]])
    stepped.hook(12)
    stepped.settle()
    item = env.item(12)
    assert not item["fields"].get("summary")
    assert set(item["tags"]["genre"]) == {*names[1:], "By hand"}


def test_point_12_text_arrives_verbatim(stepped: SteppedWorker) -> None:
    """Line breaks, tabs, quotes, dashes, emoji and markup are the user's and stay as they are."""
    words = (
        "First line.\nSecond\tline — “quoted” & <b>bold</b>, 50 % + ünïcödé 👩‍👩‍👧 'n' "
        '"q"; a\u2019s\n\nEnd.'
    )
    stepped.env.stash.set_scene(4, title="Emoji 👩‍👩‍👧 — “x”, comma; a=b&c", details=words)
    stepped.hook(4)
    stepped.settle()
    assert shown(stepped.env, 4)["summary"] == words
    assert shown(stepped.env, 4)["title"] == "Emoji 👩‍👩‍👧 — “x”, comma; a=b&c"
    stepped.env.plex.clear_requests()
    stepped.hook(4)
    stepped.settle()
    assert [one for one in stepped.env.plex.requests() if one["method"] == "PUT"] == []


def test_point_12_a_failing_list_fails_the_job(stepped: SteppedWorker) -> None:
    """A write that Plex refuses is not a warning: the scene stays dirty and is tried again."""
    env = stepped.env
    extra = env.stash.add_entity("performer", "Added Later")
    ids = [str(one) for one in env.stash.scene(9)["performers"]]
    env.stash.set_scene(9, performer_ids=[*ids, str(extra)])
    changes = len(env.query("SELECT 1 FROM history"))
    env.plex.fault("status", method="PUT", path="actor", status=503, times=1)
    stepped.hook(9)
    stepped.drain()
    assert 9 in stepped.rows()
    assert len(env.query("SELECT 1 FROM history")) == changes
    stepped.settle()
    assert "Added Later" in {role["tag"] for role in env.item(9)["roles"]}


# --- 13: tasks ---------------------------------------------------------------------------------


def test_point_13_a_tasks_result_is_what_happened(env: Installation) -> None:
    """The answer is one JSON object, a failure is an error, progress goes from 0 to 1 on stderr."""
    env.settings()
    host = PluginHost(
        env.config_dir / "plugins", env.config_dir, env.stash.port, lambda _: env.stash.cookie()
    )
    good = host.run_task("PlexSync", "Sync all to Plex")
    assert good.error is None
    assert isinstance(good.output, str)
    assert good.progress[-1] == 1
    assert all(0 <= value <= 1 for value in good.progress)
    assert {line.level for line in good.log} <= {"info", "warning", "debug"}
    env.settings(plex_token="")
    bad = host.run_task("PlexSync", "Sync all to Plex")
    assert bad.output is None
    assert "Plex Token" in str(bad.error)
    env.settings()


# --- 16: secrets -------------------------------------------------------------------------------


def test_point_16_no_secret_reaches_any_line(tmp_path: Path) -> None:
    """Token, cookie, API key and with redact_logs paths and titles: in no log, answer or table."""
    login = {"username": "user", "api_key": "the-api-key-of-stash"}
    with installation(tmp_path, scenes=6, stash=login, redact_logs=True) as env:
        said = []
        for scene in (1, 2, 3):
            env.stash.set_scene(scene, title=f"Private title {scene}")
        said += [json.dumps(env.hook(scene)) for scene in (1, 2, 3)]
        env.settled()
        env.plex.delete_item(env.item(4)["ratingKey"])
        env.plex.fault("status", method="PUT", status=400, times=1)
        said += [json.dumps(env.hook(scene)) for scene in (4, 5)]
        wait_for(lambda: all(row["due_at"] != 0 for row in env.rows()))
        env.settings(redact_logs=True, plex_token="a-revoked-token-of-plex")
        said.append(json.dumps(env.hook(6)))
        wait_for(lambda: env.query("SELECT 1 FROM hold"))
        host = PluginHost(
            env.config_dir / "plugins", env.config_dir, env.stash.port, lambda _: env.stash.cookie()
        )
        for task in ("Check connection", "Sync all to Plex"):
            done = asdict(host.run_task("PlexSync", task))
            del done["sent"]
            said.append(json.dumps(done))
        said.append(json.dumps(env.hook(6)))
        tables = [env.query("SELECT reason, message FROM dirty"), env.query("SELECT * FROM hold")]
        notice = env.query("SELECT value FROM meta WHERE key = 'notice'")
        everything = "\n".join([*said, env.log(), env.crash(), str(tables), str(notice)])
        assert "scene 1" in everything
        kept = env.query("SELECT value FROM meta WHERE key = 'connection'")[0]["value"]
        secrets = [
            env.plex.token,
            "a-revoked-token-of-plex",
            "the-api-key-of-stash",
            json.loads(kept)["SessionCookie"]["Value"],
            "Private title",
            catalogue_file(4).plex_path,
            catalogue_file(4).stash_path,
        ]
        assert [secret for secret in secrets if secret in everything] == []


# --- 17: many marks ----------------------------------------------------------------------------


def timed(connection: sqlite3.Connection, statements: Any) -> list[float]:
    """Run 100 chunks of 100 transactions; give the seconds of each chunk."""
    seconds = []
    for chunk in range(100):
        began = time.perf_counter()
        for number in range(chunk * 100, chunk * 100 + 100):
            connection.execute("BEGIN IMMEDIATE")
            statements(number)
            connection.execute("COMMIT")
        seconds.append(time.perf_counter() - began)
    return seconds


def test_point_17_ten_thousand_marks_cost_the_same_each(tmp_path: Path) -> None:
    """A mark in a queue of 10,000 costs what the first one cost, near a bare insert's price."""
    database = schema.open_database(str(tmp_path / "data"))
    bare = sqlite3.connect(tmp_path / "bare", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, at REAL)")
    for connection in (database, bare):
        connection.execute("PRAGMA synchronous = OFF")  # the disk's share is the same for both
    ours = timed(database, lambda number: enqueue(database, "scene", [number], now=1.0))
    plain = timed(bare, lambda number: bare.execute("INSERT INTO row VALUES (?, 1)", (number,)))
    assert database.execute("SELECT count(*) FROM dirty").fetchone() == (10_000,)
    # The fastest chunks of each, so that what else runs here does not count.
    assert min(ours[-20:]) < 3 * min(ours[:20])
    assert min(ours) < 8 * min(plain)
    database.close()
    bare.close()


def test_point_17_the_file_is_bounded(tmp_path: Path) -> None:
    """Ten thousand marks of a hundred scenes leave a hundred rows and a small file."""
    database = schema.open_database(str(tmp_path / "data"))
    database.execute("PRAGMA synchronous = OFF")
    timed(database, lambda number: enqueue(database, "scene", [number % 100], now=1.0))
    assert database.execute("SELECT count(*) FROM dirty").fetchone() == (100,)
    largest = max(path.stat().st_size for path in (tmp_path / "data").iterdir())
    assert largest < 8_000_000
    database.close()
    assert (tmp_path / "data" / schema.FILE).stat().st_size < 400_000
