"""The operation behind the rules for tags among the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 6


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Scenes of which the first carries a tag below another one."""
    with installation(tmp_path_factory.mktemp("rules"), SCENES) as made:
        pets, dogs, plain = (
            made.stash.add_entity("tag", name) for name in ("Pets", "Dogs", "Plain")
        )
        made.stash.set_entity("tag", dogs, parents=[pets], aliases=["Hounds"])
        made.stash.set_scene(1, tag_ids=[dogs, plain])
        for scene in range(2, SCENES + 1):
            made.stash.set_scene(scene, tag_ids=[plain])
        yield made


def asked(env: Installation, rules: str) -> dict[str, Any]:
    """What the panel is told."""
    answer: dict[str, Any] = env.run(mode="tag_rules", tag_rules=rules)["output"]
    return answer


def test_scenes_that_rules_name_are_shown_and_the_tags_that_none_does(env: Installation) -> None:
    """Found by alias and parent, before anything is saved; what no rule names is listed."""
    found = asked(env, "children of Pets => parent too\nlabel: hounds")
    (first,) = found["scenes"]
    assert (first["id"], first["tags"]) == (1, ["Dogs", "Plain"])
    assert (first["genres"], first["labels"]) == (["Pets", "Plain"], ["Dogs"])
    assert found["missed"] == found["tags"] - 2  # all but Dogs, and Pets as its parent
    assert {"Plain"} <= set(found["names"])
    assert not {"Dogs", "Pets"} & set(found["names"])


def test_without_rules_the_newest_scenes_are_shown_as_they_are(env: Installation) -> None:
    """Every tag is a genre then."""
    found = asked(env, "")
    assert len(found["scenes"]) == 5
    assert all(one["genres"] == one["tags"] for one in found["scenes"])
    assert found["missed"] == found["tags"]


def test_faults_are_told_and_nothing_is_asked(env: Installation) -> None:
    """All at once, before Stash is asked for anything."""
    env.stash.clear_requests()
    found = asked(env, "drop:; A => B => C")
    assert [one.partition(" ")[2][:1] for one in found["faults"]] == ["1", "2"]
    assert found["scenes"] == []
    assert env.stash.counts().get("Tags", 0) == 0


def test_five_thousand_tags_cost_a_handful_of_requests_once(env: Installation) -> None:
    """A page for each thousand the first time, and two questions each time after that."""
    env.stash.options(advance_seconds=-60)  # so that no other change can have the same time
    made = [env.stash.add_entity("tag", f"Many {number}") for number in range(5000)]
    env.stash.set_scene(2, tag_ids=made[:3])
    env.stash.options(advance_seconds=60)
    counts = []
    for rules in ("drop: Many 1", "drop: Many 1, Many 2"):
        env.stash.clear_requests()
        found = asked(env, rules)
        assert found["scenes"][0]["id"] == 2
        assert len(found["names"]) == 500 < found["missed"]
        counts.append(env.stash.counts())
    assert counts[0]["Tags"] == 6
    assert "Tags" not in counts[1]
    assert (counts[1]["Changes"], counts[1]["NewestTagged"]) == (1, 1)
