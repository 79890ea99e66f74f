from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from errors import Scope
from merge.base import Base
from plex.client import PlexClient
from plex.exceptions import ImageTooLarge, RateLimited, ServerError, ServerUnreachable
from plex.images import BACKGROUND, LARGEST, POSTER, offered, place
from plex.item import read_item
from simulator.library import catalogue_file
from stash.changes import instant
from stash.exceptions import StashUnreachable
from store import ledger
from sync.artwork import due
from tests.installation import installation, wait_for
from tests.matching_town import PATH_MAP, Town, scene, start_town

if TYPE_CHECKING:
    from pathlib import Path

    from stash.scene import Scene
    from sync.plan import ScenePlan

BOTH = frozenset({"title", "poster", "background"})
ONE = frozenset({"poster"})
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def town(one_town: Town) -> Town:
    """The same, as new; scene 1 has a cover."""
    one_town.again()
    one_town.covers[1] = PNG + b"first"
    return one_town


def pictured(version: int = 1, **changes: Any) -> Scene:
    """Give scene 1 with a cover of some version."""
    return scene(1, cover=f"/scene/1/screenshot?t={version}", **changes)


def look(town: Town, version: int = 1, fields: frozenset[str] = BOTH, **settings: Any) -> ScenePlan:
    """Look at scene 1 with these fields, and count requests from here on."""
    town.plex.clear_requests()
    town.downloads.clear()
    return town.look(pictured(version), sync_fields=fields, **settings)


def key_of(town: Town, number: int = 1) -> int:
    """Give the rating key of a catalogue scene's item."""
    return town.plex.key_of(catalogue_file(number).plex_path)


def shown(town: Town, which: str = "posters", key: int | None = None) -> str:
    """Give the last part of the selected image's key."""
    images = town.plex.item(key or key_of(town))[which]
    return next((i["key"].rpartition("/")[2] for i in images if i["selected"]), "")


def sha1(image: bytes | object) -> str:
    """Give what Plex calls an upload by."""
    assert isinstance(image, bytes)
    return hashlib.sha1(image, usedforsecurity=False).hexdigest()


def image_requests(town: Town) -> list[str]:
    """Give method and last word of each request about images."""
    return [
        f"{request['method']} {request['target'].partition('?')[0].rpartition('/')[2]}"
        for request in town.plex.requests(headers=False)
        if "/poster" in request["target"] or "/art" in request["target"]
    ]


def person_uploads(town: Town, image: bytes, which: str = "posters") -> None:
    """Choose another picture as a person does in Plex Web: it is uploaded, selected, locked."""
    key = key_of(town)
    assert town.plex.ask("POST", f"/library/metadata/{key}/{which}", image).status == 200
    lock = "thumb" if which == "posters" else "art"
    town.plex.person_sets(key, lock=[lock])


def test_both_pictures_are_hung_and_locked_along_with_the_texts(town: Town) -> None:
    """The first look uploads the cover twice, and its locks travel in the one edit."""
    done = look(town)
    assert shown(town) == shown(town, "arts") == sha1(town.covers[1])
    assert {"thumb", "art", "title"} <= set(town.plex.item(key_of(town))["locked"])
    edits = [target for target in town.targets("PUT") if "/all?" in target]
    assert len(edits) == 1
    assert "thumb.locked=1" in edits[0]
    assert "art.locked=1" in edits[0]
    assert image_requests(town).count("POST posters") == 1
    assert image_requests(town).count("POST arts") == 1
    assert {"poster", "background", "title"} <= set(done.written[0].changes)
    assert len(town.downloads) == 1


def test_an_unchanged_scene_costs_no_download_and_no_request_for_pictures(town: Town) -> None:
    """The second look neither downloads nor asks Plex about images."""
    look(town)
    again = look(town)
    assert again.outcome == "unchanged"
    assert town.downloads == []
    assert image_requests(town) == []
    assert town.targets("PUT") == []


def test_a_saved_scene_with_the_same_cover_costs_plex_nothing(town: Town) -> None:
    """A new version mark with the same bytes is one download and no request to Plex."""
    look(town)
    again = look(town, version=2)
    assert again.outcome == "unchanged"
    assert town.downloads == [1]
    assert image_requests(town) == []
    look(town, version=2)
    assert town.downloads == []


def test_a_cover_that_changes_twice_in_a_second_is_not_missed(town: Town) -> None:
    """Stash gives both the same version, so the first one is looked at once more."""
    town.now = instant(pictured().updated_at) + 0.5
    look(town)
    town.covers[1] = PNG + b"second"
    town.now += 0.4
    assert look(town).outcome == "changed"
    assert shown(town) == shown(town, "arts") == sha1(town.covers[1])
    town.now += 60
    assert look(town).outcome == "unchanged"
    assert town.downloads == [1]
    assert image_requests(town) == []
    look(town)
    assert town.downloads == []


