"""The stand-in against what real servers sent: names, types, headers and empty bodies."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest

from simulator.control import Answer, PlexControl, start_plex

DATA = Path(__file__).parent / "data" / "plex"
FILE = "/plex/media/Ember Pictures/Scene 000001.mp4"

# What the recorder took out of the items, and what a real server shows elsewhere
# (plex-api.rs recordings) although this one item did not have it.
VOLATILE = {"addedAt", "updatedAt"}
# What an agent adds and the file alone does not give.
FROM_AN_AGENT = {"slug"}


@pytest.fixture(scope="module")
def plex() -> Iterator[PlexControl]:
    """A movie library whose items an agent has matched, as in the recordings."""
    with start_plex(3, section_type="movie", matched=True) as control:
        yield control


def recorded(cassette: str, path: str) -> dict[str, Any]:
    """The last recorded exchange of a cassette with exactly this path."""
    text = (DATA / "pms-1.43" / f"{cassette}.json").read_text(encoding="utf-8")
    return next(
        exchange
        for exchange in reversed(json.loads(text)["interactions"])
        if urlsplit(exchange["request"]["uri"]).path == path
    )


def replay(plex: PlexControl, exchange: dict[str, Any], target: str = "") -> Answer:
    """Send the recorded request (with our token and file) to the stand-in."""
    request = exchange["request"]
    uri = target or request["uri"].removeprefix("http://fake-server")
    headers = {name: values[0] for name, values in request["headers"].items()}
    headers.pop("X-Plex-Token")
    return plex.ask(request["method"], uri, headers=headers)


def body_of(answer: Answer) -> bytes:
    """The body, unpacked."""
    packed = answer.headers.get("Content-Encoding") == "gzip"
    return gzip.decompress(answer.body) if packed else answer.body


def names(element: ET.Element, *path: str) -> set[str]:
    """Attribute names of the first element at ``path``."""
    found = element.find("/".join(path)) if path else element
    assert found is not None, f"no {'/'.join(path)}"
    return set(found.attrib)


def shape_of_page(answer: Answer, exchange: dict[str, Any]) -> tuple[ET.Element, ET.Element]:
    """(ours, theirs) after checking status and headers."""
    theirs = exchange["response"]
    ours_headers = {name.lower() for name in answer.headers}
    assert answer.status == theirs["status"]["code"]
    assert {name.lower() for name in theirs["headers"]} <= ours_headers
    for name in ("Content-Type", "Cache-Control", "Connection", "Keep-Alive", "X-Plex-Protocol"):
        assert answer.headers[name] == theirs["headers"][name][0]
    ours = body_of(answer)
    declaration = b'<?xml version="1.0" encoding="UTF-8"?>\n<MediaContainer size="'
    assert ours.startswith(declaration)
    assert theirs["body"]["string"].encode().startswith(declaration)
    return ET.fromstring(ours), ET.fromstring(theirs["body"]["string"])


CASSETTES = [
    ("tree", "/library/sections/1/all"),
    ("tree", "/library/sections"),
    ("tree", "/library"),
    ("file-miss", "/library/sections/1/all"),
]


@pytest.mark.parametrize(("cassette", "path"), CASSETTES)
def test_every_recorded_attribute_of_a_container_is_there(
    plex: PlexControl, cassette: str, path: str
) -> None:
    """A container carries the recorded attributes, and its size counts its children."""
    exchange = recorded(cassette, path)
    ours, theirs = shape_of_page(replay(plex, exchange), exchange)
    assert set(theirs.attrib) == set(ours.attrib)
    assert int(ours.attrib["size"]) == len(ours)


def test_the_root_page_says_what_a_server_says(plex: PlexControl) -> None:
    """The page behind / has no attribute that PMS 1.43 does not have."""
    exchange = recorded("tree", "/")
    ours, theirs = shape_of_page(replay(plex, exchange), exchange)
    assert set(ours.attrib) - set(theirs.attrib) == set()
    assert {"machineIdentifier", "friendlyName", "version", "platform"} <= set(ours.attrib)


def test_a_section_is_listed_with_its_folder_and_counters(plex: PlexControl) -> None:
    """A library in the list has the recorded attributes and a Location with id and path."""
    exchange = recorded("sections", "/library/sections")
    ours, theirs = shape_of_page(replay(plex, exchange), exchange)
    missing = names(theirs, "Directory") - names(ours, "Directory")
    # Only servers with metadata provider groups have this one.
    assert missing <= {"metadataAgentProviderGroupId"}
    assert names(theirs, "Directory", "Location") == names(ours, "Directory", "Location")


def test_a_file_query_answers_in_the_recorded_shape(plex: PlexControl) -> None:
    """A hit of file= holds a Video with Media and Part, and tags that are only names."""
    exchange = recorded("file-hit", "/library/sections/1/all")
    target = "/library/sections/1/all?file=Scene+000001.mp4&type=1"
    ours, theirs = shape_of_page(replay(plex, exchange, target), exchange)
    assert names(theirs, "Video") - names(ours, "Video") == FROM_AN_AGENT
    assert names(ours, "Video") - names(theirs, "Video") <= VOLATILE | {"studio"}
    assert names(theirs, "Video", "Media") == names(ours, "Video", "Media")
    # Preview thumbnails ("indexes") exist once somebody has made them.
    assert names(theirs, "Video", "Media", "Part") - names(ours, "Video", "Media", "Part") == {
        "indexes"
    }
    for tag in ("Genre", "Role"):
        assert names(ours, "Video", tag) == names(theirs, "Video", tag) == {"tag"}
    part = ours.find("Video/Media/Part")
    assert part is not None
    assert part.attrib["file"] == FILE


def test_the_counts_of_a_page_are_in_the_headers_too(plex: PlexControl) -> None:
    """A paged answer says its start and the total in two headers, as recorded."""
    exchange = recorded("file-miss", "/library/sections/1/all")
    answer = replay(plex, exchange)
    for name in ("X-Plex-Container-Start", "X-Plex-Container-Total-Size"):
        assert answer.headers[name] == exchange["response"]["headers"][name][0]


def test_an_empty_container_is_not_self_closing(plex: PlexControl) -> None:
    """A miss is the recorded open and close tag on two lines, nothing between."""
    exchange = recorded("file-miss", "/library/sections/1/all")
    ours = body_of(replay(plex, exchange))
    assert ours.endswith(b">\n</MediaContainer>\n")
    assert exchange["response"]["body"]["string"].endswith(">\n</MediaContainer>\n")


def test_compressed_answers_say_both_lengths(plex: PlexControl) -> None:
    """A gzip answer names its packed and unpacked length, and unpacks to the latter."""
    answer = plex.ask("GET", "/library/sections", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["X-Plex-Content-Compressed-Length"] == str(len(answer.body))
    original = answer.headers["X-Plex-Content-Original-Length"]
    assert original == str(len(gzip.decompress(answer.body)))


def test_the_tree_gives_the_hash_of_each_file(plex: PlexControl) -> None:
    """/tree has the recorded elements, and openSubtitleHash is 16 hex digits."""
    exchange = recorded("tree", "/library/metadata/1/tree")
    key = plex.key_of(FILE)
    ours, theirs = shape_of_page(replay(plex, exchange, f"/library/metadata/{key}/tree"), exchange)
    assert set(theirs.attrib) == set(ours.attrib)
    item = ("MetadataItem",)
    assert names(theirs, *item) <= names(ours, *item)
    part = (*item, "MediaItem", "MediaPart")
    assert names(theirs, *part) == names(ours, *part)
    found = ours.find("/".join(part))
    assert found is not None
    assert found.attrib["openSubtitleHash"] == plex.item(key)["files"][0]["oshash"]
    assert len(found.attrib["openSubtitleHash"]) == 16


def test_a_scan_is_answered_with_nothing(plex: PlexControl) -> None:
    """GET refresh?path= answers 200 with an empty text/html body and the recorded headers."""
    exchange = recorded("refresh", "/library/sections/1/refresh")
    answer = replay(plex, exchange)
    theirs = exchange["response"]
    assert (answer.status, answer.body) == (theirs["status"]["code"], b"")
    for name, values in theirs["headers"].items():
        if name != "Date":
            assert answer.headers[name] == values[0]


def captured(name: str) -> dict[str, Any]:
    """A container captured from a real server as JSON."""
    text = (DATA / "plex-api.rs" / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text)["MediaContainer"])


def ours(plex: PlexControl, target: str) -> dict[str, Any]:
    """The stand-in's container as the captures have it: attributes, and children by their name."""
    return plain(ET.fromstring(body_of(plex.ask("GET", target))))


