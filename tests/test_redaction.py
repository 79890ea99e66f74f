"""redact_logs: canary titles and paths through all that is ever said of a scene, then a search.

What is searched is what people share: the log files, Stash's log, the answers of
hooks and tasks, and the line that the next hook says. The page is for the user's
own eyes and reads the store, which names what it names.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from simulator.library import catalogue_file
from sync import redaction
from tests.installation import Installation, installation, wait_for
from worker.process import Resident

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.queue import QueueRow

TITLE, FOLDER, HAND = "Canarytitle", "Canaryfolder", "Canaryhand"
CANARIES = (TITLE, FOLDER, HAND)
SCENES = 8
#: Each is told from the line that quotes it in its own way.
ODD_TITLES = (
    f"{TITLE} (a+b)* [x]?^$ | \\d+ \\1",
    f"{TITLE} 100% %s {{0}} $HOME",
    f"STRASSE {TITLE.upper()} Straße ΣΊΣΥΦΟΣ İ",
    f"  {TITLE}\u00a0\u200b e\u0301 \u202e ",
    f"{TITLE}\nsecond line\tafter a tab\x00",
    f"\"{TITLE}\" said 'she' <b>& 🎬</b>",
)
LEFT_OUT = "left out"


class Canaries:
    """An installation full of them, and what its hooks and tasks answered."""

    def __init__(self, env: Installation) -> None:
        self.env = env
        self.answers: list[str] = []
        tag = env.stash.add_entity("tag", LEFT_OUT)
        #: Scenes by what becomes of them.
        self.scenes = {
            "in step": 1,
            "by hand": 2,
            "refused": 3,
            "stash": 4,
            "left out": 5,
            "missing": self._add(f"/stash/media/{FOLDER}/missing.mp4"),
            "no folder": self._add(f"/elsewhere/{FOLDER}/nowhere.mp4"),
            "ambiguous": self._add(f"/elsewhere/{FOLDER}/twice.mp4"),
            "proven": self._add(f"/elsewhere/{FOLDER}/{catalogue_file(6).name}", 6),
        }
        for copy in ("one", "two"):
            env.plex.add_item(f"/plex/media/{FOLDER} {copy}/twice.mp4")
        env.stash.set_scene(self.scenes["left out"], tag_ids=[str(tag)])

    def _add(self, path: str, like: int = 0) -> int:
        file = catalogue_file(like) if like else None
        facts = {"size": file.size, "oshash": file.oshash} if file else {}
        return self.env.stash.add_scene({"path": path, **facts})

    def edit(self, round_: str) -> None:
        """Change every scene's title without a hook."""
        for scene in self.scenes.values():
            self.env.stash.set_scene(scene, title=f"{TITLE} {round_} of {scene}, a 'quoted' one")

    def faults(self) -> None:
        """Let the edit of one scene be refused, and Stash quote the path of another."""
        key = self.env.item(self.scenes["refused"])["ratingKey"]
        self.env.plex.fault("status", status=400, method="PUT", path=f"[?&]id={key}&", times=None)

    def say(self, answer: dict[str, Any]) -> None:
        """Keep what a process answered."""
        self.answers.append(json.dumps(answer))

    def hook_all(self) -> None:
        """Tell of every scene, and wait until each was looked at."""
        for scene in self.scenes.values():
            self.say(self.env.hook(scene))
        wait_for(lambda: not [row for row in self.env.rows() if not row["attempts"]])

    def shared(self) -> dict[str, str]:
        """Give all that a person might post."""
        env = self.env
        texts = {path.name: path.read_text() for path in env.data.glob("*.log*")}
        texts["Stash's log"] = json.dumps(env.stash.log(), ensure_ascii=False)
        texts["answers"] = "\n".join(self.answers)
        texts["notice"] = json.dumps(env.query("SELECT value FROM meta WHERE key = 'notice'"))
        texts["hold"] = json.dumps(env.query("SELECT message FROM hold"))
        return texts


def leaks(texts: dict[str, str]) -> list[str]:
    """Give the lines in which a canary stands."""
    return [
        f"{name}: {line}"
        for name, text in texts.items()
        for line in text.splitlines()
        if any(canary.lower() in line.lower() for canary in CANARIES)
    ]


@pytest.fixture
def canaries(tmp_path: Path) -> Iterator[Canaries]:
    """A fresh installation of them with redact_logs on."""
    with installation(tmp_path, SCENES, redact_logs=True, exclude_tags=LEFT_OUT) as env:
        env.at_rest()
        made = Canaries(env)
        made.faults()
        yield made


