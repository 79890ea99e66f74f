from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from errors import Scope
from merge.base import Base
from plex.client import PlexClient
from plex.error_types import ImageTooLarge, RateLimited, ServerError, ServerUnreachable
from plex.images import BACKGROUND, LARGEST, POSTER, offered, upload
from plex.item import read_item
from stash.changes import instant
from stash.exceptions import StashUnreachable
from store import ledger
from sync.artwork import due
from tests.installation import installation, wait_for
from tests.matching_environment import PATH_MAP, Environment, start_environment
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

env = with_a_cover


def test_both_pictures_are_hung_and_locked_along_with_the_texts(env: Environment) -> None:
    """The first look uploads the cover twice, and its locks travel in the one edit."""
    done = look(env)
    assert shown(env) == shown(env, "arts") == sha1(env.covers[1])
    assert {"thumb", "art", "title"} <= set(env.plex.item(key_of(env))["locked"])
    edits = [target for target in env.targets("PUT") if "/all?" in target]
    assert len(edits) == 1
    assert "thumb.locked=1" in edits[0]
    assert "art.locked=1" in edits[0]
    assert image_requests(env).count("POST posters") == 1
    assert image_requests(env).count("POST arts") == 1
    assert {"poster", "background", "title"} <= set(done.written[0].changes)
    assert len(env.downloads) == 1


def test_an_unchanged_scene_costs_no_download_and_no_request_for_pictures(env: Environment) -> None:
    """The second look neither downloads nor asks Plex about images."""
    look(env)
    again = look(env)
    assert again.outcome == "unchanged"
    assert env.downloads == []
    assert image_requests(env) == []
    assert env.targets("PUT") == []


def test_a_saved_scene_with_the_same_cover_costs_plex_nothing(env: Environment) -> None:
    """A new version mark with the same bytes moves no picture and asks Plex nothing."""
    look(env)
    again = look(env, version=2)
    assert again.outcome == "unchanged"
    assert env.downloads == []
    assert image_requests(env) == []
    look(env, version=2)
    assert env.downloads == []


def test_a_cover_that_changes_twice_in_a_second_is_not_missed(env: Environment) -> None:
    """Stash gives both the same version, so the first one is looked at once more."""
    env.now = instant(pictured().updated_at) + 0.5
    look(env)
    env.covers[1] = PNG + b"second"
    env.now += 0.4
    assert look(env).outcome == "changed"
    assert shown(env) == shown(env, "arts") == sha1(env.covers[1])
    env.now += 60
    assert look(env).outcome == "unchanged"
    assert env.downloads == []
    assert image_requests(env) == ["GET posters", "GET arts"]  # after a change, to know it again
    assert look(env).outcome == "unchanged"
    assert image_requests(env) == []
    assert env.downloads == []


def test_a_new_cover_replaces_ours(env: Environment) -> None:
    """Other bytes are uploaded and shown."""
    look(env)
    env.covers[1] = PNG + b"second"
    assert look(env, version=2).outcome == "changed"
    assert shown(env) == sha1(env.covers[1])


def test_an_upload_that_plex_has_is_selected_and_not_sent_again(env: Environment) -> None:
    """Going back to an earlier cover selects the upload of those bytes."""
    first = env.covers[1]
    look(env)
    env.covers[1] = PNG + b"second"
    look(env, version=2)
    env.covers[1] = first
    look(env, version=3)
    assert shown(env) == sha1(first)
    assert "POST posters" not in image_requests(env)
    assert "PUT poster" in image_requests(env)


@pytest.mark.parametrize("selects", [True, False])
@pytest.mark.parametrize("locks", [True, False])
def test_pictures_are_shown_and_locked_whatever_an_upload_does(
    env: Environment, selects: bool, locks: bool
) -> None:
    """Whether Plex selects or locks an upload by itself makes no difference in the end."""
    env.plex.switches(upload_selects=selects, upload_locks=locks)
    look(env, fields=ONE)
    assert shown(env) == sha1(env.covers[1])
    assert "thumb" in env.plex.item(key_of(env))["locked"]


def test_a_scene_without_a_cover_sends_nothing(env: Environment) -> None:
    """Without a cover no image goes out, nothing is locked for it, and it is asked for once."""
    del env.covers[1]
    look(env)
    assert image_requests(env) == []
    assert not {"thumb", "art"} & set(env.plex.item(key_of(env))["locked"])
    look(env)
    assert env.downloads == []