def plain(element: ET.Element) -> dict[str, Any]:
    """One element; in the captures every video is called Metadata."""
    found: dict[str, Any] = dict(element.attrib)
    for child in element:
        found.setdefault("Metadata" if child.tag == "Video" else child.tag, []).append(plain(child))
    return found


def test_a_full_item_has_the_captured_names(plex: PlexControl) -> None:
    """Container, item, file and tags of an item's own page are called what a real server does."""
    theirs = captured("metadata_108")
    mine = ours(plex, f"/library/metadata/{plex.key_of(FILE)}")
    assert set(mine) == set(theirs)
    our_item, their_item = mine["Metadata"][0], theirs["Metadata"][0]
    shared = set(our_item) & set(their_item)
    assert {"ratingKey", "title", "duration", "updatedAt", "Media", "Genre", "Role"} <= shared
    our_part, their_part = our_item["Media"][0]["Part"][0], their_item["Media"][0]["Part"][0]
    assert {"id", "file", "size", "Stream"} <= set(our_part) & set(their_part)
    for tag in ("Genre", "Role"):
        assert {"id", "filter", "tag"} <= set(our_item[tag][0]) & set(their_item[tag][0])


def test_an_unpaged_listing_has_no_total(plex: PlexControl) -> None:
    """Without paging the container has size but neither totalSize nor offset, as captured."""
    mine = ours(plex, "/library/sections/1/all?type=1")
    assert set(mine) == set(captured("movie_library"))
    assert int(mine["size"]) == len(mine["Metadata"]) == 3


