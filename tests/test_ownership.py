"""What PlexSync wrote belongs to the Plex item: to that very one, whichever scene holds its file.

Libraries live: scenes are cleaned and scanned again, databases are restored, items change
hands. The worker is stepped by the test, the two servers are real processes.
"""

from __future__ import annotations

from typing import Any

import pytest

from merge.members import Known, merge_members
from plex.edits import Edit, requests_for
from plex.item import Member
from simulator.control import start_plex
from simulator.library import catalogue_file
from store import braked
from tests.bulk_worker import BulkWorker, bulk_worker, key_of, stepped_bulk, writes
from tests.installation import Installation, shared_installation
from tests.tcp_proxy import TcpProxy

SCENES = 24
ALL = range(1, SCENES + 1)
MINUTE, DAY = 60.0, 86400.0


env = shared_installation(SCENES)
stepped = bulk_worker()


def save(stepped: BulkWorker, scene: int, **values: Any) -> None:
    """Save a scene in Stash, and let the worker see to it."""
    stepped.env.stash.set_scene(scene, **values)
    stepped.late += MINUTE
    stepped.hook(scene)
    stepped.drain()


def sync_all(stepped: BulkWorker, scenes: Any = ALL) -> None:
    """Sync all once more, a while later."""
    stepped.late += MINUTE
    stepped.task(scenes)
    stepped.drain()
    stepped.resident.task_lock.release()


def item_of_two(stepped: BulkWorker, folder: str, *titles: str) -> tuple[int, int, int]:
    """An item whose two files are a scene each, with these titles, synced; key and scenes."""
    env = stepped.env
    parts = [f"{folder}/Part {number}.mp4" for number in (1, 2)]
    key = env.plex.add_item("", files=[{"path": f"/plex/media/{part}"} for part in parts])
    first, second = (
        env.stash.add_scene(f"/stash/media/{part}", title=title)
        for part, title in zip(parts, titles, strict=True)
    )
    stepped.hook(first, second)
    stepped.settle()
    return int(key["ratingKey"]), first, second


def fields(stepped: BulkWorker, key: int) -> dict[str, str]:
    """What Plex shows of an item's texts."""
    return dict(stepped.env.plex.item(key)["fields"])


def genres(stepped: BulkWorker, key: int) -> set[str]:
    """What Plex shows of an item's genres."""
    return set(stepped.env.plex.item(key)["tags"]["genre"])


def in_sql(stepped: BulkWorker, query: str, *values: object) -> None:
    """Change the store behind the worker's back."""
    with stepped.resident.store.transaction() as connection:
        connection.execute(query, values)


def tags(stepped: BulkWorker, *names: str) -> list[int]:
    """New tags in Stash; their ids."""
    return [stepped.env.stash.add_entity("tag", name) for name in names]


# --- never the wrong film ------------------------------------------------------------------------


def test_a_rating_key_that_is_another_film_by_now_is_new_to_us(stepped: BulkWorker) -> None:
    """What we wrote to the film that had the key before gives no right over this one."""
    mine, other = key_of(stepped.env, 1), key_of(stepped.env, 2)
    save(stepped, 1, title="The first film", details="Its text", tag_ids=tags(stepped, "Old tag"))
    in_sql(stepped, "DELETE FROM item WHERE rating_key = ?", other)
    in_sql(stepped, "UPDATE item SET rating_key = ? WHERE rating_key = ?", other, mine)
    stepped.env.plex.person_sets(
        other, fields={"title": "A person's title"}, tags={"genre": ["A person's", "Old tag"]}
    )
    stepped.env.plex.agent_sets(other, fields={"summary": "The agent's text"})
    save(stepped, 2, title="Stash's title", details="", tag_ids=[])
    assert fields(stepped, other)["title"] == "A person's title"
    assert fields(stepped, other)["summary"] == "The agent's text"
    assert genres(stepped, other) == {"A person's", "Old tag"}


