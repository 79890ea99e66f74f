"""A real Chromium, one for all browser tests of a process, and a fresh page for each."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.host import HERE, ROOT, host_page
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SCREENSHOTS = ROOT / ".cache" / "screenshots"
#: Milliseconds the page may take for what a person waits for.
PATIENCE = 30_000
#: What a browser of a test needs none of.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-component-extensions-with-background-pages",
    "--disable-default-apps",
)


def chromium() -> str:
    """Give the path of Chromium; there is no skipping these tests."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "The browser tests need Chromium: apt-get install -y chromium"
    return found


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium with an empty profile."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium(), headless=True, args=list(QUIET)
        )
        yield started
        started.close()


@pytest.fixture(scope="module")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the tests of a file."""
    with installation(tmp_path_factory.mktemp("env"), scenes=5) as found:
        yield found


@pytest.fixture
def env(shared_town: Installation) -> Installation:
    """The installation as when it was new: configured, and nothing was synced yet."""
    wait_for(lambda: not shared_town.task_lives())
    shared_town.kill_workers()
    shutil.rmtree(shared_town.data, ignore_errors=True)
    shared_town.plex.reset()
    shared_town.settings()
    return shared_town


@pytest.fixture
def address(env: Installation) -> Iterator[str]:
    """Where the host page of ``environment`` is."""
    with host_page(env) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """A page whose script errors and React warnings fail the test."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": 1100, "height": 900},
        reduced_motion="reduce",  # no colour is caught halfway
    )
    context.set_default_timeout(PATIENCE)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "console",
        lambda line: wrong.append(line.text) if line.type in {"error", "warning"} else None,
    )
    yield opened
    context.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture
def sound(page: Page) -> Callable[[], None]:
    """Look for what a keyboard, a screen reader or weak eyes would stumble over, as it stands."""

    def look() -> None:
        for script in ("roles.js", "contrast.js"):
            assert page.evaluate((HERE / script).read_text(encoding="utf-8")) == []

    return look


@pytest.fixture
def each_theme(page: Page) -> Callable[[], Iterator[str]]:
    """Show the page as it stands in one theme after the other, for a loop over their names."""

    def show() -> Iterator[str]:
        for theme in ("dark", "light"):
            page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
            yield theme

    return show


@pytest.fixture
def snap(page: Page, request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Keep a picture of the whole page under a name."""

    def take(name: str = "") -> None:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        words = re.sub(r"\W+", "-", name or request.node.name.removeprefix("test_")).strip("-")
        page.screenshot(path=SCREENSHOTS / f"{words}.png", full_page=True)

    return take
