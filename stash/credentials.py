"""What opens Stash: the session cookie first, the API key when the cookie is dead.

A plugin's cookie dies an hour after Stash made it unless it is renewed: every
answer that Stash gives to it carries a younger one, which is kept here. The API
key never expires, but Stash refuses a wrong one even where no password is set,
so it is only shown when the cookie was refused.
"""

from __future__ import annotations

import re
import threading
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .connection import StashConnection

_HEADER_TEXT = re.compile(r"[\x21-\x7e]+\Z")


class Kind(Enum):
    """What a request showed."""

    COOKIE = "cookie"
    API_KEY = "API key"


class Credentials:
    """Cookie and key of one Stash, shared by all threads that ask it.

    Args:
        connection: Its cookie is the first to be shown; it may have none.
    """

    def __init__(self, connection: StashConnection) -> None:
        self._lock = threading.Lock()
        self._cookie_name = connection.cookie_name
        self._cookie_value = connection.cookie_value
        self._api_key: str | None = None
        self._use_key = False
        self._asked_for_key = connection.cookie_value is None

    @property
    def cookie_name(self) -> str | None:
        """Name of the session cookie, or None when Stash gave none."""
        return self._cookie_name

    @property
    def cookie_value(self) -> str | None:
        """The youngest cookie, a secret; None when Stash gave none."""
        with self._lock:
            return self._cookie_value

    def headers(self) -> tuple[Kind, dict[str, str]]:
        """Give what to show now, and its headers (empty when there is nothing)."""
        with self._lock:
            if self._use_key and self._api_key:
                return Kind.API_KEY, {"ApiKey": self._api_key}
            if self._cookie_value is None:
                return Kind.COOKIE, {}
            return Kind.COOKIE, {"Cookie": f"{self._cookie_name}={self._cookie_value}"}

    def renew(self, value: str | None) -> None:
        """Keep a cookie that Stash re-issued; empty and odd ones are ignored."""
        if value and _HEADER_TEXT.match(value):
            with self._lock:
                self._cookie_value = value

    def should_ask_for_key(self) -> bool:
        """Tell one caller, once, to read the API key while the cookie still works."""
        with self._lock:
            if self._asked_for_key:
                return False
            self._asked_for_key = True
            return True

    def keep_key(self, key: object) -> None:
        """Remember the API key; Stash has "" when none was made."""
        if isinstance(key, str) and _HEADER_TEXT.match(key):
            with self._lock:
                self._api_key = key

    def forget_key(self) -> None:
        """Go back to the cookie, and have the key read again if it opens the door."""
        with self._lock:
            self._api_key = None
            self._use_key = False
            self._asked_for_key = self._cookie_value is None

    def after_refusal(self, shown: Kind) -> bool:
        """Take note that Stash refused what was shown; True when the key is left to try."""
        if shown is Kind.API_KEY:
            self.forget_key()
            return False
        with self._lock:
            self._use_key = self._api_key is not None
            return self._use_key

    def blank(self, text: str) -> str:
        """Take cookie and key out of something that Stash said."""
        with self._lock:
            secrets = [secret for secret in (self._cookie_value, self._api_key) if secret]
        for secret in secrets:
            text = text.replace(secret, "***")
        return text
