"""What Stash runs: a hook, a task, an operation; and the worker they start.

Started as ``python -S plexsync.py``: a hook then pays for no site-packages.
Everything else calls ``complete_path`` first. Whatever happens, Stash finds one
JSON object on stdout.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # typing itself would cost the hook milliseconds
if TYPE_CHECKING:
    from typing import Any

HERE = os.path.dirname(os.path.abspath(__file__))


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
    if sys.argv[1:2] == ["worker"]:
        return work(sys.argv[2:])
    raw = sys.stdin.buffer.read() if sys.stdin else b""  # None when it came closed

    from worker import hook

    entry = os.path.join(HERE, "plexsync.py")
    payload = hook.decode(raw)
    if payload is not None and not hook.is_hook(payload):
        return run_operation(payload, entry)
    try:
        result, reminder = hook.answer(payload, entry)
    except Exception as error:  # noqa: BLE001 - Stash shows our answer, not a traceback
        result, reminder = last_words(error), ""
    if reminder:
        sys.stderr.write(f"\x01w\x02{reminder}\n")
    sys.stdout.write(result + "\n")
    return 0


def run_operation(payload: dict[str, Any], entry: str) -> int:
    """Run a task or an operation; give the exit status.

    The packages are looked for only by what speaks to Stash or Plex: the page's
    look at the store, which comes often, does without them.
    """
    try:
        from tasks import operation

        return operation.main(payload, entry, complete_path)
    except ImportError as error:
        import json

        sys.stdout.write(json.dumps({"error": packages_missing(error)}) + "\n")
        return 0


def work(arguments: list[str]) -> int:
    """Be the worker; give the exit status.

    Nobody hears a worker that cannot even load its packages, so the next hook
    is left a line to say.
    """
    complete_path()
    try:
        from worker import process
    except ImportError as error:
        from worker import hook

        hook.leave_notice(arguments[0], packages_missing(error))
        raise
    return process.main(arguments)


def packages_missing(error: ImportError) -> str:
    """Say what a person has to do when something cannot be imported."""
    package = (error.name or "").partition(".")[0]
    if package in sys.stdlib_module_names:
        return (
            f"The Python that Stash uses, {sys.executable}, is not complete: {error}. Install the "
            "whole of it, or name another one under Settings > System > Python Executable Path."
        )
    wanted = os.path.join(HERE, "requirements.txt")
    # A release carries its packages, and no list of them for somebody to install.
    if not os.path.isfile(wanted) or os.path.isdir(os.path.join(HERE, package)):
        return (
            f"PlexSync's own files are not complete: {error}. If it is being updated right now, "
            "try again in a minute; otherwise reinstall the plugin under Settings > Plugins."
        )
    return (
        f"PlexSync cannot load its packages: {error}. This is a checkout, not a release: install "
        f"them into the Python that Stash uses: {sys.executable} -m pip install -r {wanted}"
    )


def last_words(error: Exception) -> str:
    """Give the JSON for a failure that nobody foresaw: its kind and place, never its text."""
    import json

    place, step = "", error.__traceback__
    while step is not None:
        file = os.path.basename(step.tb_frame.f_code.co_filename)
        place, step = f" in {file}, line {step.tb_lineno}", step.tb_next
    return json.dumps(
        {
            "error": f"PlexSync failed in an unforeseen way ({type(error).__name__}{place}). The "
            "change is safe in Stash; please report this, and run the task 'Sync all to Plex'."
        }
    )


if __name__ == "__main__":
    sys.exit(main())
