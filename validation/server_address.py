"""The two settings that people paste from a browser: plex_url and plex_token."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

EXAMPLE = "http://192.168.1.10:32400"

_SCHEMES = ("http", "https")
# Only this much is sure to be a host, not a token in the wrong box, when the
# scheme is missing, and may therefore be repeated in a message.
_SURELY_A_HOST = re.compile(r"(?:[A-Za-z0-9.-]{1,80}:[0-9]{1,5}|[0-9]{1,3}(?:\.[0-9]{1,3}){3})/?")
_LABEL = re.compile(r"[\w-]{1,63}")
_LONGEST_HOST = 253
_DIGITS_AND_DOTS = re.compile(r"[0-9.]+")
# First path segments of Plex's web app and of its API: not part of the address.
_PAGES = {"web", "desktop", "index.html", "identity", "library"}
_PLEX_SITES = {"plex.tv", "www.plex.tv", "app.plex.tv", "watch.plex.tv"}
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=:-]+")


def read_address(text: str) -> tuple[str, str]:
    """The server's base address from what was typed into plex_url, and how to mend it.

    One of the two is "". What was typed is not empty, stripped, and without control characters.
    The address has no slash at the end, and its scheme and host in lower case. A path is kept,
    since Plex may stand behind a reverse proxy at ``https://host/plex``.
    """
    if "\\" in text:
        return "", f"has a backslash; write it with slashes, as in {EXAMPLE}"
    scheme, separator, _ = text.partition("://")
    if not separator or scheme.lower() not in _SCHEMES:
        hint = f"http://{text}" if _SURELY_A_HOST.fullmatch(text) else EXAMPLE
        return "", f"must begin with http:// or https://; enter it like {hint.rstrip('/')}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return "", f"is not an address (check host and port); enter it like {EXAMPLE}"
    if fault := _host_fault(parts.hostname or "", bracketed="[" in parts.netloc):
        return "", fault
    base = _base(parts, port)
    if "@" in parts.netloc:
        return "", (
            f"contains a user name or a password; enter only {base}, and the token in Plex Token"
        )
    segments = parts.path.split("/")
    page = next((at for at, name in enumerate(segments) if name.lower() in _PAGES), None)
    if page is not None:
        return "", f"is a page of Plex, not its address; enter only {base}{_path(segments[:page])}"
    if parts.query or parts.fragment or "?" in text or "#" in text:
        return "", f"has something behind ? or #; enter only {base}{_path(segments)}"
    if any(letter.isspace() for letter in parts.path):
        return "", f"has a blank in it; enter it like {EXAMPLE}"
    return base + _path(segments), ""


def token_fault(text: str) -> str:
    """Why ``text`` cannot be a Plex token, without repeating any of it; or ""."""
    lowered = text.lower()
    if lowered.startswith("claim-"):
        return "is a claim code, which works once and for four minutes; enter the X-Plex-Token"
    if "x-plex-token" in lowered or "://" in text:
        return "must be only the part behind X-Plex-Token=, without the name and without a URL"
    if not _TOKEN.fullmatch(text):
        return (
            "has characters that no Plex token has (blanks, quotes, brackets, accents); "
            "copy it again"
        )
    return ""


def _host_fault(host: str, *, bracketed: bool) -> str:
    if bracketed:
        try:
            ipaddress.IPv6Address(host.partition("%")[0])
        except ValueError:
            return "has no valid IPv6 address between [ and ]"
        return ""
    if host in _PLEX_SITES:
        return f"is Plex's own web site; enter the address of your server, like {EXAMPLE}"
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in labels):
        return f"has no valid host name; enter it like {EXAMPLE}"
    if _DIGITS_AND_DOTS.fullmatch(host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return f"has no valid IP address; it is four numbers from 0 to 255, like {EXAMPLE}"
    return ""


def _base(parts: SplitResult, port: int | None) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme.lower()}://{host}" + ("" if port is None else f":{port}")


def _path(segments: list[str]) -> str:
    return "".join(f"/{segment}" for segment in segments if segment)
