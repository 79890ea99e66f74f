"""The hook as Stash runs it: a process, its stdin, its stdout, and the queue afterwards."""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store import meta, schema
from tests.installation import installation, wait_for
from tests.plugin_process import (
    COMMAND,
    RECORDED,
    connection,
    everything,
    marked,
    no_worker,
    payload,
    read,
    recorded,
    run,
)
from worker import long_input
from worker.hook import KINDS, VERBS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.installation import Installation

HOOKS = sorted(path.stem for path in RECORDED.glob("*.Post.json"))
OTHERS = sorted(path.stem for path in RECORDED.glob("*-task-*.json"))

#: What each recording has to mark; read off the recordings by eye, not by code.
MARKS = {
    "bulkSceneUpdate-set.1-Scene.Update.Post": {("scene", 4)},
    "bulkSceneUpdate.1-Scene.Update.Post": {("scene", 1)},
    "host-default-0.0.0.0.1-Scene.Update.Post": {("scene", 1)},
    "metadataClean.1-Scene.Destroy.Post": {("scene", 5)},
    "performerCreate.1-Performer.Create.Post": {("performer", 1)},
    "performerDestroy.1-Performer.Destroy.Post": {("performer", 2)},
    "performerUpdate.1-Performer.Update.Post": {("performer", 1)},
    "rescan-moved-file.1-Scene.Update.Post": {("scene", 3)},
    "scan.1-Scene.Create.Post": {("scene", 1)},
    "sceneCreate.1-Scene.Create.Post": {("scene", 16)},
    "sceneDestroy.1-Scene.Destroy.Post": {("scene", 6)},
    "sceneUpdate-nulls.1-Scene.Update.Post": {("scene", 2)},
    "sceneUpdate-title.1-Scene.Update.Post": {("scene", 1)},
    "scenesUpdate.1-Scene.Update.Post": {("scene", 5)},
    "studioCreate.1-Studio.Create.Post": {("studio", 1)},
    "studioUpdate.1-Studio.Update.Post": {("studio", 1)},
    "tagCreate2.1-Tag.Create.Post": {("tag", 2)},
    "tagDestroy.1-Tag.Destroy.Post": {("tag", 3)},
    "tagUpdate.1-Tag.Update.Post": {("tag", 1)},
    "tagsMerge.1-Tag.Merge.Post": {("tag", 1), ("tag", 2), ("tag", 4)},
}

#: Enough for bytes and JSON of every kind, and over in a few seconds.
FEW = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture
def quiet(tmp_path: Path) -> Iterator[Path]:
    """A Stash directory in which a worker seems to live already, so that none is started."""
    with no_worker(tmp_path):
        yield tmp_path


# --- every shape -------------------------------------------------------------------------------


def test_every_recorded_hook_is_accounted_for() -> None:
    """No recording of a hook is left out of the table of what it has to mark."""
    assert sorted(MARKS) == HOOKS


@pytest.mark.parametrize("name", sorted(MARKS))
def test_a_recorded_hook_marks_what_it_is_about(name: str, quiet: Path) -> None:
    """What a real Stash wrote to stdin marks exactly the thing that changed."""
    answer = run(json.dumps(recorded(name, quiet)).encode())
    assert answer["output"]
    assert answer["stderr"] == ""
    assert marked(quiet) == MARKS[name]


@pytest.mark.parametrize("name", OTHERS)
def test_a_foreign_task_is_refused_in_json(name: str, quiet: Path) -> None:
    """A task or operation that the manifest does not name is refused and marks nothing."""
    answer = run(json.dumps(recorded(name, quiet)).encode())
    assert "knows no task" in answer["error"]
    assert marked(quiet) == set()


def test_a_cover_of_several_megabytes_is_read_to_its_end(quiet: Path) -> None:
    """Stash sends the whole cover image along; the hook takes it all and keeps none of it."""
    cover = "data:image/png;base64," + base64.b64encode(os.urandom(6_000_000)).decode()
    given_input = {"id": "9", "cover_image": cover}
    answer = run(payload(quiet, 9, input=given_input, inputFields=["id", "cover_image"]))
    assert answer["output"]
    assert marked(quiet) == {("scene", 9)}
    assert (quiet / "plexsync-data" / "plexsync.sqlite").stat().st_size < 500_000


