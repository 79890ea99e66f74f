"""What survives a crash: the queue, the ledger, the holds, in one SQLite file."""

from __future__ import annotations

#: SQLite's largest integer: there is no id beyond it.
LARGEST_ID = 2**63 - 1
