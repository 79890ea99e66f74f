"""The rules for tags among the settings, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.installation import Installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page

SETTINGS = "/settings?tab=plugins"


@pytest.fixture
def tagged(env: Installation) -> Installation:
    """Scene 1 carries two tags."""
    made = [env.stash.add_entity("tag", name) for name in ("Funny", "Kids, little")]
    env.stash.set_scene(1, tag_ids=made)
    return env


def stored(env: Installation) -> Any:
    """The rules as Stash has them."""
    plugins = env.stash.graphql("{configuration{plugins}}")["configuration"]["plugins"]
    return plugins["PlexSync"].get("tag_rules")


def box(page: Page) -> Locator:
    """Where rules are typed."""
    return page.get_by_label("Tag Rules", exact=True)


def test_rules_are_tried_while_they_are_typed_and_saved_as_one_line(
    page: Page, tagged: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """By keyboard alone: an example of the user's own, a fault, and what Stash keeps."""
    page.goto(SETTINGS)
    box(page).focus()
    page.keyboard.type('Funny => Comedy\nlabel: "Kids, little"')
    part = page.locator(".plexsync-tag-rules")
    shown = part.locator("li").first
    expect(shown).to_contain_text("Genres" + "Comedy")
    expect(shown).to_contain_text("Labels" + "Kids, little")
    missed = part.locator("summary")
    expect(missed).to_have_text(re.compile(r"\d+ of \d+ tags that no rule names"))
    snap()
    page.keyboard.press("Tab")
    expect(part.get_by_role("button", name="Use these rules")).to_be_focused()
    page.keyboard.press("Enter")
    wait_for(lambda: stored(tagged) == 'Funny => Comedy; label: "Kids, little"')
    expect(box(page)).to_have_value('Funny => Comedy\nlabel: "Kids, little"')
    page.get_by_label("Content Rating", exact=True).fill("X")  # Stash writes its own copy
    wait_for(lambda: stored(tagged) == 'Funny => Comedy; label: "Kids, little"')
    box(page).fill("drop:\nFunny")
    faults = part.get_by_role("alert")
    expect(faults).to_contain_text("rule 1 names no tag behind drop")
    expect(faults).to_contain_text("rule 2 has no =>")
    sound()
    box(page).fill("")
    expect(faults).to_have_text("")
    part.get_by_role("button", name="Use these rules").click()
    wait_for(lambda: stored(tagged) == "")


def test_the_rules_fit_a_narrow_window(
    page: Page,
    tagged: Installation,
    each_theme: Callable[[], Iterator[str]],
    snap: Callable[..., None],
    sound: Callable[[], None],
) -> None:
    """At 420 px nothing hangs over, with the list of missed tags unfolded."""
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(SETTINGS)
    box(page).fill("label: Funny")
    part = page.locator(".plexsync-tag-rules")
    expect(part.locator("li").first).to_contain_text("Labels" + "Funny")
    part.locator("summary").click()
    frame = box(page).bounding_box()
    assert frame
    assert frame["width"] > 320
    for theme in each_theme():
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        sound()
        snap(f"tag-rules-{theme}")
