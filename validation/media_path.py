"""A path as text: Windows or POSIX, its root, its names, and its normal form.

Stash, Plex and PlexSync may run on three different systems, so a path says by
its own look what it is: a drive letter, two leading slashes of either kind or
a leading backslash make it a Windows path, in which both slashes separate and
case does not matter. Any other path is POSIX: only ``/`` separates, a backslash
is part of a name, and case counts.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cached_property, lru_cache

_DRIVE = re.compile(r"[A-Za-z]:(?=[\\/]|\Z)")
# Windows' way to allow long paths: \\?\C:\dir and \\?\UNC\server\share.
_LONG_PREFIX = re.compile(r"[\\/]{2}[?.][\\/](UNC[\\/])?", re.IGNORECASE)
_WINDOWS_NAME = re.compile(r"[^\\/]+")
# A POSIX path that is its own key, as nearly all are: no name is empty, "." or holds a backslash.
_PLAIN = re.compile(r"(?:/(?!\.(?:/|\Z))[^/\\]+)+")
_POSIX_NAME = re.compile(r"[^/]+")

POSIX_ROOT = "/"
UNC_ROOT = "\\\\"
#: The folder that it stands in.
HERE = "."


@dataclass(frozen=True)
class MediaPath:
    r"""A path taken apart.

    Attributes:
        text: The path without ``\\?\``, otherwise verbatim.
        windows: Whether it is a Windows path.
        root: ``/``, a drive as written (``C:``), ``\\`` for a network share,
            or "" when the path is not absolute.
        names: The names after the root, verbatim; empty ones are left out.
        ends: For each name the index in ``text`` behind it.
    """

    text: str
    windows: bool
    root: str
    names: tuple[str, ...]
    ends: tuple[int, ...]

    @classmethod
    @lru_cache(4096)
    def of(cls, path: str) -> MediaPath:
        """Take ``path`` apart; any text is accepted."""
        text = _without_long_prefix(path)
        windows = _looks_like_windows(text)
        root = _root(text, windows=windows)
        pattern = _WINDOWS_NAME if windows else _POSIX_NAME
        found = tuple(pattern.finditer(text, len(root)))
        return cls(
            text,
            windows,
            root,
            tuple(match[0] for match in found),
            tuple(match.end() for match in found),
        )

    def prefix(self, count: int) -> str:
        """The root and the first ``count`` names, with this path's own kind of separator."""
        separator = "\\" if self.windows else "/"
        head = self.root + separator if self.root[-1:] == ":" else self.root
        return head + separator.join(self.names[:count])

    def after(self, count: int) -> str:
        """What follows the first ``count`` names, verbatim, without separators in front."""
        start = self.ends[count - 1] if count else len(self.root)
        return self.text[start:].lstrip("\\/" if self.windows else "/")

    def below(self, count: int) -> str:
        """What follows the folder that the root and the first ``count`` names in ``keys`` make."""
        places = [place for place, name in enumerate(self.names, 1) if name != HERE]
        return self.after(places[count - 1] if count else 0)

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """Root and names in the form in which two paths are compared."""
        names = (self.root, *(name for name in self.names if name != HERE))
        if self.text.isascii() and not self.windows:
            return names
        return tuple(name_key(name, windows=self.windows) for name in names)


def name_key(name: str, *, windows: bool) -> str:
    """One name in the form for comparing: NFC; on Windows lower case, without final dots.

    macOS and some network shares hand out decomposed accents, others composed ones, for the
    same file. Windows takes dots and blanks off the end of a name
    (https://learn.microsoft.com/windows/win32/fileio/naming-a-file).
    """
    key = unicodedata.normalize("NFC", name)
    if not windows:
        return key
    key = key.rstrip(". ") or key
    if key.isascii():
        return key.lower()
    # Letter by letter: str.lower() makes the Greek sigma depend on its place.
    return unicodedata.normalize("NFC", "".join(letter.lower() for letter in key))


@lru_cache(4096)
def path_key(path: str) -> str:
    r"""The normal form in which two Plex-side paths are compared.

    NFC; without ``\\?\``; one ``/`` between names, none at the end. A Windows
    path is lower case throughout, as its file system does not tell case apart;
    a POSIX path keeps its case. ``path_key(path_key(p)) == path_key(p)``.
    """
    if path.isascii() and _PLAIN.fullmatch(path):
        return path
    parts = MediaPath.of(unicodedata.normalize("NFC", path))
    key = "/".join(name_key(name, windows=parts.windows) for name in parts.names if name != HERE)
    if parts.root[-1:] == ":":
        return "/".join(filter(None, (parts.root.lower(), key)))
    return f"/{key}" if parts.root else key


def same_path(one: str, other: str) -> bool:
    """Whether two Plex-side paths mean the same file, whatever their spelling."""
    return one == other or path_key(one) == path_key(other)


def lies_in(path: str, folder: str, *, ignore_case: bool = False) -> bool:
    """Whether a Plex-side path is, or lies below, a folder; nothing lies in one without a name."""
    fold = str.casefold if ignore_case else str
    key, place = fold(path_key(path)), fold(path_key(folder))
    return bool(key and place) and (key == place or key.startswith(place.rstrip("/") + "/"))


def base_name(path: str) -> str:
    """The last name of ``path``, verbatim; "" for a bare root or no path."""
    if _PLAIN.fullmatch(path):
        return path.rpartition("/")[2]
    names = MediaPath.of(path).names
    return names[-1] if names else ""


def _without_long_prefix(text: str) -> str:
    while found := _LONG_PREFIX.match(text):
        text = (UNC_ROOT if found[1] else "") + text[found.end() :]
    return text


def _looks_like_windows(text: str) -> bool:
    return _DRIVE.match(text) is not None or text.startswith(("\\", "//"))


def _root(text: str, *, windows: bool) -> str:
    if not windows:
        return POSIX_ROOT if text.startswith("/") else ""
    if drive := _DRIVE.match(text):
        return drive[0]
    if text[:2] in ("\\\\", "//", "\\/"):
        return UNC_ROOT
    return "\\" if text.startswith("\\") else ""
