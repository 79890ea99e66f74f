"""Scenes whose files lie, as mapped, in no folder of Plex: settled by hash, or refused.

The base name finds candidates, never a match: only the hash that Stash and Plex
both compute proves that two files are one. Where Plex has no hash, the
candidates are named and the scene rests.

A library may hold a part of Stash on purpose, so looking for names is given up
for a folder where nothing was ever found.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from plex.exceptions import AmbiguousMatch
from plex.matcher import Candidate, refused
from plex.oshash import prove
from validation.media_path import MediaPath
from validation.path_map import PathMap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from matching.path_advice import PathAdvice
    from plex.client import PlexClient
    from plex.libraries import Libraries
    from stash.scene import Scene, SceneFile

#: Names looked for in vain below one top folder before it is left alone, and for how
#: many seconds.
IN_VAIN, REST = 30, 3600.0
#: Names that make a top folder: /media/usb is more telling than /media.
TOP = 2


class Unmapped:
    """Looks for files that no rule of path_map brings into a library's folder.

    Args:
        client: Plex.
        libraries: The libraries that are searched.
        advice: Told of every pair of paths that was found.
        clock: Gives Unix seconds.
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
        """Give the files in Plex that are proven to be one of a scene's.

        Args:
            scene: The scene.
            files: Those of its files that lie in no folder of Plex.
            indexed: Gives the rating keys of the items with a path, None when
                there is no index that could say.

        Raises:
            AmbiguousMatch: There are candidates, and nobody can tell.
            errors.SyncError: Plex could not be asked.
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
            raise self._refusal(scene, [one for _, one in unknown], unknown[0][0].path)
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
        top = _top(file.path)
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

    def _refusal(self, scene: Scene, candidates: list[Candidate], path: str) -> AmbiguousMatch:
        names = refused(path, candidates, private=self._advice.private)
        return AmbiguousMatch.about(
            f"Scene {scene.id}: {names}, and Plex has no hash that would tell.",
            hint=self._advice.sentence(path),
        )


def _top(path: str) -> str:
    parts = MediaPath.of(path)
    return parts.prefix(min(TOP, max(len(parts.names) - 1, 0)))
