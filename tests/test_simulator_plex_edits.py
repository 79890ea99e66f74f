"""What the Plex stand-in does with edits: fields, tags, locks, agents."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from simulator.control import Answer, PlexControl, start_plex
from simulator.library import catalogue_file


@pytest.fixture
def key(plex: PlexControl) -> int:
    """Rating key of scene 2."""
    return plex.key_of(catalogue_file(2).plex_path)


def encoded(values: dict[str, Any]) -> str:
    """A query as plexapi sends it: values encoded, names not."""
    return "&".join(f"{name}={quote(str(value), safe='')}" for name, value in values.items())


def put(plex: PlexControl, key: object, values: dict[str, Any]) -> Answer:
    """One PUT on the section, for one id."""
    return plex.ask("PUT", f"/library/sections/1/all?type=1&id={key}&{encoded(values)}")


def test_an_edit_is_answered_with_nothing_and_done_at_once(plex: PlexControl, key: int) -> None:
    """A PUT answers 200 text/html without a body, and the next read shows the change."""
    answer = put(plex, key, {"title.value": "New", "title.locked": 1})
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Type"] == "text/html"
    page = ET.fromstring(plex.ask("GET", f"/library/metadata/{key}").body)
    assert page[0].attrib["title"] == "New"
    assert [field.attrib for field in page.iter("Field")] == [{"locked": "1", "name": "title"}]


def test_both_addresses_edit_alike(plex: PlexControl, key: int) -> None:
    """PUT /library/metadata/{id} takes the same arguments as the section's."""
    values = {"summary.value": "S", "genre[0].tag.tag": "G", "genre.locked": 1}
    assert plex.ask("PUT", f"/library/metadata/{key}?{encoded(values)}").status == 200
    item = plex.item(key)
    assert item["fields"]["summary"] == "S"
    assert item["tags"] == {"genre": ["G"]}
    assert item["locked"] == ["genre"]


def test_an_empty_value_clears_and_a_zero_unlocks(plex: PlexControl, key: int) -> None:
    """summary.value= empties the field; summary.locked=0 takes its lock away."""
    put(plex, key, {"summary.value": "S", "summary.locked": 1})
    put(plex, key, {"summary.value": "", "summary.locked": 0})
    item = plex.item(key)
    assert "summary" not in item["fields"]
    assert item["locked"] == []


def test_a_date_brings_its_year(plex: PlexControl, key: int) -> None:
    """OriginallyAvailableAt sets the year with it, and clears it with it."""
    put(plex, key, {"originallyAvailableAt.value": "2019-05-04"})
    assert plex.item(key)["fields"]["year"] == 2019
    put(plex, key, {"originallyAvailableAt.value": ""})
    assert "year" not in plex.item(key)["fields"]


def test_without_an_id_every_item_is_edited(plex: PlexControl) -> None:
    """A PUT that forgot id= renames the whole library."""
    assert plex.ask("PUT", "/library/sections/1/all?type=1&title.value=Oops").status == 200
    assert {plex.item(key)["fields"]["title"] for key in plex.rating_keys()} == {"Oops"}


@pytest.mark.parametrize("tail", ["", "{key},"])
def test_an_empty_id_is_no_id(plex: PlexControl, key: int, tail: str) -> None:
    """id= with nothing in it, or with a comma at its end, edits everything too."""
    put(plex, tail.format(key=key), {"title.value": "Oops"})
    assert {plex.item(each)["fields"]["title"] for each in plex.rating_keys()} == {"Oops"}


def test_several_ids_are_edited_together(plex: PlexControl) -> None:
    """id=1,2 gives both the same values and leaves the others alone."""
    first, second, third, _ = plex.rating_keys()
    put(plex, f"{first},{second}", {"collection[0].tag.tag": "C"})
    assert [plex.item(k)["tags"].get("collection") for k in (first, second, third)] == [
        ["C"],
        ["C"],
        None,
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("originallyAvailableAt", "2019"), ("userRating", "good"), ("year", "MMXIX")],
)
def test_values_that_are_none_are_a_server_error(
    plex: PlexControl, key: int, name: str, value: str
) -> None:
    """A date that is no date, and a number that is none, answer 500."""
    assert put(plex, key, {f"{name}.value": value}).status == 500


