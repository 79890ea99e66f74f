"""The task "Preview sync": what a sync would change, field by field, found by the same code.

Nothing is written, neither to Plex nor to the ledger nor to the queue.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from faults import NextStep, Scope, SyncError
from plex.item import BATCH, read_items
from tasks import voice
from validation.config import PlexSyncConfig
from validation.text import one_line
from worker import redaction
from worker.reconcile import Reconciler
from worker.selection import why_not

if TYPE_CHECKING:
    from collections.abc import Iterator

    from plex.client import PlexClient
    from plex.item import PlexItem
    from stash.scene import Scene
    from tasks.task import Task
    from worker.log import Log

#: Changes shown in the output, and scenes said in Stash's log.
SHOWN = 50
SAID = 1000
#: Bytes of one value in the output and in the log.
CELL = 40
LONGEST = 200


class Change(NamedTuple):
    """What would change in one field of one item."""

    scene: int
    title: str
    field: str
    before: str
    after: str


class Preview:
    """Collects what a sync would do."""

    def __init__(self, *, redacted: bool) -> None:
        self.shown: list[Change] = []
        self.outcomes: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        self._redacted = redacted

    def add(
        self, scene: Scene, changes: list[tuple[str, tuple[str, str]]], notes: list[str]
    ) -> None:
        """Take one scene; a change is a field, its value in Plex, and the one it would get."""
        title = "..." if self._redacted else scene.title
        for field, (before, after) in changes:
            shown = ("...", "...") if self._redacted else (before, after)
            if len(self.shown) < SHOWN:
                self.shown.append(Change(scene.id, title, field, *shown))
            self.fields[field] += 1
        if (changes or notes) and self.outcomes.total() <= SAID:
            if self._redacted:
                words = [field for field, _ in changes] + [_first_word(note) for note in notes]
            else:
                words = [f"{field} {_cut(old)} -> {_cut(new)}" for field, (old, new) in changes]
                words += notes
            voice.say("INFO", f"scene {scene.id} {title!r}: {'; '.join(words)}")

    def table(self) -> str:
        """Give the changes as lines of columns, the first ``SHOWN`` of them, and the count."""
        total = self.fields.total()
        rows = [("Scene", "Title", "Field", "Plex now", "Plex then")]
        rows += [
            (str(one.scene), _cell(one.title), one.field, _cell(one.before), _cell(one.after))
            for one in self.shown
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        if total > len(self.shown):
            lines.append(f"... and {total - len(self.shown)} more changes")
        return "\n".join(lines)


def run(task: Task) -> str:
    """Look at every scene without writing; give the summary and the table.

    Raises:
        faults.SyncError: A setting is wrong, or Stash or Plex as a whole failed.
    """
    settings = task.stash.settings()
    token = settings.get("plex_token")
    task.log.hide([token if isinstance(token, str) else None])
    config = PlexSyncConfig.from_settings(settings)
    task.log.redact([] if config.redact_logs else None)
    preview = Preview(redacted=config.redact_logs)
    with task.open_plex(config) as client:
        reconciler = Reconciler(
            task.store,
            client,
            config,
            task.stash.scenes_with_path,
            cover=task.stash.cover,
            clock=time.time,
            dry=True,
        )
        total = task.stash.client().count_scenes()
        for page in _pages(task):
            known = _remembered(client, reconciler, page)
            for scene in page:
                redaction.keep_private(task.log, scene, config)
                _look(preview, reconciler, task.log, scene, known)
                voice.progress(preview.outcomes.total() / max(total, 1))
    summary = _summary(preview)
    voice.say("INFO", summary)
    return f"{summary}\n\n{preview.table()}" if preview.fields else summary


def _look(
    preview: Preview,
    reconciler: Reconciler,
    log: Log,
    scene: Scene,
    known: dict[int, PlexItem],
) -> None:
    if why_not(scene, reconciler.config):
        preview.outcomes["left out"] += 1
        return
    try:
        look = reconciler.look(scene, known)
        if look.fault:
            raise look.fault
    except SyncError as fault:
        if fault.scope is Scope.SERVER:
            raise
        waits = fault.next_step is NextStep.WAIT
        preview.outcomes["not in Plex yet" if waits else "would fail"] += 1
        if not waits:
            voice.say("WARNING", log.clean(f"scene {scene.id}: {log.words(fault)}"))
        return
    changes = [change for one in look.written for change in one.changes.items()]
    preview.outcomes["would change" if changes else "would stay"] += 1
    preview.add(scene, changes, look.notes)


def _pages(task: Task) -> Iterator[list[Scene]]:
    last = 0
    while page := task.stash.client().scenes_after(last, BATCH):
        yield page
        last = page[-1].id


def _remembered(
    client: PlexClient, reconciler: Reconciler, scenes: list[Scene]
) -> dict[int, PlexItem]:
    """Read the items that the ledger has for a page of scenes, many with one request."""
    remembered = reconciler.remembered([scene.id for scene in scenes])
    keys = [key for some in remembered.values() for key in some]
    try:
        return read_items(client, keys[:BATCH]) if keys else {}
    except SyncError as fault:
        if fault.scope is Scope.SERVER:
            raise
        return {}  # each is read by itself, where its fault is seen


def _summary(preview: Preview) -> str:
    counted = preview.outcomes
    parts = [f"{counted['would change']} of {counted.total()} scenes would change"]
    parts += [
        f"{counted[outcome]} {outcome}"
        for outcome in ("would stay", "not in Plex yet", "would fail", "left out")
        if counted[outcome]
    ]
    fields = ", ".join(f"{name} {count}" for name, count in preview.fields.most_common())
    return (
        ", ".join(parts) + (f". By field: {fields}." if fields else ".") + " Nothing was written."
    )


def _cell(text: str) -> str:
    return one_line(text, CELL) or "-"


def _first_word(note: str) -> str:
    """Give the field that a note is about."""
    return note.partition(":")[0] + " (see Plex)"


def _cut(text: str) -> str:
    return f"'{one_line(text, LONGEST)}'"
