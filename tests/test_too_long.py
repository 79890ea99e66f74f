"""A proxy with a limit for addresses: what is too long for it holds back nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.installation import installation
from tests.stepped_worker import step

if TYPE_CHECKING:
    from pathlib import Path


def test_a_list_that_cannot_go_holds_back_no_other_field(tmp_path: Path) -> None:
    """The list is named, all texts and the other lists arrive, and it goes once it can."""
    with installation(tmp_path, scenes=2) as env, step(env) as stepped:
        env.plex.fault("status", status=414, method="PUT", path="^.{8192,}", times=None)
        tags = [env.stash.add_entity("tag", f"{number} {'long ' * 38}x") for number in range(60)]
        env.stash.set_scene(
            1, title="Beside a long list", details="Words", tag_ids=[str(tag) for tag in tags]
        )
        stepped.hook(1)
        stepped.drain()
        item, row = env.item(1), stepped.rows()[1]
        assert item["fields"]["title"] == "Beside a long list"
        assert item["fields"]["summary"] == "Words"
        assert item["tags"]["actor"]
        for place in ("posters", "arts"):
            shown = [one["key"] for one in item[place] if one["selected"]]
            assert shown[0].startswith("upload://")
        assert (row.reason, row.due_at) == ("RequestTooLarge", None)
        assert "tags" in row.message
        env.plex.clear_faults()
        stepped.hook(1)
        stepped.settle()
        assert len(env.item(1)["tags"]["genre"]) >= 60
