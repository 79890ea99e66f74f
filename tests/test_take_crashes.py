"""A worker that is killed anywhere while it takes Plex's values into Stash is followed by another.

That one finishes it: both sides agree, nothing comes back to Plex, and nothing is done twice.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from store import history
from tests.bulk_worker import BulkWorker, stepped_bulk, synced, writes
from tests.crash_environment import KILL_POINT
from tests.installation import ROOT, installation
from tests.test_differences import THINGS, by_hand, inbox, sizes
from tests.test_from_plex_crashes import COMMIT, Mortal
from tests.test_posters_taken import OWN, cover_of, upload, uploads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: A request to Stash or Plex is on its way, and its answer was not read.
SENT = "after sendall"
#: The second scene shows where a worker can die; each of the others has one death.
SCENES = range(1, 10)
FIELDS = ("studio", "performers", "tags", "labels", "collections", "poster")
#: What is known of a scene's changes, by field.
TAKEN = "SELECT changes FROM history WHERE scene = ?"


@pytest.fixture
def stepped(tmp_path: Path) -> Iterator[BulkWorker]:
    """In step once; its worker's lock is held to the end, so that only ours are there."""
    settings = {"tag_rules": "label: Family, Kids", "group_collection_prefix": "Series: "}
    with (
        installation(tmp_path, len(SCENES)) as env,
        stepped_bulk(env, sync_fields=f"{THINGS}, poster", **settings) as made,
    ):
        yield made


def differing(stepped: BulkWorker) -> dict[str, int]:
    """Let a person change six fields of every item; give the ids of Stash's things by name."""
    stash = stepped.env.stash
    names = {
        "studio": ("First Films", "Second Films"),
        "performer": ("Ann One", "Bea Two"),
        "tag": ("Warm", "Wet", "Family", "Kids"),
        "group": ("Acme Nights", "Acme Days"),
    }
    ids = {name: stash.add_entity(kind, name) for kind, some in names.items() for name in some}
    for scene in SCENES:
        stash.set_scene(
            scene,
            studio_id=str(ids["First Films"]),
            performer_ids=[str(ids["Ann One"])],
            tag_ids=[str(ids[one]) for one in ("Warm", "Family", "Kids")],
            groups=[{"group_id": str(ids[one])} for one in ("Acme Nights", "Acme Days")],
            cover=f"new:{scene}",
        )
        upload(stepped, scene, OWN)  # a poster that was ours is never a person's again
    synced(stepped, SCENES)
    for scene in SCENES:
        tags = {
            "actor": ["Bea Two"],
            "genre": ["Wet"],
            "label": ["Kids"],
            "collection": ["Series: Acme Days"],
        }
        by_hand(stepped, scene, fields={"studio": "Second Films"}, tags=tags)
    stepped.background(SCENES)
    stepped.drain()
    assert sizes(stepped) == dict.fromkeys(FIELDS, len(SCENES))
    return ids


@pytest.mark.timeout(300)
def test_a_worker_killed_all_along_what_it_takes_is_followed_by_one_that_finishes(
    stepped: BulkWorker, tmp_path: Path
) -> None:
    """Studio, performers, tags, labels, groups and cover: by one change, or the same again."""
    env = stepped.env
    ids = differing(stepped)
    rows: dict[int, list[int]] = {}
    for row in (row for field in FIELDS for row in inbox(stepped, field, limit=200)):
        rows.setdefault(row["scene"], []).append(row["number"])
    page = shutil.copy(env.plugin_dir / "plexsync.py", env.plugin_dir / "page.py")
    shutil.copy(ROOT / "tests" / "mortal_looks.py", env.plugin_dir / "plexsync_itself.py")
    shutil.copy(KILL_POINT, env.plugin_dir / "plexsync.py")
    mortal = Mortal(env, tmp_path)
    stepped.forget_requests()

    def take(scene: int) -> None:
        asked = env.payload(mode="answer", answer="take", numbers=rows[scene])
        subprocess.run([sys.executable, "-S", page], input=asked, check=True, capture_output=True)

    first, second, *others = SCENES
    take(first)
    mortal.look()  # the first one looks around in Stash, too
    with mortal.crash.watched():
        take(second)
        mortal.look()
        passed = mortal.crash.boundaries("worker")
    # The last commits: what is intended, and what is noted. And the last requests in between:
    # the change in Stash is one of them.
    commits = range(passed.count(COMMIT) - 3, passed.count(COMMIT) + 1)
    noted = [place for place, what in enumerate(passed) if what == COMMIT][-2]
    sent = passed[:noted].count(SENT)
    deaths = [*((COMMIT, n) for n in commits), *((SENT, n) for n in range(sent - 2, sent + 1))]
    killed = 0
    for scene, (what, number) in zip(others, deaths, strict=True):
        mortal.crash.forget_victims()
        mortal.crash.order("worker", number, what)
        take(scene)
        killed += mortal.look() != 0
        mortal.crash.recall()
        stepped.drain()
    sys.stdout.write(f"\nkilled {killed} times, at {len(deaths)} places\n")
    assert killed == len(deaths)

    wanted = {
        "studio": ids["Second Films"],
        "performers": [ids["Bea Two"]],
        "tags": sorted([ids["Wet"], ids["Kids"]]),
        "groups": [ids["Acme Days"]],
    }
    for scene in SCENES:
        found = env.stash.scene(scene)
        assert {**{name: found[name] for name in wanted}, "tags": sorted(found["tags"])} == wanted
        assert cover_of(env, scene) == OWN
        changes = [json.loads(history.unpack(row["changes"])[0]) for row in env.query(TAKEN, scene)]
        told = [name for one in changes for name in one if name.endswith(history.FROM_PLEX)]
        assert len(told) == len(set(told)), (scene, told)
    assert stepped.asked_stash("TakeIntoScene") <= len(SCENES) + killed
    shutil.copy(page, env.plugin_dir / "plexsync.py")
    stepped.late += 10_000.0
    stepped.background(SCENES)
    stepped.drain()
    assert (sizes(stepped), writes(env), uploads(env)) == ({}, [], [])
