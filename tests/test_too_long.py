"""A proxy with a limit for addresses: what is too long for it holds back nothing else."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from plex.edits import LONGEST_QUERY
from tests.bulk_worker import stepped_bulk
from tests.installation import Installation, installation
from tests.stepped_worker import step

if TYPE_CHECKING:
    from pathlib import Path


def test_a_name_that_cannot_go_holds_back_nothing_else(tmp_path: Path) -> None:
    """Its list is named, all else of it and of the scene arrives, and it goes once it can."""
    with installation(tmp_path, scenes=2) as env, step(env) as stepped:
        env.plex.fault("status", status=414, method="PUT", path="^.{700,}", times=None)
        tags = [env.stash.add_entity("tag", f"{number} {'long ' * 38}x") for number in range(60)]
        tags.append(env.stash.add_entity("tag", "Ж" * 400))
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
        assert len(item["tags"]["genre"]) == 60
        env.plex.clear_faults()
        stepped.hook(1)
        stepped.settle()
        assert len(env.item(1)["tags"]["genre"]) == 61


LONG_LISTS = {"tag": ("genre", 500), "performer": ("actor", 300)}


@pytest.mark.parametrize("kind", LONG_LISTS)
def test_a_long_list_costs_what_eight_kilobytes_a_request_demand(tmp_path: Path, kind: str) -> None:
    """As few edits as carry its bytes, one read to see that all arrived, and none afterwards."""
    wire, count = LONG_LISTS[kind]
    with (
        installation(tmp_path, scenes=2) as env,
        stepped_bulk(env, sync_fields="title, tags, performers") as stepped,
    ):
        env.plex.switches(max_url_bytes=8192)
        names = [f"{kind} number {number}, of many" for number in range(count)]
        ids = [str(env.stash.add_entity(kind, name)) for name in names]
        carry(env, kind, ids)
        stepped.hook(1)
        stepped.drain()
        sent = puts(env)
        assert set(env.item(1)["tags"][wire]) == set(names)
        assert wire in env.item(1)["locked"]
        assert len(sent) == math.ceil(sum(map(len, sent)) / LONGEST_QUERY)
        assert stepped.plex_counts()["item_reads"] == 2
        assert not stepped.rows()

        more = env.stash.add_entity(kind, "One more")
        carry(env, kind, [*ids, str(more)])
        stepped.late += 60.0
        stepped.forget_requests()
        stepped.hook(1)
        stepped.drain()
        assert len(puts(env)) == 1
        assert len(env.item(1)["tags"][wire]) == count + 1

        carry(env, kind, ids[:5])
        stepped.late += 60.0
        stepped.hook(1)
        stepped.drain()
        assert set(env.item(1)["tags"][wire]) == set(names[:5])
        stepped.late += 60.0
        stepped.forget_requests()
        stepped.hook(1)
        stepped.drain()
        assert stepped.plex_counts()["writes"] == 0


def test_a_plex_that_takes_each_piece_for_the_list_gets_it_whole(tmp_path: Path) -> None:
    """The read afterwards shows what is missing, and the whole list is sent as one."""
    with (
        installation(tmp_path, scenes=2) as env,
        stepped_bulk(env, sync_fields="title, tags") as stepped,
    ):
        env.plex.switches(tag_writes="replace")
        names = [f"tag number {number}, of many" for number in range(400)]
        ids = [str(env.stash.add_entity("tag", name)) for name in names]
        env.stash.set_scene(1, tag_ids=ids)
        stepped.hook(1)
        stepped.drain()
        assert set(env.item(1)["tags"]["genre"]) == set(names)
        assert not stepped.rows()


def carry(env: Installation, kind: str, ids: list[str]) -> None:
    """Give scene 1 other tags or performers."""
    carried: dict[str, Any] = {f"{kind}_ids": ids}
    env.stash.set_scene(1, **carried)


def puts(env: Installation) -> list[str]:
    """The queries of the edits so far."""
    asked = env.plex.requests(headers=False)
    return [one["target"].partition("?")[2] for one in asked if one["method"] == "PUT"]
