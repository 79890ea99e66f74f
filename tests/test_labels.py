"""Labels in the merge: ours come and go, others' stay whatever anybody chose."""

from __future__ import annotations

from dataclasses import replace

from merge.base import Base, Pending
from merge.desired import Desired
from merge.former import former_of, give_back, without
from merge.three_way import Merge, merge
from plex.edits import requests_for
from plex.item import Member, PlexItem
from tests.plex_in_miniature import Reading, an_item, put

NOTHING = Desired({}, {}, by_rule={})


def wanted(*labels: str, collections: tuple[str, ...] = (), ruled: tuple[str, ...] = ()) -> Desired:
    """Labels, all by rule, and collections, of which some are."""
    by_rule = {"labels": labels, "collections": ruled}
    return Desired({}, {"labels": labels, "collections": collections}, by_rule=by_rule)


def step(ours: Desired, item: PlexItem, before: Base | None = None) -> tuple[PlexItem, Merge]:
    """Merge, write, and merge again, which has nothing left to write."""
    merged = merge(ours, item, before, Pending())
    after = put(item, merged.edit, Reading())
    again = merge(ours, after, merged.base, Pending())
    assert not again.edit
    assert Base.from_json(merged.base.to_json()) == merged.base
    return after, merged


def labels(item: PlexItem) -> set[str]:
    """The labels of an item."""
    return {member.name for member in item.lists["labels"]}


def test_a_label_travels_as_plex_has_it() -> None:
    """Written and locked as label, the whole list with what leaves it."""
    item = an_item(lists={"labels": ("Theirs",)})
    _, merged = step(wanted("A"), item)
    (params,) = requests_for(merged.edit)
    assert params[2:] == [
        ("label[0].tag.tag", "A"),
        ("label[1].tag.tag", "Theirs"),
        ("label.locked", "1"),
    ]
    after, first = step(wanted("A"), an_item())
    (params,) = requests_for(merge(wanted(), after, first.base, Pending()).edit)
    assert params[2:] == [("label[].tag.tag-", "A"), ("label.locked", "1")]


def test_a_locked_list_is_joined_and_what_a_person_takes_out_stays_away() -> None:
    """Whoever labelled the item before us locked the list; what we gave is theirs to take."""
    item, merged = step(wanted("A"), an_item(lists={"labels": ("Theirs",)}, locked={"labels"}))
    assert labels(item) == {"A", "Theirs"}
    item = replace(item, lists={**item.lists, "labels": (Member("Theirs"),)})
    again = merge(wanted("A"), item, merged.base, Pending())
    assert not again.edit
    assert again.kept == {"labels": ("Theirs", "A")}


def test_use_stash_takes_out_no_label_of_others() -> None:
    """An answer for Stash brings ours back; only what we gave goes with it."""
    item, merged = step(wanted("A", "B"), an_item(lists={"labels": ("Theirs",)}))
    item = replace(item, lists={**item.lists, "labels": (Member("B"), Member("Theirs"))})
    insisted = merge(wanted("A"), item, merged.base, Pending(), insist=frozenset({"labels"}))
    assert labels(put(item, insisted.edit, Reading())) == {"A", "Theirs"}
    unlike = replace(merged.base, given={}, members={})
    insisted = merge(wanted("A"), item, unlike, Pending(), insist=frozenset({"labels"}))
    assert labels(put(item, insisted.edit, Reading())) == {"A", "B", "Theirs"}


def test_without_a_rule_nothing_is_known_of_labels() -> None:
    """What no rule ever sent there is neither written nor kept in the ledger."""
    item = an_item(lists={"labels": ("Theirs",)})
    merged = merge(NOTHING, item, None, Pending())
    assert (merged.edit.names, merged.base) == ((), Base())


def test_a_rule_that_goes_takes_its_own_along() -> None:
    """Labels, and of collections those that a rule gave; a group's stay, for nobody asked."""
    ours = wanted("A", collections=("Group", "Best Of"), ruled=("Best Of",))
    item, first = step(ours, an_item(lists={"labels": ("Theirs",), "collections": ("Fav",)}))
    after, merged = step(NOTHING, item, first.base)
    assert labels(after) == {"Theirs"}
    assert {one.name for one in after.lists["collections"]} == {"Group", "Fav"}
    assert merged.base.by_rule == {}
    unruled = merge(Desired({}, {}), item, first.base, Pending())
    assert not unruled.edit
    assert unruled.base == first.base


def test_a_rule_that_goes_after_a_crash_takes_its_own_along() -> None:
    """A label whose write nobody acknowledged is ours as well."""
    merged = merge(wanted("A"), an_item(), None, Pending())
    item = put(an_item(), merged.edit, Reading())
    after = merge(NOTHING, item, None, merged.pending)
    assert labels(put(item, after.edit, Reading())) == set()


def test_an_undo_gives_labels_back_and_leaves_what_others_added_since() -> None:
    """As of any list: given back while it is as we left it, named where it is not."""
    before = an_item(lists={"labels": ("Theirs",)})
    after, merged = step(wanted("A"), before)
    former = former_of(before, merged.edit)
    back = give_back(former, after, Base())
    assert labels(put(after, back.edit, Reading())) == {"Theirs"}
    theirs = (*after.lists["labels"], Member("Since"))
    since = replace(after, lists={**after.lists, "labels": theirs})
    kept = give_back(former, since, Base())
    assert (kept.edit.lists, kept.changed) == ({}, ("labels",))
    base = without(merged.base, former, after, ("labels",))
    rested = merge(wanted("A"), put(after, back.edit, Reading()), base, Pending())
    assert not rested.edit
    gone = merge(NOTHING, since, base, Pending())
    assert not gone.edit
