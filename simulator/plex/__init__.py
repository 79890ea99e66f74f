"""The Plex stand-in: what a Plex Media Server says and does, as far as PlexSync can tell.

Run it with ``python -m simulator.plex``; drive it with ``simulator.control``.
"""

from __future__ import annotations
