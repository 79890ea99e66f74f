"""Looks at what was stopped and rated in Plex, some minutes apart by its own clock, and ends.

Run by tests/kill_point.py in a worker's place, so that it dies where it is told to:
``worker <data directory> <seconds by which its clock is ahead>``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

ROOT = str(Path(__file__).resolve().parent.parent)
#: Two that see an item stand still, and one for what died with the worker before.
LOOKS = 3


def main() -> None:
    """Be a worker for some looks."""
    from worker.process import Resident  # noqa: PLC0415 - found where main was told

    directory, late = sys.argv[2], float(sys.argv[3])
    resident = Resident(directory, stays=True, clock=lambda: time.time() + late)
    for _ in range(LOOKS):
        if resident.breaker.lets_pass():
            resident._changes(resident.from_plex.touched.look, "looking for ratings")
        while resident.step():
            pass
        late += 700.0
    resident.close()


if __name__ == "__main__":
    main()
