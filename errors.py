"""What went wrong, and what happens next: the root of every typed error.

Adapters (plex/, stash/) translate what their libraries raise into one of these
classes at their own edge; worker/processor.py is the one place that acts on
them, by class, never by message text.

    SyncError
    ├── TransientError          RETRY  the same scene again, later, by a stored schedule
    └── PermanentError          PARK   this scene rests until it is edited or retried by hand
        └── ConfigurationError  PAUSE  nothing moves until a setting is mended

A class may override ``next_step`` (``plex.error_types.PlexNotFound`` is transient
but WAITs on its own long schedule) and ``scope``: a fault with ``Scope.SERVER``
says nothing about the scene, so the whole queue waits for that server as one
state and no scene's retries are spent.

This module is a leaf: it imports nothing of ours, so every room may import it.
"""

from __future__ import annotations

from enum import Enum


class NextStep(Enum):
    """What the worker does with the scene after a fault."""

    RETRY = "retry"
    WAIT = "wait"
    PARK = "park"
    PAUSE = "pause"


class Scope(Enum):
    """What a fault is about: one scene, or the server that everything needs."""

    SCENE = "scene"
    SERVER = "server"


class SyncError(Exception):
    """Base of all typed errors.

    Args:
        message: One or two sentences for the person who reads them, without
            any secret: what happened, and what they can do.
        setting: Name of the setting at fault, or None.
        retry_after: Seconds the server asked us to stay away, or None.
    """

    next_step: NextStep = NextStep.PARK
    scope: Scope = Scope.SCENE
    #: A server's own words in the message, "" for none: nobody knows what they name.
    quoted: str = ""

    def __init__(
        self,
        message: str,
        *,
        setting: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.setting = setting
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """Stable name of the fault, for grouping (the class name)."""
        return type(self).__name__

    def while_trying(self) -> str:
        """Give the message for where no scene waits; a class may leave out what it says of them."""
        return self.message

    def without_quotes(self, text: str = "") -> str:
        """Give the message, or a text made from it, without what a server said itself."""
        text = text or self.message
        return text.replace(self.quoted, "...") if self.quoted else text


class TransientError(SyncError):
    """It may work later without anybody doing anything."""

    next_step = NextStep.RETRY


class PermanentError(SyncError):
    """It fails for this scene until the scene, or Plex, is changed."""

    next_step = NextStep.PARK


class ConfigurationError(PermanentError):
    """A setting is wrong: no scene is to blame, the queue waits for the mend."""

    next_step = NextStep.PAUSE
    scope = Scope.SERVER


def is_half_updated(error: BaseException) -> bool:
    """Say whether a module could not be loaded: missing, of another version, or half written.

    That is how an update looks from within, since Stash replaces the files one by one.
    A subclass of SyntaxError is somebody else's, such as the XML parser's.
    """
    return isinstance(error, ImportError) or type(error) in {SyntaxError, IndentationError}


def half_updated(error: BaseException) -> str:
    """Say so, in a sentence without an end: what happens next differs."""
    name = getattr(error, "name", None) or getattr(error, "filename", None) or ""
    what = f" ({name})" if name else ""
    return (
        f"a part of PlexSync's own files{what} is not there right now, as while the plugin is "
        "being updated"
    )


def counted(number: int, noun: str) -> str:
    """Say how many there are of something: "1 scene", "1,200 scenes"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def in_words(seconds: float) -> str:
    """Say a wait for people: "at once", "in 5 s", "in 15 min", "in 6 h"."""
    if seconds < 1:
        return "at once"
    if seconds < 60:
        return f"in {seconds:.0f} s"
    if seconds < 3600:
        return f"in {seconds / 60:.0f} min"
    return f"in {seconds / 3600:.0f} h"
