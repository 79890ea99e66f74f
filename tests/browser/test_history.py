"""History and undo in a real browser: searched, paged, one line for a cover, one scene undone."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser.test_status_page import keep
from tests.installation import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.installation import Installation

PATH = "/plugins/PlexSync"


def test_changes_are_searched_and_paged_and_a_cover_is_one_line(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """By scene and by run, page by page; poster and background are one line with a picture."""
    env.run(mode="sync_all")
    for number in range(14):
        env.save(1, title=f"Title {number}")
        env.title_becomes(1, f"Title {number}")
    env.settled()
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(PATH)
    expect(page.locator(".plexsync-change")).to_have_count(15)
    page.get_by_role("button", name="Next").click()
    expect(page.locator(".plexsync-change")).to_have_count(4)
    cover = page.locator(".plexsync-change dt").filter(has_text="poster and background")
    expect(cover).to_have_count(4)
    values = page.locator(".plexsync-change dd").filter(has_text="the scene's cover")
    expect(values.first).to_contain_text("Plex's own picture")
    expect(values.first.locator("img")).to_have_count(1)
    page.get_by_label("Scene: title or number").fill("2")
    page.keyboard.press("Enter")
    expect(page.locator(".plexsync-change")).to_have_count(1)
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Scene: title or number").fill("title -12 13")  # words, as Stash searches
    page.keyboard.press("Enter")
    expect(page.locator(".plexsync-change")).to_have_count(15)
    expect(page.locator(".plexsync-change").first).to_contain_text("Title 13")
    page.get_by_label("Scene: title or number").fill('"title 12"')
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing that is kept fits")).to_be_visible()
    env.save(3, title="1984")
    env.title_becomes(3, "1984")
    page.get_by_label("Scene: title or number").fill("1984")
    page.keyboard.press("Enter")
    expect(page.locator(".plexsync-change")).to_have_count(2)
    expect(page.locator(".plexsync-change").first).to_contain_text("1984")
    page.get_by_role("button", name="Show all").click()
    page.get_by_label("Run").select_option(index=1)
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".plexsync-change")).to_have_count(5)
    # Of a change of many fields the first ones are seen, and the others unfolded.
    first = page.locator(".plexsync-change").first
    fields = first.locator("dt")
    whole = fields.count()
    assert whole > 5
    expect(fields.filter(visible=True)).to_have_count(3)
    first.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(fields.filter(visible=True)).to_have_count(whole)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    sound()
    snap()


def test_the_last_sync_is_undone_from_the_page(page: Page, env: Installation) -> None:
    """One button starts the task, which says what it did; the differences stand in the inbox."""
    before = {scene: env.item(scene)["fields"]["title"] for scene in range(1, 6)}
    env.run(mode="sync_all")
    env.save(1, title="Edited since")
    env.title_becomes(1, "Edited since")
    env.settled()
    page.goto(PATH)
    button = page.get_by_role("button", name="Undo last sync")
    expect(button).to_have_accessible_description(re.compile(r"^Sync all of .+: 5 changes$"))
    button.click()
    expect(page.locator(".plexsync-notice-good")).to_contain_text("5 items were given back")
    expect(page.locator(".plexsync-notice-good")).to_contain_text("scene 1: sort_title, title")
    assert env.item(1)["fields"]["title"] == "Edited since"
    for scene in range(2, 6):
        assert env.item(scene)["fields"]["title"] == before[scene]
    expect(page.get_by_role("heading", name="Differences that stay")).to_be_visible()
    expect(page.get_by_role("button", name="Undo last sync")).to_have_count(0)


def test_a_scene_s_last_change_is_undone_from_its_tab(
    page: Page, env: Installation, sound: Callable[[], None]
) -> None:
    """Only the last change, by keyboard."""
    for title in ("First", "Second"):
        env.save(2, title=title)
        env.title_becomes(2, title)
        env.settled()
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    button = page.get_by_role("button", name="Undo last change")
    expect(page.get_by_text("Last changed in Plex")).to_be_visible()
    sound()
    button.focus()
    page.keyboard.press("Enter")
    env.title_becomes(2, "First")
    env.settled()
    rows = wait_for(lambda: env.query("SELECT ours FROM difference WHERE field = 'title'"))
    assert rows == [{"ours": "Second"}]
    state = page.locator(".plexsync-scene .plexsync-state")
    expect(state).to_contain_text("In step but for what is kept")
    expect(state).to_contain_text("set there by hand or undone: title.")
    env.hook(2)
    env.settled()
    assert env.item(2)["fields"]["title"] == "First"


def test_a_tab_undoes_what_it_shows_and_says_why_not(page: Page, env: Installation) -> None:
    """What another tab has undone already is not answered by undoing the change before it."""
    for title in ("First", "Second"):
        env.save(2, title=title)
        env.title_becomes(2, title)
        env.settled()
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    button = page.get_by_role("button", name="Undo last change")
    expect(button).to_be_visible()
    held = True  # this tab does not hear of it
    page.route("**/graphql", lambda route: route.abort() if held else route.continue_())
    env.run(mode="undo_scene", id=2)
    env.title_becomes(2, "First")
    env.settled()
    held = False
    button.click()
    expect(page.get_by_role("alert")).to_contain_text("not the scene's last change any more")
    env.settled()
    assert env.item(2)["fields"]["title"] == "First"


def test_what_came_from_plex_stands_on_the_tab_and_is_undone_there(
    page: Page, env: Installation, sound: Callable[[], None]
) -> None:
    """A rating that was given in Plex, from what to what; undone, Stash has its own again."""
    env.settings(sync_fields="title, rating", ratings_to_stash=True)
    env.stash.set_scene(3, rating100=60)
    env.run(mode="sync_all")
    env.plex.rates(env.item(3)["ratingKey"], 9, 1_700_000_000)
    env.run(mode="sync_all")
    wait_for(lambda: env.stash.scene(3)["rating100"] == 90)
    env.settled()
    page.goto("/scenes/3")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_text("Came from Plex, rated in Plex: 9, before 6")).to_be_visible()
    expect(page.get_by_text("Last came from Plex")).to_be_visible()
    sound()
    page.get_by_role("button", name="Undo last change").click()
    wait_for(lambda: env.stash.scene(3)["rating100"] == 60)
    env.settled()
    assert env.item(3)["fields"]["userRating"] == 9


def test_what_go_on_let_go_is_undone_from_the_page(page: Page, env: Installation) -> None:
    """The button says that it would undo "Go on", and gives the words back in Plex."""
    scenes = (1, 2)
    for scene in scenes:
        env.stash.set_scene(scene, details=f"Words of {scene}")
    env.run(mode="sync_all")
    env.kill_workers()
    for scene in scenes:
        env.stash.set_scene(scene, details="")
    env.fill([(scene, None, "TakesAway", "Held back: this would") for scene in scenes])
    keep(env, "brake", {"at": time.time(), "scenes": 2, "text": "It would empty two."})
    page.goto(PATH)
    page.get_by_role("button", name="Go on", exact=True).click()
    wait_for(lambda: not any(has_words(env, scene) for scene in scenes))
    env.settled()
    page.reload()
    button = page.get_by_role("button", name="Undo last sync")
    expect(button).to_have_accessible_description(re.compile(r"^Go on of .+: 2 changes$"))
    button.click()
    for scene in scenes:
        wait_for(partial(has_words, env, scene))
    expect(page.get_by_role("region", name="summary 2")).to_be_visible()


def test_a_page_that_is_out_of_date_undoes_and_lets_go_of_nothing(
    page: Page, env: Installation
) -> None:
    """A second tab shows what was there a moment ago: it undoes no earlier run, and asks again."""
    for words in ("Words of 3", "Later words of 3"):
        env.stash.set_scene(3, details=words)
        env.run(mode="sync_all")
    env.settled()
    page.goto(PATH)
    button = page.get_by_role("button", name="Undo last sync")
    expect(button).to_be_visible()
    # The tab asks nothing for a while, and another one is quicker.
    page.evaluate("window.setTimeout = () => 0")
    page.wait_for_timeout(5000)
    env.run(mode="undo_last_sync")
    env.settled()
    assert has_words(env, 3)
    button.click()
    expect(page.get_by_text("not the last sync any more")).to_be_visible()
    env.settled()
    assert has_words(env, 3)
    env.kill_workers()
    env.fill([(2, None, "TakesAway", "Held back: this would")])
    keep(env, "brake", {"at": time.time(), "scenes": 1, "text": "It would empty one."})
    page.goto(PATH)
    expect(page.get_by_text("It would empty one.")).to_be_visible()
    keep(env, "brake", {"at": time.time(), "scenes": 2, "text": "It would empty two."})
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_text("Something else is held back by now")).to_be_visible()
    expect(page.get_by_text("It would empty two.")).to_be_visible()
    assert env.query("SELECT reason FROM dirty WHERE id = 2") == [{"reason": "TakesAway"}]
    page.get_by_role("button", name="Go on", exact=True).click()
    expect(page.get_by_text("Going on: 1 scene synced now.")).to_be_visible()
    env.settled()


def has_words(env: Installation, scene: int) -> bool:
    """Whether Plex shows the summary that a scene had."""
    return bool(env.item(scene)["fields"].get("summary") == f"Words of {scene}")