def test_an_entry_from_before_identities_were_noted_still_knows_its_item(
    stepped: BulkWorker,
) -> None:
    """After the update of PlexSync its scene's file tells, and a changed value goes to Plex."""
    save(stepped, 3, title="Before the update")
    in_sql(stepped, "UPDATE item SET identity = ''")
    save(stepped, 3, title="After the update")
    assert fields(stepped, key_of(stepped.env, 3))["title"] == "After the update"


def test_an_entry_without_an_identity_gives_no_right_over_another_film(stepped: BulkWorker) -> None:
    """Neither does one that was written before identities were noted."""
    mine, other = key_of(stepped.env, 4), key_of(stepped.env, 5)
    save(stepped, 4, title="The first film", details="Its text")
    in_sql(
        stepped, "UPDATE item SET identity = '', rating_key = ? WHERE rating_key = ?", other, mine
    )
    stepped.env.plex.agent_sets(other, fields={"summary": "The agent's text"})
    save(stepped, 5, title="Stash's title", details="")
    assert fields(stepped, other)["summary"] == "The agent's text"


def test_a_file_that_was_replaced_inside_an_item_leaves_it_the_same_item(
    stepped: BulkWorker,
) -> None:
    """Its guid and the second in which it was added say so; what we wrote stays ours."""
    key = key_of(stepped.env, 6)
    save(stepped, 6, title="As it was")
    there = "/plex/media/Replaced/Six.mkv"
    stepped.env.plex.person_sets(key, files=[{"path": there}])
    save(stepped, 6, title="As it is", move="/stash/media/Replaced/Six.mkv")
    assert fields(stepped, key)["title"] == "As it is"
    stepped.env.plex.person_sets(key, files=[{"path": catalogue_file(6).plex_path}])
    stepped.env.stash.set_scene(6, move=catalogue_file(6).stash_path)


def test_another_server_at_the_same_address_is_known_before_anything_is_written(
    env: Installation,
) -> None:
    """A proxy that leads elsewhere by now: nothing of the ledger counts for the other Plex."""
    with (
        start_plex(SCENES, machine_id="0" * 40, token=env.plex.token) as other,
        TcpProxy(env.plex.port) as proxy,
        stepped_bulk(env, plex_url=f"http://127.0.0.1:{proxy.port}") as stepped,
    ):
        key = key_of(env, 7)
        assert other.key_of(catalogue_file(7).plex_path) == key
        save(stepped, 7, title="On the first server", details="Ours")
        other.agent_sets(key, fields={"summary": "The other agent's"})
        other.person_sets(key, fields={"title": "A person's on the other"})
        proxy.open(target=other.port)
        save(stepped, 7, title="Saved again", details="")
        stepped.settle()
        assert other.item(key)["fields"]["title"] == "A person's on the other"
        assert other.item(key)["fields"]["summary"] == "The other agent's"


def test_what_stood_in_plex_before_us_is_not_ours_because_stash_had_it_too(
    stepped: BulkWorker,
) -> None:
    """In lists as in texts: Stash dropping it leaves it there."""
    key = key_of(stepped.env, 8)
    both, own = tags(stepped, "Both had it", "Stash alone")
    stepped.env.plex.person_sets(key, tags={"genre": ["Both had it"]}, unlock=["genre"])
    stepped.env.plex.agent_sets(key, fields={"summary": "The same words"})
    save(stepped, 8, details="The same words", tag_ids=[both, own])
    assert genres(stepped, key) == {"Both had it", "Stash alone"}
    save(stepped, 8, details="", tag_ids=[])
    assert genres(stepped, key) == {"Both had it"}
    assert fields(stepped, key)["summary"] == "The same words"


def test_a_list_locked_by_hand_is_never_ours_for_being_equal(stepped: BulkWorker) -> None:
    """What we never wrote is not recorded as written, so nothing of it is ever removed."""
    key = key_of(stepped.env, 9)
    one, two = tags(stepped, "By hand", "By hand, too")
    stepped.env.plex.person_sets(key, tags={"genre": ["By hand", "By hand, too"]})
    save(stepped, 9, tag_ids=[one, two])
    save(stepped, 9, tag_ids=[one])
    assert genres(stepped, key) == {"By hand", "By hand, too"}