def test_a_cover_that_goes_away_leaves_the_picture(env: Environment) -> None:
    """A cover removed in Stash leaves what Plex shows, and the same cover again costs nothing."""
    cover = env.covers.pop(1)
    env.covers[1] = cover
    look(env)
    del env.covers[1]
    look(env, version=2)
    assert shown(env) == sha1(cover)
    env.covers[1] = cover
    look(env, version=3)
    assert image_requests(env) == []


def test_a_cover_that_is_too_large_is_a_note_and_no_failure(env: Environment) -> None:
    """More than Plex takes is refused here, said once with its size, and the text goes through."""
    env.covers[1] = PNG + bytes(LARGEST)
    done = look(env)
    assert done.fault is None
    assert any("10.5 MB" in note for note in done.notes)
    assert env.plex.item(key_of(env))["fields"]["title"] == pictured().title
    assert image_requests(env) == []
    assert not {"thumb", "art"} & set(env.plex.item(key_of(env))["locked"])
    assert look(env, version=2).notes == []
    env.covers[1] = PNG + b"small"
    look(env, version=3)
    assert shown(env) == sha1(env.covers[1])


def test_what_a_proxy_finds_too_large_is_not_tried_again_until_the_cover_changes(
    env: Environment,
) -> None:
    """A 413 for the upload is a note; only another cover is sent."""
    env.plex.fault("status", method="POST", path="/posters", status=413, times=None)
    done = look(env, fields=ONE)
    assert done.fault is None
    assert len(done.notes) == 1
    look(env, version=2, fields=ONE)
    assert image_requests(env) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_failing_picture_never_costs_the_scene_its_text(env: Environment, method: str) -> None:
    """The text is written and acknowledged; the fault comes back, and the next look mends it."""
    env.plex.fault("status", method=method, path="/posters", status=500)
    done = look(env)
    assert isinstance(done.fault, ServerError)
    assert done.fault.scope is Scope.SCENE
    assert env.plex.item(key_of(env))["fields"]["title"] == pictured().title
    entry = ledger.entries_of(env.store.connection, env.state["machineIdentifier"], 1)[0]
    assert entry.pending == ""
    assert Base.from_json(entry.base).values["title"] == pictured().title
    assert shown(env, "arts") == sha1(env.covers[1])
    again = look(env)
    assert again.fault is None
    assert shown(env) == sha1(env.covers[1])
    assert [target for target in env.targets("PUT") if "title" in target] == []
    assert "POST arts" not in image_requests(env)


def test_a_server_that_goes_away_before_the_pictures_leaves_them_for_later(
    env: Environment,
) -> None:
    """After a 429 on one picture the texts stand, and both pictures follow at the next look."""
    env.plex.fault("status", path="/posters", status=429)
    assert isinstance(look(env).fault, RateLimited)
    look(env)
    assert shown(env) == shown(env, "arts") == sha1(env.covers[1])


def test_a_cover_that_cannot_be_fetched_costs_no_text(env: Environment) -> None:
    """Stash failing to give the cover leaves the text written and the picture to be retried."""
    cover = env.covers[1]
    env.covers[1] = StashUnreachable("Stash does not answer.")
    assert isinstance(look(env).fault, StashUnreachable)
    assert env.downloads == [1]
    assert env.plex.item(key_of(env))["fields"]["title"] == pictured().title
    env.covers[1] = cover
    look(env)
    assert shown(env) == sha1(cover)


def test_a_picture_that_failed_is_not_settled(env: Environment) -> None:
    """A task that trusts the ledger looks at a picture that is open, and once at a new one."""
    states = []
    for version, failing in ((1, True), (1, False), (2, True), (2, False), (2, False)):
        env.covers[1] = PNG + bytes([version])
        if failing:
            env.plex.fault("status", path="/posters", status=500)
        look(env, version)
        with PlexClient(env.plex.url, env.plex.token) as client:
            item = read_item(client, key_of(env))
        states.append(not due(base_of(env), item, env.config(sync_fields=BOTH)))
    assert states == [False, True, False, False, True]


@pytest.mark.parametrize("fields", [ONE, BOTH])
def test_the_locks_of_our_pictures_are_known_as_ours(
    env: Environment, fields: frozenset[str]
) -> None:
    """What "Release locks" gives back includes the locks of pictures, however they were set."""
    look(env, fields=fields)
    assert "thumb" in base_of(env).locked


def test_a_kept_poster_gives_way_when_the_setting_changes(env: Environment) -> None:
    """Turning overwrite_plex_edits on later replaces what was kept, at the same cover."""
    person_uploads(env, PNG + b"mine")
    look(env)
    look(env, overwrite_plex_edits=True)
    assert shown(env) == sha1(env.covers[1])


