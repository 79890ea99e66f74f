"""The setting redact_logs, as the worker follows it.

While it is on, neither the log nor the line that the next hook says names a title
or a path. What was written before it was turned on did: the log begins anew then,
so that the file can be shared, and kept messages that may be said again go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from store import meta, notice, queue

if TYPE_CHECKING:
    from log import Log
    from store.store import Store

#: Takes the place of messages that were written while it was off.
FROM_BEFORE = "what was said is left out since Redact Logs is on; Retry failed says it anew."


def begin(store: Store, log: Log) -> None:
    """Write a log as it was written last, until the settings are read."""
    log.redact([] if meta.get(store.connection, meta.REDACTED) else None)


def follow(store: Store, log: Log, *, wanted: bool) -> None:
    """Follow the setting from now on."""
    log.redact([] if wanted else None)
    if wanted == bool(meta.get(store.connection, meta.REDACTED)):
        return
    if wanted:
        log.begin_anew()  # first, for whoever dies here has to do it again
    with store.transaction() as connection:
        meta.put(connection, meta.REDACTED, wanted)
        if wanted:
            queue.replace_messages(connection, FROM_BEFORE)
            notice.leave(connection)
