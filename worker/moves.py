"""Moved files: the scenes whose files Stash touched lately and that lie elsewhere now.

A moved file leaves its scene's updated_at alone; the file's own moves. Stash can
be asked for that since 0.30; before, and for moved folders, see worker/full_scan.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stash import changes
from stash.exceptions import StashQueryRefused
from store import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stash.stamp import SceneStamp
    from store.store import Store
    from sync.stash_session import StashSession

#: Scenes of one page.
PAGE = changes.LARGE


class Moves:
    """Compares touched files with where the ledger has them.

    Args:
        store: Where the ledger is.
        stash: The way to Stash.
    """

    def __init__(self, store: Store, stash: StashSession) -> None:
        self._store = store
        self._stash = stash
        self._can_tell = True

    def since(self, at: float, offset: float) -> list[int]:
        """Give the scenes with a file that was touched since and lies elsewhere.

        Args:
            at: Unix seconds.
            offset: Seconds that the clock of Stash's server is ahead of UTC.

        Returns:
            Their ids; none where Stash is too old to tell, which is asked once.

        Raises:
            faults.SyncError: Stash failed.
        """
        if not self._can_tell:
            return []
        try:
            return self._elsewhere_since(changes.text(at, offset))
        except StashQueryRefused:
            self._can_tell = False
            return []

    def _elsewhere_since(self, since: str) -> list[int]:
        moved: list[int] = []
        last = 0
        while True:
            page = self._stash.ask(lambda client: changes.touched(client, since, last, PAGE))  # noqa: B023
            moved += self._elsewhere(page)
            if len(page) < PAGE:
                return moved
            last = page[-1].id

    def _elsewhere(self, stamps: Sequence[SceneStamp]) -> list[int]:
        records = ledger.scene_records(self._store.connection, [stamp.id for stamp in stamps])
        return [
            stamp.id
            for stamp in stamps
            if stamp.id in records and not records[stamp.id].has_files_at(stamp.paths)
        ]
