"""The release: what is in it, that it is always the same, and that it runs on its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import pytest
import yaml

from simulator.control import start_plex, start_stash
from tests.installation import Installation, wait_for
from tests.test_house import ROOMS
from tools import package

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
NOBODY = 65534
#: A time of release, as a builder gives it.
EPOCH = "1780000000"


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with PlexSync.zip and index.yml, freshly built."""
    into = tmp_path_factory.mktemp("release")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", EPOCH)
        package.build(ROOT, into)
    return into


@pytest.fixture(scope="module")
def names(release: Path) -> list[str]:
    """The paths in the zip."""
    with zipfile.ZipFile(release / "PlexSync.zip") as archive:
        return archive.namelist()


# --- what is in it ---------------------------------------------------------------------------


def test_stash_finds_one_plugin_in_it(names: list[str]) -> None:
    """One .yml, at the root, and no file of the name that Stash keeps for itself."""
    assert [name for name in names if name.lower().endswith(".yml")] == ["PlexSync.yml"]
    assert "manifest" not in names


def test_every_room_and_every_page_file_is_in_it(names: list[str]) -> None:
    """What the manifest loads and what the entry imports is there, and no other room."""
    assert package.rooms(ROOT) == sorted(ROOMS)
    manifest = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
    assert {*manifest["ui"]["javascript"], *manifest["ui"]["css"], "plexsync.py"} <= set(names)
    for room in ROOMS:
        shipped = {name for name in names if name.startswith(f"{room}/")}
        assert shipped == {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / room).rglob("*.py")
            if path.is_file()
        }


def test_nothing_is_in_it_that_nobody_runs(names: list[str]) -> None:
    """No tests, no stand-ins, no tools, no caches, and no requirements for somebody to install."""
    unwanted = re.compile(
        r"(^|/)(tests?|simulator|tools|docs|__pycache__|\.[^/]+)/|\.pyc$|requirements"
    )
    assert [name for name in names if unwanted.search(name)] == []


def test_nothing_in_it_is_compiled(names: list[str]) -> None:
    """It runs on musl and on 32-bit ARM as it does anywhere."""
    assert [name for name in names if Path(name).suffix in package.COMPILED] == []


def test_each_package_comes_with_its_licence(names: list[str]) -> None:
    """Every pinned package has a folder of its own under vendor/licences."""
    pinned = re.findall(r"^(\S+)==", (ROOT / package.PINS).read_text(), re.MULTILINE)
    licensed = {name.split("/")[2] for name in names if name.startswith("vendor/licences/")}
    assert licensed == {name.replace("-", "_") for name in pinned}


