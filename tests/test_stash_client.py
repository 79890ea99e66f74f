from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from stash.client import LARGEST_COVER, StashClient
from stash.exceptions import StashAnswerError
from stash.scene import Scene, SceneStamp
from tests.stash_wire import PNG, SVG, Answer, Wire, raw_scene, running_wire, version_of

NAMED = {"id": "5", "name": "N"}


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A Stash that asks for nothing."""
    with running_wire() as running:
        yield running


@pytest.fixture
def client(wire: Wire) -> Iterator[StashClient]:
    """A client of that Stash."""
    with closing(StashClient(wire.connection)) as made:
        yield made


def test_one_request_reads_a_scene_and_the_settings(wire: Wire, client: StashClient) -> None:
    """After the API key, reading a scene costs one request and asks for our settings only."""
    wire.scenes[7] = raw_scene(7)
    wire.settings = {"PlexSync": {"plex_url": "http://plex:32400"}, "other": {"secret": 1}}
    version_of(client)
    wire.asked.clear()
    reading = client.read_scenes([7])
    assert reading.scenes == {7: Scene.from_graphql(raw_scene(7))}
    assert reading.settings == {"plex_url": "http://plex:32400"}
    assert wire.operations() == ["SceneAndSettings"]
    assert wire.asked[0].question["variables"] == {"id": "7", "plugins": ["PlexSync"]}


def test_an_unknown_scene_is_absent_and_unset_settings_are_empty(client: StashClient) -> None:
    """A scene that Stash does not have is absent; a plugin with nothing set has {}."""
    reading = client.read_scenes([9999])
    assert (reading.scenes, reading.settings, client.settings()) == ({}, {}, {})


def test_another_scene_than_the_one_asked_for_is_refused(wire: Wire, client: StashClient) -> None:
    """An answer about a different scene is never taken for the wanted one."""
    wire.scenes[7] = raw_scene(8)
    with pytest.raises(StashAnswerError, match="scene 8"):
        client.read_scenes([7])


@pytest.mark.parametrize("plugins", [None, [], {"PlexSync": 3}, {"PlexSync": ["x"]}])
def test_senseless_settings_are_an_answer_error(
    wire: Wire, client: StashClient, plugins: object
) -> None:
    """Settings that are not an object raise StashAnswerError."""
    version_of(client)
    wire.always = Answer.of({"data": {"configuration": {"plugins": plugins}}})
    with pytest.raises(StashAnswerError):
        client.settings()


def test_stamps_come_in_pages_by_ascending_id(wire: Wire, client: StashClient) -> None:
    """It pages through all ids, and an empty list is the end."""
    wire.scenes = {scene_id: raw_scene(scene_id) for scene_id in (2, 3, 50, 51, 900)}
    seen: list[SceneStamp] = []
    while page := client.stamps_after(seen[-1].id if seen else 0, 2):
        seen.extend(page)
    assert [stamp.id for stamp in seen] == [2, 3, 50, 51, 900]
    assert seen[0] == SceneStamp(2, "2026-11-22T19:07:36Z", ("/srv/lib/clip2.mp4",))


def test_a_page_that_does_not_move_on_is_the_end(wire: Wire, client: StashClient) -> None:
    """A Stash that ignored the filter cannot make a caller read for ever."""
    version_of(client)
    wire.always = Answer.of({"data": {"findScenes": {"scenes": [raw_scene(n) for n in (9, 7, 8)]}}})
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
    wire.scenes = {n: raw_scene(n, title=f"T{n}") for n in (1, 2, 3)}
    assert [scene.title for scene in client.scenes_after(1, 5)] == ["T2", "T3"]


def test_many_scenes_survive_missing_ones(wire: Wire, client: StashClient) -> None:
    """Unknown ids are absent from read_scenes, though Stash fails the whole list for one."""
    wire.scenes = {n: raw_scene(n) for n in range(1, 131) if n not in {17, 60, 61}}
    scenes = client.read_scenes([*range(1, 131), 5, 5]).scenes
    assert sorted(scenes) == sorted(wire.scenes)
    assert scenes[130].title == "Scene 130"


def test_many_scenes_cost_few_requests(wire: Wire, client: StashClient) -> None:
    """Without missing ones, 1,000 scenes and the settings cost two requests; none cost none."""
    wire.scenes = {n: raw_scene(n) for n in range(1, 1001)}
    wire.settings = {"PlexSync": {"plex_url": "http://plex:32400"}}
    version_of(client)
    wire.asked.clear()
    assert client.read_scenes([]).scenes == {}
    reading = client.read_scenes([*wire.scenes, *wire.scenes])
    assert reading.settings == wire.settings["PlexSync"]
    assert wire.operations() == ["ScenesById", "ScenesById"]
    asked_for = [scene for each in wire.asked for scene in each.question["variables"]["ids"]]
    assert asked_for == [str(scene_id) for scene_id in range(1, 1001)]


def test_a_scene_that_cannot_be_read_is_not_taken_for_a_missing_one(
    wire: Wire, client: StashClient
) -> None:
    """A senseless scene raises instead of vanishing, which would look like a deletion."""
    wire.scenes = {1: raw_scene(1), 2: raw_scene(2, tags="no list"), 3: raw_scene(3)}
    with pytest.raises(StashAnswerError, match="scene 2"):
        client.read_scenes([1, 2, 3])


def test_a_path_is_compared_exactly(wire: Wire, client: StashClient) -> None:
    """What LIKE finds beyond the path itself is left out."""
    paths = ["/srv/a_b%.mp4", "/srv/A_B%.mp4", "/srv/aXb99.mp4", "/srv/other.mp4"]
    wire.scenes = {
        n: raw_scene(n, files=[{"path": "/first"}, {"path": path}])
        for n, path in enumerate(paths, 1)
    }
    found = client.scenes_with_path("/srv/a_b%.mp4", "/srv/a_b%.mp4".__eq__)
    assert [(stamp.id, stamp.paths) for stamp in found] == [(1, ("/first", "/srv/a_b%.mp4"))]


def test_counting_asks_for_no_scene(wire: Wire, client: StashClient) -> None:
    """count_scenes gives the number alone."""
    wire.scenes = {n: raw_scene(n) for n in (1, 5)}
    assert client.count_scenes() == 2
    assert version_of(client) == "v0.30.1"


def test_a_cover_is_fetched_from_our_own_address(wire: Wire, client: StashClient) -> None:
    """The host that Stash wrote into the address is not asked."""
    wire.scenes[7] = raw_scene(7)
    wire.covers[7] = ("image/png; x=y", PNG)
    assert client.cover(Scene.from_graphql(wire.scenes[7])).image == PNG
    assert (wire.asked[-1].method, wire.asked[-1].path) == (
        "GET",
        "/scene/7/screenshot?t=1795374456",
    )


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, SVG, {"Content-Type": "image/svg+xml"}),
        Answer(200, b"<html>login</html>", {"Content-Type": "text/html; charset=utf-8"}),
        Answer(200, PNG),
        Answer(200, b"", {"Content-Type": "image/jpeg"}),
        Answer(404, b"gone", {"Content-Type": "text/plain"}),
        Answer(200, b"x" * (LARGEST_COVER + 1), {"Content-Type": "image/jpeg"}),
    ],
    ids=["svg", "page", "untyped", "empty", "gone", "huge"],
)
def test_what_is_no_picture_is_no_cover(wire: Wire, client: StashClient, answer: Answer) -> None:
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
    wire.always = Answer(200, PNG, {"Content-Type": "image/png", "ETag": etag})
    reading = client.cover(Scene(id=1, cover="/scene/1/screenshot?t=1"))
    assert (reading.image, reading.etag, reading.is_known) == (PNG, kept, False)
    assert "If-None-Match" not in wire.asked[-1].headers


def test_a_cover_that_is_known_does_not_come_again(wire: Wire, client: StashClient) -> None:
    """Who names the ETag gets 304 without bytes, which is no missing cover."""
    wire.always = Answer(304)
    reading = client.cover(Scene(id=1, cover="/scene/1/screenshot?t=2"), '"abc"')
    assert (reading.image, reading.etag, reading.is_known) == (None, '"abc"', True)
    assert wire.asked[-1].headers["If-None-Match"] == '"abc"'


def test_a_scene_without_a_cover_costs_no_request(wire: Wire, client: StashClient) -> None:
    """Nothing is asked where Stash named no picture."""
    assert client.cover(Scene(id=1)).image is None
    assert wire.asked == []


def test_four_readers_share_one_client(wire: Wire, client: StashClient) -> None:
    """Readers in several threads get their own scenes, and the key is read once."""
    wire.scenes = {n: raw_scene(n) for n in range(1, 81)}
    wire.covers = {n: ("image/png", PNG + str(n).encode()) for n in wire.scenes}
    wire.cookies = {wire.connection.cookie_value or ""}
    wire.reissue = wire.connection.cookie_value or ""
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
        assert got == [(f"Scene {n}", PNG + str(n).encode()) for n in range(part, 81, 4)]
    assert wire.operations().count("ApiKey") == 1
