from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from log import Log
from matching.missing import PATIENCE, Missing
from plex.client import PlexClient
from plex.error_types import NotInPlexYet
from plex.libraries import folder_of, lies_in, scan_folder
from simulator.library import catalogue_file
from store import history, meta, queue
from store.enqueue import enqueue
from sync.scan_missing import SCAN_AGAIN
from sync.stash_session import StashSession
from tests.installation import installation, wait_for
from tests.matching_environment import Environment, scene
from worker.new_in_plex import EVERY, FEW, MOST_NEW, SKEW, NewInPlex
from worker.processor import SyncWorker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "/plex/media/New"


@pytest.fixture
def appearing(env: Environment) -> Iterator[NewInPlex]:
    """What looks for changed libraries, with the environment's clock."""
    with env.reconciler() as reconciler:
        yield NewInPlex(reconciler.context)


def absent(number: int, folder: str = "New") -> Any:
    """Give a scene whose file would lie in a library folder and is not known to Plex."""
    return scene(number, f"/stash/media/{folder}/{number}.mp4")


def look_in_vain(env: Environment, one: Any, **settings: Any) -> NotInPlexYet:
    """Look at a scene that is not in Plex; give what is said of it."""
    with pytest.raises(NotInPlexYet) as missing:
        env.look(one, **settings)
    return missing.value


def scans(env: Environment) -> list[str]:
    """Give the scan requests so far."""
    return [target for target in env.targets() if "/refresh" in target]


def wait(env: Environment, *numbers: int, reason: str = "NotInPlexYet") -> None:
    """Put scenes on the schedule of what is not in Plex yet, with the last of many tries behind."""
    with env.store.transaction() as connection:
        enqueue(connection, "scene", numbers, now=env.now)
        for number in numbers:
            row = queue.get(connection, "scene", number)
            assert row is not None
            queue.postpone(
                connection, row, due_at=env.now + 86400, reason=reason, message="not there"
            )


def due(env: Environment) -> list[int]:
    """Give the scenes that are due now."""
    rows = queue.ready(env.store.connection, now=env.now, limit=1000, with_task=True)
    return sorted(row.id for row in rows)


def ask(env: Environment, appearing: NewInPlex, after: float = EVERY, **settings: Any) -> int:
    """Let time pass and look for changed libraries; the requests are counted anew."""
    env.now += after
    with env.reconciler(**settings) as reconciler:
        reconciler.client.probe()
        env.plex.clear_requests()
        appearing._context = reconciler.context
        return appearing.look_if_due()


def test_the_folder_is_scanned_once_as_plex_sees_it(env: Environment) -> None:
    """With scan_missing on Plex is asked once, by GET, for the folder in Plex's own words."""
    said = look_in_vain(env, absent(1), scan_missing=True)
    assert scans(env) == [f"/library/sections/1/refresh?path={quote(HERE, safe='')}"]
    assert [r["method"] for r in env.plex.requests() if "/refresh" in r["target"]] == ["GET"]
    assert "asked to scan" in said.message
    env.now += SCAN_AGAIN + 1
    assert "asked to scan" not in look_in_vain(env, absent(1), scan_missing=True).message
    look_in_vain(env, absent(2), scan_missing=True)
    assert len(scans(env)) == 1


def test_a_scan_brings_the_scene_to_its_item(env: Environment) -> None:
    """What waited for a scan is found once Plex has done it."""
    # A folder of its own: the scan that another test asked for may still be under way.
    env.plex.add_item("/plex/media/Scanned/1.mp4", when="scan")
    look_in_vain(env, absent(1, "Scanned"), scan_missing=True)
    wait_for(lambda: env.state["waiting"] == 0, 10)
    assert env.look(absent(1, "Scanned"), scan_missing=True).outcome == "changed"


def test_a_scene_saved_later_may_ask_for_its_folder_again(env: Environment) -> None:
    """A file that arrives after the scan gets a scan of its own, but not many in a row."""
    look_in_vain(env, absent(1), scan_missing=True)
    env.now += 10
    wait(env, 2)
    look_in_vain(env, absent(2), scan_missing=True)
    assert len(scans(env)) == 1
    env.now += SCAN_AGAIN
    for _ in range(2):
        look_in_vain(env, absent(2), scan_missing=True)
    assert len(scans(env)) == 2


def test_no_scan_without_the_setting_nor_in_a_preview(env: Environment) -> None:
    """Plex is not told to do anything that the user did not ask for."""
    look_in_vain(env, absent(1))
    with env.reconciler(dry=True, scan_missing=True) as reconciler, pytest.raises(NotInPlexYet):
        reconciler.look(absent(1))
    assert scans(env) == []


def test_no_scan_outside_of_the_library_folders(env: Environment) -> None:
    """A folder that no library has is never handed to Plex; the message names the setting."""
    said = look_in_vain(env, scene(1, "/elsewhere/1.mp4"), scan_missing=True)
    assert scans(env) == []
    assert "Path Map" in said.message