IN_LITTLE_MEMORY = ["/bin/sh", "-c", 'ulimit -v 300000; exec "$@"', "sh", *COMMAND]
COVERS = {
    "a picture": b"iVBORw0KGgo" * 6000,
    "a text of nothing but escapes": b"\\n\\u00e4" * 8000,
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("cover", COVERS)
def test_a_huge_input_in_little_memory_is_answered_in_json(cover: str, quiet: Path) -> None:
    """A save with a picture of 200 MB marks its scene in a process that may have 300 MB."""
    given_input = {"id": "9", "cover_image": "HERE", "title": "behind it"}
    before, after = payload(quiet, 9, input=given_input).split(b"HERE")
    piece = COVERS[cover]
    with subprocess.Popen(
        IN_LITTLE_MEMORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(before)
        for _ in range(200_000_000 // len(piece)):
            process.stdin.write(piece)
        process.stdin.write(after)
        process.stdin.close()
        answer = json.loads(process.stdout.read())
        assert process.stderr.read() == b""
    assert answer == {"output": "scene 9 is noted, worker woken"}
    assert marked(quiet) == {("scene", 9)}


@pytest.mark.timeout(120)
def test_a_huge_input_of_nothing_but_numbers_is_refused_in_json(quiet: Path) -> None:
    """What no Stash sends is read to its end and refused, in the same little memory."""
    with subprocess.Popen(
        IN_LITTLE_MEMORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(b'{"args": [')
        for _ in range(2000):
            process.stdin.write(b"1," * 50_000)
        process.stdin.write(b"1]}")
        process.stdin.close()
        assert "PlexSync did nothing" in json.loads(process.stdout.read())["error"]


@FEW
@given(given_input=JSON, filler=st.binary(max_size=9), place=st.integers(0, 300))
def test_cutting_long_texts_leaves_all_else_as_it_is(
    given_input: Any, filler: bytes, place: int
) -> None:
    """Wherever a piece ends, in an escape or a letter: what is short comes through whole."""
    long = '\\"\u00e4' * 70_000 + filler.decode("latin-1")
    whole = json.dumps(
        {"a": given_input, "long": long, "b": [given_input, "\\", '"', filler.hex()]}
    )
    raw = b" " * place + whole.encode()
    found = json.loads(long_input.shortened(raw[:place], io.BytesIO(raw[place:])))
    wanted = {**json.loads(whole), "long": ""}
    assert json.dumps(found) == json.dumps(wanted)


def test_only_ids_are_taken_from_the_input(quiet: Path) -> None:
    """No value of the hook's input reaches the store: it is a null-filled request."""
    run(payload(quiet, 3, input={"id": "3", "title": "Sesquipedalian", "details": None}))
    rest = b"".join(path.read_bytes() for path in (quiet / "plexsync-data").iterdir())
    assert b"Sesquipedalian" not in rest


def test_the_newest_connection_is_kept_for_the_worker(quiet: Path) -> None:
    """Each hook leaves how to reach Stash, cookie included, in place of the one before."""
    run(payload(quiet, 1))
    whole = json.loads(payload(quiet, 2))
    whole["server_connection"]["SessionCookie"]["Value"] = "younger"
    run(json.dumps(whole).encode())
    kept = json.loads(read(quiet, "SELECT value FROM meta WHERE key = 'connection'")[0][0])
    assert kept["SessionCookie"] == {"Name": "session", "Value": "younger"}
    assert kept["Port"] == 1


def test_ten_hooks_for_one_scene_are_one_piece_of_work(quiet: Path) -> None:
    """Marking again bumps the one row's revision."""
    for _ in range(10):
        run(payload(quiet, 4))
    rows = read(quiet, "SELECT id, revision FROM dirty")
    assert rows == [(4, 10)]


# --- nonsense ----------------------------------------------------------------------------------

VALID = {"id": 7, "type": "Scene.Update.Post", "input": None}
NONSENSE: dict[str, bytes] = {
    "nothing": b"",
    "null": b"null",
    "a number": b"12",
    "a list": b"[]",
    "cut off": b'{"server_connection": {"Dir": "/tm',
    "not UTF-8": b'{"a": "\xff\xfe\xfa"}',
    "zeros": b"\0" * 1000,
    "two objects": b"{}{}",
    "nested beyond reason": b"[" * 200_000 + b"]" * 200_000,
    "an object nested beyond reason": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 10000 digits": b'{"args": ' + b"9" * 10_000 + b"}",
    "an empty object": b"{}",
    "args that are a list": b'{"args": ["hookContext"]}',
    "null args": b'{"args": null, "server_connection": null}',
}
CONTEXTS: dict[str, Any] = {
    "null": None,
    "text": "Scene.Update.Post",
    "a list": [VALID],
    "empty": {},
    "no id": {"type": "Scene.Update.Post"},
    "id null": {**VALID, "id": None},
    "id true": {**VALID, "id": True},
    "id zero": {**VALID, "id": 0},
    "id negative": {**VALID, "id": -7},
    "id a fraction": {**VALID, "id": 7.5},
    "id infinite": {**VALID, "id": float("inf")},
    "id a word": {**VALID, "id": "seven"},
    "id in other digits": {**VALID, "id": "\u0667"},
    "id a superscript": {**VALID, "id": "²"},
    "id beyond SQLite": {**VALID, "id": 2**63},
    "id beyond anything": {**VALID, "id": "9" * 4000},
    "id a list": {**VALID, "id": [7]},
    "no type": {"id": 7},
    "type a number": {**VALID, "type": 5},
    "type unknown": {**VALID, "type": "Gallery.Update.Post"},
    "type half": {**VALID, "type": "Scene.Update"},
    "type with more": {**VALID, "type": "Scene.Update.Post.Post"},
    "type in small letters": {**VALID, "type": "scene.update.post"},
    "type beyond a line": {**VALID, "type": "x" * 100_000},
    "type half a surrogate pair": {**VALID, "type": "\ud800"},
    "a merge of words": {"id": 1, "type": "Tag.Merge.Post", "input": {"source": ["two"]}},
    "a merge of objects": {"id": 1, "type": "Tag.Merge.Post", "input": {"source": [{}]}},
}
DIRECTORIES: dict[str, Any] = {
    "missing": None,
    "empty": "",
    "a number": 5,
    "relative": "stash",
    "dots": "../..",
    "with a NUL": "/tmp/\0x",
    "half a surrogate pair": "/tmp/\ud800",
    "an object": {"a": 1},
}


def refused(stdin: bytes, folder: Path) -> str:
    """Run the plugin on nonsense; give its error, after seeing that the queue is untouched."""
    before = everything(folder)
    answer = run(stdin)
    assert answer["stderr"] == ""
    assert everything(folder) == before
    return str(answer["error"])


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A queue with one scene in it, which nonsense must not touch."""
    folder = tmp_path_factory.mktemp("stash")
    with no_worker(folder):
        run(payload(folder, 77))
        yield folder


@pytest.mark.parametrize("kind", sorted(NONSENSE))
def test_stdin_that_is_nonsense_is_refused(kind: str, queue: Path) -> None:
    """Whatever stdin holds, Stash gets one error object and the queue stays as it was."""
    assert refused(NONSENSE[kind], queue).startswith("PlexSync did nothing: ")


@pytest.mark.parametrize("kind", sorted(CONTEXTS))
def test_a_hook_that_is_nonsense_is_refused(kind: str, queue: Path) -> None:
    """A hookContext without a known type and usable ids is refused with its reason."""
    whole = {"server_connection": connection(queue), "args": {"hookContext": CONTEXTS[kind]}}
    error = refused(json.dumps(whole).encode(), queue)
    assert error.startswith("PlexSync did nothing: ")
    assert len(error) < 500


@pytest.mark.parametrize("kind", sorted(DIRECTORIES))
def test_a_directory_that_is_nonsense_is_refused(kind: str, queue: Path) -> None:
    """Without a usable directory of Stash's there is nowhere to note anything."""
    link = connection(queue, Dir=DIRECTORIES[kind])
    whole = {"server_connection": link, "args": {"hookContext": VALID}}
    assert "server_connection.Dir" in refused(json.dumps(whole).encode(), queue)


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Where Stash's own directory is missing, no tree of ours is left behind."""
    answer = run(payload(tmp_path / "gone" / "stash"))
    assert "could not note that scene 7 changed" in answer["error"]
    assert "Sync all to Plex" in answer["error"]
    assert list(tmp_path.iterdir()) == []


def test_a_hook_without_any_stdin_is_refused() -> None:
    """A closed stdin is answered like an empty one."""
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *COMMAND],
        capture_output=True,
        check=True,
        timeout=30,
    )
    assert "not a JSON object" in json.loads(done.stdout)["error"]


@FEW
@given(st.binary(max_size=300))
def test_any_bytes_are_refused(queue: Path, stdin: bytes) -> None:
    """No bytes at all bring the hook to anything but one JSON error."""
    assert refused(stdin, queue)


@FEW
@given(JSON)
def test_any_hook_context_is_refused(queue: Path, context: Any) -> None:
    """JSON of any shape in the place of a hookContext is refused, not half understood."""
    whole = {"server_connection": connection(queue), "args": {"hookContext": context}}
    assert refused(json.dumps(whole).encode(), queue)


@FEW
@given(given_input=JSON, fields=JSON, link=st.dictionaries(st.text(max_size=8), JSON, max_size=3))
def test_any_input_of_a_known_hook_is_taken(
    queue: Path, given_input: Any, fields: Any, link: dict[str, Any]
) -> None:
    """The input of a scene's hook may hold anything, since only the id counts."""
    whole = {
        "server_connection": {**connection(queue), **link, "Dir": str(queue)},
        "args": {"hookContext": {**VALID, "input": given_input, "inputFields": fields}},
    }
    assert run(json.dumps(whole).encode())["output"] == "scene 7 is noted, worker woken"


def test_a_connection_nested_almost_beyond_reason_does_not_stop_the_mark(quiet: Path) -> None:
    """What cannot be written back as JSON is left out of what is kept; the scene is marked."""
    for depth in (900, 2000, 20_000):
        deep = "[" * depth + "]" * depth
        stdin = payload(quiet, 5).replace(b'"Port": 1', f'"Port": {deep}'.encode())
        answer = run(stdin)
        assert answer.get("output") or "not a JSON object" in answer["error"]
    assert marked(quiet) == {("scene", 5)}


def test_every_kind_and_verb_is_in_the_table() -> None:
    """The recordings cover every kind of thing but the group, and every verb."""
    seen = {name.split("-")[-1] for name in MARKS}
    assert {name.split(".")[0] for name in seen} == KINDS.keys() - {"Group"}
    assert {name.split(".")[1] for name in seen} == VERBS


# --- the disk ----------------------------------------------------------------------------------


def test_a_newer_database_is_left_alone(quiet: Path) -> None:
    """A file written by a newer PlexSync is not touched, and the error says to update."""
    run(payload(quiet, 1))
    path = quiet / "plexsync-data" / "plexsync.sqlite"
    database = schema.open_database(str(path.parent))
    database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    database.close()
    before = everything(quiet)
    answer = run(payload(quiet, 2))
    assert "newer PlexSync" in answer["error"]
    assert everything(quiet) == before


def test_a_file_that_is_no_database_is_replaced(quiet: Path) -> None:
    """A damaged file is kept aside, and the edit is noted in a new one."""
    data = quiet / "plexsync-data"
    (data / "plexsync.sqlite").write_bytes(b"not a database " * 1000)
    answer = run(payload(quiet, 2))
    assert answer["output"].startswith("scene 2 is noted")
    assert answer["stderr"] == ""
    assert marked(quiet) == {("scene", 2)}
    assert len(list(data.glob("plexsync.sqlite.damaged-*"))) == 1


def test_a_failure_nobody_foresaw_is_json_too(quiet: Path) -> None:
    """Even a defect of ours is one JSON object with its kind and place, without its text."""
    broken = (
        "import runpy, sys; sys.argv = sys.argv[1:]; sys.path.insert(0, sys.path[0]); "
        "import os; sys.path.insert(0, os.path.dirname(sys.argv[0])); "
        "from worker import hook; hook.wanted = lambda _: {}['a secret']; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", broken, COMMAND[-1]],
        input=payload(quiet),
        capture_output=True,
        check=True,
        timeout=30,
    )
    error = json.loads(done.stdout)["error"]
    assert "KeyError in " in error
    assert "a secret" not in done.stdout.decode() + done.stderr.decode()


