"""Asks Plex to look into one folder, where a file of Stash should be and is not yet known.

A GET, although it changes something: servers since 1.32.7 answer 404 to PUT and
POST. Plex confirms every path, also one that lies nowhere, so the folder is
checked against the library's own locations first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from validation.media_path import MediaPath, path_key

if TYPE_CHECKING:
    from plex.client import PlexClient
    from plex.sections import SectionInfo


def folder_of(path: str) -> str:
    """Give the folder of a file as Plex names it, "" when the path has none."""
    parts = MediaPath.of(path)
    return parts.prefix(len(parts.names) - 1) if len(parts.names) > 1 else ""


def lies_in(section: SectionInfo, folder: str) -> bool:
    """Say whether a folder is, or lies below, one of a library's own locations."""
    key = path_key(folder)
    return bool(key) and any(
        key == place or key.startswith(place + "/")
        for location in section.locations
        if (place := path_key(location))
    )


def scan_folder(client: PlexClient, section: SectionInfo, folder: str) -> None:
    """Start a partial scan; Plex does it in its own time.

    Args:
        client: Plex.
        section: The library section.
        folder: The folder as Plex names it.

    Raises:
        ValueError: The folder does not lie in the section; a scan of the whole
            library is never asked for.
        faults.SyncError: Plex could not be asked.
    """
    if not lies_in(section, folder):
        raise ValueError(f"{folder!r} lies in no folder of the library {section.key}")
    client.query(f"/library/sections/{section.key}/refresh", (("path", folder),))