def test_tags_are_added_to_those_there(plex: PlexControl, key: int) -> None:
    """genre[i].tag.tag adds and never doubles, whatever the letters' case."""
    put(plex, key, {"genre[0].tag.tag": "Drama"})
    put(plex, key, {"genre[0].tag.tag": "Comedy", "genre[1].tag.tag": "DRAMA"})
    assert plex.item(key)["tags"]["genre"] == ["Drama", "Comedy"]


def test_adding_can_be_switched_to_replacing(plex: PlexControl, key: int) -> None:
    """With tag_writes=replace the tags of a PUT are all there is afterwards."""
    put(plex, key, {"genre[0].tag.tag": "Drama", "label[0].tag.tag": "L"})
    plex.switches(tag_writes="replace")
    put(plex, key, {"genre[0].tag.tag": "Comedy"})
    assert plex.item(key)["tags"] == {"genre": ["Comedy"], "label": ["L"]}


NASTY = "Test Tag !@#$%^&*()-_=+[];:'\"/?,. ä 七"


def test_removal_is_decoded_twice(plex: PlexControl, key: int) -> None:
    """tag.tag- takes a comma list whose members are encoded once more each."""
    put(plex, key, {"genre[0].tag.tag": NASTY, "genre[1].tag.tag": "A", "genre[2].tag.tag": "B"})
    assert plex.item(key)["tags"]["genre"] == [NASTY, "A", "B"]
    both = ",".join(quote(name) for name in (NASTY, "B"))
    put(plex, key, {"genre[].tag.tag-": both})
    assert plex.item(key)["tags"]["genre"] == ["A"]


def test_a_comma_encoded_only_once_parts_two_names(plex: PlexControl, key: int) -> None:
    """Sending "A, B" encoded once removes A and " B", not the tag with the comma."""
    put(plex, key, {"genre[0].tag.tag": "A, B", "genre[1].tag.tag": "A"})
    put(plex, key, {"genre[].tag.tag-": "A, B"})
    assert plex.item(key)["tags"]["genre"] == ["A, B"]


@pytest.mark.parametrize("adds_come_first", [False, True])
def test_which_goes_first_is_a_switch(plex: PlexControl, key: int, adds_come_first: bool) -> None:
    """A tag both added and removed by one PUT stays or goes as the switch says."""
    plex.switches(adds_come_first=adds_come_first)
    put(plex, key, {"genre[0].tag.tag": "A", "genre[].tag.tag-": "A"})
    assert plex.item(key)["tags"].get("genre", []) == ([] if adds_come_first else ["A"])


def test_an_actor_has_a_role_here_and_a_picture_everywhere(plex: PlexControl, key: int) -> None:
    """tagging.text belongs to the item, tag.thumb to the person on every item."""
    other = plex.rating_keys()[-1]
    put(plex, other, {"actor[0].tag.tag": "Ada", "actor[0].tagging.text": "Herself"})
    put(
        plex,
        key,
        {
            "actor[0].tag.tag": "Ada",
            "actor[0].tagging.text": "Pilot",
            "actor[0].tag.thumb": "http://example.org/ada.jpg",
            "actor[1].tag.tag": "Bea",
        },
    )
    picture = "http://example.org/ada.jpg"
    assert plex.item(key)["roles"] == [
        {"tag": "Ada", "role": "Pilot", "thumb": picture},
        {"tag": "Bea", "role": "", "thumb": ""},
    ]
    assert plex.item(other)["roles"] == [{"tag": "Ada", "role": "Herself", "thumb": picture}]
    put(plex, other, {"actor[0].tag.tag": "Ada", "actor[0].tagging.text": "Guest"})
    assert plex.item(other)["roles"] == [{"tag": "Ada", "role": "Guest", "thumb": picture}]


