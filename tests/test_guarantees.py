"""docs/guarantees.md promises nothing that no test holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
PROMISES = [line for line in TEXT.splitlines() if line.startswith("- ")]
NAMED = re.compile(r"`(tests/(?:browser/)?test_\w+\.py)::(test_\w+)`")


def named_in(path: str) -> set[str]:
    """Give the names of the test functions in a file, none if there is no such file."""
    file = ROOT / path
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@pytest.mark.parametrize("promise", PROMISES, ids=lambda line: line[2:50])
def test_a_promise_names_tests_that_exist(promise: str) -> None:
    """Each sentence ends with the tests that hold it, and each of them is there."""
    named = NAMED.findall(promise)
    assert named
    assert promise.endswith("`)")
    for path, name in named:
        assert name in named_in(path), f"{path}::{name}"


def test_something_is_promised() -> None:
    """The list is not empty, so the test above ran."""
    assert len(PROMISES) > 20
