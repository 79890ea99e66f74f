"""Stash's adapter: reads scenes, settings and covers; never writes to Stash."""

from __future__ import annotations
