"""Plex: transport, client, matcher, item, edits and the typed errors of this edge.

Importing the room imports nothing else: `plex.client` is the way in.
"""

from __future__ import annotations
