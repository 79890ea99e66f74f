"""plexapi, imported so that nothing of the machine it runs on changes what it does."""

from __future__ import annotations

import os


def tame_plexapi() -> None:
    """Import plexapi so that neither a config.ini nor the environment can change what it does.

    Both are meant for scripts of the person whose account runs Stash, and could
    add a log file, another token or a timeout of their own.
    """
    for name in [name for name in os.environ if name.startswith("PLEXAPI_")]:
        del os.environ[name]
    os.environ["PLEXAPI_CONFIG_PATH"] = os.devnull
    import plexapi  # noqa: PLC0415

    plexapi.CONFIG.data.clear()
    # An attribute that is empty would otherwise cost a request each time it is read.
    plexapi.CONFIG.data["plexapi"] = {"autoreload": "false"}
