"""The plugin host stand-in against what a real Stash gave to a plugin."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from simulator.environment import wait_for
from simulator.stash.host import PluginHost
from simulator.stash.process import PluginStartError, result_of

if TYPE_CHECKING:
    from collections.abc import Callable

STDIN = Path(__file__).parent / "data" / "stash" / "stdin"

YML = """
name: Recorder
version: 0.1.0
exec: [python, "{pluginDir}/run.py"]
tasks:
  - name: Dump
    defaultArgs: {mode: dump, number: 5}
hooks:
  - name: scenes
    triggeredBy: [Scene.Update.Post, Scene.Create.Post]
    defaultArgs: {hookdefault: yes}
"""
ECHO = "import json, sys\nprint(json.dumps({'output': json.load(sys.stdin)}))\n"


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[..., PluginHost]:
    """A function that writes a plugin and gives a host that has loaded it."""

    def make(script: str = ECHO, yml: str = YML) -> PluginHost:
        folder = tmp_path / "plugins" / "recorder"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recorder.yml").write_text(yml, encoding="utf-8")
        (folder / "run.py").write_text(script, encoding="utf-8")
        return PluginHost(folder, tmp_path / "config", 9999, lambda _: "c")

    return make


def recorded(name: str) -> Any:
    """What a real Stash wrote to the plugin's stdin."""
    return json.loads((STDIN / f"{name}.json").read_text(encoding="utf-8"))


