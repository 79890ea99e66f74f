"""What is not a hook: tasks of the task list and operations of the page, by their mode.

Whatever happens, stdout gets exactly one JSON object, and no traceback. Only
what a mode needs is loaded: the page asks often, and must cost little.
"""

from __future__ import annotations

import sqlite3
import sys
import time

from store import meta, recovery
from store.quick_json import dumps
from store.schema import NewerDatabase, is_damage
from store.store import Store
from tasks import page
from tasks.task import Task
from worker import hook

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from errors import SyncError

#: Modes that a person starts as a task, with the names that PlexSync.yml gives them. What such
#: a task gives is its summary; what follows a blank line is for the output alone.
TASKS = {
    "sync_all": "Sync all to Plex",
    "check_connection": "Check connection",
    "preview": "Preview sync",
    "retry_failed": "Retry failed",
    "go_on": "Go on",
    "release_locks": "Release locks",
    "diagnostics": "Diagnostics",
    "undo_last_sync": "Undo last sync",
    "bring_plays": "Bring plays over",
}
#: Characters kept of what a task said.
LONGEST = 1200


def tasks() -> dict[str, Callable[[Task], Any]]:
    """Give the modes that talk to Stash or Plex, named by defaultArgs of PlexSync.yml or the page.

    Loads what they need, the vendored packages included.
    """
    from tasks import (
        bring_plays,
        check_connection,
        diagnostics,
        go_on,
        preview,
        release_locks,
        retry_failed,
        settings_panel,
        sync_all,
        tag_rules_preview,
        undo,
    )

    return {
        "sync_all": sync_all.run,
        "check_connection": check_connection.run,
        "preview": preview.run,
        "retry_failed": retry_failed.run,
        "go_on": go_on.run,
        "release_locks": release_locks.run,
        "diagnostics": diagnostics.run,
        "page_diagnostics": diagnostics.for_page,
        "undo_last_sync": undo.run,
        "bring_plays": bring_plays.run,
        "test_connection": settings_panel.test_connection,
        "libraries": settings_panel.libraries,
        "tag_rules": tag_rules_preview.run,
        "plex_pin_start": settings_panel.start_sign_in,
        "plex_pin_check": settings_panel.check_sign_in,
    }


def main(payload: dict[str, Any], entry: str, complete_path: Callable[[], None]) -> int:
    """Run the task that a payload names, as Stash wrote it to stdin; give the exit status.

    ``entry`` is the path of plexsync.py; ``complete_path`` makes packages importable and is
    called only for what needs them.

    Raises:
        ImportError, SyntaxError: A package or a file of ours is missing, or half written;
            nothing was written to stdout.
    """
    try:
        answer = {"output": _run(payload, entry, complete_path)}
    except hook.Refused as refusal:
        answer = {"error": f"PlexSync did nothing: {refusal}."}
    except (ImportError, SyntaxError):
        raise  # the entry knows where packages come from
    except Exception as error:  # noqa: BLE001 - stdout must hold JSON, the log the rest
        answer = {"error": _mended(error, payload) or _words(error, payload)}
    sys.stdout.write(dumps(answer) + "\n")
    return 0


def _mended(error: Exception, payload: dict[str, Any]) -> str:
    """Set a damaged database aside, for maybe nobody else reads that part; say what came of it.

    "" where no damage is what is wrong.
    """
    if not (isinstance(error, sqlite3.Error) and is_damage(error)):
        return ""
    where = hook.data_directory(payload.get("server_connection"))
    try:
        recovery.set_aside(where)
    except (OSError, sqlite3.Error) as trouble:
        return _words(trouble, payload)
    return (
        f"PlexSync's database in {where} is damaged ({error}). It is kept aside and begun anew, "
        "with what its backup knows of your items. Run this again."
    )


def _words(error: Exception, payload: dict[str, Any]) -> str:
    """Say to a person why a task or an operation failed."""
    from errors import SyncError

    if isinstance(error, SyncError):
        return error.message
    if isinstance(error, NewerDatabase):
        return f"PlexSync cannot use its data directory: {error}"
    if isinstance(error, (OSError, sqlite3.Error)):
        where = hook.data_directory(payload.get("server_connection"))
        return (
            f"PlexSync cannot use its data directory {where}: {error}. Nothing is lost; see that "
            "it can be written and that the disk has room, then run this again."
        )
    return (
        f"PlexSync failed in an unforeseen way ({type(error).__name__}). "
        "Nothing is lost; please report what you did."
    )


def _run(payload: dict[str, Any], entry: str, complete_path: Callable[[], None]) -> Any:
    arguments = payload.get("args")
    mode = arguments.get("mode") if isinstance(arguments, dict) else None
    if not isinstance(mode, str) or not isinstance(arguments, dict):
        raise hook.Refused(f"it knows no task of mode {str(mode)[:40]!r}")
    connection = payload.get("server_connection")
    directory = hook.data_directory(connection)
    run = page.MODES.get(mode)
    if run is None:
        complete_path()
        run = tasks().get(mode)
    if run is None:
        raise hook.Refused(f"it knows no task of mode {mode[:40]!r}")
    task = Task(Store(directory), entry, arguments)
    try:
        if mode not in page.READS or page.wants_connection(task.connection):
            meta.put_connection(task.connection, connection or {})
        found = run(task)
        if mode in TASKS:
            from tasks import stash_log

            summary = str(found).partition("\n\n")[0]
            stash_log.say("INFO", summary)
            _keep_end(task, mode, summary, ok=True)
    except (ImportError, SyntaxError):
        raise  # said by the entry, which knows where packages come from
    except Exception as error:
        from errors import SyncError

        if isinstance(error, SyncError):
            error.message = task.words(error) + _end_of(mode, error)
        try:
            if mode in TASKS:
                _keep_end(task, mode, _words(error, payload), ok=False)
        except sqlite3.Error:
            pass  # the error itself says more
        raise
    else:
        return found
    finally:
        task.close()


def _end_of(mode: str, error: SyncError) -> str:
    """Say that a task has ended, where its fault tells only what the worker does next."""
    from errors import NextStep, TransientError

    goes_on = error.next_step in {NextStep.RETRY, NextStep.WAIT}
    # What a task raises itself says so; what a server fails with is of a class of its own.
    if mode not in TASKS or not goes_on or type(error) is TransientError:
        return ""
    return f" '{TASKS[mode]}' has ended; run it again then."


def _keep_end(task: Task, mode: str, said: str, *, ok: bool) -> None:
    """Keep for the page how a task ended, with what it said, or why it failed.

    Stash shows a task that failed as one that is finished, and keeps its output nowhere that
    a person sees.
    """
    ended = {"name": TASKS[mode], "at": time.time(), "ok": ok, "text": said[:LONGEST]}
    meta.put(task.connection, meta.LAST_TASK, ended)
