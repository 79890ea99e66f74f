"""How PlexSync shows itself to Plex."""

from __future__ import annotations

import re
from pathlib import Path


def plugin_version() -> str:
    """PlexSync's own version as its manifest says it, "0" if that cannot be read."""
    manifest = Path(__file__).resolve().parent.parent / "PlexSync.yml"
    try:
        found = re.search(r"(?m)^version:\s*[\"']?([\w.+-]+)", manifest.read_text("utf-8"))
    except OSError:
        return "0"
    return found[1] if found else "0"


def identity_headers(client_identifier: str) -> dict[str, str]:
    """How PlexSync shows itself to Plex.

    Args:
        client_identifier: The same text for the life of an installation: Plex
            registers each new one as a new device and may mail its owner.
    """
    version = plugin_version()
    return {
        "X-Plex-Client-Identifier": client_identifier,
        "X-Plex-Product": "PlexSync",
        "X-Plex-Version": version,
        "X-Plex-Device": "Stash",
        "X-Plex-Device-Name": "PlexSync",
        "User-Agent": f"PlexSync/{version}",
    }
