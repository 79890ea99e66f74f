"""The rules of the house that no linter knows: rooms, the hook's path, lengths, names, secrets."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from vulture import Vulture

from tasks import page
from validation.settings_reader import Problem, shown_name

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
ROOMS = (
    "store",
    "stash",
    "plex",
    "validation",
    "net",
    "matching",
    "merge",
    "sync",
    "worker",
    "tasks",
)
#: Modules of ours that lie beside plexsync.py, for they belong to no room.
TOP = ("plexsync", "errors", "log")
NOT_SHIPPED = ("simulator", "tests", "tools")

#: What all rooms above the servers use.
BELOW = ("validation", "store", "log", "errors")
#: docs/architecture.md: who may import from whom. A room may always use itself.
ARROWS = {
    "plexsync": {"worker", "tasks"},
    "tasks": {
        "worker",
        "sync",
        "matching",
        "stash",
        "plex",
        "validation",
        "store",
        "log",
        "errors",
    },
    "worker": {
        "sync",
        "matching",
        "merge",
        "stash",
        "plex",
        "validation",
        "store",
        "log",
        "errors",
    },
    "sync": {"matching", "merge", "stash", "plex", "validation", "store", "log", "errors"},
    "matching": {"merge", "stash", "plex", "validation", "store", "errors"},
    "merge": {"stash", "plex", "validation"},
    "stash": {"validation", "errors", "net"},
    "plex": {"validation", "errors", "net"},
    "net": set[str](),
    "validation": {"errors"},
    "store": {"errors"},
    "log": {"validation", "errors"},
    "errors": set[str](),
}

#: Third-party packages and who may know them. Anything else is standard library.
PACKAGES = {
    "plexapi": {"plex"},
    "requests": {"plex", "net", "tasks"},
    "urllib3": {"plex"},
    "idna": {"net"},  # comes with requests
    "stashapi": {"tasks"},
}

LONGEST_MODULE = 500

#: What the hook may load beyond these and whatever they load themselves.
HOOK_IMPORTS = "import _json, os, sqlite3, sys, time, fcntl\n"
HOOK_MODULES = {
    "__future__",  # every module of ours begins with it; it costs 0.1 ms
    "worker",
    "worker.hook",
    "worker.hook_database",  # where no worker lives; else the inbox is enough
    "worker.launcher",
    "store",
    "store.create",  # an installation's first hook only
    "store.enqueue",
    "store.inbox",
    "store.meta",
    "store.quick_json",
    "store.schema",
}
#: What a look of the page may load beyond these, whatever they load themselves, and what is
#: in these rooms (docs/adr/0026).
PAGE_IMPORTS = HOOK_IMPORTS + "import zlib\n"
PAGE_ROOMS = {"store", "tasks", "worker"}


def product_files() -> list[Path]:
    """Every Python file that is shipped."""
    files = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    return [*files, *(ROOT / f"{name}.py" for name in TOP)]


def module_name(path: Path, root: Path = ROOT) -> str:
    """Dotted name under which a file of the repo is imported."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_for_types(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Name)
        and node.test.id == "TYPE_CHECKING"
    )


