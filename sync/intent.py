"""What is about to be written, committed before it leaves: whatever dies next, it stays known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from store.store import Store
    from sync.plan import ScenePlan


def commit(store: Store, looks: Iterable[ScenePlan], *, now: float) -> None:
    """Commit what some looks are about to write, in one transaction.

    Args:
        store: Where the ledger is.
        looks: Planned, nothing of them sent.
        now: Unix seconds.
    """
    intents = [one for look in looks for one in look.intents]
    if not intents:
        return
    with store.transaction() as connection:
        for entry in intents:
            ledger.intend(connection, entry, now=now)


def withdraw(store: Store, looks: Iterable[ScenePlan]) -> None:
    """Take back what was committed for looks that were not sent: it must not count as ours."""
    unsent = [one for look in looks if not look.is_sent for one in look.planned if one.is_intended]
    if not unsent:
        return
    with store.transaction() as connection:
        for one in unsent:
            ledger.withdraw(connection, one.intent, one.before)
