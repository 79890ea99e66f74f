"""Where the data folder lies. The hook imports this module, so it imports only os."""

from __future__ import annotations

import os

#: Name of the data directory below Stash's configuration directory. It lies
#: outside the plugins tree, where Stash would delete or serve it.
DIRECTORY = "plexsync-data"


def data_directory(stash_directory: str) -> str:
    """Give our directory below Stash's configuration directory (not created here)."""
    return os.path.join(stash_directory, DIRECTORY)