def test_a_new_cover_replaces_ours(town: Town) -> None:
    """Other bytes are uploaded and shown."""
    look(town)
    town.covers[1] = PNG + b"second"
    assert look(town, version=2).outcome == "changed"
    assert shown(town) == sha1(town.covers[1])


def test_an_upload_that_plex_has_is_selected_and_not_sent_again(town: Town) -> None:
    """Going back to an earlier cover selects the upload of those bytes."""
    first = town.covers[1]
    look(town)
    town.covers[1] = PNG + b"second"
    look(town, version=2)
    town.covers[1] = first
    look(town, version=3)
    assert shown(town) == sha1(first)
    assert "POST posters" not in image_requests(town)
    assert "PUT poster" in image_requests(town)


@pytest.mark.parametrize("selects", [True, False])
@pytest.mark.parametrize("locks", [True, False])
def test_pictures_are_shown_and_locked_whatever_an_upload_does(
    town: Town, selects: bool, locks: bool
) -> None:
    """Whether Plex selects or locks an upload by itself makes no difference in the end."""
    town.plex.switches(upload_selects=selects, upload_locks=locks)
    look(town, fields=ONE)
    assert shown(town) == sha1(town.covers[1])
    assert "thumb" in town.plex.item(key_of(town))["locked"]


def test_a_scene_without_a_cover_sends_nothing(town: Town) -> None:
    """Without a cover no image goes out, nothing is locked for it, and it is asked for once."""
    del town.covers[1]
    look(town)
    assert image_requests(town) == []
    assert not {"thumb", "art"} & set(town.plex.item(key_of(town))["locked"])
    look(town)
    assert town.downloads == []


def test_a_cover_that_goes_away_leaves_the_picture(town: Town) -> None:
    """A cover removed in Stash leaves what Plex shows, and the same cover again costs nothing."""
    cover = town.covers.pop(1)
    town.covers[1] = cover
    look(town)
    del town.covers[1]
    look(town, version=2)
    assert shown(town) == sha1(cover)
    town.covers[1] = cover
    look(town, version=3)
    assert image_requests(town) == []


def test_a_cover_that_is_too_large_is_a_note_and_no_failure(town: Town) -> None:
    """More than Plex takes is refused here, said once with its size, and the text goes through."""
    town.covers[1] = PNG + bytes(LARGEST)
    done = look(town)
    assert done.fault is None
    assert any("10.5 MB" in note for note in done.notes)
    assert town.plex.item(key_of(town))["fields"]["title"] == pictured().title
    assert image_requests(town) == []
    assert not {"thumb", "art"} & set(town.plex.item(key_of(town))["locked"])
    assert look(town, version=2).notes == []
    town.covers[1] = PNG + b"small"
    look(town, version=3)
    assert shown(town) == sha1(town.covers[1])


def test_what_a_proxy_finds_too_large_is_not_tried_again_until_the_cover_changes(
    town: Town,
) -> None:
    """A 413 for the upload is a note; only another cover is sent."""
    town.plex.fault("status", method="POST", path="/posters", status=413, times=None)
    done = look(town, fields=ONE)
    assert done.fault is None
    assert len(done.notes) == 1
    look(town, version=2, fields=ONE)
    assert image_requests(town) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_failing_picture_never_costs_the_scene_its_text(town: Town, method: str) -> None:
    """The text is written and acknowledged; the fault comes back, and the next look mends it."""
    town.plex.fault("status", method=method, path="/posters", status=500)
    done = look(town)
    assert isinstance(done.fault, ServerError)
    assert done.fault.scope is Scope.SCENE
    assert town.plex.item(key_of(town))["fields"]["title"] == pictured().title
    entry = ledger.entries_of(town.store.connection, town.state["machineIdentifier"], 1)[0]
    assert entry.pending == ""
    assert Base.from_json(entry.base).values["title"] == pictured().title
    assert shown(town, "arts") == sha1(town.covers[1])
    again = look(town)
    assert again.fault is None
    assert shown(town) == sha1(town.covers[1])
    assert [target for target in town.targets("PUT") if "title" in target] == []
    assert "POST arts" not in image_requests(town)


def test_a_server_that_goes_away_before_the_pictures_leaves_them_for_later(town: Town) -> None:
    """After a 429 on one picture the texts stand, and both pictures follow at the next look."""
    town.plex.fault("status", path="/posters", status=429)
    assert isinstance(look(town).fault, RateLimited)
    look(town)
    assert shown(town) == shown(town, "arts") == sha1(town.covers[1])


