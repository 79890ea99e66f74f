"""PlexSync.yml against Stash's rules, which are applied here as strictly as Stash does.

Stash parses a manifest strictly: one unknown key and the plugin does not load.
It treats every file named *.yml below its plugins folder as a plugin.
"""

from __future__ import annotations

import copy
import re
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import yaml

from validation import config
from validation.sync_fields import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MANIFEST = "PlexSync.yml"

#: Every trigger that Stash 0.27 to 0.30 can fire. Stash loads others without a
#: word and never fires them, so a typo would be silence for ever.
TRIGGERS = {
    f"{noun}.{verb}.Post"
    for noun in (
        "Scene",
        "SceneMarker",
        "Image",
        "Gallery",
        "GalleryChapter",
        "Group",
        "Performer",
        "Studio",
        "Tag",
    )
    for verb in ("Create", "Update", "Destroy")
} | {"Tag.Merge.Post"}

TOP_KEYS = {
    "name": str,
    "description": str,
    "url": str,
    "version": str,
    "interface": str,
    "exec": list,
    "errLog": str,
    "tasks": list,
    "hooks": list,
    "ui": dict,
    "settings": dict,
}
UI_KEYS = {"requires": list, "csp": dict, "javascript": list, "css": list, "assets": dict}
CSP_KEYS = {"script-src": list, "style-src": list, "connect-src": list}
TASK_KEYS = {"name": str, "description": str, "execArgs": list, "defaultArgs": dict}
HOOK_KEYS = {**TASK_KEYS, "triggeredBy": list}
SETTING_KEYS = {"displayName": str, "description": str, "type": str}
SETTING_TYPES = {"STRING", "NUMBER", "BOOLEAN"}

#: What the design fixes: setting, type.
SETTINGS = {
    "content_rating": "STRING",
    "exclude_tags": "STRING",
    "group_collection_prefix": "STRING",
    "only_organized": "BOOLEAN",
    "overwrite_plex_edits": "BOOLEAN",
    "path_map": "STRING",
    "plays_of_all_accounts": "BOOLEAN",
    "plays_to_stash": "BOOLEAN",
    "plex_connect_timeout": "NUMBER",
    "plex_libraries": "STRING",
    "plex_read_timeout": "NUMBER",
    "plex_skip_tls_verify": "BOOLEAN",
    "plex_token": "STRING",
    "plex_url": "STRING",
    "ratings_to_stash": "BOOLEAN",
    "redact_logs": "BOOLEAN",
    "scan_missing": "BOOLEAN",
    "studio_collection_prefix": "STRING",
    "parent_studio_collection_prefix": "STRING",
    "performer_collection_prefix": "STRING",
    "plain_collections": "BOOLEAN",
    "sync_fields": "STRING",
    "tag_rules": "STRING",
    "studio_name": "STRING",
    "title_template": "STRING",
}


