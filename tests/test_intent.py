"""What a bulk meant to write when it was stopped: of no consequence, for it never left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from store import ledger
from tests.bulk_town import BulkHand, after, bulk_hand, key_of, writes
from tests.installation import Installation, installation

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENES = 100
ALL = range(1, SCENES + 1)
LATE = 90


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the module."""
    with installation(tmp_path_factory.mktemp("intent"), SCENES) as made:
        yield made


@pytest.fixture
def hand(town: Installation) -> Iterator[BulkHand]:
    """Its worker in hand; a late scene's item has texts of an agent's."""
    with bulk_hand(town) as made:
        texts = {"title": "Agent's title", "summary": "Agent's summary", "studio": "Agent's"}
        town.plex.agent_sets(key_of(town, LATE), fields=texts)
        before = town.stash.scene(LATE)
        yield made
        tags = [int(tag) for tag in before["tags"]]
        kept = {name: before[name] for name in ("title", "details", "studio_id") if name in before}
        town.stash.set_scene(LATE, tag_ids=tags, **kept)


def pending(hand: BulkHand) -> int:
    """How many items have something that may have been written."""
    count = "SELECT count(*) FROM item WHERE pending != ''"
    return int(hand.resident.store.connection.execute(count).fetchone()[0])


def stopped(hand: BulkHand) -> None:
    """A task that Stash's Stop ended after five edits."""
    hand.task(ALL)
    after(hand, edits=5, then=hand.resident.task_lock.release)
    hand.drain()
    assert len(writes(hand.town)) == 5


def test_nothing_is_pending_after_a_stop(hand: BulkHand) -> None:
    """Of scenes that were never sent the ledger knows what it knew before."""
    stopped(hand)
    connection = hand.resident.store.connection
    server = hand.town.plex.state()["machineIdentifier"]
    assert pending(hand) == 0
    assert ledger.entry(connection, server, key_of(hand.town, LATE)) is None
    assert ledger.entry(connection, server, key_of(hand.town, 1)) is not None


def test_nothing_more_is_pending_after_a_stop_than_was_before(hand: BulkHand) -> None:
    """An entry that was there keeps its base, and what an earlier crash left pending."""
    hand.task(ALL)
    hand.drain()
    connection = hand.resident.store.connection
    old = '{"all":{},"any":{},"locks":[],"values":{"title":["Tried once"]}}'
    for scene in ALL:
        hand.town.stash.set_scene(scene, title=f"Stopped {scene}")
    with hand.resident.store.transaction():
        connection.execute("UPDATE item SET pending = ? WHERE scene = ?", (old, LATE))
    before = connection.execute("SELECT * FROM item WHERE scene > 50").fetchall()
    hand.late = 60.0
    hand.forget_requests()
    stopped(hand)
    assert connection.execute("SELECT * FROM item WHERE scene > 50").fetchall() == before


@pytest.mark.parametrize("killed", [False, True])
def test_a_text_that_stash_emptied_before_it_was_sent_stays_in_plex(
    hand: BulkHand, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """What was meant does not make the agent's texts ours, even if nobody took it back."""
    if killed:
        monkeypatch.setattr("sync.write.withdraw", lambda *_: None)

    def emptied() -> None:
        hand.town.stash.set_scene(LATE, details="", studio_id=None)
        hand.hook(LATE)

    hand.task(ALL)
    after(hand, edits=5, then=emptied)
    hand.drain()
    fields = hand.town.item(LATE)["fields"]
    assert (fields["summary"], fields["studio"]) == ("Agent's summary", "Agent's")
    assert fields["title"] == hand.town.stash.scene(LATE)["title"]


def test_a_tag_that_a_person_adds_after_a_stop_is_not_ours(hand: BulkHand) -> None:
    """Stash had it when the run was stopped, and dropped it since: it was never sent."""
    stopped(hand)
    town = hand.town
    first, *others = town.stash.scene(LATE)["tags"]
    listed = town.stash.graphql("query{findTags(filter:{per_page:-1}){tags{id name}}}")
    name = {int(tag["id"]): tag["name"] for tag in listed["findTags"]["tags"]}[int(first)]
    town.plex.person_sets(key_of(town, LATE), tags={"genre": [name]})
    town.stash.set_scene(LATE, tag_ids=[int(tag) for tag in others])
    hand.hook(LATE)
    hand.drain()
    assert name in town.item(LATE)["tags"]["genre"]


def test_a_title_that_a_person_sets_after_a_stop_is_theirs(hand: BulkHand) -> None:
    """As it is where no run was ever stopped: locked before we came."""
    stopped(hand)
    town = hand.town
    town.plex.person_sets(key_of(town, LATE), fields={"title": "By hand"})
    town.stash.set_scene(LATE, title="Newer in Stash")
    hand.hook(LATE)
    hand.drain()
    assert town.item(LATE)["fields"]["title"] == "By hand"
