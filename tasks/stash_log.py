"""Speaks into Stash's log while a task lives, in stashapp-tools' voice.

Two things it cannot be trusted with (seen in 0.2.59): it cuts a line by
characters where Stash counts bytes, and its "critical" level is taken for
progress. Lines are made safe and bounded here first, and only the levels below
are used.
"""

from __future__ import annotations

import stashapi.log as levels

from validation.text import one_line

#: Bytes of one line; Stash kills a plugin that writes one over 64 KiB.
LONGEST = 16_000

_SAY = {
    "DEBUG": levels.debug,
    "INFO": levels.info,
    "WARNING": levels.warning,
    "ERROR": levels.error,
}


def say(level: str, text: str) -> None:
    """Say one line at DEBUG, INFO, WARNING or ERROR."""
    _SAY.get(level, levels.info)(one_line(text, LONGEST))


def progress(done: float) -> None:
    """Tell how far the task is, 0 to 1."""
    levels.progress(min(max(done, 0.0), 1.0))