def test_the_versions_inside_are_those_that_the_tests_run_with() -> None:
    """What is shipped is what was tested, and all that requirements.txt asks for."""
    shipped = dict(re.findall(r"^(\S+)==(\S+)", (ROOT / package.PINS).read_text(), re.MULTILINE))
    tested = dict(
        re.findall(r"^(\S+)==(\S+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
    )
    assert shipped == {name: tested.get(name) for name in shipped}
    wanted = re.findall(r"^([a-z-]+)>=", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    assert set(wanted) <= set(shipped)


# --- always the same -------------------------------------------------------------------------


def copy_of_the_repo(target: Path) -> Path:
    """Copy what a release is made of, with other times and permissions."""
    target.mkdir()
    for name in (*package.FILES, package.PINS, "pyproject.toml"):
        shutil.copyfile(ROOT / name, target / name)
    for room in (*package.rooms(ROOT), package.PAGES):
        shutil.copytree(ROOT / room, target / room, copy_function=shutil.copyfile)
    for path in target.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    return target


def test_the_same_files_give_the_same_bytes(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither times, nor permissions, nor where it is built, change a byte."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    elsewhere = copy_of_the_repo(tmp_path / "elsewhere")
    (elsewhere / "worker" / "__pycache__").mkdir(exist_ok=True)
    (elsewhere / "worker" / "__pycache__" / "page.pyc").write_bytes(b"x")
    again = package.build(elsewhere, tmp_path / "again")
    assert again.read_bytes() == (release / "PlexSync.zip").read_bytes()


def test_another_file_gives_other_bytes(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The comparison above could fail."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    elsewhere = copy_of_the_repo(tmp_path / "elsewhere")
    (elsewhere / "LICENSE").write_text("another")
    again = package.build(elsewhere, tmp_path / "again")
    assert again.read_bytes() != (release / "PlexSync.zip").read_bytes()


def test_the_index_describes_the_zip_beside_it(release: Path) -> None:
    """Stash reads the index: a relative path, the right hash, a date in its only format."""
    (entry,) = yaml.safe_load((release / "index.yml").read_text(encoding="utf-8"))
    archive = (release / "PlexSync.zip").read_bytes()
    assert entry["id"] == entry["name"] == "PlexSync"
    assert entry["path"] == "PlexSync.zip"
    assert entry["sha256"] == hashlib.sha256(archive).hexdigest()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", entry["date"])
    assert entry["version"] == package.version(ROOT)


def test_what_is_published_is_what_the_documents_say(release: Path) -> None:
    """The build writes the files that CONTRIBUTING lists; README's one address leads to both."""
    written = sorted(path.name for path in release.iterdir())
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    releasing = contributing.partition("## Releasing")[2].partition("\n## ")[0]
    told, _, steps = releasing.partition("1. ")
    assert sorted(set(re.findall(r"`([\w.]+\.(?:zip|yml))`", told))) == written
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (address,) = re.findall(r"`(https://\S+/index\.yml)`", readme)
    pattern = r"https://github\.com/<owner>/PlexSync/releases/latest/download/index\.yml"
    assert re.fullmatch(pattern, address)
    assert f"`{address}`, where `<owner>` is the account" in readme
    assert "OWNER" not in readme
    # A release is found there whatever its tag, if it bears the names of the two files.
    (entry,) = yaml.safe_load((release / "index.yml").read_text(encoding="utf-8"))
    assert urljoin(address, entry["path"]).rpartition("/")[2] in written
    assert "not as a\n   pre-release" in steps


# --- what ends the build ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("PlexSync.yml", r"^version: .*", "version: 9.9.9"),
        ("pyproject.toml", r'^version = ".*"', 'version = "9.9.9"'),
        ("CHANGELOG.md", r"^## \[Unreleased\]", "## [9.9.9] - 2026-01-01"),
    ],
)
def test_versions_that_do_not_agree_end_the_build(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    """Manifest, project and changelog speak of one version, or nothing is built."""
    root = copy_of_the_repo(tmp_path / "repo")
    text = re.sub(old, new, (root / file).read_text(), count=1, flags=re.MULTILINE)
    (root / file).write_text(text)
    with pytest.raises(package.PackageError, match=r"9\.9\.9"):
        package.version(root)


def test_a_release_in_the_changelog_gives_the_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the version stands in the changelog, its day is the time of every file."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    root = copy_of_the_repo(tmp_path / "repo")
    number = package.version(root)
    (root / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{number}] - 2026-05-04\n")
    assert str(package.release_time(root)) == "2026-05-04 00:00:00+00:00"


def make_wheel(folder: Path, name: str, files: dict[str, str]) -> Path:
    """Make something like a wheel."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return folder / name


@pytest.mark.parametrize(
    ("name", "files", "words"),
    [
        ("p-1-cp312-cp312-linux_x86_64.whl", {"p.py": ""}, "not a pure"),
        ("p-1-py3-none-any.whl", {"p/fast.so": "", "p-1.dist-info/LICENSE": "x"}, "compiled"),
        ("p-1-py3-none-any.whl", {"p/__init__.py": ""}, "licence"),
    ],
)
def test_what_is_compiled_or_unlicensed_is_refused(
    tmp_path: Path, name: str, files: dict[str, str], words: str
) -> None:
    """The build ends with the file's name."""
    with pytest.raises(package.PackageError, match=words):
        package.unpack(make_wheel(tmp_path, name, files))


def test_a_second_manifest_is_refused(tmp_path: Path) -> None:
    """A .yml inside a package would be a plugin for Stash."""
    wheel = make_wheel(
        tmp_path, "p-1-py3-none-any.whl", {"p/x.yml": "", "p-1.dist-info/LICENSE": "x"}
    )
    with pytest.raises(package.PackageError, match="stumble"):
        package.contents(ROOT, [wheel])


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    """What is pinned comes in exactly that form, or not at all."""
    pins = tmp_path / "pins.txt"
    pins.write_text(f"idna==3.20 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(package.PackageError, match="could not be fetched"):
        package.download(pins, tmp_path / "wheels")


# --- installed -------------------------------------------------------------------------------


def as_user(user: int | None) -> dict[str, Any]:
    """Give what subprocess needs to run something as a user; None is ourselves."""
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def another_user() -> tuple[str, int | None]:
    """Give a Python and a user other than root who can run it; ourselves if we are not root."""
    if os.geteuid():
        return sys.executable, None
    probe = "import sqlite3, sys, venv; sys.exit(sys.version_info < (3, 10))"
    for python in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        if python is not None:
            with contextlib.suppress(OSError):
                command = [os.path.realpath(python), "-c", probe]
                if not subprocess.run(
                    command, check=False, cwd="/", timeout=60, **as_user(NOBODY)
                ).returncode:
                    return command[0], NOBODY
    pytest.fail("Root's Python cannot be run by another user, and the system has none beside it.")


class Bare(Installation):
    """An installation from the zip, run by a Python that has no packages, as another user."""

    python: str = ""
    user: int | None = None

    def run(self, **arguments: Any) -> dict[str, Any]:
        """Run the plugin once as Stash would there."""
        done = subprocess.run(
            [self.python, "-S", str(self.plugin_dir / "plexsync.py")],
            input=self.payload(**arguments),
            capture_output=True,
            check=False,
            timeout=120,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.plugin_dir.parent)},
            cwd="/",
            **as_user(self.user),
        )
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        answer["stderr"] = done.stderr.decode()
        return answer


@pytest.fixture(scope="module")
def bare_folder() -> Iterator[tuple[Path, str, int | None]]:
    """A folder open to other users, a Python in it that has no packages, and who runs it."""
    # pytest's own folders are closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="plexsync-"))
    folder.chmod(0o755)
    base, user = another_user()
    python = folder / "python"
    subprocess.run([base, "-m", "venv", "--without-pip", str(python)], check=True, timeout=60)
    yield folder, str(python / "bin" / "python"), user
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bare(release: Path, bare_folder: tuple[Path, str, int | None]) -> Iterator[Bare]:
    """The zip, unpacked into an empty folder that its user cannot write to."""
    folder, python, user = bare_folder
    config_dir = folder / "stash"
    plugin_dir = config_dir / "plugins" / "stable" / "PlexSync"
    plugin_dir.mkdir(parents=True)
    config_dir.chmod(0o755)
    if user is not None:
        os.chown(config_dir, user, user)
    with zipfile.ZipFile(release / "PlexSync.zip") as archive:
        archive.extractall(plugin_dir)
    for path in (plugin_dir.parent, plugin_dir, *plugin_dir.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with (
            start_plex(3) as plex,
            start_stash(3, plugin_dir=config_dir / "plugins", config_dir=config_dir) as stash,
        ):
            env = Bare(stash, plex, config_dir, plugin_dir)
            env.python, env.user = python, user
            env.settings()
            yield env
            env.kill_workers()
    finally:
        for path in (plugin_dir.parent, *plugin_dir.parent.rglob("*")):
            path.chmod(stat.S_IRWXU)


def test_the_bare_python_has_none_of_our_packages(bare: Bare) -> None:
    """The test below proves nothing unless this holds."""
    probe = (
        "import importlib.util as u; print([n for n in ('requests','plexapi') if u.find_spec(n)])"
    )
    done = subprocess.run(
        [bare.python, "-c", probe], capture_output=True, text=True, check=True, env={"PATH": ""}
    )
    assert done.stdout.strip() == "[]"


def test_a_scene_is_synced_from_the_zip_alone(bare: Bare) -> None:
    """Hook, worker and sync run on what is in the zip, by a user who can write only the data."""
    bare.stash.set_scene(1, title="From the zip")
    assert "output" in bare.hook(1)
    bare.title_becomes(1, "From the zip")
    bare.settled()
    assert bare.crash() == ""


def test_the_page_and_the_check_run_from_the_zip_alone(bare: Bare) -> None:
    """Both kinds of operation find what they need."""
    bare.stash.set_scene(1, title="Seen")
    bare.hook(1)
    bare.title_becomes(1, "Seen")
    assert bare.run(mode="page_state")["output"]["queue"]["parked"] == 0
    assert bare.run(mode="test_connection")["output"]["ok"]
    assert not list(bare.plugin_dir.rglob("*.pyc"))


def test_a_package_of_a_neighbour_is_not_taken_for_ours(bare: Bare) -> None:
    """Stash puts the folder of all plugins on the path; a requests there is somebody else's."""
    neighbour = bare.plugin_dir.parent / "requests"
    bare.plugin_dir.parent.chmod(0o755)
    neighbour.mkdir()
    try:
        (neighbour / "__init__.py").write_text("raise SystemExit('the wrong one')")
        assert bare.run(mode="test_connection")["output"]["ok"]
    finally:
        shutil.rmtree(neighbour)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("vendor/requests is gone", "reinstall the plugin"),
        ("vendor is gone", "reinstall the plugin"),
        ("a module of ours is gone", "reinstall the plugin"),
        ("a checkout without packages", "requirements.txt"),
        ("a Python without ssl", "Python Executable Path"),
    ],
)
def test_what_cannot_be_imported_is_said_with_its_mend(
    release: Path,
    bare_folder: tuple[Path, str, int | None],
    tmp_path: Path,
    harm: str,
    words: str,
) -> None:
    """A release is installed anew, a checkout wants pip, a Python that lacks parts another one."""
    plugin = tmp_path / "PlexSync"
    if harm == "a checkout without packages":
        copy_of_the_repo(plugin)
        shutil.copy(ROOT / "requirements.txt", plugin)
    else:
        with zipfile.ZipFile(release / "PlexSync.zip") as archive:
            archive.extractall(plugin)
    if harm == "a module of ours is gone":
        (plugin / "plex" / "libraries.py").unlink()
    elif harm.startswith("vendor"):
        shutil.rmtree(plugin / harm.partition(" ")[0])
    elif harm == "a Python without ssl":
        (plugin / "ssl.py").write_text("raise ModuleNotFoundError('none', name='_ssl')\n")
    payload = {
        "server_connection": {"Scheme": "http", "Port": 9, "Dir": str(tmp_path)},
        "args": {"mode": "check_connection"},
    }
    done = subprocess.run(
        [bare_folder[1], "-S", str(plugin / "plexsync.py")],
        input=json.dumps(payload).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    said = json.loads(done.stdout)["error"]
    assert words in said
    assert ("pip install" in said) == (words == "requirements.txt")


def test_an_update_under_a_running_worker_swaps_cleanly(bare: Bare, release: Path) -> None:
    """Stash deletes and unpacks file by file; the worker becomes the new one and goes on."""
    bare.stash.set_scene(2, title="Before the update")
    bare.hook(2)
    bare.title_becomes(2, "Before the update")
    wait_for(bare.worker_lives)
    (worker,) = bare.workers()
    for path in (bare.plugin_dir, *bare.plugin_dir.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with zipfile.ZipFile(release / "PlexSync.zip") as archive:
        for name in archive.namelist():
            (bare.plugin_dir / name).unlink()
        archive.extractall(bare.plugin_dir)
    with (bare.plugin_dir / "worker" / "retry_policy.py").open("a") as file:
        file.write("#: The newer release.\n")
    for path in bare.plugin_dir.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    bare.stash.set_scene(2, title="After the update")
    bare.hook(2)
    bare.title_becomes(2, "After the update")
    wait_for(lambda: "updated" in bare.log())
    wait_for(bare.worker_lives)
    # A process that is just becoming another one shows no command for an instant.
    wait_for(lambda: bare.workers() == [worker])
