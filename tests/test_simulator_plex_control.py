"""Steering the Plex stand-in: its items, its journal, its process, and the catalogue."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, StandInError, free_port, launch, start_plex
from simulator.library import catalogue, catalogue_file, catalogue_scene
from tests.wire import self_signed

ROOT = Path(__file__).resolve().parent.parent

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


def test_rating_keys_are_no_scene_numbers(plex: PlexControl) -> None:
    """No rating key could be taken for the number of a scene."""
    assert min(plex.rating_keys()) > 20_000


def test_an_item_added_now_is_there_at_once(plex: PlexControl) -> None:
    """add_item makes an item that is listed and found by its path."""
    item = plex.add_item("/plex/media/New/Film.mkv", size=7, oshash="00ab")
    assert "Film" in listed(plex)
    assert plex.key_of("/plex/media/New/Film.mkv") == item["ratingKey"]


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
    plex.switches(scan_delay_ms=50)
    plex.add_item("/plex/media/New/Film.mkv", when="scan")
    plex.add_item("/plex/media/Newer/Other.mkv", when="scan")
    target = "/library/sections/1/refresh?path=%2Fplex%2Fmedia%2FNew"
    assert plex.ask("PUT", target).status == 404
    assert plex.ask("GET", target).status == 200
    assert "Film" not in listed(plex)
    deadline = time.monotonic() + 10
    while "Film" not in listed(plex) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "Film" in listed(plex)
    assert "Other" not in listed(plex)
    assert plex.scan() == 1


def test_a_scan_is_seen_while_it_runs(plex: PlexControl) -> None:
    """The section says refreshing and /activities lists the scan until it ends."""
    plex.switches(scan_delay_ms=60_000)
    plex.ask("GET", "/library/sections/1/refresh")
    sections = ET.fromstring(plex.ask("GET", "/library/sections").body)
    assert sections[0].attrib["refreshing"] == "1"
    assert len(ET.fromstring(plex.ask("GET", "/activities").body)) == 1
    plex.scan()
    assert len(ET.fromstring(plex.ask("GET", "/activities").body)) == 0


def test_a_scan_may_find_nothing(plex: PlexControl) -> None:
    """With scan_finds off a waiting file goes on waiting."""
    plex.switches(scan_finds=False)
    plex.add_item("/plex/media/New/Film.mkv", when="scan")
    assert plex.scan() == 0
    plex.switches(scan_finds=True)
    assert plex.scan() == 1


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
    with pytest.raises(StandInError, match="404"):
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


def test_a_change_that_names_nothing_known_is_refused(plex: PlexControl) -> None:
    """A misspelt change is an error instead of a test that changes nothing."""
    key = plex.rating_keys()[0]
    with pytest.raises(StandInError, match="400"):
        plex.person_sets(key, tags={"genres": ["x"]})
    with pytest.raises(StandInError, match="400"):
        plex.person_sets(key, field={"title": "x"})


def test_reset_brings_the_beginning_back(plex: PlexControl) -> None:
    """Reset undoes edits, items, switches, faults and latency, and empties the journal."""
    before = plex.state()
    plex.ask("PUT", "/library/sections/1/all?type=1&title.value=x")
    plex.add_item("/plex/media/New/Film.mkv")
    plex.add_section("show")
    plex.switches(page_cap=1)
    plex.latency(5)
    plex.fault("status", times=None)
    plex.reset()
    assert plex.state() == before
    assert listed(plex) == ["Scene 000001", "Scene 000002", "Scene 000003"]


# The journal


def test_the_journal_keeps_requests_as_they_came(plex: PlexControl) -> None:
    """Method, raw address, headers, status and sizes of each request, in order."""
    key = plex.rating_keys()[0]
    plex.ask("GET", "/library/sections/1/all?type=1&file=a%2Cb", headers={"X-Plex-Product": "T"})
    plex.ask("POST", f"/library/metadata/{key}/posters", b"12345")
    plex.ask("GET", "/library/sections", token="wrong")
    first, second, third = plex.requests()
    assert first["target"] == "/library/sections/1/all?type=1&file=a%2Cb"
    assert first["headers"]["x-plex-product"] == "T"
    assert first["headers"]["x-plex-token"] == plex.token
    assert first["bytes_out"] > 100
    assert (second["method"], second["bytes_in"], second["status"]) == ("POST", 5, 200)
    assert third["status"] == 401
    assert plex.requests(since=2, headers=False)[0].keys() == third.keys() - {"headers"}


def test_requests_are_counted_by_kind(plex: PlexControl) -> None:
    """Reads, writes, file queries, edits, images and scans each have a counter."""
    key = plex.rating_keys()[0]
    for method, target in (
        ("GET", "/library/sections"),
        ("GET", "/library/sections/1/all?type=1"),
        ("GET", "/library/sections/1/all?type=1&file=x"),
        ("GET", f"/library/metadata/{key}"),
        ("GET", f"/library/metadata/{key}/tree"),
        ("GET", f"/library/metadata/{key}/posters"),
        ("PUT", f"/library/metadata/{key}?title.value=x"),
        ("PUT", f"/library/sections/1/all?type=1&id={key}&title.value=x"),
        ("PUT", f"/:/rate?key={key}&rating=5"),
        ("DELETE", f"/library/metadata/{key}/thumb"),
        ("GET", "/library/sections/1/refresh"),
    ):
        plex.ask(method, target)
    assert plex.counts() == {
        "total": 11,
        "connections": 11,
        "reads": 7,
        "writes": 4,
        "file_queries": 1,
        "listings": 1,
        "item_reads": 1,
        "tree_reads": 1,
        "section_reads": 1,
        "edits": 3,
        "image_reads": 1,
        "image_writes": 1,
        "scans": 1,
        "faults": 0,
        "refused": 0,
    }


def test_control_requests_are_not_in_the_journal(plex: PlexControl) -> None:
    """Steering leaves no trace among the requests."""
    plex.clear_requests()
    plex.state()
    plex.switches(gzip=True)
    assert plex.requests() == []
    assert plex.counts()["total"] == 0


# The process


def test_it_says_one_line_when_it_listens() -> None:
    """The first and only line is JSON with url, token and pid."""
    command = [sys.executable, "-m", "simulator.plex", "--token", "T", "--exit-with-parent"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        rest, _ = process.communicate("", timeout=10)
    assert set(ready) == {"url", "token", "pid"}
    assert (ready["token"], ready["pid"]) == ("T", process.pid)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ready["url"])
    assert rest == ""


def test_it_ends_when_its_parent_does() -> None:
    """Closing its stdin, which a dying parent does, ends the process by itself."""
    stand_in = launch("simulator.plex", ["--scenes", "1"])
    assert stand_in.process.stdin is not None
    stand_in.process.stdin.close()
    assert stand_in.process.wait(timeout=10) == 0
    stand_in.stop()


def test_the_block_leaves_nothing_running() -> None:
    """When the with block ends, so does the process, and its port is closed."""
    with start_plex(1) as plex:
        process = plex.process
        assert process is not None
        assert process.process.poll() is None
    assert process.process.poll() is not None
    with pytest.raises(ConnectionRefusedError):
        plex.ask("GET", "/identity")


def test_a_server_can_come_back_at_the_same_address() -> None:
    """A killed server's port can be taken again at once, with the same identity."""
    port = free_port()
    identities = []
    for _ in range(2):
        with start_plex(1, port=port) as plex:
            assert plex.url.endswith(f":{port}")
            identities.append(plex.state()["machineIdentifier"])
    assert identities[0] == identities[1]


