"""What `make browser` and CI do on a machine that lacks something: install it, or name the command.

Each runs with a PATH that holds nothing but what the test puts there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PARTS = ROOT / ".cache" / "browser"


class Machine:
    """A machine made of a folder: its programs, and a copy of what make needs of the repo."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.repo = folder / "repo"
        self.bin.mkdir()
        (self.repo / "tools").mkdir(parents=True)
        shutil.copy(ROOT / "Makefile", self.repo)
        shutil.copy(ROOT / "tools" / "fetch_browser_parts.py", self.repo / "tools")
        for name in ("sh", "bash", "make", "dirname", "mktemp"):
            found = shutil.which(name)
            assert found, name
            (self.bin / name).symlink_to(found)

    def program(self, name: str, script: str = "exit 0") -> None:
        """Put a program there that notes how it was called."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{self.bin}/called"\n{script}\n')
        path.chmod(0o755)

    def user(self, number: int) -> None:
        """Say who is at work."""
        self.program("id", f"echo {number}")

    def fetched(self) -> None:
        """Put the pinned libraries where npm would have."""
        shutil.copytree(PARTS, self.repo / ".cache" / "browser")

    def called(self, name: str) -> list[str]:
        """Give how a program was called."""
        noted = self.bin / "called"
        lines = noted.read_text().splitlines() if noted.exists() else []
        return [line for line in lines if line.startswith(name + " ")]

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run something there."""
        return subprocess.run(
            command,
            cwd=self.repo,
            env={"PATH": str(self.bin)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def browser(self) -> subprocess.CompletedProcess[str]:
        """Run `make browser` with the Python that runs this test."""
        return self.run("make", "browser", f"PY={sys.executable}")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without anything that the browser tests need."""
    return Machine(tmp_path)


def test_where_nothing_can_be_installed_the_command_is_named(machine: Machine) -> None:
    """No apt-get: the build ends with one command that brings all that is missing."""
    machine.user(0)
    done = machine.browser()
    assert done.returncode != 0
    assert "sudo apt-get install -y chromium npm\n" in done.stderr


def test_who_is_not_root_is_told(machine: Machine) -> None:
    """apt-get is there, but not for this user: nothing is tried."""
    machine.user(1000)
    machine.program("apt-get")
    machine.fetched()
    done = machine.browser()
    assert done.returncode != 0
    assert "sudo apt-get install -y chromium\n" in done.stderr
    assert machine.called("apt-get") == []


def test_root_gets_what_is_missing(machine: Machine) -> None:
    """Chromium is installed once, and not again by the next run."""
    machine.user(0)
    machine.program(
        "apt-get", f'[ "$1" = update ] || cp "{machine.bin}/sh" "{machine.bin}/chromium"'
    )
    (machine.bin / "cp").symlink_to(str(shutil.which("cp")))
    machine.fetched()
    for _ in range(2):
        done = machine.browser()
        assert done.returncode == 0, done.stderr
    assert machine.called("apt-get") == [
        "apt-get update -qq",
        "apt-get install -qq -y --no-install-recommends chromium",
    ]


def test_an_installation_that_fails_names_the_command_too(machine: Machine) -> None:
    """Offline, say: what apt-get could not do stands at the end, as a command."""
    machine.user(0)
    machine.program("apt-get", "exit 100")
    machine.program("chromium")
    done = machine.browser()
    assert done.returncode != 0
    assert "sudo apt-get install -y npm\n" in done.stderr


def test_nothing_is_asked_for_where_all_is_there(machine: Machine) -> None:
    """A Chromium of either name and the fetched libraries suffice, without npm."""
    machine.user(0)
    machine.program("chromium-browser")
    machine.fetched()
    done = machine.browser()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_ci_says_what_its_machine_lacks(machine: Machine) -> None:
    """Without apt-get CI ends at once, with everything that is missing in one line."""
    (machine.repo / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", machine.repo / ".ci")
    done = machine.run("bash", ".ci/run")
    assert done.returncode == 1
    assert "apt-get install -y git chromium npm python3 python3-venv" in done.stdout
