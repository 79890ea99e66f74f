"""A Stash stand-in inside the test's own process: a real socket, ready in milliseconds."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simulator.control import StashControl
from simulator.stash.server import StashServer

RECORDINGS = Path(__file__).parent / "data" / "stash"


@contextmanager
def serving(scenes: int = 5, **options: Any) -> Iterator[StashControl]:
    """Serve a stand-in with these options of ``StashApp`` for one block."""
    with StashServer(scenes=scenes, **options) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield StashControl(server.url, server.app.sessions.api_key)
        finally:
            server.shutdown()
            thread.join()


def recorded_reply(name: str) -> tuple[dict[str, Any], int, dict[str, str], Any]:
    """A recorded exchange with a real Stash: request, status, headers and decoded body."""
    found = json.loads((RECORDINGS / "graphql" / f"{name}.json").read_text(encoding="utf-8"))
    body = found["response_raw"]
    return found["request"], found["status"], found["response_headers"], json.loads(body or "null")


def recorded_args(name: str) -> Any:
    """The ``args`` that a real Stash wrote to a plugin's stdin."""
    text = (RECORDINGS / "stdin" / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)["args"]


def shape(value: Any) -> Any:
    """Keys and types of ``value`` all the way down; a list is known by its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return "number" if type(value) in {int, float} else type(value).__name__
