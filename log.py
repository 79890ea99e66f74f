"""The worker's own log: a rotating file in the data directory, free of secrets.

A detached worker cannot write into Stash's log. This file can be shared: the
secrets it was told of never reach it, nor, with the setting redact_logs, the
paths and titles of the scene at hand.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from hashlib import sha256
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING

from validation.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from errors import SyncError

FILE = "plexsync.log"
#: Bytes of one file, and how many older ones are kept.
SIZE = 1_000_000
KEPT = 3
#: Texts as short as a digit stand in every line by chance: of them only quoted ones are meant.
SHORTEST_PRIVATE = 3
#: Stash's reader closes the pipe at a line over 64 KiB.
LONGEST_LINE = 8_000


class Log:
    """Writes one line a message; any thread may call it.

    Args:
        directory: The data directory; the file is made with mode 0600.
    """

    #: True while paths and titles must not be written.
    is_redacted = False

    def __init__(self, directory: str) -> None:
        path = os.path.join(directory, FILE)
        self._secrets: set[str] = set()
        self._private: dict[str, str] = {}
        # Not from the registry: libraries that log cannot reach our file.
        self._logger = logging.Logger("plexsync")  # noqa: LOG001
        handler = _PrivateFile(path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8", delay=True)
        self._line = line = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
        line.converter = time.gmtime
        line.default_time_format = "%Y-%m-%dT%H:%M:%S"
        line.default_msec_format = "%s.%03dZ"
        handler.setFormatter(line)
        self._logger.addHandler(handler)

    def hide(self, secrets: Iterable[object]) -> None:
        """Never write these from now on, as far as they are texts of four letters or more."""
        self._secrets |= {one for one in secrets if isinstance(one, str) and len(one) >= 4}

    def redact(self, private: Iterable[str] | None) -> None:
        """Write a short stable mark instead of each of these texts; replaces the last set.

        However a line quotes them: as they are, or as Python spells them. None is
        for a log that may name everything.
        """
        self.is_redacted = private is not None
        self._private = {
            spelled: f"<{sha256(text.encode(errors='replace')).hexdigest()[:8]}>"
            for text in private or ()
            if text
            for spelled in (
                (text, repr(text)[1:-1]) if len(text) >= SHORTEST_PRIVATE else (repr(text),)
            )
        }

    def clean(self, text: str) -> str:
        """Give the text as one bounded line without secrets or private texts."""
        for secret in self._secrets:
            text = text.replace(secret, "<secret>")
        for private in sorted(self._private, key=len, reverse=True):
            text = text.replace(private, self._private[private])
        return one_line(text, LONGEST_LINE)

    def words(self, fault: SyncError, text: str = "") -> str:
        """Give a fault's message, or a text made from it, as this log may say it."""
        return fault.without_quotes(text) if self.is_redacted else text or fault.message

    def notes(self, notes: Iterable[str]) -> list[str]:
        """Give notes as this log may say them: each may quote Plex's title behind its field."""
        return [note.partition(":")[0] if self.is_redacted else note for note in notes]

    def begin_anew(self) -> None:
        """Put what was written so far aside: from here on the file is another one."""
        for handler in self._logger.handlers:
            if isinstance(handler, _PrivateFile) and os.path.exists(handler.baseFilename):
                handler.doRollover()

    def info(self, text: str) -> None:
        """Write what was done."""
        self._logger.info("%s", self.clean(text))

    def info_all(self, texts: Sequence[str]) -> None:
        """Write what was done to several scenes, a line each, at one go; cleaned already."""
        if texts:
            head = self._line.format(self._logger.makeRecord("", logging.INFO, "", 0, "", (), None))
            self._logger.info("%s", f"\n{head}".join(texts))

    def warning(self, text: str) -> None:
        """Write what will be tried again."""
        self._logger.warning("%s", self.clean(text))

    def error(self, text: str) -> None:
        """Write what needs a person."""
        self._logger.error("%s", self.clean(text))

    def close(self) -> None:
        """Close the file."""
        for handler in self._logger.handlers:
            handler.close()


class _PrivateFile(RotatingFileHandler):
    """A rotating file of mode 0600 that never takes the worker down."""

    def _open(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - the base class is untyped
        # A link put in the log's place is not followed: it could lead to any file of the user's.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(self.baseFilename, flags, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding, errors="backslashreplace")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - base class
        """Say nothing more than the kind of error: a full disk must not stop the work."""
        sys.stderr.write(f"cannot write the log: {type(sys.exc_info()[1]).__name__}\n")
