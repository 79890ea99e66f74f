"""Stash's side of the merge: what a scene should look like in Plex."""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merge.desired import LONGEST_LINE, LONGEST_TEXT, Desired, desired, rating, sort_title
from stash.scene import NamedRef, Scene
from validation.config import PlexSyncConfig
from validation.sync_fields import FIELDS
from validation.text import tag_key


def config(*fields: str, **more: str) -> PlexSyncConfig:
    """A configuration that syncs these fields, all without any."""
    chosen = frozenset(fields or FIELDS)
    return PlexSyncConfig("http://plex:32400", "t0ken", sync_fields=chosen, **more)  # type: ignore[arg-type]


def refs(*names: str) -> tuple[NamedRef, ...]:
    """Things of Stash by name."""
    return tuple(NamedRef(number, name) for number, name in enumerate(names, 1))


FULL = Scene(
    id=1,
    title="The Title",
    details="Details",
    date="2024-05-17",
    rating100=70,
    director="Director",
    studio=NamedRef(1, "Studio"),
    performers=refs("B", "A"),
    tags=refs("T"),
    groups=refs("G"),
)


def test_a_movie_gets_every_field() -> None:
    """All that Stash knows of a scene has its place in an item."""
    assert desired(FULL, config(content_rating="XXX"), "movie") == Desired(
        {
            "title": "The Title",
            "studio": "Studio",
            "summary": "Details",
            "date": "2024-05-17",
            "rating": "7",
            "content_rating": "XXX",
            "sort_title": "",
        },
        {
            "performers": ("B", "A"),
            "director": ("Director",),
            "tags": ("T",),
            "collections": ("G", "Studio", "B", "A"),
        },
        by_rule={},
    )


def test_an_episode_gets_what_episodes_have() -> None:
    """Studio and genres are left out: Plex refuses them there."""
    whole = desired(FULL, config(), "movie")
    episode = desired(FULL, config(), "episode")
    assert set(whole.values) - set(episode.values) == {"studio"}
    assert set(whole.lists) - set(episode.lists) == {"tags"}


@pytest.mark.parametrize("field", FIELDS)
def test_only_chosen_fields_are_wanted(field: str) -> None:
    """What sync_fields does not name is absent, not empty: it would be cleared."""
    ours = desired(FULL, config(field, content_rating="X"), "movie")
    name = "collections" if field.endswith(("_collections", "_collection")) else field
    by_rule_alone = {"labels"}
    pictures = {"poster", "background"}
    assert {*ours.values, *ours.lists} == {name} - pictures - by_rule_alone


def test_an_empty_scene_wants_nothing_in_every_field() -> None:
    """What Stash does not know is empty, so that it can be cleared; an unset setting is absent."""
    ours = desired(Scene(id=1), config(), "movie")
    assert set(ours.values.values()) == {""}
    assert set(ours.lists.values()) == {()}
    assert "content_rating" not in ours.values


def test_collections_carry_their_prefixes() -> None:
    """Groups and studio become collections, each with its own prefix."""
    both = config(
        *("group_collections", "studio_collection"),
        group_collection_prefix="Series: ",
        studio_collection_prefix="Studio: ",
    )
    assert desired(FULL, both, "movie").lists["collections"] == ("Series: G", "Studio: Studio")
    family = config("parent_studio_collection", parent_studio_collection_prefix="Network: ")
    child = replace(FULL, studio=NamedRef(2, "Child", parent=FULL.studio))
    for scene in (FULL, child):  # who has nobody above stands at the top
        assert desired(scene, family, "movie").lists["collections"] == ("Network: Studio",)
    people = config("performer_collections", performer_collection_prefix="With ")
    assert desired(FULL, people, "movie").lists["collections"] == ("With B", "With A")
    studio = config("studio_collection")
    assert desired(FULL, studio, "movie").lists["collections"] == ("Studio",)


def test_names_that_differ_only_in_case_are_one() -> None:
    """Plex would make one tag of them, so only the first is sent."""
    scene = Scene(id=1, tags=refs("HD", "hd", " HD ", "", "\x00", "SD"))
    assert desired(scene, config(), "movie").lists["tags"] == ("HD", "SD")


@pytest.mark.parametrize(
    ("date", "wanted"),
    [("2024", "2024"), ("2024-05", "2024-05"), ("2024-02-30", ""), ("soon", ""), ("", "")],
)
def test_only_dates_are_dates(date: str, wanted: str) -> None:
    """A period stays one here, anything else is no date."""
    assert desired(Scene(id=1, date=date), config(), "movie").values["date"] == wanted


@pytest.mark.parametrize(
    ("stars", "wanted"), [(None, ""), (0, ""), (1, "0.1"), (85, "8.5"), (100, "10"), (101, "")]
)
def test_a_rating_is_a_tenth(stars: int | None, wanted: str) -> None:
    """1 to 100 become 0.1 to 10; what is not a rating is none."""
    assert rating(stars) == wanted


@pytest.mark.parametrize(
    ("title", "sorted_by"),
    [("The End", "End"), ("A B", "B"), ("an Hour", "Hour"), ("Theory", "Theory"), ("A", "A")],
)
def test_articles_do_not_sort(title: str, sorted_by: str) -> None:
    """A leading English article is left out, a word that only begins like one is not."""
    assert sort_title(title) == sorted_by


def test_a_long_summary_is_cut_visibly() -> None:
    """Above the limit a text ends after a word with an ellipsis; below it stays whole."""
    fits = ("word " * 3000)[:LONGEST_TEXT]
    assert desired(Scene(id=1, details=fits), config(), "movie").values["summary"] == fits
    cut = desired(Scene(id=1, details="Wörter " * 9999), config(), "movie").values["summary"]
    assert cut.endswith("Wörter…")
    assert len(cut.encode()) <= LONGEST_TEXT


@settings(max_examples=200, deadline=None)
@given(st.text(), st.text(), st.lists(st.text(max_size=20), max_size=4))
def test_whatever_stash_holds_can_be_an_attribute(
    title: str, details: str, names: list[str]
) -> None:
    """Every text is valid XML, within its limit, and names are distinct single lines."""
    scene = Scene(id=1, title=title, details=details, tags=refs(*names), director=title)
    ours = desired(scene, config(), "movie")
    lists = [name for some in ours.lists.values() for name in some]
    for text in (*ours.values.values(), *lists):
        assert fromstring(f"<V v={quoteattr(text)}/>").get("v") is not None
        assert len(text.encode()) <= LONGEST_TEXT
    for name in (ours.values["title"], *lists):
        assert "\n" not in name
        assert len(name.encode()) <= LONGEST_LINE
    keys = [tag_key(name) for name in ours.lists["tags"]]
    assert len(set(keys)) == len(keys)
    assert "" not in keys