def test_a_poster_chosen_by_hand_before_us_is_kept(env: Environment) -> None:
    """The first look leaves a locked poster of somebody else and says so once."""
    person_uploads(env, PNG + b"mine")
    assert any("by hand and is kept" in note for note in look(env).notes)
    assert shown(env) == sha1(PNG + b"mine")
    assert shown(env, "arts") == sha1(env.covers[1])
    again = look(env, version=2)
    assert again.notes == []
    assert image_requests(env) == []


def test_a_kept_poster_gives_way_when_the_cover_itself_changes(env: Environment) -> None:
    """Another cover in Stash wins over the poster that was kept, with a note."""
    person_uploads(env, PNG + b"mine")
    look(env)
    env.covers[1] = PNG + b"second"
    done = look(env, version=2)
    assert shown(env) == sha1(env.covers[1])
    assert any("is replaced" in note for note in done.notes)


def test_a_poster_chosen_by_hand_after_us_is_kept_while_the_cover_is_the_same(
    env: Environment,
) -> None:
    """A person's later choice stays through saves of the scene, at no cost."""
    look(env)
    person_uploads(env, PNG + b"mine")
    look(env, version=2)
    assert shown(env) == sha1(PNG + b"mine")
    assert image_requests(env) == []


def test_a_poster_chosen_by_hand_after_us_gives_way_to_a_new_cover(env: Environment) -> None:
    """When the cover changed too, Stash wins and a note says what happened."""
    look(env)
    person_uploads(env, PNG + b"mine")
    env.covers[1] = PNG + b"second"
    done = look(env, version=2)
    assert shown(env) == sha1(env.covers[1])
    assert any("is replaced" in note for note in done.notes)


def test_a_poster_chosen_by_hand_stays_when_its_file_becomes_another_scene_s(
    env: Environment,
) -> None:
    """As after "Clean" and "Scan": another cover is nobody's change, and a later one is."""
    look(env)
    person_uploads(env, PNG + b"mine")
    with env.store.transaction() as connection:
        ledger.forget_scene(connection, 1)
    env.covers[90] = PNG + b"made by the scan"
    anew = replace(pictured(version=2), id=90)
    with env.reconciler(dry=True, sync_fields=BOTH) as dry:
        assert [one.changes.keys() for one in dry.look(anew).written] == [{"background"}]
    env.look(anew, sync_fields=BOTH)
    assert shown(env) == sha1(PNG + b"mine")
    assert shown(env, "arts") == sha1(env.covers[90])  # ours makes room
    env.covers[90] = PNG + b"chosen in Stash"
    env.look(replace(pictured(version=3), id=90), sync_fields=BOTH)
    assert shown(env) == sha1(env.covers[90])


def test_overwrite_plex_edits_goes_for_pictures_too(env: Environment) -> None:
    """With the setting on a person's choice is replaced, before us and after us."""
    person_uploads(env, PNG + b"mine")
    look(env, overwrite_plex_edits=True)
    assert shown(env) == sha1(env.covers[1])
    look(env, overwrite_plex_edits=True)
    person_uploads(env, PNG + b"mine again")
    look(env, overwrite_plex_edits=True)
    assert shown(env) == sha1(env.covers[1])
    look(env, overwrite_plex_edits=True)
    look(env, overwrite_plex_edits=True)
    assert image_requests(env) == []


def test_an_unlocked_poster_that_an_agent_replaced_is_hung_again(env: Environment) -> None:
    """Where the lock was lost and the picture changed, ours is selected again."""
    look(env, fields=ONE)
    person_uploads(env, PNG + b"agent's")
    env.plex.person_sets(key_of(env), unlock=["thumb"])
    look(env, fields=ONE)
    assert shown(env) == sha1(env.covers[1])
    assert "POST posters" not in image_requests(env)


def test_a_look_that_died_after_the_upload_sends_nothing_twice(env: Environment) -> None:
    """When the upload was never recorded, the next look finds it there and owns its lock."""
    with env.reconciler(sync_fields=ONE) as reconciler:
        reconciler.look(pictured())
    assert image_requests(env).count("POST posters") == 1
    look(env, fields=ONE)
    assert image_requests(env) == ["GET posters"]
    assert "thumb" in base_of(env).locked