def test_a_rating_may_ride_in_an_edit(plex: PlexControl, key: int) -> None:
    """userRating.value in the edit sets the same rating."""
    put(plex, key, {"userRating.value": 8, "userRating.locked": 1})
    assert plex.item(key)["fields"]["userRating"] == 8.0


def test_an_agent_overwrites_what_is_not_locked(plex: PlexControl, key: int) -> None:
    """An agent's refresh leaves locked fields, changes the others and locks nothing."""
    put(plex, key, {"title.value": "Mine", "title.locked": 1, "summary.value": "Mine"})
    answer = plex.agent_sets(
        key, fields={"title": "Agent", "summary": "Agent"}, tags={"genre": ["Agent"]}
    )
    assert answer["fields"] == {"title": "Mine", "summary": "Agent"}
    assert answer["tags"] == {"genre": ["Agent"]}
    assert answer["locked"] == ["title"]


def test_a_person_locks_what_they_change(plex: PlexControl, key: int) -> None:
    """A person's change overrides locks and leaves its own."""
    put(plex, key, {"title.value": "Mine", "title.locked": 1})
    answer = plex.person_sets(key, fields={"title": "Theirs"}, tags={"label": ["L"]})
    assert answer["fields"]["title"] == "Theirs"
    assert answer["locked"] == ["title", "label"]


def test_without_an_agent_a_refresh_brings_the_file_name_back(plex: PlexControl, key: int) -> None:
    """An unlocked title of an agentless library falls back to the file; a locked one stays."""
    put(plex, key, {"title.value": "Mine"})
    plex.refresh(key)
    assert plex.item(key)["fields"]["title"] == "Scene 000002"
    put(plex, key, {"title.value": "Mine", "title.locked": 1})
    plex.refresh(key)
    assert plex.item(key)["fields"]["title"] == "Mine"


def test_with_an_agent_a_refresh_brings_its_words_back() -> None:
    """A refresh of a matched item restores the agent's unlocked fields and tags only."""
    with start_plex(2, section_type="movie", matched=True) as plex:
        key = plex.key_of(catalogue_file(2).plex_path)
        before = plex.item(key)
        put(plex, key, {"title.value": "Mine", "title.locked": 1, "summary.value": "Mine"})
        genres = ",".join(map(quote, before["tags"]["genre"]))
        put(plex, key, {"genre[].tag.tag-": genres, "label[0].tag.tag": "Mine"})
        plex.refresh(key)
        after = plex.item(key)
    assert after["fields"] == {**before["fields"], "title": "Mine"}
    assert after["tags"] == {**before["tags"], "label": ["Mine"]}


def test_a_long_address_is_refused(plex: PlexControl, key: int) -> None:
    """Beyond the limit a PUT is 414 and nothing is done."""
    plex.switches(max_url_bytes=2000)
    assert put(plex, key, {"title.value": "Fits", "summary.value": "x" * 1500}).status == 200
    assert put(plex, key, {"title.value": "Not", "summary.value": "x" * 2000}).status == 414
    assert plex.item(key)["fields"]["title"] == "Fits"


def test_episodes_have_fewer_fields() -> None:
    """An episode takes title and actors, and refuses studio and genre with 400."""
    with start_plex(2, section_type="show") as plex:
        key = plex.key_of(catalogue_file(2).plex_path)
        base = f"/library/sections/1/all?type=4&id={key}"
        good = "&title.value=T&actor[0].tag.tag=Ada&director[0].tag.tag=Bea"
        assert plex.ask("PUT", base + good).status == 200
        assert plex.item(key)["fields"]["title"] == "T"
        assert plex.ask("PUT", f"{base}&studio.value=S").status == 400
        assert plex.ask("PUT", f"{base}&genre[0].tag.tag=G").status == 400
