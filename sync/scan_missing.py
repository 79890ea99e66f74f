"""The setting scan_missing: Plex is asked to scan the folder of a file that it does not know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import Scope, SyncError
from plex.error_types import LibraryNotFound
from plex.libraries import scan_folder
from store import meta, queue
from validation.media_path import path_key

if TYPE_CHECKING:
    from sync.context import Context
    from sync.plan import ScenePlan

#: Folders remembered, and seconds between two scans of one of them.
MOST_FOLDERS, SCAN_AGAIN = 500, 600.0


def ask(context: Context, plan: ScenePlan) -> bool:
    """Ask for the scans that may find a scene's files, each folder once; say whether any was.

    Raises:
        errors.SyncError: Plex as a whole failed.
    """
    if not context.settings.scan_missing or plan.missing is None:
        return False
    asked = False
    for folder, sections in plan.missing.scans:
        if not _may_ask(context, plan.scene.id, folder):
            continue
        # Remembered first: a worker that dies here must not ask at every start.
        _remember(context, folder)
        try:
            for section in sections:
                scan_folder(context.client(), section, folder)
        except LibraryNotFound:
            context.plex.libraries.read_again()  # deleted meanwhile: no wrong setting
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
        else:
            asked = True
    return asked


def _may_ask(context: Context, scene: int, folder: str) -> bool:
    asked = (meta.get(context.store.connection, meta.SCANS_ASKED) or {}).get(path_key(folder))
    if asked is None:
        return True
    row = queue.get(context.store.connection, "scene", scene)
    news = row is not None and row.marked_at > asked
    return news and not 0 <= context.clock() - asked < SCAN_AGAIN


def _remember(context: Context, folder: str) -> None:
    with context.store.transaction() as connection:
        asked = {
            **(meta.get(connection, meta.SCANS_ASKED) or {}),
            path_key(folder): context.clock(),
        }
        newest = sorted(asked.items(), key=lambda entry: entry[1])[-MOST_FOLDERS:]
        meta.put(connection, meta.SCANS_ASKED, dict(newest))
