"""Proof that two files are one: the OpenSubtitles hash, which Plex and Stash both compute.

Plex shows it in an item's tree once it has analysed the file; Stash calls it
OSHash. It is size plus the first and last 64 KiB, so equal hashes of equal
sizes mean the same file, wherever it lies and whatever it is called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from plex.error_types import ItemGone
from plex.matcher import Candidate, tie
from validation.media_path import path_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plex.client import PlexClient

#: Items whose trees are read for one file; each costs a request.
MOST_TREES = 8


@dataclass(slots=True)
class Proof:
    """Which candidates are the file, and of which nobody can tell; the others are not."""

    proven: list[Candidate] = field(default_factory=list)
    unknown: list[Candidate] = field(default_factory=list)


def normal_hash(text: str | None) -> str:
    """Give a hash in the form for comparing, "" for none: some servers drop leading zeros."""
    digits = (text or "").strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,16}", digits) or not digits.strip("0"):
        return ""
    return digits.zfill(16)


def read_hashes(client: PlexClient, rating_key: int) -> dict[str, str]:
    """Give the normal hashes of an item's files by path key; one without a hash is absent."""
    root = client.query(f"/library/metadata/{rating_key}/tree")
    if root is None:
        return {}
    return {
        path_key(part.get("file", "")): known
        for part in root.iter("MediaPart")
        if (known := normal_hash(part.get("openSubtitleHash")))
    }


def prove(client: PlexClient, candidates: Sequence[Candidate], oshash: str | None) -> Proof:
    """Compare candidates with the hash that Stash has of a file, at most ``MOST_TREES`` of them."""
    wanted = normal_hash(oshash)
    proof = Proof()
    trees: dict[int, dict[str, str]] = {}
    for one in candidates:
        if one.rating_key not in trees:
            if not wanted or len(trees) >= MOST_TREES:
                proof.unknown.append(one)
                continue
            try:
                trees[one.rating_key] = read_hashes(client, one.rating_key)
            except ItemGone:
                trees[one.rating_key] = {}
        known = trees[one.rating_key].get(path_key(one.file), "")
        if not known:
            proof.unknown.append(one)
        elif known == wanted:
            proof.proven.append(one)
    return proof


def prove_tied(
    client: PlexClient,
    path: str,
    tied: Sequence[Candidate],
    oshash: str | None,
    *,
    private: bool = False,
) -> list[Candidate]:
    """Give those of several candidates that differ in case only which are the file.

    Raises ``AmbiguousMatch`` if nobody can tell; ``private`` keeps Plex's paths out of it.
    """
    if not tied:
        return []
    proof = prove(client, tied, oshash)
    if proof.unknown and not proof.proven:
        raise tie(path, proof.unknown, private=private)
    return proof.proven
