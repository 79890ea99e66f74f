"""Takes the pictures of docs/screenshots: the pages in a real Chromium, over the stand-ins.

    python -m tests.browser.pictures [--into FOLDER] [--all]

``--all`` takes the page, the settings and a scene's tab in both themes, on a screen and on
a telephone, to be looked at.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect, sync_playwright

from tests.browser.conftest import PATIENCE, QUIET, chromium
from tests.browser.host import ROOT, host_page
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FOLDER = ROOT / "docs" / "screenshots"
#: Pixels of a screen, and of a telephone.
SCREEN, TELEPHONE = (1280, 1000), (420, 900)
TITLES = ("Harbour at Night", "The Second Letter", "Market Day", "First Snow", "Last Tram Home")
#: Lets the stand-in of Stash's page change its colours.
THEME = "theme => document.documentElement.dataset.theme = theme"
NEW = "/stash/media/new/a-day-at-the-lake.mp4"


def play(env: Installation) -> None:
    """Let happen what the pictures show: edits, a hand in Plex, a cover too large, a new file."""
    for number, title in enumerate(TITLES, 1):
        env.stash.set_scene(number, title=title, details=f"What happens in {title}.")
    env.plex.fault("status", method="POST", path="/posters", status=413, times=1)
    env.run(mode="sync_all")
    env.plex.clear_faults()
    env.plex.person_sets(env.item(3)["ratingKey"], fields={"title": "Market Day (my cut)"})
    env.hook(3)
    env.settled()
    for number, changes in ((2, {"rating100": 80}), (1, {"details": "A harbour, and a night."})):
        env.save(number, **changes)
    env.settled()
    env.stash.hook("Scene.Create.Post", env.stash.add_scene(NEW, title="A Day at the Lake"))
    wait_for(lambda: [row for row in env.rows() if row["reason"] == "NotInPlexYet"])
    env.run(mode="preview")


def shot(page: Page, path: Path, theme: str = "dark", *, whole: bool = False) -> None:
    """Keep what is seen, once it stands still."""
    page.evaluate(THEME, theme)
    page.wait_for_load_state("networkidle")
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=whole)


def status(page: Page) -> None:
    """Show the page."""
    page.goto("/plugins/PlexSync")
    expect(page.get_by_role("heading", name="Recent changes")).to_be_visible()


def settings(page: Page) -> None:
    """Show the settings, after a test of the connection."""
    page.goto("/settings?tab=plugins")
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected")
    page.evaluate("window.scrollTo(0, 0)")


def tab(page: Page, scene: int) -> None:
    """Show a scene's tab."""
    page.goto(f"/scenes/{scene}")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    expect(page.get_by_text("Reading the state")).to_have_count(0)


def take(browser: Browser, address: str, into: Path, *, everything: bool) -> None:
    """Take the pictures."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": SCREEN[0], "height": SCREEN[1]},
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    status(page)
    shot(page, into / "page.png")
    settings(page)
    shot(page, into / "settings.png")
    if not everything:
        return
    for theme in ("dark", "light"):
        for name, (width, height) in (("screen", SCREEN), ("telephone", TELEPHONE)):
            page.set_viewport_size({"width": width, "height": height})
            status(page)
            shot(page, into / f"page-{theme}-{name}.png", theme, whole=True)
            settings(page)
            shot(page, into / f"settings-{theme}-{name}.png", theme, whole=True)
            for scene in (1, 3):
                tab(page, scene)
                shot(page, into / f"tab-{scene}-{theme}-{name}.png", theme, whole=True)


def main() -> None:
    """Set up an installation, let things happen in it, and take the pictures."""
    parser = argparse.ArgumentParser(description="Take the pictures of the pages.")
    parser.add_argument("--into", type=Path, default=FOLDER)
    parser.add_argument("--all", action="store_true")
    given = parser.parse_args()
    expect.set_options(timeout=PATIENCE)
    with (
        tempfile.TemporaryDirectory() as folder,
        installation(Path(folder), scenes=len(TITLES)) as env,
        host_page(env) as address,
        sync_playwright() as playwright,
    ):
        play(env)
        browser = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=list(QUIET)
        )
        take(browser, address, given.into, everything=given.all)
        browser.close()


if __name__ == "__main__":
    main()
