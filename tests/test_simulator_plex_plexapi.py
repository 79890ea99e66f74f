"""plexapi as a judge of the stand-in: what its own tests rely on must work here too."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plexapi.server import PlexServer

from simulator.library import catalogue_file

if TYPE_CHECKING:
    from plexapi.video import Movie

    from simulator.control import PlexControl

TAG = "Test Tag !@#$%^&*()-_=+[];:'\"/?,."


@pytest.fixture
def server(plex: PlexControl) -> Iterator[PlexServer]:
    """plexapi, connected."""
    server = PlexServer(plex.url, plex.token)
    yield server
    server._session.close()


@pytest.fixture
def movie(plex: PlexControl, server: PlexServer) -> Movie:
    """Scene 2 as plexapi sees it."""
    movie: Movie = server.fetchItem(plex.key_of(catalogue_file(2).plex_path))
    return movie


def test_it_connects_and_finds_the_section(plex: PlexControl, server: PlexServer) -> None:
    """Server, library and section have name, identity, type, folder and size."""
    assert server.machineIdentifier == plex.state()["machineIdentifier"]
    assert server.version.startswith("1.43.1")
    section = server.library.section("Scenes")
    assert (section.type, section.locations, section.totalSize) == ("movie", ["/plex/media"], 4)
    assert section.agent == "tv.plex.agents.none"


def test_it_edits_fields_and_locks_them(movie: Movie) -> None:
    """EditTitle and the rest change and lock; unlocking takes the Field away."""
    movie.editTitle('A "new" title, & more').editSummary("One\nTwo").editStudio("S")
    movie.editContentRating("XXX").editOriginallyAvailable("2020-02-29").editSortTitle("Z")
    movie.reload()
    assert (movie.title, movie.summary, movie.studio) == ('A "new" title, & more', "One\nTwo", "S")
    assert (movie.contentRating, movie.titleSort, movie.year) == ("XXX", "Z", 2020)
    assert movie.originallyAvailableAt.strftime("%Y-%m-%d") == "2020-02-29"
    assert movie.isLocked("title")
    assert movie.isLocked("summary")
    movie.editTitle("Again", locked=False).reload()
    assert not movie.isLocked("title")


def test_it_adds_and_removes_tags_with_commas_and_quotes(movie: Movie) -> None:
    """AddGenre and removeGenre with plexapi's own nastiest tag leave the others alone."""
    movie.addGenre(["A, B", TAG]).reload()
    assert [genre.tag for genre in movie.genres] == ["A, B", TAG]
    assert movie.isLocked("genre")
    movie.addGenre("C").reload()
    movie.removeGenre(TAG).reload()
    assert [genre.tag for genre in movie.genres] == ["A, B", "C"]
    movie.removeGenre(["A, B", "C"]).reload()
    assert movie.genres == []


def test_it_edits_every_kind_of_tag(movie: Movie) -> None:
    """Collections, directors, writers, producers, countries and labels are kept apart."""
    movie.addCollection("Co").addDirector("D").addWriter("W")
    movie.addProducer("P").addCountry("N").addLabel("L").reload()
    kinds = (movie.collections, movie.directors, movie.writers, movie.producers)
    assert [tags[0].tag for tags in kinds] == ["Co", "D", "W", "P"]
    assert (movie.countries[0].tag, movie.labels[0].tag) == ("N", "L")


def test_it_edits_in_batches(plex: PlexControl, movie: Movie) -> None:
    """BatchEdits sends one PUT for everything."""
    plex.clear_requests()
    movie.batchEdits().editTitle("B").editSummary("S").addLabel("L").saveEdits()
    assert plex.counts()["edits"] == 1
    movie.reload()
    assert (movie.title, movie.summary, movie.labels[0].tag) == ("B", "S", "L")


def test_it_edits_several_items_at_once(server: PlexServer) -> None:
    """BatchMultiEdits gives the same label to the chosen items only."""
    section = server.library.section("Scenes")
    items = section.all()[:2]
    section.batchMultiEdits(items).addLabel("Both").saveMultiEdits()
    assert [bool(m.reload().labels) for m in section.all()] == [True, True, False, False]


def test_it_uploads_selects_posters(movie: Movie, tmp_path: Path) -> None:
    """The upload key ends in the bytes' SHA-1, twice the same is one, select goes back."""
    picture = tmp_path / "poster.png"
    picture.write_bytes(b"\x89PNG picture")
    digest = hashlib.sha1(picture.read_bytes()).hexdigest()
    movie.uploadPoster(filepath=str(picture)).uploadPoster(filepath=str(picture))
    own, uploaded = movie.posters()
    assert uploaded.ratingKey == f"upload://posters/{digest}"
    assert (own.selected, uploaded.selected) == (False, True)
    movie.setPoster(own)
    assert [poster.selected for poster in movie.posters()] == [True, False]
    movie.unlockPoster().lockPoster().reload()
    assert movie.isLocked("thumb")


def test_it_fetches_several_items_at_once(server: PlexServer, plex: PlexControl) -> None:
    """FetchItems with a list of keys gives full items."""
    keys = plex.rating_keys()[:3]
    assert [m.ratingKey for m in server.fetchItems(keys)] == keys
