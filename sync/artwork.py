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

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from errors import NextStep, SyncError
from merge.picture import KEPT, NONE, NOT_SINCE, OPEN, REFUSED, SENT, Picture
from plex import edits, images

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from merge.base import Base
    from merge.three_way import Merge
    from plex.client import PlexClient
    from plex.images import Kind, Offered
    from plex.item import PlexItem
    from sync.cover import Cover
    from sync.plan import ItemPlan
    from validation.config import PlexSyncConfig

#: Earlier covers of ours that are remembered for each place, the newest last.
EARLIER = 12
KEPT_WORDS = "{}: one was chosen in Plex by hand and is kept"
REPLACED_WORDS = "{}: one chosen in Plex by hand is replaced: Stash's cover changed too"
PLEX_S_OWN = "Plex's own picture"


def due(
    base: Base,
    item: PlexItem,
    config: PlexSyncConfig,
    version: str | None = None,
    insist: Collection[str] = (),
) -> tuple[Kind, ...]:
    """Give the pictures of an item, as it was read, that have to be looked at. Asks nobody.

    ``version`` is Stash's of the cover, None where the scene did not change; for those that
    ``insist`` names a person chose the scene's cover.
    """
    return tuple(
        kind
        for kind in images.KINDS
        if kind.name in config.sync_fields
        and (
            (picture := Picture.parse(base.images.get(kind.name))) is None
            or picture.version == OPEN
            or kind.name in insist
            or (version is not None and picture.version != version)
            or _is_unsure(kind, picture, base, item, config)
        )
    )


def kept(merged: Merge, base: Base, config: PlexSyncConfig) -> dict[str, tuple[str, str]]:
    """Give all that stays different on an item, pictures behind what the merge says.

    Of a picture that stays in Plex it is ("", the SHA-1 of Stash's cover), by its name.
    """
    pictures = {
        kind.name: ("", picture.sha1)
        for kind in images.KINDS
        if kind.name in config.sync_fields
        and (picture := Picture.parse(base.images.get(kind.name)))
        and picture.fate == KEPT
    }
    return {**merged.kept, **pictures}


def without_refused(base: Base, config: PlexSyncConfig) -> Base:
    """Forget that a picture was refused which is not wanted any more: nobody has to know then."""
    synced = {kind.name for kind in images.KINDS if kind.name in config.sync_fields}
    left = {
        name: text
        for name, text in base.images.items()
        if name in synced or (picture := Picture.parse(text)) is None or picture.fate != REFUSED
    }
    return base if len(left) == len(base.images) else replace(base, images=left)


def _is_unsure(
    kind: Kind, picture: Picture, base: Base, item: PlexItem, config: PlexSyncConfig
) -> bool:
    """Say whether something may stand in Plex by now that is to make room for ours."""
    shown = shown_version(kind, item)
    if config.overwrite_plex_edits or _is_free(kind, base, item):
        return picture.fate == KEPT or (picture.fate == SENT and picture.seen != shown)
    if picture.fate != SENT or kind.lock in base.released | base.undone:
        return False
    # Locked: what a person chose since stays. But an upload may not have been shown at all,
    # and where there are earlier ones of ours, one of them may have come back.
    return picture.left == shown or (bool(base.earlier.get(kind.name)) and picture.seen != shown)


def _is_free(kind: Kind, base: Base, item: PlexItem) -> bool:
    return kind.lock not in item.locked | base.released | base.undone


def _is_untouched(kind: Kind, before: Picture | None, base: Base, item: PlexItem) -> bool:
    """Say whether neither we nor a person ever chose a picture there.

    Whoever does locks it, and what we meant to lock is in the ledger before it is sent.
    """
    is_new = before is None or (before.fate == NONE and before.version != OPEN)
    return is_new and kind.lock not in base.locked and _is_free(kind, base, item)


def _is_a_persons(kind: Kind, known: Picture, base: Base, item: PlexItem, shown: str) -> bool:
    """Say whether a person chose what is shown: an upload that is not ours, or any with a lock.

    ``shown`` is the SHA-1 of the upload, "" for a picture of Plex's own.
    """
    ours = {known.sha1 if known.fate == SENT else "", *base.earlier.get(kind.name, ())}
    if shown:
        return shown not in ours
    if kind.lock not in item.locked:
        return False
    if known.fate == SENT:  # what ours was to take the place of may still be shown
        return known.left != shown_version(kind, item)
    return known.fate == KEPT or kind.lock not in base.locked


def shown_version(kind: Kind, item: PlexItem) -> str:
    """Give Plex's version of the picture that an item shows, one word; "-" for none."""
    address = item.thumb if kind is images.POSTER else item.art
    return address.rpartition("/")[2].replace(" ", "") or "-"


@dataclass(slots=True)
class Hung:
    """What came of the pictures of one item.

    ``placed`` are the locks of those that are ours now, ``former`` for each that was sent
    Plex's key of the one before it and its SHA-1, ``fault`` is the first that failed, or None.
    """

    base: Base
    placed: list[str] = field(default_factory=list)
    former: dict[str, tuple[str, str]] = field(default_factory=dict)
    changes: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fault: SyncError | None = None


