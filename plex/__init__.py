"""Plex: transport, client, matcher, item, edits and the typed errors of this edge.

Importing the room imports nothing else: `plex.client` is the way in. Whatever asks Plex raises
an `errors.SyncError` when that fails; a function names what a caller may want to tell apart.
"""

from __future__ import annotations
