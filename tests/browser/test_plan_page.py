"""The plan in a real browser: groups that unfold, links, its age; keyboard, narrow, themes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from simulator.library import catalogue_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.installation import Installation

PATH = "/plugins/PlexSync"
OLD = ".plexsync-section .badge-warning"


def previewed(env: Installation) -> None:
    """Sync, then let there be something to empty, replace, fill and keep, and preview it."""
    env.stash.set_scene(1, details="By Stash")
    env.stash.set_scene(2, title="Two", details="About two")
    env.stash.set_scene(3, title="Three", cover="new:one")
    env.stash.set_scene(4, tag_ids=["1", "2"])
    env.run(mode="sync_all")
    env.kill_workers()
    env.plex.person_sets(env.item(1)["ratingKey"], fields={"summary": "By a person"})
    env.stash.set_scene(2, title="", details="")
    env.stash.set_scene(3, title="W" * 300, cover="new:another")
    env.stash.set_scene(4, tag_ids=[])
    env.run(mode="preview")


def test_the_plan_is_worked_through_by_keyboard_and_survives_a_reload(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Each group with its count unfolds into scenes with links; a file's name is a title, too."""
    previewed(env)
    page.goto(PATH)
    plan = page.get_by_role("region", name="What Sync all would do")
    expect(plan).to_contain_text("3 of 5 scenes would change")
    expect(plan.get_by_role("region", name="Kept in Plex 1")).to_contain_text("summary 1")
    expect(page.locator(OLD)).to_have_count(0)
    emptied = plan.get_by_role("region", name="Emptied 3")
    emptied.get_by_role("button", name="Show: Emptied").focus()
    page.keyboard.press("Enter")
    link = emptied.get_by_role("link", name=catalogue_file(2).name).first
    expect(link).to_have_attribute("href", "/scenes/2")
    key = env.item(2)["ratingKey"]
    expect(emptied.get_by_role("link", name="Open in Plex").first).to_have_attribute(
        "href",
        f"https://app.plex.tv/desktop/#!/server/{env.plex.state()['machineIdentifier']}"
        f"/details?key=%2Flibrary%2Fmetadata%2F{key}",
    )
    expect(emptied.locator(".plexsync-change")).to_have_count(3)
    expect(emptied.locator(".plexsync-scroll > *")).to_have_count(2)  # the choice and the list
    expect(emptied.locator(".plexsync-scroll")).not_to_have_text(re.compile("0$"))
    emptied.get_by_label("Field: Emptied").select_option("summary")
    expect(emptied.locator(".plexsync-change")).to_have_count(1)
    gone = plan.get_by_role("region", name="Members taken out")
    gone.get_by_role("button", name="Show: Members taken out").click()
    expect(gone.locator("del")).to_have_count(1)
    pictures = plan.get_by_role("region", name="Pictures 2")
    pictures.get_by_role("button", name="Show: Pictures").click()
    expect(pictures.locator("img")).to_have_count(2)
    sound()
    snap()
    page.reload()
    expect(plan.get_by_role("region", name="Emptied 3")).to_be_visible()
    env.save(5, title="Edited after it")
    env.title_becomes(5, "Edited after it")
    expect(plan).to_contain_text(
        re.compile(r"Since then \d items? w\w+ synced. Press Preview sync")
    )
    expect(page.locator(OLD)).to_have_text("Old")
    # It is folded, so that nobody takes it for what would happen now.
    expect(plan).not_to_contain_text("3 of 5 scenes would change")
    expect(plan.get_by_role("region")).to_have_count(0)
    plan.get_by_role("button", name="Show the old plan").focus()
    page.keyboard.press("Enter")
    expect(plan.get_by_role("region", name="Emptied 3")).to_be_visible()
    expect(plan.get_by_role("button", name="Hide the old plan")).to_be_focused()


def test_other_settings_make_the_plan_old(page: Page, env: Installation) -> None:
    """The page knows the settings of now; nobody has to look first."""
    env.run(mode="preview")
    page.goto(PATH)
    expect(page.get_by_text("previewed just now")).to_be_visible()
    expect(page.get_by_role("button", name="Show: Filled")).to_be_visible()
    expect(page.locator(OLD)).to_have_count(0)
    env.settings(sync_fields="title")
    page.reload()
    expect(page.get_by_text("The settings changed after it.")).to_be_visible()


def test_it_is_read_on_a_phone_in_both_themes(
    page: Page,
    env: Installation,
    each_theme: Callable[[], Iterator[str]],
    snap: Callable[..., None],
    sound: Callable[[], None],
) -> None:
    """At 420 px nothing hangs over, old or not."""
    previewed(env)
    env.run(mode="sync_all")
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(PATH)
    page.get_by_role("button", name="Show the old plan").click()
    for group in ("Replaced: what Stash had before", "Kept in Plex", "Pictures"):
        page.get_by_role("button", name=f"Show: {group}").click()
    expect(page.locator(".plexsync-planned .plexsync-change")).to_have_count(5)
    expect(page.locator(OLD)).to_be_visible()
    for theme in each_theme():
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        sound()
        snap(f"plan-{theme}")
