"""Where Stash is, the cookie that opens it, and the certificate that it shows.

Stash hands ``server_connection`` to a plugin on stdin. The hook puts the object away
as it came, without importing anything, and the worker reads it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .exceptions import StashConnectionUnusable

# Stash reports the address it binds to, which for "every interface" is not one
# that a client can connect to on every platform.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "localhost"}  # noqa: S104

_HOST = re.compile(r"[A-Za-z0-9._\-]{1,253}\Z")
_COOKIE_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_COOKIE_VALUE = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+\Z")
_PORTS = range(1, 65536)
CERTIFICATE = "stash.crt"
CONFIG = "config.yml"
HOME = os.path.join("~", ".stash")
#: Characters of the configuration that are looked through; Stash's own is far shorter.
LARGEST_CONFIG = 4 << 20
# At the very left it is Stash's own; a plugin's setting of that name stands further in.
_NAMED = re.compile(
    r"""^ssl_cert_path:[ \t]+
    (?: '((?:[^'\n]|'')*)' | "([^"\\\n]*)" | ([^\s'"\#][^\n]*?) )
    [ \t]*(?:[ \t]\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class StashConnection:
    """How to reach the Stash that started us.

    The scheme is "http" or "https", the port 1 to 65535. ``host`` can be connected to, IPv6 in
    brackets; it is never a wildcard address. The cookie is None when Stash gave none; its value
    is a secret and not in the repr. ``certificate`` is the path at which Stash keeps its own if
    it speaks https by itself, "" when that is not known, or not needed.
    """

    scheme: str
    host: str
    port: int
    cookie_name: str | None = None
    cookie_value: str | None = field(default=None, repr=False)
    certificate: str = ""

    @property
    def url(self) -> str:
        """Base address without a trailing slash, e.g. ``http://127.0.0.1:9999``."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether requests to it stay on this machine."""
        if self.host.lower() == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @classmethod
    def from_server_connection(cls, raw: object) -> StashConnection:
        """Read the ``server_connection`` object of the plugin's stdin; its cookie may be null.

        Raises ``StashConnectionUnusable`` if something that is needed is missing or odd.
        """
        if not isinstance(raw, Mapping):
            raise _unusable("it is not an object")
        scheme = raw.get("Scheme")
        if not isinstance(scheme, str) or scheme.lower() not in {"http", "https"}:
            raise _unusable("its Scheme is neither http nor https")
        port = raw.get("Port")
        if isinstance(port, str) and port.isascii() and port.isdecimal() and len(port) < 6:
            port = int(port)
        if not isinstance(port, int) or isinstance(port, bool) or port not in _PORTS:
            raise _unusable("its Port is not a number from 1 to 65535")
        name, value = _cookie(raw.get("SessionCookie"))
        folder = raw.get("Dir")
        folder = folder if isinstance(folder, str) and "\0" not in folder else ""
        return cls(
            scheme=scheme.lower(),
            host=_connectable_host(raw.get("Host")),
            port=port,
            cookie_name=name,
            cookie_value=value,
            certificate=path_of_certificate(folder) if folder and scheme.lower() == "https" else "",
        )


def _unusable(why: str) -> StashConnectionUnusable:
    return StashConnectionUnusable(
        f"PlexSync does not know how to reach Stash: in the connection that Stash gave, {why}. "
        "PlexSync waits for the next hook or task, which brings a new one."
    )


def _connectable_host(raw: object) -> str:
    if raw is not None and not isinstance(raw, str):
        raise _unusable("its Host is not text")
    bare = (raw or "").strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    bare = _WILDCARDS.get(bare, bare)
    if ":" in bare:
        address, _, zone = bare.partition("%")
        with contextlib.suppress(ValueError):
            ipaddress.IPv6Address(address)
            if not zone or _HOST.match(zone):
                return f"[{bare}]"
    elif _HOST.match(bare):
        return bare
    raise _unusable("its Host is not a host name or an address")


def _cookie(raw: Any) -> tuple[str, str] | tuple[None, None]:
    """Name and value, checked here because requests quotes a bad header in its error."""
    if raw is None:
        return None, None
    if not isinstance(raw, Mapping):
        raise _unusable("its SessionCookie is not an object")
    name, value = raw.get("Name"), raw.get("Value")
    if not name or not value:
        return None, None
    if not isinstance(name, str) or not _COOKIE_NAME.match(name):
        raise _unusable("its SessionCookie has no proper name")
    if not isinstance(value, str) or not _COOKIE_VALUE.match(value):
        raise _unusable("its SessionCookie has a value that no cookie can have")
    return name, value


def path_of_certificate(folder: str) -> str:
    """Give the path of Stash's own certificate, whether or not it is there.

    Stash takes what its config.yml names as ssl_cert_path, else a stash.crt beside that file,
    else one in the folder .stash of its user's home (stash v0.30, internal/manager/config/
    config.go, InitTLS). The folder is that of the configuration, of which no more than this
    one line is read.
    """
    named = _named(os.path.join(folder, CONFIG))
    if named:
        return named
    beside = os.path.join(folder, CERTIFICATE)
    at_home = os.path.join(os.path.expanduser(HOME), CERTIFICATE)
    return at_home if os.path.exists(at_home) and not os.path.exists(beside) else beside


def _named(config: str) -> str:
    """Give what a configuration names; "" for nothing, and for what depends on Stash's folder."""
    try:
        with open(config, encoding="utf-8", errors="replace") as file:
            found = _NAMED.search(file.read(LARGEST_CONFIG))
    except OSError:  # called otherwise, or not ours to read
        return ""
    if found is None:
        return ""
    single, double, plain = found.groups()
    path = str(single.replace("''", "'") if single is not None else double or plain or "")
    return path if os.path.isabs(path) else ""
