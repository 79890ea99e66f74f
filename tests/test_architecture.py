"""docs/architecture.md against the code: its rooms, its names; and every file that is spoken of."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import pytest

from tests.test_house import ARROWS, product_files, repo_files
from tools.package import PAGES, rooms

ROOT = Path(__file__).resolve().parent.parent
MAP = ROOT / "docs" / "architecture.md"
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "CONTRIBUTING.md"]

#: The fewest questions under "Where is it decided".
QUESTIONS = 20


def table_rows(text: str) -> list[list[str]]:
    """The cells of every table's rows in a text, without heads and rules."""
    lines = text.splitlines()
    rows = [
        line
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("| ") and not following.startswith("|---")
    ]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def section(heading: str) -> str:
    """The text of docs/architecture.md under a heading, up to the next of its level."""
    text = MAP.read_text(encoding="utf-8")
    return text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def places(cell: str) -> dict[str, list[str]]:
    """The files that a cell names, each with the names that it is said to define."""
    found: dict[str, list[str]] = {}
    for place in cell.split("; "):
        file, *names = re.findall(r"`([^`]+)`", place) or [place]
        found.setdefault(file, []).extend(names)
    return found


@cache
def defined_in(file: str) -> frozenset[str]:
    """What a Python file defines: functions, classes, constants, and members as Class.member."""
    body = ast.parse((ROOT / file).read_text(encoding="utf-8")).body
    found: set[str] = set()
    for node in body:
        found |= _defines(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for inner in node.body for name in _defines(inner)}
    return frozenset(found)


def _defines(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return {
            inner.id
            for target in targets
            for inner in ast.walk(target)
            if isinstance(inner, ast.Name)
        }
    return set()


def missing(file: str, names: list[str]) -> list[str]:
    """What of a named place is not there."""
    if not (ROOT / file).is_file():
        return [file]
    return [f"{file}: {name}" for name in names if name not in defined_in(file)]


# --- docs/architecture.md --------------------------------------------------------------------


def test_every_answer_is_where_it_is_said_to_be() -> None:
    """Each question names files that exist and what is defined in them, and there are many."""
    rows = table_rows(section("Where is it decided"))
    assert len(rows) >= QUESTIONS
    assert [row for row in rows if len(row) != 3 or "`" not in row[-1]] == []
    wrong = [one for row in rows for place in places(row[2]).items() for one in missing(*place)]
    assert wrong == []


def test_stages_and_data_are_where_they_are_said_to_be() -> None:
    """Each stage and each thing that travels is defined in the file beside it."""
    rows = table_rows(section("The pipeline")) + table_rows(section("Data that travels"))
    assert len(rows) > 20
    # Steps of a class are named without it.
    wrong = [
        f"{file}: {name}"
        for first, _, where in rows
        for file in places(where)
        for name in places(first)
        if not any(one.rpartition(".")[2] == name for one in defined_in(file))
    ]
    assert wrong == []


def test_the_pipelines_stages_are_all_there_in_order() -> None:
    """The stages are told as sync/pipeline.py has them; those that come twice, once."""
    source = (ROOT / "sync" / "pipeline.py").read_text(encoding="utf-8")
    plan = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "PLAN"
    )
    assert isinstance(plan, ast.Tuple)
    stages = list(dict.fromkeys(ast.unparse(one) for one in plan.elts))
    told = table_rows(section("The pipeline").partition("So far nothing")[0])
    assert [f"{Path(where.strip('`')).stem}.{name.strip('`')}" for name, _, where in told] == stages


def test_every_room_is_told_with_what_it_may_import() -> None:
    """The table has each folder and file of the product, and the arrows that the test holds."""
    told = {row[0].strip("`"): row for row in table_rows(section("Rooms"))}
    shipped = {f"{room}/" for room in (*rooms(ROOT), PAGES)}
    shipped |= {f"{path.stem}.py" for path in product_files() if path.parent == ROOT}
    assert set(told) == shipped
    arrows = {
        name.rstrip("/").removesuffix(".py"): set(re.findall(r"`(\w+)`", row[3]))
        for name, row in told.items()
    }
    assert arrows == {**ARROWS, PAGES: set()}


