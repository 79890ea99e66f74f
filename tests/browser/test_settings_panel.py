"""Our part of Settings, Plugins, and the tab on a scene's page, in a real browser."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from simulator.control import free_port
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

SETTINGS = "/settings?tab=plugins"


class PlexTv(BaseHTTPRequestHandler):
    """A plex.tv that knows one PIN."""

    address = ""
    token = ""

    def do_POST(self) -> None:
        """Give out the PIN, or tell how it stands."""
        body = f'<pin id="4711" code="ABCD" authToken="{self.token}"/>'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def plex_tv() -> Iterator[type[PlexTv]]:
    """A stand-in for plex.tv."""
    server = HTTPServer(("127.0.0.1", 0), PlexTv)
    PlexTv.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield PlexTv
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def shared_town(
    plex_tv: type[PlexTv], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One installation for this file; its plugin processes know the other plex.tv."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLEXSYNC_PLEX_TV", plex_tv.address)
        with installation(tmp_path_factory.mktemp("panel"), scenes=5) as found:
            yield found


@pytest.fixture
def town(shared_town: Installation) -> Installation:
    """The installation with the settings that work."""
    shared_town.settings()
    return shared_town


def stored(town: Installation) -> dict[str, Any]:
    """Give the settings map as Stash has it."""
    plugins = town.stash.graphql("{configuration{plugins}}")["configuration"]["plugins"]
    return dict(plugins.get("PlexSync") or {})


def test_the_token_is_masked_and_other_rows_stay_stashs(
    page: Page, town: Installation, snap: Callable[..., None]
) -> None:
    """Our three settings are drawn once, by us; the token is dots; the rest is as ever."""
    page.goto(SETTINGS)
    token = page.get_by_label("Plex token")
    expect(token).to_have_attribute("type", "password")
    expect(page.get_by_label("Path Map")).to_be_visible()
    assert page.get_by_text("Plex URL", exact=True).count() == 1
    assert town.plex.token not in page.locator("body").inner_text()
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()
    snap()


def test_a_working_connection_is_confirmed(page: Page, town: Installation) -> None:
    """The good news names the server and what was found."""
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")


FAULTS: dict[str, tuple[dict[str, str], str, str]] = {
    "nobody listens": ({"Plex URL": "http://127.0.0.1:{nobody}"}, "url", "container"),
    "no scheme": ({"Plex URL": "192.168.1.10:32400"}, "url", "http://"),
    "wrong token": ({"Plex token": "wrong-token-1234"}, "token", "does not accept"),
    "not the owner": ({"Plex token": "{shared}"}, "token", "owner"),
    "empty": ({"Plex URL": ""}, "url", "is empty"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_shows_at_its_setting_before_anything_is_saved(
    page: Page, town: Installation, fault: str, snap: Callable[..., None]
) -> None:
    """What was typed is tried; the answer stands beside the one setting to mend."""
    typed, setting, words = FAULTS[fault]
    page.goto(SETTINGS)
    for label, text in typed.items():
        value = text.format(nobody=free_port(), shared=town.plex.shared_token)
        page.get_by_label(label).fill(value)
    before = stored(town)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(f"#plexsync-{setting}-fault")).to_contain_text(words)
    snap(f"fault-{fault}")
    assert stored(town) == before


def test_a_library_that_is_gone_is_named(page: Page, town: Installation) -> None:
    """A name that Plex does not have is shown as lost, and can be unticked."""
    town.settings(plex_libraries="Scenes, Gone")
    page.goto(SETTINGS)
    expect(page.get_by_text("not in Plex")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("alert").filter(has_text="Gone")).to_be_visible()
    page.locator("label").filter(has_text="Gone").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert stored(town)["plex_libraries"] == "Scenes"


def test_paths_that_do_not_meet_are_mended_with_one_click(
    page: Page, town: Installation, snap: Callable[..., None]
) -> None:
    """The test finds the rule, Adopt saves it, and the next test succeeds."""
    town.settings(path_map="")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("path_map")
    snap()
    page.get_by_role("button", name="Adopt rule").click()
    expect(page.get_by_text("is saved in path_map")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    assert stored(town)["path_map"]


def test_saving_keeps_what_somebody_else_saved_meanwhile(page: Page, town: Installation) -> None:
    """The whole map is read again before it is written, and Stash's copy follows."""
    page.goto(SETTINGS)
    page.get_by_label("Plex URL").fill("http://192.168.1.10:32400")
    town.settings(exclude_tags="Private")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert stored(town)["exclude_tags"] == "Private"
    page.get_by_label("Content Rating").fill("XXX")
    wait_for(lambda: stored(town).get("content_rating") == "XXX")
    assert stored(town)["plex_url"] == "http://192.168.1.10:32400"
    assert stored(town)["exclude_tags"] == "Private"


def test_signing_in_brings_the_token_without_digging(
    plex_tv: type[PlexTv], town: Installation, page: Page, snap: Callable[..., None]
) -> None:
    """The code is shown, the entry is noticed, the token is saved and never seen."""
    town.settings(plex_token="")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Sign in with Plex").click()
    expect(page.get_by_text("ABCD")).to_be_visible()
    expect(page.get_by_role("link", name="plex.tv/link")).to_have_attribute(
        "href", "https://plex.tv/link"
    )
    snap()
    plex_tv.token = town.plex.token
    expect(page.get_by_text("Signed in. The token is saved.")).to_be_visible()
    assert stored(town)["plex_token"] == town.plex.token
    assert town.plex.token not in page.locator("body").inner_text()
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()


def test_a_scene_says_how_it_stands_and_syncs_now(
    page: Page, town: Installation, snap: Callable[..., None]
) -> None:
    """The tab on the scene's page: not looked at, then in step with a link to the item."""
    town.stash.set_scene(2, title="Synced from its page")
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_text("Not looked at yet")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("In step with Plex", exact=True)).to_be_visible()
    assert town.item(2)["fields"]["title"] == "Synced from its page"
    key = town.item(2)["ratingKey"]
    expect(page.get_by_role("link", name="Open in Plex")).to_have_attribute(
        "href", re.compile(f"%2Flibrary%2Fmetadata%2F{key}$")
    )
    snap()
