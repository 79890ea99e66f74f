"""What can go wrong between PlexSync and Plex, and what happens next.

    SyncError
    └── PlexError                      next    about
        ├── PlexTemporaryError         RETRY   (TransientError)
        │   ├── ServerUnreachable      RETRY   server  refused, no route, name unknown, hung up
        │   ├── ServerTimeout          RETRY   server  silent, or slower than the limit
        │   ├── ServerStarting         RETRY   server  503 with Plex's maintenance notice
        │   ├── ServerChanged          RETRY   server  another one answers at plex_url now
        │   ├── ServerUnavailable      RETRY   server  502, 503, 504, 52x: overload or its proxy
        │   ├── RateLimited            RETRY   server  429
        │   ├── BadResponse            RETRY   scene   cut off, or not readable
        │   │   └── AnswerTooLong      RETRY   scene   longer than whoever asks is ready to read
        │   └── ServerError            RETRY   scene   500
        ├── PlexNotFound               WAIT    (TransientError)
        │   ├── ItemGone               WAIT    scene   404 on an item: look for the file again, once
        │   └── NotInPlexYet           WAIT    scene   Plex has no item for the file so far
        └── PlexPermanentError         PARK    (PermanentError)
            ├── RejectedEdit           PARK    scene   400, 409 and their like
            ├── RequestTooLarge        PARK    scene   413, 414, 431: the caller may split it
            ├── ImageTooLarge          PARK    scene   the same for an image
            ├── AmbiguousMatch         PARK    scene   several items, none provably the right one
            │   └── TooManyAlike       PARK    scene   names too common: the index is asked instead
            └── PlexConfigurationError PAUSE   (ConfigurationError)
                ├── AuthError          PAUSE   server  plex_token: 401, 498
                ├── PermissionDenied   PAUSE   server  plex_token: 403
                ├── TlsError           PAUSE   server  plex_skip_tls_verify, or plex_url
                ├── BadAddress         PAUSE   server  plex_url cannot be used
                ├── Redirected         PAUSE   server  plex_url leads elsewhere
                ├── NotAPlexServer     PAUSE   server  plex_url: something else answers
                └── LibraryNotFound    PAUSE   server  plex_libraries

Which of them an answer or a broken connection means, `plex.exceptions` says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from errors import ConfigurationError, NextStep, PermanentError, Scope, SyncError, TransientError
from validation.settings_reader import shown_name

if TYPE_CHECKING:
    from typing_extensions import Self


class PlexError(SyncError):
    """Base of everything said about Plex; its ``advice`` tells the reader what they can do."""

    advice: ClassVar[str] = ""
    usual_setting: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        setting: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, setting=setting or self.usual_setting, retry_after=retry_after)
        #: What happened, without what follows; "" if nobody told them apart.
        self.fact = ""
        self.hint = ""  # one more sentence for the reader

    @classmethod
    def about(
        cls,
        what: str,
        *,
        setting: str | None = None,
        retry_after: float | None = None,
        hint: str = "",
    ) -> Self:
        """Make the error from one sentence of fact, without secrets.

        Its message goes on with ``hint``, one more sentence for the reader, with what PlexSync
        does next and with what the reader can do. ``setting`` is the one at fault if it is
        not the class's usual one, ``retry_after`` the seconds that the server asked for.
        """
        fault = cls("", setting=setting, retry_after=retry_after)
        parts = (what, hint, _next_words(fault), cls.advice)
        fault.message = " ".join(part for part in parts if part)
        fault.args = (fault.message,)
        fault.fact = what
        fault.hint = hint
        return fault

    def while_trying(self) -> str:
        """Give the message for who tries settings before saving them: no scene waits for those."""
        if not self.fact:
            return self.message
        return " ".join(part for part in (self.fact, self.hint, self.advice) if part)

    def for_one_scene(self) -> str:
        """Give the message for when the server is well otherwise, and one scene's request failed.

        What the class says of all scenes, or of a setting, would lead astray then.
        """
        if not self.fact or self.scope is not Scope.SERVER:
            return self.message
        return (
            f"{self.fact} That was about this scene only: Plex answers otherwise, so the others "
            "go on. PlexSync tries this one a few times more. If it lasts, look at the scene's "
            "texts, and at the log of Plex and of any proxy before it."
        )


class PlexTemporaryError(PlexError, TransientError):
    """It may work later without anybody doing anything."""


class ServerUnreachable(PlexTemporaryError):
    """No connection to Plex, or it hung up."""

    scope = Scope.SERVER
    advice = "If it lasts, check that Plex runs and that Plex URL is right as seen from Stash."


class ServerTimeout(PlexTemporaryError):
    """Plex did not answer in time; an edit may have been applied, doing it again is harmless."""

    scope = Scope.SERVER
    advice = "If it lasts, check how busy Plex is, or raise Plex Read Timeout."


class ServerStarting(PlexTemporaryError):
    """Plex is up but still runs its start-up maintenance or a database migration."""

    scope = Scope.SERVER
    advice = "Nothing needs to be done; a migration may take Plex hours."


class ServerChanged(PlexTemporaryError):
    """Another Plex answers at plex_url than a moment ago: nothing known of that one holds."""

    scope = Scope.SERVER
    advice = "If it happens again and again, look at what stands before Plex."


class ServerUnavailable(PlexTemporaryError):
    """Plex, or the proxy before it, says that it cannot serve right now."""

    scope = Scope.SERVER
    advice = "If it lasts, look at the log of Plex and of any reverse proxy."


class RateLimited(PlexTemporaryError):
    """Something before Plex asks for fewer requests (Plex itself has no such limit)."""

    scope = Scope.SERVER
    advice = "If it happens often, point Plex URL straight at Plex instead of at a proxy."


class BadResponse(PlexTemporaryError):
    """Plex answered with something cut off or unreadable."""

    advice = "If it lasts, look at Plex's log for this time."


class AnswerTooLong(BadResponse):
    """Plex's answer is longer than whoever asked is ready to read."""

    @property
    def reason(self) -> str:
        """That of any answer that cannot be read: what waits for it waits in one group."""
        return BadResponse.__name__


