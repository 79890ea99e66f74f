"""The README against what it describes: the manifest, the messages, the files it links."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.package import TOP, rooms

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "tools" / "render_readme.py"


def render(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run tools/render_readme.py on a folder."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), "--root", str(folder), *arguments],
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the README and the manifest, to be changed at will."""
    for name in ("README.md", "PlexSync.yml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.fixture(scope="module")
def readme() -> str:
    """Text of the README."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_tables_are_those_of_the_manifest() -> None:
    """Nobody changed a setting or a task without running `make docs`."""
    checked = render(ROOT, "--check")
    assert checked.returncode == 0, checked.stderr


def test_a_changed_manifest_is_noticed_and_written(copy: Path) -> None:
    """--check fails and shows the difference, a plain run mends it, and then both agree."""
    manifest = copy / "PlexSync.yml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("Check connection", "Ask | both"), encoding="utf-8")
    before = (copy / "README.md").read_text(encoding="utf-8")
    checked = render(copy, "--check")
    assert checked.returncode == 1
    assert r"Ask \| both" in checked.stderr
    assert "make docs" in checked.stderr
    assert (copy / "README.md").read_text(encoding="utf-8") == before
    assert render(copy).returncode == 0
    assert render(copy, "--check").returncode == 0


@pytest.mark.parametrize("damage", ["missing", "doubled", "swapped"])
def test_a_damaged_marker_is_an_error_and_harms_nothing(copy: Path, damage: str) -> None:
    """Without exactly one pair of markers the README is left as it is."""
    path = copy / "README.md"
    start, end = "<!-- tasks: written by `make docs` -->", "<!-- end of tasks -->"
    damaged = {
        "missing": lambda text: text.replace(end, ""),
        "doubled": lambda text: text + start,
        "swapped": lambda text: text.replace(start, "@").replace(end, start).replace("@", end),
    }[damage](path.read_text(encoding="utf-8"))
    path.write_text(damaged, encoding="utf-8")
    done = render(copy)
    assert done.returncode == 1
    assert "once and in order" in done.stderr
    assert path.read_text(encoding="utf-8") == damaged


def test_a_description_without_its_default_is_an_error(copy: Path) -> None:
    """A setting that cannot be shown in columns is named."""
    manifest = copy / "PlexSync.yml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(text.replace("Default: off, it is checked. ", ""), encoding="utf-8")
    done = render(copy)
    assert done.returncode == 1
    assert "plex_skip_tls_verify" in done.stderr


def product_texts() -> list[str]:
    """Every text in the product's code, as the program holds it."""
    paths = [path for room in rooms(ROOT) for path in sorted((ROOT / room).rglob("*.py"))]
    return [
        node.value
        for path in (*paths, *(ROOT / name for name in TOP))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_troubleshooting_quotes_messages_that_exist(readme: str) -> None:
    """Each message of README and docs/questions.md is one that PlexSync really says, told once."""
    table = readme.partition("## Questions, by message")[2].partition("## Limits")[0]
    rarer = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8")
    quoted = [re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE) for text in (table, rarer)]
    assert [len(one) > 5 for one in quoted] == [True, True]
    every = [words for one in quoted for words in one]
    assert len(every) == len(set(every))
    texts = product_texts()
    assert [words for words in every if not any(words in text for text in texts)] == []


def test_links_lead_somewhere() -> None:
    """Every relative link in the repo's own documents leads to a file."""
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    broken = [
        f"{document.name}: {target}"
        for document in documents
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text(encoding="utf-8"))
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert broken == []


def test_make_targets_that_are_spoken_of_exist(readme: str) -> None:
    """Every `make` command in README and CONTRIBUTING is one that the Makefile has."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    spoken = set(re.findall(r"(?:`|^    )make ([a-z]+)", readme + contributing, re.MULTILINE))
    assert spoken
    assert spoken <= targets
