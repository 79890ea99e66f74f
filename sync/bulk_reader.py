"""Reads both sides of a batch: stamps and scenes from Stash, full items from Plex."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from plex.exceptions import ItemGone, RequestTooLarge
from plex.item import PlexItem, read_items

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from stash.scene import Scene
    from stash.stamp import SceneStamp
    from sync.workplace import Workplace

#: Full items asked for with one request; Plex has a single writer and likes few readers.
ITEMS = 250
READERS = 4
#: Scenes whose details are asked for at a time.
DETAILS = 100
#: Ids that lie further apart than so many times their number cost more than they save.
SPARSE = 4


class BulkReader:
    """Reads for the batches of one worker; all methods raise only faults.SyncError.

    Args:
        worker: Whose servers are used: a worker, or who reads like one.
        interrupted: Says whether something more urgent waits; asked between two requests.
    """

    def __init__(self, worker: Workplace, interrupted: Callable[[], bool]) -> None:
        self._worker = worker
        self.interrupted = interrupted

    def stamps(self, ids: Sequence[int]) -> dict[int, SceneStamp]:
        """Read id, updated_at and paths of scenes, nothing if their ids lie far apart."""
        first, last = min(ids), max(ids)
        if last - first >= SPARSE * len(ids):
            return {}
        page = self._worker.stash.ask(
            lambda client: client.scene_ids_after(first - 1, last - first + 1)
        )
        return {stamp.id: stamp for stamp in page}

    def scenes(self, ids: Sequence[int], found: dict[int, Scene]) -> Generator[bool, None, bool]:
        """Read scenes in full into ``found``, a request a step; False if interrupted.

        What it yields: see ``sync.comparison.Comparison.steps``.
        """
        for start in range(0, len(ids), DETAILS):
            if self.interrupted():
                return False
            chunk = ids[start : start + DETAILS]
            found |= self._worker.stash.ask(lambda client: client.read_scenes(chunk))  # noqa: B023
            yield False
        return True

    def items(self, ids: Sequence[int], scenes: Mapping[int, Scene]) -> dict[int, PlexItem]:
        """Read the items of scenes in full: those remembered, those that the index has.

        Args:
            ids: The scenes.
            scenes: Those of them that were read.
        """
        reconciler = self._worker.reconciler
        remembered = reconciler.remembered(ids)
        keys: dict[int, None] = {}
        for number in ids:
            keys.update(dict.fromkeys(remembered.get(number, ())))
            if number in scenes:
                keys.update(dict.fromkeys(reconciler.indexed(scenes[number])))
        wanted = list(keys)
        chunks = [wanted[start : start + ITEMS] for start in range(0, len(wanted), ITEMS)]
        items: dict[int, PlexItem] = {}
        with ThreadPoolExecutor(READERS) as readers:
            for found in readers.map(self._chunk, chunks):
                items |= found
        return items

    def _chunk(self, keys: list[int]) -> dict[int, PlexItem]:
        try:
            return read_items(self._worker.plex, keys)
        except ItemGone:  # each look finds out for itself
            return {}
        except RequestTooLarge:
            half = len(keys) // 2
            if not half:
                raise
            return self._chunk(keys[:half]) | self._chunk(keys[half:])