def test_an_upload_whose_answer_was_lost_is_not_sent_again(env: Environment) -> None:
    """When Plex took the picture and hung up, the next look selects that upload."""
    env.plex.switches(upload_selects=False)
    env.plex.fault("reset_after", method="POST", path="/posters")
    failed = look(env, fields=ONE)
    assert isinstance(failed.fault, ServerUnreachable)
    assert image_requests(env).count("POST posters") == 1
    assert look(env, fields=ONE).fault is None
    assert image_requests(env) == ["GET posters", "PUT poster"]
    assert shown(env) == sha1(env.covers[1])


def test_a_look_that_died_before_the_upload_keeps_its_lock_as_ours(env: Environment) -> None:
    """A lock that went along with the text is not taken for a person's after a crash."""
    env.plex.fault("status", method="POST", path="/posters", status=500)
    with env.reconciler(sync_fields=BOTH) as reconciler:
        reconciler.look(pictured())
    look(env)
    assert shown(env) == sha1(env.covers[1])


def test_pictures_that_are_not_to_be_synced_are_left_alone(env: Environment) -> None:
    """Without poster and background in sync_fields nothing is downloaded or asked."""
    look(env, fields=frozenset({"title"}))
    assert env.downloads == []
    assert image_requests(env) == []


def test_a_dry_look_says_what_would_be_hung_and_hangs_nothing(env: Environment) -> None:
    """A preview names the pictures and Plex stays as it is."""
    with env.reconciler(dry=True, sync_fields=BOTH) as reconciler:
        done = reconciler.look(pictured())
    assert {"poster", "background"} <= set(done.written[0].changes)
    assert not env.targets("POST")
    assert not env.targets("PUT")
    assert image_requests(env) == []


def test_a_dry_look_knows_our_own_picture_without_a_ledger(env: Environment) -> None:
    """One that is locked may be ours from before the ledger was lost: Plex is asked then."""
    look(env)
    with env.store.transaction() as connection:
        connection.execute("DELETE FROM item")
    with env.reconciler(dry=True, sync_fields=BOTH) as reconciler:
        done = reconciler.look(pictured())
    assert not {"poster", "background"} & {name for one in done.written for name in one.changes}
    assert done.notes == []


def test_an_image_beyond_the_limit_is_never_sent(env: Environment) -> None:
    """The last guard before the wire refuses by size, and takes what is just within it."""
    key = key_of(env)
    with PlexClient(env.plex.url, env.plex.token) as client:
        with pytest.raises(ImageTooLarge):
            upload(client, key, POSTER, bytes(LARGEST + 1))
        assert env.targets("POST") == []
        upload(client, key, BACKGROUND, bytes(LARGEST))
        assert [one.sha1 for one in offered(client, key, BACKGROUND) if one.selected] == [
            sha1(bytes(LARGEST))
        ]


def test_an_episode_keeps_its_uploads_under_longer_keys(tmp_path: Path) -> None:
    """Below a show the upload is known by the hash at the end of its key."""
    with start_environment(tmp_path, 3, section_type="show") as shows:
        shows.covers[1] = PNG + b"first"
        title = shows.state["sections"][0]["title"]
        config: dict[str, Any] = {"sync_fields": ONE, "plex_libraries": (title,)}
        shows.look(pictured(), PATH_MAP, **config)
        with shows.store.transaction() as connection:
            connection.execute("DELETE FROM item")
        shows.plex.clear_requests()
        shows.look(pictured(), PATH_MAP, **config)
        assert image_requests(shows) == ["GET posters"]


def test_a_cover_saved_in_stash_is_shown_by_plex(tmp_path: Path) -> None:
    """Through hook and worker: cover, new cover, and no upload for a save without one."""
    with installation(tmp_path, scenes=2, sync_fields="title, poster, background") as env:
        env.stash.set_scene(1, cover="new:first")
        env.save(1, title="With a cover")
        wait_for(lambda: "upload://" in str(env.item(1)["arts"]))
        env.settled()
        env.plex.clear_requests()
        env.save(1, title="The same cover")
        env.title_becomes(1, "The same cover")
        env.settled()
        assert env.plex.counts().get("upload", 0) == 0
        assert not [r for r in env.plex.requests() if "/posters" in r["target"]]
        env.stash.set_scene(2, cover="none")
        env.save(2, title="Without a cover")
        env.title_becomes(2, "Without a cover")
        env.settled()
        assert not [r for r in env.plex.requests() if "/posters" in r["target"]]
        assert "upload://" in str(env.item(1)["posters"])
        assert "apikey" not in str(env.plex.requests())
