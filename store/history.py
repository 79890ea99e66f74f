"""The history: what was written to which item, field by field, and the running tally."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

#: Changes kept; older ones are dropped a batch at a time.
KEPT = 2000
BATCH = 200


def add(
    connection: sqlite3.Connection,
    *,
    at: float,
    scene: int,
    rating_key: int,
    title: str,
    changes: Mapping[str, Any],
) -> None:
    """Append one change; ``changes`` maps a field to its [old, new]."""
    cursor = connection.execute(
        "INSERT INTO history (at, scene, rating_key, title, changes) VALUES (?, ?, ?, ?, ?)",
        (at, scene, rating_key, title, json.dumps(changes, ensure_ascii=False)),
    )
    number = cursor.lastrowid or 0
    if number % BATCH == 0:
        connection.execute("DELETE FROM history WHERE number <= ?", (number - KEPT,))


def newest(connection: sqlite3.Connection, limit: int) -> list[dict[str, Any]]:
    """Give the newest changes, newest first."""
    rows = connection.execute(
        "SELECT at, scene, rating_key, title, changes FROM history ORDER BY number DESC LIMIT ?",
        (limit,),
    )
    return [
        {"at": at, "scene": scene, "rating_key": key, "title": title, "changes": json.loads(text)}
        for at, scene, key, title, text in rows
    ]


def count(
    connection: sqlite3.Connection, outcome: str, reason: str = "", *, scenes: int = 1
) -> None:
    """Add scenes to the tally, in the transaction that ends them."""
    connection.execute(
        "INSERT INTO tally VALUES (?, ?, ?) "
        "ON CONFLICT (outcome, reason) DO UPDATE SET scenes = scenes + excluded.scenes",
        (outcome, reason, scenes),
    )


def tally(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Give (outcome, reason, scenes) since the tally was last reset."""
    return connection.execute("SELECT outcome, reason, scenes FROM tally ORDER BY 1, 2").fetchall()


def reset_tally(connection: sqlite3.Connection) -> None:
    """Start counting anew."""
    connection.execute("DELETE FROM tally")
