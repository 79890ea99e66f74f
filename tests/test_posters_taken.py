"""A poster that a person chose in Plex is taken into Stash as the scene's cover."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from merge.base import Base
from merge.picture import KEPT, SENT, Picture
from plex import images
from simulator.library import jpeg
from stash.scene import Scene
from store.ledger import LedgerEntry
from sync import cover_from_plex
from sync.things import NotToBeTaken
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, writes
from tests.installation import Installation, shared_installation
from tests.plex_in_miniature import an_item
from tests.test_differences import answer, by_hand, inbox, look, sizes

OWN = jpeg(b"a person's own")


# One installation for all tests here; each has a scene of its own.
env = shared_installation(17)
stepped = bulk_worker(sync_fields="title, poster")


def upload(stepped: BulkWorker, scene: int, image: bytes, place: str = "posters") -> None:
    """Let a person give an item a picture in Plex."""
    key = key_of(stepped.env, scene)
    stepped.env.plex.ask("POST", f"/library/metadata/{key}/{place}", image)
    by_hand(stepped, scene, lock=["thumb" if place == "posters" else "art"])


def chosen(stepped: BulkWorker, scene: int, image: bytes | None = OWN) -> int:
    """Let a person choose an item's poster, None for the one it has; give the row of the inbox."""
    stepped.env.stash.set_scene(scene, cover=f"new:{scene}")
    if image is None:
        by_hand(stepped, scene, lock=["thumb"])
    else:
        upload(stepped, scene, image)
    look(stepped, scene)
    (row,) = inbox(stepped, "poster")
    stepped.forget_requests()
    return int(row["number"])


def cover_of(env: Installation, scene: int) -> bytes:
    """The scene's cover as Stash serves it."""
    stash = env.stash
    shown = {"ApiKey": stash.api_key} if stash.api_key else {}
    answer = stash.send("GET", f"/scene/{scene}/screenshot", headers=shown)
    assert answer.status == 200
    return answer.body


def uploads(env: Installation) -> list[str]:
    """Every POST to Plex so far."""
    return [one["target"] for one in env.plex.requests(headers=False) if one["method"] == "POST"]


def is_quiet(stepped: BulkWorker, scene: int) -> bool:
    """Whether nothing went to Plex so far, nor with the next looks, and nothing is listed."""
    for _ in range(2):
        stepped.late += 60  # Stash may have had another cover in the same second
        look(stepped, scene)
    return not (writes(stepped.env) or uploads(stepped.env) or sizes(stepped))


@pytest.mark.parametrize(("scene", "image"), [(1, OWN), (2, None)])
def test_a_poster_is_taken_and_does_not_come_back(
    stepped: BulkWorker, scene: int, image: bytes | None
) -> None:
    """The scene's cover is Plex's picture to the byte, an upload or not, by one change."""
    env = stepped.env
    number = chosen(stepped, scene, image)
    (group,) = env.run(mode="page_state")["output"]["differences"]
    assert group["takeable"]
    assert answer(stepped, "take", numbers=[number]) == 1
    key = key_of(env, scene)
    assert cover_of(env, scene) == env.plex.ask("GET", f"/library/metadata/{key}/thumb/1").body
    assert stepped.asked_stash("TakeIntoScene") == 1
    assert is_quiet(stepped, scene)
    assert stepped.asked_stash("TakeIntoScene") == 1


def test_a_later_cover_takes_its_place(stepped: BulkWorker) -> None:
    """What was taken is the scene's: another cover in Stash is hung as ever."""
    env = stepped.env
    answer(stepped, "take", numbers=[chosen(stepped, 3)])
    env.stash.set_scene(3, cover="new:later")
    stepped.late += 60
    look(stepped, 3)
    sha1 = hashlib.sha1(cover_of(env, 3), usedforsecurity=False).hexdigest()
    shown = next(one["key"] for one in env.item(3)["posters"] if one["selected"])
    assert shown.endswith(sha1)
    assert sizes(stepped) == {}


@pytest.mark.parametrize(
    ("scene", "image", "why"),
    [
        (4, b"no picture", "no JPEG, PNG"),
        (5, b"<html>no picture</html>", "no JPEG, PNG"),
        (6, OWN + bytes(5000), "poster in Plex has over"),
    ],
)
def test_what_is_no_cover_is_named(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch, scene: int, image: bytes, why: str
) -> None:
    """Nothing is changed on either side, and the row says why."""
    env = stepped.env
    number = chosen(stepped, scene, image)
    before = env.stash.scene(scene)
    monkeypatch.setattr(images, "LARGEST", 4000)
    answer(stepped, "take", numbers=[number])
    (row,) = inbox(stepped, "poster")
    assert why in row["why"]
    assert (env.stash.scene(scene), writes(env), uploads(env)) == (before, [], [])
    assert stepped.asked_stash("TakeIntoScene") == 0


