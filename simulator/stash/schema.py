"""Stash's GraphQL schema, and the documents checked against it.

The ``.graphql`` files are Stash's own and are fetched, not kept
(``tools/fetch_stash_schema.py``). They describe 0.31. For 0.27, the oldest that
PlexSync supports, what came later is taken out of the syntax tree before the
schema is built, so that a query for it fails exactly as on an old server.
"""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    build_ast_schema,
    get_operation_ast,
    parse,
    validate,
)

FOLDER = Path(__file__).resolve().parents[2] / ".cache" / "stash-schema"
OLDEST = "0.27"
# Members of what a client of scenes reads and filters by, compared one by one
# between the schemas of 0.27.2 and 0.31.
ADDED_SINCE = {
    "Group": "custom_fields o_counter performer_count",
    "Performer": "career_end career_start custom_fields",
    "Query": "findFile findFiles findFolder findFolders",
    "Scene": "custom_fields",
    "SceneFilterType": "custom_fields files_filter stash_id_count stash_ids_endpoint",
    "Studio": "custom_fields o_counter organized urls",
    "Tag": "custom_fields sort_name stash_ids",
    "VideoFile": "parent_folder scenes zip_file",
}


class SchemaMissingError(Exception):
    """The schema files are not on this machine."""


class RequestError(Exception):
    """A request that never gets as far as a resolver: HTTP 422 and these errors."""

    def __init__(self, code: str, errors: list[GraphQLError]) -> None:
        super().__init__(code)
        self.errors = [
            {
                **error.formatted,
                # Stash's library puts names in double quotes where graphql-core has single ones.
                "message": re.sub(r"'(\S+?)'", r'"\1"', error.message),
                "extensions": {"code": code},
            }
            for error in errors
        ]


@functools.cache
def load_schema(version: str, folder: Path = FOLDER) -> GraphQLSchema:
    """Build the schema from the files in ``folder``, that of ``OLDEST`` or the newest.

    Raises:
        SchemaMissingError: there are no schema files in ``folder``.
    """
    files = sorted(folder.rglob("*.graphql"))
    if not files:
        raise SchemaMissingError(
            f"There are no .graphql files in {folder}. Stash's schema is not kept in this "
            f"repository; run `python tools/fetch_stash_schema.py` to fetch it."
        )
    document = parse(
        "\n".join(file.read_text(encoding="utf-8") for file in files), no_location=True
    )
    if version == OLDEST:
        definitions = tuple(_without_newer(one) for one in document.definitions)
        document = replace(document, definitions=definitions)
    return build_ast_schema(document, assume_valid=True)


def _without_newer(definition: Any) -> Any:
    name = getattr(getattr(definition, "name", None), "value", "")
    if name not in ADDED_SINCE:
        return definition
    newer = ADDED_SINCE[name].split()
    kept = tuple(node for node in definition.fields if node.name.value not in newer)
    return replace(definition, fields=kept)


def read_operation(
    schema: GraphQLSchema, text: str, name: str
) -> tuple[OperationDefinitionNode, dict[str, FragmentDefinitionNode]]:
    """The operation of a query text that is called ``name``, or the only one; its fragments.

    Raises:
        RequestError: it cannot be parsed or the schema does not allow it.
    """
    try:
        nodes = parse(text)
    except GraphQLSyntaxError as error:
        raise RequestError("GRAPHQL_PARSE_FAILED", [error]) from error
    if errors := validate(schema, nodes):
        raise RequestError("GRAPHQL_VALIDATION_FAILED", errors)
    operation = get_operation_ast(nodes, name or None)
    if operation is None:
        missing = GraphQLError(f"operation {name} not found")
        raise RequestError("GRAPHQL_VALIDATION_FAILED", [missing])
    fragments = [one for one in nodes.definitions if isinstance(one, FragmentDefinitionNode)]
    return operation, {fragment.name.value: fragment for fragment in fragments}
