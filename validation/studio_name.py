"""The studio_name setting: what stands as the studio in Plex. Pure."""

from __future__ import annotations

STUDIO = "studio"
PARENT = "parent"
BOTH = "both"
CHOICES = (STUDIO, PARENT, BOTH)


def read_studio_name(text: str) -> tuple[str, tuple[str, ...]]:
    """Read the setting; give with it each fault. Empty is the scene's own studio."""
    choice = text.strip().lower() or STUDIO
    if choice in CHOICES:
        return choice, ()
    return STUDIO, (f"must be one of {', '.join(CHOICES)}; empty means {STUDIO}",)
