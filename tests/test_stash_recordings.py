"""What a real Stash 0.30.1 sent, given to the client as it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import StashAnswerError, StashQueryRefused, StashRefused
from stash.scene import NamedRef, SceneFile, SceneStamp
from tests.stash_wire import Wire, of_json, plain, running_wire, version_of

DATA = Path(__file__).resolve().parent / "data" / "stash"


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A server without a cookie, so that each call is one request."""
    with running_wire(cookie=None) as running:
        yield running


@pytest.fixture
def client(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Iterator[StashClient]:
    """A client for the plugin that made the recordings."""
    monkeypatch.setattr("stash.client.PLUGIN", "recorder")
    with closing(StashClient(wire.connection)) as made:
        yield made


def replay(wire: Wire, name: str) -> None:
    """Let every request be answered as this one was."""
    recorded = json.loads((DATA / "graphql" / f"{name}.json").read_text(encoding="utf-8"))
    kept = {
        header: value
        for header, value in recorded["response_headers"].items()
        if header not in {"Content-Length", "Connection", "Transfer-Encoding", "Date"}
    }
    wire.always = plain(recorded["status"], recorded["response_raw"].encode(), kept)


def with_settings(wire: Wire) -> None:
    """Add what a question for scenes asks for as well, and these recordings did not."""
    answer = json.loads((wire.always or plain()).body)
    answer["data"]["configuration"] = {"plugins": {}}
    wire.always = of_json(answer)


def test_a_full_scene(wire: Wire, client: StashClient) -> None:
    """A recorded scene with all its parts is read whole."""
    replay(wire, "findScene-full-schema-example")
    with_settings(wire)
    scene = client.read_scenes([15]).scenes[15]
    assert (scene.title, scene.date, scene.organized) == ("Identified title", "2021-05-06", True)
    assert scene.rating100 is None
    assert scene.studio == NamedRef(3, "Ident Studio")
    assert scene.performers == (NamedRef(4, "Ident Perf"),)
    assert scene.tags == (NamedRef(7, "d1"), NamedRef(8, "identnew"))
    assert scene.files == (SceneFile("/srv/lib/d2.mp4", 13836, "17a59a37037091a3"),)
    assert scene.cover == "/scene/15/screenshot?t=1795374934"


def test_a_missing_scene(wire: Wire, client: StashClient) -> None:
    """Null without an error means that Stash does not have the scene."""
    replay(wire, "findScene-missing")
    with_settings(wire)
    assert client.read_scenes([9999]).scenes == {}


def test_a_list_with_an_unknown_id_is_an_error(wire: Wire, client: StashClient) -> None:
    """Errors beside null data are never taken for an empty answer."""
    replay(wire, "findScenes-ids")
    with pytest.raises(StashAnswerError, match="scene with id 9999 not found"):
        client.stamps_after(0)


def test_an_unknown_field_means_an_older_stash(wire: Wire, client: StashClient) -> None:
    """HTTP 422 names the field and asks for a newer Stash."""
    replay(wire, "findScene-badfield")
    with pytest.raises(StashQueryRefused, match=r"nosuchfield.*0\.27"):
        version_of(client)


@pytest.mark.parametrize("name", ["unauthenticated-query", "apikey-bad"])
def test_a_refusal_has_an_empty_body(wire: Wire, client: StashClient, name: str) -> None:
    """A recorded 401 is StashRefused."""
    replay(wire, name)
    with pytest.raises(StashRefused):
        version_of(client)


@pytest.mark.parametrize("name", ["version", "accept-graphql-response", "apikey-query"])
def test_the_version(wire: Wire, client: StashClient, name: str) -> None:
    """The version is read from each content type that Stash uses."""
    replay(wire, name)
    assert version_of(client) == "v0.30.1"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("configuration-plugins-include", {"flag_set": True, "num_set": 7}),
        ("configuration-plugins-include-unknown", {}),
        ("configuration-plugins-nothing-set", {}),
        ("configuration-plugins-after-empty", {}),
    ],
)
def test_settings(wire: Wire, client: StashClient, name: str, settings: dict[str, object]) -> None:
    """What is set is there; a plugin with nothing set has no settings."""
    replay(wire, name)
    got = client.settings()
    assert settings.items() <= got.items()
    assert bool(got) == bool(settings)


def test_a_page_beyond_the_end(wire: Wire, client: StashClient) -> None:
    """No scenes and the full count, as Stash answers past the last page."""
    replay(wire, "findScenes-page-beyond")
    assert client.stamps_after(99) == []
    assert client.scenes_after(99, 100) == []
    assert client.count_scenes() == 27


def test_counting_with_an_empty_page(wire: Wire, client: StashClient) -> None:
    """A page of size 0 still carries the count."""
    replay(wire, "findScenes-perpage0")
    assert client.count_scenes() == 27


def test_a_scene_by_its_path(wire: Wire, client: StashClient) -> None:
    """The path filter's answer is compared with the path that was meant."""
    replay(wire, "findScenes-by-path2")
    assert client.scenes_with_path("/srv/lib/clip1.mp4", "/srv/lib/clip1.mp4".__eq__) == [
        SceneStamp(1, "", ("/srv/lib/clip1.mp4",))
    ]
    assert client.scenes_with_path("/srv/lib/CLIP1.mp4", "/srv/lib/CLIP1.mp4".__eq__) == []


def test_a_connection_from_each_recorded_stdin() -> None:
    """Everything that Stash wrote on a plugin's stdin gives a usable connection."""
    stdins = sorted((DATA / "stdin").glob("*.json"))
    assert stdins
    for stdin in stdins:
        given = json.loads(stdin.read_text(encoding="utf-8"))["server_connection"]
        connection = StashConnection.from_server_connection(given)
        assert connection.is_loopback, stdin.name
