"""Scenes that wait for Plex to know their file are looked at as soon as a library changed.

One cheap request, at most once a minute and only while something waits, tells
whether a library changed since the last one. Few waiting scenes are then all
looked at again. Where many wait, as beside a library that holds a part of Stash
on purpose, only those whose files are new in Plex are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plex.error_types import LibraryNotFound, NotInPlexYet
from plex.fields import LEAF_TYPE_OF_SECTION
from plex.libraries import choose
from plex.listing import pages
from store import history, meta, queue

if TYPE_CHECKING:
    from plex.client import SectionInfo
    from sync.context import Context

#: The reason, as the queue knows it.
REASON = NotInPlexYet.__name__
#: Seconds between two requests.
EVERY = 60.0
#: Waiting scenes up to which all are looked at again, and new items looked through at once.
FEW, MOST_NEW = 50, 200
#: Seconds by which Plex's clock may differ from ours.
SKEW = 600.0


class NewInPlex:
    """Brings the next look of waiting scenes forward."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = context.store
        self._asked_at: float | None = None

    def look_if_due(self) -> int:
        """Ask whether a library changed, if that is due; give how many scenes became due.

        Raises:
            errors.SyncError: Plex, or Stash about a new file, could not be asked.
        """
        now = self._context.clock()
        if self._asked_at is not None and 0 <= now - self._asked_at < EVERY:
            return 0
        scenes = queue.waiting_for(self._store.connection, REASON, now=now, limit=FEW + 1)
        if not scenes:
            return 0
        self._asked_at = now
        client = self._context.client()
        server = client.machine_identifier
        before = meta.get(self._store.connection, meta.LIBRARIES_SEEN) or {}
        if before.get("server") != server:
            before = {}
        seen: dict[str, list[float]] = dict(before.get("libraries") or {})
        few = len(scenes) <= FEW
        appeared = set(scenes) if few else set()
        changed = False
        infos = client.section_infos()
        chosen, missing = choose(infos, self._context.settings.plex_libraries)
        if not missing:
            self._context.plex.libraries.take(infos)
        for info in chosen:
            known = seen.get(str(info.key))
            if before and not self._changed(known, info, before):
                continue
            seen[str(info.key)] = [info.content_changed_at, info.scanned_at, now - SKEW]
            if not before:
                continue  # the first request of all only remembers
            changed = True
            if not few:
                since = known[2] if known else now - SKEW
                found, until = _new_in_plex(self._context, info, since)
                appeared |= found
                if until is not None:
                    # The rest is looked through next time, so nothing is ticked off yet.
                    seen[str(info.key)] = [0, 0, until]
        with self._store.transaction() as connection:
            meta.put(
                connection, meta.LIBRARIES_SEEN, {"server": server, "at": now, "libraries": seen}
            )
            if not changed:
                return 0
            return queue.make_due(
                connection, reason=REASON, kind="scene", ids=sorted(appeared), waited_until=now
            )

    def _changed(
        self, known: list[float] | None, info: SectionInfo, before: dict[str, Any]
    ) -> bool:
        if known is None or known[1] != info.scanned_at:
            return True
        if known[0] == info.content_changed_at:
            return False
        # Our own edits may move the counter: it tells something once we are quiet.
        newest = history.page(self._store.connection, limit=1)
        return not newest or newest[0].at < float(before["at"])


def _new_in_plex(
    context: Context, info: SectionInfo, since: float
) -> tuple[set[int], float | None]:
    """Give the scenes whose files are new in a library, and how far that looked if not to the end.

    A server that does not know the filter sends its oldest items, which are none.
    """
    item_type = LEAF_TYPE_OF_SECTION.get(info.type, 1)
    newer = (("addedAt>>", str(int(since) - 1)),)
    try:
        page = next(pages(context.client(), info.key, item_type, newer, size=MOST_NEW))
    except LibraryNotFound:  # deleted since the list was read
        return set(), None
    items = [item for item in page.items if item.added_at >= int(since)]
    files = [file for item in items for file in item.files]
    scenes = {scene for file in files for scene in context.scenes_at(file)}
    if not items or page.total <= len(page.items):
        return scenes, None
    return scenes, float(max(items[-1].added_at, int(since) + 1))
