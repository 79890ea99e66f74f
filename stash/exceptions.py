"""What can go wrong between PlexSync and Stash.

    SyncError
    ├── TransientError
    │   ├── StashUnreachable          server  nobody answers at Stash's address
    │   ├── StashTimeout              server  Stash took the request and stayed silent
    │   ├── StashUnavailable          server  5xx, not set up yet, or not Stash at all
    │   ├── StashRefused              server  401/403: Stash no longer accepts our cookie
    │   ├── StashConnectionUnusable   server  the connection that Stash handed over is broken
    │   └── StashAnswerError          scene   a GraphQL error, or an answer that makes no sense
    └── PermanentError
        ├── StashMutationRefused      scene   Stash will not make a change, and says why
        │   └── StashMutationUnknown  scene   422 (400): this Stash cannot make such a change
        └── ConfigurationError
            └── StashQueryRefused     server  422 (400): this Stash is older than PlexSync supports

No text here ever holds the session cookie or the API key: the sentences are our
own, and the client blanks both before it quotes anything that Stash said.
"""

from __future__ import annotations

from errors import (
    ConfigurationError,
    PermanentError,
    Scope,
    SyncError,
    TransientError,
    half_updated,
    is_half_updated,
)

OLDEST_STASH = "0.27"
AGAIN = "PlexSync tries again by itself."


class StashUnreachable(TransientError):
    """No connection to Stash, or it broke in the middle of an answer."""

    scope = Scope.SERVER


class StashTimeout(TransientError):
    """Stash accepted the request and did not answer within the read timeout."""

    scope = Scope.SERVER


class StashUnavailable(TransientError):
    """Stash answers, but cannot work: 5xx, setup or migration, or a stranger on its port."""

    scope = Scope.SERVER


class StashRefused(TransientError):
    """Stash no longer accepts what PlexSync shows it.

    A plugin's cookie lives for Stash's session age (an hour unless changed), so
    the cure comes by itself: the next hook or task brings a fresh one.
    """

    scope = Scope.SERVER


class StashConnectionUnusable(TransientError):
    """The ``server_connection`` given by Stash, or its stored copy, cannot be used.

    Waits like `StashRefused`: the next hook or task brings another one.
    """

    scope = Scope.SERVER


class StashAnswerError(TransientError):
    """Stash answered with GraphQL errors, or with something that is not a scene."""


class StashMutationRefused(PermanentError):
    """Stash did not make a change that PlexSync asked for; nothing was changed."""


class StashMutationUnknown(StashMutationRefused):
    """Stash does not know the mutation or an input of it: it is too old, or too new."""


class StashQueryRefused(ConfigurationError):
    """Stash does not know a field that PlexSync asks for (HTTP 422, or 400 since 0.29)."""


def translate_stash_exception(exc: BaseException, where: str = "Stash") -> SyncError:
    """Give the error to raise for what the exchange with Stash at an address raised.

    It is chosen by class only; one of our own comes back as it is. What is not known to come
    from the network is a `StashAnswerError`, so that one odd scene cannot stop the others.
    """
    if isinstance(exc, SyncError):
        return exc
    # These are slow to import; whoever only wants the classes above, or a Scene,
    # should not pay for them.
    import ssl  # noqa: PLC0415
    from http.client import HTTPException, IncompleteRead  # noqa: PLC0415

    from net.answer import BodyDamagedError  # noqa: PLC0415
    from net.exchange import ConnectTimedOutError, ExchangeFailedError  # noqa: PLC0415

    cause = exc.__cause__ if isinstance(exc, ExchangeFailedError) else exc
    if isinstance(cause, ssl.SSLError):
        return StashUnreachable(
            f"The certificate of Stash at {where} is not trusted on this machine, and it is "
            "not Stash's own, which PlexSync accepts for any name: the one that config.yml names "
            "as ssl_cert_path with its full path, else stash.crt beside config.yml. Let PlexSync "
            f"read that file. {AGAIN}"
        )
    if isinstance(cause, TimeoutError) and not isinstance(cause, ConnectTimedOutError):
        return StashTimeout(f"Stash at {where} took the request but did not answer. {AGAIN}")
    words: tuple[tuple[type[BaseException], str], ...] = (
        # As requests called them, which was between here and Stash once: logs are searched.
        (ConnectTimedOutError, "ConnectTimeout"),
        (IncompleteRead, "ChunkedEncodingError"),
        (BodyDamagedError, "ContentDecodingError"),
        (HTTPException, "ConnectionError"),
    )
    word = next((word for kind, word in words if isinstance(cause, kind)), "")
    if not word and isinstance(exc, OSError):
        word = "ConnectionError" if exc is not cause else type(exc).__name__
    if word:
        return StashUnreachable(f"Stash at {where} cannot be reached ({word}). {AGAIN}")
    if is_half_updated(exc):
        return StashAnswerError(f"Stash was not asked: {half_updated(exc)}. {AGAIN}")
    return StashAnswerError(
        f"Reading from Stash at {where} failed in a way PlexSync does not know "
        f"({type(exc).__name__}). {AGAIN}"
    )
