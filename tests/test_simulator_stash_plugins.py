"""Hooks, tasks and operations in the Stash stand-in, against what a real Stash told a plugin."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import GraphQLError
from simulator.environment import wait_for
from tests.stash_stand_in import recorded_args, recorded_reply, serving, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from simulator.control import StashControl

EVERY_TRIGGER = ", ".join(
    f"{kind}.{verb}.Post"
    for kind in ("Scene", "Studio", "Performer", "Tag", "Group")
    for verb in ("Create", "Update", "Destroy")
)
YML = f"""
name: Recorder
version: 0.1.0
exec: [python, "{{pluginDir}}/run.py"]
tasks:
  - name: Dump
    defaultArgs: {{mode: dump}}
hooks:
  - name: all
    triggeredBy: [{EVERY_TRIGGER}, Tag.Merge.Post]
"""
ECHO = "import json, sys\nprint(json.dumps({'output': json.load(sys.stdin)}))\n"
POST_BACK = """
import json, sys, urllib.request
given = json.load(sys.stdin)
link = given["server_connection"]
def ask(query):
    url = f"{link['Scheme']}://{link['Host']}:{link['Port']}/graphql"
    head = {"Cookie": "session=" + link["SessionCookie"]["Value"]}
    body = json.dumps({"query": query}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, head)) as reply:
        return json.load(reply)
