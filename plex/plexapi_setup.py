"""plexapi, imported so that nothing of the machine it runs on changes what it does."""

from __future__ import annotations

import os
from typing import Any


def tame_plexapi() -> type[Any]:
    """Import plexapi so that neither a config.ini nor the environment can change what it does.

    Both are meant for scripts of the person whose account runs Stash, and could
    add a log file, another token or a timeout of their own.

    Returns:
        plexapi's ``PlexServer``, which believes no longer that a list goes on
        for as long as its totalSize says: one that is wrong would have it ask
        for empty pages until that number is reached.
    """
    for name in [name for name in os.environ if name.startswith("PLEXAPI_")]:
        del os.environ[name]
    os.environ["PLEXAPI_CONFIG_PATH"] = os.devnull
    import plexapi  # noqa: PLC0415

    plexapi.CONFIG.data.clear()
    # An attribute that is empty would otherwise cost a request each time it is read.
    plexapi.CONFIG.data["plexapi"] = {"autoreload": "false"}
    from plexapi import server  # noqa: PLC0415

    class PlexServer(server.PlexServer):
        """plexapi's server, with an end to every list."""

        def query(self, key: str, *args: Any, **kwargs: Any) -> Any:
            """Ask; a page that is not full is the last one, whatever totalSize says."""
            data = super().query(key, *args, **kwargs)  # type: ignore[no-untyped-call]
            headers = kwargs.get("headers") or {}
            size = int(headers.get("X-Plex-Container-Size", 0))
            if data is not None and len(data) < size:
                start = int(headers.get("X-Plex-Container-Start", 0))
                data.set("totalSize", str(start + len(data)))
            return data

    return PlexServer
