"""What a newcomer meets: no Python, an old Stash, a name of one's own, a rule that was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.host import ROOT
from tests.installation import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Browser, Page, Route

    from tests.installation import Installation

PAGE, PANEL = "/plugins/PlexSync", "/settings?tab=plugins"

#: What Stash answers where PlexSync cannot be run, and what has to be said then.
FAILURES = {
    'exec: "python": executable file not found in $PATH': "Stash finds no Python",
    'exec: "python": executable file not found in %PATH%': "Stash finds no Python",
    "fork/exec /opt/python/bin/python3: no such file or directory": "Stash finds no Python",
    "exit status 1": "too old (PlexSync needs 3.10 or newer)",
    "exit status 9009": "too old (PlexSync needs 3.10 or newer)",
    "PlexSync needs Python 3.10 or newer, and Stash runs it with Python 3.9.18.": "Python 3.9.18",
}


def without_python(page: Page, message: str) -> None:
    """Answer whatever is asked of PlexSync as Stash does that cannot run it."""

    def answer(route: Route) -> None:
        if "PlexSyncOperation" not in (route.request.post_data or ""):
            route.continue_()
            return
        reply = {"errors": [{"message": message, "path": ["runPluginOperation"]}], "data": None}
        route.fulfill(content_type="application/json", body=json.dumps(reply))

    page.route("**/graphql", answer)


@pytest.mark.parametrize("message", sorted(FAILURES))
def test_a_python_that_cannot_run_it_is_named_with_what_to_install(
    page: Page, env: Installation, message: str
) -> None:
    """The page has words, steps for each kind of machine, and no more "Reading the state…"."""
    without_python(page, message)
    page.goto(PAGE)
    alert = page.get_by_role("alert").filter(has_text="Python")
    expect(alert.first).to_contain_text(FAILURES[message])
    for machine in ("Docker", "Windows", "Debian"):
        expect(alert.first).to_contain_text(machine)
    expect(page.get_by_text("PlexSync cannot run")).to_be_visible()
    expect(page.get_by_text("Reading the state")).to_have_count(0)


def test_panel_and_tab_name_a_missing_python_too(
    page: Page, env: Installation, sound: Callable[[], None]
) -> None:
    """Test connection and the scene's tab say the same as the page does."""
    without_python(page, 'exec: "python": executable file not found in $PATH')
    page.goto(PANEL)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-settings").get_by_role("alert")).to_contain_text("no Python")
    sound()
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_role("alert")).to_contain_text("no Python")
    expect(page.get_by_text("Reading the state")).to_have_count(0)


def test_a_stash_that_draws_before_scripts_are_there_shows_everything(
    page: Page, env: Installation
) -> None:
    """As Stash 0.27: page, panel and entry in Tools come, although they are registered late."""
    page.add_init_script("window.drawsEarly = true")
    page.goto(PAGE)
    expect(page.get_by_role("heading", name="PlexSync", level=1)).to_be_visible()
    page.goto(PANEL)
    expect(page.get_by_role("button", name="Test connection")).to_be_visible()
    page.goto("/settings?tab=tools")
    expect(page.locator(".settings").get_by_role("link", name="PlexSync")).to_be_visible()


def test_the_title_of_the_browser_tab_is_left_to_stash(page: Page, env: Installation) -> None:
    """A user may have given Stash a name of its own."""
    page.goto(PANEL)
    page.evaluate("document.title = 'My own archive'")
    page.locator(".top-nav").get_by_label("PlexSync").click()
    expect(page.get_by_text("Compared with Plex")).to_be_visible()
    expect(page).to_have_title("My own archive")
    page.go_back()
    expect(page).to_have_title("My own archive")


def test_saving_after_a_test_keeps_the_rule_that_was_found(page: Page, env: Installation) -> None:
    """What the test found stays with its button, in sight and where the keyboard is."""
    env.settings(path_map="", plex_libraries="")
    page.set_viewport_size({"width": 1100, "height": 500})
    page.goto(PANEL)
    page.get_by_label("Plex URL").fill(env.plex.url + "/")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("button", name="Adopt rule")).to_be_visible()
    expect(page.locator("#plexsync-result")).to_be_in_viewport()
    page.get_by_role("button", name="Save").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_role("button", name="Save")).to_be_focused()
    expect(page.locator("#plexsync-result")).to_contain_text("Path Map")
    page.get_by_role("button", name="Adopt rule").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    expect(page.locator(".plexsync-outcome")).to_be_focused()


