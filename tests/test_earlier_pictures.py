"""Every cover that we ever sent is ours: one that comes back makes room for the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from plex.client import PlexClient
from sync.artwork import EARLIER
from tests.bulk_worker import key_of as key_of_scene
from tests.bulk_worker import stepped_bulk
from tests.installation import installation
from tests.pictured import (
    BOTH,
    ONE,
    PNG,
    base_of,
    image_requests,
    key_of,
    look,
    person_uploads,
    sha1,
    shown,
    with_a_cover,
)
from worker.unlock import release

if TYPE_CHECKING:
    from pathlib import Path

    from tests.matching_environment import Environment

FIRST, SECOND, THIRD = (PNG + word for word in (b"first", b"second", b"third"))
WHICH = ("posters", "arts")

env = with_a_cover


def shows_again(env: Environment, image: bytes) -> None:
    """Let Plex show an earlier upload once more, locked, as its restored database does."""
    for which, kind in (("posters", "poster"), ("arts", "art")):
        offered = [one["key"] for one in env.plex.item(key_of(env))[which]]
        upload = next(key for key in offered if key.endswith(sha1(image)))
        target = f"/library/metadata/{key_of(env)}/{kind}?url={upload}"
        assert env.plex.ask("PUT", target).status == 200


def both(env: Environment) -> set[str]:
    """What Plex shows as poster and background."""
    return {shown(env, which) for which in WHICH}


@pytest.mark.parametrize("looks", [0, 1, 2])
def test_an_earlier_cover_of_ours_makes_room_for_the_current_one(
    env: Environment, looks: int
) -> None:
    """However often the item was read since, it is noticed by the next look, and said by nobody."""
    look(env)
    env.covers[1] = SECOND
    look(env, version=2)
    for _ in range(looks):
        look(env, version=2)
    shows_again(env, FIRST)
    done = look(env, version=2)
    assert both(env) == {sha1(SECOND)}
    assert done.notes == []
    assert done.outcome == "changed"
    assert not [one for one in image_requests(env) if one.startswith("POST")]
    assert {"thumb", "art"} <= base_of(env).locked
    look(env, version=2)
    assert look(env, version=2).outcome == "unchanged"
    assert image_requests(env) == []


def test_an_earlier_cover_gives_way_to_a_new_one_without_a_word_about_a_person(
    env: Environment,
) -> None:
    """What is replaced then is ours, so no note says that somebody chose it."""
    look(env)
    env.covers[1] = SECOND
    look(env, version=2)
    shows_again(env, FIRST)
    env.covers[1] = THIRD
    done = look(env, version=3)
    assert both(env) == {sha1(THIRD)}
    assert done.notes == []


def test_a_person_s_picture_stays_whatever_we_sent_before(env: Environment) -> None:
    """One that we never sent is looked at once, and kept; nothing is asked about it again."""
    look(env)
    env.covers[1] = SECOND
    look(env, version=2)
    look(env, version=2)
    person_uploads(env, PNG + b"mine")
    look(env, version=2)
    assert shown(env) == sha1(PNG + b"mine")
    assert image_requests(env) == ["GET posters"]
    look(env, version=4)
    assert shown(env) == sha1(PNG + b"mine")
    assert image_requests(env) == []
    assert env.downloads == []


def test_a_cover_that_never_changed_costs_no_look(env: Environment) -> None:
    """With nothing of ours to come back, another picture is a person's: nobody asks."""
    look(env)
    look(env)
    person_uploads(env, PNG + b"mine")
    look(env)
    assert shown(env) == sha1(PNG + b"mine")
    assert image_requests(env) == []


def test_a_cover_that_comes_back_in_stash_is_the_current_one(env: Environment) -> None:
    """Going back to an earlier cover in Stash makes that one ours, and the other an earlier one."""
    look(env)
    env.covers[1] = SECOND
    look(env, version=2)
    env.covers[1] = FIRST
    look(env, version=3)
    assert both(env) == {sha1(FIRST)}
    assert base_of(env).earlier["poster"] == (sha1(SECOND),)
    shows_again(env, SECOND)
    look(env, version=3)
    assert both(env) == {sha1(FIRST)}


def test_an_upload_whose_answer_was_lost_is_ours_all_the_same(env: Environment) -> None:
    """It stands in Plex and was never acknowledged; the cover that came after replaces it."""
    look(env, fields=ONE)
    env.covers[1] = SECOND
    env.plex.fault("reset_after", method="POST", path="/posters")
    assert look(env, version=2, fields=ONE).fault is not None
    assert shown(env) == sha1(SECOND)
    env.covers[1] = FIRST
    done = look(env, version=3, fields=ONE)
    assert shown(env) == sha1(FIRST)
    assert done.notes == []


def test_earlier_covers_are_remembered_within_bounds(env: Environment) -> None:
    """Of very many the oldest go."""
    for number in range(EARLIER + 4):
        env.covers[1] = PNG + bytes([number])
        look(env, version=number, fields=ONE)
    kept = [sha1(PNG + bytes([number])) for number in range(3, EARLIER + 3)]
    assert base_of(env).earlier["poster"] == tuple(kept)


def test_a_lock_over_an_earlier_cover_is_released_as_ours(env: Environment) -> None:
    """What is shown is ours, so its lock is; a row that is done twice notes nothing again."""
    look(env)
    env.covers[1] = SECOND
    look(env, version=2)
    shows_again(env, FIRST)
    with PlexClient(env.plex.url, env.plex.token) as client:
        released = release(env.store, client, key_of(env), now=env.now)
        noted = env.store.connection.execute("SELECT * FROM item").fetchall()
        assert release(env.store, client, key_of(env), now=env.now + 1) == ()
    assert env.store.connection.execute("SELECT * FROM item").fetchall() == noted
    assert {"thumb", "art"} <= set(released)
    assert not {"thumb", "art"} & set(env.plex.item(key_of(env))["locked"])


def test_sync_all_puts_the_current_covers_back_after_a_restore(tmp_path: Path) -> None:
    """Scenes that did not change in Stash: noticed in the pages that are read anyway."""
    fields = ", ".join(sorted(BOTH))
    with installation(tmp_path, 12) as env, stepped_bulk(env, sync_fields=fields) as stepped:

        def sync_all() -> None:
            stepped.late += 60.0
            stepped.forget_requests()
            stepped.task(range(1, 13))
            stepped.drain()
            stepped.resident.task_lock.release()

        def pictures() -> list[str]:
            asked = [one["target"] for one in env.plex.requests(headers=False)]
            return [one for one in asked if "/poster" in one or "/art" in one]

        def posters(scene: int) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = env.item(scene)["posters"]
            return found

        sync_all()
        old = {n: next(i["key"] for i in posters(n) if i["selected"]) for n in range(1, 5)}
        for number in old:
            env.stash.set_scene(number, cover=f"new:cover {number}")
        sync_all()
        new = {n: next(i["key"] for i in posters(n) if i["selected"]) for n in old}
        assert not set(new.values()) & set(old.values())
        sync_all()  # what the uploads did is seen
        for number, key in old.items():
            target = f"/library/metadata/{key_of_scene(env, number)}/poster?url={key}"
            env.plex.ask("PUT", target)
        sync_all()
        assert {n: next(i["key"] for i in posters(n) if i["selected"]) for n in old} == new
        sync_all()
        sync_all()
        assert pictures() == []
        assert stepped.plex_counts()["writes"] == 0
