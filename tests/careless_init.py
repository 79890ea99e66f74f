"""A Stash in a container: process 1, which starts hooks and reaps nobody else.

Reads one JSON line a request from stdin ({"run": <stdin of the plugin>} or {}),
and answers with the hook's answer, its zombies, and the workers alive. Started
with the plugin's entry; with a second word it is no process 1, but adopts
orphans all the same and makes hooks believe that it is.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
import tempfile
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
PRETEND = "import os, runpy, sys; os.getppid = lambda: 1; sys.argv = sys.argv[1:]; "
PRETEND += "runpy.run_path(sys.argv[0], run_name='__main__')"


def run(entry: str, given: str, *, pretend: bool) -> str:
    """Run the plugin once, waiting for this very process; give its stdout."""
    with tempfile.TemporaryFile() as stdin, tempfile.TemporaryFile() as stdout:
        stdin.write(given.encode())
        stdin.seek(0)
        command = [sys.executable, "-S", *(["-c", PRETEND] if pretend else []), entry]
        process = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, stdin.fileno(), 0),
                (os.POSIX_SPAWN_DUP2, stdout.fileno(), 1),
            ],
        )
        os.waitpid(process, 0)
        stdout.seek(0)
        return stdout.read().decode()


def children() -> dict[str, list[int]]:
    """Give our children: those that are dead and unreaped, and those alive."""
    found: dict[str, list[int]] = {"zombies": [], "alive": []}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid():
            found["zombies" if state == "Z" else "alive"].append(int(path.parent.name))
    return found


def main() -> None:
    """Serve until stdin ends."""
    entry, pretend = sys.argv[1], len(sys.argv) > 2
    if pretend:
        ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0)
    for line in sys.stdin:
        request = json.loads(line)
        answer = run(entry, request["run"], pretend=pretend) if "run" in request else ""
        sys.stdout.write(json.dumps({"answer": answer, **children()}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