"""
SCENE_UPDATE = "mutation($i:SceneUpdateInput!){sceneUpdate(input:$i){id title}}"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., StashControl]]:
    """A function that starts a stand-in with a plugin of this script."""
    with contextlib.ExitStack() as stack:

        def make(script: str = ECHO, **options: Any) -> StashControl:
            folder = tmp_path / "plugins" / "recorder"
            folder.mkdir(parents=True)
            (folder / "recorder.yml").write_text(YML, encoding="utf-8")
            (folder / "run.py").write_text(script, encoding="utf-8")
            places: dict[str, Any] = {"plugin_dir": folder, "config_dir": tmp_path / "config"}
            control: StashControl = stack.enter_context(serving(**places, **options))
            return control

        yield make


def contexts(stash: StashControl) -> list[dict[str, Any]]:
    """The hookContext of every run so far, its input fields in order."""
    found = []
    for run in stash.runs():
        context = run["sent"]["args"]["hookContext"]
        if "inputFields" in context:
            context["inputFields"].sort()
        found.append(context)
    return found


def wanted(name: str) -> dict[str, Any]:
    """The recorded hookContext, its input fields in order."""
    context: dict[str, Any] = recorded_args(name)["hookContext"]
    if "inputFields" in context:
        context["inputFields"].sort()
    return context


@pytest.mark.parametrize(
    ("query", "given", "names"),
    [
        (
            SCENE_UPDATE,
            {"id": "1", "title": "A title — “q” é"},
            ["sceneUpdate-title.1-Scene.Update.Post"],
        ),
        (
            "mutation($i:[SceneUpdateInput!]!){scenesUpdate(input:$i){id}}",
            [{"id": "5", "title": "five"}, {"id": "6", "title": "six", "organized": True}],
            ["scenesUpdate.1-Scene.Update.Post", None],
        ),
        (
            "mutation($i:BulkSceneUpdateInput!){bulkSceneUpdate(input:$i){id}}",
            {"ids": ["1", "2", "3"], "tag_ids": {"ids": ["3"], "mode": "ADD"}, "rating100": 40},
            ["bulkSceneUpdate.1-Scene.Update.Post", None, None],
        ),
        (
            "mutation($i:BulkSceneUpdateInput!){bulkSceneUpdate(input:$i){id}}",
            {
                "ids": ["4", "5"],
                "date": "2020-01-01",
                "studio_id": "1",
                "performer_ids": {"ids": ["2"], "mode": "SET"},
            },
            ["bulkSceneUpdate-set.1-Scene.Update.Post", None],
        ),
        (
            "mutation($i:TagsMergeInput!){tagsMerge(input:$i){id}}",
            {"source": ["2", "4"], "destination": "1"},
            ["tagsMerge.1-Tag.Merge.Post"],
        ),
    ],
)
def test_hook_context_is_the_recorded_one(
    start: Callable[..., StashControl], query: str, given: Any, names: list[str | None]
) -> None:
    """Each mutation tells its hooks, once for each scene, what a real Stash told them."""
    stash = start(scenes=6)
    stash.graphql(query, i=given)
    found = contexts(stash)
    assert len(found) == len(names)
    for context, name in zip(found, names, strict=True):
        if name is not None:
            assert context == wanted(name)
            assert list(context["input"]) == list(wanted(name)["input"])


def ended(stash: StashControl, job: str) -> dict[str, Any]:
    """A job when it is over."""
    query = f'{{findJob(input:{{id:"{job}"}}){{status error progress endTime description}}}}'
    found: dict[str, Any] = wait_for(
        lambda: (one := stash.graphql(query)["findJob"])["endTime"] and one
    )
    return found


@pytest.mark.parametrize(
    "mutation",
    [
        'sceneUpdate(input:{id:99,title:"x"}){id}',
        'sceneUpdate(input:{id:1,date:"nonsense"}){id}',
    ],
)
def test_what_sets_off_no_hook(start: Callable[..., StashControl], mutation: str) -> None:
    """Failed edits run nothing."""
    stash = start(scenes=2)
    with contextlib.suppress(GraphQLError):
        stash.graphql("mutation{" + mutation + "}")
    assert stash.runs() == []


def test_hook_reads_back_and_the_reply_comes_after_it(start: Callable[..., StashControl]) -> None:
    """With its cookie the hook sees and changes the scene before the saver gets the answer."""
    script = POST_BACK + (
        "if given['args']['hookContext']['input']['title'] == 'saved':\n"
        "    print(json.dumps({'output': [ask('{findScene(id:1){title}}'),"
        " ask('mutation{sceneUpdate(input:{id:1,title:\"by hook\"}){id}}')]}))\n"
    )
    stash = start(script, username="u", api_key="k")
    reply = stash.graphql(SCENE_UPDATE, i={"id": "1", "title": "saved"})
    assert reply["sceneUpdate"]["title"] == "by hook"
    seen, _ = stash.runs()[0]["output"]
    assert seen["data"]["findScene"]["title"] == "saved"


def test_hook_that_edits_its_own_scene_stops_after_ten(start: Callable[..., StashControl]) -> None:
    """The chain that a hook starts with its cookie ends after ten runs."""
    stash = start(POST_BACK + "ask('mutation{sceneUpdate(input:{id:1}){id}}')\n")
    stash.graphql(SCENE_UPDATE, i={"id": "1"})
    assert len(stash.runs()) == 10


def test_hook_error_does_not_reach_the_saver(start: Callable[..., StashControl]) -> None:
    """A hook that fails leaves the reply alone and a line in the log."""
    stash = start('import sys\nprint(\'{"error": "boom"}\')\nsys.exit(3)\n')
    assert stash.graphql(SCENE_UPDATE, i={"id": "1", "title": "t"})["sceneUpdate"]["title"] == "t"
    assert stash.log() == [["error", "Scene.Update.Post [Recorder]: returned error: boom"]]


def test_client_that_leaves_has_its_hook_killed(
    start: Callable[..., StashControl], tmp_path: Path
) -> None:
    """When the saver closes the connection the hook dies, and the rest of the bulk gets none."""
    started = tmp_path / "started"
    stash = start(f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(60)\n")
    connection = http.client.HTTPConnection("127.0.0.1", stash.port, timeout=30)
    query = "mutation{bulkSceneUpdate(input:{ids:[1,2],rating100:20}){id}}"
    connection.request("POST", "/graphql", json.dumps({"query": query}))
    wait_for(started.exists)
    connection.close()
    [run] = wait_for(lambda: [one for one in stash.runs() if one["cancelled"]])
    wait_for(lambda: not Path(f"/proc/{run['pid']}").exists() or not alive(run["pid"]))
    assert len(stash.runs()) == 1
    assert [stash.scene(number)["rating100"] for number in (1, 2)] == [20, 20]
    assert ["error", "error executing post hooks: operation cancelled"] in stash.log()


def alive(pid: int) -> bool:
    """Whether a process is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_tasks_run_one_after_another(start: Callable[..., StashControl], tmp_path: Path) -> None:
    """Jobs wait for each other, report progress, and end FINISHED whatever the plugin says."""
    gate = tmp_path / "gate"
    stash = start(
        "import pathlib, sys, time\n"
        "sys.stderr.write('\\x01p\\x020.25\\n'); sys.stderr.flush()\n"
        f"while not pathlib.Path({str(gate)!r}).exists(): time.sleep(0.01)\n"
        'print(\'{"error": "boom"}\')\n'
    )
    run = 'mutation{runPluginTask(plugin_id:"recorder",task_name:"Dump")}'
    jobs = [stash.graphql(run)["runPluginTask"] for _ in range(2)]
    _, _, _, recorded = recorded_reply("jobQueue-plugin-task-running")
    [running] = recorded["data"]["jobQueue"]
    query = f"query($id:ID!){{findJob(input:{{id:$id}}){{{' '.join(running)}}}}}"
    first = wait_for(
        lambda: (job := stash.graphql(query, id=jobs[0])["findJob"])["progress"] and job
    )
    assert (first["status"], first["progress"]) == ("RUNNING", 0.25)
    assert shape(first) == shape(running)
    assert stash.graphql(query, id=jobs[1])["findJob"]["status"] == "READY"
    gate.touch()
    for job in jobs:
        done = ended(stash, job)
        assert (done["status"], done["error"]) == ("FINISHED", None)
        assert done["description"] == "Running plugin task: Dump"
    assert ["error", "Plugin returned error: boom"] in stash.log()


