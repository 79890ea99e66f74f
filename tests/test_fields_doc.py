"""docs/fields.md says what the code does: every field, its name in Plex, its example."""

from __future__ import annotations

from pathlib import Path

import pytest

from merge.base import Pending
from merge.desired import LONGEST_LINE, LONGEST_TEXT, desired
from merge.three_way import merge
from plex.edits import LONGEST_QUERY, requests_for
from plex.fields import BY_NAME, fields_of
from plex.images import KINDS, LARGEST
from stash.scene import NamedRef, Scene
from tests.plex_in_miniature import an_item
from validation.config import PlexSyncConfig
from validation.sync_fields import DEFAULT_FIELDS, FIELDS
from validation.tag_rules import read_tag_rules

DOC = Path(__file__).resolve().parent.parent / "docs" / "fields.md"

SCENE = Scene(
    id=1,
    title="The Quiet Morning",
    details='"Quotes" & more',
    date="2024-05",
    rating100=85,
    director="D. Irector",
    studio=NamedRef(1, "Amber Films", parent=NamedRef(2, "Amber Group")),
    performers=(NamedRef(1, "Zoë, A."), NamedRef(2, "Bea")),
    tags=(NamedRef(1, "HD"), NamedRef(2, "hd"), NamedRef(3, "Colour, Graded")),
    groups=(NamedRef(1, "Acme Nights"),),
)
IN_STASH = {
    "title": SCENE.title,
    "sort_title": SCENE.title,
    "studio": "Amber Films",
    "summary": SCENE.details,
    "date": SCENE.date,
    "rating": str(SCENE.rating100),
    "content_rating": "XXX",
    "performers": "; ".join(one.name for one in SCENE.performers),
    "director": SCENE.director,
    "tags": "; ".join(one.name for one in SCENE.tags),
    "labels": "; ".join(one.name for one in SCENE.tags),
    "group_collections": SCENE.groups[0].name,
    "studio_collection": "Amber Films",
    "parent_studio_collection": "Amber Group",
    "performer_collections": "; ".join(one.name for one in SCENE.performers),
    "poster": "cover",
    "background": "cover",
}


def rows() -> dict[str, list[str]]:
    """The table's rows by field: In Stash, In Plex, Rule, Example."""
    lines = [line for line in DOC.read_text(encoding="utf-8").splitlines() if "| `" in line[:3]]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def wire(field: str) -> str:
    """What a field's edits and locks are called in Plex."""
    locks = {kind.name: kind.lock for kind in KINDS}
    name = "collections" if field.endswith(("_collections", "_collection")) else field
    return locks.get(name) or BY_NAME[name].wire


def sent(field: str) -> str:
    """What is sent for the example scene when only this field is synced."""
    for kind in KINDS:
        if kind.name == field:
            return f"/library/metadata/42/{kind.listed}"
    config = PlexSyncConfig(
        plex_url="http://plex:32400",
        plex_token="t0ken",
        sync_fields=frozenset({field, "title"}),
        content_rating="XXX",
        group_collection_prefix="Series: ",
        studio_collection_prefix="Studio: ",
        parent_studio_collection_prefix="Network: ",
        performer_collection_prefix="With: ",
        tag_rules=read_tag_rules("label: HD" if field == "labels" else "")[0],
    )
    merged = merge(desired(SCENE, config, "movie"), an_item(), None, Pending())
    (params,) = requests_for(merged.edit)
    name = wire(field)
    return "; ".join(
        text
        for key, text in params
        if key == f"{name}.value" or (key.startswith(f"{name}[") and key.endswith(".tag.tag"))
    )


def test_every_field_has_a_row() -> None:
    """The table names the fields that sync_fields may name, in its order."""
    assert list(rows()) == list(FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_a_row_says_what_the_code_does(field: str) -> None:
    """Plex's name of the field is that of plex/fields.py, the example is computed."""
    _, in_plex, rule, example = rows()[field]
    assert in_plex == f"`{wire(field)}`"
    assert example == f"`{IN_STASH[field]}` → `{sent(field)}`"
    on_episode = field not in BY_NAME or field in fields_of("episode")
    assert ("Not on episodes" in rule) != on_episode
    assert ("Off unless named" in rule) == (field not in DEFAULT_FIELDS)


def test_the_limits_are_the_code_s() -> None:
    """Sizes that the document names are those that hold."""
    text = DOC.read_text(encoding="utf-8")
    for limit in (LONGEST_TEXT, LONGEST_LINE, LONGEST_QUERY, LARGEST):
        assert f"{limit:,} bytes" in text


def test_what_plex_cannot_take_is_said() -> None:
    """Performers' pictures and chapters have their line."""
    limits = DOC.read_text(encoding="utf-8").partition("What Plex cannot take")[2]
    assert "by name for the whole server" in limits
    assert "Chapters" in limits