def imports_of(source: str, importer: str, *, types_too: bool = True) -> set[str]:
    """Every dotted name that a module may import, at any depth.

    ``from a import b`` counts as ``a.b``; whoever knows the modules decides
    whether that is a module or a name in ``a``. With ``types_too`` off, what
    stands under ``if TYPE_CHECKING`` is left out.
    """
    found: set[str] = set()
    tree = ast.parse(source)
    only_types = {
        id(inner)
        for node in ast.walk(tree)
        if not types_too and _is_for_types(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in only_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = importer.split(".")[: -node.level]
                base = ".".join([*parents, *([base] if base else [])])
            found |= {f"{base}.{alias.name}" for alias in node.names}
    return found


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """Arrows between the given modules; ``sources`` maps a dotted name to its text."""
    graph: dict[str, set[str]] = {}
    for name, source in sources.items():
        targets = set()
        for wanted in imports_of(source, name):
            known = wanted if wanted in sources else wanted.rpartition(".")[0]
            if known in sources and known != name:
                targets.add(known)
        graph[name] = targets
    return graph


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Circles in the graph, each as the modules along it; empty when there are none."""
    found = []
    done: set[str] = set()

    def visit(name: str, trail: list[str]) -> None:
        if name in trail:
            found.append([*trail[trail.index(name) :], name])
        elif name not in done:
            for target in sorted(graph[name]):
                visit(target, [*trail, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return found


def forbidden_arrows(graph: dict[str, set[str]]) -> list[str]:
    """Imports from one room to another that docs/architecture.md does not have."""
    return [
        f"{name} imports {target}"
        for name, targets in sorted(graph.items())
        for target in sorted(targets)
        if (here := name.split(".")[0]) != (there := target.split(".")[0])
        and there not in ARROWS[here]
    ]


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    """Text of every product module by its dotted name."""
    return {module_name(path): path.read_text(encoding="utf-8") for path in product_files()}


# --- rooms -----------------------------------------------------------------------------------


def test_no_module_imports_itself_by_a_detour(sources: dict[str, str]) -> None:
    """There is no circle of imports, not even one hidden in a function or for types only."""
    assert circles(import_graph(sources)) == []


def test_the_stand_ins_import_one_way() -> None:
    """The stand-ins have no circle of imports either."""
    files = sorted((ROOT / "simulator").rglob("*.py"))
    told = {module_name(path): path.read_text(encoding="utf-8") for path in files}
    assert circles(import_graph(told)) == []


def test_rooms_import_only_along_the_arrows(sources: dict[str, str]) -> None:
    """No room knows another that docs/architecture.md keeps from it."""
    assert forbidden_arrows(import_graph(sources)) == []


def test_the_product_imports_nothing_that_is_not_shipped(sources: dict[str, str]) -> None:
    """Neither the stand-ins nor the tests nor the tools are needed to run."""
    wanted = {
        f"{name} imports {target}"
        for name, source in sources.items()
        for target in imports_of(source, name)
        if target.split(".")[0] in NOT_SHIPPED
    }
    assert wanted == set()


def test_third_party_packages_stay_in_their_rooms(sources: dict[str, str]) -> None:
    """Only declared run-time packages are imported, each only where its server is spoken to."""
    ours = {*ARROWS, "__future__"}
    wrong = {
        f"{name} imports {target}"
        for name, source in sources.items()
        for target in imports_of(source, name, types_too=False)
        if (top := target.split(".")[0]) not in ours | sys.stdlib_module_names | {"msvcrt"}
        and name.split(".")[0] not in PACKAGES.get(top, ())
    }
    assert wrong == set()


def test_no_import_hides_from_the_graph(sources: dict[str, str]) -> None:
    """Nothing is imported by a computed name, which the checks above could not see."""
    hidden = [
        name
        for name, source in sources.items()
        if re.search(r"\b(__import__|import_module|run_module|run_path)\(", source)
    ]
    assert hidden == []


def test_the_graph_sees_circles_and_wrong_arrows() -> None:
    """The two checks above find what they are there for, in every form of import."""
    graph = import_graph(
        {
            "store": "",
            "store.queue": "def f():\n    from worker import dispatch\n",
            "worker": "",
            "worker.dispatch": "from . import sweep\n",
            "worker.sweep": "import store.queue\n",
        }
    )
    assert circles(graph) == [["store.queue", "worker.dispatch", "worker.sweep", "store.queue"]]
    assert forbidden_arrows(graph) == ["store.queue imports worker.dispatch"]


# --- the hook's path -------------------------------------------------------------------------

RUN_ENTRY = """
import sys
entry, report = sys.argv[1:3]
sys.argv = [entry]
sys.path[0] = entry.rpartition("/")[0]
# The worker that the hook starts is another process; what it would load is no concern here.
sys.executable = "/bin/true"
try:
    exec(compile(open(entry).read(), entry, "exec"), {"__name__": "__main__", "__file__": entry})
finally:
    loaded = sorted(sys.modules)
    with open(report, "w") as out:
        out.write("\\n".join(loaded))
"""
LIST_BASELINE = "print('\\n'.join(sys.modules))"

INPUTS: dict[str, Any] = {
    "edit": {"input": {"id": "7", "title": "A"}, "inputFields": ["id", "title"]},
    "bulk": {"input": {"ids": ["7", "8"], "rating100": 40}, "inputFields": ["ids"]},
    "list": {"input": [{"id": "7"}, {"id": "8"}], "inputFields": ["id"]},
    "scan": {"input": None},
}


def loaded_by(folder: Path, imports: str, **arguments: Any) -> set[str]:
    """Run plexsync.py as Stash does; give what it loaded beyond some imports and all of theirs."""
    payload = {
        "server_connection": {
            "Scheme": "http",
            "Host": "0.0.0.0",
            "Port": 9999,
            "SessionCookie": {"Name": "session", "Value": "x", "Expires": "0001-01-01T00:00:00Z"},
            "Dir": str(folder),
            "PluginDir": str(ROOT),
        },
        "args": arguments,
    }
    report = folder / "modules"
    cache = str(folder / "compiled")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPYCACHEPREFIX": cache}
    baseline = subprocess.run(
        [sys.executable, "-S", "-c", imports + LIST_BASELINE],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    done = subprocess.run(
        [sys.executable, "-S", "-c", RUN_ENTRY, str(ROOT / "plexsync.py"), str(report)],
        env=environment,
        input=json.dumps(payload).encode(),
        check=False,
        capture_output=True,
        timeout=30,
    )
    assert "output" in json.loads(done.stdout), (done.stdout, done.stderr.decode())
    return set(report.read_text(encoding="utf-8").split()) - set(baseline)


@pytest.mark.skipif(sys.platform == "win32", reason="starts a stand-in for the worker by path")
@pytest.mark.parametrize("shape", sorted(INPUTS))
def test_the_hook_loads_nothing_beyond_its_list(tmp_path: Path, shape: str) -> None:
    """At worst it pays for sqlite3 and what that needs, and for ten small modules of ours."""
    context = {"id": 7, "type": "Scene.Update.Post", **INPUTS[shape]}
    loaded = loaded_by(tmp_path, HOOK_IMPORTS, hookContext=context)
    assert "worker.hook" in loaded
    assert sorted(loaded - HOOK_MODULES) == []


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Stash's in which PlexSync has made its store: the first look loads more."""
    folder = tmp_path_factory.mktemp("stash")
    assert "store.backup" in loaded_by(folder, PAGE_IMPORTS, mode="page_state")
    return folder


@pytest.mark.skipif(sys.platform == "win32", reason="starts a stand-in for the worker by path")
@pytest.mark.parametrize("mode", sorted({*page.MODES} - {"check_settings"}))
def test_a_look_of_the_page_loads_nothing_beyond_its_list(begun: Path, mode: str) -> None:
    """It pays for sqlite3 and zlib and for our own modules: not for json, typing or contextlib."""
    loaded = loaded_by(begun, PAGE_IMPORTS, mode=mode, id=7)
    foreign = {name for name in loaded if name.split(".")[0] not in PAGE_ROOMS}
    assert sorted(foreign - {"__future__", "sync", "sync.left_out"}) == []


# --- modules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", product_files(), ids=module_name)
def test_a_module_fits_on_a_few_screens(path: Path) -> None:
    """One noun a module: beyond 500 lines there are two nouns in it."""
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= LONGEST_MODULE


def public_definitions(tree: ast.Module) -> list[ast.AST]:
    """Public classes, functions and methods of a module, in order."""
    found: list[ast.AST] = []
    places: list[ast.Module | ast.ClassDef] = [tree]
    while places:
        for node in places.pop(0).body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_"):
                continue
            found.append(node)
            if isinstance(node, ast.ClassDef):
                places.append(node)
    return found


@pytest.mark.parametrize("path", product_files(), ids=module_name)
def test_what_is_public_is_explained(path: Path) -> None:
    """A module and every public class, function and method in it has a docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    silent = [
        getattr(node, "name", "")
        for node in public_definitions(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not ast.get_docstring(node)
    ]
    if tree.body and not ast.get_docstring(tree):
        silent.insert(0, "the module itself")
    assert silent == []


def test_names_are_nouns_of_the_field() -> None:
    """No file and no class is named for being useful in general."""
    vague = re.compile(r"(^|_)(utils?|helpers?|managers?|handle_data|misc|common)(_|$)")
    wrong = []
    for path in (file for file in repo_files() if file.suffix == ".py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        wrong += [f"{path.name}: {part}" for part in parts if vague.search(part.lower())]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef) and re.search(r"(Util|Helper|Manager)s?$", node.name):
                wrong.append(f"{path.name}: {node.name}")
    assert wrong == []


#: Names that nothing of ours uses, by who does: without the reason it is dead code.
USED_FROM_OUTSIDE = {
    "the logging package": {
        "converter",
        "default_time_format",
        "default_msec_format",
        "handleError",
    },
    "the requests package": {
        "_content",
        "_content_consumed",
        "max_redirects",
        "send",
        "trust_env",
    },
    "expat": {"StartElementHandler", "StartDoctypeDeclHandler"},
    "json's scanner": {
        "memo",
        "object_hook",
        "object_pairs_hook",
        "parse_constant",
        "parse_float",
        "parse_int",
        "strict",
    },
    "plexapi": {"_code"},
    "Python, for plex.client.PlexServer": {"__getattr__"},
    "the contract: a job in, Plex edited": {"_process_job"},
}


def test_nothing_is_there_that_nobody_uses() -> None:
    """No function, class, attribute or constant of the product is used by its tests alone."""
    finder = Vulture()
    finder.scavenge(product_files())
    unused = {item.name for item in finder.get_unused_code(min_confidence=60)}
    allowed = set().union(*USED_FROM_OUTSIDE.values())
    assert sorted(unused - allowed) == []
    assert sorted(allowed - unused) == [], "this is used by now, or gone"


# --- the whole repo --------------------------------------------------------------------------


def repo_files() -> list[Path]:
    """Every file that git has or would take, deleted ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def findings(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs in the repo's text, as "file:line: match"."""
    found = []
    for path in repo_files():
        text = path.read_bytes().decode("utf-8", "replace")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(f"{path.relative_to(ROOT)}:{line}: {match.group()[:60]}")
    return found


MACHINE_PATH = re.compile(r"(?<![\w.-])/(?:work|root|home/[a-z]\w*)/")
#: Written apart, so that this file does not name them either.
REGISTRIES = re.compile(
    "|".join(
        re.escape(".".join(parts))
        for parts in (
            ("pypi", "org"),
            ("pythonhosted", "org"),
            ("npmjs", "org"),
            ("npmjs", "com"),
            ("crates", "io"),
            ("proxy", "golang", "org"),
            ("maven", "org"),
            ("deb", "debian", "org"),
        )
    )
)
#: A quoted or URL value of 20 or more characters, with capitals, small letters and digits.
SECRET = re.compile(
    r"(?i:token|api_?key|cookie|secret|password|authorization)"
    r"""['"]?\s*[:=]\s*['"]?"""
    r"(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{20,}"
    r"|\beyJ[\w-]{10,}\.[\w-]{10,}\."
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)


def test_no_file_names_a_path_of_a_machine() -> None:
    """The repo reads the same wherever it lies: no home and no work folder of anybody."""
    assert findings(MACHINE_PATH) == []


def test_no_file_names_a_package_registry() -> None:
    """Packages come by their names; which registry serves them is the machine's business."""
    assert findings(REGISTRIES) == []


def test_no_file_holds_anything_like_a_token() -> None:
    """No token, cookie or key, not even an expired one, lies in the repo."""
    assert findings(SECRET) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "see " + "/work" + "/main"),
        (MACHINE_PATH, '"' + "/home" + '/me/videos"'),
        (REGISTRIES, "https://py" + "pi.org/simple"),
        (SECRET, "X-Plex-" + "Token=aB3" + "dE5" * 6),
        (SECRET, '"plex_' + 'token": "aB3' + "dE5" * 6 + '"'),
        (SECRET, "-----BEGIN RSA " + "PRIVATE KEY-----"),
    ],
)
def test_the_searches_find_what_they_look_for(pattern: re.Pattern[str], text: str) -> None:
    """Each search hits an example of its kind."""
    assert pattern.search(text)


