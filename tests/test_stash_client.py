from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from simulator.library import catalogue_file, catalogue_scene, jpeg
from simulator.wire import Reply
from stash.client import LARGEST_COVER, StashClient
from stash.exceptions import StashAnswerError
from stash.scene import Scene, SceneStamp
from tests.stash_wire import COOKIE, PNG, SVG, Wire, of_json, plain, running_wire, version_of

SCENES = 130


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A Stash with many scenes that asks for nothing."""
    with running_wire(SCENES) as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[StashClient]:
    """A client of that Stash."""
    with closing(StashClient(wire.connection)) as made:
        yield made


def test_one_request_reads_a_scene_and_the_settings(wire: Wire, client: StashClient) -> None:
    """After the API key, reading a scene costs one request and asks for our settings only."""
    wire.control.settings("PlexSync", {"plex_url": "http://plex:32400"})
    wire.control.settings("other", {"secret": 1})
    version_of(client)
    wire.journal.clear()
    reading = client.read_scenes([7])
    assert {one: scene.title for one, scene in reading.scenes.items()} == {
        7: catalogue_scene(7).title
    }
    assert reading.settings == {"plex_url": "http://plex:32400"}
    assert wire.operations() == ["SceneAndSettings"]
    assert wire.asked()[0]["variables"] == {"id": "7", "plugins": ["PlexSync"]}


def test_an_unknown_scene_is_absent_and_unset_settings_are_empty(client: StashClient) -> None:
    """A scene that Stash does not have is absent; a plugin with nothing set has {}."""
    reading = client.read_scenes([9999])
    assert (reading.scenes, reading.settings, client.settings()) == ({}, {}, {})


def test_another_scene_than_the_one_asked_for_is_refused(wire: Wire, client: StashClient) -> None:
    """An answer about a different scene is never taken for the wanted one."""
    version_of(client)
    found = {"findScene": {"id": "8"}, "configuration": {"plugins": {}}}
    wire.always = of_json({"data": found})
    with pytest.raises(StashAnswerError, match="scene 8"):
        client.read_scenes([7])


@pytest.mark.parametrize("plugins", [None, [], {"PlexSync": 3}, {"PlexSync": ["x"]}])
def test_senseless_settings_are_an_answer_error(
    wire: Wire, client: StashClient, plugins: object
) -> None:
    """Settings that are not an object raise StashAnswerError."""
    version_of(client)
    wire.always = of_json({"data": {"configuration": {"plugins": plugins}}})
    with pytest.raises(StashAnswerError):
        client.settings()


def test_stamps_come_in_pages_by_ascending_id(wire: Wire, client: StashClient) -> None:
    """It pages through all ids, and an empty list is the end."""
    wire.keep(2, 3, 50, 51, 120)
    seen: list[SceneStamp] = []
    while page := client.stamps_after(seen[-1].id if seen else 0, 2):
        seen.extend(page)
    assert [stamp.id for stamp in seen] == [2, 3, 50, 51, 120]
    assert seen[0] == SceneStamp(2, "2024-01-01T00:02:00Z", (catalogue_file(2).stash_path,))


def test_a_page_that_does_not_move_on_is_the_end(wire: Wire, client: StashClient) -> None:
    """A Stash that ignored the filter cannot make a caller read for ever."""
    version_of(client)
    wire.always = of_json({"data": {"findScenes": {"scenes": [{"id": str(n)} for n in (9, 7, 8)]}}})
    assert [stamp.id for stamp in client.stamps_after(0, 3)] == [7, 8, 9]
    assert client.stamps_after(9, 3) == []
    assert client.scenes_after(9, 3) == []


@pytest.mark.parametrize("size", [0, -1])
def test_a_page_of_nothing_is_a_mistake_of_the_caller(client: StashClient, size: int) -> None:
    """Size 0 would be taken for the end, -1 would ask for everything."""
    with pytest.raises(ValueError, match="page"):
        client.stamps_after(0, size)


def test_whole_scenes_come_in_pages_too(wire: Wire, client: StashClient) -> None:
    """scenes_after gives full scenes above an id."""
    wire.keep(1, 2, 3)
    titles = [catalogue_scene(number).title for number in (2, 3)]
    assert [scene.title for scene in client.scenes_after(1, 5)] == titles


def test_many_scenes_survive_missing_ones(wire: Wire, client: StashClient) -> None:
    """Unknown ids are absent from read_scenes, though Stash fails the whole list for one."""
    there = [n for n in range(1, 131) if n not in {17, 60, 61}]
    wire.keep(*there)
    scenes = client.read_scenes([*range(1, 131), 5, 5]).scenes
    assert sorted(scenes) == there
    assert scenes[130].title == catalogue_scene(130).title


def test_many_scenes_cost_few_requests() -> None:
    """Without missing ones, 1,000 scenes and the settings cost two requests; none cost none."""
    ids = range(1, 1001)
    settings = {"plex_url": "http://plex:32400"}
    with running_wire(len(ids)) as wire, closing(StashClient(wire.connection)) as client:
        wire.control.settings("PlexSync", settings)
        version_of(client)
        wire.journal.clear()
        assert client.read_scenes([]).scenes == {}
        reading = client.read_scenes([*ids, *ids])
        assert reading.settings == settings
        assert wire.operations() == ["ScenesById", "ScenesById"]
        asked_for = [scene for each in wire.asked() for scene in each["variables"]["ids"]]
    assert asked_for == [str(scene_id) for scene_id in ids]


def test_a_scene_that_cannot_be_read_is_not_taken_for_a_missing_one(
    wire: Wire, client: StashClient
) -> None:
    """A senseless scene raises instead of vanishing, which would look like a deletion."""
    wire.app.database.change(2, lambda scene: setattr(scene, "title", ["no text"]), touch=False)
    with pytest.raises(StashAnswerError, match="scene 2"):
        client.read_scenes([1, 2, 3])


def test_a_path_is_compared_exactly(wire: Wire, client: StashClient) -> None:
    """What LIKE finds beyond the path itself is left out."""
    paths = ["/srv/a_b%.mp4", "/srv/A_B%.mp4", "/srv/aXb99.mp4", "/srv/other.mp4"]
    first, *_ = [wire.control.add_scene("/first", path) for path in paths]
    found = client.scenes_with_path("/srv/a_b%.mp4", "/srv/a_b%.mp4".__eq__)
    assert [(stamp.id, stamp.paths) for stamp in found] == [(first, ("/first", "/srv/a_b%.mp4"))]


def test_counting_asks_for_no_scene(wire: Wire, client: StashClient) -> None:
    """count_scenes gives the number alone."""
    wire.keep(1, 5)
    assert client.count_scenes() == 2
    assert version_of(client) == "v0.30.1"


def test_a_cover_is_fetched_from_our_own_address(wire: Wire, client: StashClient) -> None:
    """The host that Stash wrote into the address is not asked."""
    there = "/scene/7/screenshot?t=1795374456"
    scene = Scene.from_graphql({"id": "7", "paths": {"screenshot": f"http://elsewhere:1{there}"}})
    wire.always = Reply(200, PNG, "image/png; x=y")
    assert client.cover(scene).image == PNG
    assert [(one["method"], one["target"]) for one in wire.asked()[-1:]] == [("GET", there)]


@pytest.mark.parametrize(
    "answer",
    [
        plain(200, SVG, {"Content-Type": "image/svg+xml"}),
        plain(200, b"<html>login</html>", {"Content-Type": "text/html; charset=utf-8"}),
        plain(200, PNG),
        plain(200, b"", {"Content-Type": "image/jpeg"}),
        plain(404, b"gone", {"Content-Type": "text/plain"}),
        plain(200, b"x" * (LARGEST_COVER + 1), {"Content-Type": "image/jpeg"}),
    ],
    ids=["svg", "page", "untyped", "empty", "gone", "huge"],
)
def test_what_is_no_picture_is_no_cover(wire: Wire, client: StashClient, answer: Reply) -> None:
    """Stash's own drawing, pages, nothing at all and endless bodies are all None."""
    wire.always = answer
    assert client.cover(Scene(id=1, cover="/scene/1/screenshot?t=1")).image is None


