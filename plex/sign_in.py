"""Signing in at plex.tv with a code, by plexapi's PIN login.

Unlike all else that PlexSync asks, this goes out to the internet, where a machine may
need a proxy to get: the one of the environment (HTTPS_PROXY, NO_PROXY) is used. The
machine's .netrc never is, for its logins are meant for other programs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from errors import PermanentError, TransientError
from plex.client import tame_plexapi
from plex.transport import identity_headers

if TYPE_CHECKING:
    from plexapi.myplex import MyPlexPinLogin

#: Names another address than plex.tv's own; for tests, which have no account there.
ELSEWHERE = "PLEXSYNC_PLEX_TV"
TIMEOUT = 15
#: Where a user enters the code.
LINK = "https://plex.tv/link"


class Pin(NamedTuple):
    """A running sign-in: its number at plex.tv and the code that the user enters."""

    id: str
    code: str


class CodeExpired(PermanentError):
    """plex.tv knows the PIN no more: it has run out."""


def start(client_identifier: str) -> Pin:
    """Ask for a code; raises ``TransientError`` if plex.tv gave none.

    A PIN is bound to the installation's own lasting identifier.
    """
    login = _login(client_identifier)
    try:
        code = login.pin
    except Exception as exc:  # noqa: BLE001 - plexapi passes on whatever went wrong below it
        raise _no_answer(exc) from None
    number = login._id  # noqa: SLF001 - a PIN outlives the process that asked for it
    if not code or not str(number or "").isdigit():
        raise _no_answer(None)
    return Pin(str(number), str(code))


def token(client_identifier: str, pin: Pin) -> str | None:
    """Give the token once the user has entered the code, else None.

    Raises:
        CodeExpired: plex.tv knows the PIN no more.
        TransientError: plex.tv gave no answer; the PIN may be good all the same.
    """
    login = _login(client_identifier)
    statuses: list[int] = []
    # plexapi keeps the number to itself, and says it in a text only.
    note = lambda reply, **_: statuses.append(reply.status_code)  # noqa: E731
    login._session.hooks["response"].append(note)  # noqa: SLF001 - as above
    login._id, login._code = pin  # noqa: SLF001 - as above
    try:
        done = login._checkLogin()  # noqa: SLF001 - the public one hides what went wrong
    except Exception as exc:  # noqa: BLE001 - as above
        if statuses[-1:] == [404]:
            raise CodeExpired("The code has expired.") from None
        raise _no_answer(exc) from None
    return str(login.token) if done else None


def _login(client_identifier: str) -> MyPlexPinLogin:
    tame_plexapi()
    from plexapi.myplex import MyPlexPinLogin  # noqa: PLC0415 - tamed first

    pins = MyPlexPinLogin.PINS
    elsewhere = os.environ.get(ELSEWHERE)
    if elsewhere:
        pins = elsewhere.rstrip("/") + urlsplit(pins).path
    headers = identity_headers(client_identifier)
    login = MyPlexPinLogin(session=_session(pins), requestTimeout=TIMEOUT, headers=headers)
    login.PINS = pins
    return login


def _session(address: str) -> Any:
    import requests  # noqa: PLC0415 - with plexapi, when somebody signs in

    session = requests.Session()
    # With it, requests would send the login of .netrc, which cannot be told apart.
    session.trust_env = False
    session.proxies.update(requests.utils.get_environ_proxies(address))
    session.max_redirects = 0  # what plex.tv says goes to no other host
    return session


def _no_answer(exc: Exception | None) -> TransientError:
    """Say it without the libraries' words, which quote whole answers."""
    if isinstance(exc, OSError):  # requests' own are, and below them sockets'
        return TransientError(
            "Stash's machine does not reach plex.tv: it has no way to the internet, or a proxy, "
            "firewall or name server lies between. Signing in needs that once; without it enter "
            "a token by hand."
        )
    return TransientError(
        "plex.tv did not help with signing in: its answer was no code. Try again in a minute, or "
        "enter a token by hand."
    )
