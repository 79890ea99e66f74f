"""What is not a hook: tasks of the task list and operations of the page, by their mode.

Whatever happens, stdout gets exactly one JSON object, and no traceback.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import TYPE_CHECKING, Any

from faults import SyncError
from store import meta
from store.schema import NewerDatabase, data_directory
from store.store import Store
from worker import check_connection, hook, sync_all
from worker.task import Task

if TYPE_CHECKING:
    from collections.abc import Callable


def modes() -> dict[str, Callable[[Task], Any]]:
    """Give the modes that defaultArgs of PlexSync.yml and the page may name."""
    return {"sync_all": sync_all.run, "check_connection": check_connection.run}


def main(payload: dict[str, Any], entry: str) -> int:
    """Run the task that a payload names; give the exit status."""
    try:
        answer = {"output": _run(payload, entry)}
    except hook.Refused as refusal:
        answer = {"error": f"PlexSync did nothing: {refusal}."}
    except SyncError as fault:
        answer = {"error": fault.message}
    except (OSError, sqlite3.Error, NewerDatabase) as error:
        answer = {"error": f"PlexSync cannot use its data directory: {error}"}
    except Exception as error:  # noqa: BLE001 - stdout must hold JSON, the log the rest
        answer = {
            "error": f"PlexSync failed in an unforeseen way ({type(error).__name__}). "
            "Nothing is lost; please report what you did."
        }
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


def _run(payload: dict[str, Any], entry: str) -> Any:
    arguments = payload.get("args")
    mode = arguments.get("mode") if isinstance(arguments, dict) else None
    run = modes().get(mode) if isinstance(mode, str) else None
    if run is None or not isinstance(arguments, dict):
        raise hook.Refused(f"it knows no task of mode {str(mode)[:40]!r}")
    connection = payload.get("server_connection")
    directory = data_directory(hook.stash_directory(connection))
    store = Store(directory)
    task = Task(store, entry, arguments)
    try:
        with store.transaction() as database:
            meta.put_connection(database, connection or {})
        return run(task)
    finally:
        task.close()
