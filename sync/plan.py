"""What is to be done for one scene, and what came of it: found, merged, written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from merge.former import Former
from merge.picture import Picture
from store import history
from store.ledger import SHARES, SHARES_WITH, LedgerEntry, SceneRecord, paths_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from errors import SyncError
    from matching.missing import Missing
    from merge.effects import Effect
    from merge.three_way import Merge
    from plex.edits import Ready
    from plex.images import Kind
    from plex.item import PlexItem
    from stash.scene import Scene
    from store.differences import Difference
    from store.history import NewChange

NOTHING = Former()


@dataclass(slots=True)
class Written:
    """One item that was changed, or its scene from it: for the history, the way back, the log."""

    rating_key: int
    changes: Mapping[str, tuple[str, str]]
    former: Former = NOTHING

    def as_change(self, scene: Scene, server: str, now: float) -> NewChange:
        """Give it as the history keeps it; ``server`` is Plex's machine identifier."""
        return history.new_change(
            at=now,
            scene=scene.id,
            rating_key=self.rating_key,
            title=scene.title,
            changes=self.changes,
            server=server,
            undo=self.former.to_json(),
            in_stash=self.former.is_in_stash,
        )


@dataclass(slots=True)
class ItemPlan:
    """What is to be done to one item: ``before`` is its ledger entry, None for the first time.

    ``after`` is what that will be, and ``intent`` what is committed before the request leaves:
    the old base, the new pending. ``pictures`` are those that have to be looked at once the
    texts are written; ``kept`` are Plex's value and Stash's of all that stays different;
    ``insist`` names what a person wants as Stash has it, ``chosen`` what Stash shall get from
    Plex because a person said so; ``is_stash_unsure`` that nobody knows whether it got that or a
    rating; ``ready`` is its edit once it was made ready to be sent, and ``former`` what the
    item had of it before.
    """

    merged: Merge
    before: LedgerEntry | None
    intent: LedgerEntry
    after: LedgerEntry
    item: PlexItem
    pictures: tuple[Kind, ...] = ()
    kept: dict[str, tuple[str, str]] = field(default_factory=dict)
    insist: frozenset[str] = frozenset()
    chosen: tuple[Difference, ...] = ()
    is_stash_unsure: bool = False
    ready: Ready | None = None
    former: Former | None = None

    @property
    def may_have_arrived(self) -> bool:
        """Whether an earlier try was never acknowledged."""
        return self.before is not None and bool(self.before.pending)

    @property
    def is_of_another(self) -> bool:
        """Whether the item was another scene's so far, or is no one's by now."""
        return self.before is not None and self.before.scene != self.after.scene

    @property
    def is_in_step(self) -> bool:
        """Whether nothing has to be sent to either side: the item is as its entry will say."""
        return not (self.merged.edit or self.merged.to_stash or self.pictures)

    @property
    def is_intended(self) -> bool:
        """Whether it needs an intent: something of it will be sent."""
        is_asked = self.pictures or self.merged.to_stash
        return bool(self.merged.edit or (is_asked and self.merged.pending))


@dataclass(slots=True)
class ScenePlan:
    """One scene on its way from the match to the record.

    Attributes:
        record: What the ledger shall keep of the scene.
        held: Its files as Plex names them.
        found: The items that hold one of them.
        gone: Rating keys that Plex has no more.
        untied: Ledger entries that are this scene's no longer.
        missing: What to say, and to ask of Plex, where no item was found; None where one was.
        planned: What is to be done to those of the items that this scene owns.
        ceded: Scenes to which it gave an item that was its own.
        acknowledged: Ledger entries of what stands in Plex now.
        items: Rating keys of the items that were written, or needed nothing.
        taken: Fields that Stash got from Plex.
        effects: Of a preview, what would happen to which item.
        refused: What Stash said to values of Plex, by the number of the difference.
        fault: The first thing that failed, for one of several items or for all; None for none.
        is_sent: Something of it may have reached Plex.
        is_written: Its edit went out together with others.
    """

    scene: Scene
    record: SceneRecord
    held: tuple[str, ...] = ()
    found: list[PlexItem] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    untied: list[LedgerEntry] = field(default_factory=list)
    missing: Missing | None = None
    planned: list[ItemPlan] = field(default_factory=list)
    ceded: set[int] = field(default_factory=set)
    acknowledged: list[LedgerEntry] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    effects: list[tuple[int, Effect]] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)
    fault: SyncError | None = None
    is_sent: bool = False
    is_written: bool = False

    @property
    def outcome(self) -> str:
        """One word: changed, unchanged, or shares (another scene's item)."""
        if self.written:
            return "changed"
        return "unchanged" if self.items else SHARES

    @property
    def hung(self) -> list[Picture]:
        """What the ledger has of the scene's cover, for each place in which it hangs."""
        found = [
            Picture.parse(text)
            for item in self.planned
            for text in item.merged.base.images.values()
        ]
        return [picture for picture in found if picture is not None]

    def add_pictures(
        self,
        rating_key: int,
        changes: Mapping[str, tuple[str, str]],
        notes: Iterable[str],
        fault: SyncError | None,
        former: Former = NOTHING,
    ) -> None:
        """Note what came of one item's pictures, beside what was written to it."""
        self.notes += notes
        self.fault = self.fault or fault
        if not changes:
            return
        told = next((one for one in self.written if one.rating_key == rating_key), None)
        if told is None:
            self.written.append(Written(rating_key, changes, former))
        else:
            told.changes = {**told.changes, **changes}
            told.former = told.former.with_pictures(former.pictures, former.locks)


def shares_with(owner: int) -> str:
    """Give the note of a scene that does not own an item."""
    return f"{SHARES_WITH} {owner}"


def record_of(
    scene: Scene,
    fingerprint: str,
    asked_at: float,
    *,
    outcome: str = "",
    note: str = "",
) -> SceneRecord:
    """Give the record of a scene that Stash was asked for then, in full; see ``SceneRecord``."""
    return SceneRecord(
        id=scene.id,
        updated_at=scene.updated_at,
        fingerprint=fingerprint,
        paths=paths_text(file.path for file in scene.files),
        places="[[], []]",
        resolved_at=0.0,
        outcome=outcome,
        note=note,
        looked_at=asked_at,
        detailed_at=asked_at,
    )


def carried_by(scene: Scene, *, parents: bool = False) -> list[tuple[str, int]]:
    """Give the studio, performers, tags and groups of a scene, as (kind, id).

    With ``parents`` the studio above its own, too: a change of its name is one of the scene. So
    are the tags above its own, where rules look at them.
    """
    above = scene.studio.parent if parents and scene.studio else None
    return [
        *(("performer", one.id) for one in scene.performers),
        *(("tag", one.id) for one in scene.tags),
        *(("tag", above.id) for one in scene.tags for above in one.above),
        *(("group", one.id) for one in scene.groups),
        *([("studio", scene.studio.id)] if scene.studio else []),
        *([("studio", above.id)] if above else []),
    ]