def test_stopped_task_is_killed(start: Callable[..., StashControl], tmp_path: Path) -> None:
    """StopJob kills the process and cancels the job; a waiting job never starts."""
    started = tmp_path / "started"
    stash = start(f"import pathlib, time\npathlib.Path({str(started)!r}).touch()\ntime.sleep(60)\n")
    run = 'mutation{runPluginTask(plugin_id:"recorder",task_name:"Dump")}'
    first, second = (stash.graphql(run)["runPluginTask"] for _ in range(2))
    wait_for(started.exists)
    for job in (second, first):
        stash.graphql(f'mutation{{stopJob(job_id:"{job}")}}')
        assert ended(stash, job)["status"] == "CANCELLED"
    [one] = stash.runs()
    wait_for(lambda: not alive(one["pid"]))


def test_task_that_cannot_start_fails(start: Callable[..., StashControl]) -> None:
    """An unknown task is found out when the job runs."""
    stash = start()
    run = 'mutation{runPluginTask(plugin_id:"recorder",task_name:"Nope")}'
    job = ended(stash, stash.graphql(run)["runPluginTask"])
    _, _, _, reply = recorded_reply("findJob-task-unknown")
    want = reply["data"]["findJob"]
    assert (job["status"], job["error"]) == (want["status"], want["error"])


def test_task_arguments(start: Callable[..., StashControl]) -> None:
    """Arguments lie over the defaults and keep their type; no task, no defaults."""
    stash = start()
    run = 'mutation($t:String,$a:Map){runPluginTask(plugin_id:"recorder",task_name:$t,args_map:$a)}'
    ended(stash, stash.graphql(run, t="Dump", a={"n": 7})["runPluginTask"])
    ended(stash, stash.graphql(run, a={"mode": "adhoc"})["runPluginTask"])
    sent = [one["sent"]["args"] for one in stash.runs()]
    assert sent == [{"mode": "dump", "n": 7}, {"mode": "adhoc"}]


def test_plugins_are_listed(start: Callable[..., StashControl]) -> None:
    """The list that Stash's pages draw settings from has the recorded keys."""
    request, _, _, reply = recorded_reply("plugins")
    [plugin] = start().graphql(request["query"])["plugins"]
    assert set(plugin) == set(reply["data"]["plugins"][0])
    assert (plugin["id"], plugin["enabled"]) == ("recorder", True)


@pytest.mark.parametrize("mode", ["err", "exit3", "plain", "list"])
def test_operation(start: Callable[..., StashControl], mode: str) -> None:
    """An operation answers at once with the plugin's output, or with its error."""
    script = (
        "import json, sys\n"
        "mode = json.load(sys.stdin)['args']['mode']\n"
        "if mode == 'exit3': sys.exit(3)\n"
        "print({'err': json.dumps({'error': 'my error'}), 'op_plain': 'plain text output',"
        " 'op_list': json.dumps({'output': [1, {'x': None}, 'z']})}[mode])\n"
    )
    request, status, _, reply = recorded_reply(f"runPluginOperation-{mode}")
    answer = start(script).post(request["query"], request["variables"])
    assert (answer.status, json.loads(answer.body)) == (status, reply)
