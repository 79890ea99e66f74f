"""Which Plex server was last spoken to: its name, identity and libraries, kept for the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from errors import SyncError
from store import meta

if TYPE_CHECKING:
    from plex.client import PlexClient
    from plex.libraries import Libraries
    from store.store import Store
    from sync.context import Context


def note(context: Context) -> None:
    """Keep what was learnt on the way to a scene; never a reason for the scene to fail."""
    plex = context.plex
    try:
        keep(context.store, plex.client, plex.libraries, context.settings.plex_url)
    except SyncError:
        return  # it is asked for again with the next scene


def keep(store: Store, client: PlexClient, libraries: Libraries, plex_url: str) -> None:
    """Keep what the page says about the server, if anything of it is new.

    Costs no request but the first time a server is seen: then its name is asked for.

    Raises:
        errors.SyncError: The name, or the libraries, could not be asked for.
    """
    known = meta.get(store.connection, meta.SERVER_SEEN) or {}
    machine = client.machine_identifier
    facts: dict[str, Any] = {
        "name": known.get("name") if known.get("machine") == machine else client.friendly_name,
        "machine": machine,
        "url": _origin(plex_url),
        "libraries": [section.title for section in libraries.sections()],
    }
    if facts != known:
        with store.transaction() as connection:
            meta.put(connection, meta.SERVER_SEEN, facts)


def _origin(plex_url: str) -> str:
    """Give the address without what could be a name and a password in it."""
    parts = urlsplit(plex_url)
    port = f":{parts.port}" if parts.port else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
