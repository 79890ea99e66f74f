"""The task "Preview sync": what a sync would change, field by field, found by the same code.

Nothing is written, neither to Plex nor to the ledger nor to the queue; what was found is
kept as the plan that the page shows (store/planned.py).
"""

from __future__ import annotations

import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING

from errors import NextStep, Scope, SyncError, counted
from stash.exceptions import StashMutationUnknown
from store import meta, planned, queue
from store.braked import WAITS
from store.ledger import SHARES
from store.store import for_one_run
from sync import brake, pipeline, server_seen
from sync.batch import Batch
from sync.preview import Outlook, name_of
from tasks import bring_plays, page_plan, stash_log
from validation.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from log import Log
    from stash.scene import Scene
    from sync.context import Context
    from sync.plan import ScenePlan
    from tasks.task import Task

#: Changes shown in the output, and lines of each level said of scenes in Stash's log.
SHOWN = 50
SAID = 1000
#: Scenes in memory at a time: one page of Stash's, two requests for items.
WINDOW = 500
#: Bytes of one value in the output and in the log.
CELL = 40
LONGEST = 200
#: What becomes of scenes that would not change, as the summary says it.
OTHERS = (
    "would stay",
    "would share another's item",
    "not in Plex yet",
    "would fail",
    "left out",
)


