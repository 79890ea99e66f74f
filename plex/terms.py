"""On what terms a server is asked, whichever way a request goes."""

from __future__ import annotations

from dataclasses import dataclass

from plex.body import MOST_BYTES


@dataclass(frozen=True, slots=True)
class Terms:
    """What bounds a request, and who it says it comes from.

    Args:
        connect_timeout: Seconds for opening a connection.
        read_timeout: Seconds of silence allowed while an answer is awaited.
        client_identifier: See `plex.identity.identity_headers`.
        verify: False accepts any certificate.
        most_bytes: Longest answer that is read, decompressed.
    """

    connect_timeout: float
    read_timeout: float
    client_identifier: str
    verify: bool = True
    most_bytes: int = MOST_BYTES
