"""The sentences of the page: what the state is, what each reason means, and what to do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from errors import in_words
from store import holds, ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from store.ledger import SceneRecord
    from store.queue import QueueRow

#: For each reason (the class of the fault): what it is called, and what a person can do.
REASONS = {
    "NotInPlexYet": (
        "Not in Plex yet",
        (
            "Plex has no item for these files. PlexSync looks again by itself, after a minute at "
            "first and later once a day. If Plex does show them, its path differs: see the setting "
            "path_map."
        ),
    ),
    "ItemGone": (
        "Gone from Plex",
        "Plex removed the item while it was looked at. PlexSync looks again by itself.",
    ),
    "RejectedEdit": (
        "Refused by Plex",
        "Plex refuses one of the values. Look at the scene in Stash, then retry.",
    ),
    "RequestTooLarge": (
        "Too large for Plex",
        (
            "Shorten the scene's texts or lists in Stash, or raise the limit of the reverse proxy, "
            "then retry."
        ),
    ),
    "ImageTooLarge": (
        "Picture too large for Plex",
        "Use a smaller cover in Stash, or raise the limit of the reverse proxy, then retry.",
    ),
    "AmbiguousMatch": (
        "Several items could be the file",
        (
            "PlexSync does not guess. Set path_map so that full paths can be compared, or remove "
            "the double in Plex, then retry."
        ),
    ),
    "ServerError": (
        "Plex failed inside",
        "PlexSync tries again by itself. If it lasts, look at Plex's log.",
    ),
    "BadResponse": (
        "Plex's answer was unreadable",
        "PlexSync tries again by itself. If it lasts, look at Plex's log.",
    ),
    "ServerTimeout": (
        "Plex took too long",
        "PlexSync tries again by itself. If it lasts, raise the setting plex_read_timeout.",
    ),
    "StashAnswerError": (
        "Stash's answer made no sense",
        "PlexSync tries again by itself. If it lasts, restart Stash and look at its log.",
    ),
    "PermanentError": (
        "Cannot be synced",
        "Look at the scene in Stash; PlexSync looks again when it is saved, or when you retry.",
    ),
}


class Facts(NamedTuple):
    """What the state is told from; ``ever`` says whether any scene was looked at so far."""

    queue: dict[str, int]
    held: list[holds.Hold]
    bulk: dict[str, Any] | None
    ever: bool


def of_reason(reason: str) -> tuple[str, str]:
    """Give a reason's title and what to do about it; an unknown one speaks for itself."""
    if reason in REASONS:
        return REASONS[reason]
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in reason)
    return words.strip().capitalize(), "PlexSync's message below says what to do."


def state(facts: Facts, now: float) -> tuple[str, str]:
    """Give the kind (new, settings, down, bulk, busy, attention, waiting, good) and a sentence."""
    queue = facts.queue
    everything = sum(queue.values())
    for hold in facts.held:
        if hold.lane == holds.SETTINGS:
            return "settings", hold.message
        return "down", f"{hold.message} Next try {in_words(hold.until - now)}."
    if facts.bulk and facts.bulk["running"]:
        done = facts.bulk["total"] - facts.bulk["left"]
        return "bulk", f"Syncing all scenes: {done} of {facts.bulk['total']} looked at."
    if facts.bulk and queue["task"]:
        left = scenes(queue["task"])
        return "paused", (
            f"Sync all was stopped with {left} to go. Start it again to go on where it was."
        )
    if queue["ready"]:
        return "busy", f"{scenes(queue['ready'])} being synced."
    if queue["parked"]:
        others = "All others are in step."
        if queue["waiting"]:
            others = f"{scenes(queue['waiting'])} more will be looked at again by themselves."
        return "attention", (
            f"{scenes(queue['parked'])} could not be synced; the groups below say "
            f"why and what to do. {others}"
        )
    if queue["waiting"]:
        verb = "waits" if queue["waiting"] == 1 else "wait"
        return "waiting", f"{scenes(queue['waiting'])} {verb}; PlexSync looks again by itself."
    if not facts.ever and not everything:
        return "new", "Nothing has been synced yet."
    return "good", "Plex is in step with Stash."


def scene(
    row: QueueRow | None,
    record: SceneRecord | None,
    held: list[holds.Hold],
    now: float,
    kept: Sequence[str] = (),
    refused: Sequence[str] = (),
) -> tuple[str, str]:
    """Give the kind (good, kept, busy, down, waiting, parked, shares, unknown) and a sentence.

    Args:
        row: The scene's row of the queue, None when nothing is to be done.
        record: What the last look found, None without one.
        held: Why the queue waits.
        now: Unix seconds.
        kept: Fields and pictures that stay as a person set them in Plex.
        refused: Pictures that Plex could not take.
    """
    if row is not None and row.due_at == 0:
        if held:
            return "down", f"It waits with all others: {held[0].message}"
        return "busy", "Marked; PlexSync looks at it in a moment."
    if row is not None and row.due_at is None:
        return "parked", row.message
    if row is not None and row.due_at is not None:
        return "waiting", f"{row.message} Next look {in_words(row.due_at - now)}."
    if record is None:
        return "unknown", (
            "PlexSync has not looked at this scene so far, or leaves it out because of "
            "only_organized or exclude_tags."
        )
    if record.outcome == ledger.SHARES:
        return "shares", record.note.capitalize() + "; that scene decides what Plex shows."
    if record.outcome == ledger.SKIPPED:
        return "unknown", f"Left out: {record.note}."
    left = []
    if kept:
        left.append(
            f"Set in Plex by hand and kept: {', '.join(kept)}. Change it in Stash to have Stash's "
            "value, or turn on overwrite_plex_edits."
        )
    if refused:
        left.append(f"Plex could not take: {', '.join(refused)}. Use a smaller or another one.")
    if left:
        return "kept", f"{' '.join(left)} All else is as in Stash."
    return "good", "Plex shows what Stash has."


def scenes(count: int) -> str:
    """Say a number of scenes."""
    return "1 scene" if count == 1 else f"{count} scenes"