def test_files_are_private_even_without_a_umask(tmp_path: Path) -> None:
    """The directory is 0700 and every file in it 0600, whatever umask Stash runs with."""
    with installation(tmp_path, scenes=2) as env:
        done = subprocess.run(
            [sys.executable, "-S", str(env.plugin_dir / "plexsync.py")],
            input=env.payload(hookContext=VALID | {"id": 1}),
            capture_output=True,
            check=True,
            timeout=30,
            umask=0,
        )
        assert b"started" in done.stdout
        env.settled()
        wait_for(env.log)
        files = {path.name: path for path in env.data.iterdir()}
        wrong = {
            name: oct(stat.S_IMODE(path.stat().st_mode))
            for name, path in files.items()
            if stat.S_IMODE(path.stat().st_mode) != 0o600
        }
        assert wrong == {}
        assert stat.S_IMODE(env.data.stat().st_mode) == 0o700
        assert {"plexsync.sqlite", "plexsync.log", "worker.lock", "worker.wake"} <= set(files)


# --- many, and killed --------------------------------------------------------------------------


def fire(env: Installation, scenes: range) -> list[dict[str, Any]]:
    """Run one hook a scene, all at once."""
    with ThreadPoolExecutor(len(scenes)) as pool:
        return list(pool.map(env.hook, scenes))