def test_a_cover_that_cannot_be_fetched_costs_no_text(town: Town) -> None:
    """Stash failing to give the cover leaves the text written and the picture to be retried."""
    cover = town.covers[1]
    town.covers[1] = StashUnreachable("Stash does not answer.")
    assert isinstance(look(town).fault, StashUnreachable)
    assert town.downloads == [1]
    assert town.plex.item(key_of(town))["fields"]["title"] == pictured().title
    town.covers[1] = cover
    look(town)
    assert shown(town) == sha1(cover)


def base_of(town: Town) -> Base:
    """Give what the ledger says of scene 1's item."""
    entry = ledger.entries_of(town.store.connection, town.state["machineIdentifier"], 1)[0]
    return Base.from_json(entry.base)


def test_a_picture_that_failed_is_not_settled(town: Town) -> None:
    """A task that trusts the ledger still looks at a scene whose picture is open."""
    states = []
    for version, failing in ((1, True), (1, False), (2, True), (2, False)):
        town.covers[1] = PNG + bytes([version])
        if failing:
            town.plex.fault("status", path="/posters", status=500)
        look(town, version)
        with PlexClient(town.plex.url, town.plex.token) as client:
            item = read_item(client, key_of(town))
        states.append(not due(base_of(town), item, town.config(sync_fields=BOTH)))
    assert states == [False, True, False, True]


@pytest.mark.parametrize("fields", [ONE, BOTH])
def test_the_locks_of_our_pictures_are_known_as_ours(town: Town, fields: frozenset[str]) -> None:
    """What "Release locks" gives back includes the locks of pictures, however they were set."""
    look(town, fields=fields)
    assert "thumb" in base_of(town).locked


def test_a_kept_poster_gives_way_when_the_setting_changes(town: Town) -> None:
    """Turning overwrite_plex_edits on later replaces what was kept, at the same cover."""
    person_uploads(town, PNG + b"mine")
    look(town)
    look(town, overwrite_plex_edits=True)
    assert shown(town) == sha1(town.covers[1])


def test_a_poster_chosen_by_hand_before_us_is_kept(town: Town) -> None:
    """The first look leaves a locked poster of somebody else and says so once."""
    person_uploads(town, PNG + b"mine")
    assert any("by hand and is kept" in note for note in look(town).notes)
    assert shown(town) == sha1(PNG + b"mine")
    assert shown(town, "arts") == sha1(town.covers[1])
    again = look(town, version=2)
    assert again.notes == []
    assert image_requests(town) == []


def test_a_kept_poster_gives_way_when_the_cover_itself_changes(town: Town) -> None:
    """Another cover in Stash wins over the poster that was kept, with a note."""
    person_uploads(town, PNG + b"mine")
    look(town)
    town.covers[1] = PNG + b"second"
    done = look(town, version=2)
    assert shown(town) == sha1(town.covers[1])
    assert any("is replaced" in note for note in done.notes)


def test_a_poster_chosen_by_hand_after_us_is_kept_while_the_cover_is_the_same(town: Town) -> None:
    """A person's later choice stays through saves of the scene, at no cost."""
    look(town)
    person_uploads(town, PNG + b"mine")
    look(town, version=2)
    assert shown(town) == sha1(PNG + b"mine")
    assert image_requests(town) == []


def test_a_poster_chosen_by_hand_after_us_gives_way_to_a_new_cover(town: Town) -> None:
    """When the cover changed too, Stash wins and a note says what happened."""
    look(town)
    person_uploads(town, PNG + b"mine")
    town.covers[1] = PNG + b"second"
    done = look(town, version=2)
    assert shown(town) == sha1(town.covers[1])
    assert any("is replaced" in note for note in done.notes)


def test_overwrite_plex_edits_goes_for_pictures_too(town: Town) -> None:
    """With the setting on a person's choice is replaced, before us and after us."""
    person_uploads(town, PNG + b"mine")
    look(town, overwrite_plex_edits=True)
    assert shown(town) == sha1(town.covers[1])
    look(town, overwrite_plex_edits=True)
    person_uploads(town, PNG + b"mine again")
    look(town, overwrite_plex_edits=True)
    assert shown(town) == sha1(town.covers[1])
    look(town, overwrite_plex_edits=True)
    look(town, overwrite_plex_edits=True)
    assert image_requests(town) == []


