"""What is said of a scene that is not in Plex yet, and the one scan that is asked for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from errors import Scope, SyncError
from plex.exceptions import NotInPlexYet
from plex.scan import folder_of, lies_in, scan_folder
from store import meta, queue
from validation.path_map import path_key

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matching.path_advice import PathAdvice
    from plex.client import PlexClient
    from plex.libraries import Libraries
    from stash.scene import Scene
    from store.store import Store

#: Under this key the store keeps {folder: Unix seconds of the last scan asked for}.
KEY = "scans_asked"
#: Folders remembered, and seconds between two scans of one of them.
MOST_FOLDERS, SCAN_AGAIN = 500, 600.0


class Missing:
    """Explains scenes that Plex does not have.

    Args:
        store: Where the scans asked for are remembered.
        client: Plex.
        libraries: The libraries that were searched.
        advice: Rules that path_map may lack.
        clock: Gives Unix seconds.
        scan: The setting scan_missing: ask Plex to look into the folder.
    """

    def __init__(
        self,
        store: Store,
        client: PlexClient,
        libraries: Libraries,
        advice: PathAdvice,
        clock: Callable[[], float],
        *,
        scan: bool,
    ) -> None:
        self._store = store
        self._client = client
        self._libraries = libraries
        self._advice = advice
        self._clock = clock
        self._scan = scan

    def explain(self, scene: Scene, paths: Sequence[str]) -> NotInPlexYet:
        """Give the fault for a scene that no item holds a file of.

        Args:
            scene: The scene.
            paths: Its files as Plex would name them.

        Raises:
            faults.SyncError: Plex as a whole failed when it was asked to scan.
        """
        inside = [path for path in paths if self._libraries.reach(path)]
        if not inside:
            advice = self._advice.sentence(scene.files[0].path) or (
                "If Plex names the folder differently, say so in the setting path_map; if this "
                "scene is not meant for Plex, nothing needs to be done."
            )
            return NotInPlexYet(
                f"Scene {scene.id}: {paths[0]} lies in no folder of the Plex libraries "
                f"{self._libraries.describe()}. {advice}"
            )
        asked = [path for path in inside if self._ask_for_scan(scene, path)]
        then = (
            "Plex was asked to scan its folder; PlexSync looks again by itself."
            if asked
            else "PlexSync looks again by itself once Plex has scanned it."
        )
        return NotInPlexYet(f"Scene {scene.id}: Plex has no item for {inside[0]} yet. {then}")

    def _ask_for_scan(self, scene: Scene, path: str) -> bool:
        """Ask for a scan of a file's folder unless that was done; say whether it was now."""
        folder = folder_of(path)
        sections = [one for one in self._libraries.reach(path) if lies_in(one, folder)]
        if not (self._scan and sections and self._may_ask(scene, folder)):
            return False
        # Remembered first: a worker that dies here must not ask at every start.
        self._remember(folder)
        try:
            for section in sections:
                scan_folder(self._client, section, folder)
        except SyncError as fault:
            if fault.scope is Scope.SERVER:
                raise
            return False
        return True

    def _may_ask(self, scene: Scene, folder: str) -> bool:
        asked = (meta.get(self._store.connection, KEY) or {}).get(path_key(folder))
        if asked is None:
            return True
        row = queue.get(self._store.connection, "scene", scene.id)
        news = row is not None and row.marked_at > asked
        return news and not 0 <= self._clock() - asked < SCAN_AGAIN

    def _remember(self, folder: str) -> None:
        with self._store.transaction() as connection:
            asked = {**(meta.get(connection, KEY) or {}), path_key(folder): self._clock()}
            newest = sorted(asked.items(), key=lambda entry: entry[1])[-MOST_FOLDERS:]
            meta.put(connection, KEY, dict(newest))
