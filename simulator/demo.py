"""The demo: one scene's way from a save in Stash to its item in Plex, with times and requests.

``make demo``, or ``python -m simulator.demo``. Both servers are stand-ins on this
machine; the plugin, its processes, its SQLite file and all sockets are real. It
ends with status 0 only if everything it says really happened.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from simulator.control import StandInError
from simulator.demo_report import (
    Report,
    before_and_after,
    count,
    milliseconds,
    plex_request,
    stash_request,
)
from simulator.environment import Environment, TooLongError, env, wait_for
from simulator.library import catalogue_scene

SCENES: Final = 10
SCENE: Final = 3
#: Seconds that anything may take before the demo says that it did not happen.
PATIENCE: Final = 30.0
#: Seconds that Plex stays away in the last chapter.
OUTAGE: Final = 1.5


class Demo:
    """The chapters, told of one scene.

    What takes longer than ``patience`` seconds counts as not happened.
    """

    def __init__(self, built: Environment, report: Report, patience: float = PATIENCE) -> None:
        self.env = built
        self.report = report
        self.patience = patience

    def tell(self) -> None:
        """Tell the chapters, up to the first in which something did not happen."""
        chapters = [self.first_save, self.second_save, self.nothing_changed]
        chapters += [self.edited_by_hand, self.refreshed, self.plex_away]
        for chapter in chapters:
            chapter()
            if self.report.failed:
                self._what_the_worker_says()
                return

    def first_save(self) -> None:
        """The first save ever: a worker is started and the item is looked for by its file."""
        report, before = self.report, self.env.item(SCENE)
        report.chapter(f"Somebody fills in scene {SCENE} in Stash and presses Save")
        report.line(f"    Stash's file  {self.env.stash.scene(SCENE)['files'][0]['path']}")
        report.line(f"    Plex's file   {before['files'][0]['path']}")
        title, day = "Letters from the Harbour", "2024-05-17"
        details = "Two lines, typed by hand.\nWith “quotes”, an & and a snowman ☃."
        waited, visible = self._save(
            lambda: self._shown("title") == title, title=title, details=details, date=day
        )
        report.line()
        report.table(
            (f"item {before['ratingKey']}", "Plex before", "Plex after"),
            before_and_after(before, self.env.item(SCENE)),
        )
        report.line()
        self._times(waited, visible, "; the first one also started the worker")
        self._requests()
        scene, item = catalogue_scene(SCENE), self.env.item(SCENE)
        wanted = {"title": title, "summary": details, "studio": scene.studio}
        wanted["originallyAvailableAt"] = day
        report.claim(
            "The item that plays this file says about it what the scene says.",
            wanted.items() <= item["fields"].items()
            and set(item["tags"].get("actor", ())) == set(scene.performers)
            and set(item["tags"].get("genre", ())) == set(scene.tags),
            item,
        )
        if not report.failed:
            self.env.calm(seconds=self.patience)
        others = [number for number in range(1, SCENES + 1) if number != SCENE]
        touched = [number for number in others if self.env.item(number)["locked"]]
        report.claim("Nothing else in Plex was touched.", not touched, touched)

    def second_save(self) -> None:
        """An everyday save: the worker is there and knows the item."""
        self.report.chapter("Somebody corrects the title")
        title = "Letters from the Old Harbour"
        waited, visible = self._save(lambda: self._shown("title") == title, title=title)
        self._times(waited, visible, "")
        self._requests()
        counts = self.env.plex.counts()
        self.report.claim(
            "One question, one read and one write were enough.",
            [counts[kind] for kind in ("item_reads", "file_queries", "writes")] == [1, 1, 1],
            counts,
        )

    def nothing_changed(self) -> None:
        """A save of what is there already."""
        self.report.chapter("Somebody presses Save again and has changed nothing")
        self._save(
            lambda: self.env.plex.counts()["item_reads"] > 0, title="Letters from the Old Harbour"
        )
        self._requests()
        counts = self.env.plex.counts()
        self.report.claim(
            "PlexSync looked at the item and sent no edit.", counts["writes"] == 0, counts
        )

    def edited_by_hand(self) -> None:
        """A person's words in Plex against a save that is about something else."""
        summary = "A summary that somebody wrote in Plex."
        self.report.chapter("Somebody rewrites the summary in Plex; then Stash gets a new date")
        self.env.plex.person_sets(self.env.item(SCENE)["ratingKey"], fields={"summary": summary})
        day = "2024-05-18"
        self._save(lambda: self._shown("originallyAvailableAt") == day, date=day)
        shown = self._shown("originallyAvailableAt"), self._shown("summary")
        self.report.table(("field", "Plex after"), zip(("date", "summary"), shown, strict=True))
        self.report.claim(
            "The new date is in Plex, and the summary is still the one written there.",
            shown == (day, summary),
            shown,
        )
        # The line follows the commit that ends the work.
        self._expect(self._kept)
        told = self._kept()
        self.report.claim("PlexSync's log says that it was kept, and why.", told)
        for line in told[-1:]:
            self.report.line(f"      {line}")

    def _kept(self) -> list[str]:
        """Lines of the worker's log about something that was edited by hand."""
        return [line for line in self.env.worker_log() if "by hand" in line]

    def refreshed(self) -> None:
        """Plex's own refresh, which puts back whatever is not locked."""
        self.report.chapter("Plex refreshes the item's metadata")
        before = self.env.item(SCENE)
        self.env.plex.refresh(before["ratingKey"])
        after = self.env.item(SCENE)
        self.report.claim(
            "Nothing was lost: what PlexSync writes it also locks.",
            after["fields"] == before["fields"] and after["tags"] == before["tags"],
            after,
        )

    def plex_away(self) -> None:
        """Two saves while Plex restarts."""
        self.report.chapter("Plex restarts, and two scenes are saved meanwhile")
        self.env.plex.clear_requests()
        self.env.plex.fault("maintenance", times=None)
        titles = {SCENE: "Saved While Plex Was Away", SCENE + 1: "This One Too"}
        longest = max(self.env.save(number, title=title) for number, title in titles.items())
        self._expect(lambda: self.env.plex.counts()["total"] > 0)
        time.sleep(OUTAGE)
        held = self.env.waiting()
        self.report.claim(
            f"Both saves returned at once (the slower in {milliseconds(longest)}); "
            f"{count(held, 'scene')} wait.",
            held == len(titles),
        )
        asked = self.env.plex.counts()["total"]
        self.report.line(f"      Plex was bothered with {count(asked, 'request')} in {OUTAGE} s.")
        self.env.plex.clear_faults()
        back = time.monotonic()
        self._expect(lambda: {one: self._shown("title", one) for one in titles} == titles)
        seconds = time.monotonic() - back
        self._expect(lambda: self.env.waiting() == 0)
        shown = {one: self._shown("title", one) for one in titles}
        self.report.claim(
            f"{milliseconds(seconds)} after Plex was back it had both, and nobody did anything.",
            shown == titles and self.env.waiting() == 0,
            shown,
        )

    def _shown(self, field: str, scene: int = SCENE) -> str:
        """What Plex shows of a scene's item."""
        return str(self.env.item(scene)["fields"].get(field, ""))

    def _save(self, arrived: Callable[[], object], **values: Any) -> tuple[float, float]:
        """Save the scene; give the seconds that the form waited and until Plex had it."""
        self.env.plex.clear_requests()
        self.env.stash.clear_requests()
        began = time.monotonic()
        waited = self.env.save(SCENE, **values)
        self._expect(arrived)
        visible = time.monotonic() - began
        self._expect(lambda: self.env.waiting() == 0)
        return waited, visible

    def _expect(self, arrived: Callable[[], object]) -> None:
        """Wait for something; the claims that follow say it if it did not happen."""
        try:
            wait_for(arrived, self.patience, step=0.003)
        except TooLongError as error:
            self.report.claim("PlexSync came to the end of it.", holds=False, seen=error)

    def _times(self, waited: float, visible: float, remark: str) -> None:
        nothing = {"name": "", "seconds": 0.0, "output": None, "error": "no run"}
        hook = [nothing, *self.env.stash.runs()][-1]
        self.report.claim(
            f"Stash ran the hook in {milliseconds(hook['seconds'])} of the save's "
            f"{milliseconds(waited)}{remark}.",
            hook["name"] == "Scene.Update.Post" and hook["error"] is None and hook["output"],
            hook["error"],
        )
        self.report.line(f"      the hook said: {hook['output']}")
        self.report.claim(
            f"Plex had it {milliseconds(visible)} after Save was pressed.", visible < self.patience
        )

    def _requests(self) -> None:
        asked = self.env.stash.requests(headers=False)
        ours = [stash_request(one) for one in asked if one["operation"] != "Save"]
        self.report.requests("Stash", ours)
        asked = self.env.plex.requests(headers=False)
        self.report.requests("Plex", [plex_request(one) for one in asked])

    def _what_the_worker_says(self) -> None:
        crash = self.env.data / "worker-crash.log"
        words = crash.read_text(errors="replace").splitlines() if crash.exists() else []
        for line in [*self.env.worker_log(), *words][-8:]:
            self.report.line(f"      worker: {line}")


def main() -> int:
    """Tell the demo; give the exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Stash's Python keeps compiled modules; without them every hook would pay for compiling.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    report, began = Report(sys.stdout), time.monotonic()
    report.line("PlexSync, from a save in Stash to the item in Plex")
    report.line(
        "Stash and Plex are stand-ins on this machine; the plugin, its processes, its store and "
        "every socket are real."
    )
    try:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            env(Path(folder), SCENES) as built,
        ):
            Demo(built, report).tell()
    except (StandInError, TooLongError, RuntimeError) as error:
        report.claim("The demo came to its end.", holds=False, seen=error)
    return report.close(time.monotonic() - began)


if __name__ == "__main__":
    sys.exit(main())