def test_an_unlocked_poster_that_an_agent_replaced_is_hung_again(town: Town) -> None:
    """Where the lock was lost and the picture changed, ours is selected again."""
    look(town, fields=ONE)
    person_uploads(town, PNG + b"agent's")
    town.plex.person_sets(key_of(town), unlock=["thumb"])
    look(town, fields=ONE)
    assert shown(town) == sha1(town.covers[1])
    assert "POST posters" not in image_requests(town)


def test_a_look_that_died_after_the_upload_sends_nothing_twice(town: Town) -> None:
    """When the upload was never recorded, the next look finds it there and owns its lock."""
    with town.reconciler(sync_fields=ONE) as reconciler:
        reconciler.look(pictured())
    assert image_requests(town).count("POST posters") == 1
    look(town, fields=ONE)
    assert image_requests(town) == ["GET posters"]
    assert "thumb" in base_of(town).locked


def test_an_upload_whose_answer_was_lost_is_not_sent_again(town: Town) -> None:
    """When Plex took the picture and hung up, the next look selects that upload."""
    town.plex.switches(upload_selects=False)
    town.plex.fault("reset_after", method="POST", path="/posters")
    failed = look(town, fields=ONE)
    assert isinstance(failed.fault, ServerUnreachable)
    assert image_requests(town).count("POST posters") == 1
    assert look(town, fields=ONE).fault is None
    assert image_requests(town) == ["GET posters", "PUT poster"]
    assert shown(town) == sha1(town.covers[1])


def test_a_look_that_died_before_the_upload_keeps_its_lock_as_ours(town: Town) -> None:
    """A lock that went along with the text is not taken for a person's after a crash."""
    town.plex.fault("status", method="POST", path="/posters", status=500)
    with town.reconciler(sync_fields=BOTH) as reconciler:
        reconciler.look(pictured())
    look(town)
    assert shown(town) == sha1(town.covers[1])


def test_pictures_that_are_not_to_be_synced_are_left_alone(town: Town) -> None:
    """Without poster and background in sync_fields nothing is downloaded or asked."""
    look(town, fields=frozenset({"title"}))
    assert town.downloads == []
    assert image_requests(town) == []


def test_a_dry_look_says_what_would_be_hung_and_hangs_nothing(town: Town) -> None:
    """A preview names the pictures and Plex stays as it is."""
    with town.reconciler(dry=True, sync_fields=BOTH) as reconciler:
        done = reconciler.look(pictured())
    assert {"poster", "background"} <= set(done.written[0].changes)
    assert not town.targets("POST")
    assert not town.targets("PUT")
    assert image_requests(town) == []


def test_a_dry_look_knows_our_own_picture_without_a_ledger(town: Town) -> None:
    """One that is locked may be ours from before the ledger was lost: Plex is asked then."""
    look(town)
    with town.store.transaction() as connection:
        connection.execute("DELETE FROM item")
    with town.reconciler(dry=True, sync_fields=BOTH) as reconciler:
        done = reconciler.look(pictured())
    assert not {"poster", "background"} & {name for one in done.written for name in one.changes}
    assert done.notes == []


def test_an_image_beyond_the_limit_is_never_sent(town: Town) -> None:
    """The last guard before the wire refuses by size, and takes what is just within it."""
    key = key_of(town)
    with PlexClient(town.plex.url, town.plex.token) as client:
        with pytest.raises(ImageTooLarge):
            place(client, key, POSTER, bytes(LARGEST + 1), [])
        assert town.targets("POST") == []
        place(client, key, BACKGROUND, bytes(LARGEST), [])
        assert [one.sha1 for one in offered(client, key, BACKGROUND) if one.selected] == [
            sha1(bytes(LARGEST))
        ]


def test_an_episode_keeps_its_uploads_under_longer_keys(tmp_path: Path) -> None:
    """Below a show the upload is known by the hash at the end of its key."""
    with start_town(tmp_path, 3, section_type="show") as shows:
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
    with installation(tmp_path, scenes=2, sync_fields="title, poster, background") as town:
        town.stash.set_scene(1, cover="new:first")
        town.save(1, title="With a cover")
        wait_for(lambda: "upload://" in str(town.item(1)["arts"]))
        town.settled()
        town.plex.clear_requests()
        town.save(1, title="The same cover")
        town.title_becomes(1, "The same cover")
        town.settled()
        assert town.plex.counts().get("upload", 0) == 0
        assert not [r for r in town.plex.requests() if "/posters" in r["target"]]
        town.stash.set_scene(2, cover="none")
        town.save(2, title="Without a cover")
        town.title_becomes(2, "Without a cover")
        town.settled()
        assert not [r for r in town.plex.requests() if "/posters" in r["target"]]
        assert "upload://" in str(town.item(1)["posters"])
        assert "apikey" not in str(town.plex.requests())