def test_a_person_s_title_stays_when_another_scene_gets_the_item(stepped: BulkWorker) -> None:
    """The entry belongs to the item: what another scene holds is no edit in Stash."""
    env = stepped.env
    key, first, second = item_of_two(stepped, "Shared", "First scene", "Second scene")
    assert fields(stepped, key)["title"] == "First scene"
    env.plex.person_sets(key, fields={"title": "A person's"})
    env.stash.delete_scene(first)
    stepped.late += MINUTE
    stepped.hook(first)
    stepped.settle()
    assert fields(stepped, key)["title"] == "A person's"
    save(stepped, second, title="Second scene, edited")
    assert fields(stepped, key)["title"] == "Second scene, edited"


def test_two_performers_of_one_name_keep_role_and_picture_when_a_third_comes() -> None:
    """Members that are not ours travel along as they are, each by itself."""
    cast = (Member("Sam Lee", "Cop", "/one.jpg"), Member("Sam Lee", "Robber", "/two.jpg"))
    known = Known(None, None, (), ())
    decided = merge_members(cast, ("Ann Third",), known, by_hand=False)
    assert decided.edit is not None
    assert decided.edit.members == (Member("Ann Third"), *cast)
    edit = Edit(1, 1, "movie", lists={"performers": decided.edit})
    params = dict(requests_for(edit)[0])
    for place, role, thumb in ((1, "Cop", "/one.jpg"), (2, "Robber", "/two.jpg")):
        assert params[f"actor[{place}].tagging.text"] == role
        assert params[f"actor[{place}].tag.thumb"] == thumb


@pytest.mark.parametrize("way", ["hook", "Sync all"])
def test_an_edit_that_plex_confirmed_and_never_did_is_noticed(
    stepped: BulkWorker, way: str
) -> None:
    """Plex shows an older value of ours: not a person's word, so it is written again."""
    key = key_of(stepped.env, 11)
    first, second = tags(stepped, f"First {way}", f"Second {way}")
    save(stepped, 11, title="First", details="First text", tag_ids=[first])
    stepped.env.plex.fault("status", method="PUT", status=200, body="", times=1)
    save(stepped, 11, title="Second", details="Second text", tag_ids=[second])
    assert fields(stepped, key)["title"] == "First"
    if way == "hook":
        stepped.late += MINUTE
        stepped.hook(11)
        stepped.drain()
    else:
        sync_all(stepped)
    assert fields(stepped, key)["title"] == "Second"
    assert fields(stepped, key)["summary"] == "Second text"
    assert genres(stepped, key) == {f"Second {way}"}


# --- ownership -----------------------------------------------------------------------------------


@pytest.mark.parametrize("overwrite", [False, True])
def test_scenes_that_are_cleaned_and_scanned_again_go_on_as_they_were(
    stepped: BulkWorker, overwrite: bool
) -> None:
    """Clean, scan, identify: what we wrote to the items is ours for the new scenes, too."""
    env = stepped.env
    numbers = [env.stash.add_scene(f"/stash/media/Clean {overwrite}/{n}.mp4") for n in range(20)]
    paths = [f"/plex/media/Clean {overwrite}/{n}.mp4" for n in range(20)]
    keys = [int(env.plex.add_item(path)["ratingKey"]) for path in paths]
    old, new = tags(stepped, f"Old {overwrite}", f"New {overwrite}")
    for place, number in enumerate(numbers):
        env.stash.set_scene(number, title=f"Old {place}", details="Old", tag_ids=[old])
    stepped.late += MINUTE
    stepped.hook(*numbers)
    stepped.settle()
    for number in numbers:
        env.stash.delete_scene(number)
    stepped.late += MINUTE
    stepped.hook(*numbers)
    stepped.settle()
    env.settings(overwrite_plex_edits=overwrite, sync_fields="title,summary,tags")
    again = [
        env.stash.add_scene(
            f"/stash/media/Clean {overwrite}/{n}.mp4", title=f"New {n}", tag_ids=[new]
        )
        for n in range(20)
    ]
    sync_all(stepped, again)
    # Each loses its summary, so a person is asked first (tests/test_brake.py).
    assert [fields(stepped, key)["title"] for key in keys] == [f"Old {n}" for n in range(20)]
    with stepped.resident.store.transaction() as connection:
        assert braked.let_go(connection, braked.ASKED) == 20
    stepped.drain()
    assert [fields(stepped, key)["title"] for key in keys] == [f"New {n}" for n in range(20)]
    assert {fields(stepped, key).get("summary", "") for key in keys} == {""}
    assert all(genres(stepped, key) == {f"New {overwrite}"} for key in keys)


