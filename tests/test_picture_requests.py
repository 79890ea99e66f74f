"""What pictures cost: requests to Plex, and bytes from Stash."""

from __future__ import annotations

import base64
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.bulk_worker import stepped_bulk
from tests.installation import installation
from tests.matching_environment import scene as plain
from tests.pictured import (
    BOTH,
    ONE,
    PNG,
    base_of,
    image_requests,
    key_of,
    look,
    person_uploads,
    pictured,
    sha1,
    shown,
    with_a_cover,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matching_environment import Environment

SCENES = 40
ALL = range(1, SCENES + 1)

env = with_a_cover


@pytest.mark.parametrize("selects", [True, False])
def test_a_first_sync_costs_one_edit_and_two_uploads_a_scene(tmp_path: Path, selects: bool) -> None:
    """A server that shows what it is sent is asked once whether it does; another one, always."""
    fields = "title, tags, poster, background"
    with installation(tmp_path, SCENES) as env, stepped_bulk(env, sync_fields=fields) as stepped:
        env.plex.switches(upload_selects=selects)

        def sync_all() -> dict[str, int]:
            stepped.late += 60.0
            stepped.forget_requests()
            stepped.task(ALL)
            stepped.drain()
            stepped.resident.task_lock.release()
            counts = stepped.plex_counts()
            return {"reads": counts["reads"], "writes": counts["writes"]}

        first = sync_all()
        kept = [
            [i for i in env.item(n)[w] if i["selected"]] for n in ALL for w in ("posters", "arts")
        ]
        assert all(one[0]["key"].startswith("upload://") for one in kept)
        if selects:
            assert first["writes"] == 3 * SCENES
            assert first["reads"] <= 11  # one more than later: whether Plex takes the token
        else:
            assert first["writes"] == 5 * SCENES
        second = sync_all()
        assert second["writes"] == 0
        assert second["reads"] <= 10
        third = sync_all()
        assert third["reads"] <= second["reads"]
        assert stepped.asked_stash("ScenesById") == 0


def test_an_upload_that_was_not_shown_is_noticed_by_the_next_read(env: Environment) -> None:
    """A server that stops showing what it is sent: the picture's address did not move."""
    with env.reconciler(sync_fields=ONE) as reconciler:
        env.covers[2] = PNG + b"other"
        env.record(reconciler.look(plain(2, cover="/scene/2/screenshot?t=1")))
        env.plex.switches(upload_selects=False)
        env.record(reconciler.look(pictured()))
    assert not shown(env).startswith(sha1(env.covers[1]))
    done = look(env, fields=ONE)
    assert shown(env) == sha1(env.covers[1])
    assert done.notes == []
    assert "POST posters" not in image_requests(env)
    look(env, fields=ONE)
    assert look(env, fields=ONE).outcome == "unchanged"
    assert image_requests(env) == []


def test_a_locked_poster_is_looked_at_before_anything_is_sent(env: Environment) -> None:
    """Somebody chose it, or we did before the ledger was lost: the list tells."""
    person_uploads(env, PNG + b"mine")
    look(env, fields=ONE)
    assert image_requests(env) == ["GET posters"]
    assert shown(env) == sha1(PNG + b"mine")


def test_what_an_earlier_try_may_have_sent_is_looked_for(env: Environment) -> None:
    """After a crash the ledger says that something was about to be sent."""
    env.plex.switches(upload_locks=False)
    with env.reconciler(sync_fields=ONE) as reconciler:
        assert reconciler.look(pictured()).acknowledged  # and never recorded
    env.plex.person_sets(key_of(env), unlock=["thumb"])
    look(env, fields=ONE)
    assert "POST posters" not in image_requests(env)
    assert shown(env) == sha1(env.covers[1])


def test_a_saved_scene_moves_no_picture_from_stash(tmp_path: Path) -> None:
    """Its address changed, its ETag did not; where Stash gives none, it is fetched and compared."""
    for etags in (True, False):
        options = {"cover_etags": etags}
        folder = tmp_path / str(etags)
        fields = "title, poster, background"
        with (
            installation(folder, 3, stash=options) as env,
            stepped_bulk(env, sync_fields=fields) as stepped,
        ):
            stepped.hook(1)
            stepped.drain()
            env.stash.set_scene(1, title="Saved again")
            stepped.late += 60.0
            stepped.forget_requests()
            stepped.hook(1)
            stepped.drain()
            assert env.item(1)["fields"]["title"] == "Saved again"
            covers = [one for one in env.stash.requests() if "screenshot" in one["target"]]
            assert [one["status"] for one in covers] == [304 if etags else 200]
            assert not [one for one in env.plex.requests() if "/posters" in one["target"]]


def test_a_new_cover_is_fetched_once(env: Environment) -> None:
    """The question that names the old one's ETag brings the new one's bytes."""
    look(env)
    env.covers[1] = PNG + b"second"
    look(env, version=2)
    assert env.downloads == [1]
    assert {shown(env), shown(env, "arts")} == {sha1(env.covers[1])}


def test_a_background_that_is_wanted_later_has_its_cover_fetched(env: Environment) -> None:
    """Stash has what the poster shows already, so its bytes are asked for after all."""
    look(env, fields=ONE)
    look(env, version=2, fields=BOTH)
    assert shown(env, "arts") == sha1(env.covers[1])
    assert env.downloads == [1]
    assert "POST posters" not in image_requests(env)
    assert "art" in base_of(env).locked


def test_one_picture_is_in_memory_at_a_time(tmp_path: Path) -> None:
    """However many covers a bulk brings along; the pieces of one are joined, which is twice it."""
    size, many = 4_000_000, 8
    fields = "title, poster, background"
    with installation(tmp_path, many) as env, stepped_bulk(env, sync_fields=fields) as stepped:
        for number in range(1, many + 1):
            cover = PNG + bytes([number]) * size
            env.stash.set_scene(number, cover=base64.b64encode(cover).decode())
        stepped.task(range(1, many + 1))
        tracemalloc.start()
        try:
            stepped.drain()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        uploads = [one for one in env.plex.requests(headers=False) if one["method"] == "POST"]
        assert len(uploads) == 2 * many
        assert peak < 2.9 * size