class _NoDuplicates(yaml.SafeLoader):
    """A loader that refuses a key given twice, as Stash's does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def _load(text: str) -> Any:
    return yaml.load(text, Loader=_NoDuplicates)


def _keyed(value: Any, allowed: Mapping[str, type], where: str) -> Iterator[str]:
    """Unknown keys and values of the wrong type, as sentences."""
    if not isinstance(value, dict):
        yield f"{where}: not a mapping"
        return
    for key, child in value.items():
        if key not in allowed:
            yield f"{where}: unknown key {key}"
        elif type(child) is not allowed[key]:
            yield f"{where}.{key}: not a {allowed[key].__name__}"


def _texts(values: Any, where: str) -> Iterator[str]:
    for value in values:
        if not isinstance(value, str):
            yield f"{where}: {value!r} is not text"


def _runnable(entry: Any, allowed: Mapping[str, type], where: str) -> Iterator[str]:
    """What is wrong with a task or a hook."""
    problems = list(_keyed(entry, allowed, where))
    yield from problems
    if problems:
        return
    if not entry.get("name"):
        yield f"{where}: no name"
    yield from _texts(entry.get("execArgs", []), f"{where}.execArgs")
    for key, value in entry.get("defaultArgs", {}).items():
        if not isinstance(value, str):
            yield f"{where}.defaultArgs.{key}: {value!r} is not text"
    for trigger in entry.get("triggeredBy", []):
        if trigger not in TRIGGERS:
            yield f"{where}: Stash fires no {trigger}"
    if "triggeredBy" in allowed and not entry.get("triggeredBy"):
        yield f"{where}: never triggered"


def problems_of(manifest: Any, plugin_id: str = "PlexSync") -> list[str]:
    """Everything for which Stash 0.27 or newer would refuse or ignore a part of the manifest.

    Args:
        manifest: The parsed file.
        plugin_id: Its file name without ``.yml``.

    Returns:
        One sentence a problem; empty for a good manifest.
    """
    problems = list(_keyed(manifest, TOP_KEYS, "manifest"))
    if problems:
        return problems
    if "." in plugin_id:
        problems.append("the id has a dot, and Stash's settings are split at dots")
    if not re.fullmatch(r"\d+\.\d+\.\d+", manifest.get("version", "")):
        problems.append("version is not x.y.z")
    if manifest.get("interface") != "raw":
        problems.append("interface is not raw")
    command = manifest.get("exec", [])
    problems += _texts(command, "exec")
    if command[:1] not in (["python"], ["python3"]):
        problems.append("exec does not start with python, so Stash's Python path is not used")
    if not any(str(word).startswith("{pluginDir}/") for word in command[1:]):
        problems.append("exec names no file of the plugin folder")
    for kind, allowed in (("tasks", TASK_KEYS), ("hooks", HOOK_KEYS)):
        entries = manifest.get(kind, [])
        for number, entry in enumerate(entries):
            problems += _runnable(entry, allowed, f"{kind}[{number}]")
        names = [entry.get("name") for entry in entries if isinstance(entry, dict)]
        problems += [f"{kind}: {name} twice" for name in set(names) if names.count(name) > 1]
    ui = manifest.get("ui", {})
    problems += _keyed(ui, UI_KEYS, "ui")
    problems += _keyed(ui.get("csp", {}), CSP_KEYS, "ui.csp")
    for key, setting in manifest.get("settings", {}).items():
        if not isinstance(key, str) or "." in key:
            problems.append(f"settings: {key!r} is not a name without dots")
        found = list(_keyed(setting, SETTING_KEYS, f"settings.{key}"))
        problems += found
        if not found and setting.get("type") not in SETTING_TYPES:
            problems.append(f"settings.{key}: no type of Stash")
    return problems


@pytest.fixture(scope="module")
def manifest(repo_root: Path) -> Any:
    """The parsed PlexSync.yml."""
    return _load((repo_root / MANIFEST).read_text(encoding="utf-8"))


def test_every_setting_has_its_place_in_the_panel(manifest: Any, repo_root: Path) -> None:
    """Each stands in one group of ui/settings_groups.js, and no group names another."""
    table = (repo_root / "ui" / "settings_groups.js").read_text(encoding="utf-8")
    groups = re.findall(r"settings: \[([^\]]*)\]", table)
    found = [name for group in groups for name in re.findall(r'"(\w+)"', group)]
    assert sorted(found) == sorted(manifest["settings"])


def test_stash_would_load_it(manifest: Any) -> None:
    """The manifest passes every rule by which Stash refuses or ignores one."""
    assert problems_of(manifest) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["id"], "PlexSync"),
        (["version"], "1.0.0-rc1"),
        (["version"], 1.0),
        (["interface"], "js"),
        (["exec"], ["plexsync.py"]),
        (["exec"], ["python", "plexsync.py"]),
        (["exec"], "python plexsync.py"),
        (["tasks", 0, "mode"], "sync_all"),
        (["tasks", 0, "defaultArgs"], {"days": 30}),
        (["tasks", 0, "defaultArgs"], {"bulk": True}),
        (["tasks", 0, "defaultArgs"], ["sync_all"]),
        (["tasks", 0, "name"], "Check connection"),
        (["hooks", 0, "triggeredBy"], ["Scene.Updated.Post"]),
        (["hooks", 0, "triggeredBy"], []),
        (["settings", "plex_url", "default"], "x"),
        (["settings", "plex_url", "type"], "TEXT"),
        (["settings", "plex.url"], {"type": "STRING"}),
        (["ui"], {"scripts": []}),
        (["ui"], {"csp": {"img-src": []}}),
    ],
)
def test_the_validator_refuses_what_stash_refuses(
    manifest: Any, path: list[str | int], value: Any
) -> None:
    """Each defect, planted into the good manifest, is found."""
    broken = copy.deepcopy(manifest)
    place = broken
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert problems_of(broken)


def test_the_link_beside_the_name_leads_to_a_page(manifest: Any) -> None:
    """Stash links the plugin's name to url: a page about PlexSync, or none, but no front page."""
    assert urlsplit(manifest.get("url", "https://example.org/page")).path.strip("/")