def test_a_scan_that_plex_refuses_changes_nothing(env: Environment) -> None:
    """An error to the scan request leaves the scene waiting as without it."""
    env.plex.fault("status", path="/refresh", status=500)
    assert "asked to scan" not in look_in_vain(env, absent(1), scan_missing=True).message


@pytest.mark.parametrize(
    ("folder", "inside"),
    [
        ("/plex/media/New", True),
        ("/plex/media", True),
        ("/plex/mediaeval", False),
        ("/plex", False),
        ("/", False),
        ("", False),
    ],
)
def test_only_a_folder_of_the_library_can_be_scanned(
    env: Environment, folder: str, inside: bool
) -> None:
    """Neither a parent, nor a name that only begins alike, nor nothing at all."""
    with PlexClient(env.plex.url, env.plex.token) as client:
        section = client.section_infos()[0]
        assert lies_in(section, folder) is inside
        if not inside:
            with pytest.raises(ValueError, match="lies in no folder"):
                scan_folder(client, section, folder)
    assert scans(env) == []


def test_the_folder_of_a_file_keeps_its_own_separators() -> None:
    """A Windows folder goes to Plex with backslashes."""
    assert folder_of("D:\\Media\\A\\x.mp4") == "D:\\Media\\A"
    assert folder_of("\\\\nas\\media\\x.mp4") == "\\\\nas\\media"
    assert folder_of("/x.mp4") == ""


def test_nothing_is_asked_while_nothing_waits(env: Environment, appearing: NewInPlex) -> None:
    """Without a waiting scene, or with one that waits for something else, no request is made."""
    wait(env, 1, reason="ServerError")
    assert ask(env, appearing) == 0
    assert env.targets() == []


def test_a_change_in_plex_makes_waiting_scenes_due(env: Environment, appearing: NewInPlex) -> None:
    """One request shows that a library changed, and what waits for Plex is looked at again."""
    wait(env, 1, 2)
    assert ask(env, appearing) == 0
    assert ask(env, appearing) == 0
    env.plex.add_item(f"{HERE}/1.mp4")
    assert ask(env, appearing) == 2
    assert env.targets() == ["/library/sections"]
    assert due(env) == [1, 2]
    row = queue.get(env.store.connection, "scene", 1)
    assert row is not None
    assert row.attempts == 0


def test_a_library_that_did_not_change_costs_one_request_a_minute(
    env: Environment, appearing: NewInPlex
) -> None:
    """However often the worker is awake, Plex is asked at most once a minute."""
    wait(env, 1)
    ask(env, appearing)
    assert ask(env, appearing, after=EVERY - 1) == 0
    assert env.targets() == []
    ask(env, appearing, after=1)
    assert env.targets() == ["/library/sections"]
    assert due(env) == []


def test_a_scan_without_news_is_worth_a_look_too(env: Environment, appearing: NewInPlex) -> None:
    """A library that was scanned counts as changed even if its counter stands still."""
    wait(env, 1)
    ask(env, appearing)
    env.plex.switches(clock_offset_s=5)
    env.plex.scan(1)
    assert ask(env, appearing) == 1


def test_our_own_edits_are_no_news(env: Environment, appearing: NewInPlex) -> None:
    """While we write ourselves the counter says nothing; once we are quiet it is looked at."""
    wait(env, 99)
    ask(env, appearing)
    look = env.look(scene(1))
    with env.store.transaction() as connection:
        history.append(
            connection,
            history.new_change(at=env.now, scene=1, rating_key=look.items[0], title="", changes={}),
        )
    assert ask(env, appearing) == 0
    assert ask(env, appearing) == 1
    assert ask(env, appearing) == 0


def test_a_library_that_is_not_searched_is_no_news(env: Environment, appearing: NewInPlex) -> None:
    """A change in a library that plex_libraries leaves out makes nothing due."""
    other = env.plex.add_section("other", "Aside", ["/plex/aside"])
    title = env.state["sections"][0]["title"]
    wait(env, 1)
    ask(env, appearing, plex_libraries=(title,))
    env.plex.add_item("/plex/aside/x.mp4", section=other)
    assert ask(env, appearing, plex_libraries=(title,)) == 0


def many_wait(env: Environment, appearing: NewInPlex) -> None:
    """Let more scenes wait than are worth a look each, by Plex's own clock."""
    env.now = float(env.plex.add_item(f"{HERE}/first.mp4")["addedAt"])
    wait(env, *range(1, FEW + 21))
    ask(env, appearing)
    env.plex.switches(clock_offset_s=2 * int(SKEW))