def test_locks_of_scenes_that_are_gone_are_given_back_all_the_same(stepped: BulkWorker) -> None:
    """Release locks covers entries without a scene."""
    env = stepped.env
    number = env.stash.add_scene("/stash/media/Gone/1.mp4", title="Locked")
    key = int(env.plex.add_item("/plex/media/Gone/1.mp4")["ratingKey"])
    stepped.hook(number)
    stepped.settle()
    assert "title" in env.plex.item(key)["locked"]
    env.stash.delete_scene(number)
    stepped.late += MINUTE
    stepped.hook(number)
    stepped.settle()
    stepped.close()
    assert "released" in env.run(mode="release_locks")["output"]
    assert "title" not in env.plex.item(key)["locked"]


def test_a_scene_that_shares_an_item_is_looked_at_when_its_owner_goes(stepped: BulkWorker) -> None:
    """Nobody has to save it: the item is brought in step with the scene that is left."""
    env = stepped.env
    key, first, _ = item_of_two(stepped, "Heir", "Owner", "Heir")
    env.stash.delete_scene(first)
    stepped.late += MINUTE
    stepped.hook(first)
    stepped.settle()
    assert fields(stepped, key)["title"] == "Heir"


@pytest.mark.parametrize("what", ["all", "all, refreshed since", "tags"])
def test_plex_s_database_put_back_from_a_backup_is_brought_in_step_again(
    stepped: BulkWorker, what: str
) -> None:
    """Every value that we ever wrote is ours, not only the last."""
    keys = [key_of(stepped.env, scene) for scene in range(12, 16)]
    old, new = tags(stepped, f"In the backup, {what}", f"After the backup, {what}")
    for scene in range(12, 16):
        save(stepped, scene, title=f"In the backup {scene}", details="Old", tag_ids=[old])
    backed_up = [stepped.env.plex.item(key)["updatedAt"] for key in keys]
    for scene in range(12, 16):
        save(stepped, scene, title=f"Later {scene}", details="Later", tag_ids=[old, new])
    for scene in range(12, 16):
        save(stepped, scene, title=f"Now {scene}", details="", tag_ids=[new])
    for scene, key, when in zip(range(12, 16), keys, backed_up, strict=True):
        texts = {"title": f"In the backup {scene}", "summary": "Old"}
        stepped.env.plex.person_sets(
            key,
            fields=texts if what != "tags" else {},
            tags={"genre": [f"In the backup, {what}"]},
            updated_at=when + 60 if "refreshed" in what else when,
        )
    sync_all(stepped)
    assert [fields(stepped, key)["title"] for key in keys] == [f"Now {n}" for n in range(12, 16)]
    assert {fields(stepped, key).get("summary", "") for key in keys} == {""}
    assert all(genres(stepped, key) == {f"After the backup, {what}"} for key in keys)


