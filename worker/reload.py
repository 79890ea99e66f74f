"""Was the plugin updated under the running worker? Known by its files' times and sizes.

Stash replaces them one by one, so a change counts only once it has settled.
"""

from __future__ import annotations

import os
import time
from glob import glob
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
#: Seconds between two looks, and seconds without a change that make one settled.
LOOK = 2.0
SETTLED = 3.0
#: Seconds without plexsync.py, and without any other change, after which the plugin counts as
#: removed: an update puts it back sooner. The folder tells nothing, for Stash leaves it behind
#: with what Python compiled.
REMOVED = 10.0


class PluginFiles:
    """Watches the files this process was loaded from; ``clock`` gives monotonic seconds."""

    def __init__(self, root: str = ROOT, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._root = root
        # The folders of our modules are those that say so.
        rooms = glob(os.path.join(root, "*", "__init__.py"))
        self._folders = [root, *sorted(map(os.path.dirname, rooms))]
        self._clock = clock
        self._loaded = self._seen = self._unusable = self._files()
        self._looked_at = clock()
        self._changed_at = self._looked_at
        self._complaint = ""

    def look(self) -> None:
        """Look at the files now."""
        self._looked_at = self._clock()
        files = self._files()
        if files != self._seen:
            self._seen, self._changed_at = files, self._looked_at

    def changed(self) -> bool:
        """Say whether any file differs from what was loaded; looks at them now and then.

        Not where they stand still half written: what was loaded goes on, and does not wait for
        whoever mends that.
        """
        if self._clock() - self._looked_at >= LOOK:
            self.look()
        return self._seen not in (self._loaded, self._unusable)

    def settled(self) -> bool:
        """Say whether there was a change and it is complete, as far as anyone can tell."""
        if not (self._unchanged_for(SETTLED) and self.are_there()):
            return False
        self._complaint = self._half_written()
        if self._complaint:
            self._unusable = self._seen
        return not self._complaint

    def complaints(self) -> list[str]:
        """Say what is wrong with the files of now and has stood still so, for people."""
        return [self._complaint] if self._seen == self._unusable != self._loaded else []

    def removed(self) -> bool:
        """Say whether the plugin was taken away, for longer than an update takes."""
        return self._unchanged_for(REMOVED) and not self.are_there()

    def _unchanged_for(self, seconds: float) -> bool:
        return self.changed() and self._clock() - self._changed_at >= seconds

    def _half_written(self) -> str:
        """Say which changed module does not compile, "" for none: half of one hardly ever does.

        On a slow disk a file may be so for longer than ``SETTLED``, and a worker that became
        one of that release would be gone.
        """
        for path, state in self._seen.items():
            if path.endswith(".py") and state != self._loaded.get(path):
                try:
                    with open(path, "rb") as file:
                        compile(file.read(), path, "exec", dont_inherit=True)
                except (OSError, SyntaxError, ValueError):
                    return (
                        f"PlexSync's own files are not complete, as after an update that was cut "
                        f"off: {path} cannot be read. The worker goes on as it was before; "
                        "reinstall the plugin under Settings > Plugins."
                    )
        return ""

    def are_there(self) -> bool:
        """Say whether the plugin can be started right now, which costs one look."""
        return os.path.exists(os.path.join(self._root, "plexsync.py"))

    def _files(self) -> dict[str, tuple[int, int]]:
        """Give (mtime in ns, size) by path; what cannot be read counts as not there."""
        found = {}
        for folder in self._folders:
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
