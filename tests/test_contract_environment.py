"""The contract tests run where nothing is installed but requirements.txt and pytest."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = "test_plex_integration"


def distributions(names: list[str]) -> dict[str, metadata.Distribution]:
    """Give some packages and all that they need here, by name."""
    found: dict[str, metadata.Distribution] = {}
    while names:
        name = re.sub(r"[-_.]+", "-", names.pop()).lower()
        if name in found:
            continue
        found[name] = metadata.distribution(name)
        wanted = map(Requirement, found[name].requires or ())
        names += [
            one.name for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})
        ]
    return found


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python of its own that has those packages, as they are installed here, and no other."""
    home = tmp_path_factory.mktemp("contract")
    venv.create(home, symlinks=True)
    (packages,) = home.glob("lib/python3*/site-packages")
    listed = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line).name for line in listed if line and not line.startswith("#")]
    for found in distributions([*wanted, "pytest"]).values():
        for top in {file.parts[0] for file in found.files or () if ".." not in file.parts}:
            if top != "__pycache__" and not (packages / top).exists():
                (packages / top).symlink_to(Path(str(found.locate_file(top))))
    return home / "bin" / "python"


def run(python: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a module from the repo's folder, as a person would type it."""
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(python), "-m", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=50
    )


def test_it_is_an_environment_of_its_own(python: Path) -> None:
    """Neither the plugins of the tests nor what the stand-ins need is there."""
    code = "import importlib.util as u; print(*(n for n in {!r} if u.find_spec(n)))"
    asked = ["pytest", "plexapi", "requests", "stashapi", "xdist", "pytest_timeout", "graphql"]
    done = subprocess.run(
        [str(python), "-c", code.format(asked)], check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == asked[:4]


@pytest.mark.skipif(sys.platform == "win32", reason="an environment is laid out otherwise there")
def test_pytest_runs_the_contract(python: Path) -> None:
    """``python -m pytest tests/test_plex_integration.py -v`` passes, plugins or not."""
    done = run(
        python, "pytest", f"tests/{CONTRACT}.py", "-v", "-p", "no:cacheprovider", "--color=no"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert contract_tests() == len(re.findall(r"::test_\w+ PASSED", done.stdout))


@pytest.mark.skipif(sys.platform == "win32", reason="an environment is laid out otherwise there")
def test_unittest_runs_the_contract(python: Path) -> None:
    """``python -m unittest tests.test_plex_integration -v`` runs the same tests, all of them."""
    done = run(python, "unittest", f"tests.{CONTRACT}", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    ran = re.search(r"^Ran (\d+) tests", done.stderr, re.MULTILINE)
    assert ran
    assert int(ran[1]) == contract_tests()


def contract_tests() -> int:
    """Count the tests that the file holds."""
    text = (ROOT / "tests" / f"{CONTRACT}.py").read_text(encoding="utf-8")
    return len(re.findall(r"^    def test_", text, re.MULTILINE))