@pytest.mark.parametrize(
    ("image", "form"),
    [
        (OWN, "jpeg"),
        (b"\x89PNG\r\n\x1a\n...", "png"),
        (b"RIFF....WEBPVP8 ", "webp"),
        (b"GIF89a...", "gif"),
        (b"RIFF....WAVEfmt ", ""),
        (b"<svg/>", ""),
        (b"", ""),
    ],
)
def test_a_picture_is_known_by_its_first_bytes(image: bytes, form: str) -> None:
    """Whatever a server calls it."""
    assert images.form_of(image) == form


def test_a_stash_that_refuses_a_cover_is_quoted(stepped: BulkWorker) -> None:
    """The difference stays open."""
    number = chosen(stepped, 7)
    stepped.env.stash.fault(
        "graphql_error", method="POST", operation="TakeIntoScene", message="no room for it"
    )
    answer(stepped, "take", numbers=[number])
    (row,) = inbox(stepped, "poster")
    assert "no room for it" in row["why"]
    assert uploads(stepped.env) == []


@pytest.mark.parametrize(("scene", "when"), [(8, "reset_before"), (9, "reset_after")])
def test_a_cover_that_was_taken_and_not_heard_of_is_finished(
    stepped: BulkWorker, scene: int, when: str
) -> None:
    """Whether or not Stash made the change whose answer was lost."""
    env = stepped.env
    number = chosen(stepped, scene, None)
    env.stash.options(advance_seconds=2)  # Stash tells versions of a cover by the second
    env.stash.fault(when, method="POST", operation="TakeIntoScene", times=2)
    env.run(mode="answer", answer="take", numbers=[number])
    stepped.drain()
    assert set(sizes(stepped).values()) <= {1}
    stepped.settle()
    key = key_of(env, scene)
    assert cover_of(env, scene) == env.plex.ask("GET", f"/library/metadata/{key}/thumb/1").body
    assert is_quiet(stepped, scene)


def test_a_preview_says_in_words_that_the_poster_is_about_to_be_taken(
    stepped: BulkWorker,
) -> None:
    """Between an answer and its being carried out: no digest, and nothing that looks empty."""
    env = stepped.env
    number = chosen(stepped, 11)
    env.run(mode="answer", answer="take", numbers=[number])
    assert "output" in env.run(mode="preview")
    (row,) = env.run(mode="page_planned", effect="taken")["output"]["rows"]
    assert (row["field"], row["before"]) == ("poster", "the scene's cover")
    assert row["after"] == "the poster that a person chose in Plex"
    stepped.drain()
    assert cover_of(env, 11) == OWN


def test_a_cover_that_changed_since_is_not_replaced(stepped: BulkWorker) -> None:
    """An answer is about the cover that was seen: a newer one goes to Plex as ever."""
    env = stepped.env
    number = chosen(stepped, 10)
    env.stash.set_scene(10, cover="new:since")
    stepped.late += 60
    now = cover_of(env, 10)
    answer(stepped, "take", numbers=[number])
    assert cover_of(env, 10) == now
    assert stepped.asked_stash("TakeIntoScene") == 0
    assert len(uploads(env)) == 1
    assert sizes(stepped) == {}


def since(stepped: BulkWorker, scene: int, cover: str = "new:since") -> int:
    """Let a person choose a poster and Stash have another cover since; give the inbox's row."""
    number = chosen(stepped, scene)
    stepped.env.stash.set_scene(scene, cover=cover)
    stepped.late += 60
    return number


def test_a_cover_that_went_since_is_no_other_one(stepped: BulkWorker) -> None:
    """A scene without a cover has nothing to lose: it gets the poster."""
    number = since(stepped, 12, "none")
    assert answer(stepped, "take", numbers=[number]) == 1
    assert cover_of(stepped.env, 12) == OWN
    assert is_quiet(stepped, 12)


