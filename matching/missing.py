"""Scenes that no path brings to an item: settled by hash, or explained.

Where a file lies, as mapped, in no folder of Plex, its base name finds candidates, never a
match: only the hash that Stash and Plex both compute proves that two files are one. Where Plex
has no hash, the candidates are named and the scene rests. A library may hold a part of Stash on
purpose, so looking for names is given up for a folder where nothing was ever found.

Of a scene that is not in Plex it is said why, and which folders Plex could scan for it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from os.path import splitext
from typing import TYPE_CHECKING, NamedTuple

from plex.error_types import AmbiguousMatch, NotInPlexYet
from plex.libraries import folder_of, lies_in
from plex.matcher import Candidate, refused
from plex.oshash import prove
from validation.media_path import MediaPath
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from matching.path_advice import PathAdvice
    from plex.client import PlexClient, SectionInfo
    from plex.libraries import Libraries
    from stash.scene import Scene, SceneFile

#: Looks in vain after which Plex has had its time: by the schedule, an hour and more.
PATIENCE = 4

#: Names of extras: such a file belongs to a movie and is none itself.
#: https://support.plex.tv/articles/local-files-for-trailers-and-extras/
_EXTRA = re.compile(
    r"-(behindthescenes|deleted|featurette|interview|scene|short|trailer|other)\Z", re.IGNORECASE
)
_EXTRAS = {
    *("behind the scenes", "deleted scenes", "featurettes", "interviews"),
    *("scenes", "shorts", "trailers", "other"),
}
_EPISODE = re.compile(r"(?<![A-Za-z0-9])s\d{1,4}[ ._-]?e\d{1,4}(?!\d)", re.IGNORECASE)
#: The scanner of an other-videos library, which takes every file, as plexapi names it.
_TAKES_ALL = "Plex Video Files Scanner"
#: Of a scene no path of which any library could hold; the diagnostics look for these words.
OUTSIDE = "lies in no folder of the Plex libraries"
#: Names looked for in vain below one top folder before it is left alone, and for how
#: many seconds.
IN_VAIN, REST = 30, 3600.0
#: Names that make a top folder: /media/usb is more telling than /media.
TOP = 2


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
        """Give the fault to raise: was Plex just asked to scan, how many looks were in vain?"""
        then = self.waits
        if self.never and looks >= PATIENCE:
            then = f"{self.never} PlexSync goes on looking now and then."
        if asked:
            then = "Plex was asked to scan its folder; PlexSync looks again by itself."
        return NotInPlexYet(f"{self.told} {then}".rstrip())


def explain(
    scene: Scene, paths: Sequence[str], libraries: Libraries, advice: PathAdvice
) -> Missing:
    """Say why no item of the libraries holds one of a scene's files, as Plex would name them."""
    inside = [path for path in paths if libraries.reach(path)]
    if inside:
        scans = (_scan(path, libraries) for path in inside)
        return Missing(
            f"Scene {scene.id}: Plex has no item for {inside[0]} yet.",
            "PlexSync looks again by itself once Plex has scanned it.",
            tuple(scan for scan in scans if scan.sections),
            _why_never(inside[0], libraries.reach(inside[0])),
        )
    mend = advice.sentence(scene.files[0].path) or (
        "If Plex names the folder differently, say so in the setting Path Map; if this "
        "scene is not meant for Plex, nothing needs to be done."
    )
    return Missing(f"Scene {scene.id}: {paths[0]} {OUTSIDE} {libraries.describe()}. {mend}")


def _scan(path: str, libraries: Libraries) -> Scan:
    folder = folder_of(path)
    return Scan(folder, tuple(one for one in libraries.reach(path) if lies_in(one, folder)))


def _why_never(path: str, sections: Iterable[SectionInfo]) -> str:
    """Give the sentence why Plex may never list a file, "" where nothing speaks for it.

    Nobody can tell for sure from outside, so it is said as what the name looks like, and the
    scene goes on waiting.
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


class Unmapped:
    """Looks for files that no rule of path_map brings into a library's folder.

    ``advice`` is told of every pair of paths that was found; the clock gives Unix seconds.
    """

    def __init__(
        self,
        client: PlexClient,
        libraries: Libraries,
        advice: PathAdvice,
        clock: Callable[[], float],
    ) -> None:
        self._client = client
        self._libraries = libraries
        self._advice = advice
        self._clock = clock
        self._in_vain: Counter[str] = Counter()
        self._rests_since: dict[str, float] = {}

    def find(
        self,
        scene: Scene,
        files: Iterable[SceneFile],
        indexed: Callable[[str], list[int] | None],
    ) -> list[Candidate]:
        """Give Plex's files that are proven to be one of a scene's that lie in no folder of Plex.

        ``indexed`` gives the rating keys of the items with a path, None when there is no index
        that could say.

        Raises:
            AmbiguousMatch: There are candidates, and nobody can tell.
        """
        proven: list[Candidate] = []
        unknown: list[tuple[SceneFile, Candidate]] = []
        for file in files:
            self._advice.missing(scene.id, file.path)
            proof = prove(self._client, self._candidates(file, indexed), file.oshash)
            proven += proof.proven
            unknown += [(file, one) for one in proof.unknown]
            for one in proof.proven:
                self._advice.learn(scene.id, file.path, one.file)
        if unknown and not proven:
            for file, one in unknown:
                if file.size is not None and file.size == one.size:
                    self._advice.learn(scene.id, file.path, one.file)
            path = unknown[0][0].path
            names = refused(path, [one for _, one in unknown], private=self._advice.private)
            raise AmbiguousMatch.about(
                f"Scene {scene.id}: {names}, and Plex has no hash that would tell.",
                hint=self._advice.sentence(path),
            )
        return proven

    def _candidates(
        self, file: SceneFile, indexed: Callable[[str], list[int] | None]
    ) -> list[Candidate]:
        answers: list[list[int] | None] = []
        for rule in self._advice.rules(file.path):
            path = PathMap((rule,)).to_plex(file.path)
            keys = indexed(path)
            if keys:
                return [Candidate(key, path, None) for key in keys]
            answers.append(keys)
        parts = MediaPath.of(file.path)
        top = parts.prefix(min(TOP, max(len(parts.names) - 1, 0)))
        # An index that knows none of the likely places is worth as much as a search.
        if (answers and None not in answers) or self._rests(top):
            return []
        found = self._libraries.same_named(file.path, file.size)
        if found:
            self._in_vain[top] = -IN_VAIN
        else:
            self._in_vain[top] += 1
        return found

    def _rests(self, top: str) -> bool:
        if self._in_vain[top] < IN_VAIN:
            return False
        now = self._clock()
        since = self._rests_since.setdefault(top, now)
        if 0 <= now - since < REST:
            return True
        del self._rests_since[top], self._in_vain[top]
        return False
