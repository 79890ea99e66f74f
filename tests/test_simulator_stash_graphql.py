"""The Stash stand-in's answers against those of a real Stash."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control import GraphQLError, StashControl
from stash.queries import SCENE_AND_SETTINGS
from tests.stash_stand_in import recorded_reply, serving, shape

if TYPE_CHECKING:
    from collections.abc import Iterator

GREATER = {"modifier": "GREATER_THAN"}


@pytest.fixture
def stash() -> Iterator[StashControl]:
    """A stand-in with five scenes."""
    with serving() as control:
        yield control


def ids(stash: StashControl, scene_filter: dict[str, Any], **paging: Any) -> list[int]:
    """Ids that findScenes gives for a filter."""
    query = (
        "query($s:SceneFilterType,$f:FindFilterType)"
        "{findScenes(scene_filter:$s,filter:$f){count scenes{id}}}"
    )
    found = stash.graphql(query, s=scene_filter, f={"sort": "id", **paging})["findScenes"]
    return [int(scene["id"]) for scene in found["scenes"]]


@pytest.mark.parametrize(
    "name",
    [
        "findScene-missing",
        "findScene-badfield",
        "configuration-plugins-nothing-set",
        "configuration-plugins-include-unknown",
        "runPluginOperation-unknown-plugin",
        "findScenes-ids",
        "sceneUpdate-unknown-id",
        "sceneUpdate-title",
        "findScenes-perpage0",
        "findScenes-page-beyond",
        "findScenes-updated-since",
        "version",
        "accept-graphql-response",
        "stopJob",
        "configurePlugin-again",
    ],
)
def test_answers_like_the_recorded_server(stash: StashControl, name: str) -> None:
    """Status, content type and shape of an answer are those a real Stash gave."""
    request, status, headers, reply = recorded_reply(name)
    stash.options(advance_seconds=10 * 365 * 86400)  # after the recordings, whatever the date is
    stash.set_scene(1)
    answer = stash.post(request["query"], request["variables"], request["headers"])
    got = json.loads(answer.body)
    assert answer.status == status
    assert answer.headers["Content-Type"] == headers["Content-Type"]
    if "errors" in reply or reply["data"].get("findScene", 1) is None:
        assert got == reply
    else:
        assert shape(got) == shape(reply)


def test_a_scene_is_as_recorded(stash: StashControl) -> None:
    """All that PlexSync asks of a scene has the recorded types."""
    _, _, _, reply = recorded_reply("findScene-full-schema-example")
    stash.set_scene(1, performer_ids=[1], rating100=None)
    got = stash.graphql(SCENE_AND_SETTINGS, id="1", plugins=[])["findScene"]
    want = {name: reply["data"]["findScene"][name] for name in got}
    for inner in ("studio", "performers", "tags", "files"):
        ours, theirs = (
            one[inner][0] if isinstance(one[inner], list) else one[inner] for one in (got, want)
        )
        assert shape(ours) == shape({name: theirs[name] for name in ours})
    plain = got.keys() - {"studio", "performers", "tags", "files"}
    assert shape({name: got[name] for name in plain}) == shape({name: want[name] for name in plain})


def test_a_cleared_title_is_empty_and_a_date_may_be_half(stash: StashControl) -> None:
    """A null title reads as an empty one, and a month is a date, as in Stash."""
    update = "mutation($i:SceneUpdateInput!){sceneUpdate(input:$i){title date}}"
    stash.graphql(update, i={"id": "1", "title": "t", "date": "2024-02"})
    got = stash.graphql(update, i={"id": "1", "title": None})
    assert got["sceneUpdate"] == {"title": "", "date": "2024-02"}


def test_paging(stash: StashControl) -> None:
    """Pages hold 25 unless told otherwise, -1 is all, and the count is the whole."""
    with serving(scenes=30) as many:
        assert len(ids(many, {})) == 25
        assert len(ids(many, {}, per_page=-1)) == 30
        assert ids(many, {}, per_page=4, page=2) == [5, 6, 7, 8]
        assert ids(many, {"id": {**GREATER, "value": 27}}, per_page=2) == [28, 29]
        assert ids(many, {}, per_page=2, direction="DESC") == [30, 29]


def test_updated_at_is_compared_as_text(stash: StashControl) -> None:
    """A server that moved west files its newest scene under an older text."""
    before = stash.scene(1)["updated_at"]
    assert before.endswith("Z")
    stash.options(offset_minutes=-720)
    stash.set_scene(1, title="newest")
    after = stash.scene(1)["updated_at"]
    assert after.endswith("-12:00")
    day = {"updated_at": {**GREATER, "value": after[:10] + " 00:00:00"}}
    assert ids(stash, day) == [1]
    utc = {"updated_at": {**GREATER, "value": stash.scene(1)["updated_at"][:19] + "Z"}}
    assert ids(stash, utc) == []


@pytest.mark.parametrize(
    ("criterion", "expected"),
    [
        ({"value": "/STASH/media/X/Scene%1.MP4", "modifier": "EQUALS"}, [6, 7]),
        ({"value": "/stash/media/x/scene_1.mp4", "modifier": "EQUALS"}, [6, 7]),
        ({"value": "/stash/media/x/scene_1", "modifier": "EQUALS"}, []),
    ],
)
def test_path_filter(stash: StashControl, criterion: dict[str, Any], expected: list[int]) -> None:
    """EQUALS is a LIKE that ignores case."""
    stash.add_scene("/stash/media/x/Scene_1.mp4")
    stash.add_scene("/stash/media/x/SceneA1.mp4")
    assert ids(stash, {"path": criterion}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HARBOUR", [6, 7]),
        ("night harbour", [6]),
        ("harbour night", [6]),
        ('"night harbour"', []),
        ('"harbour night"', [6]),
        ("harbour -night", [7]),
        ("rainy.mp4", [7]),
        ("rain_.mp4 harbo%r", [7]),
        ("harbour nowhere", []),
        ("  ", [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_a_search_looks_for_each_word(stash: StashControl, text: str, expected: list[int]) -> None:
    """Every word has to be part of title, details, path or hash, whatever its case."""
    for name in ("first", "rainy"):
        stash.add_scene(f"/stash/media/x/{name}.mp4")
    stash.set_scene(6, title="Harbour Night", details="A long one")
    stash.set_scene(7, title="Two", details="By the harbour")
    assert ids(stash, {}, q=text) == expected


def test_edits_move_updated_at_and_renames_and_merges_do_not(stash: StashControl) -> None:
    """Every scene edit moves updated_at, even of nothing; what befalls its tags does not."""
    stash.options(advance_seconds=60)
    first, (tag, other) = stash.scene(1)["updated_at"], stash.scene(1)["tags"]
    stash.set_entity("tag", tag, name="Renamed")
    stash.graphql(f"mutation{{tagsMerge(input:{{source:[{tag}],destination:{other}}}){{id}}}}")
    assert stash.scene(1)["tags"] == [other]
    stash.delete_entity("tag", other)
    assert stash.scene(1)["tags"] == []
    assert stash.scene(1)["updated_at"] == first
    stash.options(advance_seconds=1)
    stash.graphql("mutation{sceneUpdate(input:{id:1}){id}}")
    assert stash.scene(1)["updated_at"] > first


def test_a_renamed_folder_moves_paths_and_no_time(stash: StashControl) -> None:
    """As a scan leaves it: the files below lie elsewhere, and nothing else tells of it."""
    folder = "/stash/media/" + stash.scene(1)["files"][0]["path"].split("/")[3]
    before = [stash.scene(number) for number in range(1, 6)]
    below = [one["id"] for one in before if one["files"][0]["path"].startswith(folder + "/")]
    assert stash.move_folder(folder, "/stash/media/Else where") == below
    for one in before:
        if one["id"] in below:
            file = one["files"][0]
            file["path"] = file["path"].replace(folder, "/stash/media/Else where")
    assert [stash.scene(number) for number in range(1, 6)] == before
    moved = before[0]["files"][0]["path"]
    assert ids(stash, {"path": {"value": moved, "modifier": "EQUALS"}}) == [1]


def test_refused_edit_changes_nothing(stash: StashControl) -> None:
    """A date that is none, or a tag that is not there, leaves the scene as it was."""
    before = stash.scene(1)
    stash.options(advance_seconds=60)
    for values in ('date:"nonsense"', "tag_ids:[9999]"):
        with pytest.raises(GraphQLError):
            stash.graphql(f'mutation{{sceneUpdate(input:{{id:1,title:"x",{values}}}){{id}}}}')
    assert stash.scene(1) == before


def test_bulk_modes(stash: StashControl) -> None:
    """ADD, REMOVE and SET work on the lists of every scene of a bulk edit."""
    bulk = "mutation($i:BulkSceneUpdateInput!){bulkSceneUpdate(input:$i){tags{id}}}"

    def tags(mode: str, wanted: list[int]) -> list[list[int]]:
        given = {"ids": ["1", "2"], "tag_ids": {"ids": wanted, "mode": mode}}
        found = stash.graphql(bulk, i=given)["bulkSceneUpdate"]
        return [[int(tag["id"]) for tag in scene["tags"]] for scene in found]

    assert tags("SET", [1, 2]) == [[1, 2], [1, 2]]
    assert tags("ADD", [3, 1]) == [[1, 2, 3], [1, 2, 3]]
    assert tags("REMOVE", [1]) == [[2, 3], [2, 3]]


def test_screenshot(stash: StashControl) -> None:
    """A cover comes as JPEG, its lack as SVG, an unknown scene as 404."""
    made = stash.send("GET", "/scene/1/screenshot")
    assert (made.status, made.headers["Content-Type"]) == (200, "image/jpeg")
    assert made.body.startswith(b"\xff\xd8")
    assert stash.send("GET", "/scene/2/screenshot").body != made.body
    stash.set_scene(1, cover="none")
    none = stash.send("GET", "/scene/1/screenshot")
    assert (none.status, none.headers["Content-Type"]) == (200, "image/svg+xml")
    assert len(none.body) == 733
    assert stash.send("GET", "/scene/999/screenshot").status == 404


def test_screenshot_address_follows_the_request(stash: StashControl) -> None:
    """The address names the host the client asked for, as the recorded server did."""
    request, _, _, _ = recorded_reply("screenshot-url-other-host")
    answer = stash.post(request["query"], None, request["headers"])
    address = json.loads(answer.body)["data"]["findScene"]["paths"]["screenshot"]
    assert address.startswith("https://stash.example:1234/scene/1/screenshot?t=")


def test_what_is_not_played_says_so(stash: StashControl) -> None:
    """A valid request that the stand-in does not know is an error, never a guess."""
    with pytest.raises(GraphQLError, match=r"does not play Query\.findImages"):
        stash.graphql("{findImages{count}}")
    with pytest.raises(GraphQLError, match="does not play the filter interactive"):
        stash.graphql("{findScenes(scene_filter:{interactive:true}){count}}")


def test_bad_variables_and_bad_syntax(stash: StashControl) -> None:
    """A missing variable and a syntax error are refused with 422."""
    assert stash.post("query($i:ID!){findScene(id:$i){id}}").status == 422
    answer = stash.post("{findScene(")
    assert answer.status == 422
    assert json.loads(answer.body)["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