def test_a_key_given_twice_is_refused() -> None:
    """A duplicate key, which plain YAML loaders swallow, is an error as in Stash."""
    with pytest.raises(yaml.YAMLError, match="twice"):
        _load("name: a\nname: b\n")


def test_a_dot_in_the_id_is_refused(manifest: Any) -> None:
    """Stash cuts setting keys at dots, so an id with one would lose its settings."""
    assert problems_of(manifest, "Plex.Sync")


def test_it_is_the_only_yml_of_the_repo(repo_root: Path) -> None:
    """No other file, tracked or new, ends in .yml, which Stash would take for a plugin."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=repo_root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    assert [name for name in listed.split("\0") if name.lower().endswith(".yml")] == [MANIFEST]


def test_the_settings_are_those_of_the_design(manifest: Any) -> None:
    """Every setting of the contract is there with its type, and no other."""
    assert {key: one["type"] for key, one in manifest["settings"].items()} == SETTINGS


def test_the_settings_are_those_that_are_read(manifest: Any) -> None:
    """What the settings page offers is what PlexSyncConfig knows."""
    assert set(manifest["settings"]) == set(config.SETTINGS)


def test_sync_fields_names_every_field_there_is(manifest: Any) -> None:
    """The description lists the possible names in their order, so that nobody has to guess."""
    description = manifest["settings"]["sync_fields"]["description"]
    listed = ", ".join(FIELDS[:-1]) + " and " + FIELDS[-1]
    assert f"out of {listed}." in description


def test_settings_stand_in_the_order_in_which_stash_shows_them(manifest: Any) -> None:
    """The file lists settings by key, so that it reads like the settings page."""
    assert list(manifest["settings"]) == sorted(manifest["settings"])


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_each_setting_says_its_default_and_an_example(manifest: Any, key: str) -> None:
    """Stash knows no defaults, so the description has to state it, and show a value."""
    description = manifest["settings"][key]["description"]
    assert re.search(r"\. Default: \S", description)
    assert re.search(r"\. Example: \S", description)


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_an_untouched_setting_means_its_default(manifest: Any, key: str) -> None:
    """The default is what Stash draws for an unset value: empty, 0 or off."""
    unset = {"STRING": "empty", "NUMBER": "0", "BOOLEAN": "off"}[SETTINGS[key]]
    assert f"Default: {unset}," in manifest["settings"][key]["description"]


@pytest.mark.parametrize("key", sorted(SETTINGS))
def test_each_setting_has_a_title_case_name_and_plain_text(manifest: Any, key: str) -> None:
    """Stash shows names as headings and descriptions as one plain line, without markup."""
    name = manifest["settings"][key]["displayName"]
    assert all(word[0].isupper() for word in name.split())
    assert not name.endswith(":")
    description = manifest["settings"][key]["description"]
    assert "\n" not in description
    assert not re.search(r"[`*<]|\]\(", description)


def test_the_tasks_are_told_apart_by_their_mode(manifest: Any) -> None:
    """Stash passes no task name to the plugin; the mode in defaultArgs is all there is."""
    modes = {task["name"]: task["defaultArgs"]["mode"] for task in manifest["tasks"]}
    assert modes["Sync all to Plex"] == "sync_all"
    assert modes["Check connection"] == "check_connection"
    assert len(set(modes.values())) == len(modes)


def test_the_hook_starts_without_site_packages(manifest: Any, repo_root: Path) -> None:
    """The command is the entry script under -S, which keeps the user's save quick."""
    assert manifest["exec"] == ["python", "-S", "{pluginDir}/plexsync.py"]
    assert (repo_root / "plexsync.py").is_file()


def test_scene_edits_and_new_scenes_are_heard(manifest: Any) -> None:
    """Both scene hooks that the main job lives on are asked for."""
    heard = {trigger for hook in manifest["hooks"] for trigger in hook["triggeredBy"]}
    assert {"Scene.Update.Post", "Scene.Create.Post"} <= heard
