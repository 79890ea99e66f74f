"""Builds what Stash installs: PlexSync.zip with its packages inside, and index.yml for a source.

    python tools/package.py [--into dist]

The same files give the same bytes: names are sorted, times and permissions are
fixed, nothing of the machine gets in. A compiled file in a package, a second
.yml, or versions that do not agree end the build.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import zipfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / ".cache" / "vendor"
PINS = "requirements-vendor.txt"

#: Single files that are shipped.
#: The entry, and what belongs to no room.
TOP = ("plexsync.py", "errors.py", "log.py")
FILES = ("PlexSync.yml", *TOP, "LICENSE", "README.md", "CHANGELOG.md")
#: The pages' own room, and what of it is shipped.
PAGES, PAGE_KINDS = "ui", {".js", ".css"}
#: Folders with Python in them that stay at home; every other one is a room of the product.
NOT_SHIPPED = {"tests", "simulator", "tools", "docs", "build", "dist", "vendor"}
COMPILED = {".so", ".pyd", ".dll", ".dylib", ".a", ".o", ".pyc", ".exe"}
LICENCE = re.compile(r"licen[cs]e|copying|notice|authors", re.IGNORECASE)
#: The oldest Python a release runs on decides which wheels fit.
OLDEST_PYTHON = "3.10"


class PackageError(Exception):
    """The release cannot be built; the text says why."""


def version(root: Path) -> str:
    """Give the version, which every file that names one has to agree on."""
    found = {
        name: re.search(pattern, (root / name).read_text(encoding="utf-8"), re.MULTILINE)
        for name, pattern in (
            ("PlexSync.yml", r"^version: (\S+)$"),
            ("pyproject.toml", r'^version = "(\S+)"$'),
        )
    }
    versions = {name: match[1] if match else "none" for name, match in found.items()}
    released = re.search(r"^## \[(\d\S*)\]", _changelog(root), re.MULTILINE)
    if released:
        versions["CHANGELOG.md"] = released[1]
    if len(set(versions.values())) != 1:
        listed = ", ".join(f"{name} says {number}" for name, number in versions.items())
        raise PackageError(f"The versions do not agree: {listed}.")
    return versions["PlexSync.yml"]


def release_time(root: Path) -> datetime:
    """Give the time of the release, in UTC and the same on every machine.

    SOURCE_DATE_EPOCH, else the changelog's day for this version, else (before
    the first release) the time of the last commit.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch:
        return datetime.fromtimestamp(int(epoch), timezone.utc)
    heading = rf"^## \[{re.escape(version(root))}\] - (\d{{4}}-\d\d-\d\d)$"
    day = re.search(heading, _changelog(root), re.MULTILINE)
    if day:
        return datetime.strptime(day[1], "%Y-%m-%d").replace(tzinfo=timezone.utc)
    done = subprocess.run(
        ["git", "log", "-1", "--format=%ct"], cwd=root, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise PackageError("No date: set SOURCE_DATE_EPOCH, or build in a git checkout.")
    return datetime.fromtimestamp(int(done.stdout), timezone.utc)


def download(pins: Path, folder: Path) -> list[Path]:
    """Bring the pinned wheels into ``folder``, each checked by its hash; give them by name."""
    wanted = re.findall(r"^\S+==\S+ --hash=sha256:(\w{64})$", pins.read_text(), re.MULTILINE)
    have = _by_hash(folder)
    if not set(wanted) <= set(have):
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download"),
                *("--quiet", "--no-input", "--no-deps", "--only-binary=:all:", "--require-hashes"),
                *("--platform", "any", "--implementation", "py", "--abi", "none"),
                *("--python-version", OLDEST_PYTHON, "--dest", str(folder)),
                *("--requirement", str(pins)),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
            raise PackageError(f"The packages of {pins.name} could not be fetched: {last}")
        have = _by_hash(folder)
    return sorted(have[digest] for digest in wanted)


def unpack(wheel: Path) -> dict[str, bytes]:
    """Give what of a wheel goes into vendor/, by path: its modules, and its licence."""
    name = wheel.name.split("-", maxsplit=1)[0]
    if not wheel.name.endswith("-none-any.whl"):
        raise PackageError(f"{wheel.name} is not a pure Python wheel.")
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.namelist():
            path = Path(entry)
            if entry.endswith("/"):
                continue
            if path.suffix.lower() in COMPILED:
                raise PackageError(f"{wheel.name} holds the compiled file {entry}.")
            if path.parts[0].endswith(".dist-info"):
                if LICENCE.search(path.name):
                    found[f"vendor/licences/{name}/{path.name}"] = archive.read(entry)
            elif "tests" not in path.parts and not path.parts[0].endswith(".data"):
                found[f"vendor/{entry}"] = archive.read(entry)
    if not any(path.startswith("vendor/licences/") for path in found):
        raise PackageError(f"{wheel.name} comes without a licence.")
    return found


def rooms(root: Path) -> list[str]:
    """Give the names of the folders that hold the product's modules."""
    found = {path.parent.name for path in root.glob("*/*.py")} - NOT_SHIPPED
    return sorted(name for name in found if not name.startswith("."))


def contents(root: Path, wheels: Iterable[Path]) -> dict[str, bytes]:
    """Give everything that goes into the zip, by path.

    Stash would take another manifest for a second plugin, or delete a file as its own.
    """
    found = {name: (root / name).read_bytes() for name in FILES}
    shipped = [path for room in rooms(root) for path in (root / room).rglob("*.py")]
    shipped += [path for path in (root / PAGES).rglob("*") if path.suffix in PAGE_KINDS]
    found |= {path.relative_to(root).as_posix(): path.read_bytes() for path in shipped}
    for wheel in wheels:
        found.update(unpack(wheel))
    manifests = [path for path in found if path.lower().endswith(".yml")]
    if manifests != ["PlexSync.yml"] or "manifest" in found:
        raise PackageError(f"Stash would stumble over {manifests} or a file called manifest.")
    return found


def make_zip(files: dict[str, bytes], when: datetime) -> bytes:
    """Give a zip of the files, sorted, all of one time and permission."""
    # A zip knows no time before 1980.
    since = max(when, datetime(1980, 1, 1, tzinfo=timezone.utc))
    stamp = (since.year, since.month, since.day, since.hour, since.minute, since.second)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, stamp)
            entry.create_system = 3  # else it is the builder's own
            entry.external_attr = 0o100644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path])
    return buffer.getvalue()