def test_sixty_four_hooks_at_once_lose_nothing(tmp_path: Path) -> None:
    """The first 64 hooks ever, then 64 more: one worker in all, no error, every scene in Plex."""
    with installation(tmp_path, scenes=64) as env:
        answers = fire(env, range(1, 65))
        assert [one for one in answers if "error" in one or one["stderr"]] == []
        said = [one["output"].rpartition(" ")[2] for one in answers]
        assert sorted(said) == ["started"] + ["woken"] * 63
        env.settled()
        first = env.workers()
        assert len(first) == 1
        assert len(env.query("SELECT id FROM scene WHERE outcome = 'changed'")) == 64
        answers = fire(env, range(1, 65))
        assert {one.get("output", "").rpartition(" ")[2] for one in answers} == {"woken"}
        assert env.workers() == first
        env.settled()
        assert env.crash() == ""
        assert "locked" not in env.log()


def test_a_hook_killed_at_any_moment_leaves_a_whole_queue(quiet: Path) -> None:
    """SIGKILL at random moments: what was said to be noted is noted, and the file stays sound."""
    run(payload(quiet, 1000))
    noted = {1000}
    for number in range(1, 41):
        with subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(payload(quiet, number))
            process.stdin.close()
            time.sleep(number * 0.0015)
            process.send_signal(signal.SIGKILL)
            if process.stdout.read():
                noted.add(number)
    found = {number for _, number in marked(quiet)}
    assert noted <= found <= set(range(1, 41)) | {1000}
    assert read(quiet, "PRAGMA integrity_check") == [("ok",)]
    assert run(payload(quiet, 2000))["output"]
    assert ("scene", 2000) in marked(quiet)


