"""Stand-ins for Plex and Stash, as processes on real sockets; never shipped.

Each can be told to misbehave through its control address under ``/sim/``.
"""

from __future__ import annotations
