"""The sentences of the page and of a scene's tab, from what is known."""

from __future__ import annotations

import pytest

from store import holds
from store.ledger import SceneRecord
from store.queue import QueueRow
from tasks import page_words
from tasks.page_words import Differing, Facts, Known

EMPTY = {"ready": 0, "task": 0, "waiting": 0, "parked": 0}


def told(known: Known, **queue: int) -> tuple[str, str]:
    """Give kind and sentence of the page."""
    return page_words.state(Facts({**EMPTY, **queue}, [], None, known), 0.0)


def record(outcome: str, note: str = "") -> SceneRecord:
    """A scene's last look."""
    return SceneRecord(1, "", "", "", "", 0.0, outcome, note, 1.0, 0.0)


@pytest.mark.parametrize(
    ("known", "kind", "words"),
    [
        (Known(), "new", "Nothing has been synced yet."),
        (Known(1, 0, None), "partly", "1 scene compared with Plex so far"),
        (Known(1, 0, 14), "partly", "1 of 14 scenes compared with Plex so far"),
        (Known(1, 0, 14), "partly", "Of the other 13 scenes nothing is known"),
        (Known(13, 0, 14), "partly", "Of the other one nothing is known until it is saved"),
        (Known(12, 1, 14), "partly", "1 scene left out"),
        (Known(12, 2, 14), "good", "12 scenes were compared with Plex, all there are"),
        (Known(14, 0, 14), "good", "14 scenes were compared with Plex, all there are"),
        (Known(0, 3, 3), "good", "3 scenes left out"),
    ],
)
def test_in_step_is_said_only_when_all_were_compared(known: Known, kind: str, words: str) -> None:
    """One save in a library of many says nothing of the others."""
    found, sentence = told(known)
    assert found == kind
    assert words in sentence


def test_what_waits_is_never_called_in_step() -> None:
    """Neither the kind nor the sentence claims anything of scenes that were not compared."""
    kind, sentence = told(Known(1, 0, 14), waiting=2)
    assert kind == "waiting"
    assert "1 of 14 scenes compared" in sentence
    kind, sentence = told(Known(1, 0, 14), parked=2)
    assert kind == "attention"
    assert "All others are in step" not in sentence


def test_of_what_waits_something_is_known() -> None:
    """What is said of it stands before; only of those that do not wait nothing is known."""
    _, sentence = told(Known(14, 0, 15), waiting=1)
    assert sentence.endswith("14 of 15 scenes compared with Plex so far.")
    _, sentence = told(Known(11, 1, 15), waiting=2)
    assert "Of the others that do not wait nothing is known until they are saved" in sentence


def test_what_waits_is_not_among_all_there_are() -> None:
    """A new file is in the queue before a sweep counts it: then five of five are not all."""
    for queue in ({"waiting": 1}, {"parked": 1}):
        _, sentence = told(Known(5, 0, 5), **queue)
        assert "5 scenes were compared with Plex so far." in sentence
        assert "all there are" not in sentence


def test_what_a_hold_is_said_to_be_is_told_by_its_lane() -> None:
    """A wrong setting is said as it is, an outage with its next try; of a scene likewise."""
    hold = holds.Hold(holds.SETTINGS, 60.0, 0.0, 3, "AuthError", "No.", "plex_token", "f")
    assert page_words.state(Facts({**EMPTY, "ready": 1}, [hold], None, Known()), 0.0) == (
        "settings",
        "No.",
    )
    row = QueueRow("scene", 1, 1, 0, 0, 0, "", "", 0.0)
    assert page_words.scene(row, None, [hold], 0.0)[0] == "settings"
    down = hold._replace(lane=holds.PLEX, setting="")
    assert page_words.state(Facts(EMPTY, [down], None, Known()), 0.0)[0] == "down"
    assert page_words.scene(row, None, [down], 0.0)[0] == "down"


def test_a_scene_that_is_left_out_is_only_that() -> None:
    """A scene without a file was looked at; it is not called "Not looked at yet" beside it."""
    kind, sentence = page_words.scene(None, record("skipped", "no file"), [], 0.0)
    assert (kind, sentence) == ("left_out", "It has no file in Stash, so Plex cannot have it.")
    kind, sentence = page_words.scene(None, record("skipped", "it is not organized"), [], 0.0)
    assert (kind, sentence) == ("left_out", "It is not organized.")
    assert page_words.scene(None, None, [], 0.0)[0] == "unknown"


def test_a_picture_that_was_not_sent_is_not_in_step() -> None:
    """The heading tells of the picture, too."""
    kind, sentence = page_words.scene(None, record("changed"), [], 0.0, ("poster",))
    assert kind == "kept"
    assert "by hand or undone: poster" in sentence  # nobody knows which, and both are kept alike
    kind, sentence = page_words.scene(None, record("changed"), [], 0.0, (), ("poster",))
    assert kind == "refused"
    assert "Plex could not take: poster" in sentence


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        (Differing(refused=1), "Plex could not take the cover of 1 scene. 14 scenes"),
        (Differing(refused=3), "Plex could not take the covers of 3 scenes. 14 scenes"),
        (Differing(kept=1), "1 field stays different in Plex, as listed below. 14 scenes"),
        (Differing(refused=3, kept=2), "of 3 scenes. 2 fields stay different in Plex"),
    ],
)
def test_the_page_is_not_in_step_where_something_stays_different(
    differing: Differing, words: str
) -> None:
    """What was refused or kept comes first, whatever else is said."""
    facts = Facts(EMPTY, [], None, Known(14, 0, 14), differing)
    kind, sentence = page_words.state(facts, 0.0)
    assert kind == "except"
    assert words in sentence
    for queue in ({"waiting": 1}, {}):
        some = facts._replace(queue={**EMPTY, **queue}, known=Known(3, 0, 14))
        assert words.split(". ", maxsplit=1)[0] in page_words.state(some, 0.0)[1]


@pytest.mark.parametrize(
    ("queue", "words"),
    [
        ({"held": 1}, "held back, for it would take something away in Plex. All else is synced."),
        ({"held": 5, "parked": 1}, "Besides, 1 scene could not be synced. 9 of 14"),
        ({"held": 5, "parked": 2, "waiting": 1}, "synced, and 1 scene will be looked at again. 9"),
    ],
)
def test_all_else_is_synced_only_where_nothing_waits(queue: dict[str, int], words: str) -> None:
    """What is held back is asked about first; it does not hide what failed or waits beside it."""
    facts = Facts({**EMPTY, **queue}, [], None, Known(9, 0, 14), asks=True)
    kind, sentence = page_words.state(facts, 0.0)
    assert kind == "asks"
    assert words in sentence
    assert ("All else" in sentence) == (len(queue) == 1)


def test_what_is_looked_at_is_not_all_scenes() -> None:
    """A tag that was renamed, or an item that is given back, is no scene being synced."""
    kind, sentence = told(Known(14, 0, 14), ready=1)
    assert (kind, sentence) == ("busy", "1 in the queue, looked at now.")


def test_numbers_read_as_in_all_other_places_and_one_is_one() -> None:
    """A thousand has its comma, as in the facts below it, and a single scene its verb."""
    assert "1,500 of 1,200,000 scenes compared" in told(Known(1500, 0, 1_200_000))[1]
    bulk = {"running": True, "total": 12_000, "left": 2_000}
    facts = Facts(EMPTY, [], bulk, Known())
    assert page_words.state(facts, 0.0)[1] == "Syncing all scenes: 10,000 of 12,000 looked at."
    assert told(Known(9, 0, 14), parked=2, waiting=1)[1].endswith("looked at again by itself.")
