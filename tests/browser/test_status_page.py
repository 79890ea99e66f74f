"""The page at /plugins/PlexSync in a real browser, over the real plugin and the stand-ins."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

from store.enqueue import TASK
from tests.installation import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

    from tests.installation import Installation

PATH = "/plugins/PlexSync"

#: How far a bar's colour stands off that of its track, as WCAG counts it.
BAR_STANDS_OFF = r"""(bar) => {
  const parse = (element) => getComputedStyle(element).backgroundColor.match(/[\d.]+/g).map(Number);
  const ground = (element) => {
    const [r, g, b, a = 1] = parse(element);
    if (a === 1) return [r, g, b];
    return ground(element.parentElement).map((value, i) => value * (1 - a) + [r, g, b][i] * a);
  };
  const light = (rgb) => rgb
    .map((v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const [a, b] = [light(ground(bar)), light(ground(bar.parentElement))].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


def keep(env: Installation, key: str, value: Any) -> None:
    """Put a single value into the store."""
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))
        store.commit()


def test_a_fresh_installation_teaches_the_first_steps(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Nothing was synced yet: the page says how to begin, and that nothing waits."""
    env.settings(plex_url="", plex_token="")
    page.goto(PATH)
    expect(page.get_by_role("heading", name="Three steps to the first scene")).to_be_visible()
    expect(page.get_by_text("Not connected to Plex", exact=True)).to_be_visible()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    expect(page.get_by_text("Nothing was written to Plex yet.")).to_be_visible()
    expect(page).to_have_title("Stash")
    sound()
    snap()


def test_the_bar_and_the_tools_lead_to_the_page(page: Page, snap: Callable[..., None]) -> None:
    """One entry in the bar, and one in Tools although Stash draws that section twice."""
    page.goto("/settings?tab=tools")
    expect(page.get_by_text("Scene duplicate checker")).to_be_visible()
    assert page.locator(".settings").get_by_role("link", name="PlexSync").count() == 1
    snap()
    page.locator(".settings").get_by_role("link", name="PlexSync").click()
    expect(page.get_by_role("heading", name="PlexSync", level=1)).to_be_visible()
    page.goto("/settings?tab=tools")
    page.locator(".top-nav").get_by_label("PlexSync").click()
    page.wait_for_url("**" + PATH)


def test_a_save_shows_up_field_by_field(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """In step: server, libraries, and the change with what stood there before."""
    for scene, title in ((1, "Harbour at Night"), (2, "The Second Letter")):
        env.save(scene, title=title, details=f"What happens in {title}.")
        env.title_becomes(scene, title)
    env.settled()
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("compared with Plex")
    expect(page.get_by_text("Plex stand-in")).to_be_visible()
    change = page.locator(".plexsync-change").filter(has_text="Harbour at Night")
    expect(change.locator("ins").filter(has_text="Harbour at Night").first).to_be_visible()
    link = change.get_by_role("link", name="Open in Plex")
    machine, key = env.plex.state()["machineIdentifier"], env.item(1)["ratingKey"]
    expect(link).to_have_attribute(
        "href",
        f"https://app.plex.tv/desktop/#!/server/{machine}/details?key=%2Flibrary%2Fmetadata%2F{key}",
    )
    snap()
    change.get_by_role("link", name="Harbour at Night").click()
    page.wait_for_url("**/scenes/1")


def test_a_change_appears_without_a_reload_and_nothing_jumps(page: Page, env: Installation) -> None:
    """The page looks again by itself, and what stands above the news stays where it is."""
    # What Chromium itself counts as a jump: things that move without anybody touching them.
    page.add_init_script(
        "window.jumps = 0; new PerformanceObserver((list) => list.getEntries().forEach((one) => "
        "{ if (!one.hadRecentInput) window.jumps += one.value; }))"
        ".observe({ type: 'layout-shift', buffered: true });"
    )
    env.save(1, title="First")
    env.title_becomes(1, "First")
    env.settled()
    page.goto(PATH)
    heading = page.get_by_role("heading", name="Recent changes")
    expect(heading).to_be_visible()
    before = heading.bounding_box()
    env.save(1, title="Second")
    expect(page.locator(".plexsync-change ins").filter(has_text="Second").first).to_be_visible()
    expect(page.locator(".plexsync-state")).to_contain_text("compared with Plex")
    assert heading.bounding_box() == before
    assert page.evaluate("window.jumps") < 0.1


def test_what_waits_is_grouped_and_can_be_retried(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The reason, what to do, the scenes with links; Retry brings one home, by keyboard too."""
    number = env.stash.add_scene("/stash/media/new/late.mp4", title="Late arrival")
    env.stash.hook("Scene.Create.Post", number)
    wait_for(lambda: [row for row in env.rows() if row["reason"] == "NotInPlexYet"])
    page.goto(PATH)
    group = page.locator(".plexsync-group").filter(has_text="Not in Plex yet")
    expect(group).to_contain_text("1 scene")
    expect(group).to_contain_text("Path Map")
    group.get_by_role("button", name="Show scenes").click()
    expect(group.get_by_role("link", name="Late arrival")).to_be_visible()
    snap()
    env.plex.add_item("/plex/media/new/late.mp4")
    group.get_by_role("button", name="Retry Late arrival").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing waits.")).to_be_visible()
    expect(page.get_by_role("region", name="What waits, and why")).to_be_focused()
    assert env.plex.item_at("/plex/media/new/late.mp4")["fields"]["title"] == "Late arrival"
    env.stash.delete_scene(number)


def test_a_page_of_what_waits_that_is_done_gives_way_to_the_one_before(
    page: Page, env: Installation
) -> None:
    """No empty table is left where the last row of a page is retried with success."""
    env.save(1, title="x")
    env.at_rest()
    env.kill_workers()
    rows = [(number, None, "RejectedEdit", "Refused.") for number in range(9001, 9022)]
    env.fill(rows)
    page.goto(PATH)
    group = page.locator(".plexsync-group").filter(has_text="Refused by Plex")
    group.get_by_role("button", name="Show scenes").click()
    expect(group.locator("tbody tr")).to_have_count(20)
    group.get_by_role("button", name="Next").click()
    group.get_by_role("button", name="Retry scene 9021").click()  # Stash has it no more
    expect(group.locator("tbody tr")).to_have_count(20)


def test_scenes_that_need_a_person_stand_out_and_retry_by_keyboard(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Parked scenes are named as needing somebody; the keyboard reaches Retry all."""
    env.save(1, title="x")
    env.at_rest()
    env.kill_workers()
    env.fill([(1, None, "RejectedEdit", "Scene 1: Plex refuses the date 2024-13-01.")])
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("Some scenes need you")
    sound()
    snap()
    button = page.get_by_role("button", name="Retry all: Refused by Plex")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 looked at again.")).to_be_visible()
    expect(page.get_by_text("Nothing waits.")).to_be_visible()


def test_a_refused_cover_is_no_in_step(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """All was compared, a cover was refused: the page says so and names the scene."""
    env.plex.fault("status", method="POST", path="/posters", status=413, times=1)
    env.run(mode="sync_all")
    page.goto(PATH)
    state = page.locator(".plexsync-state")
    expect(state).to_contain_text("In step, with exceptions")
    expect(state).to_contain_text("Plex could not take the cover of 1 scene.")
    refused = page.get_by_role("region", name="Covers that Plex could not take")
    expect(refused.get_by_role("link")).to_have_count(1)
    sound()
    snap()


def test_what_is_held_back_goes_on_by_one_key(
    page: Page,
    env: Installation,
    each_theme: Callable[[], Iterator[str]],
    snap: Callable[..., None],
    sound: Callable[[], None],
) -> None:
    """What would be taken away is said with its counts, at 420 px too; Enter on "Go on" does it."""
    env.at_rest()
    env.kill_workers()
    env.fill([(number, None, "TakesAway", "Held back: this would") for number in range(1, 6)])
    said = "PlexSync holds back what would take something away from 5 items"
    keep(env, "brake", {"at": time.time() - 60, "scenes": 5, "text": said})
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("Waiting for your word")
    expect(page.locator(".plexsync-state")).to_contain_text("5 scenes held back")
    expect(page.get_by_role("region", name="Take this away in Plex?")).to_contain_text(said)
    expect(page.get_by_role("heading", name="Held back until you say so")).to_be_visible()
    assert page.get_by_role("button", name=re.compile("Retry")).count() == 0
    for theme in each_theme():
        assert page.evaluate("document.documentElement.scrollWidth") <= 420
        sound()
        snap(f"held-back-{theme}")
    page.get_by_role("button", name="Go on", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Going on: 5 scenes synced now.")).to_be_visible()
    expect(page.get_by_role("region", name="Take this away in Plex?")).to_have_count(0)
    env.settled()


def test_a_server_that_is_down_is_one_state(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """Plex does not answer: the page says so once, for all scenes, and when it tries again."""
    env.plex.fault("reset_before", times=None)
    env.save(1, title="Later")
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("Waiting for a server")
    snap()
    env.plex.clear_faults()
    env.run(mode="retry_failed")  # else the next look is seconds away
    expect(page.locator(".plexsync-state")).to_contain_text("compared with Plex")


def test_a_number_is_written_as_in_the_sentences_beside_it(browser: Browser, address: str) -> None:
    """Whatever the browser's language makes of a thousand."""
    context = browser.new_context(base_url=address, locale="de-DE")
    page = context.new_page()
    page.goto(PATH)
    expect(page.get_by_role("heading", name="PlexSync", level=1)).to_be_visible()
    assert page.evaluate("window.PlexSyncUi.number(1500)") == f"{1500:,}"
    context.close()


def test_a_screen_reader_is_told_what_changed_and_not_the_time(
    page: Page, env: Installation
) -> None:
    """What is counted down, and how long ago something was, is read and never read out."""
    env.save(1, title="x")
    env.settled()
    env.run(mode="preview")
    env.plex.fault("status", status=503, times=None)
    env.hook(1)
    page.goto(PATH)
    expect(page.get_by_role("status").filter(has_text="Waiting for a server")).to_be_visible()
    read_out = page.locator("[role=status]:not([aria-live=off]), [role=alert], [aria-live=polite]")
    before = read_out.all_inner_texts()
    sentence = page.locator(".plexsync-state p").first
    expect(sentence).not_to_have_text(sentence.inner_text())
    assert read_out.all_inner_texts() == before
    expect(read_out.filter(has_text="Preview sync,")).to_have_count(0)
    page.goto("/scenes/1")
    page.get_by_role("tab", name="Plex").click()
    expect(page.get_by_text("Looked at")).to_be_visible()
    expect(read_out.filter(has_text="Looked at")).to_have_count(0)
    env.plex.clear_faults()


def test_a_wrong_setting_is_named_with_the_way_to_it(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """A refused token holds the queue; the page names the setting and links to it."""
    env.settings(plex_token="wrong-token-1234")
    env.save(1, title="Held")
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("Waiting for a setting")
    snap()
    page.get_by_role("link", name="Mend the setting Plex Token").click()
    expect(page.get_by_label("Plex Token")).to_be_visible()


def test_sync_all_runs_from_the_page(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The button starts the task and follows it to its end."""
    env.stash.set_scene(3, title="By the task")
    page.goto(PATH)
    page.get_by_role("button", name="Sync all to Plex").click()
    notice = page.locator(".plexsync-notice")
    expect(notice).to_contain_text(re.compile(r"Sync all to Plex: \d+ scenes in"))
    expect(notice).to_have_attribute("aria-live", "polite")
    assert env.item(3)["fields"]["title"] == "By the task"


def test_a_running_bulk_shows_its_progress(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """While Sync all runs, the page shows how far it is, and can stop it."""
    env.plex.latency(1500)
    page.goto(PATH)
    page.get_by_role("button", name="Sync all to Plex").click()
    expect(page.get_by_text(re.compile(r"\d of \d scenes"))).to_be_visible()
    assert page.get_by_role("progressbar").count() == 1
    snap()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


def test_a_preview_shows_what_would_change_and_changes_nothing(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The button runs the task, and what it found stands on the page."""
    env.stash.set_scene(3, title="Only thought of")
    page.goto(PATH)
    preview = page.get_by_role("button", name="Preview sync")
    preview.focus()
    page.keyboard.press("Enter")
    expect(preview).to_be_disabled()
    expect(preview).to_be_focused()
    page.get_by_role("button", name="Show: Filled").click()
    expect(page.locator("ins").filter(has_text="Only thought of").first).to_be_visible()
    snap()
    assert env.item(3)["fields"]["title"] != "Only thought of"


def test_a_task_that_fails_says_why_on_the_page(page: Page, env: Installation) -> None:
    """Stash calls such a task finished; the page has its words, also after a reload."""
    env.settings(plex_token="")
    page.goto(PATH)
    page.get_by_role("button", name="Preview sync").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Preview sync: ")
    expect(alert).to_contain_text("Plex Token: enter the X-Plex-Token")
    page.reload()
    expect(page.get_by_text("Preview sync, just now: failed.")).to_contain_text("Plex Token")


def test_a_rule_for_paths_is_adopted_with_one_click(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The suggested rule joins the rules there are, and other settings stay as they were."""
    env.settings(path_map="/a => /b", only_organized=True)
    env.save(1, title="x")
    wait_for(env.data.exists)
    env.kill_workers()
    keep(env, "path_advice", [["/stash/media => /plex/media", 12], ["/a => /b", 3]])
    page.goto(PATH)
    expect(page.get_by_text("would match 12 scenes")).to_be_visible()
    expect(page.get_by_role("button", name="Adopt rule")).to_have_count(1)
    snap()
    page.get_by_role("button", name="Adopt rule").click()
    expect(page.get_by_text("is saved; the waiting scenes are looked at again")).to_be_visible()
    found = env.stash.graphql("{configuration{plugins}}")["configuration"]["plugins"]["PlexSync"]
    assert found["path_map"] == "/a => /b; /stash/media => /plex/media"
    assert found["only_organized"] is True
    assert found["plex_token"] == env.plex.token


def test_100_000_waiting_scenes_are_a_count_and_pages(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """A hundred thousand rows: little crosses the wire, pages turn, nothing is slow to draw."""
    env.save(1, title="x")
    env.at_rest()
    env.kill_workers()
    later = time.time() + 3600
    env.fill(
        [
            (200_000 + n, later + n, "NotInPlexYet", f"Scene {n}: Plex has no item for it yet.")
            for n in range(100_000)
        ],
    )
    sizes: list[int] = []
    page.on(
        "response",
        lambda reply: sizes.append(len(reply.body())) if reply.url.endswith("/graphql") else None,
    )
    page.goto(PATH)
    expect(page.get_by_text("100,000 scenes", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show scenes").click()
    expect(page.get_by_role("link", name="Scene 200000", exact=True)).to_be_visible()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("link", name="Scene 200020", exact=True)).to_be_visible()
    expect(page.get_by_text("Page 2")).to_be_visible()
    page.get_by_role("button", name="Previous").click()
    expect(page.get_by_role("link", name="Scene 200000", exact=True)).to_be_visible()
    snap()
    assert max(sizes) < 50_000
    assert page.locator(".plexsync *").count() < 1_000


def test_thirty_reasons_are_thirty_lines_on_a_telephone(
    page: Page, env: Installation, snap: Callable[..., None], sound: Callable[[], None]
) -> None:
    """Each reason is a line that the keyboard unfolds; of a scene's message one line is seen."""
    page.set_viewport_size({"width": 420, "height": 800})
    env.save(1, title="x")
    env.at_rest()
    env.kill_workers()
    long = "Plex answered something that nobody has ever seen, and said so at some length. " * 3
    later = time.time() + 3600
    env.fill([(10 + n, later, f"OddReason{n:02}", f"Scene {10 + n}: {long}") for n in range(30)])
    page.goto(PATH)
    lines = page.locator(".plexsync-fold")
    expect(lines).to_have_count(30)
    boxes = [lines.nth(n).bounding_box() for n in range(30)]
    assert max(box["height"] for box in boxes if box) < 48
    snap("thirty_reasons")
    lines.nth(3).locator("summary").first.focus()
    page.keyboard.press("Enter")
    lines.nth(3).get_by_role("button", name="Show scenes").click()
    message = lines.nth(3).locator(".plexsync-message")
    expect(message).to_be_visible()
    before = message.bounding_box()
    message.locator("summary").focus()
    page.keyboard.press("Enter")
    after = message.bounding_box()
    assert before
    assert after
    assert before["height"] < 48 < after["height"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    sound()
    snap("thirty_reasons_unfolded")
    # On a tablet the table is wider than its part, which scrolls, and the page is not.
    page.keyboard.press("Enter")
    page.set_viewport_size({"width": 620, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 620


def test_a_paused_run_is_seen_and_its_number_is_the_queues(
    page: Page, env: Installation, snap: Callable[..., None]
) -> None:
    """The bar stands off its ground, and state, bar and queue count the same scenes."""
    page.set_viewport_size({"width": 420, "height": 800})
    env.save(1, title="x")
    env.at_rest()
    env.kill_workers()
    keep(env, "bulk", {"started": time.time(), "total": 5, "last": 5, "marked": True})
    with contextlib.closing(sqlite3.connect(env.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("DELETE FROM dirty")  # what the killed worker's first sweep had marked
        store.executemany(
            "INSERT INTO dirty (kind, id, revision, urgency, marked_at, run) "
            "VALUES ('scene', ?1, ?1, ?2, 0, 1)",
            [(number, TASK) for number in (3, 4, 5)],
        )
        store.commit()
    page.goto(PATH)
    expect(page.locator(".plexsync-state")).to_contain_text("with 3 scenes to go")
    expect(page.get_by_text("2 of 5 scenes, paused")).to_be_visible()
    expect(page.locator(".plexsync-fact").filter(has_text="Queue")).to_contain_text("3 of Sync all")
    expect(page.get_by_role("button", name="Go on with sync all")).to_be_visible()
    bar = page.get_by_role("progressbar")
    assert page.evaluate(BAR_STANDS_OFF, bar.element_handle()) >= 3
    snap()
    # Under a wrong setting, too, what is paused is not among what goes on by itself.
    env.settings(plex_token="wrong-token-1234")
    env.hook(1)
    expect(page.get_by_text("1 in the queue, held by what is said above")).to_be_visible()


def test_every_text_can_be_read_in_both_themes(
    page: Page,
    env: Installation,
    each_theme: Callable[[], Iterator[str]],
    snap: Callable[..., None],
    sound: Callable[[], None],
) -> None:
    """Each text stands off its ground by at least 4.5 to 1, and whatever can be used has a name."""
    env.save(1, title="Readable")
    env.title_becomes(1, "Readable")
    env.at_rest()
    env.kill_workers()
    env.fill([(2, None, "RejectedEdit", "Scene 2: Plex refuses it.")])
    page.goto(PATH)
    expect(page.get_by_text("Refused by Plex")).to_be_visible()
    page.get_by_role("button", name="Show scenes").click()
    expect(page.locator(".plexsync-table td").first).to_be_visible()
    for theme in each_theme():
        snap(f"every-text-{theme}")
        sound()
