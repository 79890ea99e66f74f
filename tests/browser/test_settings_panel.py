"""Our part of Settings, Plugins, and the tab on a scene's page, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from playwright.sync_api import expect

from simulator.control import start_plex
from tests.browser.host import ROOT
from tests.installation import Installation, installation, wait_for
from tests.plex_tv import PlexTv
from tests.plex_tv import serving as plex_tv_stand_in
from tests.wire import free_port
from validation.settings_reader import split_list

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Locator, Page, Route

SETTINGS = "/settings?tab=plugins"


@pytest.fixture(scope="module")
def plex_tv() -> Iterator[type[PlexTv]]:
    """A stand-in for plex.tv."""
    with plex_tv_stand_in() as made:
        yield made


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
def env(shared_town: Installation) -> Installation:
    """The installation with the settings that work."""
    shared_town.settings()
    return shared_town


def stored(env: Installation) -> dict[str, Any]:
    """Give the settings map as Stash has it."""
    plugins = env.stash.graphql("{configuration{plugins}}")["configuration"]["plugins"]
    return dict(plugins.get("PlexSync") or {})


def test_the_token_is_masked_and_other_rows_stay_stashs(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """Our three settings are drawn once, by us; the token is dots; the rest is as ever."""
    page.goto(SETTINGS)
    token = page.get_by_label("Plex Token")
    expect(token).to_have_attribute("type", "password")
    expect(page.get_by_label("Path Map")).to_be_visible()
    assert page.get_by_text("Plex URL", exact=True).count() == 1
    assert env.plex.token not in page.locator("body").inner_text()
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()
    snap()


def test_a_working_connection_is_confirmed(page: Page, env: Installation) -> None:
    """The good news names the server and what was found."""
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")


def group(page: Page, title: str) -> Locator:
    """A group of settings, by the words that it is unfolded with."""
    return page.locator("details").filter(has=page.get_by_text(title, exact=True))


def test_settings_stand_in_groups_and_the_rare_ones_are_folded(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Each setting is drawn once, by the name that Stash gives it; the keyboard unfolds a group."""
    env.settings(redact_logs=True)
    page.goto(SETTINGS)
    expect(page.get_by_label("Tag Rules", exact=True)).to_be_visible()
    expect(page.get_by_label("Redact Logs", exact=True)).to_be_hidden()
    expect(group(page, "Care")).to_contain_text("1 set")
    expect(page.get_by_text("Others", exact=True)).to_have_count(0)
    snap()
    summary = group(page, "Care").locator("summary")
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Redact Logs", exact=True)).to_be_visible()
    page.get_by_label("Content Rating", exact=True).fill("XXX")
    wait_for(lambda: stored(env).get("content_rating") == "XXX")
    for title in ("More about the connection", "Collections", "From Plex to Stash"):
        group(page, title).locator("summary").click()
    manifest = yaml.safe_load((ROOT / "PlexSync.yml").read_text(encoding="utf-8"))
    for key, setting in manifest["settings"].items():
        assert page.evaluate("key => window.PlexSyncUi.nameOf(key)", key) == setting["displayName"]
        if key != "plex_libraries":
            shown = page.get_by_label(setting["displayName"], exact=True)
            expect(shown).to_have_count(1)
            expect(shown).to_be_visible()
    sound()


