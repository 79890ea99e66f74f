"""In a container Stash is process 1 and reaps nobody: what our workers leave behind there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

INIT = Path(__file__).resolve().parent / "careless_init.py"
NAMESPACES = (
    ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"],
    ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc"],
)
HOOKS = 12


def namespace() -> list[str] | None:
    """Give a command that runs another one as process 1, None where that is not allowed."""
    for command in NAMESPACES:
        try:
            subprocess.run([*command, "true"], check=True, capture_output=True, timeout=20)
        except (OSError, subprocess.SubprocessError):
            continue
        return command
    return None


class Container:
    """The process that plays Stash's part."""

    def __init__(self, env: Installation) -> None:
        isolated = namespace()
        command = [sys.executable, str(INIT), str(env.plugin_dir / "plexsync.py")]
        self.env = env
        self.process = subprocess.Popen(
            [*isolated, *command] if isolated else [*command, "pretend"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request; give the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def hook(self, scene: int) -> dict[str, Any]:
        """Run one hook."""
        context = {"id": scene, "type": "Scene.Update.Post", "input": None}
        return self.ask(run=self.env.payload(hookContext=context).decode())


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    """An installation whose hooks are run by a process 1 that reaps nobody."""
    with installation(tmp_path, scenes=HOOKS) as env:
        started = Container(env)
        with started.process:
            try:
                yield started
            finally:
                started.env.kill_workers()
                started.process.kill()


def test_one_worker_stays_and_leaves_no_zombie(container: Container) -> None:
    """Hooks after hooks, and an update of the plugin: one worker, the same, and no zombie."""
    env = container.env
    for scene in range(1, HOOKS + 1):
        env.stash.set_scene(scene, title=f"Title {scene}")
        answer = container.hook(scene)
        assert "is noted" in answer["answer"]
        assert answer["zombies"] == []
        assert len(answer["alive"]) == 1
    worker = answer["alive"]
    env.title_becomes(HOOKS, f"Title {HOOKS}")
    log = env.log().count("goes: updated")
    os.utime(env.plugin_dir / "worker" / "dispatch.py", (1, 1))
    wait_for(lambda: env.log().count("goes: updated") > log or container.hook(1) is None, 40)
    env.stash.set_scene(1, title="After the update")
    answer = container.hook(1)
    env.title_becomes(1, "After the update")
    assert answer["alive"] == worker
    assert answer["zombies"] == []


def test_a_worker_that_dies_is_the_one_zombie(container: Container) -> None:
    """It takes a kill to leave one; the next worker stays again."""
    env = container.env
    container.hook(1)
    env.settled()
    env.kill_workers()
    env.stash.set_scene(2, title="By the second worker")
    container.hook(2)
    env.title_becomes(2, "By the second worker")
    for scene in range(3, HOOKS):
        answer = container.hook(scene)
    assert len(answer["zombies"]) == 1
    assert len(answer["alive"]) == 1
