"""What Stash runs: a hook, a task, an operation; and the worker they start.

Started as ``python -S plexsync.py``: a hook then pays for no site-packages.
Everything else calls ``complete_path`` first.
"""

from __future__ import annotations

import os
import sys

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
        complete_path()
        from worker import resident

        return resident.main(sys.argv[2:])
    raw = sys.stdin.buffer.read()

    from worker import hook

    payload = hook.decode(raw)
    if payload is not None and not hook.is_hook(payload):
        complete_path()
        from worker import operation

        return operation.main(payload, os.path.join(HERE, "plexsync.py"))
    result, reminder = hook.answer(payload, os.path.join(HERE, "plexsync.py"))
    if reminder:
        sys.stderr.write(f"\x01w\x02{reminder}\n")
    sys.stdout.write(result + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
