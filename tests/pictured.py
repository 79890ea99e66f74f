"""Scene 1 with a cover, and what becomes of it at Plex: the steps of tests about pictures."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from merge.base import Base
from simulator.library import catalogue_file
from store import ledger
from tests.matching_environment import Environment, scene

if TYPE_CHECKING:
    from stash.scene import Scene
    from sync.plan import ScenePlan

BOTH = frozenset({"title", "poster", "background"})
ONE = frozenset({"poster"})
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def with_a_cover(one_env: Environment) -> Environment:
    """The environment of a file, as new; scene 1 has a cover, "first"."""
    one_env.again()
    one_env.covers[1] = PNG + b"first"
    return one_env


def pictured(version: int = 1, **changes: Any) -> Scene:
    """Give scene 1 with a cover of some version."""
    return scene(1, cover=f"/scene/1/screenshot?t={version}", **changes)


def look(
    env: Environment, version: int = 1, fields: frozenset[str] = BOTH, **settings: Any
) -> ScenePlan:
    """Look at scene 1 with these fields, and count requests from here on."""
    env.plex.clear_requests()
    env.downloads.clear()
    return env.look(pictured(version), sync_fields=fields, **settings)


def key_of(env: Environment, number: int = 1) -> int:
    """Give the rating key of a catalogue scene's item."""
    return env.plex.key_of(catalogue_file(number).plex_path)


def shown(env: Environment, which: str = "posters", key: int | None = None) -> str:
    """Give the last part of the selected image's key."""
    images = env.plex.item(key or key_of(env))[which]
    return next((i["key"].rpartition("/")[2] for i in images if i["selected"]), "")


def sha1(image: bytes | object) -> str:
    """Give what Plex calls an upload by."""
    assert isinstance(image, bytes)
    return hashlib.sha1(image, usedforsecurity=False).hexdigest()


def image_requests(env: Environment) -> list[str]:
    """Give method and last word of each request about images."""
    return [
        f"{request['method']} {request['target'].partition('?')[0].rpartition('/')[2]}"
        for request in env.plex.requests(headers=False)
        if "/poster" in request["target"] or "/art" in request["target"]
    ]


def person_uploads(env: Environment, image: bytes, which: str = "posters") -> None:
    """Choose another picture as a person does in Plex Web: it is uploaded, selected, locked."""
    key = key_of(env)
    assert env.plex.ask("POST", f"/library/metadata/{key}/{which}", image).status == 200
    lock = "thumb" if which == "posters" else "art"
    env.plex.person_sets(key, lock=[lock])


def base_of(env: Environment) -> Base:
    """Give what the ledger says of scene 1's item."""
    entry = ledger.entries_of(env.store.connection, env.state["machineIdentifier"], 1)[0]
    return Base.from_json(entry.base)
