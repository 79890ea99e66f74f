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

`translate_plex_exception` chooses by class, errno or status number. No text here
ever holds the token, a query string or a credential out of plex_url.
"""

from __future__ import annotations

from plex.error_types import (
    AmbiguousMatch,
    AuthError,
    BadAddress,
    BadResponse,
    ImageTooLarge,
    ItemGone,
    LibraryNotFound,
    NotAPlexServer,
    NotInPlexYet,
    PermissionDenied,
    PlexConfigurationError,
    PlexError,
    PlexNotFound,
    PlexPermanentError,
    PlexTemporaryError,
    RateLimited,
    Redirected,
    RejectedEdit,
    RequestTooLarge,
    ServerChanged,
    ServerError,
    ServerStarting,
    ServerTimeout,
    ServerUnavailable,
    ServerUnreachable,
    TlsError,
    TooManyAlike,
)
from plex.response import PlexHttpError
from plex.translate import translate_plex_exception

__all__ = [
    "AmbiguousMatch",
    "AuthError",
    "BadAddress",
    "BadResponse",
    "ImageTooLarge",
    "ItemGone",
    "LibraryNotFound",
    "NotAPlexServer",
    "NotInPlexYet",
    "PermissionDenied",
    "PlexConfigurationError",
    "PlexError",
    "PlexHttpError",
    "PlexNotFound",
    "PlexPermanentError",
    "PlexTemporaryError",
    "RateLimited",
    "Redirected",
    "RejectedEdit",
    "RequestTooLarge",
    "ServerChanged",
    "ServerError",
    "ServerStarting",
    "ServerTimeout",
    "ServerUnavailable",
    "ServerUnreachable",
    "TlsError",
    "TooManyAlike",
    "translate_plex_exception",
]
