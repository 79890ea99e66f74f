"""What a bulk meant to write when it was stopped: of no consequence, for it never left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store import ledger
from tests.bulk_worker import BulkWorker, after, key_of, stepped_bulk, writes
from tests.installation import Installation, shared_installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 100
ALL = range(1, SCENES + 1)
LATE = 90


env = shared_installation(SCENES)


@pytest.fixture
def stepped(env: Installation) -> Iterator[BulkWorker]:
    """Its worker, stepped by the test; a late scene's item has texts of an agent's."""
    with stepped_bulk(env) as made:
        texts = {"title": "Agent's title", "summary": "Agent's summary", "studio": "Agent's"}
        env.plex.agent_sets(key_of(env, LATE), fields=texts)
        before = env.stash.scene(LATE)
        yield made
        tags = [int(tag) for tag in before["tags"]]
        kept = {name: before[name] for name in ("title", "details", "studio_id") if name in before}
        env.stash.set_scene(LATE, tag_ids=tags, **kept)


def pending(stepped: BulkWorker) -> int:
    """How many items have something that may have been written."""
    count = "SELECT count(*) FROM item WHERE pending != ''"
    return int(stepped.resident.store.connection.execute(count).fetchone()[0])


def stopped(stepped: BulkWorker) -> None:
    """A task that Stash's Stop ended after five edits."""
    stepped.task(ALL)
    after(stepped, edits=5, then=stepped.resident.task_lock.release)
    stepped.drain()
    assert len(writes(stepped.env)) == 5


def test_nothing_is_pending_after_a_stop(stepped: BulkWorker) -> None:
    """Of scenes that were never sent the ledger knows what it knew before."""
    stopped(stepped)
    connection = stepped.resident.store.connection
    server = stepped.env.plex.state()["machineIdentifier"]
    assert pending(stepped) == 0
    assert ledger.entry(connection, server, key_of(stepped.env, LATE)) is None
    assert ledger.entry(connection, server, key_of(stepped.env, 1)) is not None


def test_nothing_more_is_pending_after_a_stop_than_was_before(stepped: BulkWorker) -> None:
    """An entry that was there keeps its base, and what an earlier crash left pending."""
    stepped.task(ALL)
    stepped.drain()
    connection = stepped.resident.store.connection
    old = '{"all":{},"any":{},"locks":[],"values":{"title":["Tried once"]}}'
    for scene in ALL:
        stepped.env.stash.set_scene(scene, title=f"Stopped {scene}")
    with stepped.resident.store.transaction():
        connection.execute("UPDATE item SET pending = ? WHERE scene = ?", (old, LATE))
    before = connection.execute("SELECT * FROM item WHERE scene > 50").fetchall()
    stepped.late = 60.0
    stepped.forget_requests()
    stopped(stepped)
    assert connection.execute("SELECT * FROM item WHERE scene > 50").fetchall() == before


@pytest.mark.parametrize("killed", [False, True])
def test_a_text_that_stash_emptied_before_it_was_sent_stays_in_plex(
    stepped: BulkWorker, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """What was meant does not make the agent's texts ours, even if nobody took it back."""
    if killed:
        monkeypatch.setattr("sync.write.withdraw", lambda *_: None)

    def emptied() -> None:
        stepped.env.stash.set_scene(LATE, details="", studio_id=None)
        stepped.hook(LATE)

    stepped.task(ALL)
    after(stepped, edits=5, then=emptied)
    stepped.drain()
    fields = stepped.env.item(LATE)["fields"]
    assert (fields["summary"], fields["studio"]) == ("Agent's summary", "Agent's")
    assert fields["title"] == stepped.env.stash.scene(LATE)["title"]


def test_a_tag_that_a_person_adds_after_a_stop_is_not_ours(stepped: BulkWorker) -> None:
    """Stash had it when the run was stopped, and dropped it since: it was never sent."""
    stopped(stepped)
    env = stepped.env
    first, *others = env.stash.scene(LATE)["tags"]
    listed = env.stash.graphql("query{findTags(filter:{per_page:-1}){tags{id name}}}")
    name = {int(tag["id"]): tag["name"] for tag in listed["findTags"]["tags"]}[int(first)]
    env.plex.person_sets(key_of(env, LATE), tags={"genre": [name]})
    env.stash.set_scene(LATE, tag_ids=[int(tag) for tag in others])
    stepped.hook(LATE)
    stepped.drain()
    assert name in env.item(LATE)["tags"]["genre"]


def test_a_title_that_a_person_sets_after_a_stop_is_theirs(stepped: BulkWorker) -> None:
    """As it is where no run was ever stopped: locked before we came."""
    stopped(stepped)
    env = stepped.env
    env.plex.person_sets(key_of(env, LATE), fields={"title": "By hand"})
    env.stash.set_scene(LATE, title="Newer in Stash")
    stepped.hook(LATE)
    stepped.drain()
    assert env.item(LATE)["fields"]["title"] == "By hand"
