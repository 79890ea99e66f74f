"""Differences that stay: what Plex keeps although Stash has another value, and the answers."""

from __future__ import annotations

import time

from store import differences
from store.differences import KEEP, TAKE, USE_STASH
from store.enqueue import BACKGROUND, EDIT, enqueue

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from tasks.task import Task

#: Characters shown of a value.
LONGEST_VALUE = 300
#: Scenes up to which an answer is carried out at once, as an edit by hand is.
BY_HAND = 20
#: Fields that Stash can take (sync/take.py and things.py, which would load the network).
TAKEABLE = (
    "title",
    "summary",
    "date",
    "rating",
    "director",
    "studio",
    "performers",
    "tags",
    "labels",
    "collections",
    "poster",
)
#: Why Stash cannot take the others.
WHY_NOT = {
    "sort_title": "Stash has no sort title: PlexSync makes it of the title.",
    "content_rating": "Stash has no content rating: it is a setting of PlexSync, the same for all.",
    "background": "A scene has one picture, its cover. Stash takes the poster for it.",
}

_ANSWERS = {"use_stash": USE_STASH, "keep_plex": KEEP, "take": TAKE}


def groups(connection: sqlite3.Connection, server: str) -> list[dict[str, Any]]:
    """Give each field that has differences, with their number, the most frequent first.

    ``until`` is the highest number so far: what comes later was not seen. ``why_not`` says why
    Stash cannot take it.
    """
    until = differences.newest(connection)
    return [
        {
            "field": field,
            "size": size,
            "until": until,
            "takeable": field in TAKEABLE,
            "why_not": WHY_NOT.get(field, ""),
        }
        for field, size in differences.counts(connection, server)
    ]


def page_differences(task: Task) -> dict[str, Any]:
    """Give one page of the differences of one field, the newest first.

    Arguments: ``field``, ``limit``, and ``before``, the ``next`` of the page before.
    """
    field, limit = str(task.arguments.get("field") or ""), task.page_size()
    found = differences.page(task.connection, task.server, field, before=task.before(), limit=limit)
    rows = [
        row._replace(theirs=row.theirs[:LONGEST_VALUE], ours=row.ours[:LONGEST_VALUE])._asdict()
        for row in found
    ]
    return {
        "now": time.time(),
        "rows": rows,
        "next": found[-1].number if len(found) == limit else None,
    }


def answer(task: Task) -> dict[str, Any]:
    """Answer some differences, or all of a field that were seen.

    Arguments: ``answer`` (use_stash, keep_plex or take), and ``numbers``, or ``field`` and
    ``until``. What is gone or changed meanwhile is not answered. Gives ``rows``, how many
    were; doing it again is harmless.
    """
    given = task.arguments
    chosen, field = _ANSWERS.get(str(given.get("answer"))), str(given.get("field") or "")
    if chosen is None:
        return {"rows": 0, "worker": "asleep"}
    with task.store.transaction() as connection:
        numbers = task.numbers("numbers") or []
        if not numbers and field:
            until = task.number("until")
            numbers = differences.numbers_of(connection, task.server, field, until=until)
        fields = TAKEABLE if chosen == TAKE else ()
        count, scenes = differences.answer(connection, chosen, numbers, fields)
        if chosen != KEEP:
            urgency = EDIT if len(scenes) <= BY_HAND else BACKGROUND
            enqueue(connection, "scene", sorted(scenes), now=time.time(), urgency=urgency)
    is_work = count and chosen != KEEP
    return {"rows": count, "worker": task.ensure_worker() if is_work else "asleep"}
