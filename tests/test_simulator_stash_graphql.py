"""The Stash stand-in's answers against those of a real Stash, and its older versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.control_stash import GraphQLError, StashControl
from simulator.stash.records import jpeg
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
        "jobQueue-empty",
        "configuration-plugins-nothing-set",
        "configuration-plugins-include-unknown",
        "runPluginOperation-unknown-plugin",
        "findScenes-ids",
        "sceneUpdate-unknown-id",
        "sceneGenerateScreenshot",
        "sceneUpdate-title",
        "findScenes-perpage0",
        "findScenes-page-beyond",
        "findScenes-updated-since",
        "version",
        "systemStatus",
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
    got_status, got_headers, body = stash.post(
        request["query"], request["variables"], request["headers"]
    )
    got = json.loads(body)
    assert got_status == status
    assert got_headers["Content-Type"] == headers["Content-Type"]
    if "errors" in reply or reply["data"].get("findScene", 1) is None:
        assert got == reply
    else:
        assert shape(got) == shape(reply)


def test_every_recorded_field_of_a_scene_is_there(stash: StashControl) -> None:
    """The fullest recorded scene query yields the same keys and types."""
    request, _, _, reply = recorded_reply("findScene-full-schema-example")
    stash.graphql(
        "mutation{sceneUpdate(input:{id:1,tag_ids:[1],performer_ids:[1],rating100:null}){id}}"
    )
    _, _, body = stash.post(request["query"].replace("15", "1", 1))
    got, want = json.loads(body)["data"]["findScene"], reply["data"]["findScene"]
    assert shape(got) == shape(want)


def test_unset_values_read_as_in_stash(stash: StashControl) -> None:
    """A scene without anything has an empty title and a null date, no file name."""
    number = stash.add_scene("/stash/media/a.mp4")
    query = f"{{findScene(id:{number}){{title details date studio{{id}} tags{{id}} rating100}}}}"
    assert stash.graphql(query)["findScene"] == {
        "title": "",
        "details": "",
        "date": None,
        "studio": None,
        "tags": [],
        "rating100": None,
    }
    update = "mutation($i:SceneUpdateInput!){sceneUpdate(input:$i){title date}}"
    stash.graphql(update, i={"id": str(number), "title": "t", "date": "2024-02"})
    got = stash.graphql(update, i={"id": str(number), "title": None})
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
        ({"value": "nowhere sceneA1", "modifier": "INCLUDES"}, [7]),
        ({"value": '"nowhere sceneA1"', "modifier": "INCLUDES"}, []),
    ],
)
def test_path_filter(stash: StashControl, criterion: dict[str, Any], expected: list[int]) -> None:
    """EQUALS is a LIKE that ignores case, INCLUDES takes any of its words unless quoted."""
    stash.add_scene("/stash/media/x/Scene_1.mp4")
    stash.add_scene("/stash/media/x/SceneA1.mp4")
    assert ids(stash, {"path": criterion}) == expected


def test_related_filters_follow_changes(stash: StashControl) -> None:
    """Filters by tag, performer, studio and group see edits made after their first use."""
    tag, group = stash.add_entity("tag", "Fresh"), stash.add_entity("group", "Saga")
    by_tag = {"tags": {"value": [str(tag)], "modifier": "INCLUDES"}}
    by_group = {"groups": {"value": [str(group)], "modifier": "INCLUDES"}}
    assert ids(stash, by_tag) == ids(stash, by_group) == []
    stash.set_scene(2, tag_ids=[tag], groups=[{"group_id": str(group)}], organized=True)
    assert ids(stash, by_tag) == ids(stash, by_group) == ids(stash, {"organized": True}) == [2]
    stash.delete_entity("tag", tag)
    assert ids(stash, by_tag) == []
    assert ids(stash, {"organized": False}) == [1, 3, 4, 5]


def test_edit_moves_updated_at_and_rename_does_not(stash: StashControl) -> None:
    """Every scene edit moves updated_at, even of nothing; renames, counters and moves do not."""
    stash.options(advance_seconds=60)
    first = stash.scene(1)["updated_at"]
    tag = stash.scene(1)["tags"][0]
    stash.graphql(f'mutation{{tagUpdate(input:{{id:{tag},name:"Renamed"}}){{id}}}}')
    stash.graphql("mutation{sceneIncrementPlayCount(id:1)}")
    stash.set_scene(1, move="/stash/media/moved.mp4", touch=False)
    stash.graphql(f"mutation{{tagDestroy(input:{{id:{tag}}})}}")
    assert stash.scene(1)["updated_at"] == first
    assert tag not in stash.scene(1)["tags"]
    stash.graphql("mutation{sceneUpdate(input:{id:1}){id}}")
    second = stash.scene(1)["updated_at"]
    assert second > first
    stash.options(advance_seconds=1)
    stash.graphql("mutation{sceneGenerateScreenshot(id:1)}")
    assert stash.scene(1)["updated_at"] > second


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


def test_merging(stash: StashControl) -> None:
    """Merged scenes bring their files, merged tags their scenes."""
    paths = [stash.scene(number)["files"][0]["path"] for number in (1, 2)]
    stash.graphql("mutation{sceneMerge(input:{source:[2],destination:1}){id}}")
    assert [file["path"] for file in stash.scene(1)["files"]] == paths
    assert stash.graphql("{findScene(id:2){id}}") == {"findScene": None}
    stash.set_scene(3, tag_ids=[1, 2])
    stash.graphql("mutation{tagsMerge(input:{source:[2],destination:1}){id}}")
    assert stash.scene(3)["tags"] == [1]
    assert stash.graphql("{findTag(id:2){id}}") == {"findTag": None}


def test_entities_are_found_by_time(stash: StashControl) -> None:
    """A rename shows in the updated_at filter of its kind."""
    now = stash.state()["now"]
    stash.options(advance_seconds=5)
    for kind in ("studio", "performer", "tag"):
        stash.rename(kind, 3, f"Renamed {kind}")
        query = (
            f"{{find{kind.title()}s({kind}_filter:{{updated_at:"
            f'{{value:"{now}",modifier:GREATER_THAN}}}}){{count {kind}s{{id name}}}}}}'
        )
        found = stash.graphql(query)[f"find{kind.title()}s"]
        assert found == {"count": 1, f"{kind}s": [{"id": "3", "name": f"Renamed {kind}"}]}


def test_screenshot(stash: StashControl) -> None:
    """A cover comes as JPEG, its lack as SVG, an unknown scene as 404."""
    status, headers, body = stash.get("/scene/1/screenshot")
    assert (status, headers["Content-Type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")
    assert stash.get("/scene/2/screenshot")[2] != body
    stash.set_scene(1, cover="none")
    status, headers, body = stash.get("/scene/1/screenshot")
    assert (status, headers["Content-Type"], len(body)) == (200, "image/svg+xml", 733)
    stash.set_scene(1, cover="new:x")
    assert stash.get("/scene/1/screenshot")[2] == jpeg(b"new:x")
    assert stash.get("/scene/999/screenshot")[0] == 404


def test_screenshot_address_follows_the_request(stash: StashControl) -> None:
    """The address names the host the client asked for, as the recorded server did."""
    request, _, _, _ = recorded_reply("screenshot-url-other-host")
    _, _, body = stash.post(request["query"], None, request["headers"])
    address = json.loads(body)["data"]["findScene"]["paths"]["screenshot"]
    assert address.startswith("https://stash.example:1234/scene/1/screenshot?t=")


def test_settings(stash: StashControl) -> None:
    """Nothing stored is nothing there, and saving replaces the whole map."""
    ask = '{configuration{plugins(include:["PlexSync"])}}'
    assert stash.graphql(ask) == {"configuration": {"plugins": {}}}
    save = 'mutation($i:Map!){configurePlugin(plugin_id:"PlexSync",input:$i)}'
    stash.graphql(save, i={"plex_url": "http://plex", "flag": False})
    stash.graphql(save, i={"flag": True})
    assert stash.graphql(ask) == {"configuration": {"plugins": {"PlexSync": {"flag": True}}}}


@pytest.mark.parametrize(
    ("version", "query", "known"),
    [
        ("0.27", "{findScene(id:1){groups{group{id}}}}", True),
        ("0.27", "{findScenes(scene_filter:{files_filter:{}}){count}}", False),
        ("0.30", "{findScenes(scene_filter:{files_filter:{}}){count}}", True),
        ("0.30", "{findScene(id:1){custom_fields}}", False),
        ("0.31", "{findScene(id:1){custom_fields}}", True),
        ("0.27", "{findTags{tags{sort_name}}}", False),
        ("0.28", "{findTags{tags{sort_name}}}", True),
        ("0.28", "{findStudios{studios{urls}}}", False),
        ("0.27", "{findSceneMarkers(ids:[]){count}}", False),
    ],
)
def test_older_versions_lack_what_came_later(version: str, query: str, known: bool) -> None:
    """A field newer than the played version fails as on that server, others do not."""
    with serving(version=version) as stash:
        status, _, body = stash.post(query)
    assert (status == 200) == known
    if not known:
        [error] = json.loads(body)["errors"]
        assert error["extensions"] == {"code": "GRAPHQL_VALIDATION_FAILED"}


def test_introspection(stash: StashControl) -> None:
    """A client can ask which fields there are, beside other things."""
    found = stash.graphql(
        "query($t:String!){__type(name:$t){fields{name}} version{version} a:__typename}", t="Scene"
    )
    assert {"name": "updated_at"} in found["__type"]["fields"]
    assert found["a"] == "Query"
    assert found["version"]["version"].startswith("v0.30")


def test_fragments_aliases_and_directives(stash: StashControl) -> None:
    """Selections may be written any way GraphQL allows."""
    found = stash.graphql(
        "query($no:Boolean!){s:findScene(id:1){...T code @include(if:$no) ... on Scene{tags{id}} "
        "tags{n:name}}} fragment T on Scene{id t:title}",
        no=False,
    )["s"]
    assert set(found) == {"id", "t", "tags"}
    assert set(found["tags"][0]) == {"id", "n"}


def test_what_is_not_played_says_so(stash: StashControl) -> None:
    """A valid request that the stand-in does not know is an error, never a guess."""
    with pytest.raises(GraphQLError, match=r"does not play Query\.findImages"):
        stash.graphql("{findImages{count}}")
    with pytest.raises(GraphQLError, match="does not play the scene filter interactive"):
        stash.graphql("{findScenes(scene_filter:{interactive:true}){count}}")


def test_bad_variables_and_bad_syntax(stash: StashControl) -> None:
    """A missing variable and a syntax error are refused with 422."""
    assert stash.post("query($i:ID!){findScene(id:$i){id}}")[0] == 422
    status, _, body = stash.post("{findScene(")
    assert status == 422
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "GRAPHQL_PARSE_FAILED"
