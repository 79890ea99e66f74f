"""What the Plex stand-in finds: filters with their traps, paging, sorting, listings."""

from __future__ import annotations

import gzip
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from simulator.control import PlexControl, start_plex
from simulator.library import catalogue_file, catalogue_scene

SCENES = 12


def ask(plex: PlexControl, query: str, **options: Any) -> ET.Element:
    """The container of one listing."""
    answer = plex.ask("GET", f"/library/sections/1/all?{query}", **options)
    assert answer.status == 200
    return ET.fromstring(answer.body)


def titles(plex: PlexControl, query: str) -> list[str]:
    """Titles of what one listing finds."""
    return [video.attrib["title"] for video in ask(plex, query)]


def everything(plex: PlexControl, query: str) -> bool:
    """Whether the query was no filter at all."""
    return len(titles(plex, query)) == SCENES


def test_file_finds_by_any_part_of_the_path(plex: PlexControl) -> None:
    """file= contains: the base name, the whole path and a piece without word ends all find."""
    path = catalogue_file(3).plex_path
    for piece in ("Scene 000003.mp4", path, "e 000003", "00003.mp", "000003.MP4"):
        assert titles(plex, f"type=1&file={quote(piece, safe='')}") == ["Scene 000003"]


def test_file_finds_nothing_where_nothing_is(plex: PlexControl) -> None:
    """A path that no item has gives an empty list, not everything."""
    assert titles(plex, "type=1&file=Scene%20999999.mp4") == []


def test_file_without_type_is_a_server_error(plex: PlexControl) -> None:
    """file= without type= answers 500."""
    assert plex.ask("GET", "/library/sections/1/all?file=Scene").status == 500


def test_a_comma_means_or_even_when_encoded(plex: PlexControl) -> None:
    """%2C in a value parts two alternatives."""
    assert titles(plex, "type=1&file=000002%2C000005") == ["Scene 000002", "Scene 000005"]


@pytest.mark.parametrize("query", ["file=", "file=000001%2C", "file=%2C000001"])
def test_an_empty_alternative_matches_everything(plex: PlexControl, query: str) -> None:
    """An empty value, or a comma at an end, gives the whole section."""
    assert everything(plex, f"type=1&{query}")


@pytest.mark.parametrize(
    "query", ["nonsense=1", "files=Scene", "title~=x", "updatedAt%3E%3D=1", "file%3D=x"]
)
def test_what_is_not_understood_is_ignored(plex: PlexControl, query: str) -> None:
    """Unknown names and operators are no error and no filter."""
    assert everything(plex, f"type=1&{query}")


def test_later_than_is_strict(plex: PlexControl) -> None:
    """updatedAt>> leaves out the second itself; addedAt>> does too."""
    newest = plex.item_at(catalogue_file(SCENES).plex_path)["updatedAt"]
    for field in ("updatedAt", "addedAt"):
        assert titles(plex, f"type=1&{field}%3E%3E={newest}") == []
        assert titles(plex, f"type=1&{field}%3E%3E={newest - 1}") == [f"Scene {SCENES:06d}"]


@pytest.mark.parametrize("name", ["updatedAt%3E%3D", "updatedAt%3E%3E%3D", "addedAt%3E%3D"])
def test_an_equals_sign_in_the_name_switches_the_filter_off(plex: PlexControl, name: str) -> None:
    """The names updatedAt>= and updatedAt>>= silently give the whole section."""
    assert everything(plex, f"type=1&{name}=9999999999")


def test_the_wrong_type_finds_nothing(plex: PlexControl) -> None:
    """Episodes of a movie library are an empty list."""
    assert titles(plex, "type=4&file=000002") == []


def test_paging_needs_both_numbers_wherever_they_stand(plex: PlexControl) -> None:
    """Start and Size work as headers and as arguments; one alone is no paging."""
    headers = {"X-Plex-Container-Start": "2", "X-Plex-Container-Size": "3"}
    pages = [
        ask(plex, "type=1", headers=headers),
        ask(plex, "type=1&X-Plex-Container-Start=2&X-Plex-Container-Size=3"),
    ]
    for page in pages:
        assert [video.attrib["title"][-1] for video in page] == ["3", "4", "5"]
        assert page.attrib["totalSize"] == str(SCENES)
        assert page.attrib["offset"] == "2"
    assert len(ask(plex, "type=1&X-Plex-Container-Size=3")) == SCENES


def test_size_zero_only_counts(plex: PlexControl) -> None:
    """Size 0 answers the total without any item."""
    page = ask(plex, "type=1&X-Plex-Container-Start=0&X-Plex-Container-Size=0")
    assert (len(page), page.attrib["size"], page.attrib["totalSize"]) == (0, "0", str(SCENES))


def test_a_server_may_give_less_than_was_asked_for(plex: PlexControl) -> None:
    """With page_cap a page is shorter than asked, and says so in size."""
    plex.switches(page_cap=5)
    page = ask(plex, "type=1&X-Plex-Container-Start=10&X-Plex-Container-Size=100")
    assert page.attrib["size"] == "2"
    page = ask(plex, "type=1&X-Plex-Container-Start=0&X-Plex-Container-Size=100")
    assert (page.attrib["size"], page.attrib["totalSize"]) == ("5", str(SCENES))


def test_pages_follow_the_sort_title(plex: PlexControl) -> None:
    """The usual order is the sort title's, so a renamed item moves."""
    key = plex.key_of(catalogue_file(1).plex_path)
    plex.ask("PUT", f"/library/metadata/{key}?title.value=Zebra")
    assert titles(plex, "type=1")[-1] == "Zebra"
    plex.ask("PUT", f"/library/metadata/{key}?titleSort.value=0")
    assert titles(plex, "type=1")[0] == "Zebra"


