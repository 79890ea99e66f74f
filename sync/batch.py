"""Some scenes on their way through the stages: one that was edited, or hundreds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from matching.resolve import PathLookup
    from plex.item import PlexItem, Text
    from stash.scene import Scene
    from store.ledger import SceneRecord
    from store.queue import QueueRow
    from sync.plan import ScenePlan


class Interrupted(Exception):
    """Something more urgent waits, or the rows may no longer be worked on."""


@dataclass(slots=True)
class Batch:
    """What the stages know of some scenes; each stage adds to it.

    Attributes:
        ids: The scenes, in the order in which they are dealt with.
        rows: Their rows in the queue; one that has none leaves none behind.
        scenes: What was read of Stash, by id.
        waiting: So many scenes, these among them, are going to be dealt with one after another.
        index: Which item holds which file, None where each file is asked for.
        is_read: Servers were read as far as can be told before the match.
        unread: May a scene stay unread that Stash has as it was when last read?
        asked_at: Unix seconds before Stash was asked for any of it.
        began_at: Monotonic seconds before anything was read, None until then.
        records: What the ledger has of the scenes, by id.
        as_read: Scenes that Stash has as they were when last read; they are not read again.
        unchanged: Those of them that are in step with Plex: nothing is to be done.
        wanted: The items that may be a scene's, by scene.
        unlisted: Scenes of which the path index cannot say that these are all.
        texts: What Plex said of items that were read in full, by rating key.
        items: Those of them that were parsed.
        seen: What shall be noted of items that are as the ledger says, by rating key.
        left_out: Why the settings leave a scene out, by id; "" where Stash no longer has it.
        plans: What is to be done, in the order of ``ids``.
        before: The batch before, of whose finds the ledger may not know yet.
        claims: A scene that found an item, by rating key; of the batch before, too.
        contested: Rating keys of items that several scenes found.
        rivals: What was read of scenes that are not in the batch, None of one that is gone.
        current: The scene that is dealt with; a fault may be about it.
        carried: So many plans were carried out, in ``took`` seconds.
        stopped: The rest is left for later: something more urgent, or a server that fails.
        is_near_end: What is left takes so little time that the next batch may be planned.
    """

    ids: tuple[int, ...]
    rows: Mapping[int, QueueRow] = field(default_factory=dict)
    scenes: dict[int, Scene] = field(default_factory=dict)
    waiting: float = 1.0
    unread: bool = False
    index: PathLookup | None = None
    is_read: bool = False
    asked_at: float = 0.0
    began_at: float | None = None
    records: dict[int, SceneRecord] = field(default_factory=dict)
    as_read: set[int] = field(default_factory=set)
    unchanged: set[int] = field(default_factory=set)
    wanted: dict[int, tuple[int, ...]] = field(default_factory=dict)
    unlisted: set[int] = field(default_factory=set)
    texts: dict[int, Text] = field(default_factory=dict)
    items: dict[int, PlexItem] = field(default_factory=dict)
    seen: dict[int, str] = field(default_factory=dict)
    left_out: dict[int, str] = field(default_factory=dict)
    plans: list[ScenePlan] = field(default_factory=list)
    before: Batch | None = None
    claims: dict[int, int] = field(default_factory=dict)
    contested: set[int] = field(default_factory=set)
    rivals: dict[int, Scene | None] = field(default_factory=dict)
    current: Scene | None = None
    carried: int = 0
    took: float = 0.0
    stopped: bool = False
    is_near_end: bool = False

    @classmethod
    def of_scenes(
        cls, scenes: Iterable[Scene], rows: Iterable[QueueRow] = (), *, asked_at: float = 0.0
    ) -> Batch:
        """Give a batch of scenes that were read already."""
        by_id = {scene.id: scene for scene in scenes}
        known = {row.id: row for row in rows}
        return cls(tuple(by_id or known), known, by_id, asked_at=asked_at)

    def digest_of(self, rating_key: int, fingerprint: str, places: str) -> str:
        """Give what stands for an item and for what it is compared with beside its entry.

        "" where Plex's words are not at hand.

        Args:
            rating_key: The item.
            fingerprint: Of the settings.
            places: Where the scene's files were looked for, as its record has it.
        """
        text = self.texts.get(rating_key)
        return text.digest(fingerprint, places) if text else ""

    @property
    def is_alone(self) -> bool:
        """Whether it is one scene: what pays only for many is left out then."""
        return len(self.ids) == 1
