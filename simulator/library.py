"""What both stand-ins know: a deterministic catalogue of scenes with their files, and pictures.

The same number always gives the same scene, on every machine and in both
stand-ins, so "scene 17" in the Stash stand-in and the item holding its file in
the Plex stand-in agree without talking to each other. Everything is computed
from the number alone: asking for scene 99,999 does not build the others.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

STASH_ROOT: Final = "/stash/media"
PLEX_ROOT: Final = "/plex/media"

_MASK: Final = (1 << 64) - 1

# A one-pixel JPEG in two halves: a comment goes between them, so that no two pictures have
# the same bytes.
_JPEG: Final = base64.b64decode(
    "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAMCAgICAgMCAgIDAwMDBAYEBAQEBAgGBgUGCQgKCgkICQkKDA8MCgsOCwkJ"
    "DRENDg8QEBEQCgwSExIQEw8QEBD/yQALCAABAAEBAREA/8wABgAQEAX/2gAIAQEAAD8A0s8g/9k="
)


_FIRST: Final = (
    "Ada; Beatrix; Carmen; Daria; Elena; Fiona; Greta; Hanna; Ines; Julia; Klara; Lena; Mona; "
    "Nadia; Olga; Paula; Quinn; Rosa; Sofia; Tessa; Uma; Vera; Wanda; Xenia; Yara"
).split("; ")
_LAST: Final = (
    "Almond; Birch; Cedar; Dogwood; Elm; Fir; Gorse; Hazel; Ivy; Juniper; Kapok; Larch; Maple; "
    "Nettle; Oak; Pine; Quince; Rowan; Spruce; Teak"
).split("; ")
_STUDIO_FIRST: Final = (
    "Amber; Blue; Coral; Dusk; Ember; Frost; Golden; Harbour; Indigo; Jade"
).split("; ")
_STUDIO_LAST: Final = "Films; Lane; Pictures; Works".split("; ")
_ADJECTIVES: Final = (
    "Quiet; Late; Second; Open; Hidden; Long; Bright; Narrow; Borrowed; Distant"
).split("; ")
_NOUNS: Final = (
    "Morning; Letter; Window; Journey; Answer; Evening; Road; Harvest; Signal; Visit"
).split("; ")
_FIRST_DAY: Final = date(2005, 1, 1)

STUDIOS: Final = tuple(f"{first} {last}" for first in _STUDIO_FIRST for last in _STUDIO_LAST)
PERFORMERS: Final = tuple(f"{first} {last}" for first in _FIRST for last in _LAST)
TAGS: Final = tuple(
    (
        "Action; Beach; Behind the Scenes; Black and White; City; Colour, Graded; Comedy; Dance; "
        "Drama; Drone; Forest; Garden; Handheld; HD; Indoor; Interview; Kitchen; Lake; Live; "
        "Long Take; Mountain; Music; Night; Office; Outdoor; Rain; Retro; River; Rooftop; "
        '"So-called" Reality; Sport; Studio; Summer; Sunset; Train; Travel; Vintage; Voice-over; '
        "Winter; Workshop"
    ).split("; ")
)


class CatalogueFile(NamedTuple):
    """The file behind one scene.

    ``size`` is in bytes, ``oshash`` the 16 lower-case hex digits both servers
    compute, ``duration_ms`` the running time in milliseconds.
    """

    number: int
    folder: str
    name: str
    size: int
    oshash: str
    duration_ms: int

    @property
    def stash_path(self) -> str:
        """Absolute path as Stash sees it."""
        return f"{STASH_ROOT}/{self.folder}/{self.name}"

    @property
    def plex_path(self) -> str:
        """Absolute path as Plex sees it: another root, the same tail."""
        return f"{PLEX_ROOT}/{self.folder}/{self.name}"

    @property
    def stem(self) -> str:
        """File name without its extension; what Plex calls an unmatched item."""
        return self.name.rpartition(".")[0]


class CatalogueScene(NamedTuple):
    """One scene as a tidy Stash would hold it.

    ``number`` is the Stash scene id; ``date`` is YYYY-MM-DD; ``rating100`` is
    None for every third scene; performers and tags are unique and in Stash's order.
    """

    number: int
    file: CatalogueFile
    title: str
    details: str
    date: str
    studio: str
    director: str
    rating100: int | None
    performers: tuple[str, ...]
    tags: tuple[str, ...]


def _mix(number: int) -> int:
    """A 64-bit splitmix step: cheap, well spread, the same on every Python."""
    value = (number * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK
    return value ^ (value >> 31)


def catalogue_file(number: int) -> CatalogueFile:
    """The file of scene ``number`` (from 1)."""
    dice = _mix(number)
    return CatalogueFile(
        number=number,
        folder=STUDIOS[dice % len(STUDIOS)],
        name=f"Scene {number:06d}.mp4",
        size=50_000_000 + dice % 4_000_000_000,
        # Every sixteenth hash starts with a zero, so that a client that forgets
        # the padding is found out.
        oshash=f"{_mix(dice):016x}",
        duration_ms=300_000 + dice % 3_600_000,
    )


def catalogue_scene(number: int) -> CatalogueScene:
    """Scene ``number`` (from 1) with all its metadata."""
    file = catalogue_file(number)
    dice = _mix(number + 0x5CE7E)
    second = _mix(dice)
    adjective = _ADJECTIVES[dice % 10]
    noun = _NOUNS[(dice >> 8) % 10]
    return CatalogueScene(
        number=number,
        file=file,
        title=f"The {adjective} {noun} {number}",
        details=(
            f"{adjective} and {noun.lower()}, part {number} of the catalogue.\n"
            f"A second line with “quotes”, an ampersand & a <bracket>."
        ),
        date=(_FIRST_DAY + timedelta(days=(dice >> 16) % 7000)).isoformat(),
        studio=file.folder,
        director=PERFORMERS[second % len(PERFORMERS)] if number % 2 else "",
        rating100=None if number % 3 == 0 else (second >> 8) % 20 * 5 + 5,
        performers=_pick(PERFORMERS, second >> 12, 1 + (dice >> 32) % 4),
        tags=_pick(TAGS, second >> 24, 2 + (dice >> 36) % 5),
    )


def _pick(names: Sequence[str], dice: int, count: int) -> tuple[str, ...]:
    """``count`` different names: a stride of 157 shares no factor with either list's length."""
    return tuple(names[(dice + 157 * offset) % len(names)] for offset in range(count))


def jpeg(note: bytes) -> bytes:
    """A small valid JPEG with ``note`` in it as a comment."""
    comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
    return _JPEG[:2] + comment + _JPEG[2:]