def test_mocks_stay_in_the_mission_contract() -> None:
    """Everything else is tested on real sockets, files and processes."""
    mocking = [
        path.name
        for path in repo_files()
        if path.suffix == ".py"
        and any(
            name == "mock" or name.startswith(("unittest.mock", "mock.", "pytest_mock"))
            for name in imports_of(path.read_text(encoding="utf-8"), module_name(path))
        )
    ]
    assert set(mocking) <= {"test_plex_integration.py"}


def test_no_test_is_named_by_the_clock() -> None:
    """Two processes that collect a second apart have to agree on every name."""
    assert not [
        f"{path.relative_to(ROOT)}: {name}"
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        for name in named_by_the_clock(ast.parse(path.read_text(encoding="utf-8")))
    ]
    example = "T = int(time.time()) - 5\n@pytest.mark.parametrize('at', [None, T]{})\ndef f(): ..."
    assert named_by_the_clock(ast.parse(example.format(""))) == ["T"]
    assert named_by_the_clock(ast.parse(example.format(", ids=['never', 'then']"))) == []


def named_by_the_clock(module: ast.Module) -> list[str]:
    """Module-level values that the clock or chance gives, where they name a test's case."""
    calls = re.compile(r"\b(time\.\w+|\w*\.?now|uuid\d|random\.\w+|secrets\.\w+)\(")
    changing = {
        target.id
        for one in module.body
        if isinstance(one, ast.Assign) and calls.search(ast.unparse(one.value))
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    return [
        name.id
        for one in ast.walk(module)
        if isinstance(one, ast.Call) and ast.unparse(one.func).endswith("parametrize")
        if "ids" not in {keyword.arg for keyword in one.keywords}
        for name in ast.walk(one)
        if isinstance(name, ast.Name) and name.id in changing
    ]


def test_the_version_is_the_same_everywhere() -> None:
    """PlexSync.yml and pyproject.toml speak of one version."""
    versions = {
        name: re.search(pattern, (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name, pattern in (
            ("PlexSync.yml", r"^version: (\S+)$"),
            ("pyproject.toml", r'^version = "(\S+)"$'),
        )
    }
    assert len({match.group(1) for match in versions.values() if match}) == 1
    assert all(versions.values())


def test_every_decision_has_its_three_parts() -> None:
    """Each record under docs/adr says why, what, and what follows, and has its own number."""
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    numbers = [path.name[:4] for path in records]
    assert numbers == [f"{number:04}" for number in range(1, len(records) + 1)]
    for path in records:
        headings = re.findall(r"^## (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], path.name


# --- words -----------------------------------------------------------------------------------

MANIFEST: dict[str, Any] = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
KEYS = re.compile(rf"\b(?:{'|'.join(MANIFEST['settings'])})\b")
#: Names of fields, too, as Sync Fields takes them.
FIELD_KEYS = {"content_rating"}
#: Its file is read by those who help, beside config.yml, where the keys stand.
BY_KEY = {"tasks/diagnostics.py"}


def called_by_key(text: str) -> list[str]:
    """Give the keys of settings that a sentence uses in the place of their names."""
    is_sentence = bool(re.search(r"\w \w", text))
    return [key for key in KEYS.findall(text) if key not in FIELD_KEYS] if is_sentence else []


def said_by_product() -> Iterator[tuple[str, str]]:
    """Every text of the product's code but docstrings, and of the manifest, with its file."""
    for path in product_files():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and id(node) not in alone:
                yield path.relative_to(ROOT).as_posix(), text
    for path in sorted((ROOT / "ui").glob("*.js")):
        for text in re.findall(r'"([^"\n]*)"', path.read_text(encoding="utf-8")):
            yield path.relative_to(ROOT).as_posix(), text
    for kind in ("settings", "tasks", "hooks"):
        entries = MANIFEST[kind]
        for entry in entries.values() if isinstance(entries, dict) else entries:
            yield "PlexSync.yml", entry["description"]


def test_no_message_calls_a_setting_by_its_key() -> None:
    """Page, panel, tab and logs say "Plex Token", as the screen does, and never plex_token."""
    said = list(said_by_product())
    assert len(said) > 1000
    found = {f"{where}: {text[:60]}" for where, text in said if called_by_key(text)}
    assert {one for one in found if one.partition(":")[0] not in BY_KEY} == set()


@pytest.mark.parametrize("key", sorted(MANIFEST["settings"]))
def test_a_setting_is_called_as_stash_shows_it(key: str) -> None:
    """The name in a message is that of the row to look for."""
    assert shown_name(key) == MANIFEST["settings"][key]["displayName"]
    assert str(Problem(key, "is empty")) == f"{MANIFEST['settings'][key]['displayName']}: is empty"
