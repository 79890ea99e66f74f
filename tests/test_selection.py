from __future__ import annotations

import pytest

from stash.scene import NamedRef, Scene, SceneFile
from sync.scene_filter import why_not
from validation.config import PlexSyncConfig

FILE = (SceneFile("/a/x.mp4"),)


def config(**settings: object) -> PlexSyncConfig:
    """Give settings with these changes."""
    return PlexSyncConfig.from_settings(
        {"plex_url": "http://plex:32400", "plex_token": "t0ken", **settings}
    )


def test_every_scene_with_a_file_is_synced_unless_told_otherwise() -> None:
    """Without the two settings nothing is left out."""
    assert why_not(Scene(1, files=FILE, tags=(NamedRef(1, "Any"),)), config()) == ""


def test_a_scene_without_a_file_is_left_out() -> None:
    """Plex can have no item for it, and the reason says so."""
    assert "no file" in why_not(Scene(1), config())


@pytest.mark.parametrize(("organized", "reason"), [(True, ""), (False, "Only Organized Scenes")])
def test_only_organized_leaves_out_what_is_not(organized: bool, reason: str) -> None:
    """With the setting on, only organized scenes go through, and the reason names the setting."""
    why = why_not(Scene(1, files=FILE, organized=organized), config(only_organized=True))
    assert reason in why
    assert bool(why) == bool(reason)


@pytest.mark.parametrize(
    ("excluded", "tag", "out"),
    [
        ("Private", "Private", True),
        ("private", "PRIVATE", True),
        ("Private, Other", "Other", True),
        ("Straße", "STRASSE", True),
        ("Private", "Private life", False),
        ("a\\, b", "a, b", True),
        ("Café", "Cafe\u0301", True),
    ],
)
def test_a_tag_of_the_list_leaves_a_scene_out(excluded: str, tag: str, out: bool) -> None:
    """Whole names, case aside, accents in either form; the reason names tag and setting."""
    one = Scene(1, files=FILE, tags=(NamedRef(1, "Any"), NamedRef(2, tag)))
    why = why_not(one, config(exclude_tags=excluded))
    assert bool(why) is out
    if out:
        assert tag in why
        assert "Exclude Tags" in why
