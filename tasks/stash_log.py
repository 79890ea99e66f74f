"""Speaks into Stash's log while a task lives, in stashapp-tools' voice.

Two things it cannot be trusted with (seen in 0.2.59): it cuts a line by
characters where Stash counts bytes, and its "critical" level is taken for
progress. Lines are made safe and bounded here first, and only the levels below
are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import stashapi.log as levels

from errors import TransientError
from validation.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

#: Bytes of one line; Stash kills a plugin that writes one over 64 KiB.
LONGEST = 16_000

_SAY = {
    "DEBUG": levels.debug,
    "INFO": levels.info,
    "WARNING": levels.warning,
    "ERROR": levels.error,
}


def say(level: str, text: str) -> None:
    """Say one line at DEBUG, INFO, WARNING or ERROR.

    Raises:
        TransientError: Nobody reads the log any more: Stash ended, or was started anew.
    """
    _write(_SAY.get(level, levels.info), one_line(text, LONGEST))


def progress(done: float) -> None:
    """Tell how far the task is, 0 to 1. Raises as ``say``."""
    _write(levels.progress, min(max(done, 0.0), 1.0))


def _write(how: Callable[[Any], None], what: str | float) -> None:
    try:
        how(what)
    except OSError:  # a broken pipe, which Windows calls otherwise
        raise TransientError(
            "Stash ended while it ran. Nothing is lost; start it again, and it goes on."
        ) from None
