"""Files that lie in a library and that Plex lists no item for, by their names alone.

By https://support.plex.tv/articles/local-files-for-trailers-and-extras/ an extra belongs
to a movie and is none itself. Nobody can tell for sure from outside, so it is said as what
the name looks like, and the scene goes on waiting.
"""

from __future__ import annotations

import re
from os.path import splitext
from typing import TYPE_CHECKING

from validation.media_path import MediaPath

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plex.sections import SectionInfo

_EXTRA = re.compile(
    r"-(behindthescenes|deleted|featurette|interview|scene|short|trailer|other)\Z", re.IGNORECASE
)
_EXTRAS = frozenset(
    [
        "behind the scenes",
        "deleted scenes",
        "featurettes",
        "interviews",
        "scenes",
        "shorts",
        "trailers",
        "other",
    ]
)
_EPISODE = re.compile(r"(?<![A-Za-z0-9])s\d{1,4}[ ._-]?e\d{1,4}(?!\d)", re.IGNORECASE)
#: The scanner of an other-videos library, which takes every file, as plexapi names it.
_TAKES_ALL = "Plex Video Files Scanner"


def why_never(path: str, sections: Iterable[SectionInfo]) -> str:
    """Give the sentence why Plex may never list a file, "" where nothing speaks for it.

    Args:
        path: The file as Plex would name it.
        sections: The libraries that it lies in.
    """
    movies = [one for one in sections if one.type == "movie"]
    if not movies or any(one.element.get("scanner") == _TAKES_ALL for one in movies):
        return ""
    parts = MediaPath.of(path)
    stem = splitext(parts.names[-1])[0]
    advice = "Rename it, or put it into an other-videos library."
    title = repr(movies[0].title)
    if _EPISODE.search(stem):
        return f"It is named like an episode, and {title} is a movie library. {advice}"
    folder = parts.names[-2] if len(parts.names) > 1 else ""
    if _EXTRA.search(stem) or folder.lower() in _EXTRAS:
        return f"It is named like an extra, which {title} shows only beside its movie. {advice}"
    return ""