def shape(value: Any) -> Any:
    """Keys and types of ``value``, all the way down."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return type(value).__name__


def test_stdin_of_a_hook_has_the_recorded_shape(plugin: Callable[..., PluginHost]) -> None:
    """A hook reads the same keys and types that a real Stash sends."""
    want = recorded("sceneUpdate-title.1-Scene.Update.Post")
    context = want["args"]["hookContext"]
    [run] = plugin().run_hook("Scene.Update.Post", 1, context["input"], ["id", "title"])
    assert shape(run.output["server_connection"]) == shape(want["server_connection"])
    got = run.output["args"]
    got["hookContext"]["inputFields"].sort()
    assert got == want["args"]


def test_create_hook_has_no_input_fields(plugin: Callable[..., PluginHost]) -> None:
    """Without input fields their key is left out, and a null input stays."""
    [run] = plugin().run_hook("Scene.Create.Post", 1)
    assert run.output["args"] == recorded("scan.1-Scene.Create.Post")["args"]


def test_task_arguments_win_over_the_defaults(plugin: Callable[..., PluginHost]) -> None:
    """Default arguments arrive as text, given ones keep their JSON type and win."""
    host = plugin()
    assert (
        host.run_task("recorder", "Dump").output["args"]
        == recorded("task-defaultArgs.1-task-dump")["args"]
    )
    run = host.run_task("recorder", "Dump", args={"number": 7, "list": [True]})
    assert run.output["args"] == {"mode": "dump", "number": 7, "list": [True]}


def test_operation_gets_its_arguments_only(plugin: Callable[..., PluginHost]) -> None:
    """An operation knows no default arguments."""
    host = plugin()
    args = recorded("operation-dump.1-task-dump")["args"]
    assert host.run_operation("recorder", args).output["args"] == args


def test_log_lines_and_progress(plugin: Callable[..., PluginHost]) -> None:
    """Marked stderr lines get their level, bare ones the error level, empty ones vanish."""
    script = (
        "import sys\n"
        "sys.stderr.write('\\x01i\\x02hello\\n\\nbare\\n\\x01p\\x020.5\\n\\x01w\\x02end')"
    )
    run = plugin(script).run_task("recorder", "Dump")
    assert [(line.level, line.text) for line in run.log] == [
        ("info", "hello"),
        ("error", "bare"),
        ("warning", "end"),
    ]
    assert run.progress == [0.5]


def test_overlong_stderr_line_kills_the_plugin(plugin: Callable[..., PluginHost]) -> None:
    """After a line of 64 KiB the pipe is closed and the plugin dies of its next write."""
    script = (
        "import sys, time\n"
        "sys.stderr.write('x' * 70000 + '\\n'); sys.stderr.flush()\n"
        "for _ in range(500):\n"
        "    time.sleep(0.01); sys.stderr.write('more\\n'); sys.stderr.flush()\n"
        "print('survived')\n"
    )
    run = plugin(script).run_task("recorder", "Dump")
    assert run.overlong_line
    assert run.exit_code != 0
    assert run.output != "survived\n"


@pytest.mark.parametrize(
    ("text", "code", "expected"),
    [
        ('{"output": "ok"}', 0, ("ok", None)),
        ('{"error": "boom"}', 0, (None, "boom")),
        ('{"error": "boom"}', 3, (None, "boom")),
        ('{"foo": 1}', 0, (None, None)),
        ("plain text\n", 0, ("plain text\n", None)),
        ("[1]", 0, ("[1]", None)),
        ("", 0, ("", None)),
        ("", 3, ("", "exit status 3")),
        ("", -9, ("", "signal: killed")),
    ],
)
def test_result_of(text: str, code: int, expected: tuple[Any, str | None]) -> None:
    """Stdout and exit status become output and error as Stash has it."""
    assert result_of(text, code) == expected


def test_child_holding_stdout_holds_the_caller(plugin: Callable[..., PluginHost]) -> None:
    """A child that inherits stdout keeps the hook open; one that does not, does not."""
    script = (
        "import json, subprocess, sys\n"
        "quiet = json.load(sys.stdin)['args'].get('quiet')\n"
        "nothing = subprocess.DEVNULL\n"
        "pipe = nothing if quiet else None\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1)'],"
        " stdin=nothing, stdout=pipe, stderr=None)\n"
    )
    host = plugin(script)
    held = host.run_operation("recorder", {}).seconds
    free = host.run_operation("recorder", {"quiet": True}).seconds
    assert held >= 1 > free


def test_cancelled_hook_is_killed_and_the_rest_skipped(
    plugin: Callable[..., PluginHost], tmp_path: Path
) -> None:
    """A caller that goes away has the process killed without a word, and no other hook runs."""
    script = (
        "import pathlib, signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: pathlib.Path('{0}/term').touch())\n"
        "pathlib.Path('{0}/started').touch()\n"
        "time.sleep(30)\n"
    ).replace("{0}", str(tmp_path))
    second = "  - {name: again, triggeredBy: [Scene.Update.Post]}\n"
    host = plugin(script, YML.rstrip() + "\n" + second)
    cancel = threading.Event()

    def cancel_when_started() -> None:
        wait_for((tmp_path / "started").exists)
        cancel.set()

    threading.Thread(target=cancel_when_started).start()
    [run] = host.run_hook("Scene.Update.Post", 1, cancel=cancel)
    assert run.cancelled
    assert not (tmp_path / "term").exists()
    assert run.seconds < 30

    def is_gone() -> bool:
        try:
            os.kill(run.pid, 0)
        except ProcessLookupError:
            return True
        return False

    wait_for(is_gone)


def test_hook_that_sets_itself_off_stops_after_ten(plugin: Callable[..., PluginHost]) -> None:
    """A hook is not run again once it has run ten times in one chain."""
    host = plugin()
    once = {"recorder:Scene.Update.Post": 9}
    assert len(host.run_hook("Scene.Update.Post", 1, visited=once)) == 1
    assert host.run_hook("Scene.Update.Post", 1, visited={"recorder:Scene.Update.Post": 10}) == []


def test_missing_program(plugin: Callable[..., PluginHost]) -> None:
    """A program that is not there stops tasks with an error and hooks with a log line."""
    host = plugin(yml=YML.replace("[python,", "[no-such-program,"))
    with pytest.raises(PluginStartError, match="no-such-program"):
        host.run_task("recorder", "Dump")
    assert host.run_hook("Scene.Update.Post", 1) == []
    assert "error executing post hooks" in host.log[-1].text
