"""Items that several scenes make up, with both servers real processes: whose they are."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

import pytest

from simulator.environment import PATH_MAP
from store import ledger
from tests.bulk_worker import BulkWorker, stepped_bulk, writes
from tests.installation import Installation, installation, shared_installation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SCENES = 4
NFC = unicodedata.normalize("NFC", "Ünï/Café Zoë.mp4")
NFD = unicodedata.normalize("NFD", NFC)
MIXED = unicodedata.normalize("NFD", "Ünï/") + unicodedata.normalize("NFC", "Café Zoë.mp4")
FOLDERS = ["D:\\Media", "\\\\nas\\Media"]
#: path_map, two spellings of one file as Stash has it, and as Plex has it.
SPELLINGS: dict[str, tuple[str, str, str, str]] = {
    "the very same": (PATH_MAP, "/stash/media/A/x.mp4", "/stash/media/A/x.mp4", "A/x.mp4"),
    "composed in Plex": (PATH_MAP, f"/stash/media/{NFC}", f"/stash/media/{NFD}", NFC),
    "decomposed in Plex": (PATH_MAP, f"/stash/media/{NFC}", f"/stash/media/{NFD}", NFD),
    "decomposed first": (PATH_MAP, f"/stash/media/{NFD}", f"/stash/media/{NFC}", NFD),
    "half and half": (PATH_MAP, f"/stash/media/{MIXED}", f"/stash/media/{NFD}", NFC),
    "a drive": (
        "",
        "d:\\media\\Clips\\É one.mp4",
        "D:\\Media\\clips\\é ONE.mp4",
        "D:\\Media\\Clips\\É one.mp4",
    ),
    "a share": ("", "\\\\NAS\\media\\Ж.mp4", "\\\\nas\\Media\\ж.mp4", "\\\\nas\\Media\\Ж.mp4"),
    "Plex on Windows": (
        "/stash/win => D:\\Media",
        "/stash/win/Clip/Ä.mp4",
        "/stash/win/clip/ä.mp4",
        "D:\\media\\CLIP\\ä.mp4",
    ),
    "path_map in another case": (
        "D:\\STASH => /plex/media",
        "D:\\Stash\\B\\y.mp4",
        "d:\\stash\\B\\y.mp4",
        "B/y.mp4",
    ),
    "Stash on Windows": (
        "d:\\stash => /plex/media",
        "D:\\Stash\\B\\z.mp4",
        "D:\\Stash\\B\\z.mp4",
        "B/z.mp4",
    ),
}


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test; Plex has a library of Windows' folders besides."""
    with stepped_bulk(env, sync_fields="title,summary,tags") as made:
        env.plex.add_section("other", "Windows", FOLDERS)
        made.late = 60.0  # what was set a second ago might be set again in the same second
        yield made


class Shared:
    """One item, and scenes that hold its file."""

    def __init__(self, stepped: BulkWorker, kind: str, *titles: str) -> None:
        path_map, one, other, plex = SPELLINGS[kind]
        self.stepped, self.env = stepped, stepped.env
        self.set_up(path_map=path_map)
        windows = plex.startswith(("D:", "\\\\"))
        self.plex_path = plex if windows else f"/plex/media/{plex}"
        more: dict[str, Any] = {"section": 2} if windows else {}
        self.key = int(self.env.plex.add_item(self.plex_path, **more)["ratingKey"])
        self.scenes = [
            self.env.stash.add_scene(path, title=title, organized=True)
            for path, title in zip((one, other), titles or ("First", "Second"), strict=True)
        ]

    def set_up(self, **settings: Any) -> None:
        """Set the settings; path_map stays."""
        self.path_map = settings.pop("path_map", getattr(self, "path_map", PATH_MAP))
        self.env.settings(sync_fields="title,summary,tags", path_map=self.path_map, **settings)

    def sync_all(self) -> dict[str, int]:
        """Sync these scenes as a task does; give what they came to."""
        before = self.stepped.tally()
        self.stepped.forget_requests()
        if not self.stepped.resident.task_lock.is_held():
            self.stepped.task(self.scenes)
        else:
            self.stepped.mark_as(2, self.scenes)
        self.stepped.drain()
        self.stepped.late += 60.0
        return {
            outcome: count - before.get(outcome, 0)
            for outcome, count in self.stepped.tally().items()
            if count != before.get(outcome, 0)
        }

    def edit(self, place: int, **values: Any) -> None:
        """Save a scene, with its hook."""
        self.stepped.forget_requests()
        if values:
            self.env.stash.set_scene(self.scenes[place], **values)
        self.stepped.hook(self.scenes[place])
        self.stepped.drain()
        self.stepped.late += 60.0

    @property
    def title(self) -> str:
        """What Plex shows."""
        return str(self.env.plex.item(self.key)["fields"].get("title"))

    def note(self, place: int) -> str:
        """What the page says of a scene."""
        record = ledger.scene_record(self.stepped.resident.store.connection, self.scenes[place])
        assert record is not None
        return record.note

    def close(self) -> None:
        """Take the scenes out of Stash."""
        for scene in self.scenes:
            self.env.stash.delete_scene(scene)


@pytest.fixture
def shared(stepped: BulkWorker, request: pytest.FixtureRequest) -> Iterator[Shared]:
    """Two scenes with one file."""
    made = Shared(stepped, getattr(request, "param", "the very same"))
    yield made
    made.close()


