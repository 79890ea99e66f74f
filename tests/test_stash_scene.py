from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import PermanentError
from stash.exceptions import StashAnswerError
from stash.scene import NamedRef, Scene, SceneFile

# Shaped like the recorded answer for scene 15 of a Stash 0.30.1.
FULL = {
    "id": "15",
    "title": "Identified title",
    "details": "First line.\nSecond “line” \u2013 👩‍👩‍👧",
    "date": "2021-05",
    "rating100": 40,
    "director": "Dir",
    "organized": True,
    "updated_at": "2026-11-22T19:15:34Z",
    "studio": {"id": "3", "name": "Ident Studio"},
    "performers": [{"id": "9", "name": "B"}, {"id": "4", "name": "A"}],
    "tags": [{"id": "7", "name": "d1"}, {"id": "8", "name": "identnew"}],
    "groups": [{"group": {"id": "2", "name": "A group"}}],
    "files": [
        {
            "path": "/srv/lib/d2.mp4",
            "size": 13836,
            "fingerprints": [
                {"type": "phash", "value": "ffff"},
                {"type": "oshash", "value": "17A59a37037091a3"},
            ],
        },
        {"path": "/srv/lib/copy.mp4", "size": 7, "fingerprints": []},
    ],
    "paths": {"screenshot": "http://127.0.0.1:9999/scene/15/screenshot?t=1795374934"},
}

# json.loads can give exactly these, half surrogates and endless numbers included.
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_every_field_arrives_verbatim_and_in_stashs_order() -> None:
    """A full answer becomes a Scene with int ids, its own texts and Stash's order."""
    scene = Scene.from_graphql(FULL)
    assert scene == Scene(
        id=15,
        title="Identified title",
        details="First line.\nSecond “line” \u2013 👩‍👩‍👧",
        date="2021-05",
        rating100=40,
        director="Dir",
        organized=True,
        updated_at="2026-11-22T19:15:34Z",
        studio=NamedRef(3, "Ident Studio"),
        performers=(NamedRef(9, "B"), NamedRef(4, "A")),
        tags=(NamedRef(7, "d1"), NamedRef(8, "identnew")),
        groups=(NamedRef(2, "A group"),),
        files=(
            SceneFile("/srv/lib/d2.mp4", 13836, "17a59a37037091a3"),
            SceneFile("/srv/lib/copy.mp4", 7, None),
        ),
        cover="/scene/15/screenshot?t=1795374934",
    )


def test_a_scene_is_frozen() -> None:
    """Nobody can change a scene after it was read."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Scene.from_graphql(FULL).title = "other"  # type: ignore[misc]


def test_null_and_absent_mean_nothing() -> None:
    """Null and absent keys both become "", None or an empty tuple."""
    nulls = dict.fromkeys(FULL) | {"id": 3}
    assert Scene.from_graphql(nulls) == Scene.from_graphql({"id": "3"}) == Scene(id=3)


@pytest.mark.parametrize(
    "address",
    [
        "https://stash.example:1234/scene/15/screenshot?t=1795374934",
        "https://stash.example/behind/a/proxy/scene/15/screenshot?t=1795374934&apikey=secret",
        "/scene/15/screenshot?t=1795374934",
    ],
)
def test_the_cover_is_on_stashs_own_server_whatever_host_it_names(address: str) -> None:
    """Only the picture's version is taken from the address, never host, prefix or key."""
    scene = Scene.from_graphql({"id": "15", "paths": {"screenshot": address}})
    assert scene.cover == "/scene/15/screenshot?t=1795374934"


@pytest.mark.parametrize("address", ["http://[broken", "http://h/scene/1/screenshot?t=a b", "x"])
def test_an_odd_cover_address_has_no_version(address: str) -> None:
    """A version that is not a number is left out rather than passed on."""
    scene = Scene.from_graphql({"id": "15", "paths": {"screenshot": address}})
    assert scene.cover == "/scene/15/screenshot"


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("id", "", "a scene's id"),
        ("id", "-4", "a scene's id"),
        ("id", 0, "a scene's id"),
        ("id", True, "a scene's id"),
        ("id", "\uff11\uff15", "a scene's id"),
        ("id", 2**70, "a scene's id"),
        ("title", 7, "scene 15's title"),
        ("rating100", 40.5, "scene 15's rating100"),
        ("rating100", float("nan"), "scene 15's rating100"),
        ("organized", "true", "scene 15's organized"),
        ("studio", [], "scene 15's studio"),
        ("tags", {"id": "1"}, "scene 15's tags"),
        ("tags", [None], "scene 15's tags"),
        ("tags", [{"id": "1", "name": 4}], "a name in scene 15's tags"),
        ("groups", [{"id": "1", "name": "unwrapped"}], "scene 15's groups"),
        ("files", [{"path": None}], "scene 15's files"),
        ("files", [{"path": "/a", "fingerprints": ["x"]}], "fingerprints in scene 15's files"),
        ("paths", "http://h", "scene 15's paths"),
        ("paths", {"screenshot": 1}, "scene 15's screenshot"),
    ],
)
def test_a_senseless_answer_is_named(key: str, value: object, named: str) -> None:
    """A value of the wrong kind raises StashAnswerError, whose sentence names the part."""
    with pytest.raises(StashAnswerError) as caught:
        Scene.from_graphql(FULL | {key: value})
    assert named in caught.value.message


