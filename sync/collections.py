"""Plex's collections get the picture and the words of what they are made of in Stash.

Items come and go by their own edits (merge/desired.py), and a collection with them: this is
about its page. Only one that PlexSync made is written to, which is known by what was in it when
it was first seen: nothing but items that are there because of us. What a person made, or makes
of ours, stays as it is, and a smart one has nothing to do with us.

A row of its own kind in the queue stands for all of it, so it comes after edits and survives a
crash. In step it costs one list for each library, and Stash's pages (docs/adr/0023).
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from errors import Scope, SyncError
from merge.base import Base, Pending
from merge.desired import Desired, collection_name, summary
from merge.picture import Picture
from merge.three_way import merge
from plex import collections, edits, images
from plex.item import BATCH, read_items
from stash import entities
from stash.changes import SAME_SECOND, instant
from store import collections as ledger
from store import queue
from store.enqueue import BACKGROUND, enqueue
from sync.batch import Interrupted
from sync.cover import Cover
from validation.text import tag_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from sqlite3 import Connection

    from merge.three_way import Merge
    from plex.collections import Listed
    from plex.item import PlexItem
    from stash.client import StashClient
    from stash.entities import Entity
    from store.collections import Entry
    from store.queue import QueueRow
    from sync.artwork import Hung
    from sync.context import Context
    from validation.config import PlexSyncConfig

#: Kind of the one row, and its id.
KIND, ALL = "collections", 0
#: What is behind the collections of a field of sync_fields, by the name it has in Stash.
BEHIND = {
    "group_collections": "group",
    "studio_collection": "studio",
    "parent_studio_collection": "studio",
    "performer_collections": "performer",
}
#: Texts of the ledger that are looked through between two looks at what is more urgent.
TEXTS_AT_ONCE = 500


@dataclass(slots=True)
class _Due:
    """One collection that is to be looked at: what is behind it, and what the ledger has of it."""

    listed: Listed
    source: Entity
    entry: Entry


def mark(connection: Connection, config: PlexSyncConfig | None, *, now: float) -> None:
    """Put the collections into the queue, inside the caller's transaction, if they have pages."""
    if is_wanted(config):
        enqueue(connection, KIND, [ALL], now=now, urgency=BACKGROUND)


def is_wanted(config: PlexSyncConfig | None) -> bool:
    """Say whether collections get pictures and words."""
    return config is not None and bool(config.collection_prefixes) and not config.plain_collections


def work_on(context: Context, row: QueueRow) -> None:
    """Bring the pages of all collections in step, and end the row.

    Raises:
        Interrupted: Something more urgent waits; what is done is done.
        errors.SyncError: A server failed; a fault of one collection comes last.
    """
    fault: SyncError | None = None
    if is_wanted(context.config):
        behind = sources(context.settings, partial(_read, context))
        for section in context.plex.libraries.sections():
            fault = _Pages(context, section.key, behind).bring() or fault
    if fault is not None:
        raise fault
    with context.store.transaction() as connection:
        queue.done(connection, row)


def sources(
    config: PlexSyncConfig, read: Callable[[str], Iterable[Entity]]
) -> dict[str, Entity | None]:
    """Give what is behind a collection, by the key of its name; None where several could be.

    ``read`` gives all things of a kind of Stash's.
    """
    found: dict[str, Entity | None] = {}
    known: dict[str, list[Entity]] = {}
    for field, prefix in config.collection_prefixes.items():
        kind = BEHIND[field]
        if kind not in known:
            known[kind] = list(read(kind))
        of_field: dict[str, Entity | None] = {}
        bare = {one.name for one in known[kind] if not one.disambiguation}
        for one in known[kind]:
            names = {one.name}
            if one.disambiguation:
                names = {f"{one.name} ({one.disambiguation})"} | (names - bare)
            for key in {tag_key(collection_name(prefix, name)) for name in names}:
                of_field[key] = None if key in of_field else one
        for key, source in of_field.items():
            found.setdefault(key, source)
    return found


def _read(context: Context, kind: str) -> list[Entity]:
    def question(client: StashClient) -> list[Entity]:
        return entities.read_all(client, kind)

    return context.stash.ask(question, partial(_look_up, context))


def _look_up(context: Context) -> None:
    if context.interrupted():
        raise Interrupted


def _digest(listed: Listed, source: Entity) -> str:
    """Give what stands for both sides when nothing is due."""
    return listed.digest(source.cover, source.details)


