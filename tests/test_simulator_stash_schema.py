"""Fetching Stash's schema, and playing an older version of it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from simulator.stash.schema import ADDED_SINCE, OLDEST, SchemaMissingError, load_schema
from tools import fetch_stash_schema as tool

if TYPE_CHECKING:
    from pathlib import Path


def run_tool(folder: Path, empty: Path) -> subprocess.CompletedProcess[str]:
    """Run the script on a machine whose pip finds nothing anywhere."""
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(empty), "PIP_CONFIG_FILE": os.devnull}
    command = [sys.executable, str(tool.__file__), "--into", str(folder)]
    return subprocess.run(
        command, env={**os.environ, **offline}, capture_output=True, text=True, check=False
    )


def test_offline_is_explained(tmp_path: Path) -> None:
    """Without the wheel the script fails, says which, and leaves no half schema behind."""
    done = run_tool(tmp_path / "schema", tmp_path)
    assert done.returncode == 1
    assert tool.REQUIREMENT in done.stderr
    assert "Traceback" not in done.stderr
    assert not tool.is_complete(tmp_path / "schema")


def test_nothing_is_fetched_twice(tmp_path: Path) -> None:
    """A schema of the pinned wheel that is there is left alone, offline too."""
    (tmp_path / "SHA256").write_text(tool.SHA256, encoding="ascii")
    assert run_tool(tmp_path, tmp_path).returncode == 0
    (tmp_path / "SHA256").write_text("another", encoding="ascii")
    assert run_tool(tmp_path, tmp_path).returncode == 1


def test_only_the_schema_is_unpacked(tmp_path: Path) -> None:
    """Of the wheel nothing but .graphql files below the schema folder is written."""
    wheel = tmp_path / "w.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("schema/a.graphql", "schema/types/b.graphql", "schema/x.py", "c.graphql"):
            archive.writestr(f"stash_graphql_client/{name}", "scalar X")
        archive.writestr(f"{tool.INSIDE}../../escape.graphql", "scalar X")
    folder = tmp_path / "out"
    assert tool.unpack(wheel, folder) == 2
    found = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    assert sorted(found) == ["a.graphql", "types/b.graphql"]
    assert not list(tmp_path.glob("*.graphql"))


def test_wheel_without_a_schema_is_refused(tmp_path: Path) -> None:
    """A wheel that holds no schema is an error, not an empty folder taken for one."""
    with zipfile.ZipFile(tmp_path / "w.whl", "w") as archive:
        archive.writestr("other/readme", "")
    with pytest.raises(tool.SchemaUnavailableError, match=r"no \.graphql file"):
        tool.unpack(tmp_path / "w.whl", tmp_path / "out")


def test_missing_schema_is_explained(tmp_path: Path) -> None:
    """The stand-in tells what to run when the schema is not there."""
    with pytest.raises(SchemaMissingError, match=r"tools/fetch_stash_schema\.py"):
        load_schema(OLDEST, tmp_path)


def test_an_old_stash_lacks_what_came_later() -> None:
    """Every member in the table is in the newest schema and not in the oldest."""
    old, new = (load_schema(version).type_map for version in (OLDEST, "0.30"))
    for name, members in ADDED_SINCE.items():
        for member in members.split():
            assert member in new[name].fields, f"{name}.{member}"  # type: ignore[attr-defined]
            assert member not in old[name].fields  # type: ignore[attr-defined]