def test_a_folded_group_opens_when_one_of_its_settings_is_wrong(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """What is wrong is said above its row before anything is tested, and goes once it is mended."""
    env.settings(plex_connect_timeout="soon")
    page.goto(SETTINGS)
    row = page.get_by_label("Plex Connect Timeout", exact=True)
    expect(row).to_be_visible()
    fault = group(page, "More about the connection").get_by_role("alert")
    expect(fault).to_contain_text("Plex Connect Timeout: Must be a number of seconds")
    sound()
    snap()
    row.fill("5")
    expect(fault).to_have_count(0)
    expect(row).to_be_visible()
    page.get_by_label("Path Map", exact=True).fill("/stash/media")
    expect(page.get_by_role("alert").filter(has_text="Path Map:")).to_be_visible()


def test_rules_that_are_no_text_are_said_and_leave_the_page(page: Page, env: Installation) -> None:
    """Somebody wrote them into config.yml as a list: Stash's settings are there all the same."""
    env.settings(tag_rules=["drop: Secret", "Funny => Comedy"])
    page.goto(SETTINGS)
    fault = page.get_by_role("alert").filter(has_text="Tag Rules: Must be text, not a list.")
    expect(fault).to_be_visible()
    page.get_by_label("Tag Rules", exact=True).fill("drop: Secret")
    page.get_by_role("button", name="Use these rules").click()
    wait_for(lambda: stored(env)["tag_rules"] == "drop: Secret")


FAULTS: dict[str, tuple[dict[str, str], str, str]] = {
    "nobody listens": ({"Plex URL": "http://127.0.0.1:{nobody}"}, "url", "container"),
    "no scheme": ({"Plex URL": "192.168.1.10:32400"}, "url", "http://"),
    "wrong token": ({"Plex Token": "wrong-token-1234"}, "token", "does not accept"),
    "not the owner": ({"Plex Token": "{shared}"}, "token", "owner"),
    "empty": ({"Plex URL": ""}, "url", "nothing is set yet"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_shows_at_its_setting_before_anything_is_saved(
    page: Page, env: Installation, fault: str, snap: Callable[..., None]
) -> None:
    """What was typed is tried; the answer stands beside the one setting to mend."""
    typed, setting, words = FAULTS[fault]
    page.goto(SETTINGS)
    for label, text in typed.items():
        value = text.format(nobody=free_port(), shared=env.plex.shared_token)
        page.get_by_label(label).fill(value)
    before = stored(env)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator(f"#plexsync-{setting}-fault")).to_contain_text(words)
    snap(f"fault-{fault}")
    assert stored(env) == before


def test_two_faults_stand_at_their_two_settings(page: Page, env: Installation) -> None:
    """Who has entered nothing yet reads at each field what goes into it."""
    env.settings(plex_url="", plex_token="")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-url-fault")).to_contain_text("Enter the address")
    expect(page.locator("#plexsync-token-fault")).to_contain_text("Enter the X-Plex-Token")
    expect(page.get_by_label("Plex URL")).to_have_attribute("aria-invalid", "true")


def test_the_keyboard_walks_through_the_panel_in_its_order(page: Page, env: Installation) -> None:
    """A link to the panel brings the keyboard there, and each stop shows that it is one."""
    page.goto(SETTINGS + "#plexsync-settings")
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()
    expect(page.locator("#plexsync-settings")).to_be_focused()
    page.get_by_label("Plex URL").press("End")  # typing makes Save a stop, too
    page.get_by_label("Plex URL").type("/")
    page.locator("#plexsync-settings").focus()
    stops = []
    for _ in range(6):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate("document.activeElement.id || document.activeElement.textContent")
        )
        assert page.evaluate(
            "(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none')"
            "(getComputedStyle(document.activeElement))"
        )
    assert stops == [
        "plexsync-url",
        "plexsync-token",
        "Sign in with Plex",
        "plexsync-library-0",
        "Test connection",
        "Save",
    ]


def test_the_panel_and_the_tab_can_be_read_and_heard(
    page: Page,
    env: Installation,
    each_theme: Callable[[], Iterator[str]],
    sound: Callable[[], None],
) -> None:
    """Names, labels and contrast hold with a fault shown, and on the scene's page."""
    env.settings(plex_token="wrong-token-1234")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-token-fault")).to_be_visible()
    expect(page.get_by_text("They are listed as soon as")).to_be_visible()
    for _ in each_theme():
        sound()
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_role("button", name="Sync now")).to_be_visible()
    expect(page.get_by_text("Reading the state")).to_have_count(0)
    for _ in each_theme():
        sound()


