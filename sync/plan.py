"""One look at a scene: what was found, what is planned, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from store.ledger import LedgerEntry, SceneRecord, paths_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from errors import SyncError
    from merge.three_way import Merge
    from plex.images import Kind
    from plex.item import PlexItem
    from stash.scene import Scene


@dataclass(slots=True)
class Written:
    """One item that a look changed: for the history and the log."""

    rating_key: int
    changes: Mapping[str, tuple[str, str]]


@dataclass(slots=True)
class ItemPlan:
    """What is to be done to one item: ``before`` is its ledger entry, None for the first time.

    ``pictures`` are those that have to be looked at once the texts are written.
    """

    merged: Merge
    before: LedgerEntry | None
    after: LedgerEntry
    item: PlexItem
    pictures: tuple[Kind, ...] = ()

    @property
    def intent(self) -> LedgerEntry:
        """The entry to commit before the request leaves: the old base, the new pending."""
        server, key, scene, section, _, _ = self.after
        base = self.before.base if self.before else ""
        return LedgerEntry(server, key, scene, section, base, self.merged.pending.to_json())

    @property
    def is_intended(self) -> bool:
        """Whether it needs an intent: something of it will be sent."""
        return bool(self.merged.edit or (self.pictures and self.merged.pending))


@dataclass(slots=True)
class ScenePlan:
    """What one look at a scene did; the caller commits it together with the queue row.

    ``is_sent`` says that something of it may have reached Plex, ``is_written``
    that its edit went out together with others;
    ``fault`` is the first thing that failed for one of several items, or None.
    """

    scene: Scene
    record: SceneRecord
    planned: list[ItemPlan] = field(default_factory=list)
    acknowledged: list[LedgerEntry] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    fault: SyncError | None = None
    is_sent: bool = False
    is_written: bool = False

    @property
    def outcome(self) -> str:
        """One word: changed, unchanged, or shares (another scene's item)."""
        if self.written:
            return "changed"
        return "unchanged" if self.items else "shares"

    @property
    def carried(self) -> list[tuple[str, int]]:
        """The studio, performers, tags and groups of the scene, as (kind, id)."""
        return carried_by(self.scene)

    @property
    def intents(self) -> list[LedgerEntry]:
        """What has to be committed before anything of it is written."""
        return [one.intent for one in self.planned if one.is_intended]


def record_of(
    scene: Scene,
    fingerprint: str,
    asked_at: float,
    places: str = "[[], []]",
    *,
    resolved_at: float = 0.0,
    outcome: str = "",
    note: str = "",
) -> SceneRecord:
    """Give the record of a scene that Stash was asked for then, in full; see ``SceneRecord``."""
    return SceneRecord(
        id=scene.id,
        updated_at=scene.updated_at,
        fingerprint=fingerprint,
        paths=paths_text(file.path for file in scene.files),
        places=places,
        resolved_at=resolved_at,
        outcome=outcome,
        note=note,
        looked_at=asked_at,
        detailed_at=asked_at,
    )


def carried_by(scene: Scene) -> list[tuple[str, int]]:
    """Give the studio, performers, tags and groups of a scene, as (kind, id)."""
    return [
        *(("performer", one.id) for one in scene.performers),
        *(("tag", one.id) for one in scene.tags),
        *(("group", one.id) for one in scene.groups),
        *([("studio", scene.studio.id)] if scene.studio else []),
    ]
