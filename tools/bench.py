"""The numbers that PlexSync promises, each as a ratio of two things measured in one run.

``make bench``, or ``python -m tools.bench [--quick] [--only hook,scene,...]``. With ``--before
FOLDER`` (``make bench BEFORE=FOLDER``) the groups hooks, first, unchanged and entities measure
the earlier build of that checkout beside this one. Rows with a goal end in "ok" or "over"; the
others are shown beside them. The exit status is 0 when everything could be measured, whatever
came out; with ``--strict`` a row that is "over" is status 1. A row's spread is the middle half
of its pairs' own ratios. Each group works in an empty folder of its own.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tools import bench_before, bench_bulk, bench_hook, bench_page, bench_request, bench_scene
from tools.bench_row import HEAD, Row, columns

Group = Callable[[Path], Iterator[Row]]


def beside(before: Path, *, quick: bool) -> dict[str, Group]:
    """The groups that measure an earlier build beside this one."""
    sizes = {50: 1} if quick else {10_000: 7, 100_000: 3}
    size, edits = (50, 3) if quick else (5_000, 60)
    return {
        "hooks": partial(bench_before.hook_rows, before=before, pairs=5 if quick else 300),
        "first": partial(
            bench_before.changed_rows, before=before, sizes={50: 1} if quick else {10_000: 5}
        ),
        "unchanged": partial(bench_before.unchanged_rows, before=before, sizes=sizes),
        "entities": partial(bench_before.entity_rows, before=before, size=size, edits=edits),
    }


def groups(*, quick: bool) -> dict[str, Group]:
    """The groups of rows by name; ``quick`` takes small numbers that prove nothing."""
    if quick:
        return {
            "hook": partial(bench_hook.rows, pairs=5, many=10, starts=1, crowd=16, at_once=8),
            "page": partial(bench_page.rows, pairs=1, scenes=100),
            "request": partial(bench_request.rows, pairs=3, times=5),
            "scene": partial(bench_scene.rows, saves=5, small=50, large=500, pairs=2),
            "changed": partial(bench_bulk.changed_rows, runs=[(50, 0.0, 1), (50, 5.0, 1)]),
            "pictures": partial(bench_bulk.picture_rows, sizes=[20]),
            "growth": partial(bench_bulk.growth_rows, sizes=[50, 500], largest=500),
        }
    return {
        "hook": partial(bench_hook.rows, pairs=40, many=1_000, starts=5, crowd=256, at_once=32),
        "page": partial(bench_page.rows, pairs=15, scenes=100_000),
        "request": partial(bench_request.rows, pairs=20, times=50),
        "scene": partial(bench_scene.rows, saves=40, small=1_000, large=100_000, pairs=15),
        "changed": partial(
            bench_bulk.changed_rows,
            runs=[(1_000, 0.0, 3), (1_000, 5.0, 1), (10_000, 0.0, 3), (10_000, 5.0, 1)],
        ),
        "pictures": partial(bench_bulk.picture_rows, sizes=[1_000, 10_000]),
        "growth": partial(bench_bulk.growth_rows, sizes=[1_000, 10_000, 100_000], largest=100_000),
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print the table, give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small numbers, under a minute")
    parser.add_argument("--strict", action="store_true", help="status 1 if a row is over")
    parser.add_argument("--only", default="", help="groups: " + ", ".join(groups(quick=True)))
    parser.add_argument("--before", type=Path, help="a checkout of an earlier build")
    options = parser.parse_args(arguments)
    chosen = groups(quick=options.quick)
    if options.before:
        chosen |= beside(options.before, quick=options.quick)
    if options.only:
        wanted = options.only.split(",")
        if unknown := set(wanted) - set(chosen):
            parser.error(f"there is no group {', '.join(sorted(unknown))}")
        chosen = {name: chosen[name] for name in wanted}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Stash's Python keeps compiled modules; without them every hook would pay for compiling.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} processors, "
        f"{platform.system()} {platform.machine()}"
        + (", quick: too few and too small to prove anything" if options.quick else "")
    )
    print(columns(HEAD), flush=True)
    return report(chosen, strict=options.strict)


def report(chosen: dict[str, Group], *, strict: bool) -> int:
    """Print the rows of some groups and what they came to; give the exit status."""
    began = time.monotonic()
    found: list[Row] = []
    broken = []
    for name, group in chosen.items():
        print(name, flush=True)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                for row in group(Path(folder)):
                    found.append(row)
                    print(row.text(), flush=True)
            except Exception as error:  # noqa: BLE001 - the other groups can still be measured
                traceback.print_exc()
                broken.append(name)
                print(f"{name}: could not be measured to its end: {error}", flush=True)
    with_goal = [row for row in found if row.holds is not None]
    over = [row for row in with_goal if not row.holds]
    print(
        f"{len(with_goal) - len(over)} of {len(with_goal)} goals reached, {len(over)} over, "
        f"in {time.monotonic() - began:.0f} s."
    )
    return 1 if broken or (strict and over) else 0


if __name__ == "__main__":
    sys.exit(main())
