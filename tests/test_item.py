"""Reading an item: what one <Video> element says, and what it does not."""

from __future__ import annotations

from xml.etree.ElementTree import fromstring

import pytest

from plex.error_types import BadResponse
from plex.fields import BY_NAME, fields_of
from plex.item import Member, PlexItem, parse_item

VIDEO = """
<Video ratingKey="42" librarySectionID="3" type="movie" title="T" titleSort="S" studio="St"
    summary="One&#10;two" originallyAvailableAt="2024-05-17" userRating="8.5" contentRating="X"
    thumb="/t" art="/a" updatedAt="1700000000">
  <Media><Part file="/m/a.mp4"/><Part file="/m/b.mp4"/></Media>
  <Media><Part file="C:\\M\\c.mp4"/><Part/></Media>
  <Genre tag="G, H"/><Genre/><Director tag="D"/><Collection tag="C"/>
  <Role tag="A" role="Herself" thumb="/p"/>
  <Field name="title" locked="1"/><Field name="genre" locked="1"/><Field name="studio" locked="0"/>
  <Field name="thumb" locked="1"/>
  <Extras><Video ratingKey="9"><Genre tag="Extra"/><Media><Part file="/m/trailer.mp4"/></Media>
    <Field name="summary" locked="1"/></Video></Extras>
</Video>
"""


def item(xml: str = VIDEO) -> PlexItem:
    """The item in some XML."""
    return parse_item(fromstring(xml))


def test_everything_the_merge_needs_is_read() -> None:
    """Texts by our names, members with role and picture, locks, files media by media."""
    read = item()
    assert (read.rating_key, read.section, read.type) == (42, 3, "movie")
    assert read.values == {
        "title": "T",
        "sort_title": "S",
        "studio": "St",
        "summary": "One\ntwo",
        "date": "2024-05-17",
        "rating": "8.5",
        "content_rating": "X",
    }
    assert read.lists["tags"] == (Member("G, H"),)
    assert read.lists["director"] == (Member("D"),)
    assert read.lists["collections"] == (Member("C"),)
    assert read.lists["performers"] == (Member("A", "Herself", "/p"),)
    assert read.locked == {"title", "tags", "thumb"}
    assert read.files == (("/m/a.mp4", "/m/b.mp4"), ("C:\\M\\c.mp4",))
    assert (read.thumb, read.art, read.updated_at) == ("/t", "/a", 1700000000)


def test_what_lies_in_an_extra_is_not_the_item_s() -> None:
    """A trailer inside the element brings neither tags nor files nor locks."""
    read = item()
    assert "Extra" not in {member.name for member in read.lists["tags"]}
    assert not read.holds("/m/trailer.mp4")
    assert "summary" not in read.locked


def test_a_file_is_known_by_its_whole_path() -> None:
    """Separators and Unicode forms do not matter, folders and case on POSIX do."""
    read = item()
    assert read.holds("/m/b.mp4")
    assert read.holds("C:/M/c.mp4")
    assert not read.holds("/other/b.mp4")
    assert not read.holds("/m/B.mp4")


@pytest.mark.parametrize(
    ("file", "stem"),
    [("/m/A Film.part1.mp4", "A Film.part1"), ("C:\\M\\c.mp4", "c"), ("/m/noending", "noending")],
)
def test_the_stem_is_the_first_file_s(file: str, stem: str) -> None:
    """The name without folder and ending, as Plex titles what it knows nothing about."""
    xml = f'<Video ratingKey="1"><Media><Part file="{file}"/></Media></Video>'
    assert item(xml).stem == stem
    assert item('<Video ratingKey="1"/>').stem == ""


@pytest.mark.parametrize("key", ["", "0", "-1", "x", "٣", "9" * 5000])
def test_an_item_without_a_usable_key_is_refused(key: str) -> None:
    """Without a rating key nothing could be written safely."""
    with pytest.raises(BadResponse):
        item(f'<Video ratingKey="{key}"/>')


def test_the_container_s_section_stands_in() -> None:
    """Where the element does not name its library, the answer around it does."""
    assert parse_item(fromstring('<Video ratingKey="1"/>'), section=5).section == 5


def test_episodes_lack_studio_and_genres() -> None:
    """The fields of an episode are those of a movie but two."""
    assert fields_of("movie") - fields_of("episode") == {"studio", "tags"}
    assert fields_of("movie") == set(BY_NAME)
