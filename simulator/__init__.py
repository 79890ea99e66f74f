"""Stand-ins for Plex and Stash, as processes on real sockets; never shipped.

They serve the demo, the tests and the benchmark. Each stand-in can be told to
misbehave through its control address under ``/sim/``.
"""

from __future__ import annotations
