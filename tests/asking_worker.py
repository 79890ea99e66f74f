"""A worker, stepped by the test, that asks Plex what was watched, stopped and rated there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.installation import Installation
    from tests.stepped_worker import SteppedWorker
    from worker.process import Resident


class AskingWorker:
    """An installation and its worker.

    Attributes:
        at: When something was done in Plex last; a second after it comes the next.
    """

    def __init__(self, env: Installation, stepped: SteppedWorker) -> None:
        self.env, self.stepped = env, stepped
        self.at = int(time.time())

    def key(self, scene: int) -> int:
        """Give a scene's rating key."""
        return int(self.env.item(scene)["ratingKey"])

    def rates(self, scene: int, stars: float | None) -> None:
        """Let the owner rate a scene's item."""
        self.at += 1
        self.env.plex.rates(self.key(scene), stars, self.at)

    def plays(self, scene: int) -> list[int]:
        """Give the seconds at which a scene was played, as Stash has them."""
        return sorted(self.env.stash.scene(scene)["plays"])

    def forget(self) -> None:
        """Count requests from zero."""
        self.env.plex.clear_requests()
        self.env.stash.clear_requests()

    def later(self, seconds: float) -> Resident:
        """Let time go by, and give the worker, which may ask Plex."""
        self.stepped.late += seconds
        resident = self.stepped.resident
        assert resident.breaker.lets_pass()
        return resident

    def ask(self, later: float) -> None:
        """Let the worker ask Plex what is due, a while after its last look."""
        resident = self.later(later)
        resident.from_plex.ask_if_due(resident._changes)

    def settings(self, **changes: Any) -> None:
        """Store the settings, and let the worker read them."""
        self.env.settings(**changes)
        self.stepped.resident.breaker.adopt(self.stepped.resident.stash.settings())
