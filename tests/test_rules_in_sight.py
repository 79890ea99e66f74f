"""Rules that path_map may lack, and folders left alone, without a Plex: counting and forgetting."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace
from typing import Any, cast

import pytest

from matching.missing import IN_VAIN, REST, Unmapped
from matching.path_advice import MOST_RULES, PathAdvice, find_rule
from stash.scene import Scene, SceneFile
from validation.path_map import PathMap


def test_only_scenes_below_a_rule_s_folder_are_counted_for_it(
    connection: sqlite3.Connection,
) -> None:
    """Whether they were seen before the rule was learnt or after it; and each once."""
    advice = PathAdvice(connection, PathMap())
    advice.missing(1, "/data/x/b.mp4")
    advice.missing(2, "/other/b.mp4")
    advice.learn(3, "/data/a/c.mp4", "/plex/a/c.mp4")
    assert advice.best("/data/z.mp4") == ("/data => /plex", 2)
    advice.missing(4, "/other/c.mp4")
    advice.missing(3, "/data/a/c.mp4")
    assert advice.best("/data/z.mp4") == ("/data => /plex", 2)
    advice.missing(5, "/data/y.mp4")
    assert advice.best("/data/z.mp4") == ("/data => /plex", 3)
    assert advice.best("/other/z.mp4") is None


def test_a_rule_is_proposed_for_one_scene_or_for_many(connection: sqlite3.Connection) -> None:
    """In words; a log that says no paths names the page instead."""
    advice = PathAdvice(connection, PathMap())
    advice.learn(1, "/data/a/c.mp4", "/plex/a/c.mp4")
    told = "With the rule /data => /plex in the setting Path Map Plex would be found for"
    assert advice.sentence("/data/b.mp4") == f"{told} this scene."
    advice.missing(2, "/data/b.mp4")
    assert advice.sentence("/data/b.mp4") == f"{told} 2 scenes seen so far."
    private = PathAdvice(connection, PathMap(), private=True)
    private.learn(1, "/data/a/c.mp4", "/plex/a/c.mp4")
    assert "/data" not in private.sentence("/data/b.mp4")
    assert private.sentence("/other/b.mp4") == ""


def test_rules_without_number_are_not_learnt(connection: sqlite3.Connection) -> None:
    """A folder a file would fill the memory; those that are known go on counting."""
    advice = PathAdvice(connection, PathMap())
    most = 10 * MOST_RULES
    for number in range(most + 1):
        advice.learn(number, f"/data{number}/a/c.mp4", "/plex/a/c.mp4")
    assert advice.rules(f"/data{most - 1}/x.mp4")
    assert advice.rules(f"/data{most}/x.mp4") == []
    advice.learn(most + 1, "/data0/a/d.mp4", "/plex/a/d.mp4")
    assert advice.best("/data0/x.mp4") == ("/data0 => /plex", 2)


def test_a_name_in_other_letters_is_another_name() -> None:
    """It proves no rule, though Plex runs where case does not count."""
    files: list[str] = ["D:\\plex\\a\\NAME.mp4"]
    libraries = cast(
        "Any",
        SimpleNamespace(
            known_folders=lambda: ["D:\\plex"],
            same_named=lambda *_: [SimpleNamespace(file=one) for one in files],
        ),
    )
    assert find_rule(libraries, PathMap(), ["/data/a/name.mp4"]) == ""
    files.append("D:\\plex\\a\\name.mp4")
    assert find_rule(libraries, PathMap(), ["/data/a/name.mp4"]) == "/data => D:\\plex"


class Vain:
    """Libraries without a file of any name, or with one, and how often they were asked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.asked = 0
        self.now = 1_900_000_000.0
        self.found: list[Any] = []
        self.unmapped = Unmapped(
            cast("Any", None),
            cast("Any", self),
            PathAdvice(connection, PathMap()),
            lambda: self.now,
        )

    def same_named(self, *_: object) -> list[Any]:
        """What they have of that name."""
        self.asked += 1
        return self.found

    def look(self, path: str) -> int:
        """Look for a file without a hash; give how often Plex was asked for it."""
        before = self.asked
        file = SceneFile(path)
        self.unmapped.find(Scene(id=1, files=(file,)), [file], lambda _path: None)
        return self.asked - before


@pytest.mark.parametrize("folder", ["/media", "/media/usb", "C:\\media\\usb"])
def test_a_folder_of_which_nothing_is_found_is_left_alone_for_a_while(
    connection: sqlite3.Connection, folder: str
) -> None:
    """Files right in it count as those below it; another folder has a count of its own."""
    vain = Vain(connection)
    end = "\\" if folder[0] == "C" else "/"
    for number in range(IN_VAIN):
        assert vain.look(f"{folder}{end}{number}.mp4") == 1
    assert vain.look(f"{folder}{end}more.mp4") == 0
    assert vain.look("/elsewhere/usb/more.mp4") == 1
    vain.now += REST - 1
    assert vain.look(f"{folder}{end}more.mp4") == 0
    vain.now += 1
    for number in range(IN_VAIN):
        assert vain.look(f"{folder}{end}{number}.mp4") == 1
    assert vain.look(f"{folder}{end}more.mp4") == 0
    vain.now -= 10 * REST  # a clock that was set back does not make it longer
    assert vain.look(f"{folder}{end}more.mp4") == 1