@pytest.mark.parametrize("way", ["one by one", "bulk", "preview"])
def test_nothing_shared_names_a_title_or_a_path(canaries: Canaries, way: str) -> None:
    """Whatever becomes of a scene, and however it is looked at, what is said names neither."""
    env, scenes = canaries.env, canaries.scenes
    key = env.item(scenes["by hand"])["ratingKey"]
    if way == "one by one":
        canaries.edit("first")
        canaries.hook_all()
        env.plex.person_sets(key, fields={"title": HAND})
        quoted = f"cannot read /stash/media/{FOLDER}/x.mp4"
        env.stash.fault("graphql_error", message=quoted, query="findScene", times=2)
        canaries.edit("second")
        canaries.hook_all()
        assert "StashAnswerError" in env.log()
    elif way == "bulk":
        env.plex.person_sets(key, fields={"title": HAND})
        canaries.edit("first")
        canaries.say(env.run(mode="sync_all"))
        canaries.edit("second")
        canaries.say(env.run(mode="sync_all"))
    else:
        env.plex.person_sets(key, fields={"title": HAND})
        canaries.edit("first")
        canaries.say(env.run(mode="preview"))
        quoted = f"cannot read /stash/media/{FOLDER}/x.mp4"
        env.stash.fault("graphql_error", message=quoted, query="findScenes", times=None)
        canaries.say(env.run(mode="preview"))
        env.stash.clear_faults()
        env.stash.fault("graphql_error", message=quoted, times=6, path="^/graphql")
        canaries.say(env.run(mode="sync_all"))
        env.stash.clear_faults()
    for mode in ("retry_failed", "release_locks"):
        canaries.say(env.run(mode=mode))
    canaries.say(env.hook(scenes["missing"]))
    shared = canaries.shared()
    assert leaks(shared) == []
    said = "\n".join(shared.values())
    assert "AmbiguousMatch" in said or "could be any of item" in said
    assert "not in Plex" in said or "NotInPlexYet" in said
    if way != "preview":
        assert "RejectedEdit" in said
        assert "left as it is" in said


def test_odd_titles_are_kept_out_as_plain_ones_are(canaries: Canaries) -> None:
    """Signs of patterns and formats, other cases, blanks that are none, line ends, quotes."""
    env = canaries.env
    key = env.item(canaries.scenes["by hand"])["ratingKey"]
    for turn in range(len(ODD_TITLES)):
        for place, scene in enumerate(canaries.scenes.values()):
            env.stash.set_scene(scene, title=ODD_TITLES[(place + turn) % len(ODD_TITLES)])
        if turn % 2:
            canaries.say(env.run(mode="preview"))
            canaries.say(env.run(mode="sync_all"))
        else:
            canaries.hook_all()
        env.plex.person_sets(key, fields={"title": ODD_TITLES[turn]})
    canaries.say(env.run(mode="retry_failed"))
    shared = canaries.shared()
    assert leaks(shared) == []
    said = "\n".join(shared.values())
    assert "RejectedEdit" in said
    assert f"scene {canaries.scenes['in step']} " in said


def test_a_scene_that_is_left_out_is_left_out(canaries: Canaries) -> None:
    """The tag of the settings is on it, so what is said of it is that."""
    canaries.say(canaries.env.hook(canaries.scenes["left out"]))
    wait_for(lambda: not canaries.env.rows())
    assert f"scene {canaries.scenes['left out']}" in canaries.env.log()
    assert "left as it is" in canaries.env.log()


def test_the_setting_holds_for_what_was_said_before_it_was_turned_on(canaries: Canaries) -> None:
    """The log begins anew when redact_logs is turned on, and no kept message is said again."""
    env = canaries.env
    env.settings(exclude_tags=LEFT_OUT)
    canaries.edit("in the open")
    canaries.hook_all()
    assert leaks(canaries.shared())
    told = env.query("SELECT message FROM dirty WHERE due_at IS NULL")
    assert any(FOLDER in row["message"] for row in told)
    env.settings(exclude_tags=LEFT_OUT, redact_logs=True)
    said = len(canaries.answers)
    env.hook(canaries.scenes["in step"])
    wait_for(lambda: (env.data / "plexsync.log.1").exists() and env.log())
    kept = "SELECT 1 FROM dirty WHERE message LIKE ? AND due_at IS NULL"
    wait_for(lambda: not env.query(kept, f"%{FOLDER}%"))
    canaries.say(env.run(mode="retry_failed"))
    wait_for(lambda: not [row for row in env.rows() if not row["attempts"]])
    shared = canaries.shared()
    assert leaks({"log": shared["plexsync.log"], "notice": shared["notice"]}) == []
    assert leaks({"answers": "\n".join(canaries.answers[said:])}) == []
    assert not [row for row in env.query("SELECT message FROM dirty") if FOLDER in row["message"]]


def test_a_worker_redacts_before_it_has_read_the_settings(canaries: Canaries) -> None:
    """What the setting was when last read holds until it is read again."""
    env = canaries.env
    canaries.say(env.hook(canaries.scenes["in step"]))
    env.settled()
    env.kill_workers()
    resident = Resident(str(env.data), stays=True)
    try:
        assert resident.log.is_redacted
        redaction.follow(resident.store, resident.log, wanted=False)
        assert not resident.log.is_redacted
    finally:
        resident.close()


def test_a_defect_of_ours_quotes_no_scene(canaries: Canaries) -> None:
    """The trace of a failure that nobody foresaw names its kind and place alone."""
    env = canaries.env
    canaries.say(env.hook(canaries.scenes["in step"]))
    env.settled()
    env.kill_workers()
    resident = Resident(str(env.data), stays=True)
    try:

        def fail(row: QueueRow) -> None:
            raise KeyError(f"{TITLE} {row.id}")

        resident.worker.work_on = fail  # type: ignore[method-assign]
        canaries.say(env.hook(canaries.scenes["in step"]))
        resident.drain()
    finally:
        resident.close()
    assert "KeyError" in env.log()
    assert leaks({"log": env.log()}) == []
