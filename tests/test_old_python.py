"""A Python too old for PlexSync: plexsync.py is read as far as the sentence that says so."""

from __future__ import annotations

import ast
import builtins
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENTRY = ROOT / "plexsync.py"
#: The oldest Python for which the entry has words.
SPEAKS = (3, 6)
#: Pythons 3.6 to 3.9 of this machine, where pyenv or Debian has put some; there may be none.
OLD = sorted(
    path
    for place in (*Path(sys.base_prefix).parent.iterdir(), Path("/usr"), Path("/usr/local"))
    for path in place.glob("bin/python3.[6-9]")
    if path.is_file()
)
PAYLOAD = json.dumps({"server_connection": {"Dir": "/nowhere"}, "args": {"mode": "page_state"}})


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """Give the one sentence that Stash gets, and nothing beside it."""
    assert (done.returncode, done.stderr) == (0, "")
    answer = json.loads(done.stdout)
    assert list(answer) == ["error"]
    return str(answer["error"])


def test_the_entry_has_no_syntax_that_is_newer() -> None:
    """Its grammar is that of Python 3.6, and no annotation is evaluated that older ones lack."""
    tree = ast.parse(ENTRY.read_text(encoding="utf-8"), feature_version=SPEAKS)
    futures = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "__future__"
    ]
    assert not futures  # "annotations" is an error of syntax before 3.7
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        notes = [function.returns, *(one.annotation for one in function.args.args)]
        for note in filter(None, notes):
            plain = isinstance(note, ast.Name) and hasattr(builtins, note.id)
            assert plain or isinstance(note, ast.Constant), ast.dump(note)


def test_an_old_python_is_named_with_the_version_that_is_needed() -> None:
    """Run as by Python 3.9.1, and by each real one: a sentence with what to do, no traceback."""
    pretend = (
        "import runpy, sys; sys.version_info = (3, 9, 1, 'final', 0); "
        f"sys.argv = [{str(ENTRY)!r}]; runpy.run_path({str(ENTRY)!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", pretend],
        input=PAYLOAD, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    said = error_of(done)
    assert "needs Python 3.10 or newer" in said
    assert "Python 3.9.1 (" in said
    assert "Python Executable Path" in said
    for python in OLD:
        done = subprocess.run(
            [str(python), "-S", str(ENTRY)],
            input=PAYLOAD, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert re.search(r"runs it with Python 3\.[6-9]\.", error_of(done)), python


def test_the_oldest_python_is_the_one_that_the_project_names() -> None:
    """plexsync.py and pyproject.toml say the same."""
    wanted = re.search(r'requires-python = ">=(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    assert wanted
    assert f"OLDEST = ({wanted[1]}, {wanted[2]})" in ENTRY.read_text(encoding="utf-8")
