"""One scene: how soon Plex has it, for how many requests, and in how large a library."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from simulator.environment import Environment, env, wait_for
from simulator.library import catalogue_file
from tools.bench_row import Row, counted, paired, percentile, seconds

#: Fields in which the catalogue's Stash and a Plex with a matching agent agree from the start.
AGREED: Final = "studio, date, performers, tags"


@dataclass(frozen=True, slots=True)
class Visit:
    """One scene's way through the worker.

    ``took`` is from its first question to Stash until its edit reached Plex, in seconds.
    """

    took: float
    reads: int
    writes: int
    lookups: int


def rows(folder: Path, saves: int, small: int, large: int, pairs: int) -> Iterator[Row]:
    """Measure and give the rows about one scene, saved while the worker has nothing else to do.

    Pairs of scenes are synced in a small and a large library, once found by their file and
    once remembered, and as many others with a slower Plex.
    """
    with env(folder / "saves", 10) as built:
        yield from _visible(built, saves)
    yield from _libraries(folder, small, large, pairs)


def _visible(built: Environment, saves: int) -> Iterator[Row]:
    began = time.perf_counter()
    built.save(1, title="The first save")
    wait_for(lambda: built.item(1)["fields"]["title"] == "The first save", 30.0, step=0.002)
    first = time.perf_counter() - began
    built.calm()
    counts = built.plex.counts()
    first_requests = counts["reads"] + counts["writes"]
    built.plex.clear_requests()
    bare = http.client.HTTPConnection(urlsplit(built.plex.url).netloc, timeout=30)
    key = built.item(1)["ratingKey"]
    ours, plex = [], []
    for number in range(saves):
        title = f"Save {number}"
        began = time.perf_counter()
        built.save(1, title=title)
        wait_for(partial(_shows, built, key, title), 30.0, step=0.002)
        ours.append(time.perf_counter() - began)
        built.settled()
        plex.append(_bare_pair(bare, built, number))
    bare.close()
    # The bare pair is one read and one write of its own.
    requests = (built.plex.counts()["total"] - 2 * saves) / saves
    late, reply = percentile(ours, 0.95), percentile(plex, 0.95)
    yield Row(
        f"save -> visible in Plex, p95 of {saves} : Plex's reply",
        seconds(late),
        seconds(reply),
        late / reply,
        goal="<= 1 s",
        holds=late <= 1.0,
        remark=f"median {seconds(percentile(ours, 0.5))}; the very first save, which starts "
        f"the worker, {seconds(first)} and {first_requests} requests",
    )
    yield counted("  Plex requests for each of them", requests, 3)


def _shows(built: Environment, key: int, title: str) -> bool:
    return bool(built.plex.item(key)["fields"].get("title") == title)


def _bare_pair(bare: http.client.HTTPConnection, built: Environment, number: int) -> float:
    """The same read and a like write, as bare as can be."""
    key = built.item(2)["ratingKey"]
    token = {"X-Plex-Token": built.plex.token}
    edit = f"/library/sections/1/all?type=1&id={key}&title.value=Bare%20{number}&title.locked=1"
    began = time.perf_counter()
    for method, target in (("GET", f"/library/metadata/{key}"), ("PUT", edit)):
        bare.request(method, target, headers=token)
        bare.getresponse().read()
    return time.perf_counter() - began


def _libraries(folder: Path, small: int, large: int, pairs: int) -> Iterator[Row]:
    with ExitStack() as stack:
        less, more = (
            stack.enter_context(
                env(folder / f"of-{size}", size, plex={"matched": True}, sync_fields=AGREED)
            )
            for size in (small, large)
        )
        for built in (less, more):
            _visit(built, 2 * pairs + 1, 0)  # starts the worker
            built.calm(seconds=120.0)
        for year, latency, before, what in (
            (2001, 0.0, 0, "found by its file"),
            (2002, 0.0, 0, "remembered"),
            (2003, 5.0, pairs, "found by its file, Plex at 5 ms"),
            (2004, 5.0, pairs, "remembered, Plex at 5 ms"),
        ):
            for built in (less, more):
                built.plex.latency(latency)
            visits: dict[str, list[Visit]] = {"less": [], "more": []}
            for number in range(1, pairs + 1):
                turns = [("less", less), ("more", more)]
                for name, built in turns if number % 2 else reversed(turns):
                    visits[name].append(_visit(built, before + number, year))
            yield paired(
                f"scene {what}, library of {large:,} : {small:,}",
                [one.took for one in visits["more"]],
                [one.took for one in visits["less"]],
                1.2,
                remark=f"in the large one {_requests(visits['more'])}, "
                f"in the small one {_requests(visits['less'])}",
            )


def _visit(built: Environment, scene: int, year: int) -> Visit:
    """Give a scene another date behind Stash's back, run its hook, and see it through."""
    date = f"{year or 2000}-01-{1 + scene % 28:02d}"
    built.stash.set_scene(scene, date=date)
    path = catalogue_file(scene).plex_path
    built.stash.clear_requests()
    built.plex.clear_requests()
    subprocess.run(
        [sys.executable, "-S", str(built.plugin_dir / "plexsync.py")],
        input=built.hook_input(scene),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(built.plugin_dir.parent)},
        check=True,
    )
    wait_for(lambda: built.plex.item_at(path)["fields"].get("originallyAvailableAt") == date, 60.0)
    built.settled()
    counts = built.plex.counts()
    read = next(one for one in built.stash.requests(headers=False) if _names(one, scene))
    edit = next(one for one in built.plex.requests(headers=False) if one["method"] == "PUT")
    took = edit["at"] - read["at"]
    return Visit(took, counts["reads"], counts["writes"], counts["file_queries"])


def _names(request: dict[str, Any], scene: int) -> bool:
    """Whether a request to Stash asks for this scene, unlike a sweep in the background."""
    variables = request["variables"]
    return isinstance(variables, dict) and str(variables.get("id")) == str(scene)


def _requests(visits: list[Visit]) -> str:
    reads = sum(visit.reads for visit in visits) / len(visits)
    lookups = sum(visit.lookups for visit in visits) / len(visits)
    writes = sum(visit.writes for visit in visits) / len(visits)
    return f"{reads:.3g} reads ({lookups:.3g} by file) and {writes:.3g} writes for each"
