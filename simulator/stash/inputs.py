"""What a hook is told about the mutation that set it off.

Some inputs reach the plugin with every key of their type, null where nothing
was given; others with the given keys only. Which is which, and the order of the
keys, is as recorded (tests/data/stash/stdin).
"""

from __future__ import annotations

from typing import Any

SCENE_UPDATE = (
    "clientMutationId id title code details director url urls date rating100 o_counter organized "
    "studio_id gallery_ids performer_ids movies groups tag_ids cover_image stash_ids resume_time "
    "play_duration play_count primary_file_id"
).split()
_STUDIO_CREATE = (
    "name url urls parent_id image stash_ids rating100 favorite details aliases tag_ids "
    "ignore_auto_tag"
).split()
_PERFORMER_CREATE = (
    "name disambiguation url urls gender birthdate ethnicity country eye_color height height_cm "
    "measurements fake_tits penis_length circumcised career_length tattoos piercings aliases "
    "alias_list twitter instagram favorite tag_ids image stash_ids rating100 details death_date "
    "hair_color weight ignore_auto_tag custom_fields"
).split()
_EMPTY_CUSTOM_FIELDS = {"full": None, "partial": None, "remove": None}


def scene_update(given: dict[str, Any]) -> dict[str, Any]:
    """The input of ``sceneUpdate`` as a hook sees it."""
    known = {key: given.get(key) for key in SCENE_UPDATE}
    return {**known, **{key: value for key, value in given.items() if key not in known}}


def without_nulls(given: dict[str, Any]) -> dict[str, Any]:
    """The input of a bulk update, a tag or a group as a hook sees it."""
    return {key: value for key, value in given.items() if value is not None}


def entity_input(kind: str, verb: str, given: dict[str, Any]) -> dict[str, Any]:
    """The input of ``studioUpdate``, ``tagCreate`` and their like as a hook sees it.

    Args:
        kind: studio, performer, tag or group.
        verb: Create or Update.
        given: What the mutation was given.
    """
    full = {"studio": _STUDIO_CREATE, "performer": _PERFORMER_CREATE}.get(kind)
    if full is None:
        return without_nulls(given)
    filled = {key: given.get(key) for key in (*(["id"] if verb == "Update" else []), *full)}
    if kind == "performer" and verb == "Update" and filled["custom_fields"] is None:
        filled["custom_fields"] = _EMPTY_CUSTOM_FIELDS
    return filled


def scene_destroy(given: dict[str, Any], *, oshash: str, path: str) -> dict[str, Any]:
    """The input of ``Scene.Destroy.Post``, with what was known of the scene's file."""
    flags = {key: given.get(key) for key in ("delete_file", "delete_generated")}
    ids = {"ids": given["ids"]} if "ids" in given else {"id": given.get("id", "")}
    return {**ids, **flags, "checksum": "", "oshash": oshash, "path": path}
