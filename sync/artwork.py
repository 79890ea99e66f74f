"""Poster and background from a scene's cover: what is due, and bringing it about.

What became of each is kept in the ledger beside the texts, with the SHA-1 of the
cover's bytes and Stash's own version mark, so that an unchanged scene costs
neither a download nor a request, and a scene that was merely saved again costs
one download from Stash and nothing at Plex.

A picture that a person chose in Plex (it is locked then, and not by us) stays
until the cover itself changes; what the setting overwrite_plex_edits says goes
for pictures as for texts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from errors import NextStep, SyncError
from plex import edits, images
from sync.cover import version_of
from sync.picture import KEPT, NONE, OPEN, REFUSED, SENT, Picture, is_unsure, shown_version, wanted

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from merge.base import Base
    from plex.client import PlexClient
    from plex.images import Kind
    from plex.item import PlexItem
    from stash.scene import Scene
    from sync.cover import Cover
    from validation.config import PlexSyncConfig


@dataclass(slots=True)
class Hung:
    """What came of the pictures of one item.

    ``placed`` are the locks of those that are ours now, ``fault`` is the first
    that failed, or None.
    """

    base: Base
    placed: list[str] = field(default_factory=list)
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fault: SyncError | None = None


class Pictures:
    """Hangs covers in one Plex.

    Args:
        client: Plex.
        config: The settings.
        dry: Find out what would be done; Plex is only read.
    """

    def __init__(self, client: PlexClient, config: PlexSyncConfig, *, dry: bool = False) -> None:
        self._client = client
        self._config = config
        self._dry = dry

    def due(self, scene: Scene, item: PlexItem, base: Base) -> tuple[Kind, ...]:
        """Give the pictures that have to be looked at. No request is made."""
        version = version_of(scene)
        return tuple(
            kind
            for kind in wanted(self._config)
            if (picture := Picture.parse(base.images.get(kind.name))) is None
            or picture.mark != version
            or is_unsure(kind, picture, base, item, self._config)
        )

    def locks(self, cover: Cover, item: PlexItem, base: Base, due: Sequence[Kind]) -> list[str]:
        """Give the locks that can go along with the texts: those of covers that will be hung.

        The cover is fetched for that. If it cannot be, nothing is locked for it.
        """
        open_ = [kind for kind in due if kind.lock not in item.locked]
        try:
            image = cover.image() if open_ else None
        except SyncError:
            return []
        if image is None or len(image) > images.LARGEST:
            return []
        sha1 = images.digest(image)
        before = {kind: Picture.parse(base.images.get(kind.name)) for kind in open_}
        return [kind.lock for kind, known in before.items() if known is None or known.sha1 != sha1]

    def hang(
        self,
        cover: Cover,
        item: PlexItem,
        base: Base,
        due: Sequence[Kind],
        locked: Collection[str] = (),
    ) -> Hung:
        """Bring the due pictures of one item about; faults come back, none is raised.

        Args:
            cover: The scene's cover.
            item: The item as it was read.
            base: Its ledger state; the texts are written already.
            due: What ``due`` gave.
            locked: The locks that went along with the texts.
        """
        hung = Hung(_with_locks(base, locked))
        for kind in due:
            before = Picture.parse(base.images.get(kind.name))
            try:
                after = self._bring(hung, kind, before, cover, item)
            except SyncError as fault:
                after = self._failed(hung, kind, before or Picture(), cover, fault)
            hung.base = replace(hung.base, images={**hung.base.images, kind.name: after.text})
        self._lock(hung, item, due, locked)
        return hung

    def leave_open(self, base: Base, due: Sequence[Kind], locked: Collection[str]) -> Hung:
        """Leave the due pictures to the next look."""
        hung = Hung(_with_locks(base, locked))
        for kind in due:
            _reopen(hung, kind)
        return hung

    def _bring(
        self, hung: Hung, kind: Kind, before: Picture | None, cover: Cover, item: PlexItem
    ) -> Picture:
        image = cover.image()
        if image is None:
            return (before or Picture())._replace(mark=cover.version)
        sha1 = images.digest(image)
        same = before is not None and before.sha1 == sha1
        if before and same and not is_unsure(kind, before, hung.base, item, self._config):
            return before._replace(mark=cover.version)
        images.check_size(image)
        # What we hung we locked, so a preview can tell without a question that none is ours.
        foreign = before is None and kind.lock not in item.locked
        there = [] if self._dry and foreign else images.offered(self._client, item.rating_key, kind)
        shown = next((one.sha1 for one in there if one.selected), "")
        after = Picture(SENT, sha1, cover.version, shown_version(kind, item))
        if shown == sha1:
            if not (same and before and before.fate == SENT and before.mark != OPEN):
                # Ours from a look that was cut short: who else would have these bytes?
                hung.placed.append(kind.lock)
            return after
        if kind.lock in item.locked and not self._config.overwrite_plex_edits:
            if (before is None or before.fate == NONE) and kind.lock not in hung.base.locked:
                hung.notes.append(f"{kind.name}: one was chosen in Plex by hand and is kept")
                return after._replace(fate=KEPT, seen="-")
            if before and (before.fate == KEPT or (before.fate == SENT and shown != before.sha1)):
                hung.notes.append(
                    f"{kind.name}: one chosen in Plex by hand is replaced: "
                    "Stash's cover changed too"
                )
        if not self._dry:
            try:
                images.place(self._client, item.rating_key, kind, image, there)
            except SyncError as fault:
                if fault.next_step is not NextStep.PARK:
                    # It may have arrived all the same, and a server may lock what arrives:
                    # the next look must not take that lock for a person's.
                    hung.base = _with_locks(hung.base, [kind.lock])
                raise
        hung.placed.append(kind.lock)
        hung.changes[kind.name] = ("", f"the scene's cover ({sha1[:8]})")
        return after._replace(seen="-")

    def _failed(
        self, hung: Hung, kind: Kind, before: Picture, cover: Cover, fault: SyncError
    ) -> Picture:
        """Note what failed: for good until the cover changes, or to be tried again."""
        if fault.next_step is not NextStep.PARK:
            hung.fault = hung.fault or fault
            return before._replace(mark=OPEN)
        hung.notes.append(f"{kind.name}: {fault.message}")
        return Picture(REFUSED, cover.sha1, cover.version, "-")

    def _lock(
        self, hung: Hung, item: PlexItem, due: Sequence[Kind], known: Collection[str]
    ) -> None:
        """Lock what was placed, or the next refresh of an agent would replace it."""
        missing = tuple(one for one in hung.placed if one not in item.locked and one not in known)
        if missing and not self._dry:
            edit = edits.Edit(item.rating_key, item.section, item.type, lock=missing)
            try:
                edits.write(self._client, edit)
            except SyncError as fault:
                hung.fault = hung.fault or fault
                for kind in due:
                    _reopen(hung, kind)
                return
        hung.base = replace(
            hung.base,
            locked=hung.base.locked | frozenset(hung.placed),
            released=hung.base.released - frozenset(hung.placed),
        )


def _with_locks(base: Base, locked: Collection[str]) -> Base:
    return replace(base, locked=base.locked | frozenset(locked)) if locked else base


def _reopen(hung: Hung, kind: Kind) -> None:
    picture = Picture.parse(hung.base.images.get(kind.name)) or Picture()
    after = picture._replace(mark=OPEN).text
    hung.base = replace(hung.base, images={**hung.base.images, kind.name: after})
