"""What is said of a scene that is not in Plex yet, and the folders that Plex could scan for it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from os.path import splitext
from typing import TYPE_CHECKING, NamedTuple

from plex.exceptions import NotInPlexYet
from plex.libraries import folder_of, lies_in
from validation.media_path import MediaPath

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matching.path_advice import PathAdvice
    from plex.libraries import Libraries
    from plex.sections import SectionInfo
    from stash.scene import Scene


#: Looks in vain after which Plex has had its time: by the schedule, an hour and more.
PATIENCE = 4

#: Names of extras: such a file belongs to a movie and is none itself.
#: https://support.plex.tv/articles/local-files-for-trailers-and-extras/
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


class Scan(NamedTuple):
    """A folder as Plex names it, and the libraries that it lies in."""

    folder: str
    sections: tuple[SectionInfo, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """A scene that no item holds a file of.

    ``told`` is the sentence about it, ``waits`` what comes of it by itself, "" where a
    scan of Plex would not help; ``scans`` are those that would; ``never`` is why Plex may
    not list it at all, "" where nothing speaks for that.
    """

    told: str
    waits: str = ""
    scans: tuple[Scan, ...] = ()
    never: str = ""

    def fault(self, *, asked: bool = False, looks: int = 0) -> NotInPlexYet:
        """Give the fault to raise.

        Args:
            asked: Plex was just asked to scan a folder.
            looks: So many looks were in vain before this one.
        """
        then = self.waits
        if self.never and looks >= PATIENCE:
            then = f"{self.never} PlexSync goes on looking now and then."
        if asked:
            then = "Plex was asked to scan its folder; PlexSync looks again by itself."
        return NotInPlexYet(f"{self.told} {then}".rstrip())


#: Of a scene no path of which any library could hold; the diagnostics look for these words.
OUTSIDE = "lies in no folder of the Plex libraries"


def explain(
    scene: Scene, paths: Sequence[str], libraries: Libraries, advice: PathAdvice
) -> Missing:
    """Say why no item holds a file of a scene.

    Args:
        scene: The scene.
        paths: Its files as Plex would name them.
        libraries: The libraries that were searched.
        advice: Rules that path_map may lack.
    """
    inside = [path for path in paths if libraries.reach(path)]
    if inside:
        scans = [Scan(folder, sections) for folder, sections in _folders(inside, libraries)]
        return Missing(
            f"Scene {scene.id}: Plex has no item for {inside[0]} yet.",
            "PlexSync looks again by itself once Plex has scanned it.",
            tuple(scans),
            _why_never(inside[0], libraries.reach(inside[0])),
        )
    mend = advice.sentence(scene.files[0].path) or (
        "If Plex names the folder differently, say so in the setting Path Map; if this "
        "scene is not meant for Plex, nothing needs to be done."
    )
    return Missing(f"Scene {scene.id}: {paths[0]} {OUTSIDE} {libraries.describe()}. {mend}")


def _folders(
    paths: Sequence[str], libraries: Libraries
) -> list[tuple[str, tuple[SectionInfo, ...]]]:
    found = []
    for path in paths:
        folder = folder_of(path)
        sections = tuple(one for one in libraries.reach(path) if lies_in(one, folder))
        if sections:
            found.append((folder, sections))
    return found


def _why_never(path: str, sections: Iterable[SectionInfo]) -> str:
    """Give the sentence why Plex may never list a file, "" where nothing speaks for it.

    Nobody can tell for sure from outside, so it is said as what the name looks like, and the
    scene goes on waiting.

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
