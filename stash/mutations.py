"""The one way to change anything in Stash.

A refusal becomes a typed error that names its reason, so that whoever asked can say
what did not happen; syncing to Plex goes on. Nothing is repeated here: after a broken
connection nobody knows whether the change was made, so whoever asked looks first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .exceptions import (
    StashAnswerError,
    StashMutationRefused,
    StashMutationUnknown,
    StashQueryRefused,
)

if TYPE_CHECKING:
    from .client import StashClient

_NAME = re.compile(r"\{\s*(?:\w+\s*:\s*)?(\w+)")


def mutate(client: StashClient, document: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """Send a document of ours with one mutation, and give its ``data``.

    Raises:
        StashMutationUnknown: This Stash has no such mutation, or no such input of it.
        StashMutationRefused: Stash said no, and why.
        errors.SyncError: Stash could not be asked; it may have made the change.
    """
    name = found[1] if (found := _NAME.search(document)) else "a change"
    try:
        return client.query(document, variables, once=True)
    except StashQueryRefused as refusal:
        fault: StashMutationRefused = unknown(name, refusal)
    except StashAnswerError as refusal:
        if not refusal.quoted:
            raise  # no answer that makes sense: it may have been done
        fault = StashMutationRefused(
            f"Stash refused {name}: {refusal.quoted}. Nothing was changed in Stash by it."
        )
        fault.quoted = refusal.quoted
    raise fault


def unknown(name: str, refusal: StashQueryRefused) -> StashMutationUnknown:
    """Give the error for something that this Stash does not know (not raised here)."""
    fault = StashMutationUnknown(
        f"This Stash cannot do {name} as PlexSync asks for it: {refusal.quoted}. "
        "Update Stash to have it; syncing to Plex goes on without."
    )
    fault.quoted = refusal.quoted
    return fault
