"""One language on the screen: a setting is called as Stash shows it, wherever people read."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tools.package import TOP, rooms
from validation.settings_reader import Problem, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
KEYS = re.compile(rf"\b(?:{'|'.join(MANIFEST['settings'])})\b")
#: Names of fields, too, as Sync Fields takes them.
FIELDS = {"content_rating"}
#: Its file is read by those who help, beside config.yml, where the keys stand.
BY_KEY = {"tasks/diagnostics.py"}


def product_files() -> list[Path]:
    """Every Python file that is shipped."""
    found = [path for room in rooms(ROOT) for path in sorted((ROOT / room).rglob("*.py"))]
    return [*found, *(ROOT / name for name in TOP if name.endswith(".py"))]


def texts_of(path: Path) -> Iterator[str]:
    """Every text of a file but its docstrings; of one with braces the parts between them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def called_by_key(text: str) -> list[str]:
    """Give the keys of settings that a sentence uses in the place of their names."""
    is_sentence = bool(re.search(r"\w \w", text))
    return [key for key in KEYS.findall(text) if key not in FIELDS] if is_sentence else []


def test_no_message_calls_a_setting_by_its_key() -> None:
    """Page, panel, tab and logs say "Plex Token", as the screen does, and never plex_token."""
    files = [path for path in product_files() if str(path.relative_to(ROOT)) not in BY_KEY]
    assert len(files) > 80
    found = {
        f"{path.relative_to(ROOT)}: {text[:60]}"
        for path in files
        for text in texts_of(path)
        if called_by_key(text)
    }
    for path in sorted((ROOT / "ui").glob("*.js")):
        for text in re.findall(r'"([^"\n]*)"', path.read_text(encoding="utf-8")):
            if called_by_key(text):
                found.add(f"{path.relative_to(ROOT)}: {text[:60]}")
    for kind in ("settings", "tasks", "hooks"):
        entries = MANIFEST[kind]
        for entry in entries.values() if isinstance(entries, dict) else entries:
            if called_by_key(entry["description"]):
                found.add(f"PlexSync.yml: {entry['description'][:60]}")
    assert found == set()


@pytest.mark.parametrize("key", sorted(MANIFEST["settings"]))
def test_a_setting_is_called_as_stash_shows_it(key: str) -> None:
    """The name in a message is that of the row to look for."""
    assert shown_name(key) == MANIFEST["settings"][key]["displayName"]
    assert str(Problem(key, "is empty")) == f"{MANIFEST['settings'][key]['displayName']}: is empty"
