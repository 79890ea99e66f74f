"""The sentences of the page: what the state is, what each reason means, and what to do. Pure."""

from __future__ import annotations

from store import holds, ledger
from store.braked import ASKED, UNDECIDED
from store.named_tuple import NamedTuple

TYPE_CHECKING = False  # typing itself would cost the page milliseconds
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from store.ledger import SceneRecord
    from store.queue import QueueRow

#: For each reason (the class of the fault): what it is called, and what a person can do.
REASONS = {
    "NotInPlexYet": (
        "Not in Plex yet",
        (
            "Plex has no item for these files. PlexSync looks again by itself, after a minute at "
            "first and later once a day. If Plex does show them, its path differs: Test "
            "connection, among the settings, looks for the rule that Path Map needs."
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
            "PlexSync does not guess. Set Path Map so that full paths can be compared, or remove "
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
        "PlexSync tries again by itself. If it lasts, raise the setting Plex Read Timeout.",
    ),
    "StashAnswerError": (
        "Stash's answer made no sense",
        "PlexSync tries again by itself. If it lasts, restart Stash and look at its log.",
    ),
    UNDECIDED: (
        "Held back for now",
        (
            "They would take something away in Plex. Once all else of their run is done, a few "
            "are synced by themselves; for many you are asked first."
        ),
    ),
    ASKED: (
        "Held back until you say so",
        (
            "They would take something away in Plex. Put it right in Stash, and PlexSync syncs "
            'them by itself; save a scene to sync it now; or press "Go on" above for all.'
        ),
    ),
    "PermanentError": (
        "Cannot be synced",
        "Look at the scene in Stash; PlexSync looks again when it is saved, or when you retry.",
    ),
}


class Known(NamedTuple):
    """How many scenes were ever compared with an item of Plex, as of the last look at each.

    ``left_out`` are those that the settings leave out, or that have no file; ``total`` is how
    many Stash had at the last sweep, None before the first.
    """

    compared: int = 0
    left_out: int = 0
    total: int | None = None


class Differing(NamedTuple):
    """What was compared and is not in Plex as in Stash, for good.

    ``refused`` counts scenes whose cover Plex could not take, ``kept`` fields of items that
    stay as a person set them; those that were answered are not.
    """

    refused: int = 0
    kept: int = 0


class Facts(NamedTuple):
    """What the state is told from."""

    queue: dict[str, int]
    held: list[holds.Hold]
    bulk: dict[str, Any] | None
    known: Known
    differing: Differing = Differing()
    asks: bool = False


def of_reason(reason: str) -> tuple[str, str]:
    """Give a reason's title and what to do about it; an unknown one speaks for itself."""
    if reason in REASONS:
        return REASONS[reason]
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in reason)
    return words.strip().capitalize(), "PlexSync's message below says what to do."


def state(facts: Facts, now: float) -> tuple[str, str]:
    """Give the kind and a sentence.

    The kinds are new, settings, down, bulk, paused, busy, asks, attention, waiting, partly,
    except, good.
    """
    queue = facts.queue
    everything = sum(queue.values())
    for hold in facts.held:
        if hold.lane == holds.SETTINGS:
            return "settings", hold.message
        from errors import in_words

        return "down", f"{hold.message} Next try {in_words(hold.until - now)}."
    if facts.bulk and facts.bulk["running"]:
        done = facts.bulk["total"] - facts.bulk["left"]
        return "bulk", f"Syncing all scenes: {done:,} of {facts.bulk['total']:,} looked at."
    if facts.bulk and queue["task"]:
        left = scenes(queue["task"])
        what = "interrupted by a restart of Stash" if facts.bulk["interrupted"] else "stopped"
        return "paused", (
            f"Sync all was {what} with {left} to go. Start it again to go on where it was."
        )
    if queue["ready"]:
        return "busy", f"{queue['ready']:,} in the queue, looked at now."
    if facts.asks:
        they = "it" if queue["held"] == 1 else "they"
        return "asks", (
            f"{scenes(queue['held'])} held back, for {they} would take something away in Plex. "
            f"{_others(queue)}{_compared(facts)}"
        )
    if queue["parked"]:
        others = _compared(facts)
        if queue["waiting"]:
            they = "itself" if queue["waiting"] == 1 else "themselves"
            others = f"{scenes(queue['waiting'])} more will be looked at again by {they}."
        return "attention", (
            f"{scenes(queue['parked'])} could not be synced; the groups below say "
            f"why and what to do. {others}"
        )
    if queue["waiting"]:
        verb = "waits" if queue["waiting"] == 1 else "wait"
        return "waiting", (
            f"{scenes(queue['waiting'])} {verb}; PlexSync looks again by itself. {_compared(facts)}"
        )
    if not facts.known.compared and not facts.known.left_out and not everything:
        if facts.known.total:
            verb = "was" if facts.known.total == 1 else "were"
            return "new", (
                f"{scenes(facts.known.total)} {verb} never compared with Plex: press Preview "
                "sync, then Sync all to Plex."
            )
        return "new", "Nothing has been synced yet."
    kind = "partly"
    if _is_all(facts.known):
        kind = "except" if any(facts.differing) else "good"
    return kind, _compared(facts)


