"""What becomes of items in the Plex stand-in: files, scans, keys; and the catalogue of files."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, StandIn, StandInError
from simulator.environment import wait_for
from simulator.library import catalogue_file, catalogue_scene

SCENES = 3


def listed(plex: PlexControl) -> list[str]:
    """Titles of all items."""
    answer = plex.ask("GET", "/library/sections/1/all?type=1")
    return [video.attrib["title"] for video in ET.fromstring(answer.body)]


# Items


def test_an_item_is_named_after_its_file(plex: PlexControl) -> None:
    """A new item has the file's stem for a title, no tags and no locks."""
    item = plex.item_at(catalogue_file(2).plex_path)
    assert item["fields"] == {"title": "Scene 000002"}
    assert (item["tags"], item["locked"]) == ({}, [])
    file = catalogue_file(2)
    assert item["files"] == [{"path": file.plex_path, "size": file.size, "oshash": file.oshash}]


def test_an_item_may_hold_several_files(plex: PlexControl) -> None:
    """Several files are several Media of one item, and each finds it."""
    files = [{"path": "/plex/media/New/A.mkv"}, {"path": "/plex/media/New/A 4k.mkv"}]
    key = plex.add_item("", files=files)["ratingKey"]
    page = ET.fromstring(plex.ask("GET", f"/library/metadata/{key}").body)
    assert [part.attrib["file"] for part in page.iter("Part")] == [f["path"] for f in files]
    found = plex.ask("GET", "/library/sections/1/all?type=1&file=A%204k.mkv")
    assert ET.fromstring(found.body)[0].attrib["ratingKey"] == str(key)


def test_a_waiting_file_appears_after_a_scan_of_its_folder(plex: PlexControl) -> None:
    """refresh?path= finds what lies below that folder, a moment later, and nothing else."""
    plex.add_item("/plex/media/New/Film.mkv", when="scan")
    plex.add_item("/plex/media/Newer/Other.mkv", when="scan")
    target = "/library/sections/1/refresh?path=%2Fplex%2Fmedia%2FNew"
    assert plex.ask("PUT", target).status == 404
    assert plex.ask("GET", target).status == 200
    assert "Film" not in listed(plex)
    wait_for(lambda: "Film" in listed(plex))
    assert "Other" not in listed(plex)
    assert plex.state()["waiting"] == 1


def test_a_removed_item_is_gone_everywhere(plex: PlexControl) -> None:
    """After delete_item the key is 404, and neither list nor file= show it."""
    key = plex.key_of(catalogue_file(2).plex_path)
    plex.delete_item(key)
    assert plex.ask("GET", f"/library/metadata/{key}").status == 404
    assert listed(plex) == ["Scene 000001", "Scene 000003"]
    found = plex.ask("GET", "/library/sections/1/all?type=1&file=Scene%20000002.mp4")
    assert ET.fromstring(found.body).attrib["size"] == "0"


def test_a_rekeyed_item_answers_only_to_its_new_key(plex: PlexControl) -> None:
    """Rekey moves an item with all it holds to another key."""
    path = catalogue_file(2).plex_path
    old = plex.key_of(path)
    plex.person_sets(old, fields={"title": "Kept"})
    new = plex.rekey(old)
    assert new != old
    assert plex.ask("GET", f"/library/metadata/{old}").status == 404
    assert plex.key_of(path) == new
    assert plex.item(new)["fields"]["title"] == "Kept"


def test_files_can_be_replaced_without_moving_updated_at(plex: PlexControl) -> None:
    """files= gives an item another file; the old path no longer finds it."""
    path = catalogue_file(2).plex_path
    key = plex.key_of(path)
    before = plex.item(key)["updatedAt"]
    plex.agent_sets(key, files=[{"path": "/plex/media/Else/Where.mp4", "size": 5}])
    assert plex.key_of("/plex/media/Else/Where.mp4") == key
    assert plex.item(key)["updatedAt"] == before
    with pytest.raises(StandInError, match="there is no item"):
        plex.key_of(path)


def test_a_second_section_may_hold_the_same_file(plex: PlexControl) -> None:
    """One file in two libraries is two items with keys of their own."""
    section = plex.add_section("movie", "Films", ["/films"])
    path = catalogue_file(2).plex_path
    twin = plex.add_item(path, section=section)["ratingKey"]
    assert twin != plex.key_of(path)
    answer = plex.ask("GET", f"/library/sections/{section}/all?type=1&file=Scene%20000002.mp4")
    assert ET.fromstring(answer.body)[0].attrib["ratingKey"] == str(twin)
    sections = ET.fromstring(plex.ask("GET", "/library/sections").body)
    assert [location.attrib["path"] for location in sections.iter("Location")] == [
        "/plex/media",
        "/films",
    ]


def test_hashes_can_be_unpadded_or_unknown(plex: PlexControl) -> None:
    """OpenSubtitleHash loses its leading zeros, or is missing, as switched."""
    key = plex.add_item("/plex/media/N/N.mp4", oshash="00" + "a" * 14)["ratingKey"]

    def part() -> dict[str, str]:
        tree = ET.fromstring(plex.ask("GET", f"/library/metadata/{key}/tree").body)
        return dict(next(tree.iter("MediaPart")).attrib)

    assert part()["openSubtitleHash"] == "00" + "a" * 14
    plex.switches(oshash_padded=False)
    assert part()["openSubtitleHash"] == "a" * 14
    plex.switches(oshash_known=False)
    assert "openSubtitleHash" not in part()


def test_reset_brings_the_beginning_back(plex: PlexControl) -> None:
    """Reset undoes edits, items, switches, faults and latency, and empties the journal."""
    before = plex.state()
    plex.ask("PUT", "/library/sections/1/all?type=1&title.value=x")
    plex.add_item("/plex/media/New/Film.mkv")
    plex.switches(page_cap=1)
    plex.latency(5)
    plex.fault("status", times=None)
    plex.reset()
    assert plex.state() == before
    assert listed(plex) == ["Scene 000001", "Scene 000002", "Scene 000003"]


# The process


def test_a_stand_in_that_does_not_start_is_an_error() -> None:
    """A process that ends at once is reported, not waited for."""
    with pytest.raises(StandInError, match="ready"):
        StandIn("simulator.plex", {"scenes": "many"})


# The catalogue


def test_the_catalogue_is_the_same_every_time() -> None:
    """Numbers give the same scenes whichever way and in whichever order they are asked."""
    assert catalogue_scene(4) == catalogue_scene(4) != catalogue_scene(5)
    assert catalogue_scene(1).file.oshash == "9f271df831b70d7b"


def test_catalogue_scenes_are_different_and_well_formed() -> None:
    """Paths and hashes are unique, names within a scene too, and dates are dates."""
    scenes = [catalogue_scene(number) for number in range(1, 2001)]
    assert len({scene.file.plex_path for scene in scenes}) == 2000
    assert len({scene.file.oshash for scene in scenes}) == 2000
    for scene in scenes:
        assert re.fullmatch(r"[0-9a-f]{16}", scene.file.oshash)
        assert re.fullmatch(r"20[0-2]\d-[01]\d-[0-3]\d", scene.date)
        assert len(set(scene.performers)) == len(scene.performers) > 0
        assert len(set(scene.tags)) == len(scene.tags) > 1
        assert scene.rating100 is None or 5 <= scene.rating100 <= 100