class Decision(NamedTuple):
    """What to do about one picture.

    ``is_sent`` says that the cover is to be shown; ``there`` is what Plex offers, nothing where
    nobody asked; ``ours`` says that what it shows is ours without being sent.
    """

    after: Picture
    is_sent: bool = False
    there: Sequence[Offered] = ()
    ours: bool = False
    note: str = ""


class Artwork:
    """Hangs covers in one Plex.

    ``adopts`` says that the ledger was lost once: an item that is new to us may have our pictures.
    """

    def __init__(self, client: PlexClient, config: PlexSyncConfig, *, adopts: bool = False) -> None:
        self._client = client
        self._config = config
        self._adopts = adopts
        # Places in which this server was seen to show what is uploaded, by item type.
        self._shows: set[tuple[Kind, str]] = set()

    def locks(self, cover: Cover, item: PlexItem, base: Base, due: Sequence[Kind]) -> list[str]:
        """Give the locks that can go along with the texts: those of covers that will be hung.

        The cover is fetched for that. If it cannot be, nothing is locked for it.
        """
        open_ = [kind for kind in due if kind.lock not in item.locked]
        try:
            sha1 = cover.ask() if open_ else "-"
            before = {kind: Picture.parse(base.images.get(kind.name)) for kind in open_}
            new = [kind for kind, known in before.items() if known is None or known.sha1 != sha1]
            image = cover.image() if new and sha1 != "-" else None
        except SyncError:
            return []
        if image is None or len(image) > images.LARGEST:
            return []
        return [kind.lock for kind in new]

    def hang(
        self,
        cover: Cover,
        item: PlexItem,
        base: Base,
        due: Sequence[Kind],
        locked: Collection[str] = (),
        *,
        in_doubt: bool = False,
        insist: Collection[str] = (),
        yields: bool = False,
        of_another: bool = False,
        dry_run: bool = False,
    ) -> Hung:
        """Bring the due pictures of one item about; faults come back, none is raised.

        Args:
            cover: The scene's cover.
            item: The item as it was read.
            base: Its ledger state; the texts are written already.
            due: What ``due`` gave.
            locked: The locks that went along with the texts.
            in_doubt: An earlier try may have sent them already.
            insist: Pictures for which a person chose the scene's cover.
            yields: A picture that a person chose stays, also when ours changes, and whoever
                uploaded one chose it. Plex is always asked what there is.
            of_another: The item was another scene's so far: that this one's cover is another
                is no change that somebody made, so what a person chose stays.
            dry_run: Only decide: Plex is read where it would be, and nothing is sent.
        """
        hung = Hung(_with_locks(base, locked))
        for kind in due:
            before = Picture.parse(base.images.get(kind.name))
            try:
                decided = self._decide(
                    *(kind, before, base, cover, item),
                    in_doubt=in_doubt,
                    insist=kind.name in insist,
                    yields=yields,
                    of_another=of_another,
                )
                if decided.note:
                    hung.notes.append(decided.note)
                if not dry_run:
                    self._place(hung, kind, decided, cover, item)
                if decided.is_sent:
                    shown = _selected(decided.there)
                    was = "an earlier upload" if shown.startswith("upload://") else PLEX_S_OWN
                    now = f"the scene's cover ({decided.after.sha1[:8]})"
                    hung.changes[kind.name] = (was, now)
                after = decided.after
            except SyncError as fault:
                after = _failed(hung, kind, before or Picture(), cover, fault)
            _keep(hung, kind, after)
        if not dry_run:
            self._lock(hung, item, due, locked)
        return hung

    def hang_planned(
        self,
        planned: ItemPlan,
        cover: Cover,
        locked: Collection[str] = (),
        *,
        dry_run: bool = False,
    ) -> Hung:
        """Bring about what was planned for the pictures of one item, as ``hang`` does."""
        return self.hang(
            *(cover, planned.item, planned.merged.base, planned.pictures, locked),
            in_doubt=planned.may_have_arrived,
            insist=planned.insist,
            of_another=planned.is_of_another,
            dry_run=dry_run,
        )

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
        *,
        in_doubt: bool,
        insist: bool,
        yields: bool,
        of_another: bool,
    ) -> Decision:
        """Decide about one picture; ``insist``: a person chose the cover; the rest as of ``hang``.

        Plex is not asked what it offers where none of it can be ours or a person's.

        Raises:
            errors.SyncError: The cover or the list of pictures cannot be had, or it is too large.
        """
        sha1 = cover.ask()
        known = before or Picture()
        if sha1 == "-":
            return Decision(known._replace(version=cover.version))
        same = before is not None and known.sha1 == sha1
        unsure = insist or (
            before is not None and _is_unsure(kind, known, base, item, self._config)
        )
        if same and not unsure:
            return Decision(known._replace(version=cover.version, etag=cover.etag))
        if not (same and known.fate == SENT):
            images.check_size(cover.image() or b"")
        at = shown_version(kind, item)
        after = Picture(SENT, sha1, cover.version, at, cover.etag)
        sent = after._replace(seen=NOT_SINCE + at)
        may_be_known = yields or in_doubt or self._adopts
        if not may_be_known and _is_untouched(kind, before, base, item):
            return Decision(sent, is_sent=True)
        there = images.offered(self._client, item.rating_key, kind)
        shown = next((one.sha1 for one in there if one.selected), "")
        if shown == sha1:
            # If not ours so far, then of a run that was cut short: who else would have these bytes?
            is_ours = same and known.fate == SENT and known.version != OPEN
            return Decision(after, ours=not is_ours)
        note = ""
        if not (insist or self._config.overwrite_plex_edits):
            is_locked = kind.lock in item.locked
            never_ours = is_locked and known.fate == NONE and kind.lock not in base.locked
            may_stay = yields or (of_another and is_locked)
            if never_ours or (may_stay and _is_a_persons(kind, known, base, item, shown)):
                is_known = yields and known.fate == KEPT
                note = "" if is_known else KEPT_WORDS.format(kind.name)
                return Decision(after._replace(fate=KEPT, seen="-"), note=note)
            if is_locked:
                went_back = shown in base.earlier.get(kind.name, ()) or known.left == at
                if same and not went_back:
                    return Decision(after)  # a person's
                ours_left = known.fate == SENT and shown != known.sha1 and not went_back
                if known.fate == KEPT or ours_left:
                    note = REPLACED_WORDS.format(kind.name)
        return Decision(sent, is_sent=True, there=there, note=note)

    def _place(
        self, hung: Hung, kind: Kind, decided: Decision, cover: Cover, item: PlexItem
    ) -> None:
        """Do what was decided, and note what is ours by that."""
        if decided.is_sent:
            try:
                self._show(kind, decided, cover, item)
            except SyncError as fault:
                if fault.next_step is not NextStep.PARK:
                    # It may have arrived all the same, and a server may lock what arrives:
                    # the next look must not take that lock for a person's.
                    hung.base = _with_locks(hung.base, [kind.lock])
                    _remember(hung, kind, decided.after.sha1)
                raise
            hung.former[kind.name] = (_selected(decided.there), decided.after.sha1)
        if decided.is_sent or decided.ours:
            hung.placed.append(kind.lock)

    def _show(self, kind: Kind, decided: Decision, cover: Cover, item: PlexItem) -> None:
        """Show a cover: select the upload of its bytes if Plex has one, else send it."""
        sha1 = decided.after.sha1
        if had := next((one for one in decided.there if one.sha1 == sha1), None):
            images.select(self._client, item.rating_key, kind, had.key)
            return
        where = (kind, item.type)
        # One upload of a kind is looked after; what the others did shows the next read of the item.
        look = where not in self._shows
        if images.upload(self._client, item.rating_key, kind, cover.image() or b"", look=look):
            self._shows.add(where)

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
            undone=hung.base.undone - frozenset(hung.placed),
        )