def test_a_test_that_worked_before_saving_is_known_to_the_page(
    page: Page, env: Installation
) -> None:
    """Test, then Save, as one does: the page names the server, and the step is done."""
    env.settings(plex_url="")
    page.goto(PANEL)
    page.get_by_label("Plex URL").fill(env.plex.url)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    wait_for(lambda: env.query("SELECT 1 FROM meta WHERE key = 'server_seen'"))
    page.goto(PAGE)
    expect(page.locator(".plexsync-facts")).to_contain_text("Plex stand-in (Scenes)")
    expect(page.get_by_text("Press Test connection there")).to_contain_text("Done: ")


def test_a_stash_that_is_restarted_under_a_task_is_said_once_and_only_meanwhile(
    browser: Browser, address: str, env: Installation
) -> None:
    """One sentence while it is away; afterwards how the task ended."""
    env.plex.latency(1500)
    context = browser.new_context(base_url=address)
    page = context.new_page()
    page.goto(PAGE)
    page.get_by_role("button", name="Sync all to Plex").click()
    expect(page.get_by_text("Sync all to Plex is running.")).to_be_visible()
    page.route("**/graphql", lambda route: route.abort())
    expect(page.get_by_text("Stash does not answer.")).to_have_count(1)
    page.unroute("**/graphql")
    env.plex.latency(0)
    expect(page.get_by_text("Sync all to Plex: 5 scenes in")).to_be_visible()
    expect(page.get_by_text("Stash does not answer.")).to_have_count(0)
    context.close()


def test_libraries_are_listed_once_a_test_succeeded(page: Page, env: Installation) -> None:
    """The test has just spoken to Plex: its libraries stand there even if the list fails."""

    def answer(route: Route) -> None:
        if '"libraries"' not in (route.request.post_data or ""):
            route.continue_()
            return
        reply = {"ok": False, "message": "", "libraries": []}
        body = json.dumps({"data": {"runPluginOperation": reply}})
        route.fulfill(content_type="application/json", body=body)

    page.route("**/graphql", answer)
    page.goto(PANEL)
    expect(page.get_by_text("They are listed as soon as")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()


def test_settings_are_called_as_they_are_shown(page: Page, env: Installation) -> None:
    """Texts of PlexSync's name a setting by its key; the screen shows Stash's name of it."""
    settings = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))["settings"]
    page.goto(PAGE)
    expect(page.get_by_role("heading", name="PlexSync", level=1)).to_be_visible()
    told = page.evaluate(
        "keys => keys.map((key) => window.PlexSyncUi.shown(`see ${key}.`))", list(settings)
    )
    assert told == [f"see {one['displayName']}." for one in settings.values()]


@pytest.mark.parametrize("width", [420, 1100])
def test_a_library_that_was_hardly_looked_at_is_not_called_in_step(
    page: Page, env: Installation, width: int
) -> None:
    """One save in a library of five says of one scene that it was compared, and of four nothing."""
    page.set_viewport_size({"width": width, "height": 800})
    env.save(1, title="The only one")
    env.title_becomes(1, "The only one")
    env.settled()
    page.goto(PAGE)
    expect(page.get_by_text("Not all scenes were compared yet")).to_be_visible()
    expect(page.locator(".plexsync-state")).to_contain_text("1 of 5 scenes compared with Plex")
    env.run(mode="sync_all")
    expect(page.get_by_text("In step", exact=True)).to_be_visible()
    expect(page.locator(".plexsync-state")).to_contain_text("5 scenes were compared with Plex")


def test_a_telephone_shows_what_can_be_done_with_a_row(page: Page, env: Installation) -> None:
    """At 420 pixels the rows are stacked: Retry and the next look are in sight, nothing scrolls."""
    page.set_viewport_size({"width": 420, "height": 800})
    number = env.stash.add_scene("/stash/media/a-rather-long-folder-name/late.mp4", title="Late")
    env.hook(number, "Scene.Create.Post")
    wait_for(lambda: [row for row in env.rows() if row["reason"] == "NotInPlexYet"])
    page.goto(PAGE)
    page.get_by_role("button", name="Show scenes").click()
    for part in (page.get_by_role("button", name="Retry Late"), page.locator(".plexsync-when")):
        expect(part.last).to_be_visible()
        box = part.last.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 420
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    env.stash.delete_scene(number)


def test_the_diagnostics_are_a_file_to_attach(page: Page, env: Installation) -> None:
    """One button saves them; the page says so, and the file holds no token."""
    page.goto(PAGE)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Save diagnostics").click()
    assert waiting.value.suggested_filename == "plexsync-diagnostics.txt"
    text = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert text.startswith("PlexSync diagnostics")
    assert "Check connection: good" in text
    assert env.plex.token not in text
    expect(page.get_by_text("Attach it to your question.")).to_be_visible()