def _is_all(known: Known) -> bool:
    return known.total is not None and known.compared + known.left_out >= known.total


def _compared(facts: Facts) -> str:
    """Say how much of Stash was compared with Plex, so that nothing is claimed of the rest."""
    known, left_out = facts.known, ""
    if known.left_out:
        left_out = f" {scenes(known.left_out)} left out by the settings, or for want of a file."
    differing = _differing(facts.differing)
    # One that waits may have been compared before, or be newer than the last sweep.
    wait = sum(facts.queue.get(state, 0) for state in ("waiting", "parked", "held"))
    if _is_all(known):
        verb = "was" if known.compared == 1 else "were"
        which = " so far" if wait else ", all there are"
        return f"{differing}{scenes(known.compared)} {verb} compared with Plex{which}.{left_out}"
    if known.total is None:
        return (
            f"{differing}{scenes(known.compared)} compared with Plex so far; how many Stash has is "
            f"counted soon.{left_out}"
        )
    said = f"{differing}{known.compared:,} of {scenes(known.total)} compared with Plex so far."
    rest = known.total - known.compared - known.left_out
    if rest <= wait:
        return said + left_out
    which, they, them = f"the other {scenes(rest)}", "they are", "them"
    if wait:
        which = "the others that do not wait"
    elif rest == 1:
        which, they, them = "the other one", "it is", "it"
    return (
        f"{said}{left_out} Of {which} nothing is known until {they} saved or 'Sync all to Plex' "
        f"has looked at {them}."
    )


def _others(queue: dict[str, int]) -> str:
    """Say what is with all else where something is held back, with a blank behind it."""
    some = ((queue["parked"], "could not be synced"), (queue["waiting"], "will be looked at again"))
    said = [f"{scenes(count)} {what}" for count, what in some if count]
    return f"Besides, {', and '.join(said)}. " if said else "All else is synced. "


def _differing(found: Differing) -> str:
    """Say what stays different of what was compared, with a blank behind it; "" for nothing."""
    said = []
    if found.refused:
        covers = "cover of 1 scene" if found.refused == 1 else f"covers of {scenes(found.refused)}"
        said.append(f"Plex could not take the {covers}.")
    if found.kept:
        fields = "1 field stays" if found.kept == 1 else f"{found.kept:,} fields stay"
        said.append(f"{fields} different in Plex, as listed below.")
    return "".join(f"{one} " for one in said)


def scene(
    row: QueueRow | None,
    record: SceneRecord | None,
    held: list[holds.Hold],
    now: float,
    kept: Sequence[str] = (),
    refused: Sequence[str] = (),
) -> tuple[str, str]:
    """Give the kind and a sentence.

    The kinds are good, kept, refused, busy, down, settings, waiting, parked, held, shares,
    left_out, unknown. ``row`` is None when nothing is to be done, ``record`` before the first
    look; ``held`` says why the queue waits. ``kept`` are fields and pictures that stay as a
    person set them in Plex, ``refused`` pictures that Plex could not take.
    """
    if row is not None:
        return _queued(row, held, now)
    if record is None:
        return "unknown", "PlexSync has not compared this scene with Plex so far."
    if record.outcome == ledger.SHARES:
        return "shares", record.note.capitalize() + "; that scene decides what Plex shows."
    if record.outcome == ledger.SKIPPED:
        if record.note == ledger.NO_FILE:
            return "left_out", "It has no file in Stash, so Plex cannot have it."
        return "left_out", f"{record.note[:1].upper()}{record.note[1:]}."
    if not (kept or refused):
        return "good", "Plex shows what Stash has."
    said = ""
    if kept:
        said = (
            f"Kept in Plex, set there by hand or undone: {', '.join(kept)}. Change it in Stash to "
            "have Stash's value, or turn on Overwrite Plex Edits. "
        )
    if refused:
        said += f"Plex could not take: {', '.join(refused)}. Use a smaller or another one. "
    return "refused" if refused else "kept", f"{said}All else is as in Stash."


def _queued(row: QueueRow, held: list[holds.Hold], now: float) -> tuple[str, str]:
    if row.due_at is None:
        if row.reason in {UNDECIDED, ASKED}:
            return "held", f"{row.message} {of_reason(row.reason)[1]}"
        return "parked", row.message
    if row.due_at:
        from errors import in_words

        return "waiting", f"{row.message} Next look {in_words(row.due_at - now)}."
    for hold in held:
        kind = "settings" if hold.lane == holds.SETTINGS else "down"
        return kind, f"It waits with all others: {hold.message}"
    return "busy", "Marked; PlexSync looks at it in a moment."


def scenes(count: int) -> str:
    """Say a number of scenes."""
    return "1 scene" if count == 1 else f"{count:,} scenes"