def _selected(there: Iterable[Offered]) -> str:
    return next((one.key for one in there if one.selected), "")


def _failed(hung: Hung, kind: Kind, before: Picture, cover: Cover, fault: SyncError) -> Picture:
    """Note what failed: for good until the cover changes, or to be tried again."""
    if fault.next_step is not NextStep.PARK:
        hung.fault = hung.fault or fault
        return before._replace(version=OPEN)
    hung.notes.append(f"{kind.name}: {fault.message}")
    return Picture(REFUSED, cover.sha1, cover.version, "-", cover.etag)


def _with_locks(base: Base, locked: Collection[str]) -> Base:
    return replace(base, locked=base.locked | frozenset(locked)) if locked else base


def _keep(hung: Hung, kind: Kind, picture: Picture) -> None:
    known = Picture.parse(hung.base.images.get(kind.name))
    if known and known.fate == SENT and known.sha1 not in ("-", picture.sha1):
        _remember(hung, kind, known.sha1)
    if picture.fate == SENT and picture.version != OPEN:
        _forget(hung, kind, picture.sha1)
    hung.base = replace(hung.base, images={**hung.base.images, kind.name: picture.text})


def _remember(hung: Hung, kind: Kind, sha1: str) -> None:
    """Keep that a picture is ours although it is not the last one; of very many the oldest go."""
    _forget(hung, kind, sha1)
    earlier = hung.base.earlier
    now = (*earlier.get(kind.name, ()), sha1)[-EARLIER:]
    hung.base = replace(hung.base, earlier={**earlier, kind.name: now})


def _forget(hung: Hung, kind: Kind, sha1: str) -> None:
    earlier = dict(hung.base.earlier)
    left = tuple(one for one in earlier.pop(kind.name, ()) if one != sha1)
    if left:
        earlier[kind.name] = left
    hung.base = replace(hung.base, earlier=earlier)


def _reopen(hung: Hung, due: Iterable[Kind]) -> None:
    for kind in due:
        picture = Picture.parse(hung.base.images.get(kind.name)) or Picture()
        _keep(hung, kind, picture._replace(version=OPEN))
