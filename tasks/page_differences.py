"""The inbox of the page: what Plex keeps although Stash has another value, and the answers."""

from __future__ import annotations

import time

from store import differences
from store.differences import KEEP, TAKE, USE_STASH
from store.enqueue import BACKGROUND, EDIT, enqueue
from worker.hook import whole

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    import sqlite3
    from typing import Any

    from tasks.task import Task

#: Characters shown of a value.
LONGEST_VALUE = 300
#: Above every number of a row.
LATER = 2**63 - 1
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
    counted = differences.counts(connection, server)
    until = differences.newest(connection)
    return [
        {
            "field": field,
            "size": size,
            "until": until,
            "takeable": field in TAKEABLE,
            "why_not": WHY_NOT.get(field, ""),
        }
        for field, size in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    ]


def page_differences(task: Task) -> dict[str, Any]:
    """Give one page of the differences of one field, the newest first.

    Arguments: ``field``, ``limit``, and ``before``, the ``next`` of the page before.
    """
    connection = task.store.connection
    limit = task.page_size()
    rows = differences.page(
        connection,
        task.server,
        str(task.arguments.get("field") or ""),
        before=task.number("before") or LATER,
        limit=limit,
    )
    return {
        "now": time.time(),
        "rows": [
            {
                **row._asdict(),
                "theirs": row.theirs[:LONGEST_VALUE],
                "ours": row.ours[:LONGEST_VALUE],
            }
            for row in rows
        ],
        "next": rows[-1].number if len(rows) == limit else None,
    }


def answer(task: Task) -> dict[str, Any]:
    """Answer some differences, or all of a field that were seen.

    Arguments: ``answer`` (use_stash, keep_plex or take), and ``numbers``, or ``field`` and
    ``until``. What is gone or changed meanwhile is not answered. Gives ``rows``, how many
    were; doing it again is harmless.
    """
    given = task.arguments
    chosen, field = _ANSWERS.get(str(given.get("answer"))), str(given.get("field") or "")
    nothing = {"rows": 0, "worker": "asleep"}
    if chosen is None:
        return nothing
    with task.store.transaction() as connection:
        numbers = _numbers(given.get("numbers"))
        if not numbers and field:
            until = task.number("until")
            numbers = differences.numbers_of(connection, task.server, field, until=until)
        if chosen == TAKE:
            numbers = differences.only_of(connection, TAKEABLE, numbers)
        count, scenes = differences.answer(connection, chosen, numbers)
        if chosen != KEEP:
            urgency = EDIT if len(scenes) <= BY_HAND else BACKGROUND
            enqueue(connection, "scene", sorted(scenes), now=time.time(), urgency=urgency)
    if not count or chosen == KEEP:
        return {**nothing, "rows": count}
    return {"rows": count, "worker": task.ensure_worker()}


def _numbers(given: object) -> list[int]:
    found = [whole(one) for one in given] if isinstance(given, list) else []
    return [one for one in dict.fromkeys(found) if one]
