"""Writes the README's tables of settings and tasks from PlexSync.yml.

The manifest is where settings and tasks are declared; a second list kept by hand
would disagree with it within a month.

    python tools/render_readme.py            write README.md
    python tools/render_readme.py --check    say whether it is up to date (exit 1 if not)
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent
TYPES = {"STRING": "text", "NUMBER": "number", "BOOLEAN": "on or off"}
DESCRIPTION = re.compile(
    r"(?P<meaning>.*)\. Default: (?P<default>.*?)\. Example: (?P<example>.*)", re.DOTALL
)


class ReadmeError(Exception):
    """The tables cannot be made or placed; the text says what to mend."""


def settings_table(manifest: Mapping[str, Any]) -> str:
    """Give the table of settings, one row a setting in Stash's order (by key)."""
    rows = ["| Setting | Kind | Meaning | Default | Example |", "|---|---|---|---|---|"]
    for key, setting in sorted(manifest["settings"].items()):
        parts = DESCRIPTION.fullmatch(setting["description"])
        if parts is None:
            raise ReadmeError(
                f"PlexSync.yml: the description of {key} must end in "
                "'. Default: ... . Example: ...' so that it can be shown in columns."
            )
        name = f"{_cell(setting['displayName'])}<br>`{key}`"
        cells = (name, TYPES[setting["type"]], *(_cell(part) for part in parts.groups()))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def tasks_table(manifest: Mapping[str, Any]) -> str:
    """Give the table of tasks in the manifest's order."""
    rows = ["| Task | What it does |", "|---|---|"]
    rows += [
        f"| {_cell(task['name'])} | {_cell(task['description'])} |" for task in manifest["tasks"]
    ]
    return "\n".join(rows)


def render(readme: str, manifest: Mapping[str, Any]) -> str:
    """Give ``readme`` with everything between its markers written anew."""
    for name, table in (("settings", settings_table), ("tasks", tasks_table)):
        readme = _between(readme, name, table(manifest))
    return readme


def _between(text: str, name: str, content: str) -> str:
    start, end = f"<!-- {name}: written by `make docs` -->", f"<!-- end of {name} -->"
    if text.count(start) != 1 or text.count(end) != 1 or text.index(start) > text.index(end):
        raise ReadmeError(f"README.md needs the lines '{start}' and '{end}', once and in order.")
    before, _, rest = text.partition(start)
    return f"{before}{start}\n\n{content}\n\n{end}{rest.partition(end)[2]}"


def _cell(text: str) -> str:
    """Make text safe in one cell of a table."""
    escaped = text.strip().replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
    return escaped.replace("<", "&lt;")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the README, or compare it; gives the exit status."""
    parser = argparse.ArgumentParser(description="Write the README's tables from PlexSync.yml.")
    parser.add_argument("--check", action="store_true", help="only say whether it is up to date")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    path = options.root / "README.md"
    old = path.read_text(encoding="utf-8")
    manifest = yaml.safe_load((options.root / "PlexSync.yml").read_text(encoding="utf-8"))
    try:
        new = render(old, manifest)
    except ReadmeError as error:
        print(error, file=sys.stderr)
        return 1
    if options.check:
        changes = difflib.unified_diff(
            old.splitlines(), new.splitlines(), "README.md", "PlexSync.yml says", lineterm="", n=0
        )
        if lines := list(changes):
            print("\n".join(lines), file=sys.stderr)
            print("README.md is behind PlexSync.yml: run `make docs`.", file=sys.stderr)
        return int(old != new)
    path.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
