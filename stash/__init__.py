"""Stash's adapter: reads scenes, settings and covers; only `stash.mutations` changes anything.

Whatever asks Stash raises an `errors.SyncError` when that fails (stash/exceptions.py); a function
names what a caller may want to tell apart.
"""

from __future__ import annotations