class ServerError(PlexTemporaryError):
    """Plex failed inside (500): a busy database, or a value it cannot digest."""

    advice = "If it lasts, look at Plex's log for this time."


class PlexNotFound(PlexError, TransientError):
    """Plex does not have it now; it waits on a long schedule of its own."""

    next_step = NextStep.WAIT


class ItemGone(PlexNotFound):
    """A remembered item answers 404; the matcher looks for the file again, once."""

    advice = "Nothing needs to be done if the file is still in one of Plex's libraries."


class NotInPlexYet(PlexNotFound):
    """No library of Plex has an item for the file so far."""

    advice = "Let Plex scan the folder, or check Path Map if Plex sees the file by another path."


class PlexPermanentError(PlexError, PermanentError):
    """It fails for this scene until the scene, or Plex, is changed."""


class RejectedEdit(PlexPermanentError):
    """Plex understood the request and refuses it."""

    advice = "Look at the scene's values in Stash."


class RequestTooLarge(PlexPermanentError):
    """The request is longer than Plex, or the proxy before it, accepts."""

    advice = "Shorten the scene's texts or lists, or raise the limit of the reverse proxy."


class ImageTooLarge(RequestTooLarge):
    """The image is bigger than Plex, or the proxy before it, accepts."""

    advice = "Use a smaller image in Stash, or raise the limit of the reverse proxy."


class AmbiguousMatch(PlexPermanentError):
    """Several items could be the file, and PlexSync does not guess."""

    advice = "Set Path Map so that full paths can be compared, or remove the double in Plex."


class TooManyAlike(AmbiguousMatch):
    """Too many files of a library have each piece of a path in common to be searched for."""


class PlexConfigurationError(PlexPermanentError, ConfigurationError):
    """A setting is wrong: no scene is to blame, the queue waits for the mend."""

    next_step = NextStep.PAUSE
    scope = Scope.SERVER


class AuthError(PlexConfigurationError):
    """Plex does not accept the token."""

    usual_setting = "plex_token"
    advice = "Put a current token of the server's owner into Plex Token."


class PermissionDenied(PlexConfigurationError):
    """The token is valid, but its user may not do this."""

    usual_setting = "plex_token"
    advice = "Put the owner's token into Plex Token; shared and managed users can only read."


class TlsError(PlexConfigurationError):
    """No secure connection that can be trusted."""

    usual_setting = "plex_skip_tls_verify"


class BadAddress(PlexConfigurationError):
    """plex_url is no address that a request can be sent to."""

    usual_setting = "plex_url"
    advice = "Write Plex URL like http://192.168.1.10:32400."


class Redirected(PlexConfigurationError):
    """The address sends us elsewhere; following it would lose edits and leak the token."""

    usual_setting = "plex_url"
    advice = "Put Plex's own final address into Plex URL."


class NotAPlexServer(PlexConfigurationError):
    """Something answers at plex_url, and it is not Plex."""

    usual_setting = "plex_url"
    advice = "Point Plex URL straight at Plex, without a login page before it."


class LibraryNotFound(PlexConfigurationError):
    """Plex has no library of that name or number."""

    usual_setting = "plex_libraries"
    advice = "Compare Plex Libraries with the names in Plex."


def _next_words(fault: PlexError) -> str:
    """One sentence on what PlexSync does next, from the class's own next step and scope."""
    if fault.next_step is NextStep.PAUSE:
        where = f" until {shown_name(fault.setting)} is mended" if fault.setting else ""
        return f"PlexSync holds all scenes{where}; nothing is lost."
    if fault.next_step is NextStep.PARK:
        return "PlexSync leaves this scene until it is edited or retried by hand."
    if fault.next_step is NextStep.WAIT:
        return "PlexSync looks again later, by itself."
    if fault.scope is Scope.SERVER:
        return "PlexSync holds all scenes and tries again by itself; nothing is lost."
    return "PlexSync tries this scene again later, by itself."
