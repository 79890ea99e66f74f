"""What PlexSync changes in Stash goes one way, once, and a refusal says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from stash.client import StashClient
from stash.connection import StashConnection
from stash.exceptions import StashMutationRefused, StashMutationUnknown, StashUnreachable
from stash.mutations import mutate
from tests.stash_stand_in import serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from simulator.control import StashControl

TITLE = "mutation Title($input: SceneUpdateInput!) { sceneUpdate(input: $input) { id } }"


@pytest.fixture
def stash() -> Iterator[StashControl]:
    """A Stash of three scenes."""
    with serving(3) as control:
        yield control


@pytest.fixture
def client(stash: StashControl) -> Iterator[StashClient]:
    """A client that has a kept connection."""
    made = StashClient(StashConnection("http", "127.0.0.1", stash.port, None, None))
    made.count_scenes()
    yield made
    made.close()


def test_a_mutation_changes_stash(stash: StashControl, client: StashClient) -> None:
    """The data comes back as Stash sent it."""
    data = mutate(client, TITLE, {"input": {"id": "2", "title": "Changed"}})
    assert data == {"sceneUpdate": {"id": "2"}}
    assert stash.scene(2)["title"] == "Changed"


def test_a_refusal_names_its_reason(stash: StashControl, client: StashClient) -> None:
    """Stash's own words are in it, it is no fault of the server, and nothing was changed."""
    with pytest.raises(StashMutationRefused, match=r"sceneUpdate: .*99 not found") as caught:
        mutate(client, TITLE, {"input": {"id": "99", "title": "Nobody"}})
    assert not isinstance(caught.value, StashMutationUnknown)


def test_a_mutation_that_this_stash_lacks_is_named(client: StashClient) -> None:
    """That is another error: no other scene will fare better."""
    with pytest.raises(StashMutationUnknown, match=r"cannot do sceneBlink .*sceneBlink"):
        mutate(client, "mutation { sceneBlink(id: 1) }", {})


def test_a_mutation_is_never_sent_twice(stash: StashControl, client: StashClient) -> None:
    """A connection that breaks after the request leaves a doubt, and is not repeated."""
    stash.clear_requests()
    stash.fault("reset_after", operation="Title")
    with pytest.raises(StashUnreachable):
        mutate(client, TITLE, {"input": {"id": "1", "title": "Once"}})
    assert stash.counts()["Title"] == 1
    assert stash.scene(1)["title"] == "Once"