def test_sort_by_change_newest_first(plex: PlexControl) -> None:
    """sort=updatedAt:desc puts the last changed item first."""
    key = plex.key_of(catalogue_file(4).plex_path)
    plex.person_sets(key, fields={"summary": "changed"})
    assert titles(plex, "type=1&sort=updatedAt:desc")[0] == "Scene 000004"


def test_listings_cut_tags_and_hide_their_numbers(plex: PlexControl) -> None:
    """A listing shows two genres and three roles by name only; the item's page shows all."""
    key = plex.key_of(catalogue_file(2).plex_path)
    names = ["A", "B", "C", "D"]
    plex.person_sets(key, tags={"genre": names, "actor": names, "label": names})
    listed = ask(plex, "type=1&file=000002")[0]
    assert [e.attrib for e in listed.iter("Genre")] == [{"tag": "A"}, {"tag": "B"}]
    assert [e.attrib for e in listed.iter("Role")] == [{"tag": "A"}, {"tag": "B"}, {"tag": "C"}]
    assert list(listed.iter("Label")) == []
    assert list(listed.iter("Field")) == []
    page = ET.fromstring(plex.ask("GET", f"/library/metadata/{key}").body)[0]
    for element in ("Genre", "Role", "Label"):
        assert [e.attrib["tag"] for e in page.iter(element)] == names
        assert all(e.attrib["id"].isdigit() for e in page.iter(element))
    assert [e.attrib for e in page.iter("Field")] == [
        {"locked": "1", "name": name} for name in ("genre", "actor", "label")
    ]


def test_elements_and_fields_can_be_left_out(plex: PlexControl) -> None:
    """ExcludeElements and excludeFields slim a listing down."""
    query = "type=1&file=000002&excludeElements=Image,UltraBlurColors&excludeFields=summary"
    video = ask(plex, query)[0]
    assert [child.tag for child in video] == ["Media"]
    assert "summary" not in video.attrib
    assert ask(plex, f"{query},file")[0].findall("Media/Part[@file]") == []


def test_several_items_come_in_one_request(plex: PlexControl) -> None:
    """A comma list of keys gives full pages in its order, and skips what is gone."""
    first, second = (plex.key_of(catalogue_file(n).plex_path) for n in (9, 2))
    answer = plex.ask("GET", f"/library/metadata/{first},{second},1")
    found = ET.fromstring(answer.body)
    assert [video.attrib["ratingKey"] for video in found] == [str(first), str(second)]
    assert plex.ask("GET", "/library/metadata/1,2").status == 404


def test_line_breaks_and_quotes_survive_xml(plex: PlexControl) -> None:
    """Text comes back from XML exactly as it was written, line breaks included."""
    text = "One\nTwo\tthree \"four\" <five> & 'six' 七 🎬"
    key = plex.rating_keys()[0]
    plex.ask("PUT", f"/library/metadata/{key}?summary.value={quote(text, safe='')}")
    page = ET.fromstring(plex.ask("GET", f"/library/metadata/{key}").body)
    assert page[0].attrib["summary"] == text


def test_changed_sections_say_so(plex: PlexControl) -> None:
    """ContentChangedAt grows with each new item and each edit."""

    def counter() -> int:
        sections = ET.fromstring(plex.ask("GET", "/library/sections").body)
        return int(sections[0].attrib["contentChangedAt"])

    before = counter()
    plex.add_item("/plex/media/New/New.mp4")
    between = counter()
    plex.ask("PUT", f"/library/metadata/{plex.rating_keys()[0]}?title.value=x")
    assert before < between < counter()


def test_the_token_is_taken_from_header_or_query(plex: PlexControl) -> None:
    """No token and a wrong one are 401 with Plex's HTML; the query works like the header."""
    for token in (None, "wrong"):
        answer = plex.ask("GET", "/library/sections", token=token)
        assert answer.status == 401
        assert answer.headers["Content-Type"] == "text/html"
        assert b"<h1>401 Unauthorized</h1>" in answer.body
    target = f"/library/sections?X-Plex-Token={plex.token}"
    assert plex.ask("GET", target, token=None).status == 200


def test_a_shared_user_may_read_but_not_write(plex: PlexControl) -> None:
    """A token that is not the owner's reads items and is refused edits with 403."""
    key = plex.rating_keys()[0]
    reader = plex.shared_token
    assert plex.ask("GET", f"/library/metadata/{key}", token=reader).status == 200
    for target in (
        f"/library/sections/1/all?type=1&id={key}&title.value=x",
        f"/library/metadata/{key}?title.value=x",
    ):
        assert plex.ask("PUT", target, token=reader).status == 403
    assert plex.item(key)["fields"]["title"] == "Scene 000001"


def test_a_large_page_is_packed_for_those_who_accept_it(plex: PlexControl) -> None:
    """Gzip halves a listing at least, and is left alone for clients that do not ask."""
    plain = plex.ask("GET", "/library/sections/1/all?type=1")
    packed = plex.ask("GET", "/library/sections/1/all?type=1", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) * 2 < len(plain.body)


def test_a_matched_library_has_agent_words_and_no_locks() -> None:
    """Matched items carry an agent's title, tags and guid, and nothing is locked."""
    with start_plex(2, section_type="movie", matched=True) as plex:
        scene = catalogue_scene(2)
        item = plex.item_at(scene.file.plex_path)
        assert item["fields"]["title"] == f"{scene.title} (agent)"
        assert item["tags"]["actor"] == list(scene.performers)
        assert item["locked"] == []
        page = ET.fromstring(plex.ask("GET", f"/library/metadata/{item['ratingKey']}").body)
        assert page[0].attrib["guid"].startswith("plex://movie/")
