"""A stand-in for Stash: its GraphQL, its sessions, its jobs and its plugin host.

``python -m simulator.stash`` starts it as a process; ``host.PluginHost`` runs a
plugin the way Stash does without any server around it.
"""

from __future__ import annotations
