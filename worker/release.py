"""Was the plugin updated under the running worker? Known by its files' times and sizes.

Stash replaces them one by one, so a change counts only once it has settled.
"""

from __future__ import annotations

import os
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOMS = ("", "faults", "plex", "stash", "store", "validation", "worker")
#: Seconds between two looks, and seconds without a change that make one settled.
LOOK = 2.0
SETTLED = 3.0


class Release:
    """Watches the files this process was loaded from."""

    def __init__(self, root: str = ROOT) -> None:
        self._root = root
        self._loaded = self._seen = self._files()
        self._looked_at = time.monotonic()
        self._changed_at = self._looked_at

    def changed(self) -> bool:
        """Say whether any file differs from what was loaded."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK:
            self._looked_at = now
            files = self._files()
            if files != self._seen:
                self._seen, self._changed_at = files, now
        return self._seen != self._loaded

    def settled(self) -> bool:
        """Say whether there was a change and it is complete, as far as anyone can tell."""
        return (
            self.changed()
            and time.monotonic() - self._changed_at >= SETTLED
            and os.path.exists(os.path.join(self._root, "plexsync.py"))
        )

    def _files(self) -> dict[str, tuple[int, int]]:
        found = {}
        for room in ROOMS:
            folder = os.path.join(self._root, room)
            try:
                entries = list(os.scandir(folder))
            except OSError:
                continue
            for entry in entries:
                if entry.name.endswith((".py", ".yml")):
                    try:
                        state = entry.stat()
                    except OSError:
                        continue
                    found[entry.path] = (state.st_mtime_ns, state.st_size)
        return found