def test_a_stand_in_that_does_not_start_is_an_error() -> None:
    """A process that ends at once is reported, not waited for."""
    with pytest.raises(StandInError, match="ready"):
        launch("simulator.plex", ["--scenes", "many"])


def test_control_objects_keep_the_token_to_themselves(plex: PlexControl) -> None:
    """The repr of a control object shows its address and no token."""
    assert plex.token not in repr(plex)
    assert plex.url in repr(plex)


def test_it_speaks_tls(tmp_path: Path) -> None:
    """With a certificate the address is https, and answers and faults work as without."""
    self_signed(tmp_path)
    with start_plex(1, tls_cert=tmp_path / "server.pem") as plex:
        assert plex.url.startswith("https://")
        assert plex.ask("GET", "/library/sections").status == 200
        plex.fault("reset_after", method="PUT")
        with pytest.raises(OSError):
            plex.ask("PUT", "/library/sections/1/all?type=1&title.value=New")
        assert plex.item_at(catalogue_file(1).plex_path)["fields"]["title"] == "New"


# The catalogue


def test_the_catalogue_is_the_same_every_time() -> None:
    """Numbers give the same scenes whichever way and in whichever order they are asked."""
    assert list(catalogue(5)) == [catalogue_scene(number) for number in range(1, 6)]
    assert list(catalogue(2, first=4)) == [catalogue_scene(4), catalogue_scene(5)]
    assert catalogue_scene(1).file.oshash == "9f271df831b70d7b"


def test_catalogue_scenes_are_different_and_well_formed() -> None:
    """Paths and hashes are unique, names within a scene too, and dates are dates."""
    scenes = list(catalogue(2000))
    assert len({scene.file.plex_path for scene in scenes}) == 2000
    assert len({scene.file.oshash for scene in scenes}) == 2000
    for scene in scenes:
        assert re.fullmatch(r"[0-9a-f]{16}", scene.file.oshash)
        assert re.fullmatch(r"20[0-2]\d-[01]\d-[0-3]\d", scene.date)
        assert len(set(scene.performers)) == len(scene.performers) > 0
        assert len(set(scene.tags)) == len(scene.tags) > 1
        assert scene.rating100 is None or 5 <= scene.rating100 <= 100


def test_both_paths_of_a_file_share_their_tail() -> None:
    """Stash's and Plex's path differ only in their root."""
    for scene in itertools.islice(catalogue(50), 50):
        tail = scene.file.stash_path.removeprefix("/stash/media")
        assert scene.file.plex_path == "/plex/media" + tail


def test_there_is_no_scene_zero() -> None:
    """Numbers below 1 are an error."""
    with pytest.raises(ValueError, match="start at 1"):
        catalogue_scene(0)
