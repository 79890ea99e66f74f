"""Which process of Stash runs us, so that another one is known: Stash was started anew."""

from __future__ import annotations

import os


def identity() -> str:
    """Give our parent's number and, where the system tells, the moment of its start.

    In a container Stash has the same number after each start, so the moment counts there.
    """
    parent = os.getppid()
    try:
        with open(f"/proc/{parent}/stat", encoding="utf-8", errors="replace") as file:
            # After the name, which may hold anything, in brackets: the start is the 20th field.
            started = file.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        started = ""
    return f"{parent} {started}".strip()
