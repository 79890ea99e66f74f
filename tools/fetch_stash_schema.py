"""Brings Stash's GraphQL schema onto this machine, for the stand-in and its tests.

The schema is Stash's own work and is not kept in this repository. It is shipped
inside a package on the Python index; this script has pip download exactly that
wheel, checked by its hash, and unpacks the ``.graphql`` files into
``.cache/stash-schema``. Running it again when they are there does nothing.

    python tools/fetch_stash_schema.py [--into DIR]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

REQUIREMENT = "stash-graphql-client==0.12.12"
SHA256 = "bc8a57d844cf812c5d8352617a12bf3649677d35d38f8851a9867ae2a93df233"
INSIDE = "stash_graphql_client/schema/"
# The wheel asks for this Python; nothing of it is run, so any of ours may fetch it.
WHEEL_PYTHON = "3.12"
DEFAULT_DIR = Path(__file__).resolve().parent.parent / ".cache" / "stash-schema"


class SchemaUnavailableError(Exception):
    """The schema could not be fetched; the text says why and what to do."""


def is_complete(folder: Path) -> bool:
    """Tell whether ``folder`` holds the schema of exactly the pinned wheel."""
    stamp = folder / "SHA256"
    return stamp.is_file() and stamp.read_text(encoding="ascii").strip() == SHA256


def download(folder: Path) -> Path:
    """Download the pinned wheel with pip into ``folder`` and give its path."""
    pins = folder / "pins.txt"
    pins.write_text(f"{REQUIREMENT} --hash=sha256:{SHA256}\n", encoding="ascii")
    command = [
        *(sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--no-deps"),
        *("--python-version", WHEEL_PYTHON, "--only-binary=:all:", "--require-hashes"),
        *("--no-input", "--quiet", "--dest", str(folder), "--requirement", str(pins)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        last = (done.stderr.strip().splitlines() or ["pip said nothing"])[-1]
        raise SchemaUnavailableError(
            f"Stash's GraphQL schema could not be fetched: pip could not download {REQUIREMENT} "
            f"({last}). The Stash stand-in cannot start without it. Run this again when the "
            f"machine can reach its package index, or copy the .graphql files of that wheel "
            f"and the file SHA256 from a machine that has them."
        )
    return wheels[0]


def unpack(wheel: Path, folder: Path) -> int:
    """Write the ``.graphql`` files of ``wheel`` into ``folder`` and give their number."""
    count = 0
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not (name.startswith(INSIDE) and name.endswith(".graphql")) or ".." in name:
                continue
            target = folder / name[len(INSIDE) :]
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(archive.read(name))
            count += 1
    if not count:
        raise SchemaUnavailableError(f"{wheel.name} holds no .graphql file under {INSIDE}.")
    return count


def fetch(folder: Path = DEFAULT_DIR) -> bool:
    """Make sure that ``folder`` holds the schema; give True if it had to be fetched."""
    if is_complete(folder):
        return False
    folder.mkdir(parents=True, exist_ok=True)
    if folder == DEFAULT_DIR:
        # The folder ignores itself, whatever the repository's own list says.
        (folder.parent / ".gitignore").write_text("*\n", encoding="ascii")
    with tempfile.TemporaryDirectory() as scratch:
        unpack(download(Path(scratch)), folder)
    # Last of all, so that an interrupted run is done again.
    (folder / "SHA256").write_text(SHA256 + "\n", encoding="ascii")
    return True


def main() -> int:
    """Fetch the schema; exit status 1 with a sentence when that fails."""
    parser = argparse.ArgumentParser(description="Fetch Stash's GraphQL schema for the stand-in.")
    parser.add_argument("--into", type=Path, default=DEFAULT_DIR, help="folder to write into")
    folder = parser.parse_args().into
    try:
        fetched = fetch(folder)
    except SchemaUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Stash's schema is in {folder}" if fetched else f"Stash's schema was in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
