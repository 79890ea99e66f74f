"""The inbox of differences in a real browser: both sides, the answers, keyboard, narrow, themes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.installation import wait_for
from tests.test_posters_taken import OWN, cover_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.installation import Installation

PATH = "/plugins/PlexSync"


def edited_by_hand(env: Installation, *scenes: int) -> None:
    """Sync scenes, let a person edit their titles in Plex, and look again."""
    for scene in scenes:
        env.save(scene, title=f"In Stash {scene}")
        env.title_becomes(scene, f"In Stash {scene}")
    env.settled()
    for scene in scenes:
        env.plex.person_sets(env.item(scene)["ratingKey"], fields={"title": f"By hand {scene}"})
        env.hook(scene)
    env.settled()


def test_each_answer_is_given_by_keyboard(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Both values side by side; one row, a selection and all of a kind are answered."""
    edited_by_hand(env, 1, 2, 3, 4)
    page.goto(PATH)
    expect(page.get_by_role("heading", name="Differences that stay")).to_be_visible()
    group = page.get_by_role("region", name="title 4")
    group.get_by_role("button", name="Show both sides").focus()
    page.keyboard.press("Enter")
    row = group.locator(".plexsync-difference").filter(has_text="By hand 1")
    expect(row.locator(".plexsync-side").first).to_contain_text("By hand 1")
    expect(row.locator(".plexsync-side").last).to_contain_text("In Stash 1")
    sound()
    snap()
    row.get_by_role("button", name="Use Stash: title of").focus()
    page.keyboard.press("Enter")
    env.title_becomes(1, "In Stash 1")
    group = page.get_by_role("region", name="title 3")
    expect(group.locator(".plexsync-difference")).to_have_count(3)
    # The row that was answered is gone, and the keyboard is on the one beside it.
    expect(group.get_by_label("Select In Stash 2")).to_be_focused()
    page.keyboard.press("Space")
    expect(group.get_by_text("1 selected")).to_be_visible()
    group.get_by_role("button", name="Take into Stash: title, selected").focus()
    page.keyboard.press("Enter")
    wait_for(lambda: env.stash.scene(2)["title"] == "By hand 2")
    group = page.get_by_role("region", name="title 2")
    group.get_by_role("button", name="Keep Plex: title, all 2").focus()
    page.keyboard.press("Enter")
    expect(group.get_by_role("button", name="Yes, all 2")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Differences that stay")).to_have_count(0)
    expect(page.get_by_text("2 differences answered.")).to_be_visible()
    assert env.item(3)["fields"]["title"] == "By hand 3"
    assert env.stash.scene(3)["title"] == "In Stash 3"


def test_a_poster_is_taken_and_a_refused_take_says_why(page: Page, env: Installation) -> None:
    """The picture becomes the scene's cover; a studio that Stash does not have stays, with why."""
    env.settings(sync_fields="studio, poster")
    studio = env.stash.add_entity("studio", "Known Films")
    env.stash.set_scene(4, cover="new:4")
    env.stash.set_scene(5, studio_id=str(studio))
    poster, other = (env.item(scene)["ratingKey"] for scene in (4, 5))
    env.plex.ask("POST", f"/library/metadata/{poster}/posters", OWN)
    env.plex.person_sets(poster, lock=["thumb"])
    env.hook(4)
    env.hook(5)
    env.settled()
    env.plex.person_sets(other, fields={"studio": "Nobody's Films"})
    env.hook(5)
    env.settled()
    page.goto(PATH)
    group = page.get_by_role("region", name="poster 1")
    group.get_by_role("button", name="Show both sides").click()
    row = group.locator(".plexsync-difference")
    expect(row.locator(".plexsync-side").first).to_have_text("Plexa poster that a person chose")
    row.get_by_role("button", name="Take into Stash: poster of").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="poster 1")).to_have_count(0)
    assert cover_of(env, 4) == OWN
    group = page.get_by_role("region", name="studio 1")
    group.get_by_role("button", name="Show both sides").click()
    group.get_by_role("button", name="Take into Stash: studio of").focus()
    page.keyboard.press("Enter")
    expect(group.locator(".plexsync-fault")).to_contain_text("no studio called “Nobody's Films”")
    assert env.stash.scene(5)["studio"] == studio


def test_it_is_read_on_a_phone_in_both_themes(
    page: Page,
    env: Installation,
    each_theme: Callable[[], Iterator[str]],
    snap: Callable[..., None],
    sound: Callable[[], None],
) -> None:
    """At 420 px nothing hangs over, whatever was set by hand."""
    edited_by_hand(env, 1)
    key = env.item(1)["ratingKey"]
    env.plex.person_sets(key, fields={"title": "W" * 300})
    env.hook(1)
    env.settled()
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(PATH)
    page.get_by_role("button", name="Show both sides").click()
    expect(page.locator(".plexsync-difference")).to_have_count(1)
    for theme in each_theme():
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        sound()
        snap(f"differences-{theme}")
