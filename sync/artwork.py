"""Poster and background from a scene's cover: what is due, what to do, and doing it.

What became of each is kept in the ledger beside the texts, with the SHA-1 of the
cover's bytes and Stash's own version of it, so that an unchanged scene costs
neither a download nor a request, and a scene that was merely saved again costs
one download from Stash and nothing at Plex.

A picture that a person chose in Plex (it is locked then, and not by us) stays
until the cover itself changes; what the setting overwrite_plex_edits says goes
for pictures as for texts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from errors import NextStep, SyncError
from merge.picture import KEPT, NONE, OPEN, REFUSED, SENT, Picture
from plex import edits, images
from stash.changes import SAME_SECOND, instant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from merge.base import Base
    from plex.client import PlexClient
    from plex.images import Kind, Offered
    from plex.item import PlexItem
    from stash.scene import Scene
    from validation.config import PlexSyncConfig

#: Stash tells versions by the second of the last save: this marks one that may not be the
#: last of its second.
UNSURE = "~"


class Cover:
    """A scene's cover, fetched when first needed and then kept.

    Args:
        scene: The scene.
        fetch: Gives the bytes, None when there is no picture to show.
        now: Unix seconds, taken before the cover is fetched.
    """

    def __init__(
        self, scene: Scene, fetch: Callable[[Scene], bytes | None], now: float = math.inf
    ) -> None:
        self._scene = scene
        #: Stash's version of the cover; another one than ``version_of`` gives while a
        #: further save could still carry the same, so that it is fetched once more then.
        self.version = version_of(scene)
        if now - instant(scene.updated_at) < SAME_SECOND:
            self.version += UNSURE
        self._fetch = fetch
        self._image: bytes | None = None
        self._fault: SyncError | None = None
        self._fetched = False

    @property
    def sha1(self) -> str:
        """The SHA-1 of what was fetched, "-" for nothing."""
        return images.digest(self._image) if self._image else "-"

    def image(self) -> bytes | None:
        """Give the bytes, None when there is no picture to show; raises Stash's errors."""
        if not self._fetched:
            self._fetched = True
            try:
                self._image = self._fetch(self._scene) if self._scene.cover else None
            except SyncError as fault:
                self._fault = fault
        if self._fault is not None:
            raise self._fault
        return self._image


def version_of(scene: Scene) -> str:
    """Give Stash's version of a scene's cover, one word; "-" for no cover."""
    if not scene.cover:
        return "-"
    version = scene.cover.partition("?t=")[2] or scene.updated_at
    return version.replace(" ", "") or "0"


def due(
    base: Base, item: PlexItem, config: PlexSyncConfig, version: str | None = None
) -> tuple[Kind, ...]:
    """Give the pictures that have to be looked at. No request is made.

    Args:
        base: The item's ledger state.
        item: The item as it was read.
        config: The settings.
        version: Stash's version of the cover, None where the scene did not change.
    """
    return tuple(
        kind
        for kind in images.KINDS
        if kind.name in config.sync_fields
        and (
            (picture := Picture.parse(base.images.get(kind.name))) is None
            or picture.version == OPEN
            or (version is not None and picture.version != version)
            or _is_unsure(kind, picture, base, item, config)
        )
    )


def _is_unsure(
    kind: Kind, picture: Picture, base: Base, item: PlexItem, config: PlexSyncConfig
) -> bool:
    """Say whether something else may stand in Plex by now although Stash should win there."""
    free = kind.lock not in item.locked and kind.lock not in base.released
    if not (config.overwrite_plex_edits or free):
        return False
    if picture.fate == KEPT:
        return True
    return picture.fate == SENT and picture.seen != _shown_version(kind, item)


def _shown_version(kind: Kind, item: PlexItem) -> str:
    """Give Plex's version of the picture that an item shows, one word; "-" for none."""
    address = item.thumb if kind is images.POSTER else item.art
    return address.rpartition("/")[2].replace(" ", "") or "-"


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


class Decision(NamedTuple):
    """What to do about one picture.

    ``image`` are the bytes to show, None where nothing is to be sent; ``there`` is what
    Plex offers; ``ours`` says that what it shows is ours without being sent.
    """

    after: Picture
    image: bytes | None = None
    there: Sequence[Offered] = ()
    ours: bool = False
    note: str = ""


