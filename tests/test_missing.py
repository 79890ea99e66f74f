"""Why a scene is not in Plex: what its file's name says, and what a scan or a rule would mend."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast
from xml.etree.ElementTree import Element

import pytest

from matching.missing import PATIENCE, Missing, Scan, explain
from plex.client import SectionInfo
from plex.libraries import lies_in
from stash.scene import Scene, SceneFile

if TYPE_CHECKING:
    from matching.path_advice import PathAdvice
    from plex.libraries import Libraries


def library(title: str, kind: str, *locations: str, scanner: str = "Plex Movie") -> SectionInfo:
    """A library as Plex tells it."""
    return SectionInfo(1, title, kind, locations, 0, 0, "", Element("Directory", scanner=scanner))


FILMS = library("Films", "movie", "/plex/films")
CLIPS = library("Clips", "movie", "/plex", scanner="Plex Video Files Scanner")
SHOWS = library("Shows", "show", "/plex/films")


class Searched:
    """Some libraries, for what is asked of them here."""

    def __init__(self, *sections: SectionInfo) -> None:
        self.sections = sections

    def reach(self, path: str) -> list[SectionInfo]:
        """Those that a path lies in, whatever its case."""
        return [one for one in self.sections if lies_in(one, path, ignore_case=True)]

    def describe(self) -> str:
        """Their titles."""
        return ", ".join(repr(one.title) for one in self.sections)


class Advice:
    """What path_map may lack."""

    def __init__(self, sentence: str = "") -> None:
        self._sentence = sentence

    def sentence(self, _path: str) -> str:
        """The same for every path."""
        return self._sentence


def told(*paths: str, sections: tuple[SectionInfo, ...] = (FILMS,), advice: str = "") -> Missing:
    """What is said of scene 7 with these files."""
    scene = Scene(id=7, files=(SceneFile("/stash/a.mp4"),))
    return explain(
        scene,
        paths,
        cast("Libraries", Searched(*sections)),
        cast("PathAdvice", Advice(advice)),
    )


EPISODES = ["Show S01E02", "show.s1.e2", "s01_e02 x", "Show s2024-e0001", "S01 E02"]
EXTRAS = (
    "behindthescenes",
    "deleted",
    "featurette",
    "interview",
    "scene",
    "short",
    "trailer",
    "other",
)
FOLDERS = (
    "Behind The Scenes",
    "deleted scenes",
    "Featurettes",
    "INTERVIEWS",
    "Scenes",
    "shorts",
    "Trailers",
    "other",
)


@pytest.mark.parametrize("name", EPISODES)
def test_a_file_that_is_named_like_an_episode(name: str) -> None:
    """In a library of movies Plex leaves it out."""
    assert told(f"/plex/films/{name}.mp4").never == (
        "It is named like an episode, and 'Films' is a movie library. "
        "Rename it, or put it into an other-videos library."
    )


@pytest.mark.parametrize(
    "path",
    [
        *(f"/plex/films/Film-{kind}.mp4" for kind in EXTRAS),
        "/plex/films/Film-TRAILER.mp4",
        *(f"/plex/films/{folder}/Film.mp4" for folder in FOLDERS),
    ],
)
def test_a_file_that_is_named_like_an_extra(path: str) -> None:
    """By what its name ends in or by the folder around it."""
    assert told(path).never == (
        "It is named like an extra, which 'Films' shows only beside its movie. "
        "Rename it, or put it into an other-videos library."
    )


@pytest.mark.parametrize(
    "name",
    [
        "Film",
        "BestS01E02",
        "9s1e2",
        "S01E12345",
        "S12345E01",
        "S01+E02",
        "Film-trailers",
        "Film trailer",
        "Film-trailer 2",
        "Scenes/more/Film",
        "My Scenes/Film",
    ],
)
def test_a_name_that_says_nothing(name: str) -> None:
    """Nobody is told to rename such a file."""
    assert told(f"/plex/films/{name}.mp4").never == ""


def test_only_libraries_of_movies_leave_files_out() -> None:
    """One that takes every file would have it, and of shows nothing is known."""
    path = "/plex/films/S01E02.mp4"
    assert told(path, sections=(SHOWS,)).never == ""
    assert told(path, sections=(CLIPS,)).never == ""
    assert told(path, sections=(FILMS, CLIPS)).never == ""
    assert "'Films'" in told(path, sections=(SHOWS, FILMS)).never
    # A library at the root: there is no folder around the file.
    root = library("Root", "movie", "/")
    assert told("/Film.mp4", sections=(root,)).never == ""
    assert "named like an extra" in told("/scenes/Film.mp4", sections=(root,)).never


def test_what_a_scan_would_help_is_named_with_its_folders() -> None:
    """Each file that a library holds, in the letters of the library: Plex scans no other."""
    missing = told(
        "/elsewhere/A.mp4", "/plex/films/A.mp4", "/PLEX/films/B.mp4", "/plex/films/b/C.mp4"
    )
    assert missing.told == "Scene 7: Plex has no item for /plex/films/A.mp4 yet."
    assert missing.waits == "PlexSync looks again by itself once Plex has scanned it."
    assert missing.scans == (Scan("/plex/films", (FILMS,)), Scan("/plex/films/b", (FILMS,)))
    other = told("/plex/films/A.mp4", sections=(FILMS, CLIPS))
    assert other.scans == (Scan("/plex/films", (FILMS, CLIPS)),)


def test_a_scene_outside_of_all_libraries_is_told_what_mends_it() -> None:
    """The rule that path_map lacks, or else where such a rule would stand; nothing waits."""
    missing = told("/else/A.mp4", advice="With the rule X it would.")
    assert missing == Missing(
        "Scene 7: /else/A.mp4 lies in no folder of the Plex libraries 'Films'. "
        "With the rule X it would."
    )
    assert "say so in the setting Path Map" in told("/else/A.mp4").told


@pytest.mark.parametrize(
    ("missing", "asked", "looks", "then"),
    [
        (Missing("T.", "W.", never="N."), False, PATIENCE - 1, "T. W."),
        (Missing("T.", "W.", never="N."), False, PATIENCE, "T. N. PlexSync goes on looking"),
        (Missing("T.", "W."), False, PATIENCE, "T. W."),
        (Missing("T.", "W.", never="N."), True, PATIENCE, "T. Plex was asked to scan"),
        (Missing("T."), False, 0, "T."),
    ],
)
def test_what_comes_of_it_by_itself(missing: Missing, asked: bool, looks: int, then: str) -> None:
    """A scan that was just asked for says most; what never comes is said once Plex had its time."""
    message = missing.fault(asked=asked, looks=looks).message
    assert message.startswith(then)
    assert message == message.rstrip()