@pytest.mark.parametrize(
    ("etag", "kept"),
    [('"abc"', '"abc"'), ('W/"a b"', ""), (f'"{"a" * 100}"', ""), ("", "")],
    ids=["word", "blank", "long", "none"],
)
def test_a_cover_says_what_it_is_known_by(
    wire: Wire, client: StashClient, etag: str, kept: str
) -> None:
    """An ETag is kept if it is one short word, for the ledger gives it back as it took it."""
    wire.always = plain(200, PNG, {"Content-Type": "image/png", "ETag": etag})
    reading = client.cover(Scene(id=1, cover="/scene/1/screenshot?t=1"))
    assert (reading.image, reading.etag, reading.is_known) == (PNG, kept, False)
    assert "if-none-match" not in wire.asked()[-1]["headers"]


def test_a_cover_that_is_known_does_not_come_again(wire: Wire, client: StashClient) -> None:
    """Who names the ETag gets 304 without bytes, which is no missing cover."""
    wire.always = plain(304)
    reading = client.cover(Scene(id=1, cover="/scene/1/screenshot?t=2"), '"abc"')
    assert (reading.image, reading.etag, reading.is_known) == (None, '"abc"', True)
    assert wire.asked()[-1]["headers"]["if-none-match"] == '"abc"'


def test_a_scene_without_a_cover_costs_no_request(wire: Wire, client: StashClient) -> None:
    """Nothing is asked where Stash named no picture."""
    assert client.cover(Scene(id=1)).image is None
    assert wire.asked() == []


def test_four_readers_share_one_client(wire: Wire, client: StashClient) -> None:
    """Readers in several threads get their own scenes, and the key is read once."""
    wire.let_in(COOKIE)
    start = threading.Barrier(4)

    def read(part: int) -> list[tuple[str, bytes | None]]:
        start.wait(10)
        got = []
        for scene_id in range(part, 81, 4):
            scene = client.read_scenes([scene_id]).scenes[scene_id]
            got.append((scene.title, client.cover(scene).image))
        return got

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(read, (1, 2, 3, 4)))
    for part, got in enumerate(parts, 1):
        assert got == [
            (catalogue_scene(n).title, jpeg(str(n).encode())) for n in range(part, 81, 4)
        ]
    assert wire.operations().count("ApiKey") == 1