def test_an_older_stash_has_every_setting_as_a_plain_row(page: Page, env: Installation) -> None:
    """Where nothing can be put in the panel's place, all settings stand there and can be saved."""
    page.add_init_script("window.olderStash = true")
    page.goto(SETTINGS)
    for name in ("Plex URL", "Plex Token", "Plex Libraries", "Path Map"):
        expect(page.get_by_label(name, exact=True)).to_be_visible()
    assert page.get_by_role("button", name="Test connection").count() == 0
    page.get_by_label("Plex Token", exact=True).fill("typed-here")
    wait_for(lambda: stored(env).get("plex_token") == "typed-here")
    # The same check is a task; what it says is read on the page, which is there all the same.
    env.run(mode="check_connection")
    page.goto("/plugins/PlexSync")
    expect(page.get_by_text("Check connection, just now: failed.")).to_contain_text("Plex Token")


def test_a_library_that_is_gone_is_named(page: Page, env: Installation) -> None:
    """A name that Plex does not have is shown as lost, and can be unticked."""
    env.settings(plex_libraries="Scenes, Gone")
    page.goto(SETTINGS)
    expect(page.get_by_text("not in Plex")).to_be_visible()
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_role("alert").filter(has_text="Gone")).to_be_visible()
    page.locator("label").filter(has_text="Gone").click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert stored(env)["plex_libraries"] == "Scenes"


def test_libraries_of_any_name_can_be_ticked(page: Page, env: Installation) -> None:
    """A backslash, a comma and a name without an end are what Plex calls it, and fit the window."""
    names = ["AC\\DC", "New, old\\", "W" * 240]
    for name in names:
        env.plex.add_section("movie", name)
    page.goto(SETTINGS)
    for name in names:
        page.locator(".plexsync-libraries label").filter(has_text=name).click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert split_list(stored(env)["plex_libraries"]) == tuple(names)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1100
    for section in (2, 3, 4):
        env.plex.delete_section(section)