class _Pages:
    """The collections of one library, brought in step once; ``behind`` is what ``sources`` gave."""

    def __init__(self, context: Context, section: int, behind: Mapping[str, Entity | None]) -> None:
        self._context = context
        self._client = context.client()
        self._server = self._client.machine_identifier
        self._section = section
        self._behind = behind
        self._given: Counter[str] | None = None
        # Those that an item may be in of which nobody knows yet.
        self._doubtful: set[str] = set()

    def bring(self) -> SyncError | None:
        """Bring them in step; give what failed of one of them, None for nothing.

        Raises:
            Interrupted: Something more urgent waits.
            errors.SyncError: Plex failed as a whole.
        """
        listed = collections.listed(self._client, self._section)
        known = ledger.of_section(self._context.store.connection, self._server, self._section)
        due = self._find_due(listed, known)
        self._forget(set(known) - {one.rating_key for one in listed})
        written: list[_Due] = []
        fault: SyncError | None = None
        for chunk in queue.chunks(due, BATCH):
            items = read_items(self._client, [one.listed.rating_key for one in chunk])
            for one in chunk:
                _look_up(self._context)
                if one.listed.rating_key not in items:
                    continue
                try:
                    is_written, failed = self._write(one, items[one.listed.rating_key])
                except SyncError as error:
                    if error.scope is Scope.SERVER:
                        raise
                    is_written, failed = False, error
                fault = fault or failed
                if is_written and failed is None:
                    written.append(one)
        self._note_seen(written)
        return fault

    def _find_due(self, listed: Iterable[Listed], known: Mapping[int, Entry]) -> list[_Due]:
        """Give the collections of ours that are not as they were in step."""
        due = []
        for one in listed:
            source = None if one.smart else self._behind.get(tag_key(one.title))
            entry = known.get(one.rating_key)
            if entry is not None and entry.identity != one.identity:
                entry = None  # another one got its rating key
            if one.children == 0 and entry is not None and entry.made and not one.smart:
                self._remove(one)
                continue
            if source is None:
                continue
            if entry is None:
                entry = self._meet(one)
            if entry is not None and entry.made and entry.seen != _digest(one, source):
                due.append(_Due(one, source, entry))
        return due

    def _meet(self, one: Listed) -> Entry | None:
        """Note a collection that is new to us, and whether it is ours; None if no item is.

        Nor while an edit was not acknowledged that may have put one into it: its scene's next
        look has all collections looked at again (sync/record.py).
        """
        key = tag_key(one.title)
        given = self._all_given()[key]
        if not given or one.children is None or key in self._doubtful:
            return None
        made = int(given >= one.children)
        entry = ledger.Entry(self._server, one.rating_key, self._section, one.identity, made)
        self._keep(entry)
        return entry

    def _all_given(self) -> Counter[str]:
        """Count the library's items that we put into each collection, by the key of its name."""
        if self._given is None:
            self._given = Counter()
            texts = ledger.texts_with(self._context.store.connection, self._server, self._section)
            for number, (text, pending) in enumerate(texts):
                if number % TEXTS_AT_ONCE == 0:
                    _look_up(self._context)
                tried = Pending.from_json(pending).any_members.get("collections", ())
                self._doubtful.update(map(tag_key, tried))
                base = json.loads(text or "{}")
                lists = base.get("given") or base.get("members") or {}
                self._given.update({tag_key(name) for name in lists.get("collections", ())})
        return self._given

    def _write(self, one: _Due, item: PlexItem) -> tuple[bool, SyncError | None]:
        """Write what is due to one; say whether anything was, and what failed of its picture.

        Raises:
            errors.SyncError: Its words could not be written.
        """
        merged = self._merged(one, item)
        if merged.edit:
            self._keep(one.entry._replace(pending=merged.pending.to_json()))
            edits.write(self._client, merged.edit)
        hung = self._hang(one, item, merged)
        changes = {**merged.changes, **hung.changes}
        is_written = bool(merged.edit or hung.changes or hung.placed)
        # Of one that was written Plex's list says something else by now.
        is_open = is_written or hung.fault or self._is_unsure(one)
        seen = "" if is_open else _digest(one.listed, one.source)
        self._keep(one.entry._replace(base=hung.base.to_json(), pending="", seen=seen))
        self._tell(one, changes, (*merged.notes, *hung.notes))
        return is_written, hung.fault

    def _merged(self, one: _Due, item: PlexItem) -> Merge:
        return merge(
            Desired({"summary": summary(one.source.details)}, {}),
            item,
            Base.from_json(one.entry.base) if one.entry.base else None,
            Pending.from_json(one.entry.pending),
            overwrite=self._context.settings.overwrite_plex_edits,
            adopt=self._context.plex.adopts,
        )

    def _hang(self, one: _Due, item: PlexItem, merged: Merge) -> Hung:
        context, kind = self._context, images.POSTER
        known = Picture.parse(merged.base.images.get(kind.name))
        cover = Cover(one.source, context.stash.cover, context.clock(), [known] if known else [])
        return context.plex.artwork.hang(cover, item, merged.base, (kind,), yields=True)

    def _note_seen(self, written: Iterable[_Due]) -> None:
        """Note how Plex's list shows those that were written, so that they need no look again."""
        wanted = {one.listed.rating_key: one for one in written}
        if not wanted:
            return
        connection = self._context.store.connection
        known = ledger.of_section(connection, self._server, self._section)
        for now in collections.listed(self._client, self._section):
            one, entry = wanted.get(now.rating_key), known.get(now.rating_key)
            if one is not None and entry is not None and not self._is_unsure(one):
                self._keep(entry._replace(seen=_digest(now, one.source)))

    def _is_unsure(self, one: _Due) -> bool:
        """Say whether Stash may save it once more in the second by which its picture is known."""
        return self._context.clock() - instant(one.source.updated_at) < SAME_SECOND

    def _remove(self, one: Listed) -> None:
        """Take away one of ours whose last item left, where Plex does not do so itself."""
        collections.remove(self._client, one.rating_key)
        self._forget([one.rating_key])
        self._context.log.info(f"collection {one.rating_key}: removed, nothing is in it any more")

    def _keep(self, entry: Entry) -> None:
        with self._context.store.transaction() as connection:
            ledger.put(connection, [entry], now=self._context.clock())

    def _forget(self, rating_keys: Iterable[int]) -> None:
        with self._context.store.transaction() as connection:
            ledger.forget(connection, self._server, rating_keys)

    def _tell(self, one: _Due, changes: Mapping[str, object], notes: Iterable[str]) -> None:
        log = self._context.log
        said = log.notes(notes)
        if not changes and not said:
            return
        title = "" if log.is_redacted else f" {one.listed.title!r}"
        what = f"changed {', '.join(changes)}" if changes else "unchanged"
        log.info(f"collection {one.listed.rating_key}{title}: {'; '.join([what, *said])}")
