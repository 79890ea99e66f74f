"""Who may talk to the stand-in: Stash's session cookies and its one API key.

A cookie says when it was made and which hooks ran before it; it is good for an hour, after a
restart too, and every reply to it carries a fresh one. A wrong key is refused even where no
password is set.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

_MAX_AGE = 3600


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: ``known`` is a user, ``refresh`` asks for a new cookie in the reply."""

    known: bool
    visited: Mapping[str, int]
    refresh: bool


@dataclass(slots=True)
class Sessions:
    """The credentials of the stand-in.

    ``clock`` gives the time in epoch seconds. ``username`` empty means that no login is
    needed; ``api_key`` empty that none was generated.
    """

    clock: Callable[[], float]
    username: str = ""
    api_key: str = ""

    def make(self, visited: Mapping[str, int] | None = None) -> str:
        """A cookie value for the user, made now; nobody here forges one, so it is not signed."""
        body = {"at": self.clock(), "user": self.username, "visited": visited or {}}
        # Padded to the length of a real one, so that nobody keeps it in too small a place.
        text = json.dumps({**body, "pad": "x" * 160})
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    def read(self, value: str) -> tuple[str, dict[str, int]] | None:
        """User and visited hooks of a cookie; None when it is broken or too old."""
        try:
            body = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        except ValueError:
            return None
        if self.clock() > body["at"] + _MAX_AGE:
            return None
        return body["user"], body["visited"]

    def authenticate(self, api_key: str, cookies: str) -> Caller | None:
        """Who asks, from the key (header or address) and the Cookie header.

        None is somebody with a wrong key, who is refused whatever they ask for.
        """
        found = dict(part.strip().partition("=")[::2] for part in cookies.split(";"))
        session = self.read(found.get("session", ""))
        visited = session[1] if session else {}
        if api_key:
            if api_key != self.api_key:
                return None
            return Caller(known=True, visited=visited, refresh=False)
        known = not self.username or (session is not None and session[0] == self.username)
        return Caller(known=known, visited=visited, refresh=session is not None)

    def set_cookie(self, visited: Mapping[str, int]) -> str:
        """The Set-Cookie header of a reply."""
        expires = formatdate(self.clock() + _MAX_AGE, usegmt=True)
        value = self.make(visited)
        return f"session={value}; Path=/; Expires={expires}; Max-Age={_MAX_AGE}; SameSite=Lax"