def test_a_poster_that_is_none_is_named_although_the_cover_changed_since(
    stepped: BulkWorker,
) -> None:
    """Plex names one and does not have it: nothing is hung in its place before somebody says so."""
    env, number = stepped.env, since(stepped, 13)
    thumb = f"/library/metadata/{key_of(env, 13)}/thumb"
    env.plex.fault("status", path=thumb, status=404, times=None)
    answer(stepped, "take", numbers=[number])
    (row,) = inbox(stepped, "poster")
    assert "no picture for the poster" in row["why"]
    assert (uploads(env), stepped.asked_stash("TakeIntoScene")) == ([], 0)


@pytest.mark.parametrize(("scene", "silent"), [(14, "plex"), (16, "stash")])
def test_what_cannot_be_looked_at_waits(stepped: BulkWorker, scene: int, silent: str) -> None:
    """Neither side is changed before it is known whether the cover is the one that was seen."""
    env, number = stepped.env, since(stepped, scene)
    if silent == "plex":
        thumb = f"/library/metadata/{key_of(env, scene)}/thumb"
        env.plex.fault("status", path=thumb, status=500, times=None)
    else:
        env.stash.fault("status", path=f"/scene/{scene}/screenshot", status=500, times=None)
    env.run(mode="answer", answer="take", numbers=[number])
    stepped.drain()
    assert (uploads(env), stepped.asked_stash("TakeIntoScene")) == ([], 0)
    assert stepped.rows()
    env.plex.clear_faults()
    env.stash.clear_faults()
    stepped.settle()
    assert len(uploads(env)) == 1


def test_after_texts_that_failed_no_picture_is_looked_at(stepped: BulkWorker) -> None:
    """The scene comes again as a whole, and then its answer counts."""
    env, number = stepped.env, since(stepped, 15)
    env.stash.set_scene(15, title="Another one")
    env.plex.fault("status", method="PUT", status=503, times=1)
    env.run(mode="answer", answer="take", numbers=[number])
    stepped.drain()
    asked = [one["target"] for one in env.plex.requests(headers=False)]
    assert not [target for target in asked if "/thumb/" in target]
    stepped.settle()
    assert len(uploads(env)) == 1


@pytest.mark.parametrize("thumb", ["", "/library/metadata/71/thumb/1", "https://elsewhere/7.jpg"])
def test_only_a_picture_of_the_item_itself_is_its_poster(thumb: str) -> None:
    """Whatever else Plex may name there is not asked for."""
    with pytest.raises(NotToBeTaken, match="shows no poster"):
        cover_from_plex.picture_of(cast("Any", None), replace(an_item(), thumb=thumb))


@pytest.mark.parametrize(("fate", "sha1", "etag"), [(KEPT, "new", "-"), (SENT, "old", '"e"')])
def test_what_is_known_of_the_pictures_once_a_poster_was_taken(
    fate: str, sha1: str, etag: str
) -> None:
    """Stash is asked once for its version; a person's background is settled, ours is not."""
    beside = Picture(fate, "old", "v1", "b1", '"e"')
    base = Base(images={"background": beside.text}).to_json()
    kept = {"poster": ("", "old"), "background": ("", "old"), "title": ("in Plex", "in Stash")}
    shown = replace(an_item(), thumb="/library/metadata/7/thumb/5")
    item = SimpleNamespace(after=LedgerEntry("server", 7, 1, 1, base, ""), kept=kept, item=shown)
    scene = Scene(id=1, cover="http://stash/scene/1/screenshot?t=9")
    cover_from_plex.taken(cast("Any", SimpleNamespace(scene=scene)), cast("Any", item), "new")
    known = Base.from_json(item.after.base).images
    assert known["poster"] == Picture(SENT, "new", "9~", "5").text
    assert known["background"] == beside._replace(sha1=sha1, etag=etag).text
    assert kept == {"background": ("", sha1), "title": ("in Plex", "in Stash")}


def test_a_background_that_a_person_chose_stays_beside_a_new_cover(stepped: BulkWorker) -> None:
    """It is listed with the new cover, Stash can have no background, and it is not replaced."""
    env = stepped.env
    env.settings(sync_fields="title, poster, background")
    upload(stepped, 11, jpeg(b"a person's background"), "arts")
    number = chosen(stepped, 11)
    (row,) = inbox(stepped, "background")
    assert answer(stepped, "take", numbers=[row["number"]]) == 0
    assert answer(stepped, "take", numbers=[number]) == 1
    stepped.late += 60
    look(stepped, 11)
    assert (sizes(stepped), uploads(env), writes(env)) == ({"background": 1}, [], [])
    groups = env.run(mode="page_state")["output"]["differences"]
    assert [(one["takeable"], "Stash takes the poster" in one["why_not"]) for one in groups] == [
        (False, True)
    ]
