"""What Stash runs: a hook, a task, an operation; and the worker they start.

Started as ``python -S plexsync.py``: a hook then pays for no site-packages.
Everything else calls ``complete_path`` first. Whatever happens, Stash finds one
JSON object on stdout.

This file alone has to be read by any Python 3 from 3.6 on, so that one which is too
old for the rest can say so: no newer syntax here, and annotations of newer kinds as text.
"""

import os
import sys

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))
#: The oldest Python that reads the other files (pyproject.toml: requires-python).
OLDEST = (3, 10)
#: What loading a module raises that is missing, of another version, or half written.
UNLOADABLE = (ImportError, SyntaxError)
#: The first parts of our own modules' names: while an update runs they may not be there.
OURS = frozenset(
    (
        "errors",
        "log",
        "matching",
        "merge",
        "net",
        "plex",
        "stash",
        "store",
        "sync",
        "tasks",
        "validation",
        "worker",
    )
)
#: What a hook says of an edit that it could not note.
AFTERWARDS = (
    "This change is safe in Stash; PlexSync finds it by itself with the next save or task, "
    "at the latest with 'Sync all to Plex'."
)


def complete_path() -> None:
    """Make site-packages importable, with our own folder and vendored packages first.

    Neither a sibling plugin (Stash puts the plugins folder on PYTHONPATH) nor a
    package of the image can then stand in for one of ours.
    """
    import site

    site.main()
    ours = [HERE, os.path.join(HERE, "vendor")]
    sys.path[:] = ours + [place for place in sys.path if place not in ours]


def main() -> int:
    """Run what the command line and stdin ask for; give the exit status."""
    if sys.path[0] != HERE:
        sys.path.insert(0, HERE)
    if sys.version_info < OLDEST:
        if sys.stdin:
            sys.stdin.buffer.read()  # Stash is still writing
        sys.stdout.write(in_json(too_old()) + "\n")
        return 0
    if sys.argv[1:2] == ["worker"]:
        return work(sys.argv[2:])
    entry = os.path.join(HERE, "plexsync.py")
    try:
        from worker import hook

        # None when it came closed.
        payload = hook.decode(hook.read(sys.stdin.buffer) if sys.stdin else b"")
        if payload is not None and not hook.is_hook(payload):
            return run_operation(payload, entry)
        result, reminder = hook.answer(payload, entry)
    except UNLOADABLE as error:
        result, reminder = in_json(f"{files_missing(error)} {AFTERWARDS}"), ""
    except Exception as error:  # noqa: BLE001 - Stash shows our answer, not a traceback
        result, reminder = last_words(error), ""
    if reminder:
        sys.stderr.write(f"\x01w\x02{reminder}\n")
    sys.stdout.write(result + "\n")
    return 0


def run_operation(payload: "dict[str, Any]", entry: str) -> int:
    """Run a task or an operation; give the exit status.

    The packages are looked for only by what speaks to Stash or Plex: the page's
    look at the store, which comes often, does without them.
    """
    try:
        from tasks import operation

        return operation.main(payload, entry, complete_path)
    except UNLOADABLE as error:
        sys.stdout.write(in_json(packages_missing(error)) + "\n")
        return 0


def work(arguments: "list[str]") -> int:
    """Be the worker; give the exit status.

    Nobody hears a worker that cannot even load its packages, so the next hook
    is left a line to say.
    """
    complete_path()
    try:
        from worker import process
    except UNLOADABLE as error:
        from worker import hook_database

        hook_database.leave_notice(arguments[0], packages_missing(error))
        raise
    return process.main(arguments)


def too_old() -> str:
    """Say which Python is needed, where this one is, and how Stash gets another."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return (
        f"PlexSync needs Python {OLDEST[0]}.{OLDEST[1]} or newer, and Stash runs it with Python "
        f"{version} ({sys.executable}). Install a newer one on the machine or in the container "
        "that Stash runs in, name it under Settings > System > Python Executable Path if it is "
        "not the first on PATH, and restart Stash. Nothing is lost meanwhile."
    )


def packages_missing(error: "ImportError | SyntaxError") -> str:
    """Say what a person has to do when something cannot be imported."""
    if isinstance(error, SyntaxError):
        return files_missing(error)
    package = (error.name or "").partition(".")[0]
    if package in sys.stdlib_module_names:
        return (
            f"The Python that Stash uses, {sys.executable}, is not complete: {error}. Install the "
            "whole of it, or name another one under Settings > System > Python Executable Path."
        )
    wanted = os.path.join(HERE, "requirements.txt")
    # A release carries its packages, and no list of them for somebody to install.
    if not os.path.isfile(wanted) or package in OURS:
        return files_missing(error)
    return (
        f"PlexSync cannot load its packages: {error}. This is a checkout, not a release: install "
        f"them into the Python that Stash uses: {sys.executable} -m pip install -r {wanted}"
    )


def files_missing(error: "ImportError | SyntaxError") -> str:
    """Say that files of ours are away or half written, which is an update until it lasts."""
    return (
        f"PlexSync's own files are not complete: {error}. If it is being updated right now, "
        "try again in a minute; otherwise reinstall the plugin under Settings > Plugins."
    )


def in_json(text: str) -> str:
    """Give the answer that Stash shows as an error."""
    import json

    return json.dumps({"error": text})


def last_words(error: Exception) -> str:
    """Give the JSON for a failure that nobody foresaw: its kind and place, never its text."""
    place, step = "", error.__traceback__
    while step is not None:
        file = os.path.basename(step.tb_frame.f_code.co_filename)
        place, step = f" in {file}, line {step.tb_lineno}", step.tb_next
    return in_json(
        f"PlexSync failed in an unforeseen way ({type(error).__name__}{place}). The change is safe "
        "in Stash; please report this, and run the task 'Sync all to Plex'."
    )


if __name__ == "__main__":
    sys.exit(main())
