"""The title_template setting: what becomes of a title, and of a template that makes no sense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.desired import desired
from stash.scene import NamedRef, Scene
from validation.config import parse_settings
from validation.title_template import WORDS, read_title_template

GIVEN = {"plex_url": "http://plex:32400", "plex_token": "t"}
WHOLE = {
    "title": "The Walk",
    "studio": "Acme",
    "date": "2024-05-17",
    "performers": "Ann, Bea",
    "code": "X-1",
}


def filled(template: str, **missing: str) -> str:
    """The title of a scene that has everything but what is said."""
    found, faults = read_title_template(template)
    assert faults == ()
    return found.fill({**WHOLE, **missing})


@pytest.mark.parametrize(
    ("template", "missing", "title"),
    [
        ("", {}, "The Walk"),
        ("{title}", {}, "The Walk"),
        ("{studio} - {title}", {}, "Acme - The Walk"),
        ("{studio} - {title}", {"studio": ""}, "The Walk"),
        ("{studio} - {title}", {"title": ""}, "Acme"),
        ("{title} ({date}) - {studio}", {}, "The Walk (2024-05-17) - Acme"),
        ("{title} ({date}) - {studio}", {"date": ""}, "The Walk - Acme"),
        ("{title} ({date}) - {studio}", {"title": ""}, "(2024-05-17) - Acme"),
        ("{title} ({date}) - {studio}", {"studio": ""}, "The Walk (2024-05-17)"),
        ("[{code}] {title} by {performers}", {}, "[X-1] The Walk by Ann, Bea"),
        ("[{code}] {title} by {performers}", {"code": "", "performers": ""}, "The Walk"),
        ("Scene: {title}", {}, "Scene: The Walk"),
        ("Scene: {title}", {"title": ""}, ""),
        ("{title}, uncut", {}, "The Walk, uncut"),
        ("{studio} ({date}, {code})", {"code": ""}, "Acme (2024-05-17"),
    ],
)
def test_parts_that_a_scene_lacks_take_their_separators_along(
    template: str, missing: dict[str, str], title: str
) -> None:
    """Brackets right around a word go with it; a bracket around two words belongs to neither."""
    assert filled(template, **missing) == title


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("{Title}", "{Title} is none of its words"),
        ("{title} {tags}", "{tags} is none of its words"),
        ("{title", "has a brace without its partner"),
        ("title", "has no word in braces"),
    ],
)
def test_a_template_that_makes_no_sense_is_named(template: str, fault: str) -> None:
    """The settings are wrong then, and say which words there are."""
    (problem,) = parse_settings({**GIVEN, "title_template": template}).problems
    assert problem.setting == "title_template"
    assert fault in str(problem)


@given(st.text(max_size=40), st.lists(st.sampled_from(WORDS), max_size=4))
def test_any_text_is_read(noise: str, words: list[str]) -> None:
    """Whatever is typed is a template or a fault, and a template can be filled."""
    found, faults = read_title_template(noise + "".join(f"{{{word}}}" for word in words))
    if not faults:
        assert isinstance(found.fill(WHOLE), str)


def test_a_scene_gets_its_title_by_the_template() -> None:
    """Performers as Stash shows them; a scene that has nothing of it has no title, as ever."""
    config = parse_settings({**GIVEN, "title_template": "{performers}: {title} ({code})"}).config
    assert config is not None
    people = (NamedRef(1, "Ann", "one"), NamedRef(2, "Ann", "two"))
    scene = Scene(id=1, title="The Walk", code="X-1", performers=people)
    assert desired(scene, config, "movie").values["title"] == "Ann (one), Ann (two): The Walk (X-1)"
    assert desired(Scene(id=1), config, "movie").values["title"] == ""