def test_a_hook_killed_right_after_its_commit_loses_nothing(quiet: Path) -> None:
    """The row is there as soon as any other process sees it, and a SIGKILL changes nothing."""
    run(payload(quiet, 1000))
    for number in range(1, 16):
        with subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdin
            process.stdin.write(payload(quiet, number))
            process.stdin.close()
            end = time.monotonic() + 10
            while ("scene", number) not in marked(quiet) and time.monotonic() < end:
                pass
            process.kill()
    assert marked(quiet) == {("scene", number) for number in (*range(1, 16), 1000)}


# --- what it says ------------------------------------------------------------------------------


def test_the_line_for_a_person_is_said_at_most_once_a_minute(quiet: Path) -> None:
    """What waits for a person is a warning in Stash's log, however often its text changes."""
    run(payload(quiet, 1))
    data = str(quiet / "plexsync-data")
    said = []
    for count in (3, 4, 5):
        database = schema.open_database(data)
        meta.put_notice(database, f"Setting plex_url is empty. Waiting: {count} scenes.")
        database.close()
        said.append(run(payload(quiet, count))["stderr"])
    assert said == ["\x01w\x02Setting plex_url is empty. Waiting: 3 scenes.\n", "", ""]


def test_the_line_for_a_person_comes_again_after_a_minute(quiet: Path) -> None:
    """A standing trouble is said again when a minute is over, also after the clock was set back."""
    run(payload(quiet, 1))
    database = schema.open_database(str(quiet / "plexsync-data"))
    now = time.time()
    meta.put_notice(database, "Trouble.")
    assert meta.due_reminder(database, now=now, every=60.0) == "Trouble."
    assert meta.due_reminder(database, now=now + 59, every=60.0) == ""
    assert meta.due_reminder(database, now=now + 61, every=60.0) == "Trouble."
    assert meta.due_reminder(database, now=now - 3600, every=60.0) == "Trouble."
    meta.put_notice(database, "")
    assert meta.due_reminder(database, now=now + 9999, every=60.0) == ""
    database.close()