# The machine may be busy with other tests: slowness here says nothing.
@settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(ANY_JSON | st.dictionaries(st.sampled_from(sorted(FULL)), ANY_JSON))
def test_any_json_gives_a_scene_or_a_stash_answer_error(raw: object) -> None:
    """No JSON at all raises KeyError, TypeError or the like."""
    if isinstance(raw, dict):
        raw = {"id": "1"} | raw
    try:
        scene = Scene.from_graphql(raw)
    except StashAnswerError:
        return
    json.dumps(dataclasses.asdict(scene), ensure_ascii=False, allow_nan=False).encode()


def test_half_a_surrogate_pair_is_replaced() -> None:
    """Text that UTF-8 cannot hold is made storable instead of failing later."""
    assert Scene.from_graphql({"id": 1, "title": json.loads('"a\\ud800b"')}).title == "a?b"


def job_of(scene: Scene) -> dict[str, Any]:
    """A scene as a job says it: flat data, the studio's name, the primary file's path."""
    told = dataclasses.asdict(scene)
    studio, files = told.pop("studio"), told.pop("files")
    data = told | {"studio": studio["name"] if studio else "", "files": files[1:]}
    data["studio_id"] = studio["id"] if studio else None
    return {
        "scene_id": data.pop("id"),
        "update_type": "metadata",
        "data": data | (files[0] if files else {}),
    }


def test_a_job_carries_the_whole_scene() -> None:
    """A scene survives the way through a JSON job unchanged."""
    scene = Scene.from_graphql(FULL)
    job = json.loads(json.dumps(job_of(scene)))
    assert Scene.from_job(job) == scene


@pytest.mark.parametrize("raw", [{"id": 3}, {"id": 3, "files": [{"path": "/a"}]}])
def test_a_bare_scene_survives_as_a_job(raw: dict[str, object]) -> None:
    """Absent values stay absent on the way through a job."""
    scene = Scene.from_graphql(raw)
    assert Scene.from_job(job_of(scene)) == scene


def test_a_minimal_job_is_enough() -> None:
    """A job with only path, title and a studio's name is a scene; without path, no files."""
    job = {
        "scene_id": "7",
        "update_type": "metadata",
        "data": {"path": "/a/b.mp4", "title": "T", "studio": "S", "performers": ["P"]},
    }
    assert Scene.from_job(job) == Scene(
        id=7,
        title="T",
        studio=NamedRef(0, "S"),
        performers=(NamedRef(0, "P"),),
        files=(SceneFile("/a/b.mp4"),),
    )
    for nothing in ("", None):
        assert Scene.from_job({"scene_id": 7, "data": {"path": nothing}}) == Scene(id=7)


def test_a_job_may_list_its_primary_file_again() -> None:
    """The primary path among the other files does not make two files of it."""
    job = {"scene_id": 7, "data": {"path": "/a", "files": ["/a", "/b", {"path": "/c", "size": 2}]}}
    files = Scene.from_job(job).files
    assert files == (SceneFile("/a"), SceneFile("/b"), SceneFile("/c", 2))


@pytest.mark.parametrize(
    "job",
    [{}, {"scene_id": 1}, {"scene_id": 1, "data": []}, {"data": {}}, {"scene_id": "x", "data": {}}],
)
def test_a_broken_job_is_permanent(job: dict[str, object]) -> None:
    """A job that no retry can mend is a PermanentError."""
    with pytest.raises(PermanentError):
        Scene.from_job(job)


@pytest.mark.parametrize("title", [3, ["t"]])
def test_a_job_with_senseless_data_is_permanent(title: object) -> None:
    """Data of the wrong kind in a job is a PermanentError that names the scene."""
    with pytest.raises(PermanentError, match="scene 12"):
        Scene.from_job({"scene_id": 12, "data": {"title": title}})


def test_scenes_do_not_load_requests() -> None:
    """Whoever only needs Scene and the errors does not pay for importing requests."""
    code = "import sys, stash.scene, stash.connection; sys.exit('requests' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