class Artwork:
    """Hangs covers in one Plex.

    Args:
        client: Plex.
        config: The settings.
    """

    def __init__(self, client: PlexClient, config: PlexSyncConfig) -> None:
        self._client = client
        self._config = config

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
                decided = self._decide(kind, before, hung.base, cover, item)
                after = self._place(hung, kind, decided, item)
            except SyncError as fault:
                after = _failed(hung, kind, before or Picture(), cover, fault)
            _keep(hung, kind, after)
        self._lock(hung, item, due, locked)
        return hung

    def preview(self, cover: Cover, item: PlexItem, base: Base, due: Iterable[Kind]) -> Hung:
        """Say what ``hang`` would do; Plex is only read, and only where it can matter."""
        hung = Hung(base)
        for kind in due:
            before = Picture.parse(base.images.get(kind.name))
            # What we hung we locked: without a lock none that is offered can be ours.
            foreign = before is None and kind.lock not in item.locked
            try:
                decided = self._decide(
                    kind, before, base, cover, item, offered=() if foreign else None
                )
                _tell(hung, kind, decided)
            except SyncError as fault:
                _failed(hung, kind, before or Picture(), cover, fault)
        return hung

    def leave_open(self, base: Base, due: Sequence[Kind], locked: Collection[str]) -> Hung:
        """Leave the due pictures to the next look."""
        hung = Hung(_with_locks(base, locked))
        _reopen(hung, due)
        return hung

    def _decide(
        self,
        kind: Kind,
        before: Picture | None,
        base: Base,
        cover: Cover,
        item: PlexItem,
        offered: Sequence[Offered] | None = None,
    ) -> Decision:
        """Decide about one picture; ``offered`` is what Plex offers, None to ask it.

        Raises:
            errors.SyncError: The cover or the list of pictures cannot be had, or it is too large.
        """
        image = cover.image()
        if image is None:
            return Decision((before or Picture())._replace(version=cover.version))
        sha1 = images.digest(image)
        same = before is not None and before.sha1 == sha1
        if before and same and not _is_unsure(kind, before, base, item, self._config):
            return Decision(before._replace(version=cover.version))
        images.check_size(image)
        if offered is None:
            offered = images.offered(self._client, item.rating_key, kind)
        shown = next((one.sha1 for one in offered if one.selected), "")
        after = Picture(SENT, sha1, cover.version, _shown_version(kind, item))
        if shown == sha1:
            # If not ours so far, then of a run that was cut short: who else would have these bytes?
            known = before and same and before.fate == SENT and before.version != OPEN
            return Decision(after, ours=not known)
        note = ""
        if kind.lock in item.locked and not self._config.overwrite_plex_edits:
            if (before is None or before.fate == NONE) and kind.lock not in base.locked:
                kept = f"{kind.name}: one was chosen in Plex by hand and is kept"
                return Decision(after._replace(fate=KEPT, seen="-"), note=kept)
            if before and (before.fate == KEPT or (before.fate == SENT and shown != before.sha1)):
                note = (
                    f"{kind.name}: one chosen in Plex by hand is replaced: "
                    "Stash's cover changed too"
                )
        return Decision(after._replace(seen="-"), image, offered, note=note)

    def _place(self, hung: Hung, kind: Kind, decided: Decision, item: PlexItem) -> Picture:
        """Do what was decided; give what the ledger shall keep."""
        if decided.image is not None:
            try:
                images.place(
                    self._client, item.rating_key, kind, decided.image, list(decided.there)
                )
            except SyncError as fault:
                if decided.note:
                    hung.notes.append(decided.note)
                if fault.next_step is not NextStep.PARK:
                    # It may have arrived all the same, and a server may lock what arrives:
                    # the next look must not take that lock for a person's.
                    hung.base = _with_locks(hung.base, [kind.lock])
                raise
        if decided.image is not None or decided.ours:
            hung.placed.append(kind.lock)
        _tell(hung, kind, decided)
        return decided.after

    def _lock(
        self, hung: Hung, item: PlexItem, due: Sequence[Kind], known: Collection[str]
    ) -> None:
        """Lock what was placed, or the next refresh of an agent would replace it."""
        missing = tuple(one for one in hung.placed if one not in item.locked and one not in known)
        if missing:
            edit = edits.Edit(item.rating_key, item.section, item.type, lock=missing)
            try:
                edits.write(self._client, edit)
            except SyncError as fault:
                hung.fault = hung.fault or fault
                _reopen(hung, due)
                return
        hung.base = replace(
            hung.base,
            locked=hung.base.locked | frozenset(hung.placed),
            released=hung.base.released - frozenset(hung.placed),
        )


def _tell(hung: Hung, kind: Kind, decided: Decision) -> None:
    """Keep for people what is done about a picture."""
    if decided.note:
        hung.notes.append(decided.note)
    if decided.image is not None:
        hung.changes[kind.name] = ("", f"the scene's cover ({decided.after.sha1[:8]})")


def _failed(hung: Hung, kind: Kind, before: Picture, cover: Cover, fault: SyncError) -> Picture:
    """Note what failed: for good until the cover changes, or to be tried again."""
    if fault.next_step is not NextStep.PARK:
        hung.fault = hung.fault or fault
        return before._replace(version=OPEN)
    hung.notes.append(f"{kind.name}: {fault.message}")
    return Picture(REFUSED, cover.sha1, cover.version, "-")


def _with_locks(base: Base, locked: Collection[str]) -> Base:
    return replace(base, locked=base.locked | frozenset(locked)) if locked else base


def _keep(hung: Hung, kind: Kind, picture: Picture) -> None:
    hung.base = replace(hung.base, images={**hung.base.images, kind.name: picture.text})


def _reopen(hung: Hung, due: Iterable[Kind]) -> None:
    for kind in due:
        picture = Picture.parse(hung.base.images.get(kind.name)) or Picture()
        _keep(hung, kind, picture._replace(version=OPEN))