@pytest.mark.parametrize("years", [0, 1])
def test_an_item_that_was_made_anew_comes_back_with_plex_s_database(
    stepped: BulkWorker, years: int
) -> None:
    """A library that lost its files has new keys, and a backup of Plex brings the old ones back.

    After a year nothing is known of an old key, and what is locked there is a person's word.
    """
    plex, scene = stepped.env.plex, 16 + years
    key = key_of(stepped.env, scene)
    old, new = tags(stepped, f"In the backup {scene}", f"Made anew {scene}")
    save(stepped, scene, title="In the backup", details="Old", tag_ids=[old])
    backed_up = plex.item(key)["updatedAt"]
    save(stepped, scene, title="Later", details="")
    made_anew = plex.rekey(key)
    plex.person_sets(made_anew, unlock=plex.item(made_anew)["locked"])
    save(stepped, scene, title="Made anew", tag_ids=[new])
    stepped.late += years * 365 * DAY
    stepped.resident.maintenance.run()
    plex.rekey(made_anew, key)
    plex.person_sets(key, lock=["genre"], updated_at=backed_up)
    plex.person_sets(
        key,
        fields={"title": "In the backup", "summary": "Old"},
        tags={"genre": [f"In the backup {scene}"]},
        updated_at=backed_up,
    )
    sync_all(stepped)
    shown = fields(stepped, key)
    if years:
        assert shown["title"] == "In the backup"
    else:
        assert (shown["title"], shown.get("summary", "")) == ("Made anew", "")
        assert genres(stepped, key) == {f"Made anew {scene}"}
    stepped.forget_requests()
    sync_all(stepped)
    assert writes(stepped.env) == []


def by_hand_later(stepped: BulkWorker, key: int, **change: Any) -> None:
    """Somebody edits the item a minute after us: updatedAt has whole seconds."""
    later = stepped.env.plex.item(key)["updatedAt"] + 60
    stepped.env.plex.person_sets(key, updated_at=later, **change)


def test_the_newest_member_that_a_person_takes_out_stays_away(stepped: BulkWorker) -> None:
    """The list is as we left it once, but the item is newer: it was not put back from a backup."""
    key = key_of(stepped.env, 18)
    first, newest = tags(stepped, "There first", "Came last")
    save(stepped, 18, title="With tags", tag_ids=[first])
    save(stepped, 18, tag_ids=[first, newest])
    by_hand_later(stepped, key, tags={"genre": ["There first"]})
    sync_all(stepped)
    save(stepped, 18, title="Edited")
    assert genres(stepped, key) == {"There first"}


@pytest.mark.parametrize("what", ["summary", "tags"])
def test_what_a_person_puts_back_after_stash_dropped_it_is_the_person_s(
    stepped: BulkWorker, what: str
) -> None:
    """It was ours once; Stash has it no more, and a person wants it."""
    key = key_of(stepped.env, 19)
    kept, dropped = tags(stepped, f"Kept {what}", f"Dropped {what}")
    save(stepped, 19, details="Once from Stash", tag_ids=[kept, dropped])
    save(stepped, 19, details="", tag_ids=[kept])
    if what == "summary":
        by_hand_later(stepped, key, fields={"summary": "Once from Stash"})
    else:
        by_hand_later(stepped, key, tags={"genre": [f"Kept {what}", f"Dropped {what}"]})
    sync_all(stepped)
    save(stepped, 19, title="Edited")
    if what == "summary":
        assert fields(stepped, key)["summary"] == "Once from Stash"
    else:
        assert genres(stepped, key) == {f"Kept {what}", f"Dropped {what}"}


def test_a_title_that_stash_emptied_makes_no_lock_of_a_person_s_nobody_s(
    stepped: BulkWorker,
) -> None:
    """The title is the file's name because we wrote it, not since somebody locked everything."""
    key = key_of(stepped.env, 20)
    (tag,) = tags(stepped, "Of Stash")
    stepped.env.plex.person_sets(key, tags={"genre": ["By hand"]})
    save(stepped, 20, title="Titled", tag_ids=[tag])
    save(stepped, 20, title="")
    sync_all(stepped)
    assert genres(stepped, key) == {"By hand"}