@pytest.mark.parametrize("shared", SPELLINGS, indirect=True)
def test_one_file_in_two_spellings_belongs_to_one_scene(shared: Shared) -> None:
    """However two scenes spell a file, the first owns the item and a second Sync all is quiet."""
    assert shared.sync_all() == {"changed": 1, "shares": 1}
    assert shared.title == "First"
    assert shared.note(1) == f"shares an item with scene {shared.scenes[0]}"
    for _ in range(2):
        assert shared.sync_all() == {"unchanged": 1, "shares": 1}
        assert writes(shared.env) == []
    shared.edit(1, title="Second, edited")
    assert writes(shared.env) == []
    shared.edit(0)
    assert writes(shared.env) == []
    assert shared.title == "First"


@pytest.mark.parametrize("shared", SPELLINGS, indirect=True)
def test_scenes_of_one_file_that_are_edited_one_by_one_agree_on_the_first(shared: Shared) -> None:
    """The one that comes first by a hook writes; once the lower number was seen, it keeps it."""
    shared.edit(1)
    shared.edit(0)
    assert shared.title == "First"
    assert shared.note(1) == f"shares an item with scene {shared.scenes[0]}"
    for place in (1, 0, 1):
        shared.edit(place)
        assert writes(shared.env) == []
    assert shared.sync_all() == {"unchanged": 1, "shares": 1}
    assert writes(shared.env) == []


@pytest.mark.parametrize("shared", SPELLINGS, indirect=True)
def test_a_preview_gives_a_shared_item_to_one_scene(shared: Shared) -> None:
    """It foresees one change, also where nothing was ever synced."""
    answer = shared.env.run(mode="preview")
    told = answer["stderr"]
    assert "1 would share another's item" in answer["output"]
    assert f"shares an item with scene {shared.scenes[0]}" in told
    assert "-> 'Second'" not in told


@pytest.mark.parametrize("way", ["only_organized", "exclude_tags", "silent", "deleted"])
@pytest.mark.parametrize("again", ["edit", "sync_all"])
def test_ownership_moves_on_from_a_scene_that_is_left_out(
    shared: Shared, way: str, again: str
) -> None:
    """Whoever is not synced, or says nothing, owns nothing; the next scene is looked at at once."""
    env, (first, second) = shared.env, shared.scenes
    tag = env.stash.add_entity("tag", f"Leave out {first}")
    settings = {"exclude_tags": f"Leave out {first}", "only_organized": True}
    shared.set_up(**settings)
    assert shared.sync_all() == {"changed": 1, "shares": 1}
    changes: dict[str, dict[str, Any]] = {
        "only_organized": {"organized": False},
        "exclude_tags": {"tag_ids": [str(tag)]},
        "silent": {"title": ""},
        "deleted": {},
    }
    change = changes[way]
    if change:
        env.stash.set_scene(first, **change)
    else:
        env.stash.delete_scene(first)
    if again == "edit":
        shared.edit(0)
    else:
        shared.sync_all()
    assert shared.title == "Second"
    shared.edit(1, title="Second, edited")
    assert shared.title == "Second, edited"
    shared.sync_all()
    assert writes(env) == []
    if way == "deleted":
        shared.scenes = [second]
        return
    back: dict[str, dict[str, Any]] = {
        "only_organized": {"organized": True},
        "exclude_tags": {"tag_ids": []},
        "silent": {"title": "First"},
    }
    shared.edit(0, **back[way])
    assert shared.title == "First"
    assert shared.note(1) == f"shares an item with scene {first}"
    assert shared.sync_all() == {"unchanged": 1, "shares": 1}
    assert writes(env) == []


def test_where_nobody_says_anything_the_first_scene_owns(shared: Shared) -> None:
    """Two scenes without any text do not take turns."""
    shared.edit(0, title="")
    shared.edit(1, title="")
    assert shared.sync_all() == {"unchanged": 1, "shares": 1}
    assert shared.note(1) == f"shares an item with scene {shared.scenes[0]}"
    shared.edit(1, title="Second")
    assert shared.title == "Second"
    assert shared.sync_all() == {"unchanged": 1, "shares": 1}
    assert writes(shared.env) == []


def test_many_shared_items_cost_plex_what_their_pages_cost(stepped: BulkWorker) -> None:
    """A Sync all in which many scenes share stays far below a request for each."""
    made = [stepped.env.plex.add_item(f"/plex/media/Many/{number}.mp4") for number in range(60)]
    scenes = [
        stepped.env.stash.add_scene(f"/stash/media/Many/{number}.mp4", title=f"{twin} {number}")
        for number in range(60)
        for twin in ("a", "b")
    ]
    stepped.task(scenes)
    stepped.drain()
    stepped.late += 60.0
    for _ in range(2):
        stepped.forget_requests()
        stepped.mark_as(2, scenes)
        stepped.drain()
        stepped.late += 60.0
        counts = stepped.plex_counts()
        assert counts["writes"] == 0
        assert counts["total"] <= len(scenes) / 200 + 10
    titles = {stepped.env.plex.item(one["ratingKey"])["fields"]["title"] for one in made}
    assert titles == {f"a {number}" for number in range(60)}
    for scene in scenes:
        stepped.env.stash.delete_scene(scene)


def test_the_summary_of_sync_all_counts_who_shares_by_itself(tmp_path: Path) -> None:
    """It does not say "unchanged" of a scene whose item shows another scene's texts."""
    with installation(tmp_path, SCENES) as env:
        env.plex.add_item("/plex/media/A/x.mp4")
        for title in ("First", "Second"):
            env.stash.add_scene("/stash/media/A/x.mp4", title=title)
        answer = env.run(mode="sync_all")
    assert f"{SCENES + 1} changed, 0 unchanged" in answer["output"]
    assert "1 shares an item with another scene" in answer["output"]