def test_paths_that_do_not_meet_are_mended_with_one_click(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The test finds the rule, Adopt saves it, and the test that follows succeeds."""
    env.settings(path_map="")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Test connection").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Path Map")
    snap()
    page.get_by_role("button", name="Adopt rule").click()
    expect(page.locator("#plexsync-result")).to_contain_text("Connected to Plex server")
    assert stored(env)["path_map"]


def test_saving_keeps_what_somebody_else_saved_meanwhile(page: Page, env: Installation) -> None:
    """The whole map is read again before it is written, and Stash's copy follows."""
    page.goto(SETTINGS)
    page.get_by_label("Plex URL").fill("http://192.168.1.10:32400")
    env.settings(exclude_tags="Private")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert stored(env)["exclude_tags"] == "Private"
    page.get_by_label("Content Rating").fill("XXX")
    wait_for(lambda: stored(env).get("content_rating") == "XXX")
    assert stored(env)["plex_url"] == "http://192.168.1.10:32400"
    assert stored(env)["exclude_tags"] == "Private"


def test_another_plex_is_known_once_its_address_is_saved(page: Page, env: Installation) -> None:
    """Nobody has to test or sync first: the page does not go on telling of the one before."""
    seen = "SELECT value FROM meta WHERE key = 'server_seen'"
    page.goto(SETTINGS)
    with start_plex(5) as other:
        page.get_by_label("Plex URL").fill(other.url)
        page.get_by_role("button", name="Save").click()
        wait_for(lambda: other.url in str(env.query(seen)))


def test_what_is_typed_while_it_is_saved_stays(page: Page, env: Installation) -> None:
    """Stash takes its time to save an address; the token that is typed meanwhile is not lost."""
    page.goto(SETTINGS)
    page.get_by_label("Plex URL").fill("http://192.168.1.10:32400")
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if not held and "configurePlugin" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/graphql", hold_first)
    with page.expect_request(lambda request: "configurePlugin" in (request.post_data or "")):
        page.get_by_role("button", name="Save").click()
    page.get_by_label("Plex Token").fill("typed-meanwhile")
    held[0].continue_()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.unroute("**/graphql")
    expect(page.get_by_label("Plex Token")).to_have_value("typed-meanwhile")
    page.get_by_role("button", name="Save").click()
    wait_for(lambda: stored(env)["plex_token"] == "typed-meanwhile")
    assert stored(env)["plex_url"] == "http://192.168.1.10:32400"


def test_signing_in_brings_the_token_without_digging(
    plex_tv: type[PlexTv], env: Installation, page: Page, snap: Callable[..., None]
) -> None:
    """The code is shown, the entry is noticed, the token is saved and never seen."""
    env.settings(plex_token="")
    page.goto(SETTINGS)
    page.get_by_role("button", name="Sign in with Plex").click()
    expect(page.get_by_text("ABCD")).to_be_visible()
    expect(page.get_by_role("link", name="plex.tv/link")).to_have_attribute(
        "href", "https://plex.tv/link"
    )
    snap()
    plex_tv.status = 500  # one look that fails is no reason to give the code up
    page.wait_for_timeout(2500)
    plex_tv.status, plex_tv.token = 200, env.plex.token
    expect(page.get_by_text("Signed in. The token is saved.")).to_be_visible()
    assert stored(env)["plex_token"] == env.plex.token
    assert env.plex.token not in page.locator("body").inner_text()
    expect(page.get_by_role("checkbox", name="Scenes")).to_be_visible()


def test_an_address_typed_while_the_code_is_waited_for_is_saved_along(
    plex_tv: type[PlexTv], env: Installation, page: Page
) -> None:
    """Whoever uses the time that signing in takes does not find the field as it was before."""
    env.settings(plex_token="")
    plex_tv.status, plex_tv.token = 200, ""
    page.goto(SETTINGS)
    page.get_by_role("button", name="Sign in with Plex").click()
    expect(page.get_by_text("ABCD")).to_be_visible()
    page.get_by_label("Plex URL").fill("http://typed.meanwhile:32400")
    plex_tv.token = env.plex.token
    expect(page.get_by_text("Signed in. The token is saved.")).to_be_visible()
    expect(page.get_by_label("Plex URL")).to_have_value("http://typed.meanwhile:32400")
    assert stored(env)["plex_url"] == "http://typed.meanwhile:32400"


def test_signing_in_without_the_internet_says_so_in_words(
    plex_tv: type[PlexTv], env: Installation, page: Page, snap: Callable[..., None]
) -> None:
    """Where plex.tv cannot be reached, the button says so, and names the way without it."""
    plex_tv.silent = True
    page.goto(SETTINGS)
    page.get_by_role("button", name="Sign in with Plex").click()
    said = page.get_by_role("alert").filter(has_text="plex.tv")
    expect(said).to_contain_text("does not reach plex.tv: it has no way to the internet")
    expect(said).to_contain_text("enter a token by hand")
    expect(page.get_by_role("button", name="Sign in with Plex")).to_be_enabled()
    snap()
    plex_tv.silent = False
    assert stored(env)["plex_token"] == env.plex.token


def test_signing_in_can_be_cancelled_and_a_code_can_expire(
    plex_tv: type[PlexTv], env: Installation, page: Page
) -> None:
    """Both leave the token as it was and say so; the keyboard stays on the one button."""
    plex_tv.status, plex_tv.token = 200, ""
    page.goto(SETTINGS)
    button = page.get_by_role("button", name="Sign in with Plex")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("ABCD")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel signing in")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Signing in was cancelled")).to_be_visible()
    expect(page.get_by_text("ABCD")).to_have_count(0)
    plex_tv.token = "entered-after-all"
    page.wait_for_timeout(4500)  # two looks, had it gone on
    plex_tv.status, plex_tv.token = 404, ""
    button.click()
    expect(page.get_by_text("The code has expired.")).to_be_visible()
    plex_tv.status = 200
    assert stored(env)["plex_token"] == env.plex.token


def test_a_scene_says_how_it_stands_and_syncs_now(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The tab on the scene's page: not looked at, then in step with a link to the item."""
    env.stash.set_scene(2, title="Synced from its page")
    page.goto("/scenes/2")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_text("Not looked at yet")).to_be_visible()
    page.get_by_role("button", name="Sync now").click()
    expect(page.get_by_text("In step with Plex", exact=True)).to_be_visible()
    assert env.item(2)["fields"]["title"] == "Synced from its page"
    key = env.item(2)["ratingKey"]
    expect(page.get_by_role("link", name="Open in Plex")).to_have_attribute(
        "href", re.compile(f"%2Flibrary%2Fmetadata%2F{key}$")
    )
    snap()