def test_a_server_with_a_new_identity_keeps_what_we_wrote_to_its_items(stepped: BulkWorker) -> None:
    """Key, file and a text of ours are the same: so is the item, and an edit is not kept back."""
    key = key_of(stepped.env, 16)
    save(stepped, 16, title="Before the move", details="Ours")
    in_sql(stepped, "UPDATE item SET server = 'before the move'")
    save(stepped, 16, title="After the move", details="")
    assert fields(stepped, key)["title"] == "After the move"
    assert fields(stepped, key).get("summary", "") == ""


def test_a_different_server_gets_nothing_of_another_one_s_ledger(stepped: BulkWorker) -> None:
    """Where Plex shows no text of ours it is not the item that we wrote to."""
    key = key_of(stepped.env, 17)
    save(stepped, 17, title="On the other server", details="Ours")
    in_sql(stepped, "UPDATE item SET server = 'another one'")
    theirs = {"title": "A person's", "summary": "A person's, too", "studio": "A person's studio"}
    stepped.env.plex.person_sets(key, fields={**theirs, "originallyAvailableAt": "1999-09-09"})
    save(stepped, 17, title="Edited", details="")
    assert fields(stepped, key)["title"] == "A person's"
    assert fields(stepped, key)["summary"] == "A person's, too"


def test_locks_over_a_whole_library_are_not_a_person_s_word(stepped: BulkWorker) -> None:
    """A locked title that is still the file's name was locked by the thousand."""
    key = key_of(stepped.env, 18)
    stem = catalogue_file(18).stem
    stepped.env.plex.person_sets(
        key, fields={"title": stem}, lock=["title", "summary", "genre", "studio"]
    )
    save(
        stepped, 18, title="Stash's title", details="Stash's", tag_ids=tags(stepped, "Stash's tag")
    )
    assert fields(stepped, key)["title"] == "Stash's title"
    assert fields(stepped, key)["summary"] == "Stash's"
    assert "Stash's tag" in genres(stepped, key)


def test_a_collection_s_lock_forbids_nothing(stepped: BulkWorker) -> None:
    """Plex locks that field with any write of its own (PMS 1.43.3), so nobody meant it."""
    stepped.env.settings(sync_fields="title,group_collections")
    key = key_of(stepped.env, 19)
    stepped.env.plex.person_sets(key, tags={"collection": ["A person's"]})
    group = stepped.env.stash.add_entity("group", "A series")
    save(stepped, 19, groups=[{"group_id": group}])
    shown = set(stepped.env.plex.item(key)["tags"]["collection"])
    assert shown == {"A person's", "A series"}


def test_a_locked_list_gets_all_of_stash_s_members_or_none(stepped: BulkWorker) -> None:
    """Kept while Stash does not change it; then everything that Stash has goes there."""
    key = key_of(stepped.env, 20)
    one, two, three = tags(stepped, "one", "two", "three")
    stepped.env.plex.person_sets(key, tags={"genre": ["By hand"]})
    save(stepped, 20, tag_ids=[one, two])
    assert genres(stepped, key) == {"By hand"}
    save(stepped, 20, title="Something else")
    assert genres(stepped, key) == {"By hand"}
    save(stepped, 20, tag_ids=[one, two, three])
    assert genres(stepped, key) == {"By hand", "one", "two", "three"}


def test_emptying_a_text_erases_ours_and_never_a_person_s(stepped: BulkWorker) -> None:
    """Whoever empties a field in Stash says that there is nothing there, not that Plex has it."""
    key = key_of(stepped.env, 21)
    save(stepped, 21, details="Ours")
    save(stepped, 21, details="")
    assert fields(stepped, key).get("summary", "") == ""
    save(stepped, 21, details="Ours again")
    stepped.env.plex.person_sets(key, fields={"summary": "A person's"})
    save(stepped, 21, details="")
    assert fields(stepped, key)["summary"] == "A person's"