def test_where_many_wait_only_what_is_new_in_plex_becomes_due(
    env: Environment, appearing: NewInPlex
) -> None:
    """Beside a library that holds a part of Stash a new item frees its own scene and no other."""
    many_wait(env, appearing)
    env.owners["/stash/media/New/7.mp4"] = [7]
    env.plex.add_item(f"{HERE}/7.mp4")
    assert ask(env, appearing) == 1
    assert due(env) == [7]
    assert len(env.targets()) == 2
    assert ask(env, appearing) == 0
    assert len(env.targets()) == 1


def test_a_server_that_does_not_know_the_filter_frees_nothing(
    env: Environment, appearing: NewInPlex
) -> None:
    """Old items that come in place of new ones make no scene due."""
    many_wait(env, appearing)
    env.owners["/stash/media/New/7.mp4"] = [7]
    video = f'<Video ratingKey="1" addedAt="1"><Media><Part file="{HERE}/7.mp4"/></Media></Video>'
    body = f'<MediaContainer size="1" totalSize="500">{video}</MediaContainer>'
    env.plex.fault("status", path="addedAt", status=200, body=body, content_type="text/xml")
    env.plex.add_item(f"{HERE}/8.mp4")
    assert ask(env, appearing) == 0
    assert len(env.targets()) == 2


def test_a_great_import_is_looked_through_bit_by_bit(
    env: Environment, appearing: NewInPlex
) -> None:
    """More new items than fit in one look are taken up where the last one stopped."""
    many_wait(env, appearing)
    for number in range(MOST_NEW + 5):
        env.plex.switches(clock_offset_s=2 * int(SKEW) + number)
        env.plex.add_item(f"{HERE}/import {number}.mp4")
    env.owners[f"/stash/media/New/import {MOST_NEW + 4}.mp4"] = [7]
    assert ask(env, appearing) == 0
    assert ask(env, appearing) == 1
    assert due(env) == [7]
    assert ask(env, appearing) == 0


def test_a_file_that_plex_gets_later_is_synced_without_another_edit(tmp_path: Path) -> None:
    """Through hook and worker: not there yet, scanned, found, without a second save."""
    with installation(tmp_path, scenes=2, scan_missing=True) as env:
        path = "/plex/media/New/late.mp4"
        env.stash.set_scene(1, move="/stash/media/New/late.mp4")
        env.save(1, title="Late")
        wait_for(lambda: [row["reason"] for row in env.rows()] == ["NotInPlexYet"])
        assert [r for r in env.plex.requests() if "/refresh?" in r["target"]]
        log = env.log()
        assert "WARNING" not in log
        assert "ERROR" not in log
        env.plex.add_item(path)
        env.save(2, title="Wakes the worker")
        env.title_becomes(2, "Wakes the worker")


def test_a_scene_that_is_never_in_plex_is_told_once_and_needs_nobody(env: Environment) -> None:
    """A library that holds a part of Stash on purpose stays quiet: one line, no notice."""
    log = Log(env.store.directory)
    worker = SyncWorker(env.store, StashSession(env.store, log), log, clock=lambda: env.now)
    with env.store.transaction() as connection:
        enqueue(connection, "scene", [1], now=env.now)
    before = log_lines(env)
    for _ in range(3):
        row = queue.get(env.store.connection, "scene", 1)
        assert row is not None
        worker.settle(row, NotInPlexYet("Scene 1: not there."))
    log.close()
    said = log_lines(env)[len(before) :]
    assert len(said) == 1
    assert "not there" in said[0]
    assert "WARN" not in said[0]
    assert meta.notice(env.store.connection)[0] == ""


def log_lines(env: Environment) -> list[str]:
    """Give the worker's log so far."""
    path = env.folder / "plexsync-data" / "plexsync.log"
    return path.read_text().splitlines() if path.exists() else []


def test_catalogue_paths_lie_where_the_tests_think() -> None:
    """The scenes of these tests would be in the library's folder."""
    assert catalogue_file(1).plex_path.startswith("/plex/media/")


@pytest.mark.parametrize(
    ("never", "asked", "looks", "then"),
    [
        ("", False, PATIENCE, "Waits."),
        ("A rule.", False, PATIENCE - 1, "Waits."),
        ("A rule.", False, PATIENCE, "A rule. PlexSync goes on looking now and then."),
        (
            "A rule.",
            True,
            PATIENCE,
            "Plex was asked to scan its folder; PlexSync looks again by itself.",
        ),
    ],
)
def test_what_is_said_next_of_a_scene_that_plex_lacks(
    never: str, asked: bool, looks: int, then: str
) -> None:
    """That it waits, later why it may wait for ever, and first of all what was just done for it."""
    missing = Missing("Not there.", "Waits.", never=never)
    assert missing.fault(asked=asked, looks=looks).message == f"Not there. {then}"


def test_nothing_is_said_next_where_there_is_nothing_to_say() -> None:
    """No blank is left over."""
    assert Missing("Not there.").fault().message == "Not there."