class Preview:
    """Collects what a sync would do."""

    def __init__(self, log: Log) -> None:
        #: The first ``SHOWN`` changes as rows of the table, under its head.
        self.rows: list[Sequence[str]] = [("Scene", "Title", "Field", "Plex now", "Plex then")]
        self.outcomes: Counter[str] = Counter()
        self.fields: Counter[str] = Counter()
        #: Lines there were to be said in Stash's log, by level.
        self.lines: Counter[str] = Counter()
        self.outlook = Outlook()
        #: What would be taken away from items that are in step, and what of it is asked already.
        self.taken, self.held = brake.sum_of(()), brake.sum_of(())
        self._log = log

    def add(
        self, scene: Scene, changes: list[tuple[str, tuple[str, str]]], notes: list[str]
    ) -> None:
        """Take one scene; a change is a field, its value in Plex, and the one it would get."""
        title = self._title(scene)
        for field, values in changes:
            if len(self.rows) <= SHOWN:
                old, new = ("...", "...") if self._log.is_redacted else map(_cell, values)
                self.rows.append((str(scene.id), _cell(title), field, old, new))
            self.fields[field] += 1
        if self._log.is_redacted:
            words = [field for field, _ in changes]
            words += [f"{note} (see Plex)" for note in self._log.notes(notes)]
        else:
            words = [f"{field} {_cut(old)} -> {_cut(new)}" for field, (old, new) in changes]
            words += notes
        if words:
            self.say("INFO", f"scene {scene.id} {title!r}: {'; '.join(words)}")

    def add_plays(self, scene: Scene, rating_key: int, times: Sequence[int]) -> None:
        """Take the plays that one scene lacks, by their Unix seconds, and an item they are of."""
        words = self.outlook.add_plays(scene, rating_key, times)
        self.say("INFO", f"scene {scene.id} {self._title(scene)!r}: {words}")

    def _title(self, scene: Scene) -> str:
        return "..." if self._log.is_redacted else name_of(scene)

    def say(self, level: str, line: str) -> None:
        """Say a line about a scene in Stash's log, until ``SAID`` of that level were said."""
        self.lines[level] += 1
        if self.lines[level] <= SAID:
            stash_log.say(level, line)
        elif self.lines[level] == SAID + 1:
            stash_log.say(
                level, f"{SAID} scenes were said; the summary tells how many more follow."
            )

    def table(self) -> str:
        """Give the changes as lines of columns, the first ``SHOWN`` of them, and the count."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in self.rows
        ]
        more = self.fields.total() - (len(self.rows) - 1)
        if more:
            lines.append(f"... and {counted(more, 'more change')}")
        return "\n".join(lines)


def run(task: Task) -> str:
    """Look at every scene without writing; keep the plan, give the summary and the table.

    Raises:
        errors.SyncError: A setting is wrong, or Stash or Plex as a whole failed.
    """
    began = time.time()
    config, fingerprint = task.read_settings()
    known = meta.get(task.connection, meta.SETTINGS_SEEN)
    preview = Preview(task.log)
    with task.open_plex(config) as client, closing(for_one_run()) as tables:
        # Neither the queue nor the ledger can be told of anything: there is no recorder. The
        # path index is one of its own, for a worker may be listing the same library.
        context = task.context(client, config, fingerprint, tables)
        if config.shows_performers:
            context.namesakes.look_again()  # as a sync does that was told of a new performer
        total = task.stash.client().count_scenes()
        claims: dict[int, int] = {}  # nothing is recorded that would tell a later window
        for window in _windows(task):
            left = total - preview.outcomes.total()
            for batch in _planned(context, window, left, claims):
                preview.outcomes["left out"] += len(batch.left_out)
                for plan in batch.plans:
                    _note(preview, context, plan)
                    stash_log.progress(preview.outcomes.total() / max(total, 1))
        server_seen.note(context)
        played = _played(preview, context) if config.plays_to_stash else ""
    summary = _summary(preview) + _asked(task, preview) + played
    about = {
        "began": began,
        "at": time.time(),
        "text": summary,
        "sizes": preview.outlook.sizes,
        "cut": preview.outlook.cut,
        "settings": page_plan.checksum(task.stash.settings()),
        "good": fingerprint,
        "seen": known,
    }
    with task.store.transaction() as connection:
        planned.put(connection, about, preview.outlook.examples)
    return f"{summary}\n\n{preview.table()}" if preview.fields else summary


def _planned(
    context: Context, scenes: list[Scene], waiting: int, claims: dict[int, int]
) -> list[Batch]:
    """Plan some scenes together; each by itself where Plex refuses to be asked for many."""
    batch = Batch.of_scenes(scenes)
    batch.claims = claims
    batch.waiting = max(waiting, len(scenes))
    try:
        pipeline.plan(context, batch, pipeline.PREVIEW)
    except SyncError as fault:
        if fault.scope is Scope.SERVER or len(scenes) == 1:
            raise
    else:
        return [batch]
    return [one for scene in scenes for one in _planned(context, [scene], 1, claims)]


def _note(preview: Preview, context: Context, plan: ScenePlan) -> None:
    """Take what was planned for one scene; its words are kept private where they have to be."""
    context.keep_private(plan.scene)
    fault, log = plan.fault, context.log
    preview.outlook.add(plan)  # what fails of a scene holds nothing else of it back
    if fault is not None:
        if fault.scope is Scope.SERVER:
            raise fault
        waits = fault.next_step is NextStep.WAIT
        preview.outcomes["not in Plex yet" if waits else "would fail"] += 1
        if not waits:
            preview.say("WARNING", log.clean(f"scene {plan.scene.id}: {log.words(fault)}"))
        return
    if taken := brake.taken_by(plan):
        preview.taken.add(taken)
        row = queue.get(context.store.connection, "scene", plan.scene.id)
        if row and row.brake == WAITS:
            preview.held.add(taken)
    changes = [change for one in plan.written for change in one.changes.items()]
    stays = "would share another's item" if plan.outcome == SHARES else "would stay"
    preview.outcomes["would change" if changes else stays] += 1
    preview.add(plan.scene, changes, plan.notes)


def _windows(task: Task) -> Iterator[list[Scene]]:
    """Give all scenes, as many at a time as ``WINDOW``."""
    last = 0
    while window := task.stash.client().scenes_after(last, WINDOW):
        last = window[-1].id
        yield window


def _summary(preview: Preview) -> str:
    found = preview.outcomes
    noun = "scene" if found.total() == 1 else "scenes"
    parts = [f"{found['would change']} of {found.total()} {noun} would change"]
    parts += [f"{found[outcome]} {outcome}" for outcome in OTHERS if found[outcome]]
    said = f"{', '.join(parts)}."
    if preview.fields:
        fields = ", ".join(f"{name} {count}" for name, count in preview.fields.most_common())
        said += f" By field: {fields}."
    if more := sum(max(lines - SAID, 0) for lines in preview.lines.values()):
        verb = "has" if more == 1 else "have"
        said += f" {counted(more, 'more scene')} {verb} something to say than the log tells."
    return f"{said} Nothing was written."


def _asked(task: Task, preview: Preview) -> str:
    """Say what a sync would hold back until a person says so, "" for nothing."""
    asks, in_step = brake.has_to_ask(task.connection, preview.taken.items, time.time())
    taken = preview.taken if asks else preview.held
    if not taken:
        return ""
    return (
        f" A sync would hold back what takes something away from {taken.items:,} of "
        f"{counted(in_step, 'item')} in step, and ask first: it would {taken.in_words()}."
    )


def _played(preview: Preview, context: Context) -> str:
    """Take the plays that the task "Bring plays over" would add; give the sentence about them."""
    try:
        due = bring_plays.due(context)
    except StashMutationUnknown as fault:
        return f" {context.log.words(fault)}"
    except SyncError as fault:  # a sync asks for none of it
        words = context.log.words(fault, fault.while_trying())
        return f' What "Bring plays over" would add is not known: {words}'
    for (scene, views), times in zip(due.ours, due.missing, strict=True):
        if times:
            last = next(view for view in views if view.viewed_at == times[-1])
            preview.add_plays(scene, last.rating_key, times)
    return f' "Bring plays over" would add {due.in_words}.' if due.scenes else ""


def _cell(text: str) -> str:
    return one_line(text, CELL) or "-"


def _cut(text: str) -> str:
    return f"'{one_line(text, LONGEST)}'"