def test_episodes_name_their_season_and_show() -> None:
    """An episode in a listing has the captured ancestry."""
    theirs = captured("tv_episodes")["Metadata"][0]
    with start_plex(2, section_type="show") as plex:
        mine = ours(plex, "/library/sections/1/all?type=4")["Metadata"][0]
    ancestry = {key for key in theirs if key.startswith(("parent", "grandparent"))}
    from_an_agent = {"parentGuid", "grandparentGuid", "grandparentTheme"}
    images = {"parentThumb", "grandparentThumb", "grandparentArt"}
    assert ancestry - from_an_agent - images <= set(mine)
    assert mine["Media"][0]["Part"][0]["file"].startswith("/plex/media/")


@pytest.mark.parametrize(
    ("example", "method", "target"),
    [
        ("put_library_sections_sectionId_all__400__badRequest", "PUT", "/library/sections/1/all"),
        (
            "put_library_sections_sectionId_all__404__notFound",
            "PUT",
            "/library/sections/1/all?type=1&id=1&title.value=x",
        ),
    ],
)
def test_errors_are_the_contracts_own_pages(
    plex: PlexControl, example: str, method: str, target: str
) -> None:
    """A refused request gets the status, type and HTML that the official contract shows."""
    text = (DATA / "openapi-1.2.0" / f"{example}.json").read_text(encoding="utf-8")
    theirs = json.loads(text)
    answer = plex.ask(method, target)
    assert str(answer.status) == theirs["status"]
    assert answer.headers["Content-Type"] == theirs["content_type"]
    assert answer.body.decode() == theirs["value"]


def test_identity_needs_no_token_and_has_the_contracts_keys(plex: PlexControl) -> None:
    """/identity answers anybody with claimed, machineIdentifier and version."""
    text = (DATA / "openapi-1.2.0" / "get_identity__200__identity.json").read_text()
    theirs = json.loads(text)["value"]["MediaContainer"]
    answer = plex.ask("GET", "/identity", token=None)
    mine = ET.fromstring(answer.body).attrib
    assert set(theirs) <= set(mine)
    assert mine["machineIdentifier"] == plex.state()["machineIdentifier"]
