"""Brings the libraries that Stash's pages are made of onto this machine, for the browser tests.

React, its router and Bootstrap in the versions that Stash gives to plugins. They
are fetched by npm into ``.cache/browser`` and checked by their hashes, never
committed. Running it again when they are there does nothing.

    python tools/fetch_browser_parts.py
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DEFAULT_DIR = Path(__file__).resolve().parent.parent / ".cache" / "browser"

PACKAGES = (
    "react@17.0.2",
    "react-dom@17.0.2",
    "react-router-dom@5.3.4",
    "react-bootstrap@1.6.8",
    "bootstrap@4.6.2",
)
#: File inside node_modules, and its sha256.
FILES = {
    "react/umd/react.development.js": (
        "428424bc51edcf9a0239c976a06951a343674afe62002f2b32d1140f1df5c024"
    ),
    "react-dom/umd/react-dom.development.js": (
        "4b15115bcef52d1e23f6de6267bc7d96278b966c53e17b2624a51279a2dedf01"
    ),
    "react-router-dom/umd/react-router-dom.js": (
        "e407ff633e6aabaeed10fdde27bfc8fb89b33803467f00a195dd19d36d0279ba"
    ),
    "react-bootstrap/dist/react-bootstrap.js": (
        "69d2fe927c38870a66ff238a7eb1c45d51f21434c9313fac08fb6aa5a6e1c11f"
    ),
    "bootstrap/dist/css/bootstrap.min.css": (
        "f886516f3d41e9e7bd994c7f7a39a89cafae9483f90396cb0ddeafe8d1ea5e72"
    ),
}


class PartsUnavailableError(Exception):
    """The libraries could not be fetched; the text says why and what to do."""


def is_complete(folder: Path) -> bool:
    """Tell whether ``folder`` holds exactly the pinned files."""
    return all(
        (folder / Path(name).name).is_file()
        and hashlib.sha256((folder / Path(name).name).read_bytes()).hexdigest() == digest
        for name, digest in FILES.items()
    )


def fetch(folder: Path) -> None:
    """Put the pinned files into ``folder``, without the folders they come in."""
    npm = shutil.which("npm")
    if npm is None:
        raise PartsUnavailableError(
            "The browser tests need npm once, to fetch React and Bootstrap: apt-get install -y npm"
        )
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [
                *(npm, "install", "--prefix", scratch, "--ignore-scripts", "--no-audit"),
                *("--no-fund", "--no-package-lock", "--loglevel=error", *PACKAGES),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        found = Path(scratch, "node_modules")
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["npm said nothing"])[-1]
            raise PartsUnavailableError(
                f"The browser tests' libraries could not be fetched: npm failed ({last}). "
                "Run this again when the machine can reach its npm registry."
            )
        folder.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(found / name, folder / Path(name).name)
    if not is_complete(folder):
        raise PartsUnavailableError("npm brought other files than the pinned ones; none is used.")


def main() -> int:
    """Fetch what is missing; give the exit status."""
    parser = argparse.ArgumentParser(description="Fetch the browser tests' libraries.")
    parser.add_argument("--check", action="store_true", help="only say by the status: 0 is there")
    check = parser.parse_args().check
    if is_complete(DEFAULT_DIR):
        return 0
    if check:
        return 1
    try:
        fetch(DEFAULT_DIR)
    except PartsUnavailableError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"Fetched the browser tests' libraries into {DEFAULT_DIR}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
