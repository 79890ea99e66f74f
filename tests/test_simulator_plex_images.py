"""What the Plex stand-in does with posters and backgrounds."""

from __future__ import annotations

import hashlib
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_file

PICTURE = b"\x89PNG not really a picture"
DIGEST = hashlib.sha1(PICTURE).hexdigest()

SCENES = 3


@pytest.fixture
def page(plex: PlexControl) -> str:
    """Address of scene 2's item."""
    return f"/library/metadata/{plex.key_of(catalogue_file(2).plex_path)}"


def offered(plex: PlexControl, address: str) -> dict[str, str]:
    """Key of each image to whether it is selected."""
    photos = ET.fromstring(plex.ask("GET", address).body)
    return {photo.attrib["ratingKey"]: photo.attrib["selected"] for photo in photos}


def test_an_upload_is_named_by_its_bytes_and_selected(plex: PlexControl, page: str) -> None:
    """Uploaded bytes get upload://posters/<sha1>, become the poster and lock it."""
    answer = plex.ask("POST", f"{page}/posters", PICTURE)
    assert (answer.status, answer.body) == (200, b"")
    assert offered(plex, f"{page}/posters")[f"upload://posters/{DIGEST}"] == "1"
    assert plex.item(page.rpartition("/")[2])["locked"] == ["thumb"]


def test_what_is_shown_is_served(plex: PlexControl, page: str) -> None:
    """Poster and background come by the addresses that the item names; uploads byte for byte."""
    own = plex.ask("GET", f"{page}/thumb/1").body
    assert own.startswith(b"\xff\xd8\xff")
    plex.ask("POST", f"{page}/posters", PICTURE)
    assert plex.ask("GET", f"{page}/thumb/2").body == PICTURE
    assert plex.ask("GET", f"{page}/art/1").body not in (own, PICTURE)
    assert plex.ask("GET", f"{page}/banner/1").status == 404


def test_the_same_bytes_do_not_pile_up(plex: PlexControl, page: str) -> None:
    """Uploading twice leaves one image; other bytes are another, and both stay."""
    for data in (PICTURE, PICTURE, PICTURE + b"2"):
        plex.ask("POST", f"{page}/posters", data)
    images = offered(plex, f"{page}/posters")
    assert len([key for key in images if key.startswith("upload://")]) == 2
    assert list(images.values()).count("1") == 1


def test_an_image_can_be_selected_again_by_its_key(plex: PlexControl, page: str) -> None:
    """PUT poster?url=<key> selects; a key the item does not have is 404."""
    plex.ask("POST", f"{page}/posters", PICTURE)
    plex.ask("POST", f"{page}/posters", PICTURE + b"2")
    key = f"upload://posters/{DIGEST}"
    assert plex.ask("PUT", f"{page}/poster?url={quote(key, safe='')}").status == 200
    assert offered(plex, f"{page}/posters")[key] == "1"
    assert plex.ask("PUT", f"{page}/poster?url=upload%3A%2F%2Fposters%2Fabc").status == 404


def test_art_is_kept_apart_from_posters(plex: PlexControl, page: str) -> None:
    """Backgrounds have their own list and their own lock."""
    plex.ask("POST", f"{page}/arts", PICTURE)
    assert all(key.startswith("media://") for key in offered(plex, f"{page}/posters"))
    uploaded = [key for key in offered(plex, f"{page}/arts") if key.startswith("upload://")]
    assert [key.rpartition("/")[2] for key in uploaded] == [DIGEST]
    assert plex.item(page.rpartition("/")[2])["locked"] == ["art"]


def test_too_large_an_image_is_a_server_error(plex: PlexControl, page: str) -> None:
    """Above ten megabytes an upload is 500 and leaves nothing behind."""
    huge = b"x" * (10 * 1024 * 1024 + 1)
    assert plex.ask("POST", f"{page}/posters", huge).status == 500
    assert plex.ask("POST", f"{page}/posters", huge[1:]).status == 200
    assert len(offered(plex, f"{page}/posters")) == 2


def test_an_upload_need_not_select_or_lock(plex: PlexControl, page: str) -> None:
    """Both effects of an upload are switches."""
    plex.switches(upload_selects=False, upload_locks=False)
    plex.ask("POST", f"{page}/posters", PICTURE)
    assert offered(plex, f"{page}/posters")[f"upload://posters/{DIGEST}"] == "0"
    assert plex.item(page.rpartition("/")[2])["locked"] == []


def test_an_episodes_upload_key_names_season_and_episode() -> None:
    """Below a show the key is longer, so only its end can be trusted."""
    with start_plex(1, section_type="show") as plex:
        key = plex.key_of(catalogue_file(1).plex_path)
        plex.ask("POST", f"/library/metadata/{key}/posters", PICTURE)
        keys = [image["key"] for image in plex.item(key)["posters"] if image["selected"]]
        assert keys == [f"upload://posters/seasons/1/episodes/1/{DIGEST}"]