# --- files that are spoken of ----------------------------------------------------------------

#: A path with a folder in it; the bare name of a file.
PATH = re.compile(r"(?<![\w./-])\w[\w.-]*(?:/[\w.-]+)*/[\w-]+\.(?:py|md|js|css|txt|toml)\b")
BARE = re.compile(r"(?<![\w./-])[\w-]+\.(?:py|md|js|css|txt|toml)\b(?![\w./])")
#: A module by its dotted name, quoted or with a class behind it.
ROOM = "|".join(rooms(ROOT))
DOTTED = re.compile(rf"(?<=`)(?:{ROOM})\.(?!py\b)[a-z_]\w*|\b(?:{ROOM})\.[a-z_]\w*(?=\.[A-Z])")
#: A folder, in a document.
FOLDER = re.compile(r"`(\w+)/`")


@cache
def known_paths() -> frozenset[str]:
    """Every file of the repo, by its path from the root."""
    return frozenset(path.relative_to(ROOT).as_posix() for path in repo_files())


def absent(text: str) -> list[str]:
    """The paths and modules that a text speaks of and that are not there."""
    paths = known_paths()
    found = [said for said in PATH.findall(text) if not {said, f"docs/{said}"} & paths]
    modules = DOTTED.findall(text)
    return found + [said for said in modules if f"{said.replace('.', '/')}.py" not in paths]


def absent_names(text: str) -> list[str]:
    """The bare names of files that a text speaks of and that are nowhere."""
    names = {path.rpartition("/")[2] for path in known_paths()}
    return [said for said in BARE.findall(text) if said not in names]


def comments(source: str) -> str:
    """The comments and docstrings of a module."""
    lines = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type == tokenize.COMMENT
    ]
    lines += [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    return "\n".join(lines)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_names_files_that_exist(document: Path) -> None:
    """No document points at a file, a module or a folder that was renamed or is gone."""
    text = document.read_text(encoding="utf-8")
    assert absent(text) + absent_names(text) == []
    assert [name for name in FOLDER.findall(text) if not (ROOT / name).is_dir()] == []


#: Words of an older house, and what they are called now.
FORMER = {
    "dirty": "in the queue",
    "books": "record",
    "gate": "circuit breaker",
    "verdict": "retry policy",
    "steady": "unchanged",
    "reconciler": "pipeline",
}


def test_the_documents_use_the_words_of_the_code() -> None:
    """Nothing is called by a name that it has no more; the records of decisions may."""
    documents = [path for path in DOCUMENTS if path.parent.name != "adr"]
    documents += [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    former = re.compile(rf"(?i)\b(?:{'|'.join(FORMER)})\b")
    used = [
        f"{path.name}: {word}"
        for path in documents
        for word in former.findall(path.read_text(encoding="utf-8"))
    ]
    assert used == []


def test_the_code_speaks_of_files_that_exist() -> None:
    """No comment and no docstring of the product points at a file that is not there."""
    stale = [
        f"{path.relative_to(ROOT)}: {said}"
        for path in product_files()
        for said in absent(comments(path.read_text(encoding="utf-8")))
    ]
    assert stale == []


def test_the_searches_find_what_they_look_for() -> None:
    """A file, a bare name, a module and a name in a file that are not there are each found."""
    text = "worker/schedule.py, `merge.py`, `worker.books`, plex.kinds.Kind; log.py, plex.item.A"
    assert absent(text) == ["worker/schedule.py", "worker.books", "plex.kinds"]
    assert absent_names(text) == ["merge.py"]
    assert places("`log.py`: `Log.hide`, `NONE`; `errors.py`: `Scope`") == {
        "log.py": ["Log.hide", "NONE"],
        "errors.py": ["Scope"],
    }
    assert missing("log.py", ["Log.hide", "NONE", "FILE"]) == ["log.py: NONE"]
    assert missing("worker/books.py", []) == ["worker/books.py"]
