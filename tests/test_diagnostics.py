"""The diagnostics of a faulty installation: what a stranger can tell, and what stays out."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import stat
from typing import TYPE_CHECKING

import pytest

from matching.missing import OUTSIDE
from store.enqueue import TASK
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN, API_KEY = "canary-plex-token-8f3a", "canary-stash-api-key-c0de"
TITLE, FOLDER, TAG = "Canarytitle", "Canaryfolder", "Canarytag"


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One scene that Plex does not have, one that is left out, one in step, and canaries in all."""
    with installation(
        tmp_path_factory.mktemp("diagnostics"),
        scenes=3,
        plex={"token": TOKEN},
        stash={"api_key": API_KEY, "username": "me"},
        exclude_tags=TAG,
        studio_collection_prefix="Canaryprefix",
    ) as env:
        tag = env.stash.add_entity("tag", TAG)
        env.stash.set_scene(2, tag_ids=[str(tag)])
        env.save(1, title=TITLE)
        env.hook(2)
        missing = env.stash.add_scene(f"/stash/media/{FOLDER}/a.mp4")
        env.hook(missing, "Scene.Create.Post")
        env.title_becomes(1, TITLE)
        wait_for(lambda: [row for row in env.rows() if row["reason"] == "NotInPlexYet"])
        wait_for(lambda: len(env.rows()) == 1)
        yield env


def made(env: Installation) -> str:
    """Give the text as the page's button gets it."""
    answer = env.run(mode="page_diagnostics")["output"]
    assert answer["name"].endswith(".txt")
    return str(answer["text"])


def canaries(env: Installation) -> set[str]:
    """Give every text that must not stand in it."""
    plex = env.plex.state()
    seen = env.query("SELECT value FROM meta WHERE key = 'server_seen'")
    return {
        TOKEN, API_KEY, env.stash.cookie(), TITLE, FOLDER, TAG, "Canaryprefix", "127.0.0.1",
        "/stash/media", "/plex/media", str(env.config_dir), plex["machineIdentifier"],
        "Plex stand-in", "Scenes", *(["nothing seen"] if not seen else []),
    }  # fmt: skip


def test_a_stranger_can_tell_what_is_wrong(faulty: Installation) -> None:
    """Versions, settings, what waits with its fate, and what Check connection says."""
    text = made(faulty)
    for line in (
        "PlexSync: 0.1.0",
        "Python: 3.",
        "Stash: v0.",
        "Plex: 1.",
        "plex_url: http, IPv4, loopback, ",
        "path_map: 1 rule, 0 not well formed",
        "exclude_tags: 1 name",
        "redact_logs: default (no)",
        "waiting for their time: 1",
        "Check connection: good; of ",
        "NotInPlexYet: 1, of them 0 need a person",
        "1 attempt, next look in ",
        "skipped: 1",
        "changed: 1",
        "session cookie: given",
    ):
        assert line in text, text


def test_a_sync_all_that_was_stopped_is_told(faulty: Installation) -> None:
    """It keeps no word of its end, so what it left is told with the queue."""
    bulk = json.dumps({"started": 1.0, "total": 9, "last": 9, "marked": True})
    with contextlib.closing(sqlite3.connect(faulty.data / "plexsync.sqlite", timeout=30)) as store:
        store.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('bulk', ?)", [bulk])
        store.execute(
            "INSERT INTO dirty (kind, id, revision, urgency, marked_at, run) "
            "VALUES ('scene', 9001, 9001, ?, 0, 1)",
            [TASK],
        )
        store.commit()
        text = made(faulty)
        store.execute("DELETE FROM dirty WHERE id = 9001")
        store.execute("DELETE FROM meta WHERE key = 'bulk'")
        store.commit()
    assert "Sync all: stopped, 1 of 9 scenes to go" in text, text


def test_no_canary_gets_in(faulty: Installation) -> None:
    """Neither into what the button gives nor into the file of the task, which is private."""
    text = made(faulty)
    said = faulty.run(mode="diagnostics")
    file = faulty.data / "diagnostics.txt"
    assert str(file) in said["output"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    written = file.read_text(encoding="utf-8")
    for canary in canaries(faulty):
        assert canary not in text
        assert canary not in written


FAULTS = {
    "token": ({"plex_token": "canary-wrong-token"}, "AuthError", "plex_token"),
    "nobody": ({"plex_url": "http://canary-host.invalid:1"}, "ServerUnreachable", "plex_url"),
    "empty": ({"plex_url": "", "plex_token": ""}, "SettingsError", "plex_url"),
    "paths": ({"path_map": "/canary => /elsewhere"}, "NothingMatchesError", "path_map"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_told_by_its_kind_and_setting(faulty: Installation, fault: str) -> None:
    """Each part stands by itself: what fails is named, and the rest follows."""
    changes, reason, setting = FAULTS[fault]
    faulty.settings(exclude_tags=TAG, **changes)
    text = made(faulty)
    part = text.partition("## Check connection\n")[2].partition("\n## ")[0]
    assert f"failed: {reason}" in part, text
    assert ("Plex: did not answer" in part) == (fault in {"token", "nobody"})
    assert f"setting {setting}" in part, text
    assert "## Log" in text
    for canary in (*canaries(faulty), "canary"):
        assert canary not in text
    faulty.settings(exclude_tags=TAG)


def test_what_answers_nonsense_costs_only_its_own_part(faulty: Installation) -> None:
    """A server's own words never get in."""
    # Where all is slow, what waits for Plex would be looked at meanwhile.
    faulty.hook(2)
    wait_for(lambda: [row["due_at"] > 0 for row in faulty.rows()] == [True])
    faulty.kill_workers()
    faulty.plex.fault("status", status=500, body=f"{TITLE} at /secret/{FOLDER}", times=None)
    try:
        text = made(faulty)
    finally:
        faulty.plex.clear_faults()
    assert "\nfailed: " in text
    assert "NotInPlexYet: 1" in text
    for canary in canaries(faulty):
        assert canary not in text


def test_a_path_outside_of_every_library_is_told(faulty: Installation) -> None:
    """A rule of path_map that leads nowhere shows, also while Plex cannot be asked."""
    faulty.settings(exclude_tags=TAG, path_map="/stash => /elsewhere")
    faulty.hook(1)
    wait_for(lambda: [row for row in faulty.rows() if OUTSIDE in row["message"]])
    assert "its path lies in no folder of Plex" in made(faulty)
