from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from graphql import (
    FieldNode,
    GraphQLSchema,
    NameNode,
    OperationDefinitionNode,
    Visitor,
    build_schema,
    parse,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values

from stash import queries

DOCUMENTS = {
    name: text
    for name, text in vars(queries).items()
    if name.isupper() and not name.startswith("_") and isinstance(text, str)
}

#: Fields that a Stash newer than 0.27 has, or that cost a transaction a scene for nothing.
NEVER_ASKED = {
    "custom_fields",
    "end_seconds",
    "sort_name",
    "findFiles",
    "findFolders",
    "files_filter",
    "stash_ids",
    "basename",
    "urls",
    "url",
    "galleries",
    "scene_markers",
    "movies",
    "__type",
    "__schema",
}

FILTERS: dict[str, dict[str, Any]] = {
    "after": queries.after(41),
    "path": queries.after(41, queries.with_path("/srv/a_b%.mp4")),
    "studio": queries.after(41, queries.belonging_to("studio", [5])),
    "performer": queries.after(41, queries.belonging_to("performer", [5])),
    "tag": queries.after(41, queries.belonging_to("tag", [5])),
    "group": queries.after(41, queries.belonging_to("group", [5])),
}


@pytest.fixture(scope="module")
def schema(repo_root: Path) -> GraphQLSchema:
    """Stash's own schema, which is fetched and not kept in the repository."""
    texts = sorted((repo_root / ".cache" / "stash-schema").rglob("*.graphql"))
    if not texts:
        pytest.fail("Stash's schema is missing. Run: python tools/fetch_stash_schema.py")
    return build_schema("\n".join(text.read_text(encoding="utf-8") for text in texts))


class _Names(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def enter_name(self, node: NameNode, *_: object) -> None:
        self.names.add(node.value)


class _Fields(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.fields: list[str] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        self.fields.append(node.name.value)


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_stash_knows_every_field_that_is_asked_for(schema: GraphQLSchema, name: str) -> None:
    """Each document is valid against Stash's own schema, one operation in each."""
    document = parse(DOCUMENTS[name])
    assert validate(schema, document) == []
    operations = [
        part for part in document.definitions if isinstance(part, OperationDefinitionNode)
    ]
    assert [operation.operation.value for operation in operations] == ["query"]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_nothing_newer_than_the_oldest_stash_is_asked_for(name: str) -> None:
    """No document names a field that Stash 0.27 lacks, or one that only costs time."""
    names = _Names()
    visit(parse(DOCUMENTS[name]), names)
    assert not names.names & NEVER_ASKED


def test_the_stamp_page_asks_for_nothing_that_costs_a_transaction_a_scene() -> None:
    """A sweep over every scene reads only what Stash fetches in batches."""
    seen = _Fields()
    visit(parse(queries.STAMP_PAGE), seen)
    assert seen.fields == ["findScenes", "scenes", "id", "updated_at", "files", "path"]


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_stash_accepts_every_filter(schema: GraphQLSchema, name: str) -> None:
    """Each scene filter fits the type of the variable that carries it."""
    document = parse(queries.STAMP_PAGE)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    values = get_variable_values(
        schema, operation.variable_definitions or (), {"scenes": FILTERS[name], "size": 200}
    )
    assert not isinstance(values, list), values
    assert FILTERS[name]["id"] == {"value": 41, "modifier": "GREATER_THAN"}


def test_an_unknown_kind_is_a_mistake_of_the_caller() -> None:
    """Only the four kinds that scenes carry can be asked for."""
    with pytest.raises(ValueError, match="gallery"):
        queries.belonging_to("gallery", [1])
