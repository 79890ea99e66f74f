"""A server's address taken apart: where requests go, and below which path."""

from __future__ import annotations

from http.client import InvalidURL
from typing import NamedTuple
from urllib.parse import quote, urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}
#: What may stand in a path as it is (RFC 3986, 3.3); what is encoded already stays so.
_IN_A_PATH = "/%:@!$&'()*+,;=~"


class Origin(NamedTuple):
    """Where a server is: "http" or "https", host and port.

    An IPv6 host has no brackets; a link-local one may have a zone, as sockets take it:
    "fe80::1%eth0".
    """

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host and port as the header "Host" and URLs have them: no zone, no default port."""
        host = self.host.partition("%")[0]  # a zone means something on this machine only
        host = f"[{host}]" if ":" in host else host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Scheme and authority, such as "http://plex:32400"."""
        return f"{self.scheme}://{self.authority}"


class Address(NamedTuple):
    """A server and the path that all of its own paths are below ("" or "/plex")."""

    origin: Origin
    base: str


def address_of(url: str) -> Address:
    """Take a whole URL apart; user, query and fragment are not looked at.

    A host in letters of other alphabets becomes Punycode as plexapi's requests makes it.

    Raises:
        http.client.InvalidURL: It is no address that a request can be sent to.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
        host = _ascii(parts.hostname or "")
    except ValueError as exc:  # UnicodeError is one of them
        raise InvalidURL("an address that cannot be taken apart") from exc
    if parts.scheme not in _DEFAULT_PORTS or not host or host.startswith(("*", ".")):
        raise InvalidURL("an address needs http:// or https:// and a host")
    if not all("!" <= letter <= "~" for letter in host):
        raise InvalidURL("a host has no blanks")
    origin = Origin(parts.scheme, zoned(host), port or _DEFAULT_PORTS[parts.scheme])
    return Address(origin, quote(parts.path, safe=_IN_A_PATH).rstrip("/"))


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    import idna  # noqa: PLC0415 - comes with requests, and is slow to load

    return idna.encode(host.lower(), strict=True, std3_rules=True).decode("ascii")


def zoned(host: str) -> str:
    """Spell a host's zone as sockets do; RFC 6874 writes its "%" as "%25" in a URL."""
    address, _, zone = host.partition("%")
    zone = zone[2:] if zone.startswith("25") and len(zone) > 2 else zone
    return f"{address}%{zone}" if zone else address
