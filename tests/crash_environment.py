"""An installation whose processes can be told to die at a boundary of I/O."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.library import PERFORMERS, STUDIOS, TAGS, jpeg
from store import backup
from tests.installation import Installation, installation, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

KILL_POINT = Path(__file__).resolve().parent / "kill_point.py"
#: A picture on its way to Plex.
UPLOAD = re.compile(r"/library/metadata/(\d+)/(posters|arts)(?:\?|$)")
#: A tag that a person gave an item in Plex; nothing of ours may take it away.
BY_HAND = "Given by hand"


@dataclass(frozen=True)
class State:
    """What a scene looks like in Stash: every field that is synced."""

    number: int
    title: str
    details: str
    date: str
    studio: int
    director: str
    rating100: int
    performers: tuple[int, ...]
    tags: tuple[int, ...]

    @property
    def cover(self) -> bytes:
        """The picture, another one for each state."""
        return jpeg(self.title.encode())

    def as_input(self) -> dict[str, Any]:
        """Give the fields of SceneUpdateInput."""
        return {
            "title": self.title,
            "details": self.details,
            "date": self.date,
            "studio_id": str(self.studio),
            "director": self.director,
            "rating100": self.rating100,
            "performer_ids": [str(number) for number in self.performers],
            "tag_ids": [str(number) for number in self.tags],
        }

    def in_plex(self) -> dict[str, Any]:
        """Give what Plex must show."""
        return {
            "title": self.title,
            "summary": self.details,
            "originallyAvailableAt": self.date,
            "studio": STUDIOS[self.studio - 1],
            "userRating": self.rating100 / 10,
            "director": [self.director],
            "actor": sorted(PERFORMERS[number - 1] for number in self.performers),
            "genre": sorted([BY_HAND, *(TAGS[number - 1] for number in self.tags)]),
        }


def state(number: int) -> State:
    """Give the state of that number; neighbours differ in every field, and each drops members."""
    return State(
        number,
        f"Title {number}",
        f"Details of {number}." if number % 3 else "",
        f"20{number % 80 + 10}-0{number % 9 + 1}-1{number % 7}",
        number % 30 + 1,
        PERFORMERS[number % 50 + 100],
        number % 20 * 5 + 5,
        tuple(number * 2 % 60 + offset for offset in (1, 2, 3)),
        tuple(number * 3 % 33 + offset for offset in (1, 2, 3, 4)),
    )


@dataclass
class CrashEnvironment:
    """An installation with a kill point, and the states its scenes were given last."""

    env: Installation
    scenes: dict[int, State] = field(default_factory=dict)
    #: Studios that have another name by now.
    studios: dict[int, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 1_000_000)))

    @property
    def _order(self) -> Path:
        return self.env.plugin_dir / "kill-order"

    def order(self, role: str, number: int, what: str = "") -> None:
        """Let the next process of a role (hook, worker, task) die at its n-th boundary.

        With ``what`` at the n-th of that name, such as "before COMMIT".
        """
        fresh = self._order.with_suffix(".new")
        fresh.write_text(f"{role} {number} {what}".rstrip())
        fresh.rename(self._order)

    def recall(self) -> None:
        """Take the order back, if no process has taken it."""
        self._order.unlink(missing_ok=True)

    def victims(self) -> list[int]:
        """Give the processes that took an order, dead or not."""
        return [int(path.suffix[1:]) for path in self.env.plugin_dir.glob("kill-order.[0-9]*")]

    def deaths(self) -> int:
        """Count the processes that took an order and died of it; the order itself is recalled."""
        self.recall()
        return self.victims_died()

    def victims_died(self) -> int:
        """Count the processes that died of an order."""
        return sum(not _is_alive(process) for process in self.victims())

    def died(self) -> bool:
        """Wait until a process died of its order or has done all that there is; say which."""
        wait_for(lambda: self.victims_died() or self.is_settled())
        with contextlib.suppress(AssertionError):
            wait_for(self.victims_died, 1.5)  # what it does when all is done can be killed, too
        return self.deaths() > 0

    def forget_victims(self) -> None:
        """Clear away the orders that were taken."""
        for path in self.env.plugin_dir.glob("kill-order.[0-9]*"):
            path.unlink()

    def boundaries(self, role: str) -> list[str]:
        """Give what processes of a role passed since ``watch``."""
        lines = (self.env.plugin_dir / "boundaries").read_text().splitlines()
        return [line.split(" ", 3)[3] for line in lines if line.startswith(f"{role} ")]

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Note the boundaries that are passed within."""
        path = self.env.plugin_dir / "boundaries"
        path.write_text("")
        try:
            yield
        finally:
            path.rename(path.with_suffix(".old"))
            path.with_suffix(".old").unlink()

    def give(self, scene: int, *, hook: bool = True) -> None:
        """Change every field and the cover of a scene in Stash, with or without a hook."""
        wanted = state(next(self.numbers))
        cover = base64.b64encode(wanted.cover).decode()
        if hook:
            data = f"data:image/jpeg;base64,{cover}"
            self.env.save(scene, **wanted.as_input(), cover_image=data)
        else:
            self.env.stash.set_scene(scene, **wanted.as_input(), cover=cover)
        self.scenes[scene] = wanted

    def rename_studios(self) -> None:
        """Rename the studio of every scene in Stash, each with its hook."""
        name = f"Studio {next(self.numbers)}"
        for studio in sorted({state.studio for state in self.scenes.values()}):
            self.studios[studio] = f"{name} {studio}"
            self.env.stash.set_entity("studio", studio, name=self.studios[studio])
            self.env.stash.hook("Studio.Update.Post", studio)

    def sent_twice(self) -> list[str]:
        """Say for which places more pictures arrived at Plex than it has different ones."""
        arrived: Counter[tuple[int, str]] = Counter()
        for request in self.env.plex.requests(headers=False):
            upload = UPLOAD.match(request["target"])
            if upload and request["method"] == "POST":
                arrived[int(upload[1]), upload[2]] += 1
        assert arrived
        found = []
        for (key, place), count in arrived.items():
            images = self.env.plex.item(key)[place]
            different = {one["key"] for one in images if one["key"].startswith("upload://")}
            if count != len(different):
                found.append(f"item {key}: {count} {place} for {len(different)} pictures")
        return found

    @contextlib.contextmanager
    def task(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run "Sync all to Plex" without Stash around it, beside the block."""
        with self.env.start(mode="sync_all") as process:
            try:
                yield process
            finally:
                process.kill()

    def sync_all(self, seconds: float = 60.0) -> None:
        """Run "Sync all to Plex" to its end."""
        with self.task() as process:
            answer = process.communicate(timeout=seconds)[0]
        assert b'"output"' in answer, answer

    def differing(self, scenes: Iterable[int]) -> Iterator[str]:
        """Say where Plex is not the merge of Stash and the edits made there."""
        for scene in scenes:
            item = self.env.item(scene)
            texts: dict[str, Any] = {**item["fields"], **item["tags"]}
            for name, wanted in self._in_plex(scene).items():
                has = texts.get(name, "" if isinstance(wanted, str) else None)
                if isinstance(wanted, list):
                    has = sorted(has or [])
                if has != wanted:
                    yield f"scene {scene} {name}: {has!r}, not {wanted!r}"
            cover = hashlib.sha1(self.scenes[scene].cover, usedforsecurity=False).hexdigest()
            for place in ("posters", "arts"):
                shown = next((one["key"] for one in item[place] if one["selected"]), "none")
                if not shown.endswith(cover):
                    yield f"scene {scene} {place}: {shown}, not {cover}"

    def _in_plex(self, scene: int) -> dict[str, Any]:
        state = self.scenes[scene]
        wanted = state.in_plex()
        return {**wanted, "studio": self.studios.get(state.studio, wanted["studio"])}

    def hold(self, scenes: Iterable[int] | None = None, seconds: float = 30.0) -> None:
        """Assert that Plex becomes, and is, the merge of Stash and its own edits."""
        chosen = list(self.scenes if scenes is None else scenes)
        try:
            wait_for(lambda: self._goes_on() and not any(self.differing(chosen)), seconds)
        except AssertionError:
            trouble = [*self.differing(chosen), str(self.env.rows()), self.env.crash()]
            raise AssertionError("\n".join([*trouble, self.env.log()[-3000:]])) from None

    def _goes_on(self) -> bool:
        """Let go what is held back: a third of the states has no summary, and that adds up."""
        if self.env.query("SELECT 1 FROM meta WHERE key = 'brake' AND value <> 'null'"):
            self.env.run(mode="go_on")
        return True

    def is_settled(self, *, but: Iterable[int] = ()) -> bool:
        """Say whether nothing is left to look at."""
        left = {row["id"] for row in self.env.rows()}
        return not left - set(but)


def _is_alive(process: int) -> bool:
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@contextlib.contextmanager
def crash_environment(folder: Path, scenes: int) -> Iterator[CrashEnvironment]:
    """An installation in step, each item with a tag given by hand, made mortal."""
    with installation(folder, scenes=scenes) as env:
        entry = env.plugin_dir / "plexsync.py"
        entry.rename(env.plugin_dir / "plexsync_itself.py")
        shutil.copy(KILL_POINT, entry)
        # One more request for each picture, and one more moment to die in.
        env.plex.switches(upload_selects=False)
        crash = CrashEnvironment(env)
        for scene in range(1, scenes + 1):
            crash.give(scene)
        env.settled()
        for scene in range(1, scenes + 1):
            item = env.item(scene)
            env.plex.person_sets(
                item["ratingKey"], tags={"genre": [*item["tags"]["genre"], BY_HAND]}
            )
        crash.hold()
        # The first look around and the first backup have boundaries that no later run has.
        env.at_rest()
        wait_for((env.data / backup.FILE).exists)
        yield crash