def make_index(root: Path, archive: bytes, when: datetime) -> str:
    """Give the index of a package source that holds the zip beside it."""
    manifest = (root / "PlexSync.yml").read_text(encoding="utf-8")
    described = re.search(r"^description: (.+)$", manifest, re.MULTILINE)
    return (
        "- id: PlexSync\n"
        "  name: PlexSync\n"
        f'  version: "{version(root)}"\n'
        f'  date: "{when:%Y-%m-%d %H:%M:%S}"\n'
        "  path: PlexSync.zip\n"
        f"  sha256: {hashlib.sha256(archive).hexdigest()}\n"
        "  requires: []\n"
        "  metadata:\n"
        f"    description: {json.dumps(described[1] if described else '')}\n"
    )


def build(root: Path, into: Path, wheels: Path = WHEELS) -> Path:
    """Build the zip and the index into a folder; give the zip's path."""
    when = release_time(root)
    files = contents(root, download(root / PINS, wheels))
    archive = make_zip(files, when)
    into.mkdir(parents=True, exist_ok=True)
    (into / "PlexSync.zip").write_bytes(archive)
    (into / "index.yml").write_text(make_index(root, archive, when), encoding="utf-8")
    return into / "PlexSync.zip"


def main() -> int:
    """Build; give the exit status."""
    parser = argparse.ArgumentParser(description="Build the release.")
    parser.add_argument("--into", type=Path, default=ROOT / "dist")
    try:
        archive = build(ROOT, parser.parse_args().into)
    except PackageError as problem:
        print(problem, file=sys.stderr)
        return 1
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
    ours = sum(not name.startswith("vendor/") for name in names)
    print(
        f"{archive}: {archive.stat().st_size:,} bytes, {ours} files of ours, "
        f"{len(names) - ours} of packages"
    )
    return 0


def _changelog(root: Path) -> str:
    return (root / "CHANGELOG.md").read_text(encoding="utf-8")


def _by_hash(folder: Path) -> dict[str, Path]:
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.glob("*.whl")}


if __name__ == "__main__":
    sys.exit(main())
